# --checkpoint and --resume: a run that is killed at any moment, and one that a signal or the clock ends, goes on to the
# same bits; what does not belong to it is refused.
. "$(dirname "$0")/lib.sh"
make in.npy 48 40 depth=32
make other.npy 40 48 depth=32

now_ms() { echo $(($(date +%s%N) / 1000000)); }
settings='-q -j 1 -k 5 -m fast --set channels=8 --set skip_channels=4 --set restarts=2 --set average=40
    --set centre_every=7 --set final=blend -n 60,60,120'
run() { code=$1; shift; expect "$code" "$DIPPER" deblur $settings "$@"; }
same() { check "$1: another result" cmp -s "$1.npy" whole.npy; check "$1: another PSF" cmp -s "${1}_psf.npy" whole_psf.npy; }

began=$(now_ms)
run 0 in.npy -o whole.npy
took=$(($(now_ms) - began))

# Killed at moments spread over the run, again and again until one run gets to its end.
kills=0
for part in 1 3 5; do
    rm -f killed*
    tries=0 code=1
    while [ "$code" != 0 ] && [ "$tries" -lt 40 ]; do
        tries=$((tries + 1))
        last="dipper deblur ... --resume, try $tries of part $part"
        "$DIPPER" deblur $settings in.npy -o killed.npy --checkpoint killed.dpc --checkpoint-every 0 --resume -f \
            >.seen/out 2>.seen/err &
        pid=$!
        # long enough to get on, in the end also on a busy machine; not long enough to end at once
        sleep "$(awk -v t="$took" -v p="$part" -v k="$tries" -v s="$$" 'BEGIN { srand(s + p + k); print t / 1000 * (0.15 + 0.1 * p + 0.2 * rand()) + 0.05 * k }')"
        kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        code=$?
        if [ "$code" = 137 ]; then kills=$((kills + 1)); fi
        rm -f .dipper-* # what a killed process was writing
    done
    exists killed.npy
    same killed
    absent killed.dpc
done
check "nothing was killed" test "$kills" -ge 3

# A signal, and the clock: code 8, the checkpoint is there, and the end is the same.
for signal in TERM USR1; do
    rm -f stopped*
    "$DIPPER" deblur $settings in.npy -o stopped.npy --checkpoint stopped.dpc --progress json >.seen/out 2>.seen/err &
    pid=$!
    tries=0
    until grep -q iteration .seen/err || [ "$tries" -ge 100 ]; do sleep 0.05; tries=$((tries + 1)); done
    began=$(now_ms)
    kill -s "$signal" "$pid"
    wait "$pid"
    code=$?
    last="dipper deblur and SIG$signal"
    check "exit code $code instead of 8" test "$code" = 8
    check 'it took longer than ten seconds' test $(($(now_ms) - began)) -lt 10000
    exists stopped.dpc stopped.npy
    err_has 'the result so far is written; --resume -f goes on from stopped.dpc'
    run 4 in.npy -o stopped.npy --checkpoint stopped.dpc --resume # the result so far is in the way
    exists stopped.dpc
    run 0 in.npy -o stopped.npy --checkpoint stopped.dpc --resume -f
    same stopped
    absent stopped.dpc
    if have_json; then check 'the record does not say where it went on' grep -q '"resumed_at": [0-9]' stopped.run.json; fi
done
limit=$(awk -v t="$took" 'BEGIN { print t / 2500 }')
# the machine may be less busy now than when that was measured
for half in 1 2 3; do
    # shellcheck disable=SC2086 # a list of words
    "$DIPPER" deblur $settings in.npy -o timed.npy --checkpoint timed.dpc --max-time "$limit" >/dev/null 2>&1 || break
    rm -f timed.* timed_*
    limit=$(awk -v t="$limit" 'BEGIN { print t / 2 }')
done
rm -f timed.* timed_*
run 8 in.npy -o timed.npy --checkpoint timed.dpc --max-time "$limit"
exists timed.dpc
cp timed.dpc kept.dpc
# the limit holds anew; the last step may be stopped too
tries=0
while [ -e timed.dpc ] && [ "$tries" -lt 20 ]; do
    "$DIPPER" deblur $settings in.npy -o timed.npy --checkpoint timed.dpc --max-time "$limit" --resume -f >/dev/null 2>&1
    tries=$((tries + 1))
done
same timed

# Without a checkpoint --resume begins anew; the uncertainty comes along.
run 0 in.npy -o fresh.npy --checkpoint fresh.dpc --resume --uncertainty fresh_u.npy
same fresh

# Other tasks.
expect 8 "$DIPPER" denoise -q -j 1 -n 100000 in.npy -o quiet.npy --checkpoint quiet.dpc --max-time 0.3
exists quiet.dpc

# What does not belong together.
refused() { want=$1 text=$2; shift 2; expect "$want" "$DIPPER" deblur $settings "$@"; one_line; err_has "$text"; }
refused 3 'kept.dpc: checkpoint: belongs to another picture' other.npy -o x.npy --checkpoint kept.dpc --resume
refused 3 'another seed' in.npy -o x.npy --checkpoint kept.dpc --resume --seed 4
refused 3 'another recipe' in.npy -o x.npy --checkpoint kept.dpc --resume --set lr_psf=0.02
head -c 5000 kept.dpc >cut.dpc
refused 3 'cut off' in.npy -o x.npy --checkpoint cut.dpc --resume
{ head -c 9000 kept.dpc; printf X; tail -c +9002 kept.dpc; } >hurt.dpc
refused 3 'damaged' in.npy -o x.npy --checkpoint hurt.dpc --resume
refused 4 'kept.dpc: exists already' in.npy -o x.npy --checkpoint kept.dpc
cp in.npy precious.npy
refused 4 'precious.npy: exists and is no checkpoint' in.npy -o x.npy --checkpoint precious.npy -f
check 'a file that is no checkpoint was touched' cmp -s in.npy precious.npy
refused 2 'is also the input or a result' in.npy -o x.npy --checkpoint x.npy
refused 4 'does its directory exist' in.npy -o x.npy --checkpoint no/where.dpc
refused 2 'needs --checkpoint FILE' in.npy --resume
refused 2 'needs --checkpoint FILE' in.npy --checkpoint-every 3
refused 2 'cannot be given with several inputs' in.npy other.npy --checkpoint x.dpc
if "$DIPPER" info | grep -q 'FFTW on'; then # without it these methods are not there at all
    expect 2 "$DIPPER" deblur in.npy -m map-l0 --checkpoint x.dpc
    err_has 'is for recipes'
    expect 2 "$DIPPER" deblur in.npy -m auto --checkpoint x.dpc
    err_has 'is for recipes'
fi
absent x.npy x.dpc

# A full disk: said, the last checkpoint is whole, no half file.
last='dipper deblur with a limit on the size of files'
rm -f full*
(
    ulimit -f 8 # blocks of 512 or 1024 bytes
    "$DIPPER" deblur $settings in.npy -o full.npy --checkpoint full.dpc --checkpoint-every 0 >.seen/out 2>.seen/err
)
code=$?
check "exit code $code instead of 4" test "$code" = 4
err_has 'full.dpc: cannot be written'
absent full.dpc full.npy
finish
