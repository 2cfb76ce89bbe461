/* Missing pixels from their neighbours, as a start for methods that find something better. */
#ifndef DP_IMAGE_FILL_H
#define DP_IMAGE_FILL_H

#include "base/diag.h"

/* Each pixel of plane (h, w) where mask is 0 becomes the mean of the nearest known pixels to the left, right, above and
 * below, weighted by 1/distance; the mean of all known ones where there are none. DIPPER_ERROR_MEMORY. */
dipper_status dp_plane_fill(float *plane, const unsigned char *mask, int h, int w, dp_diag *diag);

#endif
