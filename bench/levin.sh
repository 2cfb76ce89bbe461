#!/bin/sh
# Quality of `fast` on the Levin data: three seeds with the PSF's own size told, with the oracle, and one with 31 px told;
# rows to bench/results/levin_fast.csv. About 45 minutes on two cores; goes on where it was stopped.
# usage: bench/levin.sh BUILD_FOLDER DATA [RESULTS_FOLDER]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1 data=$2 results=${3:-$1/levin}
"$build/dipper" bench levin --data "$data" -m fast --oracle -o "$results" # one at a time: its times are the ones quoted
"$build/dipper" bench levin --data "$data" -m fast --oracle --seeds 3 --jobs 2 -o "$results"
"$build/dipper" bench levin --data "$data" -m fast -k 31 --jobs 2 -o "$results"
cp "$results/results.csv" "$root/bench/results/levin_fast.csv"
