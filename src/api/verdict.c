#include "dipper/verdict.h"

#include <math.h>
#include <string.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/memory.h"
#include "bid/verdict.h"
#include "image/colour.h"
#include "image/noise.h"
#include "metric/psf_shape.h"

_Static_assert((int)DP_EVIDENCE_COUNT <= (int)DIPPER_VERDICT_EVIDENCE_MAX,
               "the public struct has room for all evidence");

const char *dipper_verdict_level_name(dipper_verdict_level level) {
    static const char *const names[] = {"ok", "doubtful", "failed", "none"};
    return level >= DIPPER_VERDICT_OK && level <= DIPPER_VERDICT_NONE ? names[level] : "none";
}

int dipper_verdict_reason_count(void) {
    return dp_verdict_reason_count();
}

dipper_status dipper_verdict_reason_at(int index, dipper_verdict_reason *out) {
    const dipper_verdict_reason *row = dp_verdict_reason_at(index);
    if (row == NULL || out == NULL) return DIPPER_ERROR_ARGUMENT;
    *out = *row;
    return DIPPER_OK;
}

const char *dipper_verdict_evidence_name(int index) {
    return dp_evidence_name(index);
}

void dipper_verdict_options_init(dipper_verdict_options *options) {
    *options = (dipper_verdict_options){.struct_size = sizeof *options, .noise_sigma = -1, .second_opinions = 1};
}

/* ---- One judgement ---- */

typedef struct trial {
    dipper_context *context;
    const dipper_verdict_options *options;
    dp_image blurred, result; /* luma */
    float *psf;               /* sum 1 */
    dp_case c;
    double begun;
} trial;

static int report(int done, int of, void *user) {
    const trial *t = user;
    const dipper_progress p = dp_steps_done("verdict", done, of, t->begun);
    return t->options->progress(&p, t->options->user);
}

static dipper_status load(dipper_context *c, const dipper_image *view, const char *what, dp_image *out) {
    dp_image all = {0};
    int channel, y, x;
    if (view == NULL) return dp_fail(&c->diag, DIPPER_ERROR_ARGUMENT, "the %s is NULL", what);
    DP_TRY(dp_image_from_view(view, &c->diag, &all));
    dipper_status status = DIPPER_OK;
    if (dp_image_find_nonfinite(&all, &channel, &y, &x))
        status = dp_fail(&c->diag, DIPPER_ERROR_INPUT, "the %s holds NaN or infinity, first at x=%d, y=%d, channel %d",
                         what, x, y, channel);
    if (status == DIPPER_OK) status = dp_luma_image(&all, &c->diag, out);
    dp_image_free(&all);
    return status;
}

static dipper_status load_psf(trial *t, const float *psf, int width, int height) {
    dp_diag *diag = &t->context->diag;
    double sum;
    DP_TRY(dp_check_psf(t->context, psf, width, height, &sum));
    if (width % 2 == 0 || height % 2 == 0 || width > 101 || height > 101)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "PSF of %dx%d: sides must be odd, 1 to 101", width, height);
    if (width > t->blurred.width || height > t->blurred.height)
        return dp_fail(diag, DIPPER_ERROR_INPUT, "a picture of %d x %d pixels is smaller than the PSF of %d x %d",
                       t->blurred.width, t->blurred.height, width, height);
    t->psf = dp_alloc((size_t)width * (size_t)height, sizeof *t->psf);
    if (t->psf == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for a PSF");
    for (int i = 0; i < width * height; i++) t->psf[i] = (float)(psf[i] / sum);
    t->c = (dp_case){
        .be = t->context->be, .blurred = &t->blurred, .result = &t->result, .psf = t->psf, .kh = height, .kw = width};
    return DIPPER_OK;
}

static dipper_status take_noise(trial *t, double sigma) {
    const dp_image *b = &t->blurred;
    if (!isfinite(sigma)) return dp_fail(&t->context->diag, DIPPER_ERROR_ARGUMENT, "noise must be a finite number");
    t->c.noise_sigma = sigma;
    return sigma >= 0 ? DIPPER_OK
                      : dp_noise_estimate(b->data, b->height, b->width, &t->context->diag, &t->c.noise_sigma);
}

static void release(trial *t) {
    dp_image_free(&t->blurred);
    dp_image_free(&t->result);
    dp_free(t->psf);
}

static dipper_status prepare(trial *t, const dipper_image *blurred, const dipper_image *result) {
    DP_TRY(load(t->context, blurred, "blurred picture", &t->blurred));
    DP_TRY(load(t->context, result, "result", &t->result));
    if (t->result.width == t->blurred.width && t->result.height == t->blurred.height) return DIPPER_OK;
    return dp_fail(&t->context->diag, DIPPER_ERROR_INPUT, "the result has %d x %d px, but the blurred picture %d x %d",
                   t->result.width, t->result.height, t->blurred.width, t->blurred.height);
}

dipper_status dipper_verdict_judge(dipper_context *context, const dipper_image *blurred, const dipper_image *result,
                                   const float *psf, int psf_width, int psf_height,
                                   const dipper_verdict_options *options, dipper_verdict *out) {
    dipper_verdict_options defaults;
    dipper_verdict_options_init(&defaults);
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    trial t = {.context = context, .options = options != NULL ? options : &defaults, .begun = dp_seconds()};
    if (out == NULL || out->struct_size != sizeof *out || t.options->struct_size != sizeof *options)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "struct_size of the verdict or its options is not set");
    if (context->be->element_size != sizeof(float))
        return dp_fail(&context->diag, DIPPER_ERROR_DEVICE, "a verdict needs a back end of floats, not %s",
                       context->be->vt->name);
    if (!(t.options->max_seconds >= 0))
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "seconds must be a number, not below 0");
    *out = (dipper_verdict){.struct_size = sizeof *out};
    dipper_status status = prepare(&t, blurred, result);
    if (status == DIPPER_OK) status = load_psf(&t, psf, psf_width, psf_height);
    if (status == DIPPER_OK) status = take_noise(&t, t.options->noise_sigma);
    if (t.options->max_seconds > 0) t.c.deadline = t.begun + t.options->max_seconds;
    if (status == DIPPER_OK && t.options->progress != NULL) {
        t.c.progress = report;
        t.c.user = &t;
    }
    if (status == DIPPER_OK) status = dp_verdict_judge(&t.c, t.options->second_opinions, &context->diag, out);
    release(&t);
    return status;
}

static dipper_status measure_radius(const trial *t, dp_diag *diag, double *radius) {
    dp_psf_shape shape;
    *radius = NAN;
    if (t->psf == NULL) return DIPPER_OK;
    DP_TRY(dp_psf_shape_measure(t->psf, t->c.kh, t->c.kw, diag, &shape));
    *radius = shape.radius;
    return DIPPER_OK;
}

dipper_status dipper_verdict_is_sharp(dipper_context *context, const dipper_image *picture, const float *psf,
                                      int psf_width, int psf_height, double noise_sigma, int *sharp) {
    double steepness = NAN, radius = NAN;
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (sharp == NULL) return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "nowhere to put the answer");
    trial t = {.context = context};
    dp_diag *diag = &context->diag;
    dipper_status status = load(context, picture, "picture", &t.blurred);
    if (status == DIPPER_OK && psf != NULL) status = load_psf(&t, psf, psf_width, psf_height);
    if (status == DIPPER_OK) status = take_noise(&t, noise_sigma);
    if (status == DIPPER_OK) status = dp_verdict_steepness(&t.blurred, t.c.noise_sigma, diag, &steepness);
    if (status == DIPPER_OK) status = measure_radius(&t, diag, &radius);
    if (status == DIPPER_OK) *sharp = dp_is_sharp(steepness, radius);
    release(&t);
    return status;
}
