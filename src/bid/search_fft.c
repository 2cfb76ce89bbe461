#include "bid/search_fft.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "deconv/nonblind.h"
#include "deconv/soften_fft.h"
#include "image/blur.h"
#include "image/psf.h"
#include "metric/metric.h"
#include "metric/quality.h"

/* ---- The score ---- */

static const double RMS_WEIGHT = 0.06, WHITENESS_WEIGHT = 2, AGREEMENT_WEIGHT = 0.15; /* docs/auto.md */
static const double AGREED = 0.85;                                                    /* better is no merit */

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
    c->whiteness = sqrt(share / fmax(1 - share, 1e-9) / LAGS);
    dp_image_free(&residual);
    return DIPPER_OK;
}

static void add_up(dp_candidate *c) {
    c->score = c->l1_l2 + RMS_WEIGHT * c->log_rms + WHITENESS_WEIGHT * c->whiteness -
               AGREEMENT_WEIGHT * fmin(c->agreement, AGREED);
    if (!isfinite(c->score)) c->score = INFINITY;
}

dipper_status dp_search_score(const dp_search *s, const dp_image *restored, dp_diag *diag, dp_candidate *c) {
    DP_TRY(measure_gradients(restored, diag, c));
    DP_TRY(measure_residual(s, restored, diag, c));
    add_up(c);
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

typedef struct slot { /* a candidate with all that belongs to it */
    dp_candidate c;   /* its psf (side, side) is owned */
    float *latent;    /* the estimator's sharp picture */
    float *found;     /* (window, window): the PSF before it was put into the middle of the larger one */
    bool filled;
} slot;

typedef struct state {
    const dp_search *search;
    slot slots[3];
    slot *best, *before, *present; /* these three in some order; before: of the next smaller window, its agreement not
                                      yet known */
    int done, of;
    bool enough;
} state;

static void place(const float *psf, int window, int side, float *padded) {
    const int at = (side - window) / 2;
    memset(padded, 0, (size_t)side * (size_t)side * sizeof *padded);
    for (int y = 0; y < window; y++)
        memcpy(padded + (y + at) * side + at, psf + y * window, (size_t)window * sizeof *psf);
}

static dipper_status measure(state *t, slot *s, dp_diag *diag) {
    place(s->found, s->c.window, t->search->side, s->c.psf);
    s->filled = true;
    return try(t->search, diag, &s->c);
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

static void swap(slot **a, slot **b) {
    slot *c = *a;
    *a = *b;
    *b = c;
}

/* The candidate that was waiting for its agreement has it. */
static void settle(state *t, double agreement) {
    if (!t->before->filled) return;
    t->before->c.agreement = agreement;
    add_up(&t->before->c);
    if (!t->best->filled || t->before->c.score < t->best->c.score) swap(&t->before, &t->best);
}

static double compare(const state *t) {
    const int side = t->search->side;
    return dp_psf_compare(t->before->c.psf, side, side, t->present->c.psf, side, side).correlation;
}

/* Starts the present slot; its memory stays. */
static void begin(state *t, const dp_variant *v, int window, double soft) {
    slot *s = t->present;
    float *psf = s->c.psf;
    s->c = (dp_candidate){.variant = v, .window = window, .softness = soft, .psf = psf, .score = INFINITY};
    s->filled = false;
}

/* One window and method. An estimate that comes to nothing is passed over. `agreement`: of the window before with this
 * one, 0 if there is none. */
static dipper_status look(state *t, const dp_variant *v, int window, double *agreement, dp_diag *diag) {
    dp_diag nothing = {0};
    const dp_estimate job = prepare(t->search, v, window);
    begin(t, v, window, 0);
    const dipper_status status = dp_estimate_run(&job, &nothing, t->present->found, t->present->latent);
    if (status == DIPPER_ERROR_MEMORY) return dp_fail(diag, status, "out of memory to look for a PSF");
    if (status == DIPPER_OK) DP_TRY(measure(t, t->present, diag));
    *agreement = t->before->filled && t->present->filled ? compare(t) : 0;
    settle(t, *agreement);
    swap(&t->present, &t->before);
    report(t, &t->before->c);
    return DIPPER_OK;
}

/* All windows; the last has only the one before it to agree with. */
static dipper_status look_through(state *t, const dp_variant *v, dp_diag *diag) {
    const dp_search *s = t->search;
    double agreement = 0;
    t->before->filled = false;
    for (int i = 0; i < s->window_count && !t->enough; i++) DP_TRY(look(t, v, s->windows[i], &agreement, diag));
    settle(t, agreement);
    return DIPPER_OK;
}

/* How soft the picture is shows in what remains unexplained: with the right PSF it is nearest to white noise. A PSF
 * that suddenly explains much more has become a point, and explains the blur as well. */
static const double FALL = 0.35;

static dipper_status soften(state *t, dp_diag *diag) {
    dp_diag nothing = {0};
    const dp_candidate *sharp = &t->best->c;
    const dp_estimate job = prepare(t->search, sharp->variant, sharp->window);
    double whitest = sharp->whiteness;
    t->before->filled = false; /* the whitest of the softened ones */
    for (int i = 0; i < SOFTNESSES && !t->enough; i++) {
        slot *s = t->present;
        begin(t, sharp->variant, sharp->window, softness[i]);
        s->c.agreement = sharp->agreement;
        memcpy(s->found, t->best->found, (size_t)sharp->window * (size_t)sharp->window * sizeof *s->found);
        if (dp_soften(&job, t->best->latent, softness[i], &nothing, s->found) == DIPPER_OK) DP_TRY(measure(t, s, diag));
        report(t, &s->c);
        if (!s->filled || s->c.whiteness >= whitest || s->c.log_rms <= sharp->log_rms - FALL) continue;
        whitest = s->c.whiteness;
        swap(&t->present, &t->before);
    }
    if (t->before->filled) swap(&t->before, &t->best);
    return DIPPER_OK;
}

static dipper_status run(state *t, dp_diag *diag) {
    const dp_search *s = t->search;
    for (const dp_variant *v = s->variants; v->method != NULL; v++) t->of += s->window_count;
    t->of += SOFTNESSES;
    for (const dp_variant *v = s->variants; v->method != NULL && !t->enough; v++) DP_TRY(look_through(t, v, diag));
    if (!t->best->filled) return dp_fail(diag, DIPPER_ERROR_DIVERGED, "no PSF was found that explains the picture");
    return t->enough ? DIPPER_OK : soften(t, diag);
}

/* ---- Memory ---- */

static void leave(state *t) {
    for (int i = 0; i < 3; i++) {
        dp_free(t->slots[i].c.psf);
        dp_free(t->slots[i].found);
        dp_free(t->slots[i].latent);
    }
}

static dipper_status enter(state *t, dp_diag *diag) {
    const size_t n = (size_t)t->search->side * (size_t)t->search->side, pixels = dp_image_plane_count(t->search->luma);
    bool room = true;
    for (int i = 0; i < 3; i++) {
        slot *s = &t->slots[i];
        s->c.psf = dp_alloc(n, sizeof *s->c.psf);
        s->found = dp_alloc(n, sizeof *s->found);
        s->latent = dp_alloc(pixels, sizeof *s->latent);
        room = room && s->c.psf && s->found && s->latent;
    }
    t->best = &t->slots[0];
    t->before = &t->slots[1];
    t->present = &t->slots[2];
    return room ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory to look for a PSF");
}

dipper_status dp_search_run(const dp_search *s, dp_diag *diag, dp_candidate *best) {
    state t = {.search = s};
    dipper_status status = enter(&t, diag);
    if (status == DIPPER_OK) status = run(&t, diag);
    if (status == DIPPER_OK) {
        float *psf = best->psf;
        memcpy(psf, t.best->c.psf, (size_t)s->side * (size_t)s->side * sizeof *psf);
        *best = t.best->c;
        best->psf = psf;
    }
    leave(&t);
    return status;
}
