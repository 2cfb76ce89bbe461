#!/bin/sh
# Times of dipper deblur -m wiener and -m rl against skimage.restoration's on the same picture of 1024 x 1024 pixels, a
# grey scene of our own, blurred by a PSF of 31 x 31; ratios above 1: Dipper is faster. usage: bench/scikit_image.sh BUILD
# OUT.csv; PYTHON: one with NumPy, SciPy and scikit-image (Debian: python3-skimage)
set -eu
build=$1 csv=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/dipper-scene" -o "$work" --psf-size 3 --seed 3 --size 1024x1024 >/dev/null
OMP_NUM_THREADS=1 "${PYTHON:-/usr/bin/python3}" "$(dirname "$0")/scikit_image.py" "$build/dipper" "$work/sharp.png" "$work" |
    tee "$work/csv"
cp "$work/csv" "$csv"
