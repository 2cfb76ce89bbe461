# --gt: pre-training to the ground truth, a study. Nothing else looks at it.
. "$(dirname "$0")/lib.sh"
small='--set channels=8 --set skip_channels=4 --set depth=2 --set pretrain=20 --set pretrain_alpha=0'
# shellcheck disable=SC2086 # a list of words
deblur() { want=$1; shift; expect "$want" "$DIPPER" deblur -q -f -j 1 -m selfdeblur -k 5 -n 1 $small "$@"; }
make in.npy 30 24 depth=32
make truth.npy 30 24 depth=32 scale=0.2
make other.npy 24 30 depth=32
make colour.npy 30 24 channels=3 depth=32

deblur 0 --set pretrain_target=truth --gt truth.npy in.npy -o truth_out.npy
deblur 0 in.npy -o blurred_out.npy
check 'the target changes nothing' not cmp truth_out.npy blurred_out.npy
if have_json; then check 'the record lacks the truth' grep -q '"pretrain_truth": "truth.npy"' truth_out.run.json; fi
deblur 0 --set pretrain_target=truth --gt in.npy in.npy -o b.npy
check 'the picture itself as the truth is another target' cmp blurred_out.npy b.npy

# --- refused
deblur 2 --set pretrain_target=truth in.npy
one_line
err_has 'pretrain_target=truth.*--gt FILE'
deblur 2 --gt truth.npy in.npy
one_line
err_has 'only a recipe with pretrain_target=truth'
deblur 2 --set pretrain=0 --set pretrain_target=truth --gt truth.npy in.npy
one_line
err_has 'pretrain and pretrain_target contradict each other'
deblur 3 --set pretrain_target=truth --gt none.npy in.npy
one_line
err_has 'none.npy'
for wrong in other colour; do
    deblur 3 --set pretrain_target=truth --gt $wrong.npy in.npy
    one_line
    err_has 'in.npy: the ground truth is of'
done
expect 2 "$DIPPER" deblur -q -f -k 5 -m map-l0 in.npy --gt truth.npy
one_line
err_has 'is for the pre-training of recipes'

# --- benchmarks know the truth
if have_json && [ "${DIPPER_HAVE_XXHASH:-ON}" != OFF ]; then
    mkdir -p d/blurred d/gt
    make d/blurred/a.npy 48 44 depth=32
    make d/gt/a.npy 48 44 depth=32 scale=0.2
    for target in truth blurred; do
        # shellcheck disable=SC2086
        expect 0 "$DIPPER" bench folder -j 1 -m selfdeblur -k 5 -n 1 $small --set pretrain_target=$target --data d \
            -o $target
    done
    mean() { sed -n 2p "$1/results.csv" | cut -d, -f13; }
    check 'the target changes nothing' not test "$(mean truth)" = "$(mean blurred)"
fi
finish
