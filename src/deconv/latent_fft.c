#include "deconv/latent_fft.h"

#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "base/memory.h"
#include "image/extreme.h"

static bool allocate(dp_latent *s, bool channels) {
    const dp_grid *g = s->grid;
    const dp_fft *f = g->fft;
    s->d = dp_grid_plane(g);
    s->x = dp_grid_plane(g);
    s->tx = dp_grid_plane(g);
    s->ty = dp_grid_plane(g);
    s->data = dp_alloc(f->size, sizeof *s->data);
    s->dy = dp_alloc((size_t)f->rows, sizeof *s->dy);
    s->dx = dp_alloc(f->stride, sizeof *s->dx);
    if (s->d == NULL || s->x == NULL || s->tx == NULL || s->ty == NULL || s->data == NULL || s->dy == NULL ||
        s->dx == NULL)
        return false;
    if (!channels) return true;
    s->u = dp_grid_plane(g);
    s->value = dp_grid_plane(g);
    s->index = dp_alloc(g->count, sizeof *s->index);
    s->scratch = dp_alloc(dp_extreme_scratch(g->n0, g->n1), sizeof *s->scratch);
    return s->u != NULL && s->value != NULL && s->index != NULL && s->scratch != NULL;
}

dipper_status dp_latent_create(const dp_estimate *job, const dp_scale *scale, bool channels, dp_diag *diag,
                               dp_latent **out) {
    const dp_nonblind like = {.be = job->be, .psf = scale->psf, .kh = scale->kh, .kw = scale->kw};
    dp_latent *s = *out = dp_alloc(1, sizeof *s);
    dipper_status status = DIPPER_ERROR_MEMORY;
    if (s == NULL) goto fail;
    status = dp_grid_create(&like, scale->h, scale->w, diag, &s->grid);
    if (status != DIPPER_OK) goto fail;
    s->grid->threads = s->grid->fft->threads = dp_estimate_threads(job, scale);
    status = DIPPER_ERROR_MEMORY;
    if (!allocate(s, channels)) goto fail;
    const dp_fft *f = s->grid->fft;
    for (int u = 0; u < f->rows; u++) s->dy[u] = (float)dp_grid_difference(u, f->rows);
    for (size_t v = 0; v < f->stride; v++) s->dx[v] = (float)dp_grid_difference((int)v, f->columns);
    return DIPPER_OK;
fail:
    dp_latent_destroy(out);
    return dp_fail(diag, status, "no memory for a latent picture of %d x %d pixels", scale->w, scale->h);
}

void dp_latent_destroy(dp_latent **latent) {
    if (latent == NULL || *latent == NULL) return;
    dp_latent *s = *latent;
    void *const owned[] = {s->d, s->x, s->tx, s->ty, s->u, s->value, s->index, s->scratch, s->data, s->dy, s->dx};
    dp_grid_destroy(&s->grid);
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) dp_free(owned[i]);
    dp_free(s);
    *latent = NULL;
}

static inline void keep_large(float a, float b, float least, float *tx, float *ty) {
    const bool keep = a * a + b * b >= least;
    *tx = keep ? a : 0;
    *ty = keep ? b : 0;
}

DP_CLONES static void differences_of_row(const float *row, const float *next, size_t width, float least, float *tx,
                                         float *ty) {
    const size_t last = width - 1;
    for (size_t j = 0; j < last; j++) keep_large(row[j + 1] - row[j], next[j] - row[j], least, &tx[j], &ty[j]);
    keep_large(row[0] - row[last], next[last] - row[last], least, &tx[last], &ty[last]);
}

/* t = forward differences of x, 0 where their energy is below `least`: the best t for a given x. */
static void wanted_differences(const dp_latent *s, float least) {
    const dp_grid *g = s->grid;
    const size_t width = (size_t)g->n1;
#pragma omp parallel for schedule(static) num_threads(g->threads)
    for (int i = 0; i < g->n0; i++) {
        const size_t at = (size_t)i * width, below = (size_t)(i + 1 < g->n0 ? i + 1 : 0) * width;
        differences_of_row(s->x + at, s->x + below, width, least, s->tx + at, s->ty + at);
    }
}

DP_CLONES static void gather_row(const float *tx, const float *ty, const float *up, size_t width, float beta,
                                 float *x) {
    x[0] = beta * (tx[width - 1] - tx[0] + up[0] - ty[0]);
    for (size_t j = 1; j < width; j++) x[j] = beta * (tx[j - 1] - tx[j] + up[j] - ty[j]);
}

/* x = beta L't, the right side's second part. */
static void gather_differences(const dp_latent *s, float beta) {
    const dp_grid *g = s->grid;
    const size_t width = (size_t)g->n1;
#pragma omp parallel for schedule(static) num_threads(g->threads)
    for (int i = 0; i < g->n0; i++) {
        const size_t at = (size_t)i * width, above = (size_t)(i > 0 ? i - 1 : g->n0 - 1) * width;
        gather_row(s->tx + at, s->ty + at, s->ty + above, width, beta, s->x + at);
    }
}

DP_CLONES static void divide_group(const dp_latent *s, size_t group, float beta, float mu) {
    const dp_grid *g = s->grid;
    const dp_fft *f = g->fft;
    for (int r = 0; r < f->rows; r++) {
        const size_t at = (size_t)r * f->stride + group;
        float *w = (float *)(g->work + at);
        const float *k = (const float *)(g->psf + at), *d = (const float *)(s->data + at);
        for (int i = 0; i < DP_FFT_COLUMNS; i++) {
            const float kr = k[2 * i], ki = k[2 * i + 1], dr = d[2 * i], di = d[2 * i + 1];
            const float below = kr * kr + ki * ki + beta * (s->dy[r] + s->dx[group + (size_t)i]) + mu;
            w[2 * i] = (kr * dr + ki * di + w[2 * i]) / below;
            w[2 * i + 1] = (kr * di - ki * dr + w[2 * i + 1]) / below;
        }
    }
}

/* One group of columns: work = spectrum of x's right side becomes (conj(K) D + work) / (|K|^2 + beta |L|^2 + mu). */
static void solve_group(const dp_latent *s, size_t group, float beta, float mu) {
    const dp_grid *g = s->grid;
    const dp_fft *f = g->fft;
    dp_fft_columns_forward(f, g->work + group);
    divide_group(s, group, beta, mu);
    dp_fft_columns_backward(f, g->work + group);
}

static void solve(const dp_latent *s, float beta, float mu) {
    const dp_grid *g = s->grid;
    const dp_fft *f = g->fft;
    const float scale = 1.0F / (float)g->count;
    const size_t width = (size_t)g->n1;
    gather_differences(s, beta);
    for (size_t i = 0; mu > 0 && i < g->count; i++) s->x[i] += mu * s->u[i];
#pragma omp parallel num_threads(g->threads)
    {
#pragma omp for schedule(static)
        for (int i = 0; i < g->n0; i++)
            dp_fft_row_forward(f, s->x + (size_t)i * width, g->work + (size_t)i * f->stride);
#pragma omp for schedule(static)
        for (int group = 0; group < f->groups; group++) solve_group(s, (size_t)group * DP_FFT_COLUMNS, beta, mu);
#pragma omp for schedule(static)
        for (int i = 0; i < g->n0; i++) {
            float *row = s->x + (size_t)i * width;
            dp_fft_row_backward(f, g->work + (size_t)i * f->stride, row);
            for (size_t j = 0; j < width; j++) row[j] *= scale;
        }
    }
}

/* ---- Dark and bright channel ---- */

/* u = x but where a window's extreme lies near enough to `to` that it is worth to be there. */
static void wanted_extremes(const dp_latent *s, bool bright, float to, float least, int radius) {
    const dp_grid *g = s->grid;
    if (!(least > 0)) return;
    dp_plane_extreme(s->x, g->n0, g->n1, radius, bright, s->value, s->index, s->scratch);
    for (size_t i = 0; i < g->count; i++) {
        const float away = s->value[i] - to;
        if (away * away < least) s->u[s->index[i]] = to;
    }
}

/* mu, the weight of u, grows with beta; beyond `firm` it would forbid x to be anything else. */
static double wanted_values(const dp_latent *s, const dp_latent_prior *prior, double beta) {
    const double firm = 8, first = 2 * fmax(prior->dark, prior->bright);
    if (s->u == NULL || !(first > 0)) return 0;
    const double mu = fmin(first * beta / (2 * prior->weight), firm);
    memcpy(s->u, s->x, s->grid->count * sizeof *s->u);
    wanted_extremes(s, false, 0, (float)(prior->dark / mu), prior->radius);
    wanted_extremes(s, true, 1, (float)(prior->bright / mu), prior->radius);
    return mu;
}

/* ---- The run ---- */

static dipper_status take(dp_latent *s, const dp_scale *scale, dp_diag *diag) {
    DP_TRY(dp_grid_set_psf(s->grid, scale->psf, diag));
    dp_grid_place(s->grid, scale->blurred, s->d);
    dp_fft_forward(s->grid->fft, s->d, s->data);
    return DIPPER_OK;
}

void dp_latent_step(dp_latent *s, const dp_latent_prior *prior, double beta) {
    const double mu = wanted_values(s, prior, beta);
    wanted_differences(s, (float)(prior->weight / beta));
    solve(s, (float)beta, (float)mu);
}

dipper_status dp_latent_run(dp_latent *s, dp_scale *scale, const dp_latent_prior *prior, dp_diag *diag) {
    DP_TRY(take(s, scale, diag));
    memcpy(s->x, s->d, s->grid->count * sizeof *s->x);
    for (double beta = 2 * prior->weight; beta < 1e5; beta *= 2) dp_latent_step(s, prior, beta);
    dp_grid_crop(s->grid, s->x, scale->latent);
    return DIPPER_OK;
}

dipper_status dp_latent_rebuild(dp_latent *s, dp_scale *scale, double beta, dp_diag *diag) {
    DP_TRY(take(s, scale, diag));
    solve(s, (float)beta, 0);
    dp_grid_crop(s->grid, s->x, scale->latent);
    return DIPPER_OK;
}
