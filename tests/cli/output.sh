# Where results go; outputs that exist or cannot be written are refused before the work begins.
. "$(dirname "$0")/lib.sh"
make in.npy 24 20 depth=32

deblur 0 -q in.npy
exists in_deblurred.npy in_psf.npy
have_json && exists in.run.json
have_vips && exists in_psf.png
out_has '^in_deblurred.npy$'
out_has '^in_psf.npy$'
err_empty
have_json || skip 'run record: this build has no jansson'

# existing results: each of them is reason enough, and none is touched
for name in in_deblurred.npy in_psf.npy in_psf.png in.run.json; do
    [ -e "$name" ] || continue
    rm -f in_deblurred.npy in_psf.npy in_psf.png in.run.json
    echo old >"$name"
    deblur 4 -q in.npy
    one_line
    err_has "$name: exists already; use -f"
    check "$name was touched" test "$(cat "$name")" = old
    check "other results were written" test "$(echo in[_.]*)" = "in.npy $name" -o "$(echo in[_.]*)" = "$name in.npy"
done
deblur 0 -q -f in.npy
check 'in_deblurred.npy is not overwritten' not test "$(head -c 3 in_deblurred.npy)" = old

# -o FILE, -oFILE, -o DIR, --psf-out
deblur 0 -q in.npy -o result.npy
exists result.npy result_psf.npy
deblur 0 -q in.npy -oother.npy --psf-out kernel.npy
exists other.npy kernel.npy
absent other_psf.npy
mkdir folder
deblur 0 -q in.npy --output=folder
exists folder/in_deblurred.npy folder/in_psf.npy
deblur 0 -q in.npy -o new/
exists new/in_deblurred.npy
deblur 2 in.npy -o third.npy --psf-out kernel.txt
one_line
err_has "psf-out 'kernel.txt'"

# places that cannot be written to, told before the work (the picture is large enough to take long otherwise)
expect 4 "$DIPPER" deblur -q -k 5 in.npy -o nowhere/out.npy
one_line
err_has 'nowhere/out.npy: cannot be written'
expect 4 "$DIPPER" deblur -q -k 5 in.npy -o in.npy/out.npy
one_line
if [ -d /proc/self ]; then
    expect 4 "$DIPPER" deblur -q -k 5 in.npy -o /proc/out.npy
    one_line
    err_has '/proc/out.npy: cannot be written'
else
    skip 'unwritable directory: no /proc here'
fi
if [ "$(id -u)" != 0 ]; then
    mkdir closed && chmod a-w closed
    expect 4 "$DIPPER" deblur -q -k 5 in.npy -o closed/out.npy
    one_line
    chmod u+w closed
else
    skip 'directory without write permission: running as root'
fi
expect 4 "$DIPPER" deblur -q -k 5 in.npy -o out.xyz
one_line
err_has 'out.xyz: this type of file is not written'
mkdir taken.npy
expect 0 "$DIPPER" deblur -q -j 1 -k 5 -n 3 in.npy -o taken.npy
exists taken.npy/in_deblurred.npy
long=$(printf '%0300d' 1).npy
expect 4 "$DIPPER" deblur -q -k 5 in.npy -o "$long"
one_line
if [ -c /dev/full ]; then
    expect 4 sh -c '"$0" deblur -q -j 1 -k 5 -n 3 in.npy -o full.npy >/dev/full' "$DIPPER"
    err_has 'standard output'
else
    skip '/dev/full is not here'
fi

# snapshots
deblur 0 -q in.npy -o snap.npy -n 6 --snapshot-every 2
have_vips && exists snap_000002.png snap_000004.png && absent snap_000003.png
have_vips || exists snap_000002.npy
rm -f snap.npy snap_psf.* snap.run.json
deblur 4 -q in.npy -o snap.npy -n 6 --snapshot-every 2
one_line
err_has 'snap_000002.* exists already'
absent snap.npy
finish
