#include "deconv/soften_fft.h"

#include <math.h>

#include "base/memory.h"
#include "deconv/kernel_fft.h"
#include "image/blur.h"
#include "image/image.h"
#include "image/psf.h"

enum { REACH = 3, SIDE = 2 * REACH + 1 };

static void fill_gaussian(double sigma, float *psf) {
    for (int i = 0; i < SIDE * SIDE; i++) {
        const int y = i / SIDE - REACH, x = i % SIDE - REACH;
        psf[i] = (float)exp(-(x * x + y * y) / (2 * sigma * sigma));
    }
    (void)dp_psf_normalise(psf, SIDE, SIDE);
}

/* Everything that is needed beside the kernel step. */
typedef struct room {
    float *padded, *soft, *scratch;
    int *islands;
} room;

static void leave(room *r) {
    dp_free(r->padded);
    dp_free(r->soft);
    dp_free(r->scratch);
    dp_free(r->islands);
}

static dipper_status enter(room *r, const dp_estimate *job, dp_diag *diag) {
    const size_t h = (size_t)job->h, w = (size_t)job->w, m = (size_t)job->kh * (size_t)job->kw;
    r->padded = dp_alloc((h + 2 * REACH) * (w + 2 * REACH), sizeof(float));
    r->soft = dp_alloc(h * w, sizeof(float));
    r->scratch = dp_alloc(m, sizeof(float));
    r->islands = dp_alloc(m, sizeof(int));
    if (r->padded && r->soft && r->scratch && r->islands) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to refine a PSF of %d x %d px", job->kw, job->kh);
}

dipper_status dp_soften(const dp_estimate *job, const float *latent, double sigma, dp_diag *diag, float *psf) {
    room r = {0};
    float gaussian[SIDE * SIDE];
    int dy, dx;
    fill_gaussian(sigma, gaussian);
    dipper_status status = enter(&r, job, diag);
    if (status == DIPPER_OK) {
        dp_plane_pad(latent, job->h, job->w, REACH, REACH, REACH, REACH, DP_BORDER_REPLICATE, r.padded);
        dp_plane_blur(r.padded, job->h + 2 * REACH, job->w + 2 * REACH, gaussian, SIDE, SIDE,
                      dp_estimate_threads(job, &(dp_scale){.h = job->h, .w = job->w}), r.soft);
        status = dp_kernel_refit(job, r.soft, psf, diag);
    }
    if (status == DIPPER_OK) {
        (void)dp_psf_cut(psf, job->kh, job->kw, job->estimator->cut, job->estimator->island, r.islands);
        dp_psf_centre(psf, job->kh, job->kw, DP_PSF_ZERO, r.scratch, &dy, &dx);
        (void)dp_psf_normalise(psf, job->kh, job->kw);
    }
    leave(&r);
    return status;
}
