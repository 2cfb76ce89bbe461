/* What a PSF looks like, in a few numbers. */
#ifndef DP_METRIC_PSF_SHAPE_H
#define DP_METRIC_PSF_SHAPE_H

#include "base/diag.h"

typedef struct dp_psf_shape {
    double radius;     /* px: root of the mean squared distance from the centroid; 0 for a point */
    double peak;       /* largest value, as a share of the sum: 1 for a point */
    double border;     /* share of the mass in the outermost ring of one pixel */
    double haze;       /* share of the mass in values below 5 % of the largest */
    double islands;    /* share of the mass, without haze, that does not hang together with the heaviest part */
    int width, height; /* px: box of the values from 5 % of the largest on */
} dp_psf_shape;

/* psf (kh, kw), non-negative, not all 0. DIPPER_ERROR_MEMORY. */
dipper_status dp_psf_shape_measure(const float *psf, int kh, int kw, dp_diag *diag, dp_psf_shape *out);

#endif
