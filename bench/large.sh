#!/bin/sh
# Time of the whole command, reading and writing included, on a colour picture of 4000 x 3000 px with a PSF of 31 x 31,
# both made here: with the saturated pixels as bounds, and without. Appends a line each to the CSV.
# usage: bench/large.sh BUILD FOLDER OUT.csv [METHOD]
set -eu
build=$1 work=$2 csv=$3 method=${4-hyperlaplacian}
mkdir -p "$work"
[ -e "$work/blurred.png" ] || "$build/dipper-scene" -o "$work" --size 4000x3000 --psf-size 31 --colour >/dev/null
[ -e "$csv" ] || echo "method,saturation,wall_s,user_s,sys_s,load" >"$csv"
for saturation in 0 auto; do
    load=$(cut -d ' ' -f 1 /proc/loadavg 2>/dev/null || echo unknown)
    seconds=$( (time -p "$build/dipper" deblur -q -f --psf "$work/psf.npy" -m "$method" --saturation "$saturation" \
        -o "$work/result.tif" "$work/blurred.png" >/dev/null) 2>&1 | sed -n 's/^[rsu][a-z]* *//p' | paste -s -d , -)
    echo "$method,$saturation,$seconds,$load" | tee -a "$csv"
done
