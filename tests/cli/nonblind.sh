# dipper deblur --psf: methods, results, bad input.
. "$(dirname "$0")/lib.sh"

known() { want=$1; shift; expect "$want" "$DIPPER" deblur -j 1 -q "$@"; } # known CODE ARGUMENT...
refused() { # refused CODE PATTERN ARGUMENT...
    wanted=$1 pattern=$2
    shift 2
    rm -rf results
    mkdir results
    known "$wanted" -o results/ "$@"
    one_line
    err_has "$pattern"
    check "something is written" test -z "$(ls -A results)"
}

make in.npy 41 33 depth=32
make colour.npy 40 32 depth=32 channels=3
printf '0 1 0\n2 4 1\n0 1 1\n' >psf.txt

# sparse works in every build; no PSF is written.
known 0 in.npy --psf psf.txt
out_has '^in_deblurred.npy$'
exists in_deblurred.npy
absent in_psf.npy in_psf.png
if have_json; then
    exists in.run.json
    check "the record lacks the PSF" grep -q '"psf": *"psf.txt"' in.run.json
    check "the record lacks the weight" grep -q '"edges": *"latent"' in.run.json
fi
known 4 in.npy --psf psf.txt
err_has 'exists already'
# A PSF that does not sum to 1 is divided by its sum, and that is said.
expect 0 "$DIPPER" deblur -j 1 --progress none -f in.npy --psf psf.txt -n 1 -o sums.npy
err_has 'psf.txt: its values sum to 10 and are divided by that'
printf '0 0.1 0\n0.2 0.4 0.1\n0 0.1 0.1\n' >one.txt
expect 0 "$DIPPER" deblur -j 1 --progress none -f in.npy --psf one.txt -n 1 -o one.npy
err_lacks 'sum to'
check 'it gives another result than the same PSF of sum 1' cmp sums.npy one.npy
known 0 -f colour.npy --psf psf.txt --psf-rotate -n 2 --weight 0.01 --noise 0.01 -o turned.npy
exists turned.npy
known 0 colour.npy --psf psf.txt -n 2 --weight 0.01 --noise 0.01 -o straight.npy
check "a turned PSF gives the same picture" not cmp -s turned.npy straight.npy
for channel in 0 1 2; do
    check "channel $channel is copied" not "$pictures" same colour.npy straight.npy $channel
done

expect 0 "$DIPPER" info
for name in sparse hyperlaplacian tv rl rl-tv wiener; do out_has "^  $name "; done
if grep -q 'needs FFTW' .seen/out; then
    skip "methods that need FFTW"
    refused 2 'needs FFTW' in.npy --psf psf.txt -m tv
else
    for name in hyperlaplacian tv rl rl-tv wiener; do
        known 0 in.npy --psf psf.txt -m $name -o $name.npy
        exists $name.npy
        check "$name gives the result of sparse" not cmp -s $name.npy in_deblurred.npy
        known 0 in.npy --psf psf.txt -m $name --edges taper -o $name.taper.npy
        known 0 in.npy --psf psf.txt -m $name --edges taper -o $name.again.npy
        check "$name differs from run to run" cmp -s $name.taper.npy $name.again.npy
    done
    refused 2 'only hyperlaplacian and tv' in.npy --psf psf.txt -m sparse --box
    known 0 in.npy --psf psf.txt -m tv --box -o in.box.npy
    check 'the box changes nothing' not cmp -s in.box.npy tv.npy
    refused 2 'no prior' in.npy --psf psf.txt -m rl --weight 1
    refused 2 'has none' in.npy --psf psf.txt -m wiener -n 3
fi

# The PSF
refused 3 'missing.txt' in.npy --psf missing.txt
printf '0 1 0\n1 -4 1\n0 1 0\n' >negative.txt
refused 3 'negative.txt: .*negative' in.npy --psf negative.txt
printf '0 0 0\n0 0 0\n0 0 0\n' >zero.txt
refused 3 'zero.txt: .*zero' in.npy --psf zero.txt
make small.npy 2 9 depth=32
refused 3 'small.npy: a picture of 2 x 9 pixels is smaller than the PSF of 3 x 3' small.npy --psf psf.txt

# Even sides are padded, a centroid far off the centre moves the picture; both are said.
loud() { expect 0 "$DIPPER" deblur -j 1 --progress none -f "$@" -n 1; } # loud ARGUMENT...
printf '1 2 1 0\n0 1 3 1\n' >even.txt
loud in.npy --psf even.txt -o even.npy
err_has 'even.txt: even sides of 4 x 2 px got zeros on the left and above'
printf '0 0 0 0 0\n0 1 2 1 0\n0 0 1 3 1\n' >odd.txt
loud in.npy --psf odd.txt -o odd.npy
err_lacks 'even sides'
check 'zeros are not where it says' cmp -s even.npy odd.npy
printf '0 0 0 0 0 0 0 0 0\n0 0 0 0 0 0 0 0 0\n.5 .5 0 0 0 0 0 0 0\n' >off.txt
loud in.npy --psf off.txt -o off.npy
err_has 'centroid lies (-3.5, 1.0) px off its centre; the result is moved as much'
make flat.npy 41 33 depth=32 constant=0.4
loud flat.npy --psf psf.txt -o flat_out.npy
exists flat_out.npy

# One manner's options in the other
refused 2 "'fast': finds the PSF itself" in.npy --psf psf.txt -m fast
refused 2 "'tv': needs to know the blur" in.npy -m tv
refused 2 "'none' is no non-blind method; there are sparse" in.npy --psf psf.txt -m none
refused 2 'says the size already' in.npy --psf psf.txt -k 5
refused 2 'fields are of recipes' in.npy --psf psf.txt --set scales=1
refused 2 'no PSF is found' in.npy --psf psf.txt --psf-out p.npy
refused 2 'needs --psf' in.npy --weight 1
refused 2 'needs --psf' in.npy --psf-rotate
refused 2 'not auto or a number' in.npy --psf psf.txt --weight much
refused 2 'not a whole number' in.npy --psf psf.txt -n 2.5
refused 2 'cannot do that' in.npy --psf psf.txt --edges wrap

# Above the limit in tiles, and refused only if the smallest is too large.
make large.npy 700 300 depth=32
known 0 large.npy --psf psf.txt -n 1 --max-memory 1 -o tiles.npy
exists tiles.npy
if have_json; then check "the record lacks the tiles" grep -q '"tiles": *[1-9][0-9]' tiles.run.json; fi
awk 'BEGIN { for (y = 0; y < 101; y++) { for (x = 0; x < 101; x++) printf "1 "; print "" } }' >wide.txt
refused 5 'for the smallest tile .*more than the 1024 KB allowed' large.npy --psf wide.txt --max-memory 1

# Missing pixels
make mask.npy 41 33 depth=32
known 0 -f in.npy --psf psf.txt -n 2 --mask mask.npy -o masked.npy
exists masked.npy
make other.npy 40 33 depth=32
refused 3 'in.npy: a picture of 41 x 33 pixels, but the mask other.npy has 40 x 33' in.npy --psf psf.txt --mask other.npy
refused 3 'none.png' in.npy --psf psf.txt --mask none.png
refused 2 'needs --psf' in.npy --mask mask.npy

finish
