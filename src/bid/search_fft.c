#include "bid/search_fft.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "deconv/nonblind.h"
#include "deconv/soften_fft.h"
#include "image/clip.h"
#include "image/psf.h"
#include "image/resize.h"
#include "metric/metric.h"
#include "metric/psf_shape.h"

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

enum { MOST = 101, COARSE_LEAST = 13 };

/* The largest window in the halved picture: half of a PSF, at most half of that picture. */
static int coarse_most(const dp_search *s) {
    const int quarter = shorter(s->wide) / 4;
    return s->side / 2 < quarter ? s->side / 2 : quarter;
}

void dp_search_windows(dp_search *s) {
    const int quarter = s->wide != NULL ? (shorter(s->wide) / 4 - 1) | 1 : 0;
    s->windows[0] = s->told;
    s->window_count = s->told > 0 ? 1 : list_windows(7, shorter(s->luma) / 4, s->windows);
    s->side = s->windows[s->window_count - 1];
    if (s->told == 0 && quarter > s->side) s->side = quarter < MOST ? quarter : MOST;
    if (s->wide != NULL && coarse_most(s) < COARSE_LEAST) s->wide = NULL;
}

void dp_search_narrow(dp_search *s, int extent) {
    const int last = s->window_count - 1;
    int at = 0;
    while (at < last && s->windows[at] < extent) at++;
    const int from = at > 0 ? at - 1 : 0, to = at < last ? at + 1 : last;
    s->window_count = to - from + 1;
    memmove(s->windows, s->windows + from, (size_t)s->window_count * sizeof *s->windows);
    s->wide = NULL;
}

/* ---- One candidate ---- */

/* A photograph is never quite as sharp as the estimators' pictures; 0: one that is. */
static const double softness[] = {0.4, 0.5, 0.6};
enum { SOFTNESSES = sizeof softness / sizeof *softness };

typedef struct slot {      /* a candidate with all that belongs to it */
    dp_candidate c;        /* its psf (side, side) is owned */
    const dp_image *given; /* luma, denoised or wide: what it was estimated from */
    float *latent;         /* the estimator's sharp picture of that; owned */
    float *found;          /* (window, window): the PSF before it was put into the middle of the larger one; owned */
    bool filled;           /* an estimate that comes to nothing leaves it unfilled */
} slot;

typedef struct state {
    const dp_search *search;
    slot best;
    bool halved; /* it looks in the halved picture: the last one of `of` is what goes on to the finer scales */
    int done, of;
    bool enough;
} state;

static void clear(slot *s) {
    dp_free(s->c.psf);
    dp_free(s->latent);
    dp_free(s->found);
    *s = (slot){0};
}

static dipper_status fill(slot *s, const dp_search *search, const dp_image *given, const dp_variant *v, int window,
                          double soft, dp_diag *diag) {
    const size_t n = (size_t)search->side * (size_t)search->side, m = (size_t)window * (size_t)window;
    clear(s);
    s->c = (dp_candidate){.variant = v, .window = window, .softness = soft, .rank.score = INFINITY};
    s->given = given;
    s->c.psf = dp_alloc(n, sizeof *s->c.psf);
    s->found = dp_alloc(m, sizeof *s->found);
    s->latent = dp_alloc(dp_image_plane_count(given), sizeof *s->latent);
    if (s->c.psf != NULL && s->found != NULL && s->latent != NULL) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory to look for a PSF");
}

/* Share of clipped pixels from which on candidates are restored with these as lower bounds, which takes five times as
 * long: otherwise a point, to which lights are no trouble, ranks best. */
static bool is_lit(const dp_image *luma) {
    return dp_clip_share(luma->data, dp_image_plane_count(luma)) > 0.001;
}

static dipper_status restore(const dp_search *s, dp_backend *be, dp_diag *diag, dp_candidate *c) {
    dp_image restored = {0};
    dp_nonblind job = dp_nonblind_defaults(dp_method_find("hyperlaplacian"), be, s->noise_sigma);
    job.psf = c->psf;
    job.kh = job.kw = s->side;
    if (is_lit(s->luma)) job.saturation = dp_clip_find(s->luma->data, dp_image_plane_count(s->luma)).high;
    DP_TRY(dp_image_copy(s->luma, diag, &restored));
    dipper_status status = job.method->run(&job, &restored, diag);
    if (status == DIPPER_OK)
        status = dp_rank_measure(&restored, s->luma, c->psf, s->side, s->side, be->threads, diag, &c->rank);
    dp_image_free(&restored);
    return status;
}

static dipper_status measure(const dp_search *s, dp_backend *be, slot *k, dp_diag *diag) {
    dp_psf_shape shape;
    dp_psf_place(k->found, k->c.window, k->c.psf, s->side);
    k->filled = true;
    DP_TRY(dp_psf_shape_measure(k->c.psf, s->side, s->side, diag, &shape));
    k->c.radius = shape.radius;
    return restore(s, be, diag, &k->c);
}

static dp_estimate prepare(const dp_search *s, dp_backend *be, const slot *k) {
    const dp_variant *v = k->c.variant;
    dp_estimate job = dp_estimate_defaults(dp_estimator_find(v->method));
    for (int i = 0; i < DP_VARIANT_SETTINGS && v->set[i].name != NULL; i++)
        job.setting[dp_estimator_setting(job.estimator, v->set[i].name)] = v->set[i].value;
    job.be = be;
    job.blurred = k->given->data;
    job.h = k->given->height;
    job.w = k->given->width;
    job.kh = job.kw = k->c.window;
    job.noise_sigma = s->noise_sigma;
    return job;
}

static dipper_status estimate(const dp_search *s, const dp_estimate *job, slot *k, dp_diag *diag) {
    dp_diag nothing = {0};
    const dipper_status status = dp_estimate_run(job, &nothing, k->found, k->latent);
    if (status == DIPPER_ERROR_MEMORY) return dp_fail(diag, status, "out of memory to look for a PSF");
    return status == DIPPER_OK ? measure(s, job->be, k, diag) : DIPPER_OK;
}

/* A PSF that was cut off or came about by chance is another one in another window; more than AGREED is no merit. */
static const double AGREED = 0.85, AGREEMENT_WEIGHT = 0.1; /* docs/auto.md */

/* Nothing but what makes a photograph soft: like one of these Gaussians, and crumbs at most. docs/auto.md */
static bool is_point(const dp_candidate *c, int side) {
    enum { SIDE = 9 };
    static const double RADIUS = 3, ALIKE = 0.75, soft[] = {0.4, 0.9};
    if (c->radius >= RADIUS) return false;
    for (size_t n = 0; n < sizeof soft / sizeof *soft; n++) {
        float point[SIDE * SIDE];
        for (int i = 0; i < SIDE * SIDE; i++) {
            const double y = i / SIDE - SIDE / 2, x = i % SIDE - SIDE / 2;
            point[i] = (float)exp(-(y * y + x * x) / (2 * soft[n] * soft[n]));
        }
        if (dp_psf_compare(c->psf, side, side, point, SIDE, SIDE).correlation > ALIKE) return true;
    }
    return false;
}

/* A point always agrees, since no blur explains any picture. */
static void rate(const dp_search *s, slot *k, double agreement) {
    dp_candidate *c = &k->c;
    if (!k->filled) return;
    const bool suspicious = s->blurred && is_point(c, s->side);
    const double credit = suspicious ? 0 : fmin(agreement, AGREED);
    c->agreement = agreement;
    c->score = c->rank.score - AGREEMENT_WEIGHT * credit;
}

/* It must have been rated. */
static void keep_if_better(state *t, slot *s) {
    if (!s->filled || (t->best.filled && s->c.score >= t->best.c.score)) return;
    clear(&t->best);
    t->best = *s;
    *s = (slot){0};
}

/* From window to window, from the halved picture to the whole: of the time a candidate takes. */
static const double GROWTH = 1.5, GROWTH_FINER = 3;

/* One took that long. Within the critical section if there are several threads; `callers`: this is the caller's. */
static void finish(state *t, double took, double growth, bool callers) {
    const dp_search *s = t->search;
    t->done++;
    if (t->halved && t->done + 1 == t->of) growth = GROWTH_FINER;
    if (t->done < t->of && s->fits != NULL && !s->fits(took, growth * took, s->user)) t->enough = true;
    if (callers && s->progress != NULL && s->progress(t->done, t->of, s->user)) t->enough = true;
}

/* ---- All windows ---- */

/* From the middle outwards, since time may be over soon: most PSFs fit into that. Which window candidate `number` of so
 * many has. */
static int place_of(int number, int windows) {
    const int middle = windows / 2, away = (number + 1) / 2;
    return number % 2 ? middle - away : middle + away;
}

static dipper_status look(state *t, int number, dp_backend *be, slot *slots, dp_diag *diag) {
    const dp_search *s = t->search;
    const double begun = dp_seconds();
    const int place = place_of(number, s->window_count);
    slot *k = &slots[place];
    DP_TRY(fill(k, s, s->denoised != NULL ? s->denoised : s->luma, s->variant, s->windows[place], 0, diag));
    const dp_estimate job = prepare(s, be, k);
    const dipper_status status = estimate(s, &job, k, diag);
#pragma omp critical(dp_search)
    finish(t, dp_seconds() - begun, GROWTH, be == s->be || omp_get_thread_num() == 0);
    return status;
}

/* Agreement: of each with the next larger window, of the last that was tried with the one before. */
static void compare(const dp_search *s, slot *k) {
    const int n = s->window_count, side = s->side;
    for (int i = 0; i < n; i++) {
        const slot *other = i + 1 < n && k[i + 1].c.window > 0 ? &k[i + 1] : i > 0 ? &k[i - 1] : NULL;
        const bool both = other != NULL && other->filled && k[i].filled;
        rate(s, &k[i], both ? dp_psf_compare(k[i].c.psf, side, side, other->c.psf, side, side).correlation : 0);
    }
}

/* If the caller asks for time, the first alone with all threads, which tells what the rest takes. Then as many at once
 * as there are threads, in order, until it is enough. */
static dipper_status look_at(state *t, slot *slots, dp_diag *diag) {
    const dp_search *s = t->search;
    dp_backend alone = *s->be;
    const int n = s->window_count, first = s->fits != NULL ? 1 : 0;
    dipper_status status = first > 0 ? look(t, 0, s->be, slots, diag) : DIPPER_OK;
    alone.threads = 1;
#pragma omp parallel for schedule(dynamic, 1) num_threads(s->be->threads < n ? s->be->threads : n)
    for (int i = first; i < n; i++) {
        dp_diag own = {0};
        bool over;
#pragma omp critical(dp_search)
        over = t->enough || status != DIPPER_OK;
        if (over) continue;
        const dipper_status mine = look(t, i, &alone, slots, &own);
#pragma omp critical(dp_search)
        if (mine != DIPPER_OK && status == DIPPER_OK) {
            status = mine;
            if (diag != NULL) *diag = own;
        }
    }
    return status;
}

static dipper_status look_through(state *t, dp_diag *diag) {
    const int n = t->search->window_count;
    slot *slots = dp_alloc((size_t)n, sizeof *slots);
    if (slots == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory to look for a PSF");
    const dipper_status status = look_at(t, slots, diag);
    if (status == DIPPER_OK) compare(t->search, slots);
    for (int i = 0; i < n; i++) {
        if (status == DIPPER_OK) keep_if_better(t, &slots[i]);
        clear(&slots[i]);
    }
    dp_free(slots);
    return status;
}

/* ---- The wide picture ---- */

/* A large PSF needs a large picture, and at half the size it is found more surely, and in a fraction of the time; the
 * finer scales then only add its detail, which map-l0 is good at. docs/auto.md */
static const double HALF = 0.5;
static const dp_variant finer = {.method = "map-l0"};

/* What happens in the halved picture counts in the whole. */
static int went_on(int done, int of, void *user) {
    state *t = user;
    const dp_search *s = t->search;
    (void)of;
    return s->progress != NULL && s->progress(t->done + done, t->of, s->user);
}

static bool coarse_fits(double took, double next, void *user) {
    const state *t = user;
    const dp_search *s = t->search;
    return s->fits == NULL || s->fits(took, next, s->user);
}

static void choose_coarse(const dp_search *s, dp_search *coarse) {
    const int most = coarse_most(s) | 1;
    coarse->windows[0] = most;
    coarse->window_count = s->told > 0 ? 1 : list_windows(COARSE_LEAST, most, coarse->windows);
    coarse->side = coarse->windows[coarse->window_count - 1];
}

static dipper_status find(const dp_search *s, state *whole, dp_diag *diag, dp_candidate *best);

/* The candidate that the halved picture leads to. If the time is over it stays without its detail. */
static dipper_status refine(state *t, const dp_candidate *c, int side, dp_diag *diag) {
    const dp_search *s = t->search;
    const int window = 2 * c->window + 1 < s->side ? 2 * c->window + 1 : s->side;
    const double begun = dp_seconds();
    slot k = {0};
    dipper_status status = fill(&k, s, s->wide, &finer, window, 0, diag);
    if (status == DIPPER_OK && t->enough) {
        status = dp_psf_resample(c->psf, side, side, 1 / HALF, diag, k.found, window, window);
        if (status == DIPPER_OK) status = measure(s, s->be, &k, diag);
    } else if (status == DIPPER_OK) {
        dp_estimate job = prepare(s, s->be, &k);
        job.start = c->psf;
        job.start_kh = job.start_kw = side;
        job.start_scale = HALF;
        status = estimate(s, &job, &k, diag);
        finish(t, dp_seconds() - begun, 1, true);
    }
    rate(s, &k, c->agreement);
    if (status == DIPPER_OK) keep_if_better(t, &k);
    clear(&k);
    return status;
}

/* coarse: with its windows. */
static dipper_status look_halved(state *t, dp_search *coarse, dp_diag *diag) {
    const size_t n = (size_t)coarse->side * (size_t)coarse->side;
    dp_candidate c = {.psf = dp_alloc(n, sizeof *c.psf)};
    if (c.psf == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory to look for a PSF");
    dipper_status status = DIPPER_OK;
    for (const dp_variant *v = t->search->coarse; v->method != NULL && status == DIPPER_OK && !t->enough; v++) {
        coarse->variant = v;
        status = find(coarse, t, diag, &c);
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
    const dp_search *s = t->search;
    const dp_rank *sharp = &t->best.c.rank;
    slot k = {0}, whitest = {0};
    dipper_status status = DIPPER_OK;
    for (int i = 0; i < SOFTNESSES && !t->enough && status == DIPPER_OK; i++) {
        const slot *b = &t->best;
        const double begun = dp_seconds();
        dp_diag nothing = {0};
        status = fill(&k, s, b->given, b->c.variant, b->c.window, softness[i], diag);
        if (status != DIPPER_OK) break;
        const dp_estimate job = prepare(s, s->be, &k);
        memcpy(k.found, b->found, (size_t)k.c.window * (size_t)k.c.window * sizeof *k.found);
        if (dp_soften(&job, b->latent, softness[i], &nothing, k.found) == DIPPER_OK)
            status = measure(s, s->be, &k, diag);
        rate(s, &k, b->c.agreement);
        finish(t, dp_seconds() - begun, 1, true);
        const double least = whitest.filled ? whitest.c.rank.whiteness : sharp->whiteness;
        if (!k.filled || k.c.rank.whiteness >= least || k.c.rank.log_rms <= sharp->log_rms - FALL) continue;
        clear(&whitest);
        whitest = k;
        k = (slot){0};
    }
    clear(&k);
    if (whitest.filled) {
        clear(&t->best);
        t->best = whitest;
    }
    return status;
}

/* ---- The search ---- */

static dipper_status run(state *t, dp_diag *diag) {
    const dp_search *s = t->search;
    dp_search coarse = {.be = s->be,
                        .blurred = s->blurred,
                        .noise_sigma = s->noise_sigma / 2, /* means of 2x2 px */
                        .progress = went_on,
                        .fits = coarse_fits,
                        .user = t};
    if (s->wide != NULL) choose_coarse(s, &coarse);
    t->of = s->window_count + (t->halved ? 1 : SOFTNESSES);
    for (const dp_variant *v = s->coarse; s->wide != NULL && v->method != NULL; v++) t->of += coarse.window_count + 1;
    DP_TRY(look_through(t, diag));
    if (s->wide != NULL && !t->enough) DP_TRY(look_wide(t, &coarse, diag));
    if (!t->best.filled) return dp_fail(diag, DIPPER_ERROR_DIVERGED, "no PSF was found that explains the picture");
    return !t->halved && !t->enough ? soften(t, diag) : DIPPER_OK;
}

/* whole: NULL, or of which this is the halved picture; what was done there is added to it. */
static dipper_status find(const dp_search *s, state *whole, dp_diag *diag, dp_candidate *best) {
    state t = {.search = s, .halved = whole != NULL};
    const dipper_status status = run(&t, diag);
    if (status == DIPPER_OK) {
        float *psf = best->psf;
        memcpy(psf, t.best.c.psf, (size_t)s->side * (size_t)s->side * sizeof *psf);
        *best = t.best.c;
        best->psf = psf;
        best->tried = t.done;
    }
    if (whole != NULL) {
        whole->done += t.done;
        whole->enough = whole->enough || t.enough;
    }
    clear(&t.best);
    return status;
}

dipper_status dp_search_run(const dp_search *search, dp_diag *diag, dp_candidate *best) {
    return find(search, NULL, diag, best);
}
