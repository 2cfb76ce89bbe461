/* How good is a restoration, without the truth? For choosing among several of one picture. docs/auto.md */
#ifndef DP_BID_RANK_FFT_H
#define DP_BID_RANK_FFT_H

#include "image/image.h"

typedef struct dp_rank {
    double l1_l2;   /* of the gradients of the result, smoothed a little: low where edges are sharp and nothing rings */
    double log_rms; /* logarithm of what the result leaves unexplained of the blurred picture */
    double whiteness; /* how little that is like white noise, root mean square of its autocorrelation: 0 is white */
    double ringing; /* how much the gradients of the result are their own opposites at some distance: 0 is not at all */
    double score;   /* of all: lower is better, infinity if one of them is not finite */
} dp_rank;

/* Grey pictures of one size, the PSF (kh, kw) smaller. DIPPER_ERROR_INPUT, DIPPER_ERROR_MEMORY. */
dipper_status dp_rank_measure(const dp_image *restored, const dp_image *blurred, const float *psf, int kh, int kw,
                              int threads, dp_diag *diag, dp_rank *out);

#endif
