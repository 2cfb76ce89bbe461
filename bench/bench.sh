#!/bin/sh
# Times one iteration of each recipe here and in PyTorch, in turn, with the same threads; prints the ratio and, for the
# first two, each op's share and its fraction of the machine's ceilings; writes bench/results/iteration.csv. About three
# minutes on two quiet cores. With recipes named it does these alone, and their rows alone are in the file.
# usage: bench/bench.sh BUILD_FOLDER [THREADS [RECIPE...]]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1
threads=${2:-2}
[ $# -lt 2 ] && shift || shift 2
[ $# -gt 0 ] || set -- selfdeblur fast simplersdb vdip-std vdip-sparse vdip-extreme wdip deblur-inr
recipes=$*
csv=${CSV:-$root/bench/results/iteration.csv}
python=/usr/bin/python3 # Debian's, which has python3-torch
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$root/bench/results"

# measure NAME COMMAND...: the command's output to $work/NAME, its median, least time and memory to $median, $least, $peak
measure() {
    name=$1
    shift
    "$@" > "$work/$name"
    set -- $(sed -n 's/^RESULT //p' "$work/$name")
    median=$1 least=$2 peak=$3
}

machine=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
echo "network,picture,psf,threads,tool,median_ms,least_ms,peak_mb,machine" > "$work/csv"
for network in $recipes; do
    side=255 psf=17 iterations=7
    [ "$network" != fast ] || psf=31 iterations=15
    if $python -c 'import torch' 2> /dev/null; then
        measure torch $python "$root/bench/torch_iteration.py" "$network" "$side" "$psf" "$iterations" "$threads"
        torch_median=$median
        echo "$network,$side,$psf,$threads,PyTorch,$median,$least,$peak,$machine" >> "$work/csv"
        echo "PyTorch, $network at $side with a PSF of $psf: median $median ms, $peak MB"
    else
        torch_median=
        echo "python3-torch is not installed: no comparison"
    fi
    measure dipper "$build/bench/iteration" "$network" "$side" "$psf" "$iterations" "$threads"
    echo "$network,$side,$psf,$threads,Dipper,$median,$least,$peak,$machine" >> "$work/csv"
    echo "Dipper,  $network at $side with a PSF of $psf: median $median ms, $peak MB"
    [ -z "$torch_median" ] || awk -v a="$torch_median" -v b="$median" 'BEGIN { printf "  1/%.2f of PyTorch%s time\n", a / b, "\047s" }'
    case $network in selfdeblur | fast) grep -v '^RESULT' "$work/dipper" ;; esac
done
cp "$work/csv" "$csv"
echo "written: $csv"
