/* Resampling by any factor, antialiased: the filter is stretched by 1/scale when shrinking (area-true), and
 * interpolates when enlarging. Pictures are aligned by their centres. */
#ifndef DP_IMAGE_RESIZE_H
#define DP_IMAGE_RESIZE_H

#include "image/image.h"

typedef enum dp_filter {
    DP_FILTER_BOX,      /* area mean (shrinking), nearest (enlarging) */
    DP_FILTER_TRIANGLE, /* bilinear, antialiased */
    DP_FILTER_LANCZOS3, /* sharpest; overshoots at edges */
} dp_filter;

typedef enum dp_outside {
    DP_OUTSIDE_NEAREST, /* pictures: weights are normalised over the pixels that exist */
    DP_OUTSIDE_ZERO,    /* PSFs: nothing beyond the array */
} dp_outside;

/* Lanczos' window: sinc(x) sinc(x / lobes), 0 from `lobes` on. x in px. */
double dp_lanczos(double x, int lobes);

/* src (h, w) -> dst (ho, wo); row i of dst is centred on row (i + 0.5 - ho/2)/scale + h/2 - 0.5 of src, columns alike.
 * scale is dst pixels per src pixel, both directions; 0 = ho/h and wo/w. DIPPER_ERROR_MEMORY. */
dipper_status dp_plane_resize(const float *src, int h, int w, double scale, dp_filter filter, dp_outside outside,
                              dp_diag *diag, float *dst, int ho, int wo);
dipper_status dp_image_resize(const dp_image *image, int width, int height, dp_filter filter, dp_diag *diag,
                              dp_image *out);
/* Iterative back-projection (Irani and Peleg 1991): `steps` times, what `image`, resampled to the size of `small`,
 * lacks of it is resampled back and added. Both have the same channels. */
dipper_status dp_image_back_project(dp_image *image, const dp_image *small, int steps, dp_filter filter, dp_diag *diag);

#endif
