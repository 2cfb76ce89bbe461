/* Convolution with a PSF. */
#ifndef DP_IMAGE_BLUR_H
#define DP_IMAGE_BLUR_H

#include "image/image.h"

/* True convolution where the PSF (kh, kw) lies wholly inside src (h, w), both sides at least the PSF's:
 * dst(y, x) = sum_ij psf(i, j) src(y + kh-1-i, x + kw-1-j), (h-kh+1, w-kw+1). Direct sums in an order that does not
 * depend on the number of threads; zeros of the PSF cost nothing. */
void dp_plane_blur(const float *src, int h, int w, const float *psf, int kh, int kw, int threads, float *dst);

#endif
