# A loss that becomes NaN or infinite ends the run: iteration named, last good result written, exit code 7.
. "$(dirname "$0")/lib.sh"
make big.npy 24 20 depth=32 scale=1e30 # squares overflow

for method in selfdeblur fast; do
    expect 7 "$DIPPER" deblur -q -j 1 -k 5 -n 6 -m "$method" big.npy -o "$method.npy"
    check 'stderr is not one line' test "$(wc -l <.seen/err)" -eq 1
    err_has 'big.npy: the loss became NaN or infinite at iteration [0-9]* of [0-9]*; the last good result is written'
    exists "$method.npy" "${method}_psf.npy"
    out_has "^$method.npy$"
    if have_json; then check 'the record does not say so' grep -q '"status": 7' "$method.run.json"; fi
done
finish
