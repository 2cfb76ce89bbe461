#include "deconv/latent_fft.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

dipper_status dp_latent_create(const dp_estimate *job, const dp_scale *scale, dp_diag *diag, dp_latent **out) {
    const dp_nonblind like = {.be = job->be, .psf = scale->psf, .kh = scale->kh, .kw = scale->kw};
    dp_latent *s = *out = dp_alloc(1, sizeof *s);
    dipper_status status = DIPPER_ERROR_MEMORY;
    if (s == NULL) goto fail;
    status = dp_grid_create(&like, scale->h, scale->w, diag, &s->grid);
    if (status != DIPPER_OK) goto fail;
    const dp_fft *f = s->grid->fft;
    s->d = dp_grid_plane(s->grid);
    s->x = dp_grid_plane(s->grid);
    s->tx = dp_grid_plane(s->grid);
    s->ty = dp_grid_plane(s->grid);
    s->data = dp_alloc(f->size, sizeof *s->data);
    s->dy = dp_alloc((size_t)f->rows, sizeof *s->dy);
    s->dx = dp_alloc(f->stride, sizeof *s->dx);
    status = DIPPER_ERROR_MEMORY;
    if (s->d == NULL || s->x == NULL || s->tx == NULL || s->ty == NULL || s->data == NULL || s->dy == NULL ||
        s->dx == NULL)
        goto fail;
    for (int u = 0; u < f->rows; u++) s->dy[u] = (float)dp_grid_difference(u, f->rows);
    for (size_t v = 0; v < f->stride; v++) s->dx[v] = (float)dp_grid_difference((int)v, f->columns);
    return DIPPER_OK;
fail:
    dp_latent_destroy(out);
    return dp_fail(diag, status, "no memory for a latent picture of %d x %d pixels", scale->w, scale->h);
}

void dp_latent_destroy(dp_latent **latent) {
    if (latent == NULL || *latent == NULL) return;
    dp_grid_destroy(&(*latent)->grid);
    dp_free((*latent)->d);
    dp_free((*latent)->x);
    dp_free((*latent)->tx);
    dp_free((*latent)->ty);
    dp_free((*latent)->data);
    dp_free((*latent)->dy);
    dp_free((*latent)->dx);
    dp_free(*latent);
    *latent = NULL;
}

/* t = forward differences of x, 0 where their energy is below `least`: the best t for a given x. */
static void wanted_differences(const dp_latent *s, float least) {
    const dp_grid *g = s->grid;
    const size_t width = (size_t)g->n1;
#pragma omp parallel for schedule(static) num_threads(g->threads)
    for (int i = 0; i < g->n0; i++) {
        const float *row = s->x + (size_t)i * width, *next = s->x + (size_t)(i + 1 < g->n0 ? i + 1 : 0) * width;
        float *tx = s->tx + (size_t)i * width, *ty = s->ty + (size_t)i * width;
        for (size_t j = 0; j < width; j++) {
            const float a = (j + 1 < width ? row[j + 1] : row[0]) - row[j], b = next[j] - row[j];
            const bool keep = a * a + b * b >= least;
            tx[j] = keep ? a : 0;
            ty[j] = keep ? b : 0;
        }
    }
}

/* x = beta L't, the right side's second part. */
static void gather_differences(const dp_latent *s, float beta) {
    const dp_grid *g = s->grid;
    const size_t width = (size_t)g->n1;
#pragma omp parallel for schedule(static) num_threads(g->threads)
    for (int i = 0; i < g->n0; i++) {
        const size_t at = (size_t)i * width, above = (size_t)(i > 0 ? i - 1 : g->n0 - 1) * width;
        const float *tx = s->tx + at, *ty = s->ty + at, *up = s->ty + above;
        float *x = s->x + at, left = tx[width - 1];
        for (size_t j = 0; j < width; j++) {
            x[j] = beta * (left - tx[j] + up[j] - ty[j]);
            left = tx[j];
        }
    }
}

/* One group of columns: work = spectrum of x's right side becomes (conj(K) D + work) / (|K|^2 + beta |L|^2). */
static void solve_group(const dp_latent *s, size_t group, float beta) {
    const dp_grid *g = s->grid;
    const dp_fft *f = g->fft;
    dp_fft_columns_forward(f, g->work + group);
    for (int r = 0; r < f->rows; r++) {
        const size_t at = (size_t)r * f->stride + group;
        float *w = (float *)(g->work + at);
        const float *k = (const float *)(g->psf + at), *d = (const float *)(s->data + at);
        for (int i = 0; i < DP_FFT_COLUMNS; i++) {
            const float kr = k[2 * i], ki = k[2 * i + 1], dr = d[2 * i], di = d[2 * i + 1];
            const float below = kr * kr + ki * ki + beta * (s->dy[r] + s->dx[group + (size_t)i]);
            w[2 * i] = (kr * dr + ki * di + w[2 * i]) / below;
            w[2 * i + 1] = (kr * di - ki * dr + w[2 * i + 1]) / below;
        }
    }
    dp_fft_columns_backward(f, g->work + group);
}

static void solve(const dp_latent *s, float beta) {
    const dp_grid *g = s->grid;
    const dp_fft *f = g->fft;
    const float scale = 1.0F / (float)g->count;
    const size_t width = (size_t)g->n1;
    gather_differences(s, beta);
#pragma omp parallel num_threads(g->threads)
    {
#pragma omp for schedule(static)
        for (int i = 0; i < g->n0; i++)
            dp_fft_row_forward(f, s->x + (size_t)i * width, g->work + (size_t)i * f->stride);
#pragma omp for schedule(static)
        for (int group = 0; group < f->groups; group++) solve_group(s, (size_t)group * DP_FFT_COLUMNS, beta);
#pragma omp for schedule(static)
        for (int i = 0; i < g->n0; i++) {
            float *row = s->x + (size_t)i * width;
            dp_fft_row_backward(f, g->work + (size_t)i * f->stride, row);
            for (size_t j = 0; j < width; j++) row[j] *= scale;
        }
    }
}

dipper_status dp_latent_run(dp_latent *s, dp_scale *scale, double weight, dp_diag *diag) {
    dp_grid *g = s->grid;
    DP_TRY(dp_grid_set_psf(g, scale->psf, diag));
    dp_grid_place(g, scale->blurred, s->d);
    dp_fft_forward(g->fft, s->d, s->data);
    memcpy(s->x, s->d, g->count * sizeof *s->x);
    for (double beta = 2 * weight; beta < 1e5; beta *= 2) {
        wanted_differences(s, (float)(weight / beta));
        solve(s, (float)beta);
    }
    dp_grid_crop(g, s->x, scale->latent);
    return DIPPER_OK;
}
