# Wiener's filter and Richardson-Lucy against scikit-image's, where the definition is the same.
: "${DIPPER:?path of the dipper command}"
skip() { echo "skipped: $1"; exit 77; }
"$DIPPER" info | grep -q 'wiener .*needs FFTW' && skip 'this build has no FFTW'
for python in python3 /usr/bin/python3; do
    "$python" -c 'import skimage.restoration' 2>/dev/null && exec "$python" "$(dirname "$0")/scikit_image.py" "$DIPPER"
done
skip 'no python3 with scikit-image (Debian: python3-skimage)'
