/* The PSF that goes with a sharp picture, found by any means. */
#ifndef DP_BID_REFIT_FFT_H
#define DP_BID_REFIT_FFT_H

#include "backend/backend.h"
#include "image/image.h"

/* psf (side, side), odd, smaller than the pictures: a start; becomes the one, tidied as map-l0's are, with which sharp
 * gives blurred, both grey and of one size. DIPPER_ERROR_DIVERGED: nothing of it is left; DIPPER_ERROR_MEMORY. */
dipper_status dp_refit(dp_backend *be, const dp_image *blurred, const dp_image *sharp, int side, float *psf,
                       dp_diag *diag);

#endif
