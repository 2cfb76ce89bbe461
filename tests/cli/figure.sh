# dipper figure: the list, single pictures, the plan of many runs, and what is refused.
. "$(dirname "$0")/lib.sh"

expect 0 "$DIPPER" figure --list
out_has '^formation  '
out_has '^comparison  '
names=$(cut -d' ' -f1 .seen/out)

# ---- Figures without a network ----
fftw=
if "$DIPPER" info | grep -q 'FFTW on'; then fftw=priors; fi
for name in formation gradients $fftw; do
    expect 0 "$DIPPER" figure $name -o out -j 1 --seeds 1
    err_empty
    exists out/$name.csv out/$name.svg out/$name.md
    if have_vips; then exists out/$name.png; fi
    out_has "/out/$name.md$"
    check "$name.svg is no drawing" grep -q '^</svg>' out/$name.svg
done
if have_vips; then shows out/gradients.png 'png'; fi
check 'a sharp picture is no sparser than a blurred one' grep -q 'less sparse, as the priors assume' out/gradients.md
if [ -z "$fftw" ]; then
    expect 2 "$DIPPER" figure priors -o out -j 1
    one_line
    err_has FFTW
    skip 'the rest: this build has no FFTW'
    finish
fi
# the known facts: a sparse prior alone likes blur, extreme channels do not
check 'what the sparse prior sees' grep -q 'sharp picture to the blurred one in 0 of 1, to the broken one in 1' out/priors.md
check 'what the extreme channels see' grep -q 'prefer it to the blurred one in 1 of 1' out/priors.md
cp out/priors.csv before.csv
expect 0 "$DIPPER" figure priors -o out -j 1 --seeds 1
check 'the same figure is not the same' cmp -s before.csv out/priors.csv

# ---- Pictures of others ----
mkdir data
make data/a.npy 80 70 depth=32
make data/b.npy 60 64 depth=32
expect 0 "$DIPPER" figure priors -o theirs -j 1 --seeds 2 --data data
check 'not their pictures' grep -q '^"a",sharp' theirs/priors.csv
expect 3 "$DIPPER" figure priors -o theirs -j 1 --seeds 3 --data data
one_line
err_has 'holds 2 pictures (.png, .npy), and 3 are needed; --seeds 2'
mkdir -p set/gt set/blurred empty
cp data/b.npy set/gt/b.npy
expect 0 "$DIPPER" figure priors -o theirs -j 1 --seeds 1 --data set # a data set with blurred pictures
check 'not the sharp picture of a data set' grep -q '^"b",sharp' theirs/priors.csv
rm set/gt/b.npy
expect 3 "$DIPPER" figure priors -o theirs -j 1 --seeds 1 --data set
one_line
err_has 'set: holds no sharp pictures (.png, .npy), nor does a folder gt or sharp in it'
echo text >set/gt/a.png
expect 3 "$DIPPER" figure priors -o theirs -j 1 --seeds 1 --data set
one_line
err_has 'set/gt/a.png'
make data/a.npy 20 20 depth=32
expect 3 "$DIPPER" figure formation -o theirs --data data
err_has 'a: a picture of 20 x 20 pixels is too small'

# ---- The devices that are here, whatever this build has; stopped, as it takes a minute ----
last='dipper figure stochastic-device, stopped'
"$DIPPER" figure stochastic-device -o out -j 1 >.seen/out 2>.seen/err &
pid=$!
sleep 2
kill -s TERM $pid 2>/dev/null
wait $pid
code=$?
check "exit code $code instead of 8" test "$code" = 8
absent out/stochastic-device.csv

# ---- What is refused ----
refused() { want=$1 text=$2; shift 2; expect "$want" "$DIPPER" figure "$@"; one_line; err_has "$text"; }
refused 2 "'no-such': there is no such figure; there are formation, gradients" no-such -o x
refused 2 'name one figure' -o x
refused 2 'name one figure' tv beta1 -o x
refused 2 'name a folder for the figure' tv
refused 3 '--data nowhere: there is no such folder' gradients --data nowhere -o x
refused 2 'small' gradients --scale huge -o x
absent x
touch file
refused 4 'file' gradients -o file/x

# ---- Many runs ----
if ! have_json || [ "${DIPPER_HAVE_XXHASH:-ON}" = OFF ]; then
    refused 2 'lacks jansson or xxHash' tv -o x
    finish
fi
make data/a.npy 63 80 depth=32
refused 3 'a: a picture of 63 x 80 pixels is too small' tv --data data -o x2
# each plan is one that dipper sweep takes: stopped in its first run, and looked at
for name in psf-rate beta1 tv ssim-switch pretraining comparison scatter-kodak; do
    check "$name is not in the list" sh -c 'echo "$1" | grep -q -x "$2"' - "$names" $name
    : >.seen/err
    last="dipper figure $name, stopped"
    "$DIPPER" figure $name -o many -j 1 --seeds 1 --progress json >.seen/out 2>.seen/err &
    pid=$!
    tries=0
    until grep -q iteration .seen/err || [ "$tries" -ge 200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    kill -s TERM $pid
    wait $pid
    code=$?
    check "exit code $code instead of 8" test "$code" = 8
    exists many/$name.plan.json
    absent many/$name.csv
    check "$name: no state of the run" test "$(find many/${name}_runs/runs -name '*.checkpoint' | wc -l)" -eq 1
done
expect 0 "$DIPPER" info many/tv_sharp/*/*
finish
