/* Measures without the truth (docs/measures.md). */
#ifndef DP_METRIC_QUALITY_H
#define DP_METRIC_QUALITY_H

#include "image/image.h"

/* Forward differences of a grey picture in both directions: l1 / (l2 sqrt(count)), 1 or less, NaN for a constant
 * picture (Krishnan et al. 2011); and the sum of |differences| per pixel. */
void dp_gradient_measures(const dp_image *image, double *l1_l2, double *total_variation);

/* blurred - image (*) psf where the PSF (kh, kw) lies wholly inside: (h - kh + 1, w - kw + 1) of grey pictures (h, w).
 * DIPPER_ERROR_INPUT if the PSF is larger; DIPPER_ERROR_MEMORY. */
dipper_status dp_residual(const dp_image *image, const dp_image *blurred, const float *psf, int kh, int kw, int threads,
                          dp_diag *diag, dp_image *out);
/* The same, but 0 where blurred is clipped (image/clip.h) and what is predicted lies beyond: there it says no more. */
dipper_status dp_residual_bounded(const dp_image *image, const dp_image *blurred, const float *psf, int kh, int kw,
                                  int threads, dp_diag *diag, dp_image *out);
double dp_rms(const dp_image *image);

/* Share of the energy of the autocorrelation at lags up to 9 px that is not at lag 0, mean taken off first (after
 * Almeida and Figueiredo 2013); 0 for zeros. */
double dp_whiteness(const dp_image *residual, int threads);

double dp_psf_entropy(const float *psf, int kh, int kw);     /* bits; of psf / sum */
double dp_psf_border_mass(const float *psf, int kh, int kw); /* share in the outermost ring of one pixel */

#endif
