"""Wiener's filter and Richardson-Lucy, scikit-image against Dipper, on the same picture; see bench/scikit_image.sh.
Usage: scikit_image.py DIPPER PICTURE FOLDER. Rows of the CSV to stdout. Needs NumPy, SciPy and scikit-image.

Times are those of the solvers: of the function called (without import, reading and writing), and `seconds_solver` of the
record. They take turns; the best of the rounds counts. scikit-image computes in the picture's type: it is given floats,
as Dipper has them, and doubles, its usual ones; SciPy's transforms get the same number of threads."""
import json
import subprocess
import sys
import time

import numpy as np
import scipy.fft
from skimage import io, restoration, util

dipper, name, folder = sys.argv[1:]
ROUNDS, ITERATIONS, BALANCE, SIDE = 15, 30, 0.01, 31


def ours(method, threads, edges, *options):
    output = subprocess.run([dipper, "deblur", folder + "/in.npy", "--psf", folder + "/psf.npy", "-o",
                             folder + "/out.npy", "-q", "-f", "--json", "-j", str(threads), "-m", method, "--edges",
                             edges, "--noise", "0.01", "--saturation", "0", *options],
                            check=True, capture_output=True).stdout
    return json.loads(output)["seconds_solver"], np.load(folder + "/out.npy").squeeze()


def theirs(function, threads, picture, *arguments, **named):
    with scipy.fft.set_workers(threads):
        begun = time.perf_counter()
        result = function(picture, *arguments, clip=False, **named)
        return time.perf_counter() - begun, result


picture = util.img_as_float32(io.imread(name))
random = np.random.default_rng(0)
y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
psf = np.exp(-((x - 3) ** 2 + 2 * y**2 + x * y) / 60) * (0.5 + random.random((SIDE, SIDE)))
psf = (psf / psf.sum()).astype(np.float32)
picture = np.maximum(restoration.uft.uirfft2(  # blurred periodically
    restoration.uft.urfft2(picture) * restoration.uft.ir2tf(psf, picture.shape), picture.shape), 1e-3).astype(np.float32)
np.save(folder + "/in.npy", picture)
np.save(folder + "/psf.npy", psf)

jobs = [("wiener", "wrap", ("--weight", str(BALANCE), "--exponent", "4"), restoration.wiener, (BALANCE,), {}),
        ("rl", "wrap", ("-n", str(ITERATIONS)), restoration.richardson_lucy, (), {"num_iter": ITERATIONS})]
print("method,edges,threads,width,height,psf_side,iterations,dipper_s,skimage_float_s,skimage_double_s,ratio_float,"
      "ratio_double,largest_difference")
for method, edges, options, function, arguments, named in jobs:
    for threads in (1, 2):
        best = [np.inf] * 3
        for _ in range(ROUNDS if method == "wiener" else 2):
            runs = [ours(method, threads, edges, *options)] + [
                theirs(function, threads, picture.astype(t), psf.astype(t), *arguments, **named)
                for t in (np.float32, np.float64)]
            best = [min(b, r[0]) for b, r in zip(best, runs)]
        # away from the border, beyond which richardson_lucy takes zeros
        inside = slice(picture.shape[0] // 4, -(picture.shape[0] // 4)) if method == "rl" else slice(None)
        off = np.abs(runs[0][1] - runs[2][1])[inside, inside].max()
        print(f"{method},{edges},{threads},{picture.shape[1]},{picture.shape[0]},{SIDE},{named.get('num_iter', 1)},"
              f"{best[0]:.3f},{best[1]:.3f},{best[2]:.3f},{best[1] / best[0]:.2f},{best[2] / best[0]:.2f},{off:.1e}",
              flush=True)
