#include "bid/paper_fft.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bid/rank_fft.h"
#include "deconv/kernel_fft.h"
#include "deconv/nonblind.h"
#include "image/psf.h"

/* ---- Is it paper? ---- */

static const float WHITE = 0.99F, BRIGHT = 0.6F;
static const double WHITE_SHARE = 0.08, BRIGHT_SHARE = 0.5;

bool dp_is_paper(const dp_image *plane) {
    const size_t n = dp_image_plane_count(plane);
    size_t white = 0, bright = 0;
    for (size_t i = 0; i < n; i++) {
        white += plane->data[i] >= WHITE;
        bright += plane->data[i] >= BRIGHT;
    }
    return (double)white >= WHITE_SHARE * (double)n && (double)bright >= BRIGHT_SHARE * (double)n;
}

/* ---- Restoring ---- */

static const double WEAKER = 0.125; /* than the rule for photographs */

double dp_paper_weight(double noise_sigma) {
    return WEAKER * dp_method_find("hyperlaplacian")->weight(noise_sigma);
}

enum { ROUNDS = 15, ITERATIONS = 60 };
static const float SNAP_FIRST = 0.3F, SNAP_LAST = 0.1F; /* nearer to white than that is white */

typedef struct room {
    dp_image restored;
    int side;             /* of the window with some room around it */
    float *psf, *scratch; /* (side, side) */
    int *islands;
} room;

static dipper_status restore(const dp_paper *job, room *r, dp_diag *diag) {
    dp_nonblind step = {.method = dp_method_find("hyperlaplacian"),
                        .be = job->be,
                        .psf = r->psf,
                        .kh = r->side,
                        .kw = r->side,
                        .weight = dp_paper_weight(job->noise_sigma),
                        .noise_sigma = job->noise_sigma,
                        .saturation = WHITE,
                        .box = true,
                        .iterations = ITERATIONS,
                        .channels = 1};
    step.exponent = step.method->exponent;
    step.edges = step.method->default_edges;
    memcpy(r->restored.data, job->plane->data, dp_image_plane_count(job->plane) * sizeof(float));
    return step.method->run(&step, &r->restored, diag);
}

static void snap(dp_image *image, float near) {
    for (size_t i = 0; i < dp_image_plane_count(image); i++) {
        float *x = &image->data[i];
        *x = *x > 1 - near ? 1 : *x < 0 ? 0 : *x;
    }
}

/* ---- Refining ---- */

static dipper_status refit(const dp_paper *job, float near, room *r, dp_diag *diag) {
    dp_estimate e = dp_estimate_defaults(dp_estimator_find("map-l0"));
    e.be = job->be;
    e.blurred = job->plane->data;
    e.h = job->plane->height;
    e.w = job->plane->width;
    e.kh = e.kw = r->side;
    e.noise_sigma = job->noise_sigma;
    snap(&r->restored, near);
    DP_TRY(dp_kernel_refit(&e, r->restored.data, r->psf, diag));
    (void)dp_psf_cut(r->psf, r->side, r->side, e.estimator->cut, e.estimator->island, r->islands);
    return DIPPER_OK;
}

static dipper_status measure(const dp_paper *job, room *r, double *unexplained, dp_diag *diag) {
    dp_rank rank;
    DP_TRY(restore(job, r, diag));
    DP_TRY(dp_rank_measure(&r->restored, job->plane, r->psf, r->side, r->side, job->be->threads, diag, &rank));
    *unexplained = rank.log_rms;
    return DIPPER_OK;
}

/* A little more may stay unexplained, as the first PSF was made to explain it and the refined one is bound by white. */
static const double MORE = 0.05; /* of the logarithm */

static dipper_status refine(const dp_paper *job, room *r, bool *refined, dp_diag *diag) {
    double before, now;
    int dy, dx;
    bool enough = false;
    DP_TRY(measure(job, r, &before, diag));
    for (int i = 0; i < ROUNDS && !enough; i++) {
        const double begun = dp_seconds();
        DP_TRY(refit(job, SNAP_FIRST + (SNAP_LAST - SNAP_FIRST) * (float)i / (ROUNDS - 1), r, diag));
        DP_TRY(measure(job, r, &now, diag));
        enough = job->goes_on != NULL && !job->goes_on(dp_seconds() - begun, job->user);
    }
    *refined = now < before + MORE;
    dp_psf_centre(r->psf, r->side, r->side, DP_PSF_ZERO, r->scratch, &dy, &dx);
    (void)dp_psf_normalise(r->psf, r->side, r->side);
    return DIPPER_OK;
}

dipper_status dp_paper_refine(const dp_paper *job, float *psf, bool *refined, dp_diag *diag) {
    enum { ROOM = 2 };
    const int side = job->window + 2 * ROOM < job->side ? job->window + 2 * ROOM : job->side;
    const size_t n = (size_t)side * (size_t)side;
    room r = {.side = side,
              .psf = dp_alloc(n, sizeof *r.psf),
              .scratch = dp_alloc(n, sizeof *r.scratch),
              .islands = dp_alloc(n, sizeof *r.islands)};
    dipper_status status = dp_image_copy(job->plane, diag, &r.restored);
    *refined = false;
    if (r.psf == NULL || r.scratch == NULL || r.islands == NULL)
        status = dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to refine a PSF of %d x %d px", side, side);
    if (status == DIPPER_OK) {
        dp_psf_place(psf, job->side, r.psf, side);
        status = refine(job, &r, refined, diag);
    }
    if (*refined) dp_psf_place(r.psf, side, psf, job->side);
    if (status == DIPPER_ERROR_DIVERGED) status = DIPPER_OK; /* what was found stays */
    dp_image_free(&r.restored);
    dp_free(r.psf);
    dp_free(r.scratch);
    dp_free(r.islands);
    return status;
}
