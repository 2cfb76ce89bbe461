# dipper psf: make, show, convert, compare; bad input.
. "$(dirname "$0")/lib.sh"
psf() { want=$1; shift; expect "$want" "$DIPPER" psf "$@"; }
refused() { # refused CODE PATTERN ARGUMENT...
    code_wanted=$1 pattern=$2
    shift 2
    psf "$code_wanted" "$@"
    one_line
    err_has "$pattern"
}

# make and show
psf 0 make --motion 5 -o motion.txt
out_has '^motion.txt$'
err_empty
psf 0 show motion.txt
out_has 'size         7 x 1 px'
out_has 'centroid     x +0.000, y +0.000'
out_has '|..%%@@@@@@%%..|'
psf 0 make --gaussian=1.5 --size 9x7 -o gaussian.npy
psf 0 show gaussian.npy
out_has 'size         9 x 7 px'
psf 0 make --disk 2 -o disk.txt
psf 0 show disk.txt
out_has 'size         5 x 5 px'
psf 0 make --delta --size 3 -o delta.txt
check 'the delta' grep -q '^0 1 0$' delta.txt
psf 0 make --random-motion 4 -o random.npy
psf 0 show random.npy
out_has 'size         31 x 31 px'
psf 0 make --random-motion 4 --length 20 -o length.npy
psf 0 make --random-motion 4 -o again.npy
check 'the same seed gives the same PSF' cmp random.npy again.npy
psf 0 make --random-motion 5 -f -o again.npy
check 'another seed gives another PSF' not cmp -s random.npy again.npy

# the way round: 30 degrees rise to the right; --rotate turns a one-sided PSF
psf 0 make --motion 9,30 -o slope.txt
check 'upper right' sh -c 'grep -v "#" slope.txt | head -n 1 | grep -q "^0 0 0 0 0 "'
printf '# one-sided\n0 4 0\n0 0,2 ,\n0 0 1\n' >one.txt
psf 0 convert one.txt -o turned.txt --rotate
err_empty
check 'not turned' test "$(grep -v '#' turned.txt | head -n 1)" = '0.142857149 0 0'
psf 0 convert one.txt -o plain.npy
psf 0 compare one.txt plain.npy
out_has 'correlation    1.000000'
out_has 'shift          x +0, y +0'
psf 0 compare plain.npy turned.txt
check 'a turned PSF is another one' not grep -q 'correlation    1.0' .seen/out
psf 0 compare plain.npy turned.txt --rotate
out_has 'correlation    1.000000'

# shapes that are helped, with a note
printf '0 0 0 0\n0 1 2 0\n' >even.txt
psf 0 convert even.txt -o odd.txt
err_has 'note: even.txt: even sides of 4 x 2 px got zeros on the left and above'
check 'the centre moved' test "$(tail -n 2 odd.txt | head -n 1)" = '0 0 0 0 0'
check 'the centre moved' test "$(tail -n 1 odd.txt)" = '0 0 0.333333343 0.666666687 0'
psf 0 show -q even.txt
err_empty
if have_json; then
    psf 0 show --json one.txt
    out_has '"width":3,"height":3,"file_width":3,"file_height":3,"file_sum":7.0'
    psf 0 compare --json one.txt one.txt
    out_has '"correlation":1.0'
else
    skip '--json: this build has no jansson'
    refused 2 'no jansson' show --json one.txt
fi
if have_vips; then
    for type in tif fits png; do
        psf 0 convert one.txt -o "one.$type"
        psf 0 compare one.txt "one.$type"
        out_has 'correlation    1.000000'
    done
    make rgb.png 5 5 channels=3
    refused 3 'rgb.png: is a colour picture' show rgb.png
else
    skip 'TIFF, FITS, PNG: this build has no libvips'
    refused 4 'no libvips' convert one.txt -o one.tif
fi

# bad files
refused 3 'missing.npy: .*No such file' show missing.npy
printf '1 2\n3 -4\n' >negative.txt
refused 3 'negative.txt: the value at x 1, y 1 (from 0) is -4; a PSF is never negative' show negative.txt
printf '1 2 nan\n' >nan.txt
refused 3 'nan.txt: the value at x 2, y 0 (from 0) is NaN' convert nan.txt -o no.npy
printf '0 0 0\n' >zero.txt
refused 3 'zero.txt: is zero everywhere' compare one.txt zero.txt
printf '1 2 x\n' >word.txt
refused 3 "word.txt: line 1, number 3: 'x' is not a number" show word.txt
make large.npy 103 5 depth=32
refused 3 'large.npy: a PSF of 103 x 5 px is too large' show large.npy
psf 9 show one.txt zero.txt
err_has 'zero.txt: is zero'
out_has 'size         3 x 3'
absent no.npy

# outputs
refused 4 'one.txt: exists already; use -f' make --motion 5 -o one.txt
refused 4 'one.txt: exists already; use -f' convert plain.npy -o one.txt
check 'the old file is left' grep -q one-sided one.txt
refused 4 'nowhere/k.npy: cannot be written' make --motion 5 -o nowhere/k.npy
refused 4 'k.jpg: this type of file' make --motion 5 -o k.jpg

# bad values
refused 2 'none is given' make -o k.npy
refused 2 'more than one' make --motion 5 --disk 2 -o k.npy
refused 2 "motion 'abc'" make --motion abc -o k.npy
refused 2 "motion '1,2,3,4'" make --motion 1,2,3,4 -o k.npy
refused 2 "motion '5,'" make --motion 5, -o k.npy
refused 2 "motion '0.5'.*length of the motion" make --motion 0.5 -o k.npy
refused 2 "motion '500'.*101 x 101" make --motion 500 -o k.npy
refused 2 "motion '50'.*does not hold" make --motion 50 --size 9 -o k.npy
refused 2 "gaussian '-1'" make --gaussian -1 -o k.npy
refused 2 "disk 'nan'" make --disk nan -o k.npy
refused 2 "random-motion 'x'" make --random-motion x -o k.npy
refused 2 "length '3'.*needs --random-motion" make --disk 2 --length 3 -o k.npy
refused 2 "size '4'.*odd" make --disk 1 --size 4 -o k.npy
refused 2 "size '5x'" make --disk 1 --size 5x -o k.npy
refused 2 'name the output' make --disk 1
refused 2 'takes no file' make --disk 1 -o k.npy one.txt
refused 2 'name two PSFs' compare one.txt
refused 2 'name a PSF' show
refused 2 "'shew' is not make.*did you mean 'show'" shew one.txt
absent k.npy
psf 2
err_has 'Usage: dipper psf'
psf 0 --help
out_has 'compare'
psf 0 make --help
out_has 'random-motion'
finish
