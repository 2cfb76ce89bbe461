# dipper-sweep-mpi with the real Open MPI: ranks share the runs of a plan; killed, stopped, refused.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_sweep.sh"
program=$DIPPER_BUILD/dipper-sweep-mpi
[ "${DIPPER_HAVE_MPI:-OFF}" = ON ] && [ -x "$program" ] || { echo 'skipped: this build has no MPI'; exit 77; }
mpirun --version 2>/dev/null | grep -q 'Open MPI' || { echo 'skipped: there is no mpirun of Open MPI'; exit 77; }
export OMPI_MCA_btl_base_warn_component_unused=0 OMPI_MCA_btl_vader_single_copy_mechanism=none
mpi="mpirun --allow-run-as-root --oversubscribe -n 3 $program"
mpi() { want=$1; shift; expect "$want" $mpi -j 1 "$@"; } # shellcheck disable=SC2086

# Neither library nor command is linked with MPI.
for file in "$DIPPER" "$DIPPER_BUILD"/libdipper.so; do
    [ -e "$file" ] && check "$file is linked with MPI" not sh -c "ldd '$file' | grep -q libmpi"
done

scenes 2
plan plan.json <<'JSON'
{"results": "r", "data": {"suite": "made", "dir": "sharp", "psfs": [{"kind": "disk", "radius": 1.5}, {"kind": "delta"}]},
 "oracle": true, "recipes": ["fast"], "fields": {QUICK, "lr_psf": {"from": 0.01, "to": 0.04, "count": 3}}, "seeds": 2}
JSON

# ---- Refused: said once, not by each rank ----
echo '{"data": [], "sedes": 1}' >bad.json
mpi 2 bad.json
check 'not said once' test "$(grep -c "^dipper: bad.json: unknown key 'sedes'" .seen/err)" -eq 1
mpi 2 plan.json --shrad 0/1
check 'not said once' test "$(grep -c 'did you mean --shard' .seen/err)" -eq 1
mpi 3 nothing.json
absent r
mpi 0 plan.json --dry-run
out_has '^runs  *28: 4 cases x 3 methods x 2 seeds, 4 of the oracle'
absent r

# ---- All runs, each once ----
mpi 0 plan.json -v
once r 28
out_has '^oracle  *4 '
check 'not one table' test "$(grep -c '^made, protocol' .seen/out)" -eq 1
err_has '28 runs done, 0 were there'
check 'one rank did all' test "$(sed -n 's/^rank \([0-9]\): .*/\1/p' .seen/err | sort -u | wc -l)" -ge 2
check 'a run was done twice' test "$(grep -c '^rank [0-9]: ' .seen/err)" -eq 28
check 'a run without its error ratio' test "$(grep -l '"error_ratio": [0-9]' r/runs/*.json | wc -l)" -eq 24
expect 0 "$DIPPER" sweep -j 1 --progress none plan.json -o alone -q
check 'other scores than alone' test "$(cut -d, -f5-14 r/results.csv | sort >r.txt; cut -d, -f5-14 alone/results.csv | sort | comm -12 - r.txt | wc -l)" -eq 29
mpi 0 plan.json -v
err_has '0 runs done, 28 were there'
rm "$(find r/runs -name '*.json' | head -n 1)"
mpi 0 plan.json -v
err_has '1 runs done, 27 were there'
mpi 0 plan.json -v -f
err_has '28 runs done, 0 were there'

# ---- Stopped and killed, then again ----
plan long.json <<'JSON'
{"results": "l", "data": {"suite": "made", "dir": "sharp", "psfs": [{"kind": "disk", "radius": 1.5}]},
 "recipes": ["fast"], "fields": {"channels": 4, "restarts": 1, "scales": 1, "iterations": 2000}, "seeds": 3}
JSON
start() { # in the background; waits until runs are at work
    : >.seen/err
    rm -rf l
    $mpi -j 1 --progress json long.json >.seen/out 2>.seen/err &
    pid=$!
    tries=0
    until grep -q iteration .seen/err || [ "$tries" -ge 200 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    check 'no progress within twenty seconds' grep -q iteration .seen/err
}
last='mpirun and SIGUSR1'
start
begin=$(date +%s)
kill -s USR1 $pid
wait $pid
code=$?
check "exit code $code instead of 8" test "$code" = 8
check 'more than ten seconds to stop' test $(($(date +%s) - begin)) -le 10
err_has 'stopped by a signal; [0-5] of 6 runs are done'
last='mpirun and SIGKILL to a run'
start
if command -v pgrep >/dev/null 2>&1; then
    front=$(pgrep -P "$pid" | head -n 1)
    worker=$(pgrep -P "$front" | head -n 1)
    kill -s KILL "$(pgrep -P "$worker" | head -n 1)"
    wait $pid
    code=$?
    check "exit code $code instead of 9" test "$code" = 9
    err_has 'failed: its process was ended by signal 9'
    err_has '1 of 6 runs failed'
    has_count l 5
else
    skip 'killing a run: there is no pgrep'
    wait $pid
fi
last='mpirun and SIGKILL'
start
kill -s KILL $pid
wait $pid 2>/dev/null
mpi 0 long.json -q
once l 6
finish
