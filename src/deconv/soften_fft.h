/* How sharp is sharp? The estimators' latent pictures have steps for edges; a photograph's edges are softer, by lens,
 * pixels and demosaicing, as if it had been blurred by a Gaussian of 0 to 0.6 px. What is missing there an estimator
 * counts to the PSF, which becomes too wide and the result sharper than the scene was photographed. docs/auto.md */
#ifndef DP_DECONV_SOFTEN_FFT_H
#define DP_DECONV_SOFTEN_FFT_H

#include "deconv/estimate.h"

/* psf (kh, kw): that of dp_estimate_run, becomes the one that goes with a picture softer by a Gaussian of that standard
 * deviation (px, above 0, at most 1); sum 1, tidied as the estimator does. latent (h, w): of dp_estimate_run.
 * DIPPER_ERROR_MEMORY; DIPPER_ERROR_DIVERGED: nothing of the PSF is left. */
dipper_status dp_soften(const dp_estimate *job, const float *latent, double sigma, dp_diag *diag, float *psf);

#endif
