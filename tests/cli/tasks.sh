# dipper denoise, and deblur by a recipe that knows the PSF: kinds of pictures, names, refusals, records, ends.
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
