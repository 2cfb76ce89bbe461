#!/bin/sh
# What the noise estimate of a JPEG picture is worth: deconvolution with the true PSF, its weight from the noise by
# high-pass, and from the noise that is taken when none is given. A line each to the CSV (PSNR of luma in dB).
# usage: bench/noise_jpeg.sh DIPPER OUT.csv PICTURE... (docs/noise.md: the Kodak pictures 1, 5, 9, 13)
set -eu
dipper=$1 csv=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C
"$dipper" psf make --random-motion 1 --size 21 -o "$work/psf.npy" >/dev/null
restore() { # NOISE: PSNR with this noise
    "$dipper" deblur -q -f -j 1 --psf "$work/psf.npy" -m hyperlaplacian --noise "$1" -o "$work/out.png" "$work/b.png" >/dev/null
    "$dipper" score "$work/out.png" --gt "$picture" --json 2>/dev/null | sed -n 's/.*"psnr_db": *\([0-9.]*\).*/\1/p'
}
echo "picture,noise,quality,highpass,taken,psnr_highpass_db,psnr_taken_db" >"$work/csv"
for picture; do
    for noise in 0.005 0.02; do
        for quality in 90 75; do
            "$dipper" blur -q -f -j 1 "$picture" --psf "$work/psf.npy" --border reflect --noise "gaussian:$noise" --saturate \
                --jpeg $quality -o "$work/b.png" >/dev/null
            "$dipper" info "$work/b.png" >"$work/info"
            highpass=$(sed -n 's/.* \([0-9.]*\) by high-pass.*/\1/p' "$work/info")
            taken=$(sed -n 's/.* \([0-9.]*\) is taken.*/\1/p' "$work/info")
            printf "%s,%s,%s,%s,%s,%.2f,%.2f\n" "$(basename "$picture" .png)" "$noise" "$quality" "$highpass" "$taken" \
                "$(restore "$highpass")" "$(restore "$taken")" >>"$work/csv"
        done
    done
done
cp "$work/csv" "$csv"
