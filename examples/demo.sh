#!/bin/sh
# Draws a scene, blurs it, deblurs it, says how near the result came. `./dev demo` builds first and then calls this.
# Usage: demo.sh [OUTPUT_DIR]; $DIPPER_BUILD is the build folder.
set -eu
build=${DIPPER_BUILD:-build/release}
out=${1:-build/demo}
ext=png
"$build/dipper" info | grep -qi 'libvips [0-9]' || ext=npy

printf '\n== drawing a scene and blurring it\n'
"$build/dipper-scene" -o "$out" --seed 9 --psf-size 19 --colour

printf '\n== deblurring it (nothing is told: the automatic mode)\n'
"$build/dipper" deblur "$out/blurred.$ext" -o "$out/deblurred.$ext" --psf-out "$out/psf_found.npy" -f

printf '\n== result (docs/measures.md explains)\n'
score=$("$build/dipper" score "$out/deblurred.$ext" --gt "$out/sharp.$ext" --blurred "$out/blurred.$ext" \
    --psf "$out/psf_found.npy" --psf-gt "$out/psf.npy" --protocol levin)
printf '%s\n' "$score"
decibel() { printf '%s\n' "$score" | sed -n "s/^$1  *\([0-9.]*\) dB .*/\1/p"; }
printf '\nPSNR against the sharp scene: blurred %s dB, deblurred %s dB\n' "$(decibel 'PSNR-GT of the blurred')" \
    "$(decibel PSNR-GT)"
printf 'files in %s:\n' "$(cd "$out" && pwd)"
ls "$out"
