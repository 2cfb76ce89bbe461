/* Pictures of one scene that differ by a fraction of a pixel. */
#ifndef DP_IMAGE_REGISTER_H
#define DP_IMAGE_REGISTER_H

#include "image/image.h"

/* The content of src (h, w) moves down by dy and right by dx px, each at most 4 either way, into dst (h, w), which is
 * not src: Lanczos' interpolation with four lobes, edges replicated. DIPPER_ERROR_MEMORY. */
dipper_status dp_plane_move(const float *src, int h, int w, double dy, double dx, int threads, dp_diag *diag,
                            float *dst);

typedef struct dp_registration {
    double dy, dx; /* px: so the one has to be moved to lie on the other */
    double rms;    /* of their difference then, both smoothed a little, borders left out; infinity: not found */
} dp_registration;

/* Grey pictures of one size, at most about 2 px apart: the best whole pixels, then Gauss-Newton on the squared error
 * (Lucas and Kanade 1981). DIPPER_ERROR_MEMORY. */
dipper_status dp_register(const dp_image *moving, const dp_image *fixed, int threads, dp_diag *diag,
                          dp_registration *out);

#endif
