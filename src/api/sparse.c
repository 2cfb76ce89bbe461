#include "deconv/sparse.h"

#include <math.h>
#include <string.h>

#include "api/api.h"
#include "base/memory.h"
#include "image/image.h"
#include "image/noise.h"
#include "image/psf.h"

void dipper_sparse_options_init(dipper_sparse_options *options) {
    const dp_sparse_options inner = dp_sparse_defaults();
    *options = (dipper_sparse_options){.struct_size = sizeof *options,
                                       .weight = -1,
                                       .exponent = inner.exponent,
                                       .noise_sigma = -1,
                                       .reweightings = inner.reweightings,
                                       .cg_iterations = inner.cg_iterations};
}

typedef struct job { /* everything to be freed */
    dp_image picture;
    float *psf;
    dp_sparse *sparse;
} job;

static dipper_status check(const dipper_sparse_options *o, const float *psf, int kw, int kh, dp_diag *diag) {
    if (o->struct_size != sizeof *o || !(o->exponent > 0 && o->exponent <= 2) || o->reweightings < 1 ||
        o->cg_iterations < 1)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "sparse options: exponent in (0, 2], counts at least 1");
    if (psf == NULL || kw < 1 || kh < 1 || kw > 101 || kh > 101 || kw % 2 == 0 || kh % 2 == 0)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "PSF of %dx%d: sides must be odd, 1 to 101", kw, kh);
    for (int i = 0; i < kw * kh; i++)
        if (!(psf[i] >= 0 && isfinite(psf[i])))
            return dp_fail(diag, DIPPER_ERROR_INPUT, "PSF value at x=%d, y=%d is negative, NaN or infinite", i % kw,
                           i / kw);
    return DIPPER_OK;
}

static dipper_status prepare(job *j, dipper_context *c, const dipper_image *blurred, const float *psf, int kw, int kh) {
    const size_t n = (size_t)kw * (size_t)kh;
    int at_c, at_y, at_x;
    DP_TRY(dp_image_from_view(blurred, &c->diag, &j->picture));
    if (dp_image_find_nonfinite(&j->picture, &at_c, &at_y, &at_x))
        return dp_fail(&c->diag, DIPPER_ERROR_INPUT, "picture holds NaN or infinity, first at x=%d, y=%d, channel %d",
                       at_x, at_y, at_c);
    j->psf = dp_alloc(n, sizeof *j->psf);
    if (j->psf == NULL) return dp_fail(&c->diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    memcpy(j->psf, psf, n * sizeof *psf);
    if (!dp_psf_normalise(j->psf, kh, kw)) return dp_fail(&c->diag, DIPPER_ERROR_INPUT, "PSF is zero everywhere");
    return dp_sparse_create(c->be, j->picture.height, j->picture.width, kh, kw, &c->diag, &j->sparse);
}

static dipper_status restore(job *j, dipper_context *c, const dipper_sparse_options *options, dipper_image *out) {
    dp_sparse_options inner = dp_sparse_defaults();
    inner.exponent = options->exponent;
    inner.reweightings = options->reweightings;
    inner.cg_iterations = options->cg_iterations;
    for (int i = 0; i < j->picture.channels; i++) {
        float *plane = dp_image_plane(&j->picture, i);
        double sigma = options->noise_sigma;
        if (!(sigma >= 0)) DP_TRY(dp_noise_estimate(plane, j->picture.height, j->picture.width, &c->diag, &sigma));
        inner.weight = options->weight >= 0 ? options->weight : dp_sparse_weight(sigma);
        DP_TRY(dp_sparse_run(j->sparse, j->psf, plane, &inner, &c->diag, plane));
    }
    return dp_image_to_view(&j->picture, &c->diag, out);
}

dipper_status dipper_deconvolve_sparse(dipper_context *context, const dipper_image *blurred, const float *psf,
                                       int psf_width, int psf_height, const dipper_sparse_options *options,
                                       dipper_image *out) {
    dipper_sparse_options defaults;
    dipper_sparse_options_init(&defaults);
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (blurred == NULL || out == NULL) return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "picture is NULL");
    if (options == NULL) options = &defaults;
    DP_TRY(check(options, psf, psf_width, psf_height, &context->diag));
    job j = {0};
    dipper_status status = prepare(&j, context, blurred, psf, psf_width, psf_height);
    if (status == DIPPER_OK) status = restore(&j, context, options, out);
    dp_sparse_destroy(&j.sparse);
    dp_free(j.psf);
    dp_image_free(&j.picture);
    return status;
}
