#include "dipper/deconvolve.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/memory.h"
#include "deconv/nonblind.h"
#include "deconv/sparse.h"
#include "deconv/tiles.h"
#include "image/fill.h"
#include "image/noise.h"
#include "image/psf.h"

/* ---- The table ---- */

static const char *const edges_names[DP_EDGES_COUNT] = {"latent", "taper", "wrap"};

/* By the sets that there are; each begins with the default. */
static const char *edges_of(const dp_method *m) {
    if (m->edges == 1U << DP_EDGES_LATENT) return "latent";
    return m->edges & 1U << DP_EDGES_LATENT ? "latent|taper|wrap" : "taper|wrap";
}

int dipper_deconvolve_method_count(void) {
    return dp_method_count();
}

dipper_status dipper_deconvolve_method_at(int index, dipper_deconvolve_method *out) {
    const dp_method *m = dp_method_at(index);
    if (m == NULL || out == NULL) return DIPPER_ERROR_ARGUMENT;
    *out = (dipper_deconvolve_method){.name = m->name,
                                      .summary = m->summary,
                                      .edges = edges_of(m),
                                      .exponent_help = m->exponent_help,
                                      .exponent = m->exponent,
                                      .iterations = m->iterations,
                                      .weighted = m->weighted,
                                      .bounds = m->bounds,
                                      .box = m->box,
                                      .available = m->run != NULL};
    return DIPPER_OK;
}

void dipper_deconvolve_options_init(dipper_deconvolve_options *options) {
    *options = (dipper_deconvolve_options){.struct_size = sizeof *options,
                                           .method = "sparse",
                                           .edges = "auto",
                                           .weight = -1,
                                           .exponent = -1,
                                           .noise_sigma = -1,
                                           .saturation = -1};
}

void dipper_sparse_options_init(dipper_sparse_options *options) {
    const dp_sparse_options inner = dp_sparse_defaults();
    *options = (dipper_sparse_options){.struct_size = sizeof *options,
                                       .weight = -1,
                                       .exponent = inner.exponent,
                                       .noise_sigma = -1,
                                       .reweightings = inner.reweightings,
                                       .cg_iterations = inner.cg_iterations};
}

/* ---- One run ---- */

typedef struct run { /* picture, psf and mask are to be freed */
    dipper_context *context;
    const dipper_deconvolve_options *options;
    dp_image picture;
    float *psf;
    unsigned char *mask;
    size_t masked; /* pixels that the mask leaves out */
    dp_nonblind job;
    dp_tiling tiling;
    double begun;
} run;

static int report(int done, int of, void *user) {
    const run *r = user;
    const dipper_progress p = dp_steps_done("deconvolution", done, of, r->begun);
    return r->options->progress(&p, r->options->user);
}

static dipper_status choose_edges(run *r, dp_diag *diag) {
    const dp_method *m = r->job.method;
    const char *name = r->options->edges != NULL ? r->options->edges : "auto";
    r->job.edges = m->default_edges;
    if (strcmp(name, "auto") == 0) return DIPPER_OK;
    for (int i = 0; i < DP_EDGES_COUNT; i++) {
        if (strcmp(name, edges_names[i]) != 0 || !(m->edges & 1U << i)) continue;
        r->job.edges = (dp_edges)i;
        return DIPPER_OK;
    }
    return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "edges '%s': method %s has auto|%s", name, m->name, edges_of(m));
}

static dipper_status choose_method(run *r, dp_diag *diag) {
    const dipper_deconvolve_options *o = r->options;
    const char *name = o->method != NULL ? o->method : "sparse";
    const dp_method *m = r->job.method = dp_method_find(name);
    if (m == NULL) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "'%s' is no method of non-blind deconvolution", name);
    if (m->run == NULL)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "method %s needs FFTW, which this build lacks; there is sparse",
                       name);
    if (r->context->be->element_size != sizeof(float))
        return dp_fail(diag, DIPPER_ERROR_DEVICE, "deconvolution needs a back end of floats, not %s",
                       r->context->be->vt->name);
    r->job.exponent = o->exponent < 0 ? m->exponent : o->exponent;
    if (m->exponent_help[0] == '\0' ? o->exponent >= 0 : !(r->job.exponent <= 8))
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "exponent %g: method %s %s", o->exponent, name,
                       m->exponent_help[0] == '\0' ? "has none" : "takes 0 to 8");
    if (m->bounds && m->exponent_help[0] != '\0' && !(r->job.exponent > 0 && r->job.exponent <= 2))
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "exponent %g: method %s takes more than 0 and at most 2",
                       r->job.exponent, name);
    if (o->weight >= 0 && !m->weighted)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "method %s has no prior and takes no weight", name);
    if (o->iterations > 0 && m->iterations == 0)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "method %s has no iterations", name);
    if (o->box && !m->box)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT,
                       "method %s cannot keep to 0 to 1 (box constraint); hyperlaplacian and tv can", name);
    r->job.box = o->box != 0;
    if (o->iterations < 0 || o->inner < 0 || o->iterations > 1000000 || o->inner > 1000000 || !isfinite(o->weight) ||
        !isfinite(o->noise_sigma) || !isfinite(o->saturation))
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "iterations go from 0 to 1000000, and numbers must be finite");
    return choose_edges(r, diag);
}

static dipper_status take_psf(run *r, const float *psf, int kw, int kh, dp_diag *diag) {
    if (psf == NULL || kw < 1 || kh < 1 || kw > 101 || kh > 101 || kw % 2 == 0 || kh % 2 == 0)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "PSF of %dx%d: sides must be odd, 1 to 101", kw, kh);
    if (kw > r->picture.width || kh > r->picture.height)
        return dp_fail(diag, DIPPER_ERROR_INPUT, "a picture of %d x %d pixels is smaller than the PSF of %d x %d",
                       r->picture.width, r->picture.height, kw, kh);
    for (int i = 0; i < kw * kh; i++)
        if (!(psf[i] >= 0 && isfinite(psf[i])))
            return dp_fail(diag, DIPPER_ERROR_INPUT, "PSF value at x=%d, y=%d is negative, NaN or infinite", i % kw,
                           i / kw);
    const size_t n = (size_t)kw * (size_t)kh;
    r->psf = dp_alloc(n, sizeof *r->psf);
    if (r->psf == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    memcpy(r->psf, psf, n * sizeof *psf);
    if (!dp_psf_normalise(r->psf, kh, kw)) return dp_fail(diag, DIPPER_ERROR_INPUT, "PSF is zero everywhere");
    r->job.psf = r->psf;
    r->job.kw = kw;
    r->job.kh = kh;
    return DIPPER_OK;
}

static dipper_status take_picture(run *r, const dipper_image *blurred, dp_diag *diag) {
    int c, y, x;
    DP_TRY(dp_image_from_view(blurred, diag, &r->picture));
    r->job.channels = r->picture.channels;
    if (!dp_image_find_nonfinite(&r->picture, &c, &y, &x)) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_INPUT, "picture holds NaN or infinity, first at x=%d, y=%d, channel %d", x, y, c);
}

static dipper_status take_mask(run *r, dp_diag *diag) {
    const dipper_image *m = r->options->mask;
    const int w = r->picture.width, h = r->picture.height;
    if (m == NULL) return DIPPER_OK;
    if (!r->job.method->bounds)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "method %s cannot leave pixels out: no mask", r->job.method->name);
    if (m->data == NULL || m->width != w || m->height != h || m->channels != 1)
        return dp_fail(
            diag, DIPPER_ERROR_INPUT,
            "the mask has %d x %d pixels and %d channels, the picture %d x %d: a mask has the picture's size "
            "and one channel",
            m->width, m->height, m->channels, w, h);
    r->mask = dp_alloc((size_t)w, (size_t)h);
    if (r->mask == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a mask");
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const bool known = m->data[y * m->row_stride + x * m->pixel_stride] != 0;
            r->mask[(size_t)y * (size_t)w + (size_t)x] = known;
            r->masked += !known;
        }
    if (r->masked == (size_t)w * (size_t)h)
        return dp_fail(diag, DIPPER_ERROR_INPUT, "the mask is 0 everywhere: no pixel of the picture is known");
    r->job.mask = r->masked > 0 ? r->mask : NULL;
    return DIPPER_OK;
}

/* What stands in missing pixels tells nothing, but is where iterations begin. */
static dipper_status fill(run *r, dp_diag *diag) {
    for (int c = 0; c < r->picture.channels && r->job.mask != NULL; c++)
        DP_TRY(dp_plane_fill(dp_image_plane(&r->picture, c), r->mask, r->picture.height, r->picture.width, diag));
    return DIPPER_OK;
}

/* One number for all channels: with a weight of its own for each, edges would get colours. */
static dipper_status choose_noise(run *r, dp_diag *diag) {
    const dipper_deconvolve_options *o = r->options;
    double sum = 0;
    for (int c = 0; c < r->picture.channels && o->noise_sigma < 0; c++) {
        double sigma;
        DP_TRY(dp_noise_estimate(dp_image_plane(&r->picture, c), r->picture.height, r->picture.width, diag, &sigma));
        sum += sigma * sigma;
    }
    r->job.noise_sigma = o->noise_sigma >= 0 ? o->noise_sigma : sqrt(sum / r->picture.channels);
    r->job.weight = o->weight;
    if (o->weight < 0 && r->job.method->weight != NULL) r->job.weight = r->job.method->weight(r->job.noise_sigma);
    return DIPPER_OK;
}

/* Sets the level; returns how many samples reach it. */
static size_t find_saturated(run *r) {
    const size_t n = dp_image_plane_count(&r->picture) * (size_t)r->picture.channels;
    const double asked = r->options->saturation;
    const float usual = 0.99F; /* leaves room for JPEG and a raw converter's rounding */
    float level = (float)asked, largest = r->picture.data[0];
    size_t count = 0;
    for (size_t i = 0; i < n; i++) largest = fmaxf(largest, r->picture.data[i]);
    if (asked < 0) level = largest >= usual && largest <= 1 ? usual : 0;
    if (!r->job.method->bounds) level = 0;
    for (size_t i = 0; i < n && level > 0; i++) count += r->picture.data[i] >= level;
    r->job.saturation = count > 0 ? level : 0;
    return count;
}

static void tell(const run *r, size_t saturated) {
    dipper_deconvolve_info *info = r->options->info;
    const dp_method *m = r->job.method;
    if (info == NULL) return;
    *info = (dipper_deconvolve_info){.struct_size = sizeof *info,
                                     .edges = edges_names[r->job.edges],
                                     .weight = m->weighted ? r->job.weight : NAN,
                                     .exponent = m->exponent_help[0] != '\0' ? r->job.exponent : NAN,
                                     .noise_sigma = r->job.noise_sigma,
                                     .saturation = (double)r->job.saturation,
                                     .saturated = saturated,
                                     .iterations = r->job.iterations,
                                     .memory_bytes = r->tiling.bytes,
                                     .tiles = r->tiling.columns * r->tiling.rows,
                                     .masked = r->masked};
}

static dipper_status work(run *r, dp_diag *diag, dipper_image *out) {
    if (r->tiling.columns * r->tiling.rows > 1) return dp_tiling_run(&r->tiling, &r->job, &r->picture, diag, out);
    const dipper_status status = r->job.method->run(&r->job, &r->picture, diag);
    if (status != DIPPER_OK && status != DIPPER_ERROR_CANCELLED) return status;
    const dipper_status written = dp_image_to_view(&r->picture, diag, out);
    return status != DIPPER_OK ? status : written;
}

static dipper_status restore(run *r, dipper_image *out) {
    dp_diag *diag = &r->context->diag;
    r->job.be = r->context->be;
    r->job.iterations = r->options->iterations;
    r->job.inner = r->options->inner;
    DP_TRY(dp_tiling_plan(&r->job, r->picture.width, r->picture.height, r->options->memory_bytes, diag, &r->tiling));
    DP_TRY(fill(r, diag));
    DP_TRY(choose_noise(r, diag));
    const size_t saturated = find_saturated(r);
    r->begun = dp_seconds();
    if (r->options->progress != NULL) {
        r->job.progress = report;
        r->job.user = r;
    }
    const dipper_status status = work(r, diag, out);
    if (status == DIPPER_OK || status == DIPPER_ERROR_CANCELLED) tell(r, saturated);
    return status;
}

dipper_status dipper_deconvolve(dipper_context *context, const dipper_image *blurred, const float *psf, int psf_width,
                                int psf_height, const dipper_deconvolve_options *options, dipper_image *out) {
    dipper_deconvolve_options defaults;
    dipper_deconvolve_options_init(&defaults);
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    run r = {.context = context, .options = options != NULL ? options : &defaults};
    dp_diag *diag = &context->diag;
    if (blurred == NULL || out == NULL || r.options->struct_size != sizeof *options ||
        (r.options->info != NULL && r.options->info->struct_size != sizeof *r.options->info))
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "picture is NULL, or options or info not initialised");
    dipper_status status = choose_method(&r, diag);
    if (status == DIPPER_OK) status = take_picture(&r, blurred, diag);
    if (status == DIPPER_OK) status = take_psf(&r, psf, psf_width, psf_height, diag);
    if (status == DIPPER_OK) status = take_mask(&r, diag);
    if (status == DIPPER_OK) status = dp_image_check_shape(&r.picture, diag, out);
    if (status == DIPPER_OK) status = restore(&r, out);
    dp_free(r.psf);
    dp_free(r.mask);
    dp_image_free(&r.picture);
    return status;
}

dipper_status dipper_deconvolve_sparse(dipper_context *context, const dipper_image *blurred, const float *psf,
                                       int psf_width, int psf_height, const dipper_sparse_options *options,
                                       dipper_image *out) {
    dipper_sparse_options defaults;
    dipper_deconvolve_options all;
    dipper_sparse_options_init(&defaults);
    dipper_deconvolve_options_init(&all);
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (options == NULL) options = &defaults;
    if (options->struct_size != sizeof *options || options->reweightings < 1 || options->cg_iterations < 1)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "sparse options: not initialised, or counts below 1");
    all.weight = options->weight;
    all.exponent = options->exponent;
    all.noise_sigma = options->noise_sigma;
    all.saturation = 0;
    all.iterations = options->reweightings;
    all.inner = options->cg_iterations;
    return dipper_deconvolve(context, blurred, psf, psf_width, psf_height, &all, out);
}
