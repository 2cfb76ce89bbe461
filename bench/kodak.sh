#!/bin/sh
# Quality of the automatic mode on the Kodak pictures, blurred here by shaken cameras of 9 to 31 px with noise of 0, 1 and
# 3 %, the PSF's size not told, with the oracle; rows to bench/results/kodak_auto.csv, their means by size and noise
# printed. Each picture is blurred by three cameras of different sizes, one for each noise. Half an hour on one core for
# fast; goes on where it was stopped.
# usage: bench/kodak.sh BUILD_FOLDER DATA [RESULTS_FOLDER [METHOD...]]   (METHOD: auto-fast by default)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1 data=$2/kodak results=${3:-$1/kodak}
[ $# -lt 3 ] && shift 2 || shift 3
[ $# -gt 0 ] || set -- auto-fast
made=$results/blurred
mkdir -p "$made/blurred" "$made/gt" "$made/psf"

# The part of the sharp picture that the blur kept.
n=0
for f in "$data"/*.png; do
    n=$((n + 1)) picture=$(basename "$f" .png) i=0
    for noise in 0 0.01 0.03; do
        i=$((i + 1)) size=$(echo 9 15 21 27 31 | cut -d' ' -f$(((n + 2 * i) % 5 + 1)))
        name=${picture}_shake${size}_noise$noise
        [ ! -e "$made/gt/$name.png" ] || continue
        "$build/dipper" blur -q -f "$f" --random-motion $((10 * n + i)) --size "$size" --noise gaussian:$noise \
            --seed "$n" -o "$made/blurred/$name.png" --psf-out "$made/psf/$name.npy" >/dev/null
        "$build/dipper" blur -q -f "$f" --motion 1 --size "$size" -o "$made/gt/$name.png" >/dev/null
    done
done
for oracle in "" --oracle; do # which takes longer than fast, and can be added later
    [ -z "${NO_ORACLE:-}" ] || [ -z "$oracle" ] || continue
    for method in "$@"; do
        # shellcheck disable=SC2086
        "$build/dipper" bench folder --data "$made" -m "$method" $oracle -j "${BENCH_THREADS:-0}" \
            -o "$results"
    done
done
csv=$root/bench/results/kodak_auto.csv
cp "$results/results.csv" "$csv"
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    $at["method"] ~ /^auto/ && $at["psnr_db"] != "" {
        split($at["case"], part, "_")
        for (j = 2; j <= 3; j++) {
            key = $at["method"] " " part[j]
            n[key]++; got[key] += $at["psnr_db"]; was[key] += $at["psnr_blurred_db"]; most[key] += $at["oracle_psnr_db"]; if ($at["oracle_psnr_db"] != "") known[key]++
        }
    }
    END { for (k in n) printf "%-22s %2d pictures: blurred %.2f, restored %.2f, true PSF %s dB\n",
          k, n[k], was[k] / n[k], got[k] / n[k], known[k] == n[k] ? sprintf("%.2f", most[k] / n[k]) : "not run" }' "$csv" | sort
