#!/bin/sh
# Quality of the recipes on the Levin data, the PSF's own size told, seed 0, with the oracle; one row per run to
# bench/results/levin_recipes.csv, on stdout a table of mean, worst and time for each recipe, and RESULTS/report.html with
# the scatter of ISNR over PSNR-NB. In two parts:
#   full   selfdeblur as published on im1 and im2 with kernel1 and kernel5, vdip-sparse on the same four
#   small  all recipes at 64 channels and 1500 iterations, on all cases (or those named)
# Goes on where it was stopped; several of it may share RESULTS. With two quiet cores of an AVX-512 machine a run of
# `full` takes 13 minutes (selfdeblur: 153 ms an iteration), one of `small` two to three.
# usage: bench/recipes.sh BUILD_FOLDER DATA [CASES]      CASES: names or patterns with commas between, for both parts
# Environment: RESULTS (folder, default BUILD_FOLDER/recipes), PARTS (default "full small"), JOBS, THREADS (0: all cores),
# LENGTH (iterations in place of both parts' own, and no pre-training, to try the script), CSV (another file)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1 data=$2 cases=${3:-}
results=${RESULTS:-$build/recipes}
csv=${CSV:-$root/bench/results/levin_recipes.csv}

# bench CASES ARGUMENT...: one benchmark; CASES may be empty. A run that fails is a row, and no reason to stop.
bench() {
    these=$1
    shift
    code=0
    "$build/dipper" bench levin --data "$data" -o "$results" --jobs "${JOBS:-1}" -j "${THREADS:-0}" --oracle \
        ${these:+--cases "$these"} "$@" || code=$?
    [ $code -eq 0 ] || [ $code -eq 9 ] || exit $code
}

for part in ${PARTS:-full small}; do
    case $part in
    full)
        four=${cases:-im1_kernel1,im1_kernel5,im2_kernel1,im2_kernel5}
        for recipe in selfdeblur vdip-sparse; do
            bench "$four" -m "$recipe" ${LENGTH:+-n "$LENGTH" --set pretrain=0}
        done
        ;;
    small)
        for recipe in fast selfdeblur simplersdb simplersdb-0.99 vdip-std vdip-sparse vdip-extreme wdip deblur-inr; do
            bench "$cases" -m "$recipe" --set channels=64 -n "${LENGTH:-1500}" ${LENGTH:+--set pretrain=0}
        done
        ;;
    *) echo "recipes.sh: no part '$part'" >&2 && exit 2 ;;
    esac
done
cp "$results/results.csv" "$csv"
"$build/dipper" report "$results" -f -q
