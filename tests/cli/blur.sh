# dipper blur: PSFs, borders, noise, colour and alpha; bad input.
. "$(dirname "$0")/lib.sh"
blur() { want=$1; shift; expect "$want" "$DIPPER" blur "$@"; }
refused() { # refused CODE PATTERN ARGUMENT...
    code_wanted=$1 pattern=$2
    shift 2
    rm -f no.npy no_psf.npy
    blur "$code_wanted" "$@"
    one_line
    err_has "$pattern"
    absent no.npy no_psf.npy
}
sized() { # sized FILE.npy WIDTH HEIGHT
    check "$1 is not $2 x $3" sh -c '"$1" info "$2" | grep -q "size  *$3 x $4$"' - "$DIPPER" "$1" "$2" "$3"
}
make in.npy 24 20 depth=32
make rgba.npy 24 20 depth=16 channels=4

# sizes, streams, the PSF beside
blur 0 in.npy -o out.npy --disk 2 --psf-out psf.txt
out_has '^out.npy$'
out_has '^psf.txt$'
err_empty
sized out.npy 20 16
expect 0 "$DIPPER" psf compare psf.txt psf.txt
for border in replicate reflect wrap; do
    blur 0 in.npy -o $border.npy --motion 7,30 --border $border
    sized $border.npy 24 20
done
check 'borders differ' not cmp -s reflect.npy wrap.npy
check 'borders differ' not cmp -s reflect.npy replicate.npy

# a delta changes nothing; --psf with --rotate is the PSF turned
printf '0 0 0\n0 1 0\n0 0 0\n' >delta.txt
blur 0 in.npy -o same.npy --psf delta.txt --border wrap
tail -c 1920 in.npy >in.raw # the samples
tail -c 1920 same.npy >same.raw
check 'a delta changes the picture' cmp in.raw same.raw
printf '0 4 0\n0 0 2\n0 0 1\n' >one.txt
printf '1 0 0\n2 0 0\n0 4 0\n' >turned.txt
blur 0 in.npy -o a.npy --psf one.txt --border wrap
blur 0 in.npy -o b.npy --psf turned.txt --rotate --border wrap
blur 0 in.npy -o c.npy --psf turned.txt --border wrap
check '--rotate does not turn' cmp a.npy b.npy
check 'a turned PSF blurs alike' not cmp -s a.npy c.npy

# noise: seeds, threads
blur 0 in.npy -o n1.npy --disk 1 --noise gaussian:0.1 --seed 1 -j 1
blur 0 in.npy -o n2.npy --disk 1 --noise gaussian:0.1 --seed 1 -j 3
blur 0 in.npy -o n3.npy --disk 1 --noise gaussian:0.1 --seed 2
blur 0 in.npy -o n4.npy --disk 1 --noise poisson:50
blur 0 in.npy -o n5.npy --disk 1 --noise uniform:0.01
check 'threads change the noise' cmp n1.npy n2.npy
check 'seeds do not change the noise' not cmp -s n1.npy n3.npy
exists n4.npy n5.npy

# clipped pixels are told; depth and alpha are kept, alpha cropped with the picture
make black.npy 24 20 depth=16 constant=0
blur 0 black.npy -o clipped.npy --disk 1 --noise gaussian:0.1
err_has 'note: clipped.npy: [0-9]* of 396 pixels were outside of the range of 16 bit samples and are clipped'
blur 0 in.npy -o saturated.npy --disk 1 --noise gaussian:1 --saturate
err_has 'note: saturated.npy: [0-9]* of 396 pixels are at 0 or 1'
blur 0 rgba.npy -o alpha.npy --disk 2 --border reflect -q
sized alpha.npy 24 20
blur 0 rgba.npy -o cropped.npy --disk 2
sized cropped.npy 20 16

if have_vips; then
    make in.png 40 30 channels=3 icc=1
    blur 0 in.png -o q.png --disk 1 --jpeg 30
    blur 0 in.png -o q.jpg --disk 1 --jpeg 30
    blur 0 in.png -o plain.png --disk 1
    check 'JPEG leaves no trace' not "$pictures" same plain.png q.png 0
    check 'PNG and JPEG of quality 30 differ' "$pictures" same q.png q.jpg 0
    shows plain.png 'icc=[1-9y]'
    make alpha.png 24 20 channels=4
    blur 0 alpha.png -o blurred.png --disk 2 --border reflect
    check 'alpha is not copied' "$pictures" same alpha.png blurred.png -1
    blur 0 alpha.png -o wide.png --psf delta.txt
    shows wide.png 'width=22 height=18 bands=4'
    blur 0 alpha.png -o alpha.jpg --disk 1
    err_has 'alpha.jpg: alpha is left out'
else
    skip 'JPEG and metadata: this build has no libvips'
    refused 2 'no libvips' in.npy -o no.npy --disk 1 --jpeg 50
fi

# bad input
refused 3 'missing.npy: .*No such file' missing.npy -o no.npy --disk 1
refused 3 'missing.txt: .*No such file' in.npy -o no.npy --psf missing.txt
printf '1 -1 1\n' >bad.txt
refused 3 'bad.txt: the value at x 1, y 0' in.npy -o no.npy --psf bad.txt
make nan.npy 24 20 depth=32 bad=7,11,0,nan
refused 3 'nan.npy: .*x 7, y 11.*NaN' nan.npy -o no.npy --disk 1
refused 3 'in.npy: 24 x 20 pixels are fewer than the PSF.s 31 x 31' in.npy -o no.npy --random-motion 1 --psf-out no_psf.npy
make bright.npy 24 20 depth=32 scale=1e9
refused 3 'bright.npy: Poisson noise' bright.npy -o no.npy --disk 1 --noise poisson:1000
# outputs
refused 4 'out.npy: exists already; use -f' in.npy -o out.npy --disk 2 --psf-out no_psf.npy
refused 4 'psf.txt: exists already; use -f' in.npy -o no.npy --disk 2 --psf-out psf.txt
blur 0 in.npy -o out.npy --disk 2 --psf-out psf.txt -fq
refused 4 'nowhere/out.npy: cannot be written' in.npy -o nowhere/out.npy --disk 2
refused 4 'out.xyz: this type of file' in.npy -o out.xyz --disk 2
refused 4 'k.gif: this type of file' in.npy -o no.npy --disk 2 --psf-out k.gif
# values
refused 2 'none is given' in.npy -o no.npy
refused 2 'more than one' in.npy -o no.npy --disk 2 --psf one.txt
refused 2 'turns a PSF from a file only' in.npy -o no.npy --disk 2 --rotate
refused 2 "noise 'gaussian:x'" in.npy -o no.npy --disk 2 --noise gaussian:x
refused 2 "noise 'gaussian:-1'" in.npy -o no.npy --disk 2 --noise gaussian:-1
refused 2 "noise 'poisson:0'" in.npy -o no.npy --disk 2 --noise poisson:0
refused 2 "noise 'pepper:1'.* is not gaussian" in.npy -o no.npy --disk 2 --noise pepper:1
refused 2 "border 'mirror'" in.npy -o no.npy --disk 2 --border mirror
refused 2 "jpeg '101'" in.npy -o no.npy --disk 2 --jpeg 101
refused 2 'psf-out.*is the output itself' in.npy -o no.npy --disk 2 --psf-out no.npy
refused 2 'name a sharp picture' -o no.npy --disk 2
refused 2 'one picture at a time' in.npy rgba.npy -o no.npy --disk 2
refused 2 'name the blurred picture' in.npy --disk 2
blur 0 --help
out_has 'random-motion'
finish
