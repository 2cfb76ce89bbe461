#!/bin/sh
# Runs made to fail on purpose, and others, with the evidence for their verdicts (docs/verdict.md): a line each to the
# CSV. From the Levin, Lai, text and microscopy pictures, Kodak pictures, and scenes that dipper-scene draws.
# bench/verdict_fit.py makes the model of it. One core for each job; about 8 s of CPU time per classical trial of five
# runs, 20 s for each run of a network, and 6 s for one of the automatic mode.
# usage: bench/verdict.sh BUILD_FOLDER DATA OUT.csv [TRIALS [NETWORK_TRIALS [JOBS [AUTOMATIC_TRIALS]]]]
set -eu
build=$1 data=$(cd "$2" && pwd) csv=$3 trials=${4:-600} network=${5:-60} jobs=${6:-1} automatic=${7:-300}
work=${VERDICT_WORK:-$(mktemp -d)}
mkdir -p "$work"
[ -n "${VERDICT_WORK:-}" ] || trap 'rm -rf "$work"' EXIT
export LC_ALL=C OMP_NUM_THREADS=1

list() {
    for i in 1 2; do
        for k in 1 2 3 4 5 6 7 8; do
            echo "levin im$i blurred $data/levin/blurred/im${i}_kernel${k}_img.png $data/levin/gt/im$i.png $data/levin/psf/kernel$k.npy rotate"
        done
        for n in 1 2 3; do echo "levin im$i sharp $data/levin/gt/im$i.png"; done
    done
    for f in "$data"/text/blurred/*.png; do
        name=$(basename "$f" _blur.png)
        echo "text ${name%_ker*} blurred $f $data/text/gt/${name%_ker*}.png $data/text/psf/ker${name#*_ker}_truth.png keep"
    done
    for f in "$data"/text/gt/*.png; do for n in 1 2; do echo "text $(basename "$f" .png) sharp $f"; done; done
    for f in "$data"/lai/blurred/*_0[12].png; do
        name=$(basename "$f" .png)
        echo "lai ${name%_kernel*} blurred $f $data/lai/gt/${name%_kernel*}.png $data/lai/psf/kernel${name#*_kernel}.png rotate"
    done
    for f in "$data"/kodak/*.png; do for n in 1 2 3 4; do echo "kodak $(basename "$f" .png) sharp $f"; done; done
    for f in "$data"/microscopy/gt/*.png; do for n in 1 2; do echo "microscopy $(basename "$f" .png) sharp $f"; done; done
    for seed in 1 2 3 4 5 6 7 8 9 10 11 12; do
        lamps=$([ $((seed % 4)) = 0 ] && echo 6 || echo 0)
        [ -e "$work/scene$seed" ] || "$build/dipper-scene" -o "$work/scene$seed" --seed "$seed" --lamps "$lamps" >/dev/null
        for n in 1 2 3; do echo "scene scene$seed sharp $work/scene$seed/sharp.png"; done
    done
}

list >"$work/list"
parts=
for job in $(seq 0 $((jobs - 1))); do
    parts="$parts $work/classical$job.csv $work/network$job.csv $work/automatic$job.csv"
    { "$build/bench/verdict" "$work/list" "$job" "$jobs" "$trials" classical >"$work/classical$job.csv"
      "$build/bench/verdict" "$work/list" "$((100000 + job))" "$jobs" "$((100000 + network))" network >"$work/network$job.csv"
      "$build/bench/verdict" "$work/list" "$((200000 + job))" "$jobs" "$((200000 + automatic))" automatic >"$work/automatic$job.csv"; } &
done
wait
cat $parts >"$csv"
