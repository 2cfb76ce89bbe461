/* Measures of a result against the truth (METHODS, section 2). Pictures of the same shape unless said; sums in double;
 * nothing is clipped unless said. */
#ifndef DP_METRIC_METRIC_H
#define DP_METRIC_METRIC_H

#include "image/image.h"

/* Mean squared difference over all channels, and 10 log10(peak^2 / mse), +infinity for equal pictures. */
double dp_mse(const dp_image *x, const dp_image *reference);
double dp_psnr(const dp_image *x, const dp_image *reference, double peak);

/* PSNR-GT(x) - PSNR-GT(blurred): improvement of the signal-to-noise ratio, dB. */
double dp_isnr(const dp_image *x, const dp_image *blurred, const dp_image *reference);

/* Mean SSIM of Wang et al. 2004 over the valid windows and all channels: 11x11 Gaussian sigma 1.5, K1 0.01, K2 0.03,
 * population variance, data range 1. DIPPER_ERROR_INPUT for a picture smaller than 11x11, DIPPER_ERROR_MEMORY. */
dipper_status dp_ssim(const dp_image *x, const dp_image *reference, dp_diag *diag, double *ssim);

typedef struct dp_alignment {
    double psnr_db;          /* peak 1 */
    double ssim;             /* over the compared region */
    double shift_x, shift_y; /* px; reference(y, x) is compared with x(y + shift_y, x + shift_x) */
} dp_alignment;

/* The Levin protocol on channel 0: crops `crop` px off each side of the reference, tries all shifts in +-range px in
 * steps of 0.25 px (bilinear), keeps that of least squared error. Shifts that would leave x are not tried.
 * DIPPER_ERROR_INPUT if the shapes differ or fewer than 11x11 px are left; DIPPER_ERROR_MEMORY. */
dipper_status dp_align(const dp_image *x, const dp_image *reference, int crop, int range, dp_diag *diag,
                       dp_alignment *out);

/* Best-shift normalised correlation of two PSFs of any two sizes: 1 = equal up to shift and scale. 0 if one has no
 * energy. */
double dp_psf_similarity(const float *a, int ah, int aw, const float *b, int bh, int bw);

#endif
