/* Pictures inside the library: owned, packed, planar float: element (c, y, x) is data[(c*height + y)*width + x]. */
#ifndef DP_IMAGE_IMAGE_H
#define DP_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "dipper/dipper.h"

typedef struct dp_image {
    int width, height, channels;
    float *data; /* owned; NULL in an empty picture */
} dp_image;

/* reflect does not repeat the edge */
typedef enum dp_border { DP_BORDER_REPLICATE, DP_BORDER_REFLECT, DP_BORDER_WRAP } dp_border;

static inline size_t dp_image_plane_count(const dp_image *image) {
    return (size_t)image->height * (size_t)image->width;
}
static inline float *dp_image_plane(const dp_image *image, int channel) {
    return image->data + (size_t)channel * dp_image_plane_count(image);
}
static inline float *dp_image_row(const dp_image *image, int channel, int y) {
    return dp_image_plane(image, channel) + (size_t)y * (size_t)image->width;
}

/* The makers below fill *out, an empty picture ({0}) or one to be thrown away without dp_image_free; on failure *out is
 * empty. They fail with DIPPER_ERROR_MEMORY, or DIPPER_ERROR_INTERNAL for sizes or channels < 1. */
dipper_status dp_image_create(int width, int height, int channels, dp_diag *diag, dp_image *out); /* zeros */
dipper_status dp_image_copy(const dp_image *image, dp_diag *diag, dp_image *out);
void dp_image_free(dp_image *image); /* NULL and empty are fine; leaves an empty picture */

/* Between the caller's views and our planes. from_view refuses a view without meaning (no data, sizes < 1, channels
 * other than 1 or 3): DIPPER_ERROR_ARGUMENT. to_view wants the same shape on both sides: DIPPER_ERROR_ARGUMENT. */
dipper_status dp_image_from_view(const dipper_image *view, dp_diag *diag, dp_image *out);
dipper_status dp_image_check_shape(const dp_image *image, dp_diag *diag, const dipper_image *view);
dipper_status dp_image_to_view(const dp_image *image, dp_diag *diag, dipper_image *view);

/* The rectangle width x height whose top left corner is (x, y), wholly inside image. */
dipper_status dp_image_crop(const dp_image *image, int x, int y, int width, int height, dp_diag *diag, dp_image *out);
/* Adds pixels at each side; any number, also more than the picture has. */
dipper_status dp_image_pad(const dp_image *image, int left, int top, int right, int bottom, dp_border border,
                           dp_diag *diag, dp_image *out);

/* Plane (height, width) -> plane (height+top+bottom, width+left+right), without allocation. */
void dp_plane_pad(const float *src, int height, int width, int left, int top, int right, int bottom, dp_border border,
                  float *dst);
/* dst(y, x) = src(y - dy, x - dx) with replicated edges: content moves right by dx and down by dy. dst != src. */
void dp_plane_shift(const float *src, int height, int width, int dy, int dx, float *dst);

/* True and the position of the first NaN or infinity (in c, y, x order), if any; c, y, x may be NULL. */
bool dp_image_find_nonfinite(const dp_image *image, int *c, int *y, int *x);
/* True if every channel holds one value only. */
bool dp_image_is_constant(const dp_image *image);

#endif
