# Scenes and plans for the tests of sweeps: source it after lib.sh.

scene=$DIPPER_BUILD/dipper-scene
if ! have_json || [ "${DIPPER_HAVE_XXHASH:-ON}" = OFF ]; then
    expect 2 "$DIPPER" sweep plan.json
    one_line
    err_has 'lacks jansson or xxHash'
    finish
fi
[ -x "$scene" ] || { echo 'skipped: this build has no dipper-scene'; exit 77; }

# scenes N: sharp/s1 to sharp/sN, 48x44 px.
scenes() {
    mkdir -p sharp
    for i in $(seq "$1"); do
        "$scene" -o one --seed "$i" --size 48x44 --psf-size 5 >/dev/null || bad "no scene $i"
        mv one/sharp.* "sharp/s$i.$(ls one | sed -n 's/sharp\.//p')"
        rm -r one
    done
}
# plan FILE: the plan from stdin, with fields that make it quick in the place of QUICK.
quick='"channels": 4, "restarts": 1, "iterations": [[2, 2, 2]]'
plan() { sed "s/QUICK/$quick/" >"$1"; }
json_count() { find "$1/runs" -name '*.json' | wc -l; }
has_count() { check "$(json_count "$1") results instead of $2 in $1" test "$(json_count "$1")" -eq "$2"; }
# Each run once: as many lines as results, no name of a case with settings and seed twice.
once() { # FOLDER COUNT
    has_count "$1" "$2"
    check "results.csv has not $2 runs" test "$(wc -l <"$1/results.csv")" -eq $(($2 + 1))
    check 'a run is there twice' test "$(cut -d, -f1-2 --complement "$1/results.csv" | sort | uniq -d | wc -l)" -eq 0
    check 'claims are left' test "$(find "$1/runs" -name '*.claim' | wc -l)" -eq 0
}
