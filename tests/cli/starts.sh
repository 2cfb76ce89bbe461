# Starting points and seeds of dipper deblur, and results that break.
. "$(dirname "$0")/lib.sh"
small='--set channels=8 --set skip_channels=4 --set depth=2'
# shellcheck disable=SC2086 # a list of words
deblur() { want=$1; shift; expect "$want" "$DIPPER" deblur -f -j 1 -m selfdeblur $small "$@"; }
make in.npy 41 30 depth=32
printf '0 1 0\n1 4 1\n0 1 2\n' >start.txt

# --- where the PSF starts
deblur 0 -q -n 1 --set lr_psf=0 --psf-init start.txt in.npy -o a.npy
expect 0 "$DIPPER" psf show a_psf.npy
out_has '3 x 3'
if have_json; then check 'the record lacks the start' grep -q '"psf_start": "start.txt"' a.run.json; fi
deblur 0 -q -n 1 --set lr_psf=0 --psf-init start.txt -k 3 in.npy -o b.npy
check 'the same start gives another PSF' cmp a_psf.npy b_psf.npy
deblur 0 -q -n 1 --set lr_psf=0 --psf-init start.txt --psf-rotate in.npy -o b.npy
check 'a turned start gives the same PSF' not cmp a_psf.npy b_psf.npy
deblur 2 -q -n 1 --psf-init start.txt -k 5 in.npy
one_line
err_has 'is of 3 x 3 px, and --kernel-size says 5 x 5'
deblur 3 -q -n 1 --psf-init none.npy in.npy
one_line
deblur 2 -q -n 1 --psf-init start.txt --psf start.txt in.npy
one_line
deblur 2 -q -n 1 --set psf_start=file in.npy
one_line
err_has 'psf_start=file.*give it by --psf-init FILE'
deblur 2 -q -n 1 --set psf=fixed --set final=sparse --psf start.txt in.npy
one_line
err_has 'psf=fixed and final contradict each other'
deblur 2 -q -n 1 --set lr_immage=1 in.npy
err_has "nearest is 'lr_image'"

# --- seeds
deblur 0 -q -k 3 -n 2 --seed 5 in.npy -o a.npy
deblur 0 -q -k 3 -n 2 --seed 5 --seed-weights 5 --seed-input 5 in.npy -o b.npy
check 'the seeds told give another result than the one seed' cmp a.npy b.npy
for one in weights input; do
    deblur 0 -q -k 3 -n 2 --seed 5 --seed-$one 6 in.npy -o b.npy
    check "--seed-$one changes nothing" not cmp a.npy b.npy
done
if have_json; then check 'the record lacks the seed' grep -q '"seed_input": 6' b.run.json; fi

# --- a PSF that collapses on purpose: undone, or left as it is
collapse='-k 9 -n 100 --set loss=mse --set psf=direct --set lr_psf=10'
make blurred.npy 40 40 depth=32
# shellcheck disable=SC2086
deblur 0 $collapse blurred.npy -o a.npy
err_has 'PSF collapsed to one pixel; back to iteration'
if have_json; then check 'the record lacks the recovery' grep -q '"recoveries": [12]' a.run.json; fi
# shellcheck disable=SC2086
deblur 7 -q --no-recover $collapse blurred.npy -o b.npy
one_line_err() { check "stderr is not one line" test "$(wc -l <.seen/err)" -eq 1; }
one_line_err
err_has 'blurred.npy: the PSF collapsed to one pixel; the result is written, do not trust it'
exists b.npy b_psf.npy
if have_json; then check 'the record lacks the trouble' grep -q '"trouble": "the PSF collapsed' b.run.json; fi
finish
