# --uncertainty: the standard deviation of each pixel, of averaged outputs or a posterior, as .npy and as a picture.
. "$(dirname "$0")/lib.sh"
small='--set channels=8 --set skip_channels=4 --set depth=2 -j 1'
# shellcheck disable=SC2086 # a list of words
run() { want=$1 command=$2; shift 2; expect "$want" "$DIPPER" "$command" $small "$@"; }
make in.npy 30 24 depth=32
make colour.npy 30 24 channels=3 depth=32

# has FILE.npy SHAPE: NumPy's header
has() { check "$1 is not $2" sh -c 'head -c 128 "$1" | grep -q -F "$2"' - "$1" "$2"; }

# --- files, their names, shapes and values
run 0 deblur -q -f -k 5 -n 8 -m selfdeblur --set average=4 in.npy -o a.npy --uncertainty s.npy
exists a.npy s.npy
out_has '^s.npy$'
has s.npy '(24, 30)'
if have_vips; then
    exists s.png
    out_has '^s.png$'
    shows s.png 'width=30 height=24 bands=1'
fi
if have_json; then check 'the record lacks the file' grep -q '"uncertainty_npy": "s.npy"' a.run.json; fi
run 0 deblur -q -f -k 5 -n 8 -m selfdeblur --set average=4 in.npy -o b.npy --uncertainty t.png
exists t.npy
check 'the name changes the values' cmp s.npy t.npy
run 0 deblur -q -f -k 5 -n 8 -m selfdeblur --set average=4 in.npy -o b.npy --uncertainty t.npy --seed 1
check 'another seed gives the same deviation' not cmp s.npy t.npy
run 0 deblur -q -f -k 5 -n 8 -m selfdeblur --set average=4 in.npy -o b.npy
check 'asking for the deviation changes the result' cmp a.npy b.npy
if have_json; then check 'a deviation is recorded' grep -q '"uncertainty_npy": null' b.run.json; fi

# --- luma has one channel; all channels, larger pictures, a posterior
run 0 deblur -q -f -k 5 -n 8 -m selfdeblur --set average=4 colour.npy -o c.npy --uncertainty c_s.npy
has c_s.npy '(24, 30)'
run 0 denoise -q -f -n 8 --set average=4 --set stop_patience=0 colour.npy -o c.npy --uncertainty c_s.npy
has c_s.npy '(24, 30, 3)'
run 0 denoise -q -f -n 9 colour.npy -o c.npy --uncertainty short.npy # fewer iterations than the recipe averages
has short.npy '(24, 30, 3)'
run 0 superres -q -f -n 8 --set average=4 -x 2 in.npy -o c.npy --uncertainty c_s.npy
has c_s.npy '(48, 60)'
run 0 deblur -q -f -k 5 -n 8 -m vdip-sparse --set pretrain=2 colour.npy -o c.npy --uncertainty c_s.npy
has c_s.npy '(24, 30, 3)'

# --- what is refused, before the work begins
run 2 deblur -q -f -k 5 -m selfdeblur in.npy --uncertainty s.npy
one_line
err_has "uncertainty 's.npy'.*average=100"
run 2 deblur -q -f -k 5 -m selfdeblur --set average=4 in.npy --uncertainty s.tif
one_line
err_has 'name a .npy or a .png file'
run 2 deblur -q -f -k 5 -m selfdeblur --set average=4 in.npy -o s.npy --uncertainty s.npy
one_line
err_has "another result's name"
run 2 denoise -q -f in.npy colour.npy -o out --uncertainty s.npy
one_line
err_has 'several inputs'
expect 2 "$DIPPER" deblur -q -f -k 5 -m map-l0 in.npy --uncertainty s.npy
one_line
err_has 'is for recipes'
cp s.npy kept.npy
run 4 deblur -q -k 5 -n 8 -m selfdeblur --set average=4 in.npy -o new.npy --uncertainty s.npy
one_line
err_has 's.npy: exists already; use -f'
absent new.npy
check 's.npy was touched' cmp s.npy kept.npy
if have_vips; then
    rm s.npy
    run 4 deblur -q -k 5 -n 8 -m selfdeblur --set average=4 in.npy -o new.npy --uncertainty s.npy
    err_has 's.png: exists already; use -f'
    absent s.npy new.npy
fi

# --- a run that ends before there is one: the other results are written
run 8 deblur -f -k 5 -n 100000 -m fast --set average=4 in.npy -o early.npy --uncertainty early_s.npy --max-time 0.1
err_has 'no uncertainty is written'
exists early.npy
absent early_s.npy
finish
