#include "dipper/estimate.h"

#include <math.h>
#include <string.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/memory.h"
#include "deconv/estimate.h"
#include "image/colour.h"
#include "image/noise.h"

int dipper_estimate_method_count(void) {
    return dp_estimator_count();
}

dipper_status dipper_estimate_method_at(int index, dipper_estimate_method *out) {
    const dp_estimator *e = dp_estimator_at(index);
    if (e == NULL || out == NULL) return DIPPER_ERROR_ARGUMENT;
    *out = (dipper_estimate_method){.name = e->name,
                                    .summary = e->summary,
                                    .settings = e->settings,
                                    .setting_count = dp_estimator_settings(e),
                                    .available = e->run != NULL};
    return DIPPER_OK;
}

void dipper_estimate_options_init(dipper_estimate_options *options) {
    *options = (dipper_estimate_options){
        .struct_size = sizeof *options, .method = "map-l0", .psf_width = 31, .psf_height = 31, .noise_sigma = -1};
}

/* ---- One run ---- */

typedef struct run { /* luma is to be freed */
    dipper_context *context;
    const dipper_estimate_options *options;
    dp_image luma; /* of the region */
    int x, y;      /* where that lies in the picture */
    dp_estimate job;
    double begun;
} run;

static int report(int done, int of, void *user) {
    const run *r = user;
    const dipper_progress p = dp_steps_done("kernel estimation", done, of, r->begun);
    return r->options->progress(&p, r->options->user);
}

static dipper_status choose_method(run *r, dp_diag *diag) {
    const dipper_estimate_options *o = r->options;
    const char *name = o->method != NULL ? o->method : "map-l0";
    const dp_estimator *e = dp_estimator_find(name);
    if (e == NULL) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "'%s' is no method of kernel estimation", name);
    if (e->run == NULL)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "method %s needs FFTW, which this build lacks", name);
    if (r->context->be->element_size != sizeof(float))
        return dp_fail(diag, DIPPER_ERROR_DEVICE, "kernel estimation needs a back end of floats, not %s",
                       r->context->be->vt->name);
    r->job = dp_estimate_defaults(e);
    r->job.be = r->context->be;
    for (int i = 0; o->settings != NULL && i < dp_estimator_settings(e); i++) {
        const dp_setting *s = &e->settings[i];
        if (isnan(o->settings[i])) continue;
        if (!(o->settings[i] >= s->low && o->settings[i] <= s->high))
            return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%s = %g: method %s takes %g to %g", s->name, o->settings[i],
                           name, s->low, s->high);
        r->job.setting[i] = o->settings[i];
    }
    if (!isfinite(o->noise_sigma)) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "noise must be a finite number");
    return DIPPER_OK;
}

static dipper_status choose_size(run *r, dp_diag *diag) {
    const int kw = r->job.kw = r->options->psf_width, kh = r->job.kh = r->options->psf_height;
    const int w = r->job.w = r->luma.width, h = r->job.h = r->luma.height;
    if (kw < 3 || kh < 3 || kw > 101 || kh > 101 || kw % 2 == 0 || kh % 2 == 0)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "PSF of %dx%d: sides must be odd, 3 to 101", kw, kh);
    if (kw <= w && kh <= h) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_INPUT, "%s of %d x %d pixels is smaller than the PSF of %d x %d",
                   r->options->width > 0 ? "a region" : "a picture", w, h, kw, kh);
}

/* The luma of the region. */
static dipper_status take_picture(run *r, const dipper_image *blurred, dp_diag *diag) {
    const dipper_estimate_options *o = r->options;
    const int w = o->width > 0 ? o->width : blurred->width, h = o->width > 0 ? o->height : blurred->height;
    dp_image picture = {0};
    dipper_image view = *blurred;
    int c, y, x;
    r->x = o->width > 0 ? o->x : 0;
    r->y = o->width > 0 ? o->y : 0;
    if (o->width < 0 || r->x < 0 || r->y < 0 || h < 1 || r->x > blurred->width - w || r->y > blurred->height - h)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "region %dx%d+%d+%d: does not lie in the picture of %d x %d pixels",
                       w, h, r->x, r->y, blurred->width, blurred->height);
    if (view.data != NULL) view.data += r->y * view.row_stride + r->x * view.pixel_stride;
    view.width = w;
    view.height = h;
    dipper_status status = dp_image_from_view(&view, diag, &picture);
    if (status == DIPPER_OK && dp_image_find_nonfinite(&picture, &c, &y, &x))
        status = dp_fail(diag, DIPPER_ERROR_INPUT, "picture holds NaN or infinity, first at x=%d, y=%d, channel %d",
                         x + r->x, y + r->y, c);
    if (status == DIPPER_OK) status = dp_luma_image(&picture, diag, &r->luma);
    dp_image_free(&picture);
    return status;
}

/* Standard deviation of the picture around its mean. */
static double contrast(const dp_image *luma) {
    const size_t n = dp_image_plane_count(luma);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += luma->data[i];
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (luma->data[i] - mean) * (luma->data[i] - mean);
    return sqrt(squares / (double)n);
}

/* Is there anything to see? */
static dipper_status check_picture(run *r, dp_diag *diag) {
    double *sigma = &r->job.noise_sigma;
    if (dp_image_is_constant(&r->luma))
        return dp_fail(diag, DIPPER_ERROR_INPUT, "picture is constant: there is no blur to be seen");
    *sigma = r->options->noise_sigma;
    if (*sigma < 0) DP_TRY(dp_noise_estimate(r->luma.data, r->luma.height, r->luma.width, diag, sigma));
    const double all = contrast(&r->luma), signal = sqrt(fmax(all * all - *sigma * *sigma, 0));
    if (signal > 0.5 * *sigma) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_INPUT,
                   "noise of %.3g hides the picture, whose values vary by %.3g: there is no blur to be seen; "
                   "give the noise if it is less",
                   *sigma, all);
}

static dipper_status check_memory(const run *r, size_t *need, dp_diag *diag) {
    const size_t limit = r->options->memory_bytes;
    *need = dp_estimate_bytes(&r->job);
    if (limit == 0 || *need <= limit) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_MEMORY,
                   "method %s needs about %zu MB for %d x %d pixels, more than the %zu MB allowed; allow more, or look "
                   "at a region of the picture",
                   r->job.estimator->name, *need >> 20, r->job.w, r->job.h, limit >> 20);
}

static dipper_status estimate(run *r, float *psf) {
    dp_diag *diag = &r->context->diag;
    dipper_estimate_info *info = r->options->info;
    size_t memory;
    DP_TRY(choose_size(r, diag));
    DP_TRY(check_picture(r, diag));
    DP_TRY(check_memory(r, &memory, diag));
    if (info != NULL)
        *info = (dipper_estimate_info){.struct_size = sizeof *info,
                                       .noise_sigma = r->job.noise_sigma,
                                       .x = r->x,
                                       .y = r->y,
                                       .width = r->job.w,
                                       .height = r->job.h,
                                       .memory_bytes = memory};
    r->job.blurred = r->luma.data;
    r->begun = dp_seconds();
    if (r->options->progress != NULL) {
        r->job.progress = report;
        r->job.user = r;
    }
    return dp_estimate_run(&r->job, diag, psf, NULL);
}

dipper_status dipper_estimate_psf(dipper_context *context, const dipper_image *blurred,
                                  const dipper_estimate_options *options, float *psf) {
    dipper_estimate_options defaults;
    dipper_estimate_options_init(&defaults);
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    run r = {.context = context, .options = options != NULL ? options : &defaults};
    dp_diag *diag = &context->diag;
    if (blurred == NULL || psf == NULL || r.options->struct_size != sizeof *options ||
        (r.options->info != NULL && r.options->info->struct_size != sizeof *r.options->info))
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "picture or PSF is NULL, or options or info not initialised");
    dipper_status status = choose_method(&r, diag);
    if (status == DIPPER_OK) status = take_picture(&r, blurred, diag);
    if (status == DIPPER_OK) status = estimate(&r, psf);
    dp_image_free(&r.luma);
    return status;
}
