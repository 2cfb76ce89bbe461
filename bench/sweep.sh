#!/bin/sh
# What sharing costs: 64 equal short runs as two plain streams side by side, and as a sweep on two ranks or two jobs;
# one line a way and repeat to bench/results/sweep.csv. Needs two idle cores, about 10 minutes.
#   streams   two `dipper sweep --shard`, 32 runs each, that know nothing of each other
#   deblur    two loops of 32 `dipper deblur`: no scores, no sweep at all
#   mpi, jobs `mpirun -n 2 dipper-sweep-mpi`, `dipper sweep --jobs 2`
# solver_seconds are what the runs' solvers took, divided by two: no way can be faster than that.
# usage: bench/sweep.sh BUILD_FOLDER [REPEATS]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd) repeats=${2:-3} csv=$root/bench/results/sweep.csv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$build/dipper-scene" -o scene --size 128x96 --psf-size 9 >/dev/null
cat >plan.json <<'JSON'
{"data": {"suite": "made", "dir": "scene", "cases": "sharp_*", "psfs": [{"kind": "motion", "length": 7, "angle": 30}]},
 "recipes": ["fast"], "fields": {"channels": 16, "restarts": 1, "scales": 1, "iterations": 150}, "seeds": 64}
JSON
now() { date +%s.%N; }
sweep() { "$build/dipper" sweep plan.json -q --progress none "$@" >/dev/null; }
deblur_loop() { # FROM
    for seed in $(seq "$1" $(($1 + 31))); do
        "$build/dipper" deblur -q --no-verdict -j 1 -k 7 --seed "$seed" --set channels=16 --set restarts=1 --set scales=1 -n 150 \
            scene/blurred.* -o "deblur/$seed.${picture##*.}" >/dev/null
    done
}
run_streams() {
    sweep -o streams0 --shard 0/2 -j 1 &
    sweep -o streams1 --shard 1/2 -j 1
    wait $!
}
run_deblur() {
    mkdir deblur
    deblur_loop 0 &
    deblur_loop 32
    wait $!
}
run_mpi() { mpirun --allow-run-as-root --oversubscribe -n 2 "$build/dipper-sweep-mpi" plan.json -o mpi0 -q -j 1 >/dev/null; }
run_jobs() { sweep -o jobs0 --jobs 2 -j 2; }
solver_seconds() { # WAY
    find . -path "./$1[01]/runs/*.json" -exec sed -n 's/^ "seconds": \([0-9.e-]*\),.*/\1/p' {} + |
        awk '{ sum += $1; n++ } END { if (n == 64) printf "%.2f", sum / 2 }'
}
picture=$(ls scene/blurred.*)
[ -e "$csv" ] || echo 'way,repeat,seconds,solver_seconds,share_of_streams' >"$csv"
for repeat in $(seq "$repeats"); do
    for way in streams deblur mpi jobs; do
        begin=$(now)
        "run_$way"
        end=$(now)
        seconds=$(echo "$begin $end" | awk '{ printf "%.2f", $2 - $1 }')
        [ "$way" = streams ] && streams=$seconds
        echo "$way,$repeat,$seconds,$(solver_seconds "$way"),$(echo "$seconds $streams" | awk '{ printf "%.3f", $1 / $2 }')"
        rm -rf streams0 streams1 deblur mpi0 jobs0
    done
done | tee -a "$csv"
