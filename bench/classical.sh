#!/bin/sh
# Quality of the classical methods on the Levin data with the PSF's own size told, with the oracle; rows to
# bench/results/levin_classical.csv. A minute or two on one core for each method; goes on where it was stopped.
# usage: bench/classical.sh BUILD_FOLDER DATA [RESULTS_FOLDER [METHOD...]]   (METHOD: all by default)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1 data=$2 results=${3:-$1/classical}
[ $# -lt 3 ] && shift 2 || shift 3
[ $# -gt 0 ] || set -- map-l0 extreme-channel dark-channel vb map-l1l2
for method in "$@"; do
    OMP_NUM_THREADS=1 "$build/dipper" bench levin --data "$data" -m "$method" --oracle -j 1 -o "$results"
done
cp "$results/results.csv" "$root/bench/results/levin_classical.csv"
