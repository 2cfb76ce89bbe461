#!/bin/sh
# Does the automatic mode keep --max-time, and what is its result worth by then? A Levin picture and a colour picture of
# Lai et al. (0.8 million pixels), default preset, verdict included; rows to bench/results/max_time.csv. Seconds are the
# command's, from its start to its end.
# usage: bench/max_time.sh BUILD_FOLDER DATA   (THREADS: 2)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1 data=$2 csv=$root/bench/results/max_time.csv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

try() { # PROTOCOL NAME BLURRED TRUTH SECONDS
    from=$(date +%s.%N)
    "$build/dipper" deblur "$3" --max-time "$5" -j "${THREADS:-2}" -q -f -o "$work/out.png" >/dev/null || [ $? = 7 ]
    took=$(echo "$(date +%s.%N) - $from" | bc)
    psnr=$("$build/dipper" score "$work/out.png" --gt "$4" --protocol "$1" --json | sed 's/.*"psnr_db":\([^,}]*\).*/\1/')
    printf '%s,%s,%.2f,%.2f\n' "$2" "$5" "$took" "$psnr" | tee -a "$csv"
}

echo picture,max_time,seconds,psnr_db >"$csv"
for seconds in 1 2 5 10 20 40; do
    try levin im1_kernel4 "$data/levin/blurred/im1_kernel4_img.png" "$data/levin/gt/im1.png" $seconds
    try lai people_01_kernel_01 "$data/lai/blurred/people_01_kernel_01.png" "$data/lai/gt/people_01.png" $seconds
done
