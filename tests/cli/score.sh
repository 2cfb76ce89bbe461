# dipper score: table and JSON, exit codes, bad input.
. "$(dirname "$0")/lib.sh"

score() { want=$1; shift; expect "$want" "$DIPPER" score "$@"; }
refused() { # refused CODE PATTERN [ARGUMENT]...
    code_wanted=$1 pattern=$2
    shift 2
    score "$code_wanted" "$@"
    one_line
    err_has "$pattern"
}
# json KEY VALUE: the key of the object on stdout.
json() { check "JSON lacks \"$1\":$2" grep -q -e "[{,]\"$1\":$2[,}]" .seen/out; }

make a.npy 48 40 depth=32 channels=3
make b.npy 48 40 depth=32 channels=3 scale=0.9
make grey.npy 48 40 depth=32
make deep.npy 48 40 depth=16 channels=3
make wide.npy 50 40 depth=32 channels=3
make flat.npy 48 40 depth=32 constant=0.5
make flatter.npy 48 40 depth=32 constant=0.6
make nan.npy 48 40 depth=32 channels=3 bad=3,4,0,nan
make small.npy 8 9 depth=32
printf '0 0 0\n0 2 1\n0 0 1\n' >psf.txt
printf '1 0 0\n1 2 0\n0 0 0\n' >turned.txt

# ---- The table: every measure with its rules ----
score 0 b.npy --gt a.npy
err_empty
out_has '^PSNR-GT  *[0-9.]* dB  *0 px  *none  *rgb  *no$'
out_has '^SSIM .* rgb  *no$'
score 0 b.npy --gt a.npy --protocol levin --crop 6
out_has '^PSNR-GT  *[0-9.]* dB  *6 px  *+-6 px by 0.25  *luma  *yes$'
score 0 b.npy --gt a.npy --protocol lai --crop 6 --shift 2
out_has '^SSIM .*6 px  *+-2 px by 0.25  *studio luma  *yes$'
score 0 b.npy --gt a.npy --crop 4 --shift 3 --channel luma
out_has '^PSNR-GT .*4 px  *+-3 px by 0.25  *luma  *no$'
score 0 grey.npy --gt grey.npy
out_has '^PSNR-GT  *inf dB  *0 px  *none  *grey  *no$'
score 0 grey.npy
out_has '^gradient l1/l2 '
out_has '^total variation '
check 'PSNR without a truth' not grep -q PSNR .seen/out
score 0 flatter.npy --gt flat.npy
out_has '^PSNR-GT  *20.00 dB'
out_has '^gradient l1/l2  *undefined'
score 0 grey.npy --gt grey.npy --crop 16
out_has '^SSIM  *undefined'
score 0 grey.npy --gt a.npy --channel luma
score 0 b.npy --gt a.npy --blurred a.npy --psf psf.txt --psf-gt turned.txt --psf-gt-rotate
out_has '^ISNR '
out_has '^error ratio '
out_has '^spectral ratio '
out_has '^residual whiteness '
out_has '^PSF correlation  *1.0000'
score 0 b.npy --psf psf.txt --psf-gt turned.txt
out_has '^PSF correlation  *0\.[0-9]'

# ---- Depths may differ; that is said ----
score 0 deep.npy --gt a.npy
err_has 'note: deep.npy is 16 bit, a.npy is 32-bit float: floats are taken as they are'
score 0 -q deep.npy --gt a.npy
err_empty

# ---- JSON ----
if have_json; then
    score 0 b.npy --gt a.npy --protocol levin --crop 6 --json
    check 'not one line' test "$(wc -l <.seen/out)" -eq 1
    json protocol '"levin"'
    json crop 6
    json range 6
    json channel '"luma"'
    json clip true
    json psnr_db '[0-9.]*'
    json isnr_db null
    json psf_correlation null
    score 0 a.npy --gt a.npy --blurred b.npy --json
    json psnr_db '"Infinity"'
    json isnr_db '"Infinity"'
    json mse 0.0
    score 0 a.npy --json
    json psnr_db null
    json crop null
    json clip null
else
    refused 2 'this build has no jansson' a.npy --gt a.npy --json
fi

# ---- Refused ----
refused 2 'name the result' --gt a.npy
refused 2 'one result only' a.npy b.npy --gt a.npy
refused 2 'is not one of plain|levin|lai' a.npy --gt a.npy --protocol sun
refused 2 'is not one of luma|rgb|studio' a.npy --gt a.npy --channel red
refused 2 "crop '-1': is not a whole number" a.npy --gt a.npy --crop=-1
refused 2 'shifts of 3 px need a crop' a.npy --gt a.npy --shift 3
refused 2 '--psf-gt needs --psf' a.npy --gt a.npy --psf-gt psf.txt
refused 2 '--psf-gt-rotate needs --psf-gt' a.npy --gt a.npy --psf-gt-rotate
refused 3 'gone.npy: cannot be read' gone.npy --gt a.npy
refused 3 'lost.npy: cannot be read' a.npy --gt lost.npy
refused 3 'left.npy: cannot be read' a.npy --gt b.npy --blurred left.npy
refused 3 'gone.txt: ' a.npy --gt b.npy --psf gone.txt
refused 3 'wide.npy: is 50 x 40 px, but a.npy is 48 x 40' a.npy --gt wide.npy
refused 3 'wide.npy: is 50 x 40 px' a.npy --gt b.npy --blurred wide.npy
refused 3 'a.npy: the result is in colour, but the ground truth grey' a.npy --gt grey.npy
refused 3 'small.npy: nothing is left of 8 x 9 px after cropping 15' small.npy --gt small.npy --protocol levin
refused 3 'nan.npy: .*x 3, y 4.*NaN' nan.npy --gt a.npy
refused 3 'grey.npy: .*8 x 9 px is smaller than the PSF of 49 x 41' -q small.npy --blurred small.npy --psf grey.npy
finish
