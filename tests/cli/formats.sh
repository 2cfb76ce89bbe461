# What is kept of a picture: type, depth, alpha, profile, metadata; orientation is applied once.
. "$(dirname "$0")/lib.sh"

# .npy: kinds, orders, channels
for spec in 'depth=8' 'depth=16' 'depth=32' 'depth=64' 'depth=32 channels=3' 'depth=8 channels=4' \
    'depth=16 channels=2' 'depth=32 fortran=1' 'depth=64 channels=3 fortran=1'; do
    # shellcheck disable=SC2086
    make in.npy 24 20 $spec
    deblur 0 -q -f in.npy -o out.npy
    want=$(head -c 128 in.npy | tr -d '\000-\037' | sed 's/.*descr.: .\([^ ]*\)., .*shape.: \(([^)]*)\).*/\1 \2/')
    have=$(head -c 128 out.npy | tr -d '\000-\037' | sed 's/.*descr.: .\([^ ]*\)., .*shape.: \(([^)]*)\).*/\1 \2/')
    check "$spec: $want became $have" test "$want" = "$have"
done
make c.npy 24 20 depth=32
make f.npy 24 20 depth=32 fortran=1
deblur 0 -q c.npy
deblur 0 -q f.npy
check 'Fortran order gives another result' cmp c_deblurred.npy f_deblurred.npy

if ! have_vips; then
    skip 'files other than .npy: this build has no libvips'
    finish
fi

# round trip of depth and type
make g8.png 24 20
make g16.png 24 20 depth=16
make c8.png 24 20 channels=3
make c16.png 24 20 channels=3 depth=16
make c8.jpg 24 20 channels=3
make f32.tif 24 20 channels=3 depth=32
make f64.fits 24 20 depth=64
make f64.npy 24 20 channels=3 depth=64
make u16.tif 24 20 channels=3 depth=16
make c8.webp 24 20 channels=3
make f32.fits 24 20 depth=32
make u16.fits 24 20 depth=16
for file in g8.png g16.png c8.png c16.png c8.jpg f32.tif u16.tif c8.webp f32.fits f64.fits u16.fits; do
    result=${file%.*}_deblurred.${file##*.}
    deblur 0 -q -f "$file"
    exists "$result"
    want=$("$pictures" show "$file" | sed 's/orientation.*//')
    have=$("$pictures" show "$result" | sed 's/orientation.*//')
    check "$result: $want became $have" test "$want" = "$have"
done

# 16 bits are really used: with eight, low and high byte are equal
deblur 0 -q -f g16.png -o g16.npy
check 'a 16-bit PNG gives an 8-bit result' test "$(head -c 4096 g16.npy | wc -c)" -gt 500

# alpha
for channels in 2 4; do
    for depth in 8 16; do
        make alpha.png 24 20 channels=$channels depth=$depth
        deblur 0 -q -f alpha.png
        shows alpha_deblurred.png "bands=$channels"
        check "alpha of $channels channels, $depth bits changed" "$pictures" same alpha.png alpha_deblurred.png -1
        check 'the picture did not change' not "$pictures" same alpha.png alpha_deblurred.png 0
    done
done
deblur 0 alpha.png -o noalpha.jpg --progress none
err_has '16 bit samples become 8 bit in jpeg files; alpha is left out'
shows noalpha.jpg 'bands=3 format=uchar'

# orientation: applied once, the tag is gone
make turned.jpg 40 24 channels=3 orientation=6 'comment=a test'
deblur 0 -q turned.jpg
shows turned_deblurred.jpg 'width=24 height=40'
shows turned_deblurred.jpg 'orientation=1'
shows turned_deblurred.jpg 'comment=a test'
deblur 0 -q turned_deblurred.jpg -o twice.jpg
shows twice.jpg 'width=24 height=40'

# ICC profile
for type in png jpg tif; do
    make profile.$type 24 20 channels=3 icc=1
    deblur 0 -q -f profile.$type
    shows profile_deblurred.$type 'icc=1'
done

# CMYK becomes sRGB, and that is said
make cmyk.tif 24 20 channels=4 cmyk=1
deblur 0 cmyk.tif --progress none
err_has 'note: cmyk.tif: colours converted from cmyk to sRGB'
shows cmyk_deblurred.tif 'bands=3 format=uchar'

# from one type to another
deblur 0 -q c16.png -o from16.jpg
shows from16.jpg 'loader=jpegload.*format=uchar'
deblur 0 f32.tif -o fromfloat.png --progress none
shows fromfloat.png 'format=ushort'
err_has '32-bit float samples become 16 bit in png files'
deblur 0 f64.npy -o double.tif --progress none
shows double.tif 'bands=3 format=float'
err_has '64-bit float samples become 32-bit float in tiff files'

# clipped pixels are counted: white and black stripes overshoot
make hard.png 24 20 channels=1
deblur 0 -q hard.png -o hard.tif
if have_json; then check 'no count of clipped pixels' grep -q '"clipped_pixels": [0-9]' hard.run.json; fi

# the PSF for eyes: eight times as large
shows hard_psf.png 'bands=1 format=uchar'
finish
