# The Levin protocol of dipper score against a few lines of NumPy, on the blurred Levin pictures if they are there.
data=${DIPPER_TEST_DATA:?}/levin
skip() { echo "skipped: $1"; exit 77; }
[ -e "$data/gt/im2.png" ] || skip "no pictures in $data"
[ "${DIPPER_HAVE_VIPS:-ON}" != OFF ] || skip 'this build has no libvips'
[ "${DIPPER_HAVE_JANSSON:-ON}" != OFF ] || skip 'this build has no jansson'
for python in python3 /usr/bin/python3; do
    "$python" -c 'import numpy' 2>/dev/null && exec "$python" "$(dirname "$0")/levin_scores.py" "$DIPPER" "$data"
done
skip 'no python3 with numpy'
