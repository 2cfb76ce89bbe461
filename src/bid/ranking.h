/* Which of several PSFs is right? Each restores the picture, and the results are ranked without the truth
 * (docs/auto.md). */
#ifndef DP_BID_RANKING_H
#define DP_BID_RANKING_H

#include "backend/backend.h"
#include "image/image.h"

typedef struct dp_ranking {
    double l1_l2;   /* of the gradients of the result smoothed a little (low where edges are sharp and nothing rings) */
    double log_rms; /* logarithm of what the result leaves unexplained of the blurred picture */
    double whiteness; /* how little that is like white noise, root mean square of its autocorrelation: 0 is white */
} dp_ranking;

/* luma (grey) restored by `hyperlaplacian` with a PSF (kh, kw) of sum 1. DIPPER_ERROR_DEVICE in a build without FFTW;
 * DIPPER_ERROR_MEMORY. */
dipper_status dp_restore_quickly(dp_backend *be, const dp_image *luma, const float *psf, int kh, int kw,
                                 double noise_sigma, dp_diag *diag, dp_image *out);

/* Of a picture that was restored with that PSF. DIPPER_ERROR_MEMORY. */
dipper_status dp_rank(const dp_image *luma, const dp_image *restored, const float *psf, int kh, int kw, int threads,
                      dp_diag *diag, dp_ranking *out);
double dp_ranking_score(const dp_ranking *ranking); /* their weighted sum, lower is better; may be infinite or NaN */

#endif
