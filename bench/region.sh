#!/bin/sh
# PSFs estimated from the region that is chosen, from the middle, and from four random ones, against the true PSF: the Lai
# pictures, and Kodak pictures blurred by two shaken cameras with noise of 0.005; rows to the CSV, means to stdout.
# usage: bench/region.sh BUILD_FOLDER DATA OUT.csv [ESTIMATOR [SIDE]]
set -eu
build=$1 data=$2 csv=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C OMP_NUM_THREADS=1
echo "picture,psf,estimator,region,side,x,y,score,correlation,squared_error" >"$work/csv"
for blurred in "$data"/lai/blurred/*.png; do
    psf=${blurred##*_}
    "$build/bench/region" "$blurred" "$data/lai/psf/kernel_$psf" rotate "$@" >>"$work/csv"
done
for seed in 1 2; do
    "$build/dipper" psf make --random-motion $seed --size 25 -o "$work/shake$seed.npy" >/dev/null
    for sharp in "$data"/kodak/*.png; do
        blurred=$work/$(basename "$sharp")
        "$build/dipper" blur -q -f "$sharp" --psf "$work/shake$seed.npy" --noise gaussian:0.005 -o "$blurred" >/dev/null
        "$build/bench/region" "$blurred" "$work/shake$seed.npy" keep "$@" >>"$work/csv"
    done
done
cp "$work/csv" "$csv"
# Mean and median correlation, and how often below 0.7, for each kind of region and set.
for set in kodim manmade natural people saturated text .; do
    for kind in chosen middle random; do
        grep "^$set.*,$kind[0-9]*," "$csv" | cut -d, -f9 | sort -g | awk -v s="$set" -v k="$kind" '
            { v[NR] = $1; sum += $1; bad += $1 < 0.7 }
            END { if (NR) printf "| %s | %s | %.3f | %.3f | %.0f %% |\n", s, k, sum / NR, (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2, 100 * bad / NR }'
    done
done
