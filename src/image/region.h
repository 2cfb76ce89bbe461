/* Where in a picture its blur can be estimated. */
#ifndef DP_IMAGE_REGION_H
#define DP_IMAGE_REGION_H

#include "image/image.h"

typedef struct dp_region {
    int x, y, width, height; /* wholly inside the picture */
    double score;            /* 0: nothing to estimate from; compares regions of one picture */
} dp_region;

/* The best window of width x height px (cut to the picture) in the plane for a PSF of about (kh, kw), noise sigma: with
 * much change that the blur has left, in many directions, far from clipped places. The middle if all are worth
 * nothing. docs/methods/region.md. DIPPER_ERROR_MEMORY. */
dipper_status dp_region_choose(const dp_image *plane, int width, int height, int kh, int kw, double sigma,
                               dp_diag *diag, dp_region *out);

#endif
