# dipper deblur without -m: the automatic mode finds the PSF and its size.
. "$(dirname "$0")/lib.sh"

if ! "$DIPPER" info | grep -q 'FFTW on'; then
    make in.npy 65 66 depth=32
    expect 2 "$DIPPER" deblur in.npy -m auto -o out.npy
    err_has 'needs FFTW'
    one_line
    absent out.npy
    finish
fi
refused() { # refused PATTERN ARGUMENT...
    pattern=$1
    shift
    expect 2 "$DIPPER" deblur -j 1 -m auto "$in" -o never.npy "$@"
    err_has "$pattern"
    one_line
    absent never.npy
}
expect 0 "$(dirname "$DIPPER")/dipper-scene" -o scene --size 200x180 --psf-size 13
sharp=$(ls scene/sharp.*) in=$(ls scene/blurred.*) # .npy in a build without libvips

# All of it by default: results, record, what was chosen.
expect 0 "$DIPPER" deblur -j 1 "$in" --preset fast -o out.npy
exists out.npy out_psf.npy out.run.json
err_has 'PSF of .* px found'
check 'the record does not say what was chosen' grep -q '"estimator": *"map-l0"' out.run.json
check 'the record does not say that the size was found' grep -q '"psf_size_from": *"found"' out.run.json
expect 0 "$DIPPER" score out.npy --gt "$sharp" --blurred "$in" --psf out_psf.npy --psf-gt scene/psf.npy --json
check 'it is not better than the blurred picture' python3 -c '
import json, sys
s = json.load(open(".seen/out"))
sys.exit(not (s["isnr_db"] > 2 and s["psf_correlation"] > 0.7))'

# balanced polishes a picture of this size, fast does not; with too little time for that it says so.
check 'fast polishes' grep -q '"polished": *false' out.run.json
expect 0 "$DIPPER" deblur -j 1 "$in" -k 13 --no-verdict -o polished.npy
check 'balanced does not polish' grep -q '"polished": *true' polished.run.json
expect 0 "$DIPPER" deblur -j 1 "$in" --psf polished_psf.npy -o plain.npy -q
for name in polished plain; do
    expect 0 "$DIPPER" score $name.npy --gt "$sharp" --blurred "$in" --protocol levin --json
    cp .seen/out $name.json
done
check 'polishing makes it no better' python3 -c '
import json
polished, plain = json.load(open("polished.json")), json.load(open("plain.json"))
print(polished["psnr_db"], plain["psnr_db"])
assert polished["psnr_db"] > plain["psnr_db"] + 0.15'

# The same bits again; the size can be told; a budget is kept.
expect 0 "$DIPPER" deblur -j 1 "$in" --preset fast -o again.npy -q
check 'a second run differs' cmp out.npy again.npy
expect 0 "$DIPPER" deblur -j 1 "$in" --preset fast -k 13 -o told.npy
check 'the size told is not used' grep -q '"window": *13' told.run.json
expect 0 "$DIPPER" deblur -j 1 "$in" --max-time 0.2 -o hurried.npy
exists hurried.npy
err_has 'left something out'
expect 0 "$DIPPER" deblur -j 1 "$in" --max-time 0.01 --no-verdict -o hasty.npy
check 'the last step is not the quickest' grep -q '"nonblind": *"wiener"' hasty.run.json
# Others may take the core away: the quickest of three.
in_time() { python3 -c 'import json, sys; sys.exit(json.load(open("timed.run.json"))["seconds"] >= 6.3)'; }
for attempt in 1 2 3; do
    expect 0 "$DIPPER" deblur -j 1 "$in" --max-time 6 --no-verdict -o timed.npy -f
    in_time && break
done
check 'six seconds are not kept' in_time
expect 0 "$DIPPER" score timed.npy --gt "$sharp" --blurred "$in" --json
check 'six seconds are too few to restore anything' python3 -c '
import json
assert json.load(open(".seen/out"))["isnr_db"] > 2'

# The blur is looked for in the channel with the sparsest gradients: here the others are chequered.
check 'the record does not say in which plane' grep -q '"plane": *"luma"' out.run.json
expect 0 "$DIPPER" blur "$in" --motion 1 -o grey.npy
check 'no colours' python3 -c '
import array, ast
raw = open("grey.npy", "rb").read()
end = 10 + int.from_bytes(raw[8:10], "little")
head = ast.literal_eval(raw[10:end].decode())
grey, colours, width = array.array("f", raw[end:]), array.array("f"), head["shape"][1]
for i, v in enumerate(grey):
    dark = 0.3 * ((i % width // 3 + i // width // 3) % 2)
    colours.extend([v - dark, v + dark, v])
shape = "(%d, %d, 3)" % head["shape"][:2]
text = "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": %s, }" % shape
text = text.replace("\"", chr(39)).ljust(117) + "\n"
open("colours.npy", "wb").write(raw[:8] + (118).to_bytes(2, "little") + text.encode() + colours.tobytes())'
expect 0 "$DIPPER" deblur -j 1 colours.npy --preset fast --no-verdict -o restored.npy
check 'the blur is not looked for in blue' grep -q '"plane": *"blue"' restored.run.json
expect 0 "$DIPPER" deblur -j 1 grey.npy --preset fast --no-verdict -o one.npy
check 'not the PSF of the grey picture' cmp one_psf.npy restored_psf.npy

# Print on white paper is restored as such.
check 'no page' python3 -c '
import array, random
random.seed(3)
n, page = 190, array.array("f", [1.0]) * (190 * 190)
for y in range(5, n - 12, 12):
    for x in range(5, n - 9, 9):
        kind, at = random.randrange(6), random.randrange(4)
        for i in range(7):
            for j in range(6):
                if kind & 1 and i == at or kind & 2 and j == at or kind & 4 and i == j:
                    page[(y + i) * n + x + j] = 0.1
head = "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (190, 190), }".replace("\"", chr(39)).ljust(117) + "\n"
open("page.npy", "wb").write(b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + head.encode() + page.tobytes())'
expect 0 "$DIPPER" blur page.npy --random-motion 7 --size 15 --noise gaussian:0.002 -o print.npy
expect 0 "$DIPPER" blur page.npy --motion 1 --size 15 -o print_sharp.npy
expect 0 "$DIPPER" deblur -j 1 print.npy --preset fast -k 15 --no-verdict -o read.npy
check 'the page is not taken for paper' grep -q '"paper": *true' read.run.json
expect 0 "$DIPPER" deblur -j 1 print.npy --psf read_psf.npy -o photograph.npy
for name in read photograph; do
    expect 0 "$DIPPER" score $name.npy --gt print_sharp.npy --blurred print.npy --protocol levin --json
    cp .seen/out $name.json
done
check 'as paper it is no better than as a photograph' python3 -c '
import json
read, photograph = json.load(open("read.json")), json.load(open("photograph.json"))
print(read["psnr_db"], photograph["psnr_db"])
assert read["isnr_db"] > 4 and read["psnr_db"] > photograph["psnr_db"] + 0.5'
check 'the other pictures are not photographs' grep -q '"paper": *false' out.run.json

# A large PSF in a picture of which a part is looked at: it is found in the halved wide part, too.
expect 0 "$(dirname "$DIPPER")/dipper-scene" -o large --size 500x404 --psf-size 61 --noise 0.002
expect 0 "$DIPPER" deblur -j 1 large/blurred.* --preset fast -k 61 --no-verdict -o large.npy
err_has 'found in 400x400'
expect 0 "$DIPPER" score large.npy --gt large/sharp.* --blurred large/blurred.* --psf large_psf.npy --psf-gt large/psf.npy --json
check 'the large PSF is not found' python3 -c '
import json, sys
s = json.load(open(".seen/out"))
sys.exit(not (s["isnr_db"] > 4 and s["psf_correlation"] > 0.9))'

# With much noise the PSF is estimated from what BM3D leaves of the picture.
expect 0 "$(dirname "$DIPPER")/dipper-scene" -o noisy --size 260x240 --psf-size 15 --noise 0.02 --seed 2
expect 0 "$DIPPER" deblur -j 1 noisy/blurred.* --preset fast --no-verdict -o noisy.npy
expect 0 "$DIPPER" score noisy.npy --gt noisy/sharp.* --blurred noisy/blurred.* --psf noisy_psf.npy --psf-gt noisy/psf.npy --json
check 'noise hides the PSF' python3 -c '
import json
s = json.load(open(".seen/out"))
assert s["psf_correlation"] > 0.87 and s["isnr_db"] > 2'

# In that part balanced looks in more ways than fast, and takes the one that explains more.
expect 0 "$(dirname "$DIPPER")/dipper-scene" -o part --size 470x440 --psf-size 13 --noise 0.001 --seed 2
for preset in fast balanced; do
    expect 0 "$DIPPER" deblur -j 1 part/blurred.* --preset $preset -k 13 --no-verdict -o $preset.npy
    expect 0 "$DIPPER" score $preset.npy --gt part/sharp.* --psf ${preset}_psf.npy --psf-gt part/psf.npy --protocol levin --json
    cp .seen/out $preset.json
done
check 'more ways bring nothing to a part' python3 -c '
import json
fast, balanced = json.load(open("fast.json")), json.load(open("balanced.json"))
print(fast["psnr_db"], balanced["psnr_db"])
assert balanced["psnr_db"] > fast["psnr_db"] + 0.5 and balanced["psf_correlation"] > fast["psf_correlation"]'

# A sharp picture comes back as it was, with that verdict; told a size it is restored.
expect 0 "$DIPPER" deblur -j 1 "$sharp" --preset fast -o "kept.${sharp##*.}"
err_has 'is sharp already, and the result is the picture as it was'
err_has 'verdict: ok .*the picture is sharp already'
check 'the sharp picture was changed' cmp "$sharp" "kept.${sharp##*.}"
check 'the record does not say so' grep -q '"sharp": *true' kept.run.json
expect 0 "$DIPPER" deblur -j 1 "$sharp" --preset fast -o kept.npy -f
expect 0 "$DIPPER" score kept.npy --gt "$sharp" --json
out_has '"mse":0.0[,}]'
expect 0 "$DIPPER" deblur -j 1 "$sharp" --preset fast -k 5 --no-verdict -o "told.${sharp##*.}" -f
err_lacks 'sharp already'

# Bad input.
refused 'fast|balanced|best' --preset slow
refused 'choose a method' --set lr_psf=1
refused 'choose a method' -n 10
refused 'finds the PSF itself' --psf scene/psf.npy
refused 'needs --psf FILE' --weight 1
refused '3 to 101' -k 1
expect 2 "$DIPPER" deblur "$in" -m map-l0 --preset fast -o never.npy
err_has 'automatic mode'
make small.npy 20 20 depth=32
expect 3 "$DIPPER" deblur small.npy -m auto -o never.npy -q
err_has 'too small'
one_line
absent never.npy
finish
