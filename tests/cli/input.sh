# Bad input: the right exit code, one clear line, nothing written.
. "$(dirname "$0")/lib.sh"

refused() { # refused CODE PATTERN FILE [OPTION]...
    code_wanted=$1 pattern=$2
    shift 2
    rm -rf results
    mkdir results
    deblur "$code_wanted" -q -o results/ "$@"
    one_line
    err_has "$pattern"
    check "something is written" test -z "$(ls -A results)"
}

refused 3 'missing.npy: .*No such file' missing.npy
: >empty.npy
refused 3 'empty.npy: is empty' empty.npy
mkdir folder.npy
refused 3 'folder.npy: is a directory' folder.npy
mkfifo pipe.npy
refused 3 'pipe.npy: is not an ordinary file' pipe.npy

echo 'not a picture at all' >text.npy
refused 3 'text.npy: is not a NumPy .npy file' text.npy
make whole.npy 24 20 depth=32
head -c 1000 whole.npy >short.npy
refused 3 'short.npy: is cut short: 1920 bytes' short.npy
head -c 60 whole.npy >header.npy
refused 3 'header.npy: is cut short' header.npy
head -c 8 whole.npy >mark.npy
refused 3 'mark.npy: is cut short' mark.npy
sed 's/fortran_order/fortran_ordre/' whole.npy >key.npy
refused 3 'key.npy: the header' key.npy
sed 's/<f4/<c8/' whole.npy >type.npy
refused 3 "type.npy: holds elements of type 'c8'" type.npy

make one.npy 1 1 depth=32
refused 3 'one.npy: .* 1 x 1 pixels is smaller than the PSF of 5 x 5' one.npy
expect 3 "$DIPPER" deblur -q one.npy -o results/
one_line
err_has 'one.npy: .*1 x 1'
make narrow.npy 40 4 depth=32
refused 3 'narrow.npy: .* 40 x 4 pixels is smaller than the PSF of 5 x 5' narrow.npy
make constant.npy 24 20 depth=32 constant=0.5
refused 3 'constant.npy: .*constant' constant.npy

make nan.npy 24 20 depth=32 bad=7,11,0,nan
refused 3 'nan.npy: .*x 7, y 11.*NaN' nan.npy
make inf.npy 24 20 depth=64 channels=3 bad=3,2,2,inf
refused 3 'inf.npy: .*x 3, y 2, channel blue.*infinite' inf.npy

make huge.npy 24 20 depth=32 claim=1000000000x1000000000
refused 3 'huge.npy: 1000000000 x 1000000000 pixels are too many: the limit is' huge.npy
make wide.npy 24 20 depth=32 claim=99999999999999999999999x2
refused 3 'wide.npy: .*too many' wide.npy
make large.npy 24 20 depth=32 claim=10000x10000
refused 3 'large.npy: is cut short: 400000000 bytes' large.npy
make zero.npy 24 20 depth=32 claim=0x20
make five.npy 24 20 depth=32
sed 's/(20, 24), /(96, 1, 5),/' five.npy >channels.npy
refused 3 'channels.npy: .*channels' channels.npy

if have_vips; then
    make whole.png 24 20
    head -c 90 whole.png >short.png
    refused 3 'short.png: ' short.png
    make whole.jpg 64 64 channels=3
    head -c 700 whole.jpg >short.jpg
    refused 3 'short.jpg: ' short.jpg
    make whole.tif 24 20 depth=16
    head -c 300 whole.tif >short.tif
    refused 3 'short.tif: ' short.tif
    echo 'not a picture at all' >text.png
    refused 3 'text.png: is not a picture that can be read' text.png
    echo '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>' >drawing.svg
    refused 3 'drawing.svg: is not a picture that can be read' drawing.svg
    : >empty.png
    refused 3 'empty.png: is empty' empty.png
    make huge.png 1 1 claim=2147483648x2147483648
    refused 3 'huge.png: 2147483648 x 2147483648 pixels are too many' huge.png
    make large.png 1 1 claim=50000x50000
    refused 3 'large.png: 50000 x 50000 pixels are too many' large.png
    make nan.tif 24 20 depth=32 bad=0,0,0,nan
    refused 3 'nan.tif: .*x 0, y 0.*NaN' nan.tif
    cp whole.png 'name[1].png'
    deblur 0 -q -o results/ 'name[1].png'
    exists 'results/name[1]_deblurred.png'
else
    skip 'files other than .npy: this build has no libvips'
    : >some.png
    echo x >some.png
    refused 3 'some.png: this build has no libvips' some.png
fi
finish
