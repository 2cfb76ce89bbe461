#include "deconv/estimate.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "image/image.h"
#include "image/psf.h"
#include "image/resize.h"

/* ---- The table ---- */

#if defined(DP_WITH_FFTW)
#define FFT(run) run
#else
#define FFT(run) NULL
#endif

/* The settings that map_fft.c reads, in its order. Weights are those of the last scale's first iteration. */
#define MAP_SETTINGS(weight, decay, rise)                                                                              \
    {"weight", "of the number of gradients that are not 0; larger is smoother", weight, 1e-7, 1},                      \
        {"iterations", "per scale", 8, 1, 1000},                                                                       \
        {"decay", "of the weights, from iteration to iteration", decay, 0.01, 1},                                      \
        {"rise", "of the weights, for each coarser scale", rise, 1, 10}, {                                             \
        "ridge", "weight of the PSF's energy, as a share of the gradients'", 1e-3, 0, 10                               \
    }
#define CHANNEL_SETTINGS(dark, bright)                                                                                 \
    {"dark", "weight of the number of windows without a black pixel", dark, 0, 1},                                     \
        {"bright", "weight of the number of windows without a white pixel", bright, 0, 1}, {                           \
        "window", "of the channels, px", 35, 3, 1001                                                                   \
    }

static const dp_estimator estimators[] = {
    {.name = "map-l0",
     .summary = "few gradients that are not zero (L0; Xu 2013, Pan 2014)",
     .settings = {MAP_SETTINGS(3e-3, 0.65, 1.1)},
     .planes = 20,
     .cut = 0.02,
     .island = 0.1,
     .run = FFT(dp_map_run)},
    {.name = "dark-channel",
     .summary = "the same and few windows without a black pixel (Pan 2016)",
     .settings = {MAP_SETTINGS(3e-3, 0.65, 1.1), CHANNEL_SETTINGS(1e-4, 0)},
     .planes = 25,
     .cut = 0.02,
     .island = 0.1,
     .run = FFT(dp_map_run)},
    {.name = "extreme-channel",
     .summary = "the same and few windows without a black or without a white pixel (Yan 2017)",
     .settings = {MAP_SETTINGS(3e-3, 0.65, 1.1), CHANNEL_SETTINGS(1e-4, 1e-4)},
     .planes = 25,
     .cut = 0.02,
     .island = 0.1,
     .run = FFT(dp_map_run)},
    {.name = "map-l1l2",
     .summary = "sparse gradients, l1/l2 (normalised sparsity; Krishnan 2011)",
     .settings = {{"weight", "of l1/l2; larger is smoother", 0.3, 1e-4, 10},
                  {"iterations", "per scale", 12, 1, 1000},
                  {"decay", "of the weight, from iteration to iteration", 0.9, 0.01, 1},
                  {"ridge", "weight of the PSF's energy, as a share of the gradients'", 1e-3, 0, 10}},
     .planes = 24,
     .cut = 0.02,
     .island = 0.1,
     .run = FFT(dp_l1l2_run)},
    {.name = "vb",
     .summary = "variational Bayes: PSF of the most likely picture on average (Levin 2011, Fergus 2006)",
     .settings = {{"iterations", "per scale", 30, 1, 1000},
                  {"steps", "of conjugate gradients for the picture, per iteration", 2, 1, 100},
                  {"noise", "assumed at the end of a scale beside the picture's own", 0.002, 1e-5, 1},
                  {"first_noise", "assumed at the start of a scale, of the blurred gradients", 1, 1e-3, 10},
                  {"ard", "1: the prior is 1/|gradient| (ARD), 0: four Gaussians fitted to photographs", 0, 0, 1}},
     .planes = 18,
     .cut = 0.02,
     .island = 0.02,
     .run = FFT(dp_vb_run)},
};

int dp_estimator_count(void) {
    return (int)(sizeof estimators / sizeof *estimators);
}

const dp_estimator *dp_estimator_at(int index) {
    return index >= 0 && index < dp_estimator_count() ? &estimators[index] : NULL;
}

const dp_estimator *dp_estimator_find(const char *name) {
    for (int i = 0; i < dp_estimator_count(); i++)
        if (strcmp(estimators[i].name, name) == 0) return &estimators[i];
    return NULL;
}

int dp_estimator_settings(const dp_estimator *estimator) {
    int n = 0;
    while (n < DP_ESTIMATE_SETTINGS && estimator->settings[n].name != NULL) n++;
    return n;
}

int dp_estimator_setting(const dp_estimator *estimator, const char *name) {
    for (int i = 0; i < dp_estimator_settings(estimator); i++)
        if (strcmp(estimator->settings[i].name, name) == 0) return i;
    return -1;
}

dp_estimate dp_estimate_defaults(const dp_estimator *estimator) {
    dp_estimate job = {.estimator = estimator};
    for (int i = 0; i < DP_ESTIMATE_SETTINGS; i++) job.setting[i] = estimator->settings[i].value;
    return job;
}

/* ---- The pyramid ---- */

enum { SMALLEST_PSF = 3, SMALLEST_PICTURE = 8 };

/* Pixels per pixel of the full size, `below` scales below it; factor sqrt 2 (METHODS, section 6). */
static double scale_of(int below) {
    return pow(2, -0.5 * below);
}

/* So many that the PSF's longer side is about 3 px at the coarsest, while the picture keeps a few pixels. */
static int count_scales(const dp_estimate *job) {
    const int longer = job->kh > job->kw ? job->kh : job->kw, shorter = job->h < job->w ? job->h : job->w;
    int n = 1;
    while (longer * scale_of(n) >= SMALLEST_PSF && shorter * scale_of(n) >= SMALLEST_PICTURE) n++;
    return n;
}

/* The first scale that is finer than that of the PSF to begin with. */
static int first_scale(const dp_estimate *job, int scales) {
    int first = 0;
    while (job->start != NULL && first + 1 < scales && scale_of(scales - 1 - first) < 1.01 * job->start_scale) first++;
    return first;
}

static int scaled(int n, double scale) {
    const int m = (int)floor(n * scale + 0.5);
    return m < 1 ? 1 : m;
}

static dp_scale make_scale(const dp_estimate *job, int number, int scales) {
    const double s = scale_of(scales - 1 - number);
    return (dp_scale){.h = scaled(job->h, s),
                      .w = scaled(job->w, s),
                      .kh = dp_psf_scaled_size(job->kh, s),
                      .kw = dp_psf_scaled_size(job->kw, s),
                      .number = number,
                      .scales = scales,
                      .scale = s,
                      .noise_sigma = job->noise_sigma * s}; /* means over areas */
}

static size_t pixels(const dp_scale *s) {
    return (size_t)s->h * (size_t)s->w;
}

typedef struct pyramid {
    float *blurred, *latent, *shifted; /* (h, w) of the full size */
    float *psf, *scratch;              /* (kh, kw) likewise, one pixel larger each way: sizes round up */
    int *islands;
    dp_scale at;
} pyramid;

static void unmake(pyramid *p) {
    dp_free(p->blurred);
    dp_free(p->latent);
    dp_free(p->shifted);
    dp_free(p->psf);
    dp_free(p->scratch);
    dp_free(p->islands);
}

static dipper_status make(pyramid *p, const dp_estimate *job, dp_diag *diag) {
    const size_t n = (size_t)job->h * (size_t)job->w;
    const size_t m = ((size_t)job->kh + 2) * ((size_t)job->kw + 2);
    p->blurred = dp_alloc(n, sizeof(float));
    p->latent = dp_alloc(n, sizeof(float));
    p->shifted = dp_alloc(n, sizeof(float));
    p->psf = dp_alloc(m, sizeof(float));
    p->scratch = dp_alloc(m, sizeof(float));
    p->islands = dp_alloc(m, sizeof(int));
    if (p->blurred == NULL || p->latent == NULL || p->shifted == NULL || p->psf == NULL || p->scratch == NULL ||
        p->islands == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to estimate a PSF from %d x %d pixels", job->w, job->h);
    return DIPPER_OK;
}

/* The first scale begins with the blurred picture and the PSF that is given; without one with a small blob: no
 * direction is preferred. */
static dipper_status begin(pyramid *p, const dp_estimate *job, dp_diag *diag) {
    dp_scale *s = &p->at;
    memcpy(p->latent, p->blurred, pixels(s) * sizeof *p->latent);
    if (job->start != NULL)
        return dp_psf_resample(job->start, job->start_kh, job->start_kw, s->scale / job->start_scale, diag, p->psf,
                               s->kh, s->kw);
    for (int i = 0; i < s->kh; i++)
        for (int j = 0; j < s->kw; j++) {
            const int y = i - s->kh / 2, x = j - s->kw / 2;
            p->psf[i * s->kw + j] = (float)exp(-0.5 * (x * x + y * y));
        }
    dp_psf_normalise(p->psf, s->kh, s->kw);
    return DIPPER_OK;
}

/* PSF and latent picture of the coarser scale `from` become those of the present one. */
static dipper_status climb(pyramid *p, const dp_scale *from, dp_diag *diag) {
    const dp_scale *s = &p->at;
    const double up = s->scale / from->scale;
    memcpy(p->scratch, p->psf, (size_t)from->kh * (size_t)from->kw * sizeof *p->psf);
    memcpy(p->shifted, p->latent, pixels(from) * sizeof *p->latent);
    DP_TRY(dp_psf_resample(p->scratch, from->kh, from->kw, up, diag, p->psf, s->kh, s->kw));
    return dp_plane_resize(p->shifted, from->h, from->w, up, DP_FILTER_TRIANGLE, DP_OUTSIDE_NEAREST, diag, p->latent,
                           s->h, s->w);
}

/* Cuts faint values and islands, centres. */
static dipper_status tidy(pyramid *p, const dp_estimate *job, dp_diag *diag) {
    const dp_scale *s = &p->at;
    int dy, dx;
    if (!dp_psf_normalise(p->psf, s->kh, s->kw) || !isfinite(p->latent[0]))
        return dp_fail(diag, DIPPER_ERROR_DIVERGED, "the estimate of a PSF of %d x %d px came to nothing", s->kw,
                       s->kh);
    dp_psf_cut(p->psf, s->kh, s->kw, job->estimator->cut, job->estimator->island, p->islands);
    dp_psf_centre(p->psf, s->kh, s->kw, DP_PSF_ZERO, p->scratch, &dy, &dx);
    if (dy == 0 && dx == 0) return DIPPER_OK;
    dp_psf_normalise(p->psf, s->kh, s->kw);
    memcpy(p->shifted, p->latent, pixels(s) * sizeof *p->latent);
    dp_plane_shift(p->shifted, s->h, s->w, -dy, -dx, p->latent);
    return DIPPER_OK;
}

int dp_estimate_threads(const dp_estimate *job, const dp_scale *scale) {
    enum { WORTH = 400 * 400 };
    return pixels(scale) < WORTH ? 1 : job->be->threads;
}

dipper_status dp_estimate_report(const dp_estimate *job, const dp_scale *scale, double share, dp_diag *diag) {
    enum { STEPS = 1000 };
    double done = 0, all = 0; /* the work grows as the number of pixels */
    if (job->progress == NULL) return DIPPER_OK;
    for (int i = 0; i < scale->scales; i++) {
        const double work = pow(2, i);
        all += work;
        done += work * (i < scale->number ? 1 : i == scale->number ? share : 0);
    }
    if (job->progress((int)(STEPS * done / all), STEPS, job->user) == 0) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_CANCELLED, "the estimate was asked to stop");
}

/* coarser: NULL for the first. */
static dipper_status run_scale(pyramid *p, const dp_estimate *job, const dp_scale *coarser, dp_diag *diag) {
    dp_scale *s = &p->at;
    DP_TRY(dp_plane_resize(job->blurred, job->h, job->w, s->scale, DP_FILTER_TRIANGLE, DP_OUTSIDE_NEAREST, diag,
                           p->blurred, s->h, s->w));
    DP_TRY(coarser == NULL ? begin(p, job, diag) : climb(p, coarser, diag));
    s->blurred = p->blurred;
    s->latent = p->latent;
    s->psf = p->psf;
    DP_TRY(job->estimator->run(job, s, diag));
    DP_TRY(tidy(p, job, diag));
    return dp_estimate_report(job, s, 1, diag);
}

size_t dp_estimate_bytes(const dp_estimate *job) {
    const size_t padded = (size_t)(job->h + 2 * job->kh) * (size_t)(job->w + 2 * job->kw);
    return (padded * (size_t)job->estimator->planes + 3 * (size_t)job->h * (size_t)job->w) * sizeof(float);
}

dipper_status dp_estimate_run(const dp_estimate *job, dp_diag *diag, float *psf, float *latent) {
    pyramid p = {0};
    dp_scale coarser = {0};
    const int scales = count_scales(job), first = first_scale(job, scales);
    dipper_status status = make(&p, job, diag);
    for (int i = first; i < scales && status == DIPPER_OK; i++) {
        p.at = make_scale(job, i, scales);
        status = run_scale(&p, job, i > first ? &coarser : NULL, diag);
        coarser = p.at;
    }
    if (status == DIPPER_OK) {
        memcpy(psf, p.psf, (size_t)job->kh * (size_t)job->kw * sizeof *psf);
        if (latent != NULL) memcpy(latent, p.latent, pixels(&p.at) * sizeof *latent);
    }
    unmake(&p);
    return status;
}
