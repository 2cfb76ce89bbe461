# Options: help, mistakes, and what they do.
. "$(dirname "$0")/lib.sh"
make in.npy 24 20 depth=32

expect 0 "$DIPPER" --help
out_has 'dipper deblur photo.jpg'
err_empty
expect 0 "$DIPPER" --version
out_has '^dipper [0-9]*\.[0-9]*\.[0-9]*$'
expect 2 "$DIPPER"
out_empty
expect 2 "$DIPPER" deblurr in.npy
one_line
err_has "did you mean 'deblur'"
expect 0 "$DIPPER" deblur --help
out_has '--kernel-size SIZE'
out_has 'Exit codes'

mistake() { # mistake PATTERN OPTION...
    pattern=$1
    shift
    expect 2 "$DIPPER" deblur in.npy -o out.npy "$@"
    one_line
    err_has "$pattern"
    absent out.npy
}
mistake "did you mean --seed" --sead 1
mistake "-y: unknown option" -y
mistake "--seed: needs a value" --seed
mistake "--seed '-1'" --seed -1
mistake "--seed '1.5'" --seed 1.5
mistake "--seed '18446744073709551616'" --seed=18446744073709551616
mistake "-j 'many'" -j many
mistake "-j '-1'" -j-1
mistake "--threads '1025'" --threads 1025
mistake "--kernel-size '4'.*odd" -k 4
mistake "--kernel-size '0'.*1 to 101" -k 0
mistake "--kernel-size '103'.*1 to 101" -k 103
mistake "--kernel-size '5x'" -k 5x
mistake "--kernel-size '5by5'" -k 5by5
mistake "--noise 'loud'" --noise loud
mistake "--noise '-0.1'" --noise -0.1
mistake "--noise 'nan'" --noise nan
mistake "--max-time 'soon'" --max-time soon
mistake "--progress 'bar'.*auto|plain|json|none" --progress bar
mistake "--method 'quick'.*fast" -m quick
mistake "--set 'channels'.*field=value" --set channels
mistake "--set 'colour=1'.*colour" --set colour=1
mistake "--set 'channels=0'.*channels" --set channels=0
mistake "--set 'channels=many'.*channels" --set channels=many
mistake "--iterations '0'" -n 0
mistake "--iterations 'lots'" -n lots
mistake "--json 'x'.*takes no value" --json=x
mistake "--snapshot-every '-5'" --snapshot-every -5
expect 2 "$DIPPER" deblur
one_line
expect 6 "$DIPPER" deblur in.npy --device gpu
one_line
err_has "--device .gpu.*auto, .*cpu"
expect 6 "$DIPPER" info --device gpu
one_line
expect 3 "$DIPPER" deblur -q -- -k
one_line
err_has '^dipper: -k: '

expect 0 "$DIPPER" deblur --print-config -m selfdeblur --set channels=7 -n 12 --seed 18446744073709551615
out_has '^method = selfdeblur$'
out_has '^seed = 18446744073709551615$'
out_has '^channels *= 7 '
out_has '^iterations *= 12 '
err_empty

# the default size of the PSF is told, and smaller for small pictures
expect 0 "$DIPPER" deblur -j 1 -n 3 in.npy -o auto.npy --progress none
err_has 'note: in.npy: PSF size taken as 9 x 9 px'
expect 0 "$DIPPER" deblur -j 1 -n 3 -k 7x3 in.npy -o flat.npy -q
exists flat.npy

# the same seed gives the same bits, another seed others
deblur 0 -q in.npy -n 30 -o a.npy --seed 5
deblur 0 -q in.npy -n 30 -o b.npy --seed 5
deblur 0 -q in.npy -n 30 -o c.npy --seed 6
check 'the same seed gives other bits' cmp a.npy b.npy
check 'the same seed gives another PSF' cmp a_psf.npy b_psf.npy
check 'another seed gives the same bits' not cmp -s a.npy c.npy

# progress
deblur 0 in.npy -o p.npy --progress plain
err_has '^in.npy: .*iteration [0-9]* of [0-9]*, .* left$'
check 'colour without a terminal' not grep -q "$(printf '\033')" .seen/err
deblur 0 in.npy -o j.npy --progress json
check 'a line of --progress json is not an object' not grep -qv -e '^{"file":"in.npy",.*}$' -e '^dipper: ' .seen/err
deblur 0 in.npy -o n.npy --progress none
if have_json; then err_empty; else err_has 'note: this build has no jansson'; fi
deblur 0 in.npy -o v.npy -v
err_has 'done, .* iterations'

if have_json; then
    deblur 0 -q in.npy -o record.npy --json --seed 3
    check '--json is not one line' test "$(wc -l <.seen/out)" -eq 1
    out_has '"seed":3,'
    out_has '"output":"record.npy"'
    out_has '"status":0'
    out_has '"name":"fast"'
    out_has '"losses":\['
    deblur 3 -q gone.npy --json
    out_has '"status":3'
    for key in dipper command recipe seed device threads size psf_size noise_sigma losses seconds memory_peak_bytes \
        clipped_pixels; do
        check "the record lacks $key" grep -q "^ \"$key\": " record.run.json
    done
else
    skip '--json: this build has no jansson'
    expect 2 "$DIPPER" deblur --json in.npy
    one_line
fi
# --- any number of scales: iterations are shared out as the recipe's own are, however they are told
shared() { # LIST OPTIONS...
    list=$1
    shift
    expect 0 "$DIPPER" deblur --print-config "$@"
    out_has "^iterations  *= $list "
}
shared 136,136,228 -m fast -n 500
shared 187,313 -m fast -n 500 --set scales=0.5,1
shared 1428,1428,2144 -m deblur-inr --set scales=0.25,0.5,1
shared 2,2,2,2 -m selfdeblur --set scales=0.25,0.5,0.75,1 -n 8
shared 1100 -m fast --set scales=1
shared 10,20 -m fast --set iterations=10,20 --set scales=0.5,1
make in.npy 30 24 depth=32
expect 2 "$DIPPER" deblur -q -f -k 5 -m fast --set iterations=10,20,30 --set scales=0.5,1 in.npy
one_line
err_has 'iterations and scales contradict each other: 3 numbers for 2 scales'
finish
