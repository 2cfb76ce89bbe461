# A tiny library for the tests of the command: source it, call expect and the checks, end with finish.
# DIPPER: path of the command. DIPPER_HELPERS: folder with the helper program `pictures`. Work happens in a fresh folder
# that is removed at the end. SPDX-License-Identifier: Apache-2.0
set -u
LC_ALL=C
export LC_ALL
: "${DIPPER:?path of the dipper command}" "${DIPPER_HELPERS:?folder with the helper programs}"
pictures=$DIPPER_HELPERS/pictures
passed=0 failed=0 skipped=0 last=
work=$(mktemp -d "${TMP:-${TMPDIR:-/tmp}}/dipper-cli.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir .seen

good() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    echo "FAILED: $1"
    echo "  command: $last"
    sed 's/^/  stdout: /' .seen/out 2>/dev/null | head -n 5
    sed 's/^/  stderr: /' .seen/err 2>/dev/null | head -n 10
}
skip() {
    skipped=$((skipped + 1))
    echo "skipped: $1"
}

# check WHAT COMMAND...: the command must succeed.
check() {
    what=$1
    shift
    if "$@" >/dev/null 2>&1; then good; else bad "$what"; fi
}
not() { if "$@"; then return 1; fi; }

# expect CODE COMMAND...: runs it, keeps stdout and stderr for the checks below, compares the exit code.
expect() {
    want=$1
    shift
    last=$*
    "$@" >.seen/out 2>.seen/err </dev/null
    code=$?
    if [ "$code" = "$want" ]; then good; else bad "exit code $code instead of $want"; fi
}
# The same for dipper deblur with settings that make it quick; see few.
deblur() { want=$1; shift; expect "$want" "$DIPPER" deblur -j 1 -k 5 -n 3 "$@"; }

out_has() { check "stdout lacks '$1'" grep -q -e "$1" .seen/out; }
err_has() { check "stderr lacks '$1'" grep -q -e "$1" .seen/err; }
err_lacks() { check "stderr has '$1'" not grep -q -e "$1" .seen/err; }
out_empty() { check "stdout is not empty" not test -s .seen/out; }
err_empty() { check "stderr is not empty" not test -s .seen/err; }
# One line on stderr, nothing on stdout: how every error looks (with -q, or before the work begins).
one_line() {
    check "stderr is not one line" test "$(wc -l <.seen/err)" -eq 1
    out_empty
}
exists() { for f; do check "$f is missing" test -s "$f"; done; }
absent() { for f; do check "$f exists" not test -e "$f"; done; }
# What the helper program says about a picture.
shows() { check "$1 is not $2: $("$pictures" show "$1" 2>&1)" sh -c '"$1" show "$2" | grep -q -e "$3"' - "$pictures" "$1" "$2"; }
make() { "$pictures" make "$@" || bad "the helper cannot make $1"; }

have_vips() { [ "${DIPPER_HAVE_VIPS:-ON}" != OFF ]; }
have_json() { [ "${DIPPER_HAVE_JANSSON:-ON}" != OFF ]; }

finish() {
    left=$(find "$work" -name '.dipper-*')
    if [ -z "$left" ]; then good; else bad "temporary files are left: $left"; fi
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ] || exit 1
    [ "$passed" -gt 1 ] || exit 77
    exit 0
}
