#include <math.h>

#include "api/api.h"
#include "image/colour.h"
#include "image/image.h"
#include "metric/metric.h"
#include "metric/quality.h"

/* ---- PSNR ---- */

typedef struct pair {
    dp_image x, reference;
} pair;

static dipper_status load_pair(dipper_context *c, const dipper_image *x, const dipper_image *reference, pair *out) {
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
    const dipper_status status = load_pair(context, x, reference, &p);
    if (status == DIPPER_OK) *psnr_db = dp_psnr(dp_mse(&p.x, &p.reference, context->be->threads), peak);
    release(&p);
    return status;
}

/* ---- PSFs ---- */

dipper_status dp_check_psf(dipper_context *c, const float *psf, int width, int height, double *sum) {
    *sum = 0;
    if (psf == NULL || width < 1 || height < 1 || width > 4096 || height > 4096)
        return dp_fail(&c->diag, DIPPER_ERROR_ARGUMENT, "a PSF of %d x %d px makes no sense", width, height);
    for (int i = 0; i < width * height; i++) {
        if (!(psf[i] >= 0 && isfinite(psf[i])))
            return dp_fail(&c->diag, DIPPER_ERROR_INPUT,
                           "PSF value at x=%d, y=%d is %g; a PSF is neither negative nor infinite", i % width,
                           i / width, psf[i]);
        *sum += psf[i];
    }
    return *sum > 0 ? DIPPER_OK : dp_fail(&c->diag, DIPPER_ERROR_INPUT, "PSF is zero everywhere");
}

static double energy(const float *psf, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)psf[i] * psf[i];
    return sum;
}

dipper_status dipper_psf_compare(dipper_context *context, const float *a, int a_width, int a_height, const float *b,
                                 int b_width, int b_height, dipper_psf_match *out) {
    double a_sum, b_sum;
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (out == NULL || out->struct_size != sizeof *out)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "struct_size of the match is not set");
    DP_TRY(dp_check_psf(context, a, a_width, a_height, &a_sum));
    DP_TRY(dp_check_psf(context, b, b_width, b_height, &b_sum));
    const dp_psf_match found = dp_psf_compare(a, a_height, a_width, b, b_height, b_width);
    const double a_energy = energy(a, a_width * a_height) / (a_sum * a_sum);
    const double b_energy = energy(b, b_width * b_height) / (b_sum * b_sum);
    const double error = a_energy + b_energy - 2 * found.correlation * sqrt(a_energy * b_energy);
    *out = (dipper_psf_match){.struct_size = sizeof *out,
                              .correlation = found.correlation,
                              .squared_error = fmax(error, 0),
                              .shift_x = found.dx - (a_width / 2 - b_width / 2),
                              .shift_y = found.dy - (a_height / 2 - b_height / 2)};
    return DIPPER_OK;
}

/* ---- Without the truth ---- */

static dipper_status load_luma(dipper_context *c, const dipper_image *view, dp_image *out) {
    dp_image all = {0};
    DP_TRY(dp_image_from_view(view, &c->diag, &all));
    dipper_status status = DIPPER_OK;
    if (dp_image_find_nonfinite(&all, NULL, NULL, NULL))
        status = dp_fail(&c->diag, DIPPER_ERROR_INPUT, "a picture holds NaN or infinity");
    if (status == DIPPER_OK) status = dp_luma_image(&all, &c->diag, out);
    dp_image_free(&all);
    return status;
}

static dipper_status measure_residual(dipper_context *c, const dp_image *image, const dipper_image *view,
                                      const float *psf, int kw, int kh, dipper_quality *out) {
    dp_image blurred = {0}, residual = {0};
    dipper_status status = load_luma(c, view, &blurred);
    if (status == DIPPER_OK && (blurred.width != image->width || blurred.height != image->height))
        status = dp_fail(&c->diag, DIPPER_ERROR_INPUT, "the result has %d x %d px, but the blurred picture %d x %d",
                         image->width, image->height, blurred.width, blurred.height);
    if (status == DIPPER_OK) status = dp_residual(image, &blurred, psf, kh, kw, c->be->threads, &c->diag, &residual);
    if (status == DIPPER_OK) {
        out->residual_rms = dp_rms(&residual);
        out->residual_whiteness = dp_whiteness(&residual, c->be->threads);
    }
    dp_image_free(&blurred);
    dp_image_free(&residual);
    return status;
}

dipper_status dipper_quality_measure(dipper_context *context, const dipper_image *image, const dipper_image *blurred,
                                     const float *psf, int psf_width, int psf_height, dipper_quality *out) {
    dp_image grey = {0};
    double sum;
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (image == NULL || out == NULL || out->struct_size != sizeof *out)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "picture is NULL, or struct_size of the quality not set");
    if (psf != NULL) DP_TRY(dp_check_psf(context, psf, psf_width, psf_height, &sum));
    DP_TRY(load_luma(context, image, &grey));
    *out = (dipper_quality){.struct_size = sizeof *out,
                            .residual_rms = NAN,
                            .residual_whiteness = NAN,
                            .psf_entropy = psf != NULL ? dp_psf_entropy(psf, psf_height, psf_width) : NAN,
                            .psf_border_mass = psf != NULL ? dp_psf_border_mass(psf, psf_height, psf_width) : NAN};
    dp_gradient_measures(&grey, &out->gradient_l1_l2, &out->total_variation);
    dipper_status status = DIPPER_OK;
    if (psf != NULL && blurred != NULL)
        status = measure_residual(context, &grey, blurred, psf, psf_width, psf_height, out);
    dp_image_free(&grey);
    return status;
}
