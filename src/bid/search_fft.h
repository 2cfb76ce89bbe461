/* The automatic mode's search: which PSF, of those that the classical estimators find with windows of many sizes and
 * for pictures of several softnesses? Each restores the picture, and the results are ranked without the truth.
 * docs/auto.md */
#ifndef DP_BID_SEARCH_FFT_H
#define DP_BID_SEARCH_FFT_H

#include "bid/rank_fft.h"
#include "deconv/estimate.h"
#include "image/image.h"

enum { DP_SEARCH_WINDOWS = 16 };

enum { DP_VARIANT_SETTINGS = 2 };

typedef struct dp_variant { /* of kernel estimation */
    const char *method;
    struct {
        const char *name; /* of a setting of the method; NULL: the rest are its own */
        double value;
    } set[DP_VARIANT_SETTINGS];
} dp_variant;

typedef struct dp_candidate {
    const dp_variant *variant; /* the caller's */
    int window;                /* px: side that it was told */
    double softness;           /* px */
    float *psf;                /* (side, side) of the search */
    double radius;             /* of psf, px: dp_psf_shape */
    double agreement; /* likeness to the PSF found in the next larger window: a right one stays when it is given
                         more room; in the largest to that of the one before, 0: there is no other */
    dp_rank rank;     /* of luma restored with it */
    double score;     /* of rank and agreement: lower is better */
    int tried;        /* candidates, of which this is the best */
} dp_candidate;

typedef struct dp_search {
    dp_backend *be;
    const dp_image *luma;     /* of the part to look at; candidates are judged by it */
    const dp_image *denoised; /* NULL; or that with less noise: estimates are made from it */
    const dp_image *wide;     /* NULL; or a larger part: large PSFs are also looked for in that, halved in size, */
    const dp_variant *coarse; /* in each of these ways; ends with a NULL method */
    double noise_sigma;       /* of luma, >= 0 */
    bool blurred;             /* the picture's edges are not known to be those of a sharp one */
    const dp_variant *variant;
    int told;                                     /* px: the window, odd; 0: all */
    int windows[DP_SEARCH_WINDOWS], window_count; /* odd, rising: dp_search_windows */
    int side;                                     /* of all PSFs: at least the last window */
    /* After some candidates, in the caller's thread; non-zero: that is enough, take the best so far. May be NULL. */
    int (*progress)(int done, int of, void *user);
    /* After each, in any thread, one at a time: one took that long, is there time for one that takes, at most about,
     * `next` seconds? If not, none is begun any more. May be NULL. */
    bool (*fits)(double took, double next, void *user);
    void *user;
} dp_search;

/* Windows and side for told, luma and wide: factors of the square root of 2, up to a quarter of luma's shorter side and
 * 101 px; larger ones in the wide picture, which is dropped if none is large enough for it. */
void dp_search_windows(dp_search *search);

/* Leaves the smallest window that holds a PSF of `extent` px, or the largest one, the ones before and after, and no
 * wide picture. */
void dp_search_narrow(dp_search *search, int extent);

/* Candidates share the threads, each its own. The result does not depend on their number.
 * best: its psf (side, side) is the caller's memory. DIPPER_ERROR_DIVERGED: no estimate came to anything;
 * DIPPER_ERROR_MEMORY. */
dipper_status dp_search_run(const dp_search *search, dp_diag *diag, dp_candidate *best);

#endif
