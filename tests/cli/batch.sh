# Several pictures: the batch goes on after a failure, ends with a table, exit code 9.
. "$(dirname "$0")/lib.sh"
make a.npy 24 20 depth=32
make c.npy 24 20 depth=32 channels=3
: >b.npy
mkdir other
cp a.npy other/a.npy

deblur 9 -q -o out a.npy b.npy c.npy
exists out/a_deblurred.npy out/c_deblurred.npy out/a_psf.npy
absent out/b_deblurred.npy out/b_psf.npy
err_has '^dipper: b.npy: is empty'
err_has '^done .*24x20 *a.npy$'
err_has '^failed (3).*b.npy$'
check 'the names of the results are not on stdout' grep -qx out/c_deblurred.npy .seen/out

deblur 0 -f -o out a.npy c.npy --progress none
err_has '^done .*a.npy$'
deblur 0 -q a.npy c.npy
exists a_deblurred.npy c_deblurred.npy

deblur 2 -o out2 a.npy other/a.npy
one_line
err_has "'other/a.npy': its results would have the names of another"
deblur 2 -o out2 a.npy c.npy --psf-out k.npy
one_line
deblur 2 -o clash.npy a.npy --psf-out clash.png
one_line
err_has "--psf-out 'clash.png': clash.npy is another result's name"
absent clash.npy clash.png
echo file >plain
deblur 4 -o plain a.npy c.npy
one_line
err_has 'plain: cannot be made a directory'
if have_json; then
    deblur 9 -q -f --json -o out a.npy b.npy
    check 'not one record for each picture' test "$(wc -l <.seen/out)" -eq 2
    out_has '"input":"b.npy".*'
fi
finish
