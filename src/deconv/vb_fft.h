/* Variational Bayes in the domain of gradients (Levin, Weiss, Durand and Freeman 2011; Fergus et al. 2006). The
 * posterior of the sharp gradients x is taken as independent Gaussians, the PSF as one value; the free energy
 *     F = sum over both directions of { (|K x - y|^2 + sum_p d_p c_p) / (2 eta^2) + sum_p bound(x_p^2 + c_p) -
 * log(c_p)/2 } falls with each step, eta held. x: means, c: variances, d_p: sum of the squared PSF over the pixels that
 * see p; the first term over the pixels of the picture only. docs/methods/vb.md */
#ifndef DP_DECONV_VB_FFT_H
#define DP_DECONV_VB_FFT_H

#include "deconv/estimate.h"
#include "deconv/grid_fft.h"
#include "deconv/quadratic_fft.h"
#include "deconv/vb_prior.h"

typedef struct dp_vb {
    dp_grid *grid;           /* of gradients: one row and one column less than the picture */
    dp_quadratic *quadratic; /* the PSF's problem */
    dp_vb_prior prior;
    bool begun;                /* c holds variances */
    float *y[2], *x[2], *c[2]; /* (n0, n1): horizontal and vertical differences; their means, their variances */
    float *energy;             /* (n0, n1): d */
    float *weight;             /* (n0, n1): of x^2, times eta^2 */
    float *inverse;            /* (n0, n1): preconditioner */
    float *r, *p, *q;          /* (n0, n1): residual, direction, matrix times direction */
    float complex *image, *normal, *cross; /* spectra */
    float *psf;                            /* (kh, kw), any sum; the grid holds its transform */
    double *squares;                       /* (kh+1, kw+1): sums of the squared PSF above and left */
    double *strips;                        /* (h+kh-1, kw): sums of c over rows as wide as the picture */
} dp_vb;

/* For a blurred picture (h, w) of at least 2 x 2 px and a PSF (kh, kw), its sum 1. */
dipper_status dp_vb_create(const dp_estimate *job, const dp_scale *scale, dp_diag *diag, dp_vb **out);
void dp_vb_destroy(dp_vb **vb); /* NULL is fine */

/* x and c for the present PSF: weights from x and c, then `steps` conjugate-gradient steps. */
void dp_vb_find_latent(dp_vb *vb, double eta, int steps);
/* The PSF for the present x and c. DIPPER_ERROR_DIVERGED: not finite. */
dipper_status dp_vb_find_psf(dp_vb *vb, dp_diag *diag);
/* The PSF's sum back to 1, which is no step of descent: while much noise is assumed x is too faint and the PSF too
 * strong; left so, or held to 1 within find_psf, the PSFs become worse (docs/methods/vb.md). */
dipper_status dp_vb_normalise(dp_vb *vb, dp_diag *diag);
double dp_vb_free_energy(dp_vb *vb, double eta);

#endif
