# dipper sweep: plans, grids and draws, resuming, shards, two at once, stopping, forecasts, what is refused.
tests=$(cd "$(dirname "$0")" && pwd)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_sweep.sh"
scenes 2
sweep() { want=$1; shift; expect "$want" "$DIPPER" sweep -j 1 --progress none "$@"; }

# ---- What is refused, before anything is written ----
# refused CODE TEXT PLAN: the plan in one line.
refused() {
    printf '%s\n' "$3" | plan bad.json
    sweep "$1" bad.json -o r
    one_line
    err_has "$2"
    absent r
}
made='"data": [{"suite": "made", "dir": "sharp", "psfs": [{"kind": "disk", "radius": 1.5}]}]'
fast='"recipes": ["fast"]'
refused 2 "unknown key 'sedes'; did you mean 'seeds'" "{$made, $fast, \"sedes\": 2}"
refused 2 "bad.json: fields: a recipe has no field 'chanels'; did you mean 'channels'" "{$made, $fast, \"fields\": {\"chanels\": 4}}"
refused 2 "recipes\[0\].fields: a recipe has no field 'tvv'; did you mean 'tv'" \
    "{$made, \"recipes\": [{\"recipe\": \"fast\", \"fields\": {\"tvv\": 0}}]}"
refused 2 "recipes\[0\]: there is no recipe 'fats'; did you mean 'fast'" "{$made, \"recipes\": [\"fats\"]}"
refused 2 'channels: .0. is not a whole number from 1' "{$made, $fast, \"fields\": {\"channels\": 0}}"
refused 2 'fields.tv: is empty: the product' "{$made, $fast, \"fields\": {\"tv\": []}}"
refused 2 'recipes: is empty: the product' "{$made, \"recipes\": []}"
refused 2 'data: is empty: the product' "{\"data\": [], $fast}"
refused 2 'seeds: is empty: the product' "{$made, $fast, \"seeds\": 0}"
refused 2 'seeds: is empty: the product' "{$made, $fast, \"seeds\": []}"
refused 2 'draws: is not a whole number from 1' "{$made, $fast, \"draws\": 0}"
refused 2 "lacks 'data'" "{$fast}"
refused 2 "lacks 'recipes'" "{$made}"
refused 2 "fields.tv: lacks 'count'" "{$made, $fast, \"fields\": {\"tv\": {\"from\": 0, \"to\": 1}}}"
refused 2 'scale log begins above 0' "{$made, $fast, \"fields\": {\"tv\": {\"from\": 0, \"to\": 1, \"count\": 3, \"scale\": \"log\"}}}"
refused 2 'combinations of fields are too many' \
    "{$made, $fast, \"fields\": {\"tv\": {\"from\": 0, \"to\": 1, \"count\": 10000}, \"lr_psf\": {\"from\": 0, \"to\": 1, \"count\": 10000}}}"
refused 2 "data\[0\]: 'suite': there is no suite 'mdae'; did you mean 'made'" \
    "{\"data\": [{\"suite\": \"mdae\", \"dir\": \"sharp\"}], $fast}"
refused 2 "data\[0\]: lacks 'dir'" "{\"data\": [{\"suite\": \"made\"}], $fast}"
refused 3 'there is no folder .*nowhere' "{\"data\": [{\"suite\": \"made\", \"dir\": \"nowhere\"}], $fast}"
refused 2 "psfs\[0\]: a PSF of kind motion needs 'length'" \
    "{\"data\": [{\"suite\": \"made\", \"dir\": \"sharp\", \"psfs\": [{\"kind\": \"motion\"}]}], $fast}"
refused 2 "there is no kind of PSF 'dics'; did you mean 'disk'" \
    "{\"data\": [{\"suite\": \"made\", \"dir\": \"sharp\", \"psfs\": [{\"kind\": \"dics\"}]}], $fast}"
refused 2 "'psfs' belongs to suite made" "{\"data\": [{\"suite\": \"folder\", \"dir\": \"sharp\", \"psfs\": []}], $fast}"
refused 2 'give the PSFs names' \
    "{\"data\": [{\"suite\": \"made\", \"dir\": \"sharp\", \"psfs\": [{\"kind\": \"delta\"}, {\"kind\": \"delta\"}]}], $fast}"
mkdir other
refused 2 "other data is called 'made' too" \
    "{\"data\": [{\"suite\": \"made\", \"dir\": \"sharp\"}, {\"suite\": \"made\", \"dir\": \"other\"}], $fast}"
refused 3 'holds no pictures of suite made' "{\"data\": {\"suite\": \"made\", \"dir\": \"other\"}, $fast}"
refused 3 'bad.json: is not JSON: line [12], column' "{$made, $fast"
refused 3 'duplicate object key' "{$made, $fast, $fast}"
refused 2 'is not an object with keys' '[]'
mkdir -p lacking/blurred lacking/gt lacking/psf
cp sharp/s1.* "lacking/blurred/im1_kernel1_img.$(ls sharp | sed -n 's/s1\.//p')"
refused 3 'lacks 2 partners of blurred pictures: gt/im1.*, psf/kernel1' \
    "{\"data\": {\"suite\": \"levin\", \"dir\": \"lacking\"}, $fast}"
printf '{%s,\n%s,\n  "seeds": ,\n}' "$made" "$fast" >bad.json
sweep 3 bad.json -o r
one_line
err_has 'bad.json: is not JSON: line 3, column'
sweep 3 nothing.json -o r
err_has 'nothing.json: cannot be read'
sweep 3 sharp -o r
err_has 'sharp: is a folder'
sweep 2 -o r
err_has 'name one plan'
printf '{%s, %s}' "$made" "$fast" >bad.json
sweep 2 bad.json
err_has 'name a folder for the results'
for shard in 2/2 -1/2 1 a/b 0/2x; do
    sweep 2 bad.json -o r --shard "$shard"
    err_has 'is not I/N'
done
absent r

# ---- The example of docs/sweeps.md, which is in the repository ----
root=$tests/../..
mkdir examples build
cp "$root/examples/sweep.json" examples
check 'docs/sweeps.md has another example' sh -c "sed -n '/^\`\`\`json/,/^\`\`\`\$/p' '$root/docs/sweeps.md' | sed '1d;\$d' | cmp - examples/sweep.json"
"$scene" -o build/scene --size 96x80 >/dev/null
sed -i 's/\[20, 20, 40\]/[1, 1, 2]/' examples/sweep.json # quick
sweep 0 examples/sweep.json
once build/sweep 28

# ---- A grid ----
plan grid.json <<'JSON'
{
  "results": "g",
  "data": [{"suite": "made", "dir": "sharp", "cases": "s1*",
            "psfs": [{"kind": "motion", "length": 5, "angle": 30}, {"kind": "gaussian", "sigma": 1, "name": "soft"}],
            "noise": [0.01, {"kind": "poisson", "level": 1000}]}],
  "oracle": true,
  "recipes": ["fast"],
  "fields": {QUICK, "lr_psf": {"from": 0.01, "to": 0.09, "count": 3}, "tv": [0, 0.01]},
  "seeds": [5]
}
JSON
sweep 0 grid.json --dry-run
out_has '^runs  *28: 4 cases x 6 methods x 1 seeds, 4 of the oracle'
out_has '^to do  *28, 0 are there'
out_has '^to make  *4 blurred pictures'
out_has '^time  *about [0-9]* [a-z]* here: 0 methods known from results, 6 tried'
absent g
sweep 0 grid.json
once g 28
out_has '^fast  *4 .* lr_psf=0.01 tv=0.01$'
out_has '^fast  *4 .* lr_psf=0.09$' # tv 0 is what fast has
check 'no case of the plan' grep -q '^made,fast,"iterations=2.*lr_psf=0.09 tv=0.01",own,s1_motion_5_a30_poisson1000,5,s1,' \
    g/results.csv
check 'wrong name of a PSF' grep -q ',s1_soft_n0.01,5,' g/results.csv
check 'no error ratios' test "$(grep -l '"error_ratio": [0-9]' g/runs/*.json | wc -l)" -eq 24
sweep 0 grid.json --dry-run
out_has '^to do  *0, 28 are there'
for left in g/runs/*.json; do break; done
touch "${left%.json}.claim" # by a process that was killed when its run was nearly done
sweep 0 grid.json -v -q
err_has '0 runs done, 28 were there'
once g 28
expect 0 "$DIPPER" report g
exists g/report.html

# The same runs as those of dipper bench: what one did is there for the other.
plan bench.json <<'JSON'
{"results": "b", "data": {"suite": "made", "dir": "sharp", "cases": "s1_disk"}, "recipes": "fast",
 "fields": {"scales": 1, "channels": 4, "restarts": 1, "iterations": [2, 3]}}
JSON
make sharp/large.npy 130 120 depth=32
sed -i 's/s1_disk/large_disk/' bench.json
expect 0 "$DIPPER" bench made -j 1 --data sharp -o b --cases large_disk --set channels=4 --set restarts=1 --set scales=1 -n 3 -q
sweep 0 bench.json -v
err_has '1 runs done, 1 were there'
rm sharp/large.npy

# A changed picture is another case with other files; the results of before stay.
mv sharp/s1.* first.picture
cp "$(ls sharp/s2.*)" "$(ls sharp/s2.* | sed 's/s2/s1/')"
sweep 0 grid.json -v -q
err_has '28 runs done, 0 were there'
has_count g 56
mv first.picture "$(ls sharp/s1.*)"

# ---- Draws: more of them keep those that are there ----
plan draw.json <<'JSON'
{"results": "d", "data": {"suite": "made", "dir": "sharp", "cases": "s1_d", "psfs": [{"kind": "delta", "name": "d"}]},
 "recipes": ["fast"], "draws": 3, "draw_seed": 7,
 "fields": {QUICK, "lr_psf": {"from": 0.001, "to": 0.1, "scale": "log"}, "depth": {"from": 2, "to": 5}, "psf": ["direct", "fcn"]}}
JSON
sed -i 's/"s1_d"/"s1_d_*"/' draw.json
sweep 0 draw.json
once d 3
check 'draws outside of their range' test "$(sed -n 's/.*lr_psf=\([0-9.]*\).*/\1/p' d/results.csv | awk '$1 < 0.001 || $1 > 0.1' | wc -l)" -eq 0
check 'a depth that is no whole number' test "$(grep -c 'depth=[2-5] \|lr_psf' d/results.csv)" -eq 3
cp d/results.csv three.csv
sed -i 's/"draws": 3/"draws": 5/' draw.json
sweep 0 draw.json -v -q
err_has '2 runs done, 3 were there'
check 'the first draws changed' test "$(grep -c -x -F -f three.csv d/results.csv)" -eq 4
sed 's/"draw_seed": 7/"draw_seed": 8/' draw.json >draw8.json
sweep 0 draw8.json -v -q
err_has '5 runs done, 0 were there'

# ---- Shards, in any order, are the whole ----
for shard in 2/3 0/3 1/3; do sweep 0 grid.json -o shards --shard $shard -q; done
out_empty # no table: other shards may be at work
once shards 28
sweep 0 grid.json -o shards -v -q
err_has '0 runs done, 28 were there'
check 'other scores in shards' test "$(cut -d, -f5-14 shards/results.csv | sort | comm -12 - "$(
    cut -d, -f5-14 g/results.csv | sort >g.txt
    echo g.txt
)" | wc -l)" -eq 29

# ---- Two at once share the work ----
last='two sweeps on one folder'
"$DIPPER" sweep -j 1 --progress none -v grid.json -o both >first.out 2>first.err &
first=$!
sweep 0 grid.json -o both -v
wait $first
check 'the first of two failed' test $? -eq 0
total=$(sed -n 's/.*dipper: \([0-9]*\) runs done.*/\1/p' first.err .seen/err | awk '{ sum += $1 } END { print sum }')
check "two sweeps did $total runs instead of 28" test "$total" -eq 28
once both 28
check 'the first has not all in its table' grep -q '^oracle  *4 ' first.out

# ---- Other versions, broken files ----
sed 's/"dipper": "[^"]*"/"dipper": "0.0.1"/' "$(find d/runs -name '*.json' | head -n 1)" >d/runs/00000000000000aa.json
sweep 0 draw.json
err_has '1 result of other versions of Dipper left out'
exists d/runs/00000000000000aa.json
echo '{' >d/runs/00000000000000ab.json
sweep 3 draw.json
one_line
err_has 'runs/00000000000000ab.json: cannot be read as JSON'
rm d/runs/00000000000000a?.json

# ---- A full disk ----
last='a full disk'
sed 's/"draws": 5/"draws": 40/' draw.json >many.json
mkdir small
if mount -t tmpfs -o size=120k tmpfs small 2>/dev/null; then
    sweep 4 many.json -o small/r -q
    err_has 'No space left on device'
    check 'half files are left' test "$(find small -name '.dipper-*' | wc -l)" -eq 0
    for file in small/r/runs/*.json; do
        [ -e "$file" ] || continue
        check "$file is not whole" grep -q '^}' "$file"
    done
    mount -o remount,size=20m small
    sweep 0 many.json -o small/r -q
    once small/r 40
    umount small
else
    skip 'a full disk: nothing can be mounted here'
fi
(
    ulimit -f 1
    sweep 4 draw.json -o limit -q
    err_has 'limit/.*: cannot be written'
    check 'a half result' test "$(find limit/runs -name '*.json' 2>/dev/null | wc -l)" -eq 0
    [ "$failed" -eq 0 ]
) || bad 'a limit on the size of files'

# ---- Stopped ----
plan long.json <<'JSON'
{"results": "stop", "data": {"suite": "made", "dir": "sharp", "psfs": [{"kind": "disk", "radius": 1.5}]},
 "recipes": ["fast"], "fields": {"channels": 4, "restarts": 1, "scales": 1, "iterations": 1000000}}
JSON
for signal in TERM USR1 TERM-all TERM-stuck; do
    last="dipper sweep and SIG$signal"
    : >.seen/err
    "$DIPPER" sweep -j 1 --progress json long.json >.seen/out 2>.seen/err &
    pid=$!
    tries=0
    until grep -q iteration .seen/err || [ "$tries" -ge 200 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    begin=$(date +%s)
    if [ $signal = TERM-stuck ]; then # a run that hears nothing
        command -v pgrep >/dev/null 2>&1 || { skip 'a run that hangs: there is no pgrep'; kill -s KILL $pid; continue; }
        kill -s STOP "$(pgrep -P $pid)"
        signal=TERM
    fi
    if [ $signal = TERM-all ]; then # as a cluster signals the job, and the job's script once more
        signal=TERM
        pkill -TERM -P $pid
        kill -s TERM $pid
        sleep 0.3
    fi
    kill -s "$signal" $pid 2>/dev/null
    wait $pid
    code=$?
    check "exit code $code instead of 8" test "$code" = 8
    check 'more than ten seconds to stop' test $(($(date +%s) - begin)) -le 10
    err_has 'stopped by a signal; 0 of 2 runs are done'
    has_count stop 0
    absent stop/runs/*.claim
    exists stop/runs/*.checkpoint
done

# Stopped while another process makes the pictures.
if command -v flock >/dev/null 2>&1; then
    last='dipper sweep that waits for pictures, and SIGTERM'
    mkdir -p wait/runs
    flock wait/runs/made.claim sleep 30 &
    holder=$!
    "$DIPPER" sweep -j 1 --progress none long.json -o wait >.seen/out 2>.seen/err &
    pid=$!
    tries=0
    until grep -q 'making' .seen/err || [ "$tries" -ge 200 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    sleep 0.5
    begin=$(date +%s)
    kill -s TERM $pid
    wait $pid
    code=$?
    kill $holder
    check "exit code $code instead of 8" test "$code" = 8
    check 'more than ten seconds to stop' test $(($(date +%s) - begin)) -le 10
else
    skip 'waiting for pictures: there is no flock'
fi

# ---- A run that was stopped goes on, to the same bits; a checkpoint that is damaged is left out ----
plan whole.json <<'JSON'
{"results": "whole", "data": {"suite": "made", "dir": "sharp", "cases": "s1*", "psfs": [{"kind": "disk", "radius": 1.5}]},
 "recipes": ["fast"], "fields": {"channels": 4, "restarts": 1, "scales": 1, "iterations": 2500}}
JSON
sweep 0 whole.json
for kind in parts damaged; do
    last="dipper sweep stopped and started again, $kind"
    : >.seen/err
    "$DIPPER" sweep -j 1 --progress json whole.json -o $kind >.seen/out 2>.seen/err &
    pid=$!
    tries=0
    until grep -q iteration .seen/err || [ "$tries" -ge 200 ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    kill -s TERM $pid
    wait $pid
    code=$?
    check "exit code $code instead of 8" test "$code" = 8
    exists $kind/runs/*.checkpoint
    if [ $kind = damaged ]; then for f in $kind/runs/*.checkpoint; do printf 12345678 | dd of="$f" bs=1 seek=900 conv=notrunc 2>/dev/null; done; fi
    sweep 0 whole.json -o $kind
    absent $kind/runs/*.checkpoint
    for f in whole/pictures/*; do check "$kind: another $f" cmp -s "$f" "$kind/pictures/${f##*/}"; done
done
finish
