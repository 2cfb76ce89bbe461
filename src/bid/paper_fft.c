#include "bid/paper_fft.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bid/refit_fft.h"
#include "deconv/nonblind.h"
#include "image/psf.h"
#include "metric/quality.h"

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
} room;

static dipper_status restore(const dp_paper *job, room *r, dp_diag *diag) {
    dp_nonblind step = dp_nonblind_defaults(dp_method_find("hyperlaplacian"), job->be, job->noise_sigma);
    step.psf = r->psf;
    step.kh = step.kw = r->side;
    step.weight = dp_paper_weight(job->noise_sigma);
    step.saturation = WHITE;
    step.box = true;
    step.iterations = ITERATIONS;
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

/* Root mean square of what the restored plane leaves unexplained. */
static dipper_status measure(const dp_paper *job, const room *r, double *unexplained, dp_diag *diag) {
    dp_image residual = {0};
    DP_TRY(dp_residual(&r->restored, job->plane, r->psf, r->side, r->side, job->be->threads, diag, &residual));
    *unexplained = dp_rms(&residual);
    dp_image_free(&residual);
    return DIPPER_OK;
}

/* A little more may stay unexplained, as the first PSF was made to explain it and the refined one is bound by white. */
static const double MORE = 1.05;

static dipper_status refine(const dp_paper *job, room *r, bool *refined, dp_diag *diag) {
    double before, after;
    int dy, dx;
    bool enough = false;
    DP_TRY(restore(job, r, diag));
    DP_TRY(measure(job, r, &before, diag));
    for (int i = 0; i < ROUNDS && !enough; i++) {
        const double begun = dp_seconds();
        snap(&r->restored, SNAP_FIRST + (SNAP_LAST - SNAP_FIRST) * (float)i / (ROUNDS - 1));
        DP_TRY(dp_refit(job->be, job->plane, &r->restored, r->side, r->psf, diag));
        DP_TRY(restore(job, r, diag));
        enough = job->goes_on != NULL && !job->goes_on(dp_seconds() - begun, job->user);
    }
    DP_TRY(measure(job, r, &after, diag));
    *refined = after < MORE * before;
    dp_psf_centre(r->psf, r->side, r->side, DP_PSF_ZERO, r->scratch, &dy, &dx);
    (void)dp_psf_normalise(r->psf, r->side, r->side);
    return DIPPER_OK;
}

dipper_status dp_paper_refine(const dp_paper *job, float *psf, bool *refined, dp_diag *diag) {
    enum { ROOM = 2 };
    const int side = job->window + 2 * ROOM < job->side ? job->window + 2 * ROOM : job->side;
    const size_t n = (size_t)side * (size_t)side;
    room r = {.side = side, .psf = dp_alloc(n, sizeof *r.psf), .scratch = dp_alloc(n, sizeof *r.scratch)};
    dipper_status status = dp_image_copy(job->plane, diag, &r.restored);
    *refined = false;
    if (r.psf == NULL || r.scratch == NULL)
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
    return status;
}
