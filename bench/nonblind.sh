#!/bin/sh
# Every non-blind method on the Levin cases with the true PSF, scored by the Levin protocol (docs/measures.md) against the
# PNG ground truth; one line a case goes to the CSV. usage: bench/nonblind.sh DIPPER LEVIN_FOLDER OUT.csv [METHOD...]
set -eu
dipper=$1 data=$2 csv=$3
shift 3
[ $# -gt 0 ] || set -- wiener rl rl-tv tv hyperlaplacian sparse
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
score() { "$dipper" score "$1" --gt "$2" --protocol levin --json 2>/dev/null | sed -n 's/.*"psnr_db": *\([0-9.]*\).*/\1/p'; }
echo "method,case,blurred_db,result_db,seconds" >"$csv"
for picture in 1 2; do
    for kernel in 1 2 3 4 5 6 7 8; do
        name=im${picture}_kernel$kernel
        blurred=$data/blurred/${name}_img.png truth=$data/gt/im$picture.png
        before=$(score "$blurred" "$truth")
        for method; do
            seconds=$("$dipper" deblur -q -f -j 1 --json --psf "$data/psf/kernel$kernel.npy" --psf-rotate -m "$method" \
                -o "$work/out.png" "$blurred" | sed -n 's/.*"seconds_solver": *\([0-9.]*\).*/\1/p')
            result=$(score "$work/out.png" "$truth")
            LC_ALL=C printf "%s,%s,%.2f,%.2f,%.2f\n" "$method" "$name" "$before" "$result" "$seconds" >>"$csv"
        done
    done
done
