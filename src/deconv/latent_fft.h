/* The latent picture of the estimators that count gradients (L0): x that minimises
 *     |k (*) x - d|^2 + weight * number of pixels whose gradient is not 0
 *         + dark * number of windows whose smallest value is not 0 + bright * number whose largest is not 1,
 * by half-quadratic splitting (Xu, Lu, Xu and Jia 2011; Pan et al. 2016; Yan et al. 2017), on a periodic grid. */
#ifndef DP_DECONV_LATENT_FFT_H
#define DP_DECONV_LATENT_FFT_H

#include "deconv/estimate.h"
#include "deconv/grid_fft.h"

typedef struct dp_latent_prior {
    double weight, dark, bright;
    int radius; /* of the windows, px */
} dp_latent_prior;

typedef struct dp_latent {
    dp_grid *grid;
    float *d, *x, *tx, *ty; /* (n0, n1): data, latent picture, its differences as wanted */
    float *u, *value;       /* (n0, n1): values as wanted by the channels, the channel itself; NULL without them */
    int *index, *scratch;   /* of dp_plane_extreme, likewise */
    float complex *data;    /* spectrum of d */
    float *dy, *dx;         /* (n0), (stride): shares of |L|^2, L the first differences */
} dp_latent;

dipper_status dp_latent_create(const dp_estimate *job, const dp_scale *scale, bool channels, dp_diag *diag,
                               dp_latent **out);
void dp_latent_destroy(dp_latent **latent); /* NULL is fine */

/* With scale->psf and scale->blurred; the result goes to scale->latent (and, with its surroundings, latent->x). */
dipper_status dp_latent_run(dp_latent *latent, dp_scale *scale, const dp_latent_prior *prior, dp_diag *diag);

/* One step of the splitting, from x and d: the differences tx, ty and values u that minimise
 *     |k (*) x - d|^2 + beta |grad x - t|^2 + weight * number of pixels where t is not 0 (+ mu |x - u|^2 ...)
 * for this x, then the x that does for these. */
void dp_latent_step(dp_latent *latent, const dp_latent_prior *prior, double beta);

/* x that minimises |k (*) x - d|^2 + beta |grad x - t|^2 with the differences t in tx, ty; to the same places. */
dipper_status dp_latent_rebuild(dp_latent *latent, dp_scale *scale, double beta, dp_diag *diag);

#endif
