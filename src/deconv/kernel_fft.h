/* The PSF of the estimators, from the gradients of a latent picture: k >= 0 that minimises
 *     sum over both directions of |k (*) grad x - grad d|^2 + ridge |k|^2,
 * the first sum over the pixels where k sees known gradients only.
 *
 * Without that restriction the normal matrix is the autocorrelation of grad x, which a few transforms give, and k is a
 * small problem of its own (quadratic_fft.h). The restriction is met by imputing: beyond those pixels grad d is
 * replaced by what the last k predicts, a few times (each time the restricted objective falls). */
#ifndef DP_DECONV_KERNEL_FFT_H
#define DP_DECONV_KERNEL_FFT_H

#include "deconv/estimate.h"
#include "fourier/fourier.h"

typedef struct dp_kernel dp_kernel;

dipper_status dp_kernel_create(const dp_estimate *job, const dp_scale *scale, dp_diag *diag, dp_kernel **out);
void dp_kernel_destroy(dp_kernel **kernel); /* NULL is fine */

/* gx, gy (h, w): gradients of the latent picture as dp_differences gives them; psf (kh, kw): start, then result, sum 1.
 * ridge is a share of the gradients' energy. DIPPER_ERROR_DIVERGED: nothing of the PSF is left. */
dipper_status dp_kernel_run(dp_kernel *kernel, const float *gx, const float *gy, double ridge, float *psf,
                            dp_diag *diag);
/* Slope of the objective at psf, (kh, kw), for tests. */
void dp_kernel_slope(dp_kernel *kernel, const float *gx, const float *gy, double ridge, const float *psf, float *slope);
/* The same as dp_kernel_run with those of a latent picture x (h, w). */
dipper_status dp_kernel_run_picture(dp_kernel *kernel, const float *x, double ridge, float *psf, dp_diag *diag);

/* The same for a job's picture at full size, with its estimator's ridge if it has one: the PSF that goes with x. */
dipper_status dp_kernel_refit(const dp_estimate *job, const float *x, float *psf, dp_diag *diag);

/* Forward differences of x (h, w), both (h, w); 0 at the last column and row. */
void dp_differences(const float *x, int h, int w, float *gx, float *gy);

#endif
