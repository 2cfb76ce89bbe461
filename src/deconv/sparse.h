/* Non-blind deconvolution with a sparse gradient prior (Levin et al. 2007): the latent picture x (H+kh-1, W+kw-1) that
 * minimises  sum (K (*) x - d)^2 + weight * sum |first differences of x|^exponent,
 * the first sum over the valid part of the convolution only, by iteratively re-weighted least squares, each solved by
 * conjugate gradients. No assumption is made about what lies beyond the border of d. */
#ifndef DP_DECONV_SPARSE_H
#define DP_DECONV_SPARSE_H

#include "backend/backend.h"

typedef struct dp_sparse dp_sparse;

typedef struct dp_sparse_options {
    double weight;                                 /* of the prior, pictures in [0, 1]; larger = smoother */
    double exponent;                               /* of |gradient|, (0, 2] */
    int reweightings;                              /* >= 1 */
    int cg_iterations;                             /* at most, per re-weighting, >= 1 */
    float saturation;                              /* data from here on are lower bounds only; <= 0: there are none */
    const unsigned char *mask;                     /* (h, w): pixels with 0 do not count; NULL: all do */
    int (*progress)(int done, int of, void *user); /* CG steps; called every few of them; non-zero stops. May be NULL */
    void *user;
} dp_sparse_options;

dp_sparse_options dp_sparse_defaults(void); /* 2.5e-4, 0.8, 6, 40 */

/* The weight that suits white noise of standard deviation sigma. */
double dp_sparse_weight(double noise_sigma);

/* All memory and plans for blurred planes (height, width) and PSFs (kh, kw); be outlives it and holds floats. */
dipper_status dp_sparse_create(dp_backend *be, int height, int width, int kh, int kw, dp_diag *diag, dp_sparse **out);
void dp_sparse_destroy(dp_sparse **sparse);
size_t dp_sparse_bytes(const dp_sparse *sparse); /* memory held */

/* psf (kh, kw), finite, sum 1; blurred (height, width), finite; out (height, width): the centre crop of the latent
 * picture, may be NULL or blurred itself. Allocates nothing. DIPPER_ERROR_CANCELLED: out holds what there is.
 * DIPPER_ERROR_DIVERGED: the last finite picture. */
dipper_status dp_sparse_run(dp_sparse *sparse, const float *psf, const float *blurred, const dp_sparse_options *options,
                            dp_diag *diag, float *out);

/* The whole latent picture of the last run (height+kh-1, width+kw-1), borrowed. */
const float *dp_sparse_latent(const dp_sparse *sparse);

#endif
