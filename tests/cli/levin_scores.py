"""The blurred Levin pictures scored by the Levin protocol, by the definition, against `dipper score --json`.
Usage: levin_scores.py DIPPER DATA; exit code 1 if a PSNR or a shift differs."""
import json
import subprocess
import sys
import zlib

import numpy as np


def read_grey_png(path):
    data, at, body = open(path, "rb").read(), 8, b""
    width, height, depth, colour = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"), data[24],
                                    data[25])
    assert (depth, colour, data[28]) == (8, 0, 0), path + ": not 8-bit grey without interlace"
    while at < len(data):
        length = int.from_bytes(data[at:at + 4], "big")
        body += data[at + 8:at + 8 + length] if data[at + 4:at + 8] == b"IDAT" else b""
        at += length + 12
    raw, picture = zlib.decompress(body), np.zeros((height + 1, width + 1), int)  # zeros above and on the left
    for y in range(height):
        line = raw[y * (width + 1):(y + 1) * (width + 1)]
        for x in range(width):
            left, above, corner = (int(v) for v in (picture[y + 1, x], picture[y, x + 1], picture[y, x]))
            guess = left + above - corner
            paeth = min((left, above, corner), key=lambda v: abs(guess - v))
            picture[y + 1, x + 1] = (line[x + 1] + (0, left, above, (left + above) // 2, paeth)[line[0]]) % 256
    return picture[1:, 1:] / 255


def levin(x, truth, crop=15, reach=10):
    """PSNR and shift: truth less `crop` px against x moved by quarter pixels, bilinear."""
    truth = truth[crop:-crop, crop:-crop]
    h, w = truth.shape
    best = (np.inf, 0, 0)
    for quarter_y in range(4):
        for quarter_x in range(4):
            fy, fx = quarter_y / 4, quarter_x / 4
            moved = ((1 - fy) * (1 - fx) * x[:-1, :-1] + (1 - fy) * fx * x[:-1, 1:] + fy * (1 - fx) * x[1:, :-1]
                     + fy * fx * x[1:, 1:])
            for dy in range(-reach, reach + (quarter_y == 0)):
                for dx in range(-reach, reach + (quarter_x == 0)):
                    d = moved[crop + dy:crop + dy + h, crop + dx:crop + dx + w] - truth
                    best = min(best, (np.vdot(d, d) / d.size, dy + fy, dx + fx))
    return -10 * np.log10(best[0]), best[1], best[2]


dipper, data = sys.argv[1:]
scores, wrong = [], 0
for picture in (1, 2):
    truth = f"{data}/gt/im{picture}.png"
    truth_values = read_grey_png(truth)
    for kernel in range(1, 9):
        blurred = f"{data}/blurred/im{picture}_kernel{kernel}_img.png"
        psnr, dy, dx = levin(read_grey_png(blurred), truth_values)
        told = json.loads(subprocess.run([dipper, "score", blurred, "--gt", truth, "--protocol", "levin", "--json"],
                                         check=True, capture_output=True).stdout)
        same = abs(told["psnr_db"] - psnr) < 1e-5 and (told["shift_y"], told["shift_x"]) == (dy, dx)
        print(f"im{picture}_kernel{kernel}: {psnr:.4f} dB at ({dx}, {dy})" + ("" if same else f"; dipper: {told}"))
        wrong += not same
        scores.append(psnr)
print(f"mean of {len(scores)}: {np.mean(scores):.4f} dB, {wrong} differ")
sys.exit(wrong > 0)
