#include "bid/search_fft.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "deconv/nonblind.h"
#include "deconv/soften_fft.h"
#include "image/psf.h"
#include "image/resize.h"
#include "metric/metric.h"

/* ---- Windows ---- */

static int shorter(const dp_image *image) {
    return image->width < image->height ? image->width : image->height;
}

/* From `least` on; at least one. */
static int list_windows(int least, int most, int *windows) {
    static const int sides[] = {7, 9, 13, 19, 27, 37, 51, 71, 101};
    int n = 0;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        if (sides[i] >= least && (n == 0 || sides[i] <= most)) windows[n++] = sides[i];
    return n;
}

void dp_search_windows(dp_search *s) {
    enum { MOST = 101 };
    if (s->told > 0) {
        s->windows[0] = s->side = s->told;
        s->window_count = 1;
        return;
    }
    s->window_count = list_windows(7, shorter(s->luma) / 4, s->windows);
    s->side = s->windows[s->window_count - 1];
    if (s->wide == NULL) return;
    const int quarter = (shorter(s->wide) / 4 - 1) | 1, side = quarter < MOST ? quarter : MOST;
    if (side > s->side) s->side = side;
}

/* ---- One candidate ---- */

/* A photograph is never quite as sharp as the estimators' pictures; 0: one that is. */
static const double softness[] = {0.4, 0.5, 0.6};
enum { SOFTNESSES = sizeof softness / sizeof *softness };

typedef struct slot {      /* a candidate with all that belongs to it */
    dp_candidate c;        /* its psf (side, side) is owned */
    const dp_image *given; /* luma or wide: what it was estimated from */
    float *latent;         /* the estimator's sharp picture of that */
    float *found;          /* (window, window): the PSF before it was put into the middle of the larger one */
    bool filled;
} slot;

typedef struct state {
    const dp_search *search;
    slot slots[3], *best, *present, *spare; /* these three in some order */
    float *latest;                          /* (side, side): the PSF of the window before, if there is one: */
    bool compares, best_is_latest;          /* and it is the best one's */
    int done, of;
    bool enough;
} state;

static dipper_status restore(const dp_search *s, dp_diag *diag, dp_candidate *c) {
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
    if (status == DIPPER_OK)
        status = dp_rank_measure(&restored, s->luma, c->psf, s->side, s->side, s->be->threads, diag, &c->rank);
    dp_image_free(&restored);
    return status;
}

static void place(const float *psf, int window, int side, float *padded) {
    const int at = (side - window) / 2;
    memset(padded, 0, (size_t)side * (size_t)side * sizeof *padded);
    for (int y = 0; y < window; y++)
        memcpy(padded + (y + at) * side + at, psf + y * window, (size_t)window * sizeof *psf);
}

static dipper_status measure(state *t, slot *s, dp_diag *diag) {
    place(s->found, s->c.window, t->search->side, s->c.psf);
    s->filled = true;
    return restore(t->search, diag, &s->c);
}

/* From window to window, from the halved picture to the whole. */
static const double GROWTH = 1.5, GROWTH_FINER = 3;

static void report(state *t, const dp_candidate *c, double growth) {
    const dp_search *s = t->search;
    t->done++;
    t->enough = s->progress != NULL && s->progress(c, t->done, t->of, growth, s->user) != 0;
}

static dp_estimate prepare(const dp_search *s, const dp_image *given, const dp_variant *v, int window) {
    dp_estimate job = dp_estimate_defaults(dp_estimator_find(v->method));
    for (int i = 0; i < DP_VARIANT_SETTINGS && v->set[i].name != NULL; i++)
        job.setting[dp_estimator_setting(job.estimator, v->set[i].name)] = v->set[i].value;
    job.be = s->be;
    job.blurred = given->data;
    job.h = given->height;
    job.w = given->width;
    job.kh = job.kw = window;
    job.noise_sigma = s->noise_sigma;
    return job;
}

/* Starts the present slot; its memory stays. */
static void begin(state *t, const dp_image *given, const dp_variant *v, int window, double soft) {
    slot *s = t->present;
    float *psf = s->c.psf;
    s->c = (dp_candidate){.variant = v, .window = window, .softness = soft, .psf = psf, .rank.score = INFINITY};
    s->given = given;
    s->filled = false;
}

/* An estimate that comes to nothing leaves the present slot unfilled. */
static dipper_status estimate(state *t, const dp_estimate *job, dp_diag *diag) {
    dp_diag nothing = {0};
    const dipper_status status = dp_estimate_run(job, &nothing, t->present->found, t->present->latent);
    if (status == DIPPER_ERROR_MEMORY) return dp_fail(diag, status, "out of memory to look for a PSF");
    return status == DIPPER_OK ? measure(t, t->present, diag) : DIPPER_OK;
}

static void swap(slot **a, slot **b) {
    slot *c = *a;
    *a = *b;
    *b = c;
}

/* ---- All windows ---- */

/* The present candidate's agreement with the window before, and the best one's if it is that. */
static void compare(state *t) {
    const int side = t->search->side;
    slot *s = t->present;
    double likeness = 0;
    if (t->compares && s->filled) likeness = dp_psf_compare(t->latest, side, side, s->c.psf, side, side).correlation;
    if (t->best_is_latest && t->compares) t->best->c.agreement = likeness;
    s->c.agreement = likeness;
    t->compares = s->filled;
    t->best_is_latest = false;
    if (s->filled) memcpy(t->latest, s->c.psf, (size_t)side * (size_t)side * sizeof *t->latest);
}

static bool keep_if_better(state *t) {
    if (!t->present->filled || (t->best->filled && t->present->c.rank.score >= t->best->c.rank.score)) return false;
    swap(&t->present, &t->best);
    return true;
}

static dipper_status look(state *t, const dp_variant *v, int window, dp_diag *diag) {
    const dp_estimate job = prepare(t->search, t->search->luma, v, window);
    begin(t, t->search->luma, v, window, 0);
    DP_TRY(estimate(t, &job, diag));
    report(t, &t->present->c, GROWTH);
    compare(t);
    t->best_is_latest = keep_if_better(t);
    return DIPPER_OK;
}

static dipper_status look_through(state *t, const dp_variant *v, dp_diag *diag) {
    const dp_search *s = t->search;
    t->compares = t->best_is_latest = false;
    for (int i = 0; i < s->window_count && !t->enough; i++) DP_TRY(look(t, v, s->windows[i], diag));
    return DIPPER_OK;
}

/* ---- The wide picture ---- */

/* A large PSF needs a large picture, and at half the size it is found more surely, and in a fraction of the time; the
 * finer scales then only add its detail, which map-l0 is good at. docs/auto.md */
static const double HALF = 0.5;
static const dp_variant finer = {.method = "map-l0"};

static int tried_coarse(const dp_candidate *c, int done, int of, double growth, void *user) {
    state *t = user;
    report(t, c, done < of ? growth : GROWTH_FINER);
    return t->enough;
}

/* False: nothing to look for there. */
static bool coarse_windows(const dp_search *s, dp_search *coarse) {
    const int least = 13, quarter = s->wide != NULL ? shorter(s->wide) / 4 : 0; /* half of the halved one */
    const int most = s->side / 2 < quarter ? s->side / 2 : quarter;
    if (most < least) return false;
    if (s->told > 0) {
        coarse->told = most | 1;
        dp_search_windows(coarse);
        return true;
    }
    coarse->window_count = list_windows(least, most | 1, coarse->windows);
    coarse->side = coarse->windows[coarse->window_count - 1];
    return true;
}

static dipper_status find(const dp_search *s, bool softens, dp_diag *diag, dp_candidate *best);

/* The candidate that the halved picture leads to. If the time is over it stays without its detail. */
static dipper_status refine(state *t, const dp_candidate *c, int side, dp_diag *diag) {
    const dp_search *s = t->search;
    const int window = 2 * c->window + 1 < s->side ? 2 * c->window + 1 : s->side;
    begin(t, s->wide, &finer, window, 0);
    if (t->enough) {
        DP_TRY(dp_psf_resample(c->psf, side, side, 1 / HALF, diag, t->present->found, window, window));
        memcpy(t->present->latent, s->wide->data, dp_image_plane_count(s->wide) * sizeof *t->present->latent);
        DP_TRY(measure(t, t->present, diag));
    } else {
        dp_estimate job = prepare(s, s->wide, &finer, window);
        job.start = c->psf;
        job.start_kh = job.start_kw = side;
        job.start_scale = HALF;
        DP_TRY(estimate(t, &job, diag));
        report(t, &t->present->c, GROWTH);
    }
    t->present->c.agreement = c->agreement;
    keep_if_better(t);
    return DIPPER_OK;
}

/* coarse: with its windows. */
static dipper_status look_halved(state *t, dp_search *coarse, dp_diag *diag) {
    const size_t n = (size_t)coarse->side * (size_t)coarse->side;
    dp_candidate c = {.psf = dp_alloc(n, sizeof *c.psf)};
    if (c.psf == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory to look for a PSF");
    dipper_status status = DIPPER_OK;
    for (const dp_variant *v = t->search->coarse; v->method != NULL && status == DIPPER_OK && !t->enough; v++) {
        const dp_variant one[] = {*v, {NULL}};
        coarse->variants = one;
        status = find(coarse, false, diag, &c);
        if (status == DIPPER_OK) status = refine(t, &c, coarse->side, diag);
        if (status == DIPPER_ERROR_DIVERGED) status = DIPPER_OK; /* nothing was found there */
    }
    dp_free(c.psf);
    return status;
}

static dipper_status look_wide(state *t, dp_search *coarse, dp_diag *diag) {
    const dp_image *wide = t->search->wide;
    dp_image halved = {0};
    DP_TRY(dp_image_create(wide->width / 2, wide->height / 2, 1, diag, &halved));
    coarse->luma = &halved;
    dipper_status status = dp_plane_resize(wide->data, wide->height, wide->width, HALF, DP_FILTER_TRIANGLE,
                                           DP_OUTSIDE_NEAREST, diag, halved.data, halved.height, halved.width);
    if (status == DIPPER_OK) status = look_halved(t, coarse, diag);
    dp_image_free(&halved);
    return status;
}

/* ---- Softness ---- */

/* How soft the picture is shows in what remains unexplained: with the right PSF it is nearest to white noise. A PSF
 * that suddenly explains much more has become a point, and explains the blur as well. */
static const double FALL = 0.35;

static dipper_status soften(state *t, dp_diag *diag) {
    dp_diag nothing = {0};
    const slot *sharp = t->best;
    const dp_candidate *of = &sharp->c;
    const dp_estimate job = prepare(t->search, sharp->given, of->variant, of->window);
    double whitest = of->rank.whiteness;
    t->spare->filled = false; /* the whitest of the softened ones */
    for (int i = 0; i < SOFTNESSES && !t->enough; i++) {
        slot *s = t->present;
        begin(t, sharp->given, of->variant, of->window, softness[i]);
        s->c.agreement = of->agreement;
        memcpy(s->found, sharp->found, (size_t)of->window * (size_t)of->window * sizeof *s->found);
        if (dp_soften(&job, sharp->latent, softness[i], &nothing, s->found) == DIPPER_OK) DP_TRY(measure(t, s, diag));
        report(t, &s->c, GROWTH);
        if (!s->filled || s->c.rank.whiteness >= whitest || s->c.rank.log_rms <= of->rank.log_rms - FALL) continue;
        whitest = s->c.rank.whiteness;
        swap(&t->present, &t->spare);
    }
    if (t->spare->filled) swap(&t->spare, &t->best);
    return DIPPER_OK;
}

/* ---- The search ---- */

static dipper_status run(state *t, bool softens, dp_diag *diag) {
    const dp_search *s = t->search;
    dp_search coarse = {.be = s->be,
                        .noise_sigma = s->noise_sigma / 2, /* means of 2x2 px */
                        .progress = tried_coarse,
                        .user = t};
    const bool wide = coarse_windows(s, &coarse);
    t->of = softens ? SOFTNESSES : 0;
    for (const dp_variant *v = s->variants; v->method != NULL; v++) t->of += s->window_count;
    for (const dp_variant *v = s->coarse; wide && v->method != NULL; v++) t->of += coarse.window_count + 1;
    for (const dp_variant *v = s->variants; v->method != NULL && !t->enough; v++) DP_TRY(look_through(t, v, diag));
    if (wide && !t->enough) DP_TRY(look_wide(t, &coarse, diag));
    if (!t->best->filled) return dp_fail(diag, DIPPER_ERROR_DIVERGED, "no PSF was found that explains the picture");
    return softens && !t->enough ? soften(t, diag) : DIPPER_OK;
}

static void leave(state *t) {
    for (int i = 0; i < 3; i++) {
        dp_free(t->slots[i].c.psf);
        dp_free(t->slots[i].found);
        dp_free(t->slots[i].latent);
    }
    dp_free(t->latest);
}

static dipper_status enter(state *t, dp_diag *diag) {
    const dp_search *s = t->search;
    const size_t n = (size_t)s->side * (size_t)s->side;
    size_t pixels = dp_image_plane_count(s->luma);
    if (s->wide != NULL && dp_image_plane_count(s->wide) > pixels) pixels = dp_image_plane_count(s->wide);
    bool room = (t->latest = dp_alloc(n, sizeof *t->latest)) != NULL;
    for (int i = 0; i < 3; i++) {
        slot *k = &t->slots[i];
        k->c.psf = dp_alloc(n, sizeof *k->c.psf);
        k->found = dp_alloc(n, sizeof *k->found);
        k->latent = dp_alloc(pixels, sizeof *k->latent);
        room = room && k->c.psf && k->found && k->latent;
    }
    t->best = &t->slots[0];
    t->present = &t->slots[1];
    t->spare = &t->slots[2];
    return room ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory to look for a PSF");
}

static dipper_status find(const dp_search *s, bool softens, dp_diag *diag, dp_candidate *best) {
    state t = {.search = s};
    dipper_status status = enter(&t, diag);
    if (status == DIPPER_OK) status = run(&t, softens, diag);
    if (status == DIPPER_OK) {
        float *psf = best->psf;
        memcpy(psf, t.best->c.psf, (size_t)s->side * (size_t)s->side * sizeof *psf);
        *best = t.best->c;
        best->psf = psf;
    }
    leave(&t);
    return status;
}

dipper_status dp_search_run(const dp_search *search, dp_diag *diag, dp_candidate *best) {
    return find(search, true, diag, best);
}
