/* How steep are a picture's edges? docs/verdict.md: the sharpness rule. */
#ifndef DP_METRIC_STEEPNESS_H
#define DP_METRIC_STEEPNESS_H

#include "image/image.h"

enum { DP_STEEPNESS_REACH = 12 }; /* px to both sides that are looked at */

/* Along a direction e each pixel has a profile of 12 px to both sides; its steepness is the largest change between
 * neighbours (per px of distance) over the range of the profile. A step has 1; an edge that a PSF has blurred has the
 * largest value of the PSF's projection onto e, a fraction. Of the fifth of the profiles with the largest ranges, those
 * that noise of sigma (>= 0) could have made left out, the upper quartile is taken; of four directions (0, 45, 90, 135
 * degrees) the least: a streak leaves the edges along it steep. NaN: too small, or too few such edges.
 * DIPPER_ERROR_MEMORY. */
dipper_status dp_steepness(const dp_image *grey, double sigma, dp_diag *diag, double *out);

#endif
