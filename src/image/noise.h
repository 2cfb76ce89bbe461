/* How much noise is in a (blurred) picture: the standard deviation of white noise in a plane (height, width), in its
 * own units. What lies at the ends of the range (image/clip.h) is left out, and so are places without any change
 * (saturated, painted): they tell nothing. 0 if nothing is left, as in constant planes and very small ones.
 * docs/noise.md has formulas and accuracy. All: DIPPER_ERROR_MEMORY. */
#ifndef DP_IMAGE_NOISE_H
#define DP_IMAGE_NOISE_H

#include "image/image.h"

/* What is used where the noise of a blurred picture is not given: by high-pass; if there is the grid of JPEG, the
 * coarse noise by patches if that is more. */
dipper_status dp_noise_estimate(const float *plane, int height, int width, dp_diag *diag, double *sigma);

typedef dipper_status (*dp_noise_estimator)(const float *plane, int height, int width, dp_diag *diag, double *sigma);

/* By high-pass filter and blocks: for blurred pictures, which have no fine detail. At least 5x5 px. */
dipper_status dp_noise_by_highpass(const float *plane, int height, int width, dp_diag *diag, double *sigma);
/* By the principal components of patches without texture: for sharp pictures as well. At least about 18x18 px. */
dipper_status dp_noise_by_patches(const float *plane, int height, int width, dp_diag *diag, double *sigma);

/* Twice the noise of means of 2x2 px: the same if it is white, more if its fine part was taken away. */
dipper_status dp_noise_coarse(const float *plane, int height, int width, dp_noise_estimator estimator, dp_diag *diag,
                              double *sigma);
/* (height/2, width/2). A mean with a clipped value in it is clipped. */
void dp_noise_halve(const float *plane, int height, int width, float *half);

/* How much more change there is across the borders of a grid of 8 px, at any place, than elsewhere: 1 = there is no
 * such grid; also for pictures of less than 64x64 px. */
double dp_noise_grid(const float *plane, int height, int width);

#endif
