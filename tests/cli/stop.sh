# Ctrl-C, SIGTERM and --max-time: what there is is written, exit code 8, within about a second.
. "$(dirname "$0")/lib.sh"
make in.npy 64 56 depth=32

now_ms() { echo $(($(date +%s%N) / 1000000)); }

wait_for_progress() {
    tries=0
    until grep -q iteration .seen/err || [ "$tries" -ge 300 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    check 'no progress within thirty seconds' grep -q iteration .seen/err
}

# stop_test SIGNAL NAME: waits for the first line of progress, sends the signal, times the end.
stop_test() {
    signal=$1 name=$2
    last="dipper deblur ... and SIG$signal"
    : >.seen/err # what the run before said must not be taken for progress
    $reset "$DIPPER" deblur -j 1 -k 5 -n 1000000 in.npy -o "$name.npy" --progress json >.seen/out 2>.seen/err &
    pid=$!
    wait_for_progress
    sleep 0.3
    began=$(now_ms)
    kill -s "$signal" "$pid"
    wait "$pid"
    code=$?
    took=$(($(now_ms) - began))
    check "exit code $code instead of 8" test "$code" = 8
    check "it took $took ms to stop" test "$took" -lt 2000
    exists "$name.npy" "${name}_psf.npy"
    err_has "in.npy: stopped by a signal at iteration [0-9]* of [0-9]*; the result so far is written"
    if have_json; then check 'the record does not say so' grep -q '"status": 8' "$name.run.json"; fi
}
reset=
stop_test TERM term
# A shell without job control starts background jobs with SIGINT ignored.
if env --default-signal=INT true 2>/dev/null; then
    reset='env --default-signal=INT'
    stop_test INT int
else
    skip 'SIGINT: this env has no --default-signal'
fi

# The same signal from several sides is one request; one that comes later ends at once (in a long iteration: plain C).
# two_signals NAME SECONDS OPTIONS...: with so long in between, in which the process is held: no machine is fast
# enough to end the iteration before the second signal.
two_signals() {
    name=$1 pause=$2
    shift 2
    last="dipper deblur ... and SIGTERM twice, $pause s apart"
    : >.seen/err
    "$DIPPER" deblur -j 1 -k 5 -n 1000000 in.npy -o "$name.npy" --progress json "$@" >.seen/out 2>.seen/err &
    pid=$!
    wait_for_progress
    kill -s TERM "$pid"
    sleep 0.05
    kill -s STOP "$pid"
    sleep "$pause"
    kill -s TERM "$pid"
    kill -s CONT "$pid"
    wait "$pid"
    code=$?
}
two_signals two 0.1
check "exit code $code instead of 8" test "$code" = 8
exists two.npy
two_signals late 2.1 --device ref -m simplersdb
check "exit code $code instead of 143" test "$code" = 143
absent late.npy

# A time limit.
expect 8 "$DIPPER" deblur -q -j 1 -k 5 -n 1000000 in.npy -o timed.npy --max-time 0.5
exists timed.npy timed_psf.npy
err_has 'in.npy: stopped by --max-time at iteration'
one=$(wc -l <.seen/err)
check 'not one line on stderr' test "$one" -eq 1

# In a batch the pictures that are left are not begun.
last='dipper deblur of two and SIGTERM'
cp in.npy second.npy
: >.seen/err
"$DIPPER" deblur -j 1 -k 5 -n 1000000 in.npy second.npy -o batch --progress json >.seen/out 2>.seen/err &
pid=$!
wait_for_progress
kill -s TERM "$pid"
wait "$pid"
code=$?
check "exit code $code instead of 8" test "$code" = 8
absent batch/second_deblurred.npy
err_has '^not run .*second.npy'
finish
