/* Priors on the gradient by splitting:  sum (Kx - d)^2 + weight * P(Dx), D the first differences, periodic on the grid;
 *   total variation  P(v) = sum sqrt(vx^2 + vy^2)            (Rudin, Osher, Fatemi 1992)
 *   hyper-Laplacian  P(v) = sum |vx|^a + |vy|^a, a in (0, 2]  (Krishnan and Fergus 2009)
 * Alternating directions (ADMM) for v = Dx and, where only part of the grid is seen, u = Kx as well (Almeida and
 * Figueiredo 2013; Matakos et al. 2013), so that the data term ends at the border and each step is one division in the
 * Fourier domain, or a formula per pixel:
 *   x = (mu K'K + beta D'D)^-1 (mu K'(u - b) + beta D'(v - c))
 *   u = data term's minimum near Kx + b,  b += Kx - u;   v = shrink(Dx + c),  c += Dx - v
 * beta = weight / s^(2-a): s, the size of the differences that are cut, falls from coarse to fine (continuation), which
 * is what lets the non-convex case find good minima. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "deconv/grid_fft.h"
#include "deconv/shrink.h"

typedef struct split {
    dp_grid *grid;
    const dp_nonblind *job;
    bool masked; /* part of the grid is not seen, or only bounded: u is a variable */
    bool joint;  /* total variation */
    double exponent;
    dp_shrink *shrink;
    float *d, *x, *u, *b; /* (n0, n1); u: Kx, then u - b, the target */
    float *cx, *cy;       /* multipliers of v */
    float *tx, *ty;       /* v - c, the target */
    float complex *data;  /* spectrum of u - b (masked) or of d */
    float *dy, *dx;       /* (n0), (stride): shares of |D|^2 */
    float beta, mu;
    float scale; /* s */
} split;

static const float mu_masked = 1, mu_known = 2; /* 2: the data term itself, u = d */

static dipper_status make(split *s, const dp_nonblind *job, const dp_image *picture, dp_diag *diag) {
    DP_TRY(dp_grid_create(job, picture->height, picture->width, diag, &s->grid));
    const dp_fft *f = s->grid->fft;
    float **planes[] = {&s->d, &s->x, &s->u, &s->b, &s->cx, &s->cy, &s->tx, &s->ty};
    bool good = true;
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++)
        good = (*planes[i] = dp_grid_plane(s->grid)) != NULL && good;
    s->data = dp_alloc(f->size, sizeof *s->data);
    s->dy = dp_alloc((size_t)f->rows, sizeof *s->dy);
    s->dx = dp_alloc(f->stride, sizeof *s->dx);
    s->shrink = dp_alloc(1, sizeof *s->shrink);
    if (!good || s->data == NULL || s->dy == NULL || s->dx == NULL || s->shrink == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for a deconvolution of %d x %d pixels", picture->width,
                       picture->height);
    for (int u = 0; u < f->rows; u++) s->dy[u] = (float)dp_grid_difference(u, f->rows);
    for (size_t v = 0; v < f->stride; v++) s->dx[v] = (float)dp_grid_difference((int)v, f->columns);
    dp_shrink_init(s->shrink, s->exponent);
    return DIPPER_OK;
}

static void unmake(split *s) {
    float *planes[] = {s->d, s->x, s->u, s->b, s->cx, s->cy, s->tx, s->ty, s->dy, s->dx};
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++) dp_free(planes[i]);
    dp_free(s->data);
    dp_free(s->shrink);
    dp_grid_destroy(&s->grid);
}

/* ---- v and u ---- */

/* v = shrink(z), c = z - v, target = v - c, z = Dx + c; `grow` rescales c to the present beta. */
static void update_row(const split *s, int i, float grow) {
    const dp_grid *g = s->grid;
    const size_t at = (size_t)i * (size_t)g->n1;
    const float *x = s->x + at, *below = s->x + (size_t)(i + 1 < g->n0 ? i + 1 : 0) * (size_t)g->n1;
    float *cx = s->cx + at, *cy = s->cy + at, *tx = s->tx + at, *ty = s->ty + at;
    const float scale = s->scale, inverse = 1 / scale;
    for (int j = 0; j < g->n1; j++) {
        const float zx = x[j + 1 < g->n1 ? j + 1 : 0] - x[j] + grow * cx[j], zy = below[j] - x[j] + grow * cy[j];
        float vx, vy;
        if (s->joint) {
            const float size = sqrtf(zx * zx + zy * zy), keep = size > scale ? 1 - scale / size : 0;
            vx = keep * zx;
            vy = keep * zy;
        } else {
            vx = scale * dp_shrink_at(s->shrink, zx * inverse);
            vy = scale * dp_shrink_at(s->shrink, zy * inverse);
        }
        cx[j] = zx - vx;
        cy[j] = zy - vy;
        tx[j] = vx - cx[j];
        ty[j] = vy - cy[j];
    }
}

static void update_differences(const split *s, float grow) {
#pragma omp parallel for schedule(static) num_threads(s->grid->threads)
    for (int i = 0; i < s->grid->n0; i++) update_row(s, i, grow);
}

/* The data term's u near z, with (u - d)^2 where the pixel is seen, or only while u < d if it is saturated. */
static inline float seen(const split *s, float z, float d, float saturation) {
    if (d >= saturation && z >= d) return z;
    return (d + 0.5F * s->mu * z) / (1 + 0.5F * s->mu);
}

/* u holds Kx and becomes the target u - b. */
static void update_data(const split *s) {
    const dp_grid *g = s->grid;
    const float saturation = s->job->saturation > 0 ? s->job->saturation : INFINITY;
    const bool everywhere = s->job->edges != DP_EDGES_LATENT;
#pragma omp parallel for schedule(static) num_threads(g->threads)
    for (int i = 0; i < g->n0; i++) {
        const size_t at = (size_t)i * (size_t)g->n1;
        float *u = s->u + at, *b = s->b + at;
        const float *d = s->d + at;
        for (int j = 0; j < g->n1; j++) {
            const float z = u[j] + b[j];
            const bool inside = everywhere || (dp_grid_row_inside(g, i) && j >= g->left && j < g->left + g->w);
            const float value = inside ? seen(s, z, d[j], saturation) : z;
            b[j] = z - value;
            u[j] = value - b[j];
        }
    }
}

/* ---- x ---- */

/* x = D'(target), the right side's second part. */
static void gather_differences(const split *s) {
    const dp_grid *g = s->grid;
#pragma omp parallel for schedule(static) num_threads(g->threads)
    for (int i = 0; i < g->n0; i++) {
        const size_t at = (size_t)i * (size_t)g->n1, above = (size_t)(i > 0 ? i - 1 : g->n0 - 1) * (size_t)g->n1;
        const float *tx = s->tx + at, *ty = s->ty + at, *up = s->ty + above;
        float *x = s->x + at, left = tx[g->n1 - 1];
        for (int j = 0; j < g->n1; j++) {
            x[j] = left - tx[j] + up[j] - ty[j];
            left = tx[j];
        }
    }
}

/* One group of columns: work = spectrum of D'(target) becomes that of x; data becomes that of Kx if u is a variable. */
static void solve_group(const split *s, size_t group) {
    const dp_grid *g = s->grid;
    const dp_fft *f = g->fft;
    dp_fft_columns_forward(f, g->work + group);
    if (s->masked) dp_fft_columns_forward(f, s->data + group);
    for (int r = 0; r < f->rows; r++) {
        const size_t at = (size_t)r * f->stride + group;
        float *w = (float *)(g->work + at), *t = (float *)(s->data + at);
        const float *k = (const float *)(g->psf + at);
        for (int i = 0; i < DP_FFT_COLUMNS; i++) {
            const float kr = k[2 * i], ki = k[2 * i + 1], tr = t[2 * i], ti = t[2 * i + 1];
            const float below = s->mu * (kr * kr + ki * ki) + s->beta * (s->dy[r] + s->dx[group + (size_t)i]);
            const float xr = (s->mu * (kr * tr + ki * ti) + s->beta * w[2 * i]) / below;
            const float xi = (s->mu * (kr * ti - ki * tr) + s->beta * w[2 * i + 1]) / below;
            w[2 * i] = xr;
            w[2 * i + 1] = xi;
            if (!s->masked) continue;
            t[2 * i] = kr * xr - ki * xi;
            t[2 * i + 1] = kr * xi + ki * xr;
        }
    }
    dp_fft_columns_backward(f, g->work + group);
    if (s->masked) dp_fft_columns_backward(f, s->data + group);
}

static void row_back(const dp_grid *g, float complex *from, float *row) {
    const float scale = 1.0F / (float)g->count;
    dp_fft_row_backward(g->fft, from, row);
    for (int j = 0; j < g->n1; j++) row[j] *= scale;
}

static void solve(const split *s) {
    const dp_grid *g = s->grid;
    const dp_fft *f = g->fft;
    gather_differences(s);
#pragma omp parallel num_threads(g->threads)
    {
#pragma omp for schedule(static)
        for (int i = 0; i < g->n0; i++) {
            const size_t row = (size_t)i * (size_t)g->n1, to = (size_t)i * f->stride;
            dp_fft_row_forward(f, s->x + row, g->work + to);
            if (s->masked) dp_fft_row_forward(f, s->u + row, s->data + to);
        }
#pragma omp for schedule(static)
        for (int group = 0; group < f->groups; group++) solve_group(s, (size_t)group * DP_FFT_COLUMNS);
#pragma omp for schedule(static)
        for (int i = 0; i < g->n0; i++) {
            const size_t row = (size_t)i * (size_t)g->n1, from = (size_t)i * f->stride;
            row_back(g, g->work + from, s->x + row);
            if (s->masked) row_back(g, s->data + from, s->u + row);
        }
    }
}

/* ---- The run ---- */

/* s, first and last iteration. Any pair from 0.03 to 1 and 0.005 to 0.03 gives the same within 0.2 dB (four Kodak
 * pictures, PSFs of the Levin set, noise 0.01 and 0.02); mu from 0.3 to 3 as well. */
static const double coarse = 0.05, fine = 0.02;

/* Lights much brighter than what they are clipped to grow slowly: so many times the usual iterations. */
enum { bounded_factor = 5 };

static void begin(split *s, const float *plane) {
    const dp_grid *g = s->grid;
    const size_t bytes = g->count * sizeof(float);
    dp_grid_place(g, plane, s->d);
    memcpy(s->x, s->d, bytes);
    memset(s->b, 0, bytes);
    memset(s->cx, 0, bytes);
    memset(s->cy, 0, bytes);
    if (s->masked)
        dp_grid_blur(g, s->x, false, s->u);
    else
        dp_fft_forward(g->fft, s->d, s->data);
}

static dipper_status restore(split *s, dp_nonblind *job, int iterations, dp_diag *diag) {
    const double weight = fmax(job->weight, 1e-9);
    double before = 0;
    for (int n = 0; n < iterations; n++) {
        const double at = iterations > 1 ? fmin(1, 1.5 * n / (iterations - 1)) : 1;
        s->scale = (float)(coarse * pow(fine / coarse, at));
        const double beta = weight * pow(s->scale, s->exponent - 2);
        s->beta = (float)beta;
        update_differences(s, n > 0 ? (float)(before / beta) : 0);
        if (s->masked) update_data(s);
        solve(s);
        before = beta;
        if (!isfinite(s->x[0]))
            return dp_fail(diag, DIPPER_ERROR_DIVERGED, "the splitting became infinite in iteration %d", n + 1);
        DP_TRY(dp_nonblind_report(job, n + 1, iterations, diag));
    }
    return DIPPER_OK;
}

static dipper_status run(dp_nonblind *job, dp_image *picture, bool joint, dp_diag *diag) {
    split s = {.job = job, .joint = joint, .exponent = joint ? 1 : job->exponent};
    const int own = job->method->iterations * (job->saturation > 0 ? bounded_factor : 1);
    const int iterations = job->iterations > 0 ? job->iterations : own;
    s.masked = job->edges == DP_EDGES_LATENT || job->saturation > 0;
    s.mu = s.masked ? mu_masked : mu_known;
    dipper_status status = make(&s, job, picture, diag);
    for (int c = 0; c < picture->channels && status == DIPPER_OK; c++) {
        float *plane = dp_image_plane(picture, c);
        job->channel = c;
        begin(&s, plane);
        status = restore(&s, job, iterations, diag);
        dp_grid_crop(s.grid, s.x, plane);
    }
    job->iterations = iterations * picture->channels;
    unmake(&s);
    return status;
}

dipper_status dp_split_tv_run(dp_nonblind *job, dp_image *picture, dp_diag *diag) {
    return run(job, picture, true, diag);
}

dipper_status dp_split_power_run(dp_nonblind *job, dp_image *picture, dp_diag *diag) {
    return run(job, picture, false, diag);
}
