#include <math.h>
#include <string.h>

#include "api/api.h"
#include "base/memory.h"
#include "image/blur.h"
#include "image/image.h"
#include "image/psf.h"
#include "metric/quality.h"
#include "simulate/noise.h"
#include "simulate/psf_make.h"

/* ---- PSFs ---- */

void dipper_psf_options_init(dipper_psf_options *options) {
    *options = (dipper_psf_options){.struct_size = sizeof *options, .kind = DIPPER_PSF_DELTA};
}

dipper_status dipper_psf_make(dipper_context *context, const dipper_psf_options *options, int *width, int *height,
                              float *psf) {
    int own_width, own_height;
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (options == NULL || options->struct_size != sizeof *options)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "options of the PSF are NULL, or struct_size not set");
    DP_TRY(dp_psf_make(options, &context->diag, &own_width, &own_height, psf));
    if (width != NULL) *width = own_width;
    if (height != NULL) *height = own_height;
    return DIPPER_OK;
}

/* The box of the values above 1 % of the maximum. */
static void find_support(const float *psf, int width, int height, dipper_psf_info *out) {
    int left = width, right = -1, top = height, bottom = -1;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            if (!(psf[y * width + x] > 0.01 * out->maximum)) continue;
            left = x < left ? x : left;
            right = x > right ? x : right;
            top = y < top ? y : top;
            bottom = y;
        }
    out->support_x = left;
    out->support_y = top;
    out->support_width = right - left + 1;
    out->support_height = bottom - top + 1;
}

dipper_status dipper_psf_describe(dipper_context *context, const float *psf, int width, int height,
                                  dipper_psf_info *out) {
    double sum;
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (out == NULL || out->struct_size != sizeof *out)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "struct_size of the PSF's description is not set");
    DP_TRY(dp_check_psf(context, psf, width, height, &sum));
    *out = (dipper_psf_info){.struct_size = sizeof *out, .sum = sum};
    for (int i = 0; i < width * height; i++) out->maximum = fmax(out->maximum, psf[i]);
    dp_psf_centroid(psf, height, width, &out->centroid_y, &out->centroid_x);
    find_support(psf, width, height, out);
    out->entropy = dp_psf_entropy(psf, height, width);
    out->border_mass = dp_psf_border_mass(psf, height, width);
    return DIPPER_OK;
}

/* ---- Blur and noise ---- */

void dipper_blur_options_init(dipper_blur_options *options) {
    *options = (dipper_blur_options){
        .struct_size = sizeof *options, .border = DIPPER_BORDER_VALID, .noise = DIPPER_NOISE_NONE};
}

typedef struct job { /* everything to be freed */
    dp_image sharp, out;
    float *psf, *padded; /* one plane with its border */
} job;

static dipper_status check(dipper_context *c, const dipper_blur_options *o) {
    if (o->struct_size != sizeof *o) return dp_fail(&c->diag, DIPPER_ERROR_ARGUMENT, "struct_size of the blur options");
    if (o->border < DIPPER_BORDER_VALID || o->border > DIPPER_BORDER_WRAP || o->noise < DIPPER_NOISE_NONE ||
        o->noise > DIPPER_NOISE_UNIFORM)
        return dp_fail(&c->diag, DIPPER_ERROR_ARGUMENT, "unknown border (%d) or noise (%d)", (int)o->border,
                       (int)o->noise);
    if (o->noise == DIPPER_NOISE_NONE || (o->noise_level >= 0 && isfinite(o->noise_level))) {
        if (o->noise != DIPPER_NOISE_POISSON || o->noise_level > 0) return DIPPER_OK;
    }
    return dp_fail(&c->diag, DIPPER_ERROR_ARGUMENT, "the noise level is %g, but must be a number %s 0", o->noise_level,
                   o->noise == DIPPER_NOISE_POISSON ? "above" : "from");
}

static dipper_status load(job *j, dipper_context *c, const dipper_image *sharp, const float *psf, int kw, int kh) {
    int at_c, at_y, at_x;
    double sum;
    DP_TRY(dp_check_psf(c, psf, kw, kh, &sum));
    if (kw % 2 == 0 || kh % 2 == 0)
        return dp_fail(&c->diag, DIPPER_ERROR_ARGUMENT, "PSF of %d x %d px: sides must be odd", kw, kh);
    DP_TRY(dp_image_from_view(sharp, &c->diag, &j->sharp));
    if (dp_image_find_nonfinite(&j->sharp, &at_c, &at_y, &at_x))
        return dp_fail(&c->diag, DIPPER_ERROR_INPUT, "picture holds NaN or infinity, first at x=%d, y=%d, channel %d",
                       at_x, at_y, at_c);
    const size_t n = (size_t)kw * (size_t)kh;
    j->psf = dp_alloc(n, sizeof *j->psf);
    if (j->psf == NULL) return dp_fail(&c->diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    for (size_t i = 0; i < n; i++) j->psf[i] = (float)(psf[i] / sum);
    return DIPPER_OK;
}

static dipper_status blur_valid(job *j, dipper_context *c, int kw, int kh) {
    const dp_image *s = &j->sharp;
    if (s->width < kw || s->height < kh)
        return dp_fail(&c->diag, DIPPER_ERROR_INPUT,
                       "a picture of %d x %d px is smaller than the PSF of %d x %d; nothing of it is valid", s->width,
                       s->height, kw, kh);
    DP_TRY(dp_image_create(s->width - kw + 1, s->height - kh + 1, s->channels, &c->diag, &j->out));
    for (int i = 0; i < s->channels; i++)
        dp_plane_blur(dp_image_plane(s, i), s->height, s->width, j->psf, kh, kw, c->be->threads,
                      dp_image_plane(&j->out, i));
    return DIPPER_OK;
}

static dipper_status blur_padded(job *j, dipper_context *c, int kw, int kh, dp_border border) {
    const dp_image *s = &j->sharp;
    const size_t width = (size_t)s->width + (size_t)kw - 1, height = (size_t)s->height + (size_t)kh - 1;
    DP_TRY(dp_image_create(s->width, s->height, s->channels, &c->diag, &j->out));
    j->padded = dp_alloc(width * height, sizeof *j->padded);
    if (j->padded == NULL)
        return dp_fail(&c->diag, DIPPER_ERROR_MEMORY, "out of memory for a border around %d x %d px", s->width,
                       s->height);
    for (int i = 0; i < s->channels; i++) {
        dp_plane_pad(dp_image_plane(s, i), s->height, s->width, kw / 2, kh / 2, kw / 2, kh / 2, border, j->padded);
        dp_plane_blur(j->padded, (int)height, (int)width, j->psf, kh, kw, c->be->threads, dp_image_plane(&j->out, i));
    }
    return DIPPER_OK;
}

static dipper_status blur(job *j, dipper_context *c, const dipper_blur_options *o, int kw, int kh) {
    switch (o->border) {
    case DIPPER_BORDER_REPLICATE:
        return blur_padded(j, c, kw, kh, DP_BORDER_REPLICATE);
    case DIPPER_BORDER_REFLECT:
        return blur_padded(j, c, kw, kh, DP_BORDER_REFLECT);
    case DIPPER_BORDER_WRAP:
        return blur_padded(j, c, kw, kh, DP_BORDER_WRAP);
    default:
        return blur_valid(j, c, kw, kh);
    }
}

static void saturate(dp_image *image) {
    const size_t count = dp_image_plane_count(image) * (size_t)image->channels;
    for (size_t i = 0; i < count; i++) image->data[i] = fminf(1.0f, fmaxf(0.0f, image->data[i]));
}

dipper_status dipper_blur(dipper_context *context, const dipper_image *sharp, const float *psf, int psf_width,
                          int psf_height, const dipper_blur_options *options, dipper_image *out) {
    dipper_blur_options defaults;
    dipper_blur_options_init(&defaults);
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (sharp == NULL || out == NULL) return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "picture is NULL");
    if (options == NULL) options = &defaults;
    DP_TRY(check(context, options));
    job j = {0};
    dipper_status status = load(&j, context, sharp, psf, psf_width, psf_height);
    if (status == DIPPER_OK) status = blur(&j, context, options, psf_width, psf_height);
    if (status == DIPPER_OK)
        status = dp_noise_add(&j.out, options->noise, options->noise_level, options->seed, context->be->threads,
                              &context->diag);
    if (status == DIPPER_OK && options->saturate) saturate(&j.out);
    if (status == DIPPER_OK) status = dp_image_to_view(&j.out, &context->diag, out);
    dp_image_free(&j.sharp);
    dp_image_free(&j.out);
    dp_free(j.psf);
    dp_free(j.padded);
    return status;
}
