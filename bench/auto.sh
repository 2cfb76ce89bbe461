#!/bin/sh
# Quality of the automatic mode on the Levin data, the PSF's size not told, with the oracle; rows to
# bench/results/levin_auto.csv. Half an hour on two cores; goes on where it was stopped. None depends on the seed.
# usage: bench/auto.sh BUILD_FOLDER DATA [RESULTS_FOLDER [METHOD...]]   (METHOD: auto-fast, auto, auto-best by default)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1 data=$2 results=${3:-$1/auto}
[ $# -lt 3 ] && shift 2 || shift 3
[ $# -gt 0 ] || set -- auto-fast auto auto-best
for method in "$@"; do
    "$build/dipper" bench levin --data "$data" -m "$method" --oracle -o "$results" # one at a time: its times are quoted
done
cp "$results/results.csv" "$root/bench/results/levin_auto.csv"
