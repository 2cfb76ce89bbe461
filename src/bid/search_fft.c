#include "bid/search_fft.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "deconv/nonblind.h"
#include "deconv/soften_fft.h"
#include "image/blur.h"
#include "image/psf.h"
#include "metric/quality.h"

/* ---- The score ---- */

static const double RMS_WEIGHT = 0.06, COLOUR_WEIGHT = 2; /* docs/auto.md */

/* Mean of each 2x2 px, twice: noise and grid of pixels weigh less. (h-2, w-2) */
static dipper_status smooth(const dp_image *in, dp_diag *diag, dp_image *out) {
    static const float binomial[9] = {1 / 16.F, 2 / 16.F, 1 / 16.F, 2 / 16.F, 4 / 16.F,
                                      2 / 16.F, 1 / 16.F, 2 / 16.F, 1 / 16.F};
    DP_TRY(dp_image_create(in->width - 2, in->height - 2, 1, diag, out));
    dp_plane_blur(in->data, in->height, in->width, binomial, 3, 3, 1, out->data);
    return DIPPER_OK;
}

static dipper_status measure_gradients(const dp_image *restored, dp_diag *diag, dp_candidate *c) {
    dp_image smoothed = {0}, middle = {0};
    double variation;
    const int shorter = restored->width < restored->height ? restored->width : restored->height;
    const int away = shorter / 8 < 20 ? shorter / 8 : 20; /* the border tells less */
    dipper_status status =
        dp_image_crop(restored, away, away, restored->width - 2 * away, restored->height - 2 * away, diag, &middle);
    for (size_t i = 0; status == DIPPER_OK && i < dp_image_plane_count(&middle); i++)
        middle.data[i] = fminf(fmaxf(middle.data[i], -0.2F), 1.2F);
    if (status == DIPPER_OK) status = smooth(&middle, diag, &smoothed);
    if (status == DIPPER_OK) dp_gradient_measures(&smoothed, &c->l1_l2, &variation);
    dp_image_free(&middle);
    dp_image_free(&smoothed);
    return status;
}

static dipper_status measure_residual(const dp_search *s, const dp_image *restored, dp_diag *diag, dp_candidate *c) {
    enum { LAGS = 19 * 19 - 1 }; /* of dp_whiteness */
    dp_image residual = {0};
    DP_TRY(dp_residual(restored, s->luma, c->psf, s->side, s->side, s->be->threads, diag, &residual));
    const double share = dp_whiteness(&residual, s->be->threads);
    c->log_rms = log(fmax(dp_rms(&residual), 1e-6));
    c->colour = sqrt(share / fmax(1 - share, 1e-9) / LAGS);
    dp_image_free(&residual);
    return DIPPER_OK;
}

dipper_status dp_search_score(const dp_search *s, const dp_image *restored, dp_diag *diag, dp_candidate *c) {
    DP_TRY(measure_gradients(restored, diag, c));
    DP_TRY(measure_residual(s, restored, diag, c));
    c->score = c->l1_l2 + RMS_WEIGHT * c->log_rms + COLOUR_WEIGHT * c->colour;
    if (!isfinite(c->score)) c->score = INFINITY;
    return DIPPER_OK;
}

static dipper_status try(const dp_search *s, dp_diag *diag, dp_candidate *c) {
    dp_image restored = {0};
    dp_nonblind job = {.method = dp_method_find("hyperlaplacian"),
                       .be = s->be,
                       .psf = c->psf,
                       .kh = s->side,
                       .kw = s->side,
                       .noise_sigma = s->noise_sigma,
                       .channels = 1};
    job.weight = job.method->weight(s->noise_sigma);
    job.exponent = job.method->exponent;
    job.edges = job.method->default_edges;
    DP_TRY(dp_image_copy(s->luma, diag, &restored));
    dipper_status status = job.method->run(&job, &restored, diag);
    if (status == DIPPER_OK) status = dp_search_score(s, &restored, diag, c);
    dp_image_free(&restored);
    return status;
}

/* ---- The search ---- */

void dp_search_windows(dp_search *s, int told) {
    static const int sides[] = {7, 9, 13, 19, 27, 37, 51, 71, 101};
    const int shorter = s->luma->width < s->luma->height ? s->luma->width : s->luma->height;
    s->window_count = 0;
    for (size_t i = 0; told <= 0 && i < sizeof sides / sizeof *sides; i++)
        if (i == 0 || sides[i] <= shorter / 4) s->windows[s->window_count++] = sides[i];
    if (told > 0) s->windows[s->window_count++] = told;
    s->side = s->windows[s->window_count - 1];
}

/* A photograph is never quite as sharp as the estimators' pictures; 0: one that is. */
static const double softness[] = {0.4, 0.5, 0.6};
enum { SOFTNESSES = sizeof softness / sizeof *softness };

typedef struct state {
    const dp_search *search;
    dp_candidate *best;          /* its psf is the caller's */
    float *latent, *best_latent; /* of the present estimate; of the best one */
    float *found, *best_found;   /* (window, window) likewise, before softening */
    float *padded;               /* (side, side): the PSF that is tried, in the middle */
    int done, of;
    bool enough, any;
} state;

static void place(const float *psf, int window, int side, float *padded) {
    const int at = (side - window) / 2;
    memset(padded, 0, (size_t)side * (size_t)side * sizeof *padded);
    for (int y = 0; y < window; y++)
        memcpy(padded + (y + at) * side + at, psf + y * window, (size_t)window * sizeof *psf);
}

static dipper_status measure(state *t, dp_candidate *c, const float *psf, dp_diag *diag) {
    place(psf, c->window, t->search->side, t->padded);
    c->psf = t->padded;
    return try(t->search, diag, c);
}

static void take(state *t, const dp_candidate *c) {
    float *psf = t->best->psf;
    memcpy(psf, c->psf, (size_t)t->search->side * (size_t)t->search->side * sizeof *psf);
    *t->best = *c;
    t->best->psf = psf;
    t->any = true;
}

static void report(state *t, const dp_candidate *c) {
    const dp_search *s = t->search;
    t->done++;
    t->enough = s->progress != NULL && s->progress(c, t->done, t->of, s->user) != 0;
}

static void set(dp_estimate *job, const char *name, double value) {
    const int i = dp_estimator_setting(job->estimator, name);
    if (i >= 0) job->setting[i] = value;
}

static dp_estimate prepare(const dp_search *s, const dp_variant *v, int window) {
    dp_estimate job = dp_estimate_defaults(dp_estimator_find(v->method));
    if (v->iterations > 0) {
        set(&job, "iterations", v->iterations);
        set(&job, "decay", v->decay);
    }
    job.be = s->be;
    job.blurred = s->luma->data;
    job.h = s->luma->height;
    job.w = s->luma->width;
    job.kh = job.kw = window;
    job.noise_sigma = s->noise_sigma;
    return job;
}

static void swap(float **a, float **b) {
    float *c = *a;
    *a = *b;
    *b = c;
}

/* One window and method. An estimate that comes to nothing is passed over. */
static dipper_status look(state *t, const dp_variant *v, int window, dp_diag *diag) {
    dp_diag nothing = {0};
    const dp_estimate job = prepare(t->search, v, window);
    dp_candidate c = {.variant = v, .window = window, .score = INFINITY};
    const dipper_status status = dp_estimate_run(&job, &nothing, t->found, t->latent);
    if (status == DIPPER_ERROR_MEMORY) return dp_fail(diag, status, "out of memory to look for a PSF");
    if (status == DIPPER_OK) DP_TRY(measure(t, &c, t->found, diag));
    if (status == DIPPER_OK && (!t->any || c.score < t->best->score)) {
        take(t, &c);
        swap(&t->found, &t->best_found);
        swap(&t->latent, &t->best_latent);
    }
    report(t, &c);
    return DIPPER_OK;
}

/* How soft the picture is shows in what remains unexplained: with the right PSF it is nearest to white noise. A PSF
 * that suddenly explains much more has become a point, and explains the blur as well. */
static const double FALL = 0.35;

static dipper_status soften(state *t, dp_diag *diag) {
    dp_diag nothing = {0};
    const dp_candidate sharp = *t->best;
    const dp_estimate job = prepare(t->search, sharp.variant, sharp.window);
    for (int i = 0; i < SOFTNESSES && !t->enough; i++) {
        dp_candidate c = {.variant = sharp.variant, .window = sharp.window, .softness = softness[i]};
        memcpy(t->found, t->best_found, (size_t)c.window * (size_t)c.window * sizeof *t->found);
        if (dp_soften(&job, t->best_latent, softness[i], &nothing, t->found) == DIPPER_OK) {
            DP_TRY(measure(t, &c, t->found, diag));
            if (c.colour < t->best->colour && c.log_rms > sharp.log_rms - FALL) take(t, &c);
        }
        report(t, &c);
    }
    return DIPPER_OK;
}

static dipper_status run(state *t, dp_diag *diag) {
    const dp_search *s = t->search;
    for (const dp_variant *v = s->variants; v->method != NULL; v++) t->of += s->window_count;
    t->of += SOFTNESSES;
    for (const dp_variant *v = s->variants; v->method != NULL; v++)
        for (int i = 0; i < s->window_count && !t->enough; i++) DP_TRY(look(t, v, s->windows[i], diag));
    if (!t->any) return dp_fail(diag, DIPPER_ERROR_DIVERGED, "no PSF was found that explains the picture");
    return t->enough ? DIPPER_OK : soften(t, diag);
}

dipper_status dp_search_run(const dp_search *s, dp_diag *diag, dp_candidate *best) {
    const size_t n = (size_t)s->side * (size_t)s->side, pixels = dp_image_plane_count(s->luma);
    state t = {.search = s, .best = best};
    t.latent = dp_alloc(pixels, sizeof *t.latent);
    t.best_latent = dp_alloc(pixels, sizeof *t.latent);
    t.found = dp_alloc(n, sizeof *t.found);
    t.best_found = dp_alloc(n, sizeof *t.found);
    t.padded = dp_alloc(n, sizeof *t.padded);
    const bool room = t.latent && t.best_latent && t.found && t.best_found && t.padded;
    const dipper_status status =
        room ? run(&t, diag) : dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory to look for a PSF");
    dp_free(t.latent);
    dp_free(t.best_latent);
    dp_free(t.found);
    dp_free(t.best_found);
    dp_free(t.padded);
    return status;
}
