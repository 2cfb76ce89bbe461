"""dipper deblur -m wiener and -m rl with --edges wrap against skimage.restoration on small pictures.
Usage: scikit_image.py DIPPER; exit code 1 if a result differs by more than the rounding of floats.

wiener: balance |reg|^2 is our weight |L|^exponent. scikit-image's own reg, the Laplacian, is |L|^2: exponent 4. Other
exponents are given to it as a transfer function. richardson_lucy has zeros beyond the border; the picture is repeated
so far that they do not reach the middle: an iteration looks two radii of the PSF further."""
import subprocess
import sys
import tempfile

import numpy as np
from skimage import restoration

dipper = sys.argv[1]
random = np.random.default_rng(1)


def blurred(height, width, psf):
    """A picture with edges and texture, all above 0, blurred periodically."""
    y, x = np.mgrid[:height, :width]
    sharp = 0.3 + 0.4 * ((x // 7 + y // 5) % 2) + 0.2 * random.random((height, width))
    return sum(psf[i, j] * np.roll(sharp, (i - psf.shape[0] // 2, j - psf.shape[1] // 2), (0, 1))
               for i in range(psf.shape[0]) for j in range(psf.shape[1])).astype(np.float32)


def ours(picture, psf, *options):
    with tempfile.TemporaryDirectory() as folder:
        np.save(folder + "/in.npy", picture)
        np.save(folder + "/psf.npy", psf.astype(np.float32))
        subprocess.run([dipper, "deblur", folder + "/in.npy", "--psf", folder + "/psf.npy", "-o", folder + "/out.npy",
                        "-q", "-j", "1", "--noise", "0.01", "--saturation", "0", "--edges", "wrap", *options],
                       check=True, stdout=subprocess.DEVNULL)
        return np.load(folder + "/out.npy").reshape(picture.shape)


def spectrum_prior(shape, exponent):
    """|L|^(exponent/2) on the half spectrum, L the first differences, complex: so that it is taken as a transfer
    function."""
    u, v = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    squared = 4 * np.sin(np.pi * u) ** 2 + 4 * np.sin(np.pi * v) ** 2
    return np.where(squared > 0, np.maximum(squared, 1e-300) ** (exponent / 4), 0).astype(complex)


def repeated_lucy(picture, psf, iterations):
    margins = [2 * iterations * (side // 2) + 1 for side in psf.shape]
    large = np.pad(picture.astype(np.float64), [(m, m) for m in margins], mode="wrap")
    result = restoration.richardson_lucy(large, psf, num_iter=iterations, clip=False)
    return result[margins[0]:-margins[0], margins[1]:-margins[1]]


wrong = 0


def compare(what, a, b, tolerance):
    global wrong
    off = np.abs(a - b).max() / np.abs(b).max()
    print(f"{what}: {off:.1e} of the maximum, at most {tolerance:.0e}" + ("" if off <= tolerance else "  DIFFERS"))
    wrong += not off <= tolerance


for height, width, kh, kw in ((37, 52, 7, 5), (45, 31, 3, 9), (64, 48, 11, 11)):
    psf = (random.random((kh, kw)) ** 2).astype(np.float32).astype(float)
    psf /= psf.sum()
    picture = blurred(height, width, psf)
    exact = picture.astype(np.float64)
    case = f"{width} x {height}, PSF {kw} x {kh}"
    for weight in (1e-3, 0.1):
        for exponent in (0, 2, 4):
            reg = None if exponent == 4 else spectrum_prior(picture.shape, exponent)
            compare(f"{case}, wiener, weight {weight}, exponent {exponent}",
                    ours(picture, psf, "-m", "wiener", "--weight", str(weight), "--exponent", str(exponent)),
                    restoration.wiener(exact, psf, weight, reg, clip=False), 5e-7 / weight**0.5)
    for iterations in (1, 2, 10):
        compare(f"{case}, rl, {iterations} iterations", ours(picture, psf, "-m", "rl", "-n", str(iterations)),
                repeated_lucy(picture, psf, iterations), 5e-6)
print(f"{wrong} differ")
sys.exit(wrong > 0)
