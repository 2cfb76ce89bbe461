/* Denoising by block matching and collaborative filtering (Dabov, Foi, Katkovnik and Egiazarian 2007, "Image denoising
 * by sparse 3-D transform-domain collaborative filtering"). */
#ifndef DP_IMAGE_BM3D_H
#define DP_IMAGE_BM3D_H

#include "image/image.h"

/* picture (h, w), values about 0 to 1 (limits of likeness are in these units), with white Gaussian noise of standard
 * deviation sigma -> out (h, w), which may not overlap picture. A copy if sigma is not above 0 or a side is below 8 px.
 * Levels do not matter: what is added to all pixels is added to the result (rounding can move a block or coefficient
 * across a limit: a few pixels by some 1e-4). The same bits for any number of threads (>= 1). Takes two more planes,
 * and about 4 s for a megapixel on one core with AVX2. DIPPER_ERROR_MEMORY. */
dipper_status dp_bm3d(const float *picture, int h, int w, double sigma, int threads, dp_diag *diag, float *out);

#endif
