#!/bin/sh
# Makes the pictures of README, docs/failures.md and docs/methods/classical.md again, from scenes that dipper-scene draws, into docs/pictures.
# usage: docs/gallery.sh BUILD_FOLDER
set -eu
build=$1
out=$(cd "$(dirname "$0")" && pwd)/pictures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

psnr() { "$build/dipper" score "$1" --gt "$2" --protocol levin | sed -n 's/^PSNR-GT  *\([0-9.]* dB\).*/\1/p'; }

# run NAME SCENE_OPTIONS DEBLUR_OPTIONS: draws, blurs and deblurs; keeps NAME.png and NAME_psf.png
run() {
    name=$1
    # shellcheck disable=SC2086 # lists of words
    "$build/dipper-scene" -o "$work/$name" --seed 9 --colour $2 > /dev/null
    # shellcheck disable=SC2086
    "$build/dipper" deblur -q "$work/$name/blurred.png" -o "$work/$name/result.png" $3 > /dev/null
    cp "$work/$name/result.png" "$out/$name.png"
    cp "$work/$name/result_psf.png" "$out/${name}_psf.png"
    printf '%-16s blurred %s; result %s\n' "$name" "$(psnr "$work/$name/blurred.png" "$work/$name/sharp.png")" \
        "$(psnr "$work/$name/result.png" "$work/$name/sharp.png")"
}

run deblurred "--psf-size 19" "-k 19"
cp "$work/deblurred/blurred.png" "$out/blurred.png"
cp "$work/deblurred/psf.png" "$out/true_psf.png"
run window_small "--psf-size 19" "-k 9"
run noise "--psf-size 19 --noise 0.04" "-k 19"
run noise_ignored "--psf-size 19 --noise 0.04" "-k 19 --noise 0"
run classical "--psf-size 19" "-m map-l0 -k 19"
run classical_noise "--psf-size 19 --noise 0.04" "-m map-l0 -k 19"
run classical_lamps "--psf-size 19 --lamps 12" "-m map-l0 -k 19"
cp "$work/classical_lamps/blurred.png" "$out/classical_lamps_blurred.png"
run classical_large "--psf-size 41" "-m map-l0 -k 41"
cp "$work/classical_large/blurred.png" "$out/classical_large_blurred.png"
