"""Numbers in tests/test_metric.c: SSIM by scikit-image, PSNR and spectral norm by NumPy, of the test's own patterns."""
import numpy as np
from skimage.metrics import structural_similarity


def pattern(width, height, seed, amplitude):
    y, x = np.mgrid[0:height, 0:width].astype(float)
    i = np.arange(width * height).reshape(height, width)
    picture = 0.5 + 0.3 * np.sin(0.2 * x + 0.05 * y) + amplitude * np.cos(0.7 * x - 1.1 * y)
    return (picture + (i * 7919 + seed * 104729) % 1009 / 1009 * 0.1).astype(np.float32).astype(float)


a, b = pattern(40, 33, 1, 0.1), pattern(40, 33, 2, 0.05)
print("PSNR", repr(-10 * np.log10(np.mean((a - b) ** 2))))
print("spectral norm", repr(np.linalg.norm(a - b, 2)))
# scikit-image crops 5 px off each side of its map of the whole picture: the valid windows
print("SSIM", repr(structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                         data_range=1)))
