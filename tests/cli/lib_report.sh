# Results folders for the tests of `dipper report`, written by hand: source it after lib.sh.

version=$("$DIPPER" --version | sed 's/dipper //')

# result ID CASE METHOD SEED PSNR [KEY=VALUE]...: folder/runs/ID.json; values are JSON.
result() {
    file=folder/runs/$1.json
    mkdir -p folder/runs folder/pictures
    cat >"$file" <<JSON
{"dipper": "$version", "id": "$1", "suite": "hand", "case": $2, "picture": "p", "kernel": "k", "method": $3,
"settings": "", "seed": $4, "psf_told": "own", "psf_width": 5, "psf_height": 5, "failed": 0, "message": "",
"protocol": "levin", "crop": 4, "range": 10, "channel": 0, "clip": 1, "psnr_db": $5, "ssim": 0.81,
"psnr_blurred_db": 22.5, "isnr_db": 3.25, "psnr_nb_db": 31.5, "shift_x": 0.25, "shift_y": -1.0,
"oracle_psnr_db": 30.5, "error_ratio": 1.5, "spectral_ratio": null, "psf_correlation": 0.9,
"psf_squared_error": null, "gradient_l1_l2": null, "total_variation": null, "residual_rms": null,
"residual_whiteness": null, "psf_entropy": null, "psf_border_mass": null, "seconds": 12.5,
"memory_bytes": 150000000.0, "device": "cpu", "threads": 1, "blurred_file": "$work/blurred.png",
"truth_file": "$work/truth.png", "true_psf_file": "$work/psf.npy", "true_psf_rotated": 1,
"result_file": "pictures/$1.png", "psf_npy_file": "pictures/$1_psf.npy", "psf_png_file": ""}
JSON
    [ -e found.png ] && cp found.png "folder/pictures/$1.png" && cp found_psf.npy "folder/pictures/$1_psf.npy"
    shift 5
    for pair; do
        key=${pair%%=*}
        python3 - "$file" "$key" "${pair#*=}" <<'PYTHON'
import json, sys
path, key, value = sys.argv[1:]
record = json.load(open(path))
assert key in record, key
record[key] = json.loads(value)
json.dump(record, open(path, "w"))
PYTHON
    done
}

# The pictures of all results, from now on.
shared_pictures() {
    make blurred.png 40 36 channels=3
    make truth.png 40 36
    make psf.npy 5 5 depth=32
    cp truth.png found.png
    make found_psf.npy 7 5 depth=32
}

# What is needed at all; ends the test as skipped.
need() {
    have_json || { echo 'skipped: this build has no jansson'; exit 77; }
    command -v python3 >/dev/null || { echo 'skipped: python3 is missing'; exit 77; }
}
