# Verdicts of dipper deblur: on the terminal, in the record, by exit code; what has none.
# The model calls few results failed, so the test takes one that it is sure of (docs/verdict.md).
. "$(dirname "$0")/lib.sh"
scene=$DIPPER_BUILD/dipper-scene
[ -x "$scene" ] || { echo 'skipped: this build has no dipper-scene'; exit 77; }
"$DIPPER" info | grep -q 'FFTW on' || { echo 'skipped: this build has no FFTW, and no method quick enough'; exit 77; }
"$scene" -o s --size 200x180 --psf-size 11 --seed 24 >/dev/null
picture=s/blurred.png
[ -e $picture ] || picture=s/blurred.npy
ending=${picture##*.}
judged() { want=$1; shift; expect "$want" "$DIPPER" deblur -f -j 1 --progress none -o "r.$ending" "$@"; }
record() { if have_json; then check "the record has not $1" grep -q -e "$1" r.run.json; fi; }

judged 0 $picture -m map-l0 -k 13
err_has "$picture: verdict: [a-z]* (risk of failure [0-9]* %)"
record '"level": "\(ok\|doubtful\)"'
record '"second_opinions": true'

# A result of a right window has less risk than one in a window that cuts the PSF off, and that less than a broken one.
risk() { sed -n 's/.*risk of failure \([0-9]*\) %.*/\1/p' .seen/err; }
good_risk=$(risk)
judged 0 $picture -m map-l0 -k 5
err_has 'reaches the border of its window'
record '"name": "psf cut off"'
cut_risk=$(risk)
judged 7 $picture -m map-l1l2 -k 41 --set weight=3
err_has "$picture: verdict: failed (risk of failure [0-9]* %): .*; the result is written, do not trust it; try "
exists "r.$ending" r_psf.npy
out_has "^r.$ending$"
record '"status": 7'
record '"level": "failed"'
check "risks $good_risk, $cut_risk, $(risk) do not rise" test "$good_risk" -lt "$cut_risk" -a "$cut_risk" -lt "$(risk)"
judged 7 $picture -m map-l1l2 -k 41 --set weight=3 -q
check 'stderr is not one line' test "$(wc -l <.seen/err)" -eq 1
if have_json; then
    judged 7 $picture -m map-l1l2 -k 41 --set weight=3 -q --json
    out_has '"level":"failed"'
fi

# A batch goes on, and says which.
cp $picture "t.$ending"
expect 9 "$DIPPER" deblur -f -j 1 -m map-l1l2 --set weight=3 -k 41 --progress none -o out $picture "t.$ending"
err_has "failed (7).* t.$ending"
exists "out/blurred_deblurred.$ending" "out/t_deblurred.$ending"

# None: not wanted, too small, the PSF given.
expect 0 "$DIPPER" deblur -f -j 1 --no-verdict $picture -m map-l0 -k 5 --progress none -o "r.$ending"
err_lacks 'verdict'
record '"verdict": null'
make small.npy 80 70 depth=32
expect 0 "$DIPPER" deblur -f -j 1 -m map-l0 --progress none -k 5 -o small_out.npy small.npy
err_lacks 'verdict'
expect 0 "$DIPPER" deblur -f -j 1 --progress none -o known.npy $picture --psf r_psf.npy
err_lacks 'verdict'
finish
