#!/bin/sh
# Both noise estimators on pictures with known noise: sharp and blurred, 8 bit and through JPEG; a line each to the CSV,
# and a table of the estimates divided by the true noise (median, least and largest over the pictures).
# usage: bench/noise.sh DIPPER OUT.csv PICTURE... (docs/noise.md: the Kodak pictures 1, 5, 9 ... 21)
set -eu
dipper=$1 csv=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C
"$dipper" psf make --delta -o "$work/sharp.npy" >/dev/null
"$dipper" psf make --random-motion 1 -o "$work/blurred.npy" >/dev/null
# The two numbers of the line of `dipper info` that names the method.
levels() { sed -n "s/.* \([0-9.]*\) by $1, \([0-9.]*\) at half.*/\1,\2/p" "$work/info"; }
echo "picture,kind,file,noise,taken,patches,patches_half,highpass,highpass_half" >"$work/csv"
for picture; do
    for kind in sharp blurred; do
        for file in png jpeg90 jpeg75; do
            for noise in 0.002 0.005 0.01 0.02 0.05 0.1; do
                "$dipper" blur -q -f -j 1 "$picture" --psf "$work/$kind.npy" --noise "gaussian:$noise" --saturate \
                    $(case $file in jpeg*) echo "--jpeg ${file#jpeg}" ;; esac) -o "$work/noisy.png" >/dev/null
                "$dipper" info "$work/noisy.png" >"$work/info"
                taken=$(sed -n 's/.*  *\([0-9.]*\) is taken.*/\1/p' "$work/info")
                echo "$(basename "$picture" .png),$kind,$file,$noise,$taken,$(levels patches),$(levels high-pass)" >>"$work/csv"
            done
        done
    done
done
cp "$work/csv" "$csv"
for kind in sharp blurred; do
    for file in png jpeg90 jpeg75; do
        for noise in 0.002 0.005 0.01 0.02 0.05 0.1; do
            for column in 5 6 7 8; do
                grep ",$kind,$file,$noise," "$csv" | cut -d, -f$column | sort -g | awk -v t="$noise" -v f="$file" '
                    { v[NR] = $1 / sqrt(t * t + (f == "png") / (255 * 255 * 12)) }
                    END { printf "| %.2f (%.2f–%.2f) ", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2, v[1], v[NR] }'
            done | sed "s/^/| $kind | $file | $noise /; s/$/|/"
            echo
        done
    done
done
