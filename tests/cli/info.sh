# dipper info: build, recipes, files.
. "$(dirname "$0")/lib.sh"
make in.npy 24 20 depth=16 channels=4

expect 0 "$DIPPER" info
out_has '^dipper  *[0-9]'
out_has '^device  *.'
out_has '^  fast '
out_has '^  selfdeblur '
err_empty
expect 0 "$DIPPER" info --recipe fast
out_has '^channels *= 32 .*#'
expect 0 "$DIPPER" info --recipe=selfdeblur
out_has '^channels *= 128 .*#'
expect 2 "$DIPPER" info --recipe slow
one_line
err_has "'slow': unknown recipe; there are fast"
expect 0 "$DIPPER" info in.npy
out_has 'size  *24 x 20'
out_has 'depth  *16 bit'
out_has 'channels  *RGB and alpha'
expect 0 "$DIPPER" blur -q in.npy -o noisy.npy --gaussian 1 --noise gaussian:0.05
expect 0 "$DIPPER" info noisy.npy
out_has 'noise  *0.0[4-6][0-9]* is taken'
out_has 'by patches, '
out_has 'by high-pass, '
make flat.npy 40 40 constant=1
expect 0 "$DIPPER" info flat.npy
out_has 'noise  *none, or nothing to tell it from'
expect 3 "$DIPPER" info gone.npy
one_line
expect 9 "$DIPPER" info in.npy gone.npy
expect 2 "$DIPPER" info --colour
expect 0 "$DIPPER" info --help
if have_vips; then
    make turned.jpg 40 24 channels=3 orientation=6 icc=1
    expect 0 "$DIPPER" info turned.jpg
    out_has 'size  *24 x 40'
    out_has 'orientation  *6'
    out_has 'ICC profile, EXIF'
else
    skip 'pictures other than .npy: this build has no libvips'
fi
finish
