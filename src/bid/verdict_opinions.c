/* Second opinions: the PSF by other methods from the blurred picture alone, and from its four parts. */
#include <omp.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bid/verdict.h"
#include "deconv/estimate.h"
#include "image/psf.h"
#include "image/region.h"
#include "metric/psf_shape.h"

enum { OPINIONS = 6, WHOLE = 256, PART = 160 }; /* px: windows looked at, at least; for large PSFs larger ones */

static int larger(int a, int b) {
    return a > b ? a : b;
}

static int smaller(int a, int b) {
    return a < b ? a : b;
}

int dp_opinion_side(const dp_case *c) {
    static const int sides[] = {19, 31, 49, 69};
    const int last = (int)(sizeof sides / sizeof *sides) - 1, told = smaller(larger(c->kh, c->kw), 27);
    const int shorter = smaller(c->blurred->width, c->blurred->height);
    dp_psf_shape shape;
    int i = 0;
    if (dp_psf_shape_measure(c->psf, c->kh, c->kw, NULL, &shape) != DIPPER_OK) return told | 1;
    const int extent = larger(shape.width, shape.height);
    const bool full = 5 * shape.width > 4 * c->kw || 5 * shape.height > 4 * c->kh; /* it may have been cut off */
    const int wanted = larger(full ? extent * 3 / 2 + 3 : extent * 7 / 5 + 2, told);
    while (i < last && sides[i] < wanted) i++;
    while (i > 0 && 3 * sides[i] > shorter) i--;
    return sides[i];
}

void dp_opinions_free(dp_opinions *o) {
    dp_free(o->memory);
    *o = (dp_opinions){0};
}

static dipper_status create(int side, dp_diag *diag, dp_opinions *o) {
    const size_t n = (size_t)side * (size_t)side;
    *o = (dp_opinions){.side = side, .memory = dp_alloc(OPINIONS * n, sizeof(float))};
    if (o->memory == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for second opinions");
    o->map = o->memory;
    o->vb = o->map + n;
    for (int i = 0; i < 4; i++) o->part[i] = o->vb + (size_t)(i + 1) * n;
    return DIPPER_OK;
}

/* The best window of at most `most` px in the box, as a picture of its own. */
static dipper_status take_window(const dp_case *c, const dp_region *box, int most, int side, dp_diag *diag,
                                 dp_image *out) {
    dp_image part = {0};
    dp_region r;
    DP_TRY(dp_image_crop(c->blurred, box->x, box->y, box->width, box->height, diag, &part));
    dipper_status status = dp_region_choose(&part, most, most, side, side, c->noise_sigma, diag, &r);
    if (status == DIPPER_OK) status = dp_image_crop(&part, r.x, r.y, r.width, r.height, diag, out);
    dp_image_free(&part);
    return status;
}

/* An estimate that comes to nothing is no opinion, and no error. */
static dipper_status ask(const dp_case *c, dp_backend *be, const char *method, const dp_image *window, int side,
                         dp_diag *diag, float *psf) {
    const dp_estimator *estimator = dp_estimator_find(method);
    dp_diag own = {0};
    if (estimator->run == NULL || window->width < 2 * side || window->height < 2 * side) return DIPPER_OK;
    if (dp_image_is_constant(window)) return DIPPER_OK;
    dp_estimate job = dp_estimate_defaults(estimator);
    job.be = be;
    job.blurred = window->data;
    job.h = window->height;
    job.w = window->width;
    job.kh = job.kw = side;
    job.noise_sigma = c->noise_sigma;
    const dipper_status status = dp_estimate_run(&job, &own, psf, NULL);
    if (status == DIPPER_OK) return DIPPER_OK;
    memset(psf, 0, (size_t)side * (size_t)side * sizeof *psf);
    return status == DIPPER_ERROR_DIVERGED ? DIPPER_OK : dp_fail(diag, status, "%s", own.text);
}

/* Quarters of the picture, a little larger than that where they are small. */
static dipper_status ask_part(const dp_case *c, dp_backend *be, int number, int side, dp_diag *diag, float *psf) {
    const int w = c->blurred->width, h = c->blurred->height;
    const int wide = smaller(w, larger(w / 2, smaller(w * 5 / 8, 4 * side)));
    const int high = smaller(h, larger(h / 2, smaller(h * 5 / 8, 4 * side)));
    const dp_region box = {
        .x = number % 2 ? w - wide : 0, .y = number / 2 ? h - high : 0, .width = wide, .height = high};
    dp_image window = {0};
    DP_TRY(take_window(c, &box, larger(PART, 3 * side), side, diag, &window));
    const dipper_status status = ask(c, be, "map-l0", &window, side, diag, psf);
    dp_image_free(&window);
    return status;
}

/* ---- All of them, several at once ---- */

typedef struct asking {
    const dp_case *c;
    int side;
    const dp_image *whole; /* the window for the first two */
    dp_opinions *out;
    int done;
    dipper_status status; /* the first that was not OK; then the rest is left */
    dp_diag *diag;
} asking;

/* Opinion `number`: by map-l0 and by vb of the whole, then of the parts. */
static dipper_status ask_for(const asking *a, dp_backend *be, int number, dp_diag *diag) {
    if (number == 0) return ask(a->c, be, "map-l0", a->whole, a->side, diag, a->out->map);
    if (number == 1) return ask(a->c, be, "vb", a->whole, a->side, diag, a->out->vb);
    return ask_part(a->c, be, number - 2, a->side, diag, a->out->part[number - 2]);
}

/* callers: in the thread that asked for the verdict, which alone is told of progress. */
static void finish(asking *a, dipper_status status, const dp_diag *own, bool callers) {
    const dp_case *c = a->c;
    a->done++;
    if (a->status != DIPPER_OK) return;
    a->status = status;
    if (status != DIPPER_OK)
        (void)dp_fail(a->diag, status, "%s", own->text);
    else if (callers && c->progress != NULL && c->progress(a->done, OPINIONS, c->user) != 0)
        a->status = dp_fail(a->diag, DIPPER_ERROR_CANCELLED, "the verdict was asked to stop");
}

static void ask_from(asking *a, int first) {
    const int threads = a->c->be->threads;
    dp_backend alone = *a->c->be;
    alone.threads = 1;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads < OPINIONS - first ? threads : OPINIONS - first)
    for (int i = first; i < OPINIONS; i++) {
        dp_diag own = {0};
        bool over;
#pragma omp critical(dp_opinions)
        over = a->status != DIPPER_OK;
        if (over) continue;
        const dipper_status status = ask_for(a, &alone, i, &own);
#pragma omp critical(dp_opinions)
        finish(a, status, &own, omp_get_thread_num() == 0);
    }
}

/* With a deadline the first alone, which tells what the others will take; *enough: there is no time for them. */
static void ask_in_time(asking *a, bool *enough) {
    static const double FIRST = 3, REST = 5.2; /* seconds of the first, a guess; all others, of the first's */
    const dp_case *c = a->c;
    const int at_once = smaller(c->be->threads, OPINIONS - 1);
    const double begun = dp_seconds();
    dp_diag own = {0};
    *enough = begun + FIRST >= c->deadline;
    if (*enough) return;
    const dipper_status status = ask_for(a, c->be, 0, &own);
    finish(a, status, &own, true);
    const double now = dp_seconds();
    *enough = now + REST / at_once * (now - begun) >= c->deadline;
    if (!*enough && a->status == DIPPER_OK) ask_from(a, 1);
}

dipper_status dp_opinions_ask(const dp_case *c, int side, dp_diag *diag, dp_opinions *out) {
    const dp_region all = {.width = c->blurred->width, .height = c->blurred->height};
    dp_image whole = {0};
    bool enough = false;
    *out = (dp_opinions){0};
    DP_TRY(take_window(c, &all, larger(WHOLE, 4 * side), side, diag, &whole));
    asking a = {.c = c, .side = side, .whole = &whole, .out = out, .diag = diag, .status = create(side, diag, out)};
    if (a.status == DIPPER_OK && c->deadline > 0)
        ask_in_time(&a, &enough);
    else if (a.status == DIPPER_OK)
        ask_from(&a, 0);
    dp_image_free(&whole);
    if (a.status != DIPPER_OK || enough) dp_opinions_free(out);
    return a.status;
}
