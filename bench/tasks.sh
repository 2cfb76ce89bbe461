#!/bin/sh
# Denoising, super-resolution and inpainting: PSNR and time, a line a case to the CSV, pictures to the folder. Cases are
# the deep image prior paper's pictures (DATA, the folder dip of the shared data; - for none) and a scene of our own.
# About 20 minutes on two cores. usage: bench/tasks.sh BUILD DATA FOLDER OUT.csv [CASE...]
# Cases: f16 zebra kate vase scene_denoise scene_superres scene_inpaint
set -eu
build=$1 data=$2 work=$3 csv=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
py() { OMP_NUM_THREADS=1 "${PYTHON:-/usr/bin/python3}" "$here/tasks.py" "$@"; }
mkdir -p "$work"
[ $# -gt 0 ] || set -- scene_denoise scene_superres scene_inpaint f16 zebra kate vase
[ -e "$csv" ] || echo "case,task,width,height,before_db,result_db,iterations,stopped_by,threads,seconds" >"$csv"

field() { sed -n "s/^ *\"$2\": *\"\{0,1\}\([^\",]*\).*/\1/p" "$1" | tail -n 1; }

# run CASE TRUTH BEFORE_DB MASK COMMAND...: runs the command (its result is CASE_result.png), scores, adds the line
run() {
    name=$1 truth=$2 before=$3 mask=$4
    shift 4
    "$build/dipper" "$@" -q -f ${THREADS:+-j "$THREADS"} -o "$work/${name}_result.png" >/dev/null
    record=$work/${name}_result.run.json
    # shellcheck disable=SC2086 # no mask, no argument
    result=$(py psnr "$work/${name}_result.png" "$truth" $mask)
    size=$("$build/dipper" info "$truth" | sed -n 's/.*[^0-9]\([0-9][0-9]*\) x \([0-9][0-9]*\).*/\1,\2/p' | head -n 1)
    echo "$name,$1,$size,$before,$result,$(field "$record" iterations),$(field "$record" stopped_by),$(
        field "$record" threads),$(LC_ALL=C printf %.0f "$(field "$record" seconds_solver)")" | tee -a "$csv"
}

denoise() { # CASE TRUTH
    py noisy "$2" "$work/$1_in.png" 25
    run "$1" "$2" "$(py psnr "$work/$1_in.png" "$2")" "" denoise "$work/$1_in.png"
}
superres() { # CASE PICTURE FACTOR
    py smaller "$2" "$work/$1_in.png" "$work/$1_truth.png" "$3"
    py larger "$work/$1_in.png" "$work/$1_bicubic.png" "$3"
    before=$(py psnr "$work/$1_bicubic.png" "$work/$1_truth.png")
    run "$1" "$work/$1_truth.png" "$before" "" superres "$work/$1_in.png" -x "$3"
}
inpaint() { # CASE TRUTH MASK
    run "$1" "$2" "" "$3" inpaint "$2" --mask "$3"
}

# For docs/pictures: given, result, truth.
picture() { py beside "$work/$1_in.png" "$work/$1.png" "$work/$1_result.png" "$2"; }

scene=$work/scene/sharp.png
[ -e "$scene" ] || "$build/dipper-scene" -o "$work/scene" --seed 9 --size 160x128 --colour >/dev/null
for case; do
    case $case in
    scene_denoise) denoise "$case" "$scene" && picture "$case" "$scene" ;;
    scene_superres) superres "$case" "$scene" 2 && picture "$case" "$scene" ;;
    scene_inpaint)
        py holes "$scene" "$work/scene_mask.png"
        inpaint "$case" "$scene" "$work/scene_mask.png"
        py masked "$scene" "$work/${case}_in.png" "$work/scene_mask.png"
        picture "$case" "$scene"
        ;;
    f16) [ "$data" = - ] || denoise f16 "$data/denoising/F16_GT.png" ;;
    zebra) [ "$data" = - ] || superres zebra "$data/sr/zebra_GT.png" 4 ;;
    kate | vase) [ "$data" = - ] || inpaint "$case" "$data/inpainting/$case.png" "$data/inpainting/${case}_mask.png" ;;
    *) echo "tasks.sh: no case '$case'" >&2 && exit 2 ;;
    esac
done
