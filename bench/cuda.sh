#!/bin/sh
# The CUDA back end on the GPU of this machine: every op proved, time of an iteration for each precision beside PyTorch's
# in the same call, runs that share the GPU, and, with the Levin data, whole runs of the command and quality; part recipes,
# not among the usual ones, does all recipes in full on all cases with three seeds. Rows to bench/results/cuda.csv (time)
# and bench/results/levin_cuda.csv (quality), those of recipes to levin_cuda_recipes.csv. Needs a build with
# -DDIPPER_CUDA=ON -DDIPPER_BENCH=ON; PyTorch if it is there.
# usage: bench/cuda.sh BUILD_FOLDER [LEVIN_FOLDER]
# Environment: PARTS (default "check time torch share whole quality"), MODES (of torch_gpu.py), RESULTS (folder of the
# runs), CSV, QUALITY_CSV, RECIPES_CSV (other files), DEVICE (default cuda; another, to try the script without a GPU)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1 data=${2:-}
csv=${CSV:-$root/bench/results/cuda.csv} quality=${QUALITY_CSV:-$root/bench/results/levin_cuda.csv}
recipes=${RECIPES_CSV:-$root/bench/results/levin_cuda_recipes.csv}
results=${RESULTS:-$build/cuda}
gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1)
gpu=${gpu:-${DEVICE:-no GPU}}
mkdir -p "$results"
[ -f "$csv" ] || echo "tool,network,mode,at_once,median_ms,least_ms,graph_ms,gpu" >"$csv"

device() { [ "${DEVICE:-cuda}" = cuda ] && echo "cuda/$1" || echo "$DEVICE"; }

iteration() { # NETWORK PSF PRECISION LOG
    DIPPER_DEVICE=$(device "$3") "$build/bench/iteration" "$1" 255 "$2" 300 8 >"$4"
}

row() { # NETWORK PRECISION AT_ONCE LOG
    awk -v network="$1" -v mode="$2" -v at_once="$3" -v gpu="$gpu" '
        $1 == "RESULT" { median = $2; least = $3 }
        $1 == "GRAPH" { graph = $2 }
        END { printf "Dipper,%s,%s,%s,%s,%s,%s,%s\n", network, mode, at_once, median, least, graph, gpu }' "$4" |
        tee -a "$csv"
}

# whole METHOD PRECISION OPTION...: the command on a picture of 255 x 255, three times, from reading to the verdict
whole() {
    method=$1 precision=$2
    shift 2
    for i in 1 2 3; do
        from=$(date +%s%N)
        "$build/dipper" deblur -q -f "$data/blurred/im1_kernel1_img.png" -o "$results/whole.png" \
            --device "$(device "$precision")" "$@" >/dev/null || [ $? = 7 ] # the verdict
        echo $((($(date +%s%N) - from) / 1000000))
    done | sort -n | paste -s -d ' ' | while read -r least median _; do
        echo "Dipper,$method,$precision whole command,1,$median,$least,,$gpu" | tee -a "$csv"
    done
}

bench() { "$build/dipper" bench levin --data "$data" "$@"; }

for part in ${PARTS:-check time torch share whole quality}; do
    case $part in
    check)
        for precision in f32 tf32 bf16; do
            for mode in check adjoint bitwise; do "$build/tests/checkop" $mode cuda/$precision | tail -n 1; done
        done
        ;;
    time)
        for precision in f32 tf32 bf16; do
            iteration selfdeblur 17 $precision "$results/selfdeblur-$precision.txt"
            row selfdeblur $precision 1 "$results/selfdeblur-$precision.txt"
            iteration fast 31 $precision "$results/fast-$precision.txt"
            row fast $precision 1 "$results/fast-$precision.txt"
        done
        ;;
    torch)
        # shellcheck disable=SC2086 # a list of words
        python3 "$root/bench/torch_gpu.py" selfdeblur 255 17 20 ${MODES:-} | tee "$results/torch.txt"
        awk -v gpu="$gpu" '$1 == "TORCH" && $4 != "failed:" {
            printf "PyTorch,%s,%s,1,%s,%s,,%s\n", $2, $3, $4, $5, gpu }' "$results/torch.txt" >>"$csv"
        ;;
    share) # processes; with NVIDIA's MPS running (nvidia-cuda-mps-control -d) they run beside each other
        for n in 1 2 4 8; do
            for i in $(seq $n); do iteration fast 31 tf32 "$results/share-$i.txt" & done
            wait
            row fast tf32 $n "$results/share-1.txt"
        done
        ;;
    whole)
        [ -d "$data" ] || { echo "cuda.sh: no Levin data: whole runs are skipped" >&2 && continue; }
        for precision in tf32 bf16; do whole fast $precision -m fast; done
        for precision in tf32 bf16; do whole selfdeblur $precision -m selfdeblur -k 19; done
        whole auto-fast tf32 --preset fast
        ;;
    recipes) # three processes at once; 40 minutes of an H200, by the time of an iteration; goes on where it was stopped
        [ -d "$data" ] || { echo "cuda.sh: no Levin data: recipes are skipped" >&2 && continue; }
        for method in selfdeblur simplersdb simplersdb-0.99 vdip-std vdip-sparse vdip-extreme wdip deblur-inr fast; do
            bench -o "$results/recipes" --device "$(device bf16)" -m $method --seeds 3 --jobs 3
        done
        cp "$results/recipes/results.csv" "$recipes"
        ;;
    quality)
        [ -d "$data" ] || { echo "cuda.sh: no Levin data: quality is skipped" >&2 && continue; }
        four=im1_kernel1,im1_kernel5,im2_kernel1,im2_kernel5
        bench -o "$results/tf32" --device cuda/tf32 --cases $four -m selfdeblur -m vdip-sparse --jobs 4
        bench -o "$results/tf32" --device cuda/tf32 -m fast -k 31 --jobs 4
        bench -o "$results/bf16" --device cuda/bf16 -m fast -k 31 --jobs 4
        bench -o "$results/bf16" --device cuda/bf16 --cases im1_kernel1 -m selfdeblur
        { cat "$results/tf32/results.csv" && tail -n +2 "$results/bf16/results.csv"; } >"$quality"
        ;;
    *) echo "cuda.sh: no part '$part'" >&2 && exit 2 ;;
    esac
done
