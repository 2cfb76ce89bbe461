#include <math.h>
#include <string.h>

#include "api/api.h"
#include "image/colour.h"
#include "image/image.h"
#include "metric/metric.h"

typedef struct protocol {
    const char *name;
    int crop, range, channel, clip;
    bool reduce; /* before SSIM, as Wang's ssim.m does */
} protocol;

static const protocol protocols[] = {
    {"plain", 0, 0, DIPPER_CHANNEL_RGB, 0, false},
    {"levin", 15, 10, DIPPER_CHANNEL_LUMA, 1, false},
    {"lai", 15, 10, DIPPER_CHANNEL_STUDIO, 1, true},
};

typedef struct rules { /* of one comparison, everything resolved */
    protocol p;
    double peak;
    int width, height; /* px compared */
} rules;

typedef struct fit { /* of one picture to another */
    double mse, ssim, spectral;
    dp_shift shift;
    int reduction; /* before SSIM */
} fit;

enum fit_parts { FIT_MSE, FIT_SSIM = 1, FIT_SPECTRAL = 2 };

void dipper_score_options_init(dipper_score_options *options) {
    *options = (dipper_score_options){.struct_size = sizeof *options,
                                      .protocol = "plain",
                                      .crop = -1,
                                      .range = -1,
                                      .channel = -1,
                                      .clip = -1,
                                      .peak = 1};
}

/* ---- Rules ---- */

static dipper_status resolve(dipper_context *c, const dipper_score_options *o, rules *out) {
    dp_diag *diag = &c->diag;
    const size_t count = sizeof protocols / sizeof *protocols;
    size_t i = 0;
    if (o->struct_size != sizeof *o || o->protocol == NULL)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "score options: call dipper_score_options_init first");
    while (i < count && strcmp(protocols[i].name, o->protocol) != 0) i++;
    if (i == count)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "protocol '%s' is not known: plain, levin, lai", o->protocol);
    if (o->crop < -1 || o->range < -1 || o->channel < -1 || o->channel > DIPPER_CHANNEL_STUDIO || o->clip < -1 ||
        o->clip > 1 || !(o->peak > 0 && isfinite(o->peak)))
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "score options: a value is out of its range");
    *out = (rules){.p = protocols[i], .peak = o->peak};
    if (o->crop >= 0) out->p.crop = o->crop;
    if (out->p.range > out->p.crop) out->p.range = out->p.crop;
    if (o->range >= 0) out->p.range = o->range;
    if (o->channel >= 0) out->p.channel = o->channel;
    if (o->clip >= 0) out->p.clip = o->clip;
    if (out->p.range > out->p.crop)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT,
                       "shifts of %d px need a crop of at least as many, not %d: they would leave the picture",
                       out->p.range, out->p.crop);
    return DIPPER_OK;
}

static dipper_status check_pair(dipper_context *c, const char *name, const dipper_image *x, const dipper_image *truth,
                                const rules *r) {
    if (x->width != truth->width || x->height != truth->height)
        return dp_fail(&c->diag, DIPPER_ERROR_INPUT, "the %s has %d x %d px, but the ground truth %d x %d", name,
                       x->width, x->height, truth->width, truth->height);
    if (x->channels != truth->channels && r->p.channel != DIPPER_CHANNEL_LUMA)
        return dp_fail(&c->diag, DIPPER_ERROR_INPUT,
                       "the %s is %s, but the ground truth %s: such pictures can be compared on luma only", name,
                       x->channels == 1 ? "grey" : "in colour", truth->channels == 1 ? "grey" : "in colour");
    return DIPPER_OK;
}

static dipper_status check_sizes(dipper_context *c, const dipper_image *result, const dipper_image *truth,
                                 const dipper_score_options *o, rules *r) {
    const int side = truth->width < truth->height ? truth->width : truth->height;
    DP_TRY(check_pair(c, "result", result, truth, r));
    if (o->blurred != NULL) DP_TRY(check_pair(c, "blurred picture", o->blurred, truth, r));
    if (o->oracle != NULL) DP_TRY(check_pair(c, "result with the true PSF", o->oracle, truth, r));
    if (r->p.crop > (side - 1) / 2)
        return dp_fail(&c->diag, DIPPER_ERROR_INPUT, "nothing is left of %d x %d px after cropping %d px off each side",
                       truth->width, truth->height, r->p.crop);
    r->width = truth->width - 2 * r->p.crop;
    r->height = truth->height - 2 * r->p.crop;
    return DIPPER_OK;
}

/* ---- Pictures ---- */

/* MATLAB's rgb2ycbcr of doubles: Y = 16/255 + 219/255 luma. */
static void to_studio(dp_image *luma, double peak) {
    for (size_t i = 0; i < dp_image_plane_count(luma); i++)
        luma->data[i] = (float)((16 * peak + 219 * (double)luma->data[i]) / 255);
}

static void clip(dp_image *image, float peak) {
    const size_t n = dp_image_plane_count(image) * (size_t)image->channels;
    for (size_t i = 0; i < n; i++) image->data[i] = fminf(peak, fmaxf(0.0F, image->data[i]));
}

/* The channels that are compared, without `crop` px at each side. Clipping is before the conversion, as a picture in a
 * file would be. */
static dipper_status load(dipper_context *c, const dipper_image *view, int crop, bool clipped, const rules *r,
                          dp_image *out) {
    dipper_image window = *view;
    dp_image luma = {0};
    dipper_status status = DIPPER_OK;
    window.data += crop * view->row_stride + crop * view->pixel_stride;
    window.width -= 2 * crop;
    window.height -= 2 * crop;
    DP_TRY(dp_image_from_view(&window, &c->diag, out));
    if (dp_image_find_nonfinite(out, NULL, NULL, NULL)) {
        dp_image_free(out);
        return dp_fail(&c->diag, DIPPER_ERROR_INPUT, "a picture holds NaN or infinity");
    }
    if (clipped) clip(out, (float)r->peak);
    if (out->channels == 1 || r->p.channel == DIPPER_CHANNEL_RGB) return DIPPER_OK;
    status = dp_luma_image(out, &c->diag, &luma);
    dp_image_free(out);
    *out = luma;
    if (status == DIPPER_OK && r->p.channel == DIPPER_CHANNEL_STUDIO) to_studio(out, r->peak);
    return status;
}

/* ---- Comparison ---- */

static dipper_status ssim(dipper_context *c, const dp_image *x, const dp_image *truth, const rules *r, fit *out) {
    dp_image small_x = {0}, small_truth = {0};
    out->reduction = r->p.reduce ? dp_ssim_auto_factor(r->width, r->height) : 1;
    if (out->reduction == 1) return dp_ssim(x, truth, r->peak, c->be->threads, &c->diag, &out->ssim);
    dipper_status status = dp_ssim_reduce(x, out->reduction, &c->diag, &small_x);
    if (status == DIPPER_OK) status = dp_ssim_reduce(truth, out->reduction, &c->diag, &small_truth);
    if (status == DIPPER_OK) status = dp_ssim(&small_x, &small_truth, r->peak, c->be->threads, &c->diag, &out->ssim);
    dp_image_free(&small_x);
    dp_image_free(&small_truth);
    return status;
}

static dipper_status compare(dipper_context *c, const dipper_image *view, const dp_image *truth, const rules *r,
                             int parts, fit *out) {
    dp_image x = {0};
    *out = (fit){.ssim = NAN, .spectral = NAN, .reduction = 1};
    dipper_status status = load(c, view, r->p.crop - r->p.range, r->p.clip != 0, r, &x);
    if (status == DIPPER_OK) status = dp_align(&x, truth, r->p.range, c->be->threads, &c->diag, &out->shift);
    if (status == DIPPER_OK) out->mse = dp_mse(&x, truth, c->be->threads);
    if (status == DIPPER_OK && parts & FIT_SSIM) status = ssim(c, &x, truth, r, out);
    if (status == DIPPER_OK && parts & FIT_SPECTRAL) status = dp_spectral_norm(&x, truth, &c->diag, &out->spectral);
    dp_image_free(&x);
    return status;
}

static dipper_status score_oracle(dipper_context *c, const dipper_image *oracle, const dp_image *truth, const rules *r,
                                  const fit *result, dipper_score *out) {
    fit best;
    DP_TRY(compare(c, oracle, truth, r, FIT_SPECTRAL, &best));
    out->oracle_psnr_db = dp_psnr(best.mse, r->peak);
    out->error_ratio = result->mse / best.mse;
    out->spectral_ratio = result->spectral / best.spectral;
    return DIPPER_OK;
}

static dipper_status score_truth(dipper_context *c, const dipper_image *result, const dipper_image *view,
                                 const dipper_score_options *o, const rules *r, dipper_score *out) {
    dp_image truth = {0};
    fit x, blurred;
    dipper_status status = load(c, view, r->p.crop, false, r, &truth);
    if (status == DIPPER_OK)
        status = compare(c, result, &truth, r, FIT_SSIM | (o->oracle != NULL ? FIT_SPECTRAL : 0), &x);
    if (status != DIPPER_OK) goto done;
    out->mse = x.mse;
    out->psnr_db = dp_psnr(x.mse, r->peak);
    out->ssim = x.ssim;
    out->ssim_reduction = x.reduction;
    out->shift_x = x.shift.x;
    out->shift_y = x.shift.y;
    if (o->blurred != NULL) {
        status = compare(c, o->blurred, &truth, r, FIT_MSE, &blurred);
        if (status != DIPPER_OK) goto done;
        out->psnr_blurred_db = dp_psnr(blurred.mse, r->peak);
        out->isnr_db = out->psnr_db - out->psnr_blurred_db;
    }
    if (o->oracle != NULL) status = score_oracle(c, o->oracle, &truth, r, &x, out);
done:
    dp_image_free(&truth);
    return status;
}

/* The blurred picture in the place of the truth. */
static dipper_status score_no_blur(dipper_context *c, const dipper_image *result, const dipper_image *view,
                                   const rules *r, dipper_score *out) {
    dp_image blurred = {0};
    fit x;
    dipper_status status = load(c, view, r->p.crop, false, r, &blurred);
    if (status == DIPPER_OK) status = compare(c, result, &blurred, r, FIT_MSE, &x);
    if (status == DIPPER_OK) out->psnr_nb_db = dp_psnr(x.mse, r->peak);
    dp_image_free(&blurred);
    return status;
}

dipper_status dipper_score_result(dipper_context *context, const dipper_image *result, const dipper_image *truth,
                                  const dipper_score_options *options, dipper_score *out) {
    dipper_score_options defaults;
    rules r;
    dipper_score_options_init(&defaults);
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (result == NULL || truth == NULL || out == NULL || out->struct_size != sizeof *out)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "a picture is NULL, or struct_size of the score not set");
    if (options == NULL) options = &defaults;
    DP_TRY(resolve(context, options, &r));
    DP_TRY(check_sizes(context, result, truth, options, &r));
    *out = (dipper_score){.struct_size = sizeof *out,
                          .psnr_blurred_db = NAN,
                          .isnr_db = NAN,
                          .psnr_nb_db = NAN,
                          .oracle_psnr_db = NAN,
                          .error_ratio = NAN,
                          .spectral_ratio = NAN,
                          .crop = r.p.crop,
                          .range = r.p.range,
                          .channel = r.p.channel,
                          .clip = r.p.clip,
                          .width = r.width,
                          .height = r.height};
    DP_TRY(score_truth(context, result, truth, options, &r, out));
    return options->blurred != NULL ? score_no_blur(context, result, options->blurred, &r, out) : DIPPER_OK;
}
