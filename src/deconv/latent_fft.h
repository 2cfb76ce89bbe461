/* The latent picture of the estimators that count gradients (L0): x that minimises
 *     |k (*) x - d|^2 + weight * number of pixels whose gradient is not zero,
 * by half-quadratic splitting (Xu, Lu, Xu and Jia 2011; Xu, Zheng and Jia 2013), on a periodic grid. */
#ifndef DP_DECONV_LATENT_FFT_H
#define DP_DECONV_LATENT_FFT_H

#include "deconv/estimate.h"
#include "deconv/grid_fft.h"

typedef struct dp_latent {
    dp_grid *grid;
    float *d, *x, *tx, *ty; /* (n0, n1): data, latent picture, its differences as wanted */
    float complex *data;    /* spectrum of d */
    float *dy, *dx;         /* (n0), (stride): shares of |L|^2, L the first differences */
} dp_latent;

dipper_status dp_latent_create(const dp_estimate *job, const dp_scale *scale, dp_diag *diag, dp_latent **out);
void dp_latent_destroy(dp_latent **latent); /* NULL is fine */

/* With scale->psf and scale->blurred; the result goes to scale->latent (and, with its surroundings, latent->x). */
dipper_status dp_latent_run(dp_latent *latent, dp_scale *scale, double weight, dp_diag *diag);

#endif
