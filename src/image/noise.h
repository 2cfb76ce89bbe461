/* How much noise is in a (blurred) picture. */
#ifndef DP_IMAGE_NOISE_H
#define DP_IMAGE_NOISE_H

#include "image/image.h"

/* Standard deviation of white noise in the plane (height, width), in its own units; 0 for a constant plane or one
 * smaller than 5x5. DIPPER_ERROR_MEMORY. */
dipper_status dp_noise_estimate(const float *plane, int height, int width, dp_diag *diag, double *sigma);

#endif
