#!/bin/sh
# Quality of the automatic mode on the pictures of Lai et al. 2016 that the data hold, nine with four PSFs each, the PSF's
# size not told, with the oracle; rows to bench/results/lai_auto.csv, their means by category printed. Two minutes a
# picture on one core for balanced (auto), one for auto-fast; goes on where it was stopped.
# usage: bench/lai.sh BUILD_FOLDER DATA [RESULTS_FOLDER [METHOD...]]   (METHOD: auto by default)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1 data=$2/lai results=${3:-$1/lai}
[ $# -lt 3 ] && shift 2 || shift 3
[ $# -gt 0 ] || set -- auto
for oracle in "" --oracle; do # which takes long, and can be added later
    [ -z "${NO_ORACLE:-}" ] || [ -z "$oracle" ] || continue
    for method in "$@"; do
        # shellcheck disable=SC2086
        "$build/dipper" bench lai --data "$data" -m "$method" $oracle -j "${BENCH_THREADS:-0}" -o "$results"
    done
done
csv=$root/bench/results/lai_auto.csv
cp "$results/results.csv" "$csv"
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    $at["method"] ~ /^auto/ && $at["psnr_db"] != "" {
        key = $at["method"] " " $at["picture"]; sub(/_[0-9]*$/, "", key)
        n[key]++; got[key] += $at["psnr_db"]; was[key] += $at["psnr_blurred_db"]; most[key] += $at["oracle_psnr_db"]; if ($at["oracle_psnr_db"] != "") known[key]++
    }
    END { for (k in n) printf "%-24s %d pictures: blurred %.2f, restored %.2f, true PSF %s dB\n",
          k, n[k], was[k] / n[k], got[k] / n[k], known[k] == n[k] ? sprintf("%.2f", most[k] / n[k]) : "not run" }' "$csv" | sort
