#!/bin/sh
# The sharpness rule (docs/verdict.md): steepness of the edges of sharp pictures, as they are, with noise and through
# JPEG, and of the same and others blurred; rows to bench/results/sharp.csv, its sums printed. Five minutes on one core;
# SEARCH=search also finds the PSF (`fast`) where steepness alone does not tell, ten minutes more. Half of the pictures
# ("fit") is for choosing limits, the other half ("held") for reporting.
# usage: [SEARCH=search] bench/sharp.sh BUILD_FOLDER DATA [WORK_FOLDER]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1 data=$(cd "$2" && pwd) work=${3:-$1/sharp}
mkdir -p "$work"
export LC_ALL=C

sources() { # SOURCE PICTURE FILE of sharp pictures
    for seed in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        case $seed in 7 | 14) more=--page ;; 5 | 10 | 15 | 20) more="--lamps 6" ;; *) more= ;; esac
        # shellcheck disable=SC2086
        [ -e "$work/scene$seed" ] || "$build/dipper-scene" -o "$work/scene$seed" --seed "$seed" $more >/dev/null
        echo "scene scene$seed $work/scene$seed/sharp.png"
    done
    for folder in kodak levin/gt lai/gt text/gt; do
        for f in "$data/$folder"/*.png; do echo "${folder%/gt} $(basename "$f" .png) $f"; done
    done
    for f in "$data"/microscopy/gt/im*.png; do echo "microscopy $(basename "$f" .png) $f"; done
    for f in denoising/F16_GT restoration/barbara sr/zebra_GT; do echo "dip $(basename $f) $data/dip/$f.png"; done
}

blurs() { # of every kind and size
    cat <<'LIST'
--random-motion 1 --size 7
--gaussian 1.5
--random-motion 2 --size 13
--motion 9,30
--random-motion 3 --size 19
--disk 2.5
--random-motion 4 --size 27
--motion 15,100
--random-motion 5 --size 9
--gaussian 2.5
--random-motion 6 --size 31
--disk 4
--random-motion 7 --size 11
--motion 6,150
--random-motion 8 --size 15
LIST
}
kinds=$(blurs | wc -l)

blur() { # OUT OPTION... ; once
    [ -e "$1" ] || "$build/dipper" blur -q "$file" -o "$@" >/dev/null
}

# Lines "source,picture,half,kind,blur,noise,file".
list() {
    n=0
    sources | while read -r source picture file; do
        n=$((n + 1)) half=fit name=$source-$picture
        [ $((n % 2)) = 1 ] || half=held
        row="$source,$picture,$half"
        echo "$row,sharp,none,0,$file"
        for noise in 0.01 0.03; do
            blur "$work/$name-n$noise.png" --motion 1 --noise gaussian:$noise --seed $n
            echo "$row,sharp,none,$noise,$work/$name-n$noise.png"
        done
        for quality in 60 85; do
            blur "$work/$name-j$quality.png" --motion 1 --jpeg $quality
            echo "$row,sharp,jpeg $quality,0,$work/$name-j$quality.png"
        done
        for i in 0 1 2 3 4 5; do
            k=$(((n * 2 + i * 5) % kinds + 1)) noise=$(echo "0 0.01 0 0.03" | cut -d' ' -f$(((n + i) % 4 + 1)))
            how=$(blurs | sed -n "${k}p") out=$work/$name-b$i.png
            # shellcheck disable=SC2086
            blur "$out" $how --noise gaussian:$noise --seed $n
            echo "$row,blurred,$(echo "$how" | tr , /),$noise,$out"
        done
    done
    n=0
    for f in "$data"/levin/blurred/*.png "$data"/lai/blurred/*.png "$data"/text/blurred/*.png \
        "$data"/microscopy/blur/*.png "$data"/real/*.jpg; do
        n=$((n + 1)) half=fit
        [ $((n % 2)) = 1 ] || half=held
        echo "$(basename "$(dirname "$(dirname "$f")")"),$(basename "$f" | sed 's/\..*//'),$half,blurred,given,,$f" |
            sed 's/^data,/real,/'
    done
}

csv=$root/bench/results/sharp.csv
list >"$work/list.csv"
{ echo "source,picture,half,kind,blur,noise,noise_found,steepness,called"
  "$build/bench/sharp" ${SEARCH:-} <"$work/list.csv"; } >"$csv"
for half in fit held; do
    awk -F, -v half=$half 'NR > 1 && $3 == half { n[$4]++; of[$4, $9]++ }
        END { for (k in n) printf "%s: of %d %s pictures %d are called sharp, %d blurred, of %d it depends on the PSF\n",
              half, n[k], k, of[k, "sharp"], of[k, "blurred"], of[k, "depends on the PSF"] }' "$csv"
done
