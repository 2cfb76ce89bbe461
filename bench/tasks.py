"""What bench/tasks.sh needs beside Dipper: spoilt pictures whose truth is known, bicubic enlarging, PSNR.
   tasks.py noisy IN OUT SIGMA       normal noise of SIGMA/255, clipped, 8 bit
   tasks.py smaller IN OUT TRUTH N   TRUTH: IN cut to a multiple of N; OUT: N times smaller by Lanczos (3 lobes), 8 bit
   tasks.py larger IN OUT N          N times larger, bicubic (Keys, a = -1/2)
   tasks.py holes IN OUT             a mask of the size of IN: bars, dots and a block are missing
   tasks.py psnr A B [MASK]          dB, over the pixels where MASK is 0, or all
   tasks.py masked IN OUT MASK       IN with black where MASK is 0
   tasks.py beside A OUT B C         A, B and C beside each other, all as large as B, each pixel 2 x 2
Needs numpy and scikit-image."""
import sys

import numpy as np
from skimage import io


def read(name):
    a = io.imread(name)
    return a.astype(float) / np.iinfo(a.dtype).max


def write(name, a):
    io.imsave(name, np.round(np.clip(a, 0, 1) * 255).astype(np.uint8), check_contrast=False)


def lanczos(u):
    return np.where(np.abs(u) < 3, np.sinc(u) * np.sinc(u / 3), 0)


def keys(u):
    u = np.abs(u)
    return np.where(u <= 1, 1.5 * u**3 - 2.5 * u**2 + 1, np.where(u < 2, -0.5 * u**3 + 2.5 * u**2 - 4 * u + 2, 0))


def matrix(n, m, kernel):
    """m x n: resampling by centres, weights normalised at the border."""
    stretch = max(n / m, 1)
    w = kernel((np.arange(n)[None] - ((np.arange(m)[:, None] + 0.5) * n / m - 0.5)) / stretch)
    return w / w.sum(1, keepdims=True)


def resize(a, h, w, kernel):
    planes = a if a.ndim == 3 else a[..., None]
    rows, columns = matrix(a.shape[0], h, kernel), matrix(a.shape[1], w, kernel)
    out = np.stack([rows @ planes[..., c] @ columns.T for c in range(planes.shape[2])], 2)
    return out if a.ndim == 3 else out[..., 0]


def holes(h, w):
    mask = np.ones((h, w))
    y, x = np.mgrid[:h, :w]
    mask[(y + x // 4) % 24 < 3] = 0
    mask[(x % 19 - 9) ** 2 + (y % 23 - 11) ** 2 < 8] = 0
    mask[h // 2 : h // 2 + h // 8, w // 3 : w // 3 + w // 6] = 0
    return mask


def main(what, *args):
    a = read(args[0])
    if what == "noisy":
        write(args[1], a + np.random.default_rng(0).normal(0, float(args[2]) / 255, a.shape))
    elif what == "smaller":
        n = int(args[3])
        a = a[: a.shape[0] // n * n, : a.shape[1] // n * n]
        write(args[2], a)
        write(args[1], resize(a, a.shape[0] // n, a.shape[1] // n, lanczos))
    elif what == "larger":
        write(args[1], resize(a, a.shape[0] * int(args[2]), a.shape[1] * int(args[2]), keys))
    elif what == "holes":
        write(args[1], holes(*a.shape[:2]))
    elif what == "masked":
        write(args[1], a * (read(args[2]) != 0)[..., None])
    elif what == "beside":
        b, c = read(args[2]), read(args[3])
        a = a.repeat(b.shape[0] // a.shape[0], 0).repeat(b.shape[1] // a.shape[1], 1)
        write(args[1], np.hstack([a, b, c]).repeat(2, 0).repeat(2, 1))
    else:
        missing = read(args[2]) == 0 if len(args) > 2 else np.ones(a.shape[:2], bool)
        print("%.2f" % (-10 * np.log10(((a - read(args[1]))[missing] ** 2).mean())))


main(*sys.argv[1:])
