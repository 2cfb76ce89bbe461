/* MAP with the normalised sparsity of the gradients (Krishnan, Tay and Fergus 2011): gradients g of the latent picture,
 * both directions, that minimise
 *     |k (*) g - grad d|^2/2 + weight rms(grad d)^2 sqrt(n) |g|_1/|g|_2,
 * n their number, and the PSF, in turn; rms makes the weight the same for pictures of any contrast and for all scales.
 * With |g|_2 held fixed it is a lasso, by iterative shrinkage (their algorithm
 * 2). g goes on beyond the border, where there are no data. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "deconv/kernel_fft.h"
#include "deconv/latent_fft.h"

enum { WEIGHT, ITERATIONS, DECAY, RIDGE }; /* settings */
enum { STEPS = 8 };                        /* of shrinkage per iteration, each with |g|_2 taken anew */

typedef struct l1l2 {
    dp_latent *latent; /* g lies in its tx, ty */
    dp_kernel *kernel;
    float *dx, *dy; /* (h, w): gradients of the blurred picture */
    float *gx, *gy; /* (h, w): g within the picture */
    float *miss;    /* (n0, n1) */
} l1l2;

static void unmake(l1l2 *s) {
    dp_latent_destroy(&s->latent);
    dp_kernel_destroy(&s->kernel);
    float *const owned[] = {s->dx, s->dy, s->gx, s->gy, s->miss};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) dp_free(owned[i]);
}

static dipper_status make(l1l2 *s, const dp_estimate *job, const dp_scale *scale, dp_diag *diag) {
    const size_t n = (size_t)scale->h * (size_t)scale->w;
    DP_TRY(dp_latent_create(job, scale, false, diag, &s->latent));
    DP_TRY(dp_kernel_create(job, scale, diag, &s->kernel));
    s->dx = dp_alloc(n, sizeof(float));
    s->dy = dp_alloc(n, sizeof(float));
    s->gx = dp_alloc(n, sizeof(float));
    s->gy = dp_alloc(n, sizeof(float));
    s->miss = dp_grid_plane(s->latent->grid);
    if (s->dx != NULL && s->dy != NULL && s->gx != NULL && s->gy != NULL && s->miss != NULL) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for the gradients of %d x %d pixels", scale->w, scale->h);
}

/* g of the picture (h, w) into the larger plane. */
static void place(const dp_grid *g, const float *plane, float *out) {
    for (int y = 0; y < g->h; y++)
        memcpy(out + (size_t)(y + g->top) * (size_t)g->n1 + g->left, plane + (size_t)y * (size_t)g->w,
               (size_t)g->w * sizeof *plane);
}

static double sum_of_squares(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
    return sum;
}

/* One step for one direction: g = shrink(g - K'm(Kg - d), least); m is 1 where differences of the picture are known,
 * its first `rows` and `columns`. The step 1 is short enough, as the PSF's sum is 1. */
static void shrink(const l1l2 *s, float *t, const float *d, int rows, int columns, float least) {
    const dp_grid *g = s->latent->grid;
    dp_grid_blur(g, t, false, s->miss);
    for (int y = 0; y < g->n0; y++) {
        float *row = s->miss + (size_t)y * (size_t)g->n1;
        const int from = y - g->top;
        const bool inside = from >= 0 && from < rows;
        for (int x = 0; x < g->n1; x++) {
            const int at = x - g->left;
            row[x] = inside && at >= 0 && at < columns ? row[x] - d[(size_t)from * (size_t)g->w + (size_t)at] : 0;
        }
    }
    dp_grid_blur(g, s->miss, true, s->miss);
    for (size_t i = 0; i < g->count; i++) {
        const float v = t[i] - s->miss[i];
        t[i] = v > least ? v - least : v < -least ? v + least : 0;
    }
}

static dipper_status iterate(l1l2 *s, const dp_estimate *job, dp_scale *scale, double weight, dp_diag *diag) {
    dp_grid *g = s->latent->grid;
    float *tx = s->latent->tx, *ty = s->latent->ty;
    DP_TRY(dp_grid_set_psf(g, scale->psf, diag));
    for (int n = 0; n < STEPS; n++) {
        static const double tiny = 1e-12; /* no gradient is left: the next steps bring them back */
        const double least = weight * sqrt(2.0 * (double)g->count) /
                             fmax(sqrt(sum_of_squares(tx, g->count) + sum_of_squares(ty, g->count)), tiny);
        shrink(s, tx, s->dx, scale->h, scale->w - 1, (float)least);
        shrink(s, ty, s->dy, scale->h - 1, scale->w, (float)least);
    }
    dp_grid_crop(g, tx, s->gx);
    dp_grid_crop(g, ty, s->gy);
    return dp_kernel_run(s->kernel, s->gx, s->gy, job->setting[RIDGE], scale->psf, diag);
}

static dipper_status run(l1l2 *s, const dp_estimate *job, dp_scale *scale, dp_diag *diag) {
    const dp_grid *g = s->latent->grid;
    const int iterations = (int)job->setting[ITERATIONS];
    double weight = job->setting[WEIGHT];
    dp_differences(scale->blurred, scale->h, scale->w, s->dx, s->dy);
    dp_differences(scale->latent, scale->h, scale->w, s->gx, s->gy);
    const size_t n0 = (size_t)scale->h * (size_t)scale->w;
    const double energy = sum_of_squares(s->dx, n0) + sum_of_squares(s->dy, n0);
    weight *= energy / (2.0 * (double)n0);
    place(g, s->gx, s->latent->tx);
    place(g, s->gy, s->latent->ty);
    for (int n = 0; n < iterations; n++) {
        DP_TRY(iterate(s, job, scale, weight * pow(job->setting[DECAY], n), diag));
        DP_TRY(dp_estimate_report(job, scale, (n + 1.0) / iterations, diag));
    }
    return dp_latent_rebuild(s->latent, scale, 1, diag);
}

dipper_status dp_l1l2_run(const dp_estimate *job, dp_scale *scale, dp_diag *diag) {
    l1l2 s = {0};
    dipper_status status = make(&s, job, scale, diag);
    if (status == DIPPER_OK) status = run(&s, job, scale, diag);
    unmake(&s);
    return status;
}
