/* Second opinions: the PSF by other methods from the blurred picture alone, and from its four parts. */
#include <math.h>
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
static dipper_status ask(const dp_case *c, const char *method, const dp_image *window, int side, dp_diag *diag,
                         float *psf) {
    const dp_estimator *estimator = dp_estimator_find(method);
    dp_diag own = {0};
    if (estimator->run == NULL || window->width < 2 * side || window->height < 2 * side) return DIPPER_OK;
    if (dp_image_is_constant(window)) return DIPPER_OK;
    dp_estimate job = dp_estimate_defaults(estimator);
    job.be = c->be;
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

static dipper_status step(const dp_case *c, int done, dp_diag *diag) {
    if (c->progress == NULL || c->progress(done, OPINIONS, c->user) == 0) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_CANCELLED, "the verdict was asked to stop");
}

/* Before the first one, which took: 0, it is a guess; the others together take at most REST times as long. */
static bool there_is_time(const dp_case *c, double took) {
    static const double FIRST = 3, REST = 5.2;
    return !(c->deadline > 0) || dp_seconds() + (took > 0 ? REST * took : FIRST) < c->deadline;
}

/* *enough: there is no time for the others. */
static dipper_status ask_whole(const dp_case *c, int side, dp_diag *diag, dp_opinions *o, bool *enough) {
    const dp_region all = {.width = c->blurred->width, .height = c->blurred->height};
    const double begun = dp_seconds();
    dp_image window = {0};
    DP_TRY(take_window(c, &all, larger(WHOLE, 4 * side), side, diag, &window));
    dipper_status status = ask(c, "map-l0", &window, side, diag, o->map);
    if (status == DIPPER_OK) status = step(c, 1, diag);
    *enough = !there_is_time(c, dp_seconds() - begun);
    if (status == DIPPER_OK && !*enough) status = ask(c, "vb", &window, side, diag, o->vb);
    if (status == DIPPER_OK && !*enough) status = step(c, 2, diag);
    dp_image_free(&window);
    return status;
}

/* Quarters of the picture, a little larger than that where they are small. */
static dipper_status ask_part(const dp_case *c, int number, int side, dp_diag *diag, float *psf) {
    const int w = c->blurred->width, h = c->blurred->height;
    const int wide = smaller(w, larger(w / 2, smaller(w * 5 / 8, 4 * side)));
    const int high = smaller(h, larger(h / 2, smaller(h * 5 / 8, 4 * side)));
    const dp_region box = {
        .x = number % 2 ? w - wide : 0, .y = number / 2 ? h - high : 0, .width = wide, .height = high};
    dp_image window = {0};
    DP_TRY(take_window(c, &box, larger(PART, 3 * side), side, diag, &window));
    const dipper_status status = ask(c, "map-l0", &window, side, diag, psf);
    dp_image_free(&window);
    return status;
}

dipper_status dp_opinions_ask(const dp_case *c, int side, dp_diag *diag, dp_opinions *out) {
    bool enough = !there_is_time(c, 0);
    *out = (dp_opinions){0};
    if (enough) return DIPPER_OK;
    DP_TRY(create(side, diag, out));
    dipper_status status = ask_whole(c, side, diag, out, &enough);
    for (int i = 0; i < 4 && status == DIPPER_OK && !enough; i++) {
        status = ask_part(c, i, side, diag, out->part[i]);
        if (status == DIPPER_OK) status = step(c, i + 3, diag);
    }
    if (status != DIPPER_OK || enough) dp_opinions_free(out);
    return status;
}
