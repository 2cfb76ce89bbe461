/* The automatic mode's search: which PSF, of those that the classical estimators find with windows of many sizes and
 * for pictures of several softnesses? Each restores the picture, and the results are ranked without the truth.
 * docs/auto.md */
#ifndef DP_BID_SEARCH_FFT_H
#define DP_BID_SEARCH_FFT_H

#include "deconv/estimate.h"
#include "image/image.h"

enum { DP_SEARCH_WINDOWS = 16 };

typedef struct dp_variant { /* of kernel estimation */
    const char *method;     /* NULL ends a list */
    int iterations;         /* per scale; 0: the method's own, also of the decay */
    double decay;           /* of its weights from iteration to iteration */
} dp_variant;

typedef struct dp_candidate {
    const dp_variant *variant;                          /* one of the search's */
    int window;                                         /* px: side that it was told */
    double softness;                                    /* px */
    float *psf;                                         /* (side, side) of the search */
    double l1_l2, log_rms, whiteness, agreement, score; /* see dp_search_score; lower is better */
} dp_candidate;

typedef struct dp_search {
    dp_backend *be;
    const dp_image *luma;                         /* of the part to look at */
    double noise_sigma;                           /* of luma, >= 0 */
    int windows[DP_SEARCH_WINDOWS], window_count; /* odd, rising; dp_search_windows */
    const dp_variant *variants;                   /* ends with a NULL method */
    int side;                                     /* of all PSFs: at least the last window */
    /* After each candidate; non-zero: that is enough, take the best so far. May be NULL. tried.psf is lent, its score
     * is still without the agreement. */
    int (*progress)(const dp_candidate *tried, int done, int of, void *user);
    void *user;
} dp_search;

/* Windows for a picture of that size: factors of the square root of 2, up to a quarter of the shorter side and 101 px.
 * told > 0: that one alone. */
void dp_search_windows(dp_search *search, int told);

/* best: its psf (side, side) is the caller's memory. DIPPER_ERROR_DIVERGED: no estimate came to anything;
 * DIPPER_ERROR_MEMORY. */
dipper_status dp_search_run(const dp_search *search, dp_diag *diag, dp_candidate *best);

/* What ranks: luma restored with a PSF; fills the numbers of the candidate but agreement, which counts as it is:
 *   l1_l2      of the gradients of the result smoothed a little (low where edges are sharp and nothing rings)
 *   log_rms    logarithm of what the result leaves unexplained of the blurred picture
 *   whiteness  how little that is like white noise, root mean square of its autocorrelation: 0 is white
 *   agreement  likeness of the PSF to that of the next larger window: a right one stays when it is given more room
 * score: lower is better. */
dipper_status dp_search_score(const dp_search *search, const dp_image *restored, dp_diag *diag, dp_candidate *c);

#endif
