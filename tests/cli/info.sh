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
expect 0 "$DIPPER" info --gradients in.npy noisy.npy
out_has '^noisy.npy$'
out_has 'fit  *exponent [0-9.]*, scale'
out_has 'Gaussian  *sigma'
err_empty
cp in.npy '<b>"&.npy'
expect 0 "$DIPPER" info --gradients in.npy '<b>"&.npy' -o g.svg
out_has '^g.svg$'
check "the drawing is no SVG" grep -q '^<svg xmlns="http://www.w3.org/2000/svg"' g.svg
check "the drawing does not end" grep -q '^</svg>' g.svg
check "names are not escaped" grep -q '&lt;b&gt;&quot;&amp;.npy' g.svg
check "two fits are not drawn" test "$(grep -c 'class="fit' g.svg)" = 2
expect 4 "$DIPPER" info --gradients in.npy -o g.svg
one_line
expect 0 "$DIPPER" info --gradients in.npy '<b>"&.npy' -o g.csv
check "the table lacks its names" grep -q '^picture,gradient,measured,fitted,laplace,gaussian$' g.csv
check "quotes are not doubled" grep -q '^"<b>""&.npy",' g.csv
# The densities of the histogram, times its width, add up to 1.
check "the histogram is not whole" awk -F, '$1 == "\"in.npy\"" { n++; s += $3; if (n > 1 && (w == 0 || $2 - p < w)) w = $2 - p; p = $2 }
    END { exit !(s * w > 0.99 && s * w < 1.01) }' g.csv
for bad in flat.npy gone.npy; do
    expect 3 "$DIPPER" info --gradients in.npy $bad -o new.svg
    one_line
    absent new.svg
done
make one.npy 1 1
expect 3 "$DIPPER" info --gradients one.npy
err_has 'one.npy: no gradients'
make white.npy 9 9 constant=1
expect 3 "$DIPPER" info --gradients white.npy
err_has 'not clipped'
expect 2 "$DIPPER" info --gradients
expect 2 "$DIPPER" info --gradients in.npy -o g.png
one_line
expect 2 "$DIPPER" info in.npy -o g.svg
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
