# dipper estimate, and dipper deblur with a classical method: results, bad input.
. "$(dirname "$0")/lib.sh"

if ! "$DIPPER" info | grep -q 'FFTW on'; then
    make in.npy 41 33 depth=32
    expect 2 "$DIPPER" estimate in.npy
    err_has 'needs FFTW'
    finish
fi
estimate() { want=$1; shift; expect "$want" "$DIPPER" estimate -j 1 -q "$@"; }
refused() { # refused CODE PATTERN ARGUMENT...
    estimate "$1" -k 5 -o never.npy in.npy $3
    err_has "$2"
    one_line
    absent never.npy never.png
}
make in.npy 41 33 depth=32
make colour.npy 40 32 depth=32 channels=3

estimate 0 in.npy -k 5x7 -n 2
out_has '^in_psf.npy$'
exists in_psf.npy
absent in_deblurred.npy in.run.json
expect 0 "$DIPPER" psf show in_psf.npy
estimate 4 in.npy -k 5x7
estimate 0 -f in.npy -m dark-channel -k 5 -n 1 --roi 30x20+5+6 --set weight=0.01 -o part.npy
exists part.npy
expect 0 "$DIPPER" estimate -j 1 -f in.npy -k 5 -n 1 --roi auto -o auto.npy # smaller than the region: all of it
err_has 'looked for in 41x33+0+0'
exists auto.npy
make large.npy 300 280 depth=32
expect 0 "$DIPPER" deblur -j 1 large.npy -m map-l0 -k 5 -n 1 --nonblind tv --roi auto --no-verdict -o large_out.npy
err_has 'looked for in 256x256+'
refused 2 'odd' '-k 6'
refused 2 'there are map-l0' '-m none'
refused 2 'no such setting' '--set colour=3'
refused 2 'from 1 to 1000' '-n 0'
refused 2 'WxH+X+Y' '--roi 3x4'
refused 2 'does not lie in the picture' '--roi 30x30+20+20'
refused 3 'hides the picture' '--noise 100'

# Pictures that tell nothing: refused by every estimator, and by deblur, before anything is written.
make flat.npy 40 30 depth=32 constant=0.4
make weak.npy 120 100 depth=32 scale=0.05
printf '0 0 0\n0 1 0\n0 0 0\n' >point.txt
expect 0 "$DIPPER" blur -q weak.npy --psf point.txt --noise gaussian:0.1 -o hidden.npy
for method in map-l0 dark-channel extreme-channel map-l1l2 vb; do
    for command in estimate 'deblur -j 1'; do
        # shellcheck disable=SC2086
        expect 3 "$DIPPER" $command -q -k 5 -m $method flat.npy
        one_line
        err_has 'flat.npy: picture is constant: there is no blur'
        # shellcheck disable=SC2086
        expect 3 "$DIPPER" $command -q -k 5 -m $method hidden.npy
        one_line
        err_has 'hidden.npy: noise of 0.09.* hides the picture.*give the noise if it is less'
    done
done
absent flat_psf.npy flat_deblurred.npy hidden_psf.npy hidden_deblurred.npy
expect 0 "$DIPPER" estimate -q -k 5 -n 1 weak.npy # it is the noise, not the contrast

expect 0 "$DIPPER" deblur -j 1 -q colour.npy -m map-l0 -k 5 -n 1 --nonblind tv -o colour_out.npy
exists colour_out.npy colour_out_psf.npy
if have_json; then
    exists colour_out.run.json
    check "the record lacks the step" grep -q '"method": *"tv"' colour_out.run.json
    check "the record lacks the method" grep -q '"map-l0"' colour_out.run.json
fi
expect 2 "$DIPPER" deblur -q in.npy -m map-l0 --psf part.npy
err_has 'leave --psf out'
expect 2 "$DIPPER" deblur -q in.npy --nonblind tv
err_has 'map-l0 and its kind'
expect 0 "$DIPPER" deblur -q in.npy -m map-l0 --print-config
out_has '^weight = 0.003'
finish
