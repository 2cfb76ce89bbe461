#!/bin/sh
# Makes the pictures of README, docs/failures.md and docs/methods again, from scenes that dipper-scene draws, into
# docs/pictures. The recipes, with 32 channels and 3000 iterations on a small scene, take minutes; PARTS=main, kinds or
# recipes makes one part alone.
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
    "$build/dipper" deblur -q --no-verdict "$work/$name/blurred.png" -o "$work/$name/result.png" $3 > /dev/null
    cp "$work/$name/result.png" "$out/$name.png"
    cp "$work/$name/result_psf.png" "$out/${name}_psf.png"
    printf '%-16s blurred %s; result %s\n' "$name" "$(psnr "$work/$name/blurred.png" "$work/$name/sharp.png")" \
        "$(psnr "$work/$name/result.png" "$work/$name/sharp.png")"
}

# recipe NAME METHOD OPTIONS...: the recipe on a small grey scene; keeps recipe_NAME.png and recipe_NAME_psf.png
recipe() {
    scene=$work/recipes name=$1 method=$2
    shift 2
    [ -e "$scene" ] || "$build/dipper-scene" -o "$scene" --seed 9 --size 144x112 --psf-size 11 > /dev/null
    cp "$scene/blurred.png" "$out/recipe_blurred.png"
    cp "$scene/psf.png" "$out/recipe_true_psf.png"
    "$build/dipper" deblur -q --no-verdict "$scene/blurred.png" -k 11 -m "$method" --set channels=32 -n 3000 "$@" \
        -o "$scene/$name.png" > /dev/null
    cp "$scene/$name.png" "$out/recipe_$name.png"
    cp "$scene/${name}_psf.png" "$out/recipe_${name}_psf.png"
    printf '%-16s blurred %s; result %s\n' "$name" "$(psnr "$scene/blurred.png" "$scene/sharp.png")" \
        "$(psnr "$scene/$name.png" "$scene/sharp.png")"
}

main() {
    run deblurred "--psf-size 19" ""
    cp "$work/deblurred/blurred.png" "$out/blurred.png"
    cp "$work/deblurred/psf.png" "$out/true_psf.png"
    run window_small "--psf-size 19" "-m fast -k 9"
    run noise "--psf-size 19 --noise 0.04" "-m fast -k 19"
    run noise_ignored "--psf-size 19 --noise 0.04" "-m fast -k 19 --noise 0"
    run classical "--psf-size 19" "-m map-l0 -k 19"
    run classical_noise "--psf-size 19 --noise 0.04" "-m map-l0 -k 19"
    run classical_lamps "--psf-size 19 --lamps 12" "-m map-l0 -k 19"
    cp "$work/classical_lamps/blurred.png" "$out/classical_lamps_blurred.png"
    run classical_large "--psf-size 41" "-m map-l0 -k 41"
    cp "$work/classical_large/blurred.png" "$out/classical_large_blurred.png"
    run classical_page "--psf-size 31 --page" "-m map-l0 -k 31"
    cp "$work/classical_page/blurred.png" "$out/classical_page_blurred.png"
}

# kind NAME SCENE_OPTIONS BLUR_OPTIONS DEBLUR_OPTIONS: draws a sharp scene, blurs it as told, deblurs it and says what
# Dipper said; keeps kind_NAME.png (blurred beside result) and kind_NAME_psf.png
kind() {
    name=$1
    # shellcheck disable=SC2086
    "$build/dipper-scene" -o "$work/$name" --seed 9 --colour $2 >/dev/null
    # shellcheck disable=SC2086
    "$build/dipper" blur -q -f "$work/$name/sharp.png" --border replicate $3 -o "$work/$name/blurred.png" >/dev/null
    # shellcheck disable=SC2086
    "$build/dipper" deblur --progress none "$work/$name/blurred.png" -o "$work/$name/result.png" $4 \
        >/dev/null 2>"$work/$name/said" || true # a verdict of failed has exit code 7
    cp "$work/$name/blurred.png" "$out/kind_${name}_blurred.png"
    cp "$work/$name/result.png" "$out/kind_$name.png"
    cp "$work/$name/result_psf.png" "$out/kind_${name}_psf.png"
    printf '%-8s blurred %s; result %s\n' "$name" "$(psnr "$work/$name/blurred.png" "$work/$name/sharp.png")" \
        "$(psnr "$work/$name/result.png" "$work/$name/sharp.png")"
    sed -n 's/^.*blurred.png: /    /p' "$work/$name/said"
}

kinds() {
    kind shake "" "--random-motion 5 --size 25 --noise gaussian:0.005" "--preset fast"
    kind sharp "" "--motion 1" "--preset fast"
    kind jpeg "" "--random-motion 5 --size 25 --noise gaussian:0.005 --jpeg 15" "--preset fast"
    kind lamps "--lamps 12" "--random-motion 5 --size 25 --noise gaussian:0.005 --saturate" "--preset fast"
    kind text "--page" "--random-motion 8 --size 31 --noise gaussian:0.005" "--preset fast"
    kind small "" "--random-motion 5 --size 25 --noise gaussian:0.005" "--preset fast -k 9"
    rm "$out/kind_sharp_blurred.png" "$out/kind_sharp_psf.png" "$out/kind_small_blurred.png" # seen already
}

for part in ${PARTS:-main kinds recipes}; do
    case $part in
    main) main ;;
    kinds) kinds ;;
    recipes)
        for method in selfdeblur simplersdb vdip-sparse wdip deblur-inr; do recipe "$method" "$method"; done
        recipe noblur simplersdb --set lr_psf=0.05
        ;;
    esac
done
