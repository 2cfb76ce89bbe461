# dipper bench on a folder of tiny pictures: runs, resuming, sharing, stopping, failures, what is refused.
. "$(dirname "$0")/lib.sh"

if ! have_json || [ "${DIPPER_HAVE_XXHASH:-ON}" = OFF ]; then
    expect 2 "$DIPPER" bench folder --data . -o r
    one_line
    err_has 'lacks jansson or xxHash'
    absent r
    finish
fi

# bench CODE ARGUMENT...: with settings that make it quick.
bench() {
    want=$1
    shift
    expect "$want" "$DIPPER" bench folder -j 1 --set scales=1 --set channels=4 --set restarts=1 "$@"
}
few='-n 3 --data d -o r'
json_count() { find "$1/runs" -name '*.json' | wc -l; }
has_count() { check "$(json_count "$1") results instead of $2 in $1" test "$(json_count "$1")" -eq "$2"; }

mkdir -p d/blurred d/gt d/psf
for name in a b; do
    make d/blurred/$name.npy 48 44 depth=32
    make d/gt/$name.npy 48 44 depth=32 scale=0.9
    make d/psf/$name.npy 5 3 depth=32 constant=0.1
done
make d/blurred/b.npy 48 44 depth=32 scale=0.8

# ---- What is refused, before anything is written ----
have_fftw() { "$DIPPER" info | grep -q 'FFTW on'; }
refused() { # CODE TEXT ARGUMENT...
    code_wanted=$1 text=$2
    shift 2
    expect "$code_wanted" "$DIPPER" bench "$@"
    one_line
    err_has "$text"
    absent r
}
refused 2 'name one suite' --data d -o r
refused 2 'did you mean levin' levni --data d -o r
refused 2 "suite 'b'" folder b --data d -o r
refused 2 "'--data'\|--data" folder -o r
refused 2 '--output' folder --data d
refused 2 'unknown recipe' folder --data d -o r -m quick
refused 2 'given twice' folder --data d -o r -m fast -m fast
refused 2 "channels" folder --data d -o r --set channels=0
refused 2 'field=value' folder --data d -o r --set channels
refused 2 'iterations' folder --data d -o r -n none
refused 2 'must be odd' folder --data d -o r -k 4
refused 2 'not N or WxH' folder --data d -o r -k auto
refused 2 '--seeds' folder --data d -o r --seeds 0
refused 2 '--jobs' folder --data d -o r --jobs 0
refused 2 '--protocol' folder --data d -o r --protocol none
refused 2 'did you mean --method' folder --data d -o r --methd fast
refused 2 "--cases 'c\*'" folder --data d -o r --cases 'c*'
refused 6 'no such device' folder --data d -o r --device abacus
refused 3 'nowhere' folder --data nowhere -o r
refused 3 'blurred: cannot be read' folder --data d/gt -o r
refused 3 'd/blurred: holds no pictures of suite levin' levin --data d -o r
refused 2 'map-l0 and its kind' folder --data d -o r --nonblind tv
if have_fftw; then
    refused 2 'there are sparse' folder --data d -o r -m map-l0 --nonblind none
fi
mkdir -p empty/blurred
refused 3 'empty/blurred: holds no pictures' folder --data empty -o r
mkdir nothing
refused 3 'nothing: holds no pictures of suite kodak' kodak --data nothing -o r
make d/blurred/lonely.npy 48 44 depth=32
refused 3 'lacks 1 partner of blurred pictures: gt/lonely' folder --data d -o r
cp d/gt/a.npy d/gt/lonely.npy
refused 2 'lonely: its PSF is not known; say a size with -k' folder --data d -o r
rm d/blurred/lonely.npy d/gt/lonely.npy
echo file >plain
expect 4 "$DIPPER" bench folder --data d -o plain
one_line
err_has 'plain: cannot be made a folder'

# ---- Runs ----
# shellcheck disable=SC2086 # words
bench 0 $few --seeds 2 --oracle --progress none
has_count r 6
exists r/results.csv
out_has '^fast  *4 '
out_has '^oracle  *2 '
err_has '^[1-6] of 6: b fast seed 1: [0-9.-]* dB'
columns=suite,method,settings,psf_told,case,seed,picture,kernel,psf_width,psf_height,failed,psnr_blurred_db,psnr_db
check 'the CSV has other columns' grep -q "^$columns,ssim,isnr_db,psnr_nb_db,.*,dipper,id,message" r/results.csv
check 'not one line a run' test "$(wc -l <r/results.csv)" -eq 7
check 'no line of case b, seed 1' grep -q '^folder,fast,"*scales=1 iterations=3 restarts=1 channels=4"*,own,b,1,b,,5,3,0,' \
    r/results.csv
check 'the oracle fills no error ratio' test "$(grep -l '"error_ratio": [0-9]' r/runs/*.json | wc -l)" -eq 4
check 'no picture of a result' test "$(find r/pictures -name '*_psf.npy' | wc -l)" -eq 4
absent r/runs/*.claim

# Again: nothing is done, nothing is written but the same table.
cp r/results.csv before.csv
touch mark
sleep 0.1
bench 0 $few --seeds 2 --oracle -v
err_has '0 runs done, 6 were there'
check 'files were written again' test -z "$(find r/runs r/pictures -type f -newer mark)"
check 'the CSV changed' cmp before.csv r/results.csv

# More seeds, then fewer: only what is missing is done, and nothing is lost.
bench 0 $few --seeds 3 --cases a -v
err_has '1 runs done, 2 were there'
has_count r 7
one=$(grep -l '"seed": 1' r/runs/*.json | head -n 1)
rm "$one"
bench 0 $few --seeds 2 --oracle -v
err_has '1 runs done, 5 were there'
exists "$one"
bench 0 $few --cases b -f -v
err_has '1 runs done, 0 were there'

# Another input, another run.
cp d/blurred/b.npy kept.npy
make d/blurred/b.npy 48 44 depth=32 scale=0.7
bench 0 $few -v -q
err_has '1 runs done, 1 were there'
cp kept.npy d/blurred/b.npy

# Files of other versions stay and are left out; broken ones are named.
sed 's/"dipper": "[^"]*"/"dipper": "0.0.1"/' "$one" >r/runs/00000000000000aa.json
lines=$(wc -l <r/results.csv)
bench 0 $few
err_has '1 result of other versions of Dipper left out'
exists r/runs/00000000000000aa.json
check 'the other version is in the CSV' test "$(wc -l <r/results.csv)" -eq "$lines"
echo '{' >r/runs/00000000000000ab.json
bench 3 $few
one_line
err_has 'runs/00000000000000ab.json: cannot be read as JSON'
rm r/runs/00000000000000ab.json

# ---- Failures ----
make d/blurred/c.npy 48 44 depth=32 constant=0.5
make d/blurred/e.npy 48 44 depth=32
for name in c e; do cp d/gt/a.npy d/gt/$name.npy && cp d/psf/a.npy d/psf/$name.npy; done
make d/gt/e.npy 48 45 depth=32
bench 9 -n 3 --data d -o bad
err_has 'c fast seed 0: failed: .*blurred/c.npy: .*constant'
err_has 'e fast seed 0: failed: .*blurred/e.npy: '
err_has '2 of 4 runs failed'
out_has '^fast  *4 '
has_count bad 4
check 'the reason is not in the CSV' grep -q ',c,0,c,,5,3,1,.*constant' bad/results.csv
bench 9 -n 3 --data d -o bad
err_lacks 'c fast seed 0: failed' # not tried again
rm d/blurred/c.npy d/blurred/e.npy

# ---- The layouts of the suites ----
mkdir -p l/blurred l/gt l/psf t/blurred t/gt t/psf
for name in im1_kernel1 im1_kernel2; do cp d/blurred/a.npy l/blurred/${name}_img.npy; done
cp d/blurred/a.npy l/blurred/notes.npy # no case
cp d/gt/a.npy l/gt/im1.npy
cp d/psf/a.npy l/psf/kernel1.npy
quick="-j 1 --set scales=1 --set channels=4 --set restarts=1 -n 3 -q"
# shellcheck disable=SC2086
expect 3 "$DIPPER" bench levin $quick --data l -o lr
one_line
err_has 'lacks 1 partner of blurred pictures: psf/kernel2'
absent lr
# shellcheck disable=SC2086
expect 0 "$DIPPER" bench levin $quick --data l -o lr --cases '*_kernel1'
err_empty
check 'wrong case' grep -q '^levin,fast,.*,own,im1_kernel1,0,im1,kernel1,' lr/results.csv
check 'the PSF was not turned' grep -q '"true_psf_rotated": 1' lr/runs/*.json
check 'other protocol' grep -q '"protocol": "levin"' lr/runs/*.json
# shellcheck disable=SC2086
expect 0 "$DIPPER" bench levin $quick --data l -o lr --cases im1_kernel1 --protocol plain -k 3x5
check 'the same run for another protocol and size' test "$(json_count lr)" -eq 2
check 'not a table for each protocol' test "$(grep -c '^levin, protocol' .seen/out)" -eq 2
check 'other size told' grep -q ',3x5,im1_kernel1,0,im1,kernel1,3,5,' lr/results.csv
cp d/blurred/a.npy t/blurred/im01_ker01_blur.npy
cp d/gt/a.npy t/gt/im01.npy
cp d/psf/a.npy t/psf/ker01_truth.npy
# shellcheck disable=SC2086
expect 0 "$DIPPER" bench text $quick --data t -o tr
check 'wrong case' grep -q '^text,fast,.*,own,im01_ker01,0,im01,ker01,' tr/results.csv
check 'the PSF was turned' grep -q '"true_psf_rotated": 0' tr/runs/*.json

# Pictures that are blurred here: the same each time.
mkdir sharp
make sharp/s1.npy 100 90 depth=32 channels=3
# shellcheck disable=SC2086
expect 0 "$DIPPER" bench kodak $quick --data sharp -o kr --cases 's1_shake1,s1_disk'
has_count kr 2
exists kr/made/s1.npy kr/made/s1_disk.npy kr/made/disk.npy
absent kr/made/s1_gaussian.npy
check 'wrong case' grep -q '^kodak,fast,.*,own,s1_disk,0,s1,disk,7,7,' kr/results.csv
cp kr/made/s1_shake1.npy first.npy
rm -r kr/made
# shellcheck disable=SC2086
expect 0 "$DIPPER" bench kodak $quick --data sharp -o kr --cases 's1_shake1,s1_disk'
has_count kr 2
check 'blurred otherwise' cmp first.npy kr/made/s1_shake1.npy
make sharp/s2.npy 51 50 depth=32
# shellcheck disable=SC2086
expect 3 "$DIPPER" bench kodak $quick --data sharp -o kr --cases s2_disk
one_line
err_has 's2.npy: 51 x 50 pixels are too few'

# ---- Several at once ----
bench 0 -n 3 --data d -o jobs --seeds 3 --jobs 3 --progress none
has_count jobs 6
cp -r d equal
for part in blurred gt psf; do cp d/$part/a.npy equal/$part/b.npy; done
bench 0 -n 3 --data equal -o equal_results -q
has_count equal_results 2 # equal pictures are still two cases
cut -d, -f5-16 jobs/results.csv | grep '^[ab],[01],' | sort >jobs.txt
cut -d, -f5-16 r/results.csv | sort >r.txt
check 'other scores with several jobs' test "$(comm -12 jobs.txt r.txt | wc -l)" -eq 4

quick="--set scales=1 --set channels=4 --set restarts=1 -n 20"
# shellcheck disable=SC2086
"$DIPPER" bench folder -j 1 $quick --data d -o both --seeds 4 -v --progress none >first.out 2>first.err &
first=$!
# shellcheck disable=SC2086
expect 0 "$DIPPER" bench folder -j 1 $quick --data d -o both --seeds 4 -v --progress none
wait $first
check 'the first of two processes failed' test $? -eq 0
total=$(sed -n 's/.*dipper: \([0-9]*\) runs done.*/\1/p' first.err .seen/err | awk '{ sum += $1 } END { print sum }')
check "two processes did $total runs instead of 8" test "$total" -eq 8
has_count both 8
out_has '^fast  *8 '
check 'the first has not all results in its table' grep -q '^fast  *8 ' first.out

# ---- Stopped ----
wait_for_run() { # FOLDER FILE
    tries=0
    until grep -q 'iteration' "$2" || [ "$tries" -ge 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    check 'no progress within ten seconds' grep -q iteration "$2"
}
long="--set scales=1 --set channels=4 --set restarts=1 --data d -o stop --progress json"
last='dipper bench and SIGTERM'
# shellcheck disable=SC2086
"$DIPPER" bench folder -j 1 $long -n 1000000 >.seen/out 2>.seen/err &
pid=$!
wait_for_run stop .seen/err
kill -s TERM $pid
wait $pid
code=$?
check "exit code $code instead of 8" test "$code" = 8
err_has 'stopped by a signal; 0 of 2 runs are done'
has_count stop 0
absent stop/runs/*.claim

# Killed: its child goes with it, and the claim that is left binds nobody.
last='dipper bench and SIGKILL'
: >.seen/err
# shellcheck disable=SC2086
"$DIPPER" bench folder -j 1 $long -n 300 >.seen/out 2>.seen/err &
pid=$!
wait_for_run stop .seen/err
kill -s KILL $pid
wait $pid 2>/dev/null
has_count stop 0
expect 0 "$DIPPER" bench folder -j 1 $long -n 300 -v
err_has '2 runs done, 0 were there'
has_count stop 2
absent stop/runs/*.claim

# A run whose process is killed is reported, the others are done, and the next time it is done as well.
if command -v pgrep >/dev/null 2>&1; then
    last='dipper bench and SIGKILL to the process of a run'
    : >.seen/err
    # shellcheck disable=SC2086
    "$DIPPER" bench folder -j 1 $long -n 301 -f >.seen/out 2>.seen/err &
    pid=$!
    wait_for_run stop .seen/err
    kill -s KILL "$(pgrep -P $pid)"
    wait $pid
    code=$?
    check "exit code $code instead of 9" test "$code" = 9
    err_has 'a fast seed 0: failed: its process was ended by signal 9'
    err_has '1 of 2 runs failed'
    has_count stop 3
    expect 0 "$DIPPER" bench folder -j 1 $long -n 301 -v
    err_has '1 runs done, 1 were there'
else
    skip 'killing the process of a run: there is no pgrep'
fi

# ---- Classical methods, with a non-blind step of one's choice; the usual one by its name is the usual one ----
if have_fftw; then
    expect 0 "$DIPPER" bench folder -j 1 -n 1 --data d -o c -m map-l0 --cases a
    expect 0 "$DIPPER" bench folder -j 1 -n 1 --data d -o c -m map-l0 --cases a --nonblind sparse -v
    err_has '0 runs done, 1 were there'
    expect 0 "$DIPPER" bench folder -j 1 -n 1 --data d -o c -m map-l0 --cases a --nonblind tv -v
    err_has '1 runs done, 0 were there'
    has_count c 2
    check 'the table does not say what the step is' grep -q 'nonblind=tv' c/results.csv
    check 'both steps give the same' test "$(cut -d , -f 13 c/results.csv | sort -u | wc -l)" -eq 3
fi
finish
