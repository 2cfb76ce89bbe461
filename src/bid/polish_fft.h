/* The last touch: what a restored picture and its PSF gain from denoising by similar blocks. docs/auto.md */
#ifndef DP_BID_POLISH_FFT_H
#define DP_BID_POLISH_FFT_H

#include "backend/backend.h"
#include "image/image.h"

enum { DP_POLISH_ROUNDS = 4 }; /* of dp_polish_picture: each a denoising, after a first one */

typedef struct dp_polish {
    dp_backend *be;
    const dp_image *blurred; /* grey */
    double noise_sigma;      /* of it, >= 0 */
    int side;                /* of PSFs (side, side), sum 1, odd, smaller than the picture */
    /* Before each round: the denoising before took that long; false: that is enough. May be NULL. */
    bool (*goes_on)(double took, void *user);
    void *user;
} dp_polish;

/* psf: with which blurred was restored; becomes the mean of it and the one that goes with restored denoised.
 * DIPPER_ERROR_DIVERGED: nothing is left of that; DIPPER_ERROR_MEMORY. */
dipper_status dp_polish_psf(const dp_polish *job, const dp_image *restored, float *psf, dp_diag *diag);

/* Standard deviation of what psf and restored, denoised, leave unexplained of blurred, borders left out: what a wrong
 * PSF's artefacts explain is gone, so that a right PSF leaves less than a wrong one. Of restorations by the same
 * method. DIPPER_ERROR_MEMORY. */
dipper_status dp_polish_unexplained(const dp_polish *job, const float *psf, const dp_image *restored, double *rms,
                                    dp_diag *diag);

/* restored, grey, with that psf: becomes the mean of it and of itself denoised, with what the PSF then leaves
 * unexplained brought back. DIPPER_ERROR_MEMORY. */
dipper_status dp_polish_picture(const dp_polish *job, const float *psf, dp_image *restored, dp_diag *diag);

#endif
