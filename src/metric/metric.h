/* Measures of a result (docs/measures.md). Pictures of the same shape unless said; sums in double, in an order that
 * does not depend on the number of threads; nothing is clipped. */
#ifndef DP_METRIC_METRIC_H
#define DP_METRIC_METRIC_H

#include "image/image.h"

/* Mean squared difference over all channels, and 10 log10(peak^2 / mse), +infinity for equal pictures. */
double dp_mse(const dp_image *x, const dp_image *reference, int threads);
double dp_psnr(double mse, double peak);

/* Mean SSIM of Wang et al. 2004 over the valid windows and all channels: 11x11 Gaussian sigma 1.5, K1 0.01, K2 0.03,
 * population variance, data range peak. NaN for pictures smaller than 11x11. DIPPER_ERROR_MEMORY. */
dipper_status dp_ssim(const dp_image *x, const dp_image *reference, double peak, int threads, dp_diag *diag,
                      double *ssim);
/* The reduction of Wang's ssim.m before it: means of factor x factor px (edges mirrored), each factor-th kept. */
dipper_status dp_ssim_reduce(const dp_image *image, int factor, dp_diag *diag, dp_image *out);
int dp_ssim_auto_factor(int width, int height); /* max(1, round(min(width, height) / 256)) */

typedef struct dp_shift {
    double y, x; /* px, multiples of 0.25 in [-range, range] */
} dp_shift;

/* The best shift among all in steps of 0.25 px (bilinear) by the squared error over all channels, one shift for all.
 * x is (h + 2 range, w + 2 range), reference (h, w); x becomes the (h, w) that is compared with reference:
 * x'(i, j) = x(i + range + shift.y, j + range + shift.x). DIPPER_ERROR_MEMORY. */
dipper_status dp_align(dp_image *x, const dp_image *reference, int range, int threads, dp_diag *diag, dp_shift *shift);

/* Largest singular value of the (h, channels * w) matrix x - reference, channels side by side. DIPPER_ERROR_MEMORY. */
dipper_status dp_spectral_norm(const dp_image *x, const dp_image *reference, dp_diag *diag, double *norm);

typedef struct dp_psf_match {
    double correlation; /* best-shift normalised correlation; 0 if one has no energy */
    int dy, dx;         /* a(y + dy, x + dx) is compared with b(y, x) */
} dp_psf_match;

/* Two PSFs of any two sizes. */
dp_psf_match dp_psf_compare(const float *a, int ah, int aw, const float *b, int bh, int bw);

#endif
