#include <math.h>

#include "api/api.h"
#include "image/colour.h"
#include "image/image.h"
#include "metric/metric.h"

typedef struct pair {
    dp_image x, reference;
} pair;

static dipper_status load(dipper_context *c, const dipper_image *x, const dipper_image *reference, pair *out) {
    if (x == NULL || reference == NULL) return dp_fail(&c->diag, DIPPER_ERROR_ARGUMENT, "picture is NULL");
    DP_TRY(dp_image_from_view(x, &c->diag, &out->x));
    DP_TRY(dp_image_from_view(reference, &c->diag, &out->reference));
    if (out->x.width != out->reference.width || out->x.height != out->reference.height ||
        out->x.channels != out->reference.channels)
        return dp_fail(&c->diag, DIPPER_ERROR_INPUT, "pictures differ in size: %dx%dx%d and %dx%dx%d", out->x.width,
                       out->x.height, out->x.channels, out->reference.width, out->reference.height,
                       out->reference.channels);
    return DIPPER_OK;
}

static void release(pair *p) {
    dp_image_free(&p->x);
    dp_image_free(&p->reference);
}

dipper_status dipper_psnr(dipper_context *context, const dipper_image *x, const dipper_image *reference, double peak,
                          double *psnr_db) {
    pair p = {0};
    if (context == NULL || psnr_db == NULL) return DIPPER_ERROR_ARGUMENT;
    const dipper_status status = load(context, x, reference, &p);
    if (status == DIPPER_OK) *psnr_db = dp_psnr(&p.x, &p.reference, peak);
    release(&p);
    return status;
}

/* A grey picture in place of a colour one; clipped where asked. */
static dipper_status to_grey(dp_image *image, bool clip, dp_diag *diag) {
    if (image->channels > 1) {
        dp_image grey = {0};
        DP_TRY(dp_luma_image(image, diag, &grey));
        dp_image_free(image);
        *image = grey;
    }
    const size_t n = clip ? dp_image_plane_count(image) : 0;
    for (size_t i = 0; i < n; i++) image->data[i] = fminf(1.0f, fmaxf(0.0f, image->data[i]));
    return DIPPER_OK;
}

dipper_status dipper_score_aligned(dipper_context *context, const dipper_image *x, const dipper_image *reference,
                                   int crop, int range, dipper_alignment *out) {
    pair p = {0};
    dp_alignment found = {0};
    if (context == NULL || out == NULL) return DIPPER_ERROR_ARGUMENT;
    dipper_status status = load(context, x, reference, &p);
    if (status == DIPPER_OK) status = to_grey(&p.x, true, &context->diag);
    if (status == DIPPER_OK) status = to_grey(&p.reference, false, &context->diag);
    if (status == DIPPER_OK) status = dp_align(&p.x, &p.reference, crop, range, &context->diag, &found);
    if (status == DIPPER_OK) *out = (dipper_alignment){found.psnr_db, found.ssim, found.shift_x, found.shift_y};
    release(&p);
    return status;
}
