#include "image/colour.h"

#include <string.h>

static float luma_of(float r, float g, float b) {
    return 0.299F * r + 0.587F * g + 0.114F * b;
}

void dp_luma(const dp_image *image, float *luma) {
    const size_t n = dp_image_plane_count(image);
    if (image->channels < 3) {
        memcpy(luma, image->data, n * sizeof(float));
        return;
    }
    const float *r = dp_image_plane(image, 0), *g = dp_image_plane(image, 1), *b = dp_image_plane(image, 2);
    for (size_t i = 0; i < n; i++) luma[i] = luma_of(r[i], g[i], b[i]);
}

dipper_status dp_luma_image(const dp_image *image, dp_diag *diag, dp_image *out) {
    DP_TRY(dp_image_create(image->width, image->height, 1, diag, out));
    dp_luma(image, out->data);
    return DIPPER_OK;
}

void dp_rgb_to_ycbcr(dp_image *image) {
    float *p0 = dp_image_plane(image, 0), *p1 = dp_image_plane(image, 1), *p2 = dp_image_plane(image, 2);
    for (size_t i = 0; i < dp_image_plane_count(image); i++) {
        const float r = p0[i], b = p2[i], y = luma_of(r, p1[i], b);
        p0[i] = y;
        p1[i] = (b - y) / 1.772F;
        p2[i] = (r - y) / 1.402F;
    }
}

void dp_ycbcr_to_rgb(dp_image *image) {
    float *p0 = dp_image_plane(image, 0), *p1 = dp_image_plane(image, 1), *p2 = dp_image_plane(image, 2);
    for (size_t i = 0; i < dp_image_plane_count(image); i++) {
        const float y = p0[i], r = y + 1.402F * p2[i], b = y + 1.772F * p1[i];
        p0[i] = r;
        p1[i] = (y - 0.299F * r - 0.114F * b) / 0.587F;
        p2[i] = b;
    }
}

/* R = Y + 1.402 Cr, B = Y + 1.772 Cb, and G likewise is Y plus a function of the chroma: with the chroma kept, a new
 * luma adds the same Y' - Y to all three. */
void dp_replace_luma(dp_image *image, const float *luma) {
    const size_t n = dp_image_plane_count(image);
    if (image->channels < 3) {
        memcpy(image->data, luma, n * sizeof(float));
        return;
    }
    float *r = dp_image_plane(image, 0), *g = dp_image_plane(image, 1), *b = dp_image_plane(image, 2);
    for (size_t i = 0; i < n; i++) {
        const float change = luma[i] - luma_of(r[i], g[i], b[i]);
        r[i] += change;
        g[i] += change;
        b[i] += change;
    }
}
