#!/bin/sh
# Makes the pictures of README and docs/failures.md again, from scenes that dipper-scene draws, into docs/pictures.
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
    "$build/dipper-scene" -o "$work/$name" --seed 9 --psf-size 19 --colour $2 > /dev/null
    # shellcheck disable=SC2086
    "$build/dipper" deblur -q "$work/$name/blurred.png" -o "$work/$name/result.png" $3 > /dev/null
    cp "$work/$name/result.png" "$out/$name.png"
    cp "$work/$name/result_psf.png" "$out/${name}_psf.png"
    printf '%-16s blurred %s; result %s\n' "$name" "$(psnr "$work/$name/blurred.png" "$work/$name/sharp.png")" \
        "$(psnr "$work/$name/result.png" "$work/$name/sharp.png")"
}

run deblurred "" "-k 19"
cp "$work/deblurred/blurred.png" "$out/blurred.png"
cp "$work/deblurred/psf.png" "$out/true_psf.png"
run window_small "" "-k 9"
run noise "--noise 0.04" "-k 19"
run noise_ignored "--noise 0.04" "-k 19 --noise 0"
