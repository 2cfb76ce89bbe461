# dipper denoise, superres and inpaint, and deblur by a recipe that knows the PSF: kinds of pictures, names, refusals, records, ends.
. "$(dirname "$0")/lib.sh"
small='--set channels=8 --set skip_channels=4 --set depth=3 -j 1'
# shellcheck disable=SC2086 # a list of words
task() { want=$1 command=$2; shift 2; expect "$want" "$DIPPER" "$command" $small -n 3 "$@"; }

# --- kinds and sizes
if have_vips; then
    for kind in '1 8' '2 8' '3 8' '4 16' '3 16'; do
        # shellcheck disable=SC2086
        set -- $kind
        make in.png 41 30 channels="$1" depth="$2" icc=1
        task 0 denoise -q -f in.png
        exists in_denoised.png
        shows in_denoised.png "$("$pictures" show in.png | sed 's/ mean=.*//')"
        case $1 in 2 | 4) check 'alpha differs' "$pictures" same in.png in_denoised.png -1 ;; esac
    done
fi
make colour.npy 41 30 channels=3 depth=32
task 0 denoise -q colour.npy
for size in '4 4' '5 9' '64 4' '33 32'; do
    # shellcheck disable=SC2086
    make tiny.npy $size depth=32
    task 0 denoise -q -f tiny.npy
done
make one.npy 1 1 depth=32
task 3 denoise -q one.npy
one_line
make flat.npy 16 16 depth=32 constant=0.5
task 3 denoise -q flat.npy
err_has 'flat.npy: .*constant'
absent flat_denoised.npy

# --- names, streams, overwriting
make noisy.npy 32 28 depth=32
task 0 denoise -q noisy.npy
check 'stdout is not the names' test "$(head -n 1 .seen/out)" = noisy_denoised.npy
absent noisy_psf.npy noisy.run.json
if have_json; then
    exists noisy_denoised.run.json
    for text in '"task": "denoise"' '"stopped_by": "iterations"' '"psf_npy": null' '"name": "denoise"'; do
        check "the record lacks $text" grep -q "$text" noisy_denoised.run.json
    done
fi
task 4 denoise -q noisy.npy
one_line
err_has 'exists already'
mkdir several
task 0 denoise -q noisy.npy tiny.npy -o several
exists several/noisy_denoised.npy several/tiny_denoised.npy

# --- the same seed gives the same bits, another one others
task 0 denoise -q -f noisy.npy -o a.npy
task 0 denoise -q -f noisy.npy -o b.npy
task 0 denoise -q -f noisy.npy -o c.npy --seed 1
check 'two runs differ' cmp -s a.npy b.npy
check 'another seed changes nothing' not cmp -s a.npy c.npy

# --- ends: by the rules of the recipe, by time
task 0 denoise -q -f noisy.npy -o rule.npy -n 500 --set average=10 --set stop_from=20 --noise 10
if have_json; then
    check 'not stopped by the noise' grep -q '"stopped_by": "noise"' rule.run.json
    check 'not after 20 iterations' grep -q '^ *"iterations": 20,' rule.run.json
fi
# shellcheck disable=SC2086
expect 8 "$DIPPER" denoise $small -q -f -n 1000000 --set stop_patience=0 --noise 0 noisy.npy -o timed.npy --max-time 0.5
exists timed.npy
err_has 'stopped by --max-time'
if have_json; then check 'a rule is named' grep -q '"stopped_by": null' timed.run.json; fi

# --- options
task 2 denoise -q noisy.npy -k 5
err_has 'unknown option'
task 2 denoise -q noisy.npy -m fast -f
err_has 'final=network'
task 2 denoise -q noisy.npy -m nothing
err_has 'unknown recipe'
task 2 denoise -q noisy.npy -f --set average=0
err_has 'stop_noise contradict each other'
task 0 denoise --print-config
out_has '^method = denoise'
out_has '^stop_noise *= 0.98'
expect 0 "$DIPPER" denoise --help
out_has 'NAME_denoised'

# --- superres: sizes, alpha, factors
for factor in 2 4 8; do
    task 0 superres -q -f noisy.npy -x $factor -o larger.npy
    expect 0 "$DIPPER" info larger.npy
    out_has "$((32 * factor)) x $((28 * factor))"
done
if have_json; then
    check 'the record lacks the factor' grep -q '"factor": 8' larger.run.json
    check 'the record lacks the size' grep -q '"width": 256' larger.run.json
fi
task 0 superres -q noisy.npy # 4
expect 0 "$DIPPER" info noisy_superres.npy
out_has '128 x 112'
for size in '2 2' '2 9' '3 4'; do
    # shellcheck disable=SC2086
    make tiny.npy $size depth=32
    task 0 superres -q -f tiny.npy -x 2
done
make thin.npy 1 7 depth=32
task 3 superres -q thin.npy -x 2
err_has 'thin.npy: picture too small'
task 3 superres -q one.npy
err_has 'one.npy: .*constant'
for factor in 3 1 0 16 x; do
    task 2 superres -q noisy.npy -x $factor -f
    one_line
    err_has 'is not one of 2|4|8'
done
task 0 superres -q -f colour.npy -x 2 --set skip_channels=0
exists colour_superres.npy
task 0 superres -q -f colour.npy -x 2 -n 2,2 --set loss=ssim --set colour=luma --set scales=0.5,1
if have_vips; then
    for kind in '1 16' '2 8' '4 8'; do
        # shellcheck disable=SC2086
        set -- $kind
        make small.png 21 10 channels="$1" depth="$2" icc=1
        task 0 superres -q -f small.png -x 2
        shows small_superres.png 'width=42 height=20'
        shows small_superres.png "$("$pictures" show small.png | sed 's/.*\(bands=.*\) mean=.*/\1/')"
    done
fi

# --- inpaint: what is known stays, to the bit; masks
"$pictures" make known.npy 32 28 depth=8 constant=1
"$pictures" make unknown.npy 32 28 depth=8 constant=0
"$pictures" make other.npy 28 32 depth=8 constant=1
task 2 inpaint -q noisy.npy
err_has 'mask'
task 3 inpaint -q noisy.npy --mask missing.npy
one_line
err_has 'missing.npy'
task 3 inpaint -q noisy.npy --mask other.npy
one_line
err_has 'noisy.npy: a picture of 32 x 28 pixels, and the mask other.npy has 28 x 32'
task 3 inpaint -q noisy.npy --mask unknown.npy
one_line
err_has 'no pixel is known'
task 3 inpaint -q noisy.npy --mask known.npy
err_has 'every pixel is known'
absent noisy_inpainted.npy
if have_vips; then
    make whole.png 24 20 channels=4 depth=16 icc=1
    { # the lower six rows are missing
        printf 'P2 24 20 255\n'
        awk 'BEGIN { for (i = 0; i < 480; i++) print (i < 336 ? 255 : 0) }'
    } >mask.pgm
    task 0 inpaint -q whole.png --mask mask.pgm
    shows whole_inpainted.png "$("$pictures" show whole.png | sed 's/ mean=.*//')"
    check 'alpha differs' "$pictures" same whole.png whole_inpainted.png -1
    check 'nothing was filled in' not "$pictures" same whole.png whole_inpainted.png 0
fi

# --- a signal: what there is is written
last='dipper superres and SIGTERM'
: >.seen/err
# shellcheck disable=SC2086
"$DIPPER" superres $small -n 1000000 noisy.npy -o stopped.npy --progress json >.seen/out 2>.seen/err &
pid=$!
tries=0
until grep -q iteration .seen/err || [ "$tries" -ge 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
kill -s TERM "$pid"
wait "$pid"
code=$?
check "exit code $code instead of 8" test "$code" = 8
expect 0 "$DIPPER" info stopped.npy
out_has '128 x 112'

# --- a recipe that is told the PSF
printf '1 2 1\n2 4 2\n1 2 1\n' >psf.txt
task 0 deblur -q noisy.npy --psf psf.txt -m selfdeblur-nonblind -o told.npy
exists told.npy
absent told_psf.npy
if have_json; then check 'the record lacks the PSF' grep -q '"psf": "psf.txt"' told.run.json; fi
task 2 deblur -q noisy.npy -m selfdeblur-nonblind
err_has 'needs to know the blur: give it by --psf'
task 2 deblur -q noisy.npy --psf psf.txt -m selfdeblur
err_has 'finds the PSF itself'
task 2 deblur -q noisy.npy --psf psf.txt -m selfdeblur-nonblind --weight 1
err_has 'is not for recipes'
make narrow.npy 40 2 depth=32
task 3 deblur -q narrow.npy --psf psf.txt -m selfdeblur-nonblind
err_has 'smaller than the PSF of 3 x 3'
finish
