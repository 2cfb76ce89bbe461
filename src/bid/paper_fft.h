/* Print on white paper. Much of such a picture is exactly white, and that is known of the sharp one as well: it lies in
 * 0 to 1, and what is nearly white is white. With so much known the PSF that the search found is refined, and the
 * prior on gradients may be weaker. docs/auto.md */
#ifndef DP_BID_PAPER_FFT_H
#define DP_BID_PAPER_FFT_H

#include "backend/backend.h"
#include "image/image.h"

/* Whether a grey picture looks like that: mostly bright, and much of it white. */
bool dp_is_paper(const dp_image *plane);

/* Weight for its restoration with the box constraint. */
double dp_paper_weight(double noise_sigma);

typedef struct dp_paper {
    dp_backend *be;
    const dp_image *plane; /* grey, in which the PSF is refined */
    double noise_sigma;    /* of plane, >= 0 */
    int side, window;      /* of the PSF, odd; it lies in the middle window, and may grow by a little */
    /* After each round, which took that long; false: that is enough. May be NULL. */
    bool (*goes_on)(double took, void *user);
    void *user;
} dp_paper;

/* psf (side, side): in, what was found; out, refined, unless that explains the picture worse. refined: whether it is.
 * DIPPER_ERROR_MEMORY. */
dipper_status dp_paper_refine(const dp_paper *job, float *psf, bool *refined, dp_diag *diag);

#endif
