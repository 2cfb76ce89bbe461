#include "bid/plane.h"

#include <string.h>

#include "image/clip.h"
#include "image/colour.h"
#include "image/resize.h"
#include "metric/quality.h"

static const double CLEARLY = 0.945;     /* times the l1/l2 of luma: docs/auto.md */
static const double MORE_CLIPPED = 0.05; /* than in luma, as a share of the pixels: too much */

/* l1/l2 of the gradients at half the size, where noise and what a sensor's mosaic does to colours weigh less. */
static dipper_status measure(const float *plane, int h, int w, dp_diag *diag, double *l1_l2) {
    double variation;
    dp_image half = {0};
    DP_TRY(dp_image_create((w + 1) / 2, (h + 1) / 2, 1, diag, &half));
    const dipper_status status = dp_plane_resize(plane, h, w, 0.5, DP_FILTER_TRIANGLE, DP_OUTSIDE_NEAREST, diag,
                                                 half.data, half.height, half.width);
    if (status == DIPPER_OK) dp_gradient_measures(&half, l1_l2, &variation);
    dp_image_free(&half);
    return status;
}

static dipper_status compare(const dp_image *picture, dp_diag *diag, dp_image *out, const char **name) {
    static const char *const names[] = {"red", "green", "blue"};
    const size_t n = dp_image_plane_count(out);
    const double most = dp_clip_share(out->data, n) + MORE_CLIPPED;
    double least;
    DP_TRY(measure(out->data, out->height, out->width, diag, &least));
    least *= CLEARLY;
    for (int c = 0; c < picture->channels; c++) {
        const float *plane = dp_image_plane(picture, c);
        double l1_l2;
        DP_TRY(measure(plane, out->height, out->width, diag, &l1_l2));
        if (!(l1_l2 < least) || dp_clip_share(plane, n) > most) continue; /* NaN where it is constant */
        least = l1_l2;
        memcpy(out->data, plane, n * sizeof *plane);
        *name = names[c];
    }
    return DIPPER_OK;
}

dipper_status dp_plane_choose(const dp_image *picture, dp_diag *diag, dp_image *out, const char **name) {
    *name = "luma";
    DP_TRY(dp_luma_image(picture, diag, out));
    const dipper_status status = picture->channels > 1 ? compare(picture, diag, out, name) : DIPPER_OK;
    if (status != DIPPER_OK) dp_image_free(out);
    return status;
}
