/* Priors on the gradient by splitting:  sum (Kx - d)^2 + weight * P(Dx), D the first differences, periodic on the grid;
 *   total variation  P(v) = sum sqrt(vx^2 + vy^2)            (Rudin, Osher, Fatemi 1992)
 *   hyper-Laplacian  P(v) = sum |vx|^a + |vy|^a, a in (0, 2]  (Krishnan and Fergus 2009)
 * Alternating directions (ADMM) for v = Dx and, where only part of the grid is seen, u = Kx as well (Almeida and
 * Figueiredo 2013; Matakos et al. 2013), so that the data term ends at the border and each step is one division in the
 * Fourier domain, or a formula per pixel:
 *   x = (mu K'K + beta D'D)^-1 (mu K'(u - b) + beta D'(v - c))
 *   u = data term's minimum near Kx + b,  b += Kx - u;   v = shrink(Dx + c),  c += Dx - v
 * A box constraint adds w = x within 0 to 1 in the same way: gamma to the divisor, gamma (w - e) to what is divided.
 * beta = weight / s^(2-a): s, the size of the differences that are cut, falls from coarse to fine (continuation), which
 * is what lets the non-convex case find good minima. */
#include <math.h>
#include <string.h>

#include "base/clones.h"
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
    float *tw, *e;        /* w - e, the target, and e; NULL without a box constraint */
    float complex *data;  /* spectrum of u - b (masked) or of d */
    float *dy, *dx;       /* (n0), (stride): shares of |D|^2 */
    float beta, mu, gamma;
    float scale; /* s */
} split;

/* mu of the data term itself, u = d, is 2. Over-relaxation (Eckstein and Bertsekas 1992) and a small mu_masked let what
 * lies beyond the border settle sooner: mean of four Levin cases after 20 iterations with mu 1 33.29 dB, 0.3 33.57, 0.1
 * 33.62, and relaxed by 1.8 33.38, 33.76, 33.86; with noise, 0.03 and less are worse. */
static const float mu_masked = 0.2F, mu_known = 2, relaxation = 1.8F;

/* Two pages of the Lai data, true PSFs, the rule's weight: 0 27.2 and 24.1 dB, 0.02 27.4 and 24.7, 0.1 27.5 and 24.3,
 * 0.5 25.9 and 22.6, where 100 iterations are not enough. */
static const float gamma_boxed = 0.02F;

static dipper_status make(split *s, const dp_nonblind *job, const dp_image *picture, dp_diag *diag) {
    DP_TRY(dp_grid_create(job, picture->height, picture->width, diag, &s->grid));
    const dp_fft *f = s->grid->fft;
    float **planes[] = {&s->d, &s->x, &s->u, &s->b, &s->cx, &s->cy, &s->tx, &s->ty};
    bool good = true;
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++)
        good = (*planes[i] = dp_grid_plane(s->grid)) != NULL && good;
    if (s->gamma > 0) good = (s->tw = dp_grid_plane(s->grid)) && (s->e = dp_grid_plane(s->grid)) && good;
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
    float *planes[] = {s->d, s->x, s->u, s->b, s->cx, s->cy, s->tx, s->ty, s->tw, s->e, s->dy, s->dx};
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++) dp_free(planes[i]);
    dp_free(s->data);
    dp_free(s->shrink);
    dp_grid_destroy(&s->grid);
}

/* ---- v and u ---- */

/* z = v near z. Which of the two differences cost nothing: those across the seam. */
typedef struct seam {
    bool x, y;
} seam;

static void cut(const split *s, float *zx, float *zy, int n, seam free) {
    const float scale = s->scale, x = free.x ? 0 : 1, y = free.y ? 0 : 1;
    if (!s->joint) {
        if (!free.x) dp_shrink_many(s->shrink, scale, zx, n);
        if (!free.y) dp_shrink_many(s->shrink, scale, zy, n);
        return;
    }
    for (int k = 0; k < n; k++) {
        const float size = sqrtf(x * zx[k] * zx[k] + y * zy[k] * zy[k]), keep = size > scale ? 1 - scale / size : 0;
        zx[k] *= free.x ? 1 : keep;
        zy[k] *= free.y ? 1 : keep;
    }
}

enum { BLOCK = 64 };

/* n elements from `at` on, their right neighbours and those below: z = relaxed Dx + c, where relaxed Dx = r Dx + (1 -
 * r) v of before, v = target + c; `grow` rescales c to the present beta. Then v, c = z - v, target = v - c. */
DP_CLONES static void update_block(const split *s, size_t at, const float *right, const float *below, int n, float r,
                                   float grow, seam free) {
    const float *x = s->x + at, old = 1 - r, both = old + grow;
    float *restrict cx = s->cx + at, *restrict cy = s->cy + at, *restrict tx = s->tx + at, *restrict ty = s->ty + at;
    float vx[BLOCK], vy[BLOCK];
    for (int k = 0; k < n; k++) vx[k] = cx[k] = r * (right[k] - x[k]) + old * tx[k] + both * cx[k];
    for (int k = 0; k < n; k++) vy[k] = cy[k] = r * (below[k] - x[k]) + old * ty[k] + both * cy[k];
    cut(s, vx, vy, n, free);
    for (int k = 0; k < n; k++) {
        cx[k] -= vx[k];
        tx[k] = vx[k] - cx[k];
    }
    for (int k = 0; k < n; k++) {
        cy[k] -= vy[k];
        ty[k] = vy[k] - cy[k];
    }
}

/* Latent pixels at opposite borders are neighbours on the grid only: the differences across the seam, and into the
 * elements that only round up the size of the grid, cost nothing. */
static bool is_seam(const split *s, int at, int size, int k, int n) {
    return s->job->edges == DP_EDGES_LATENT && (at == size + k - 2 || at == n - 1);
}

static void update_row(const split *s, int i, float r, float grow) {
    const dp_grid *g = s->grid;
    const size_t at = (size_t)i * (size_t)g->n1, below = (size_t)(i + 1 < g->n0 ? i + 1 : 0) * (size_t)g->n1;
    const int last = g->n1 - 1, before = s->job->edges == DP_EDGES_LATENT ? g->w + g->kw - 2 : last;
    seam free = {.y = is_seam(s, i, g->h, g->kh, g->n0)};
    for (int j = 0; j < last;) {
        const int end = j < before ? before : j == before ? before + 1 : last, n = end - j < BLOCK ? end - j : BLOCK;
        const size_t k = at + (size_t)j;
        free.x = j == before;
        update_block(s, k, s->x + k + 1, s->x + below + j, n, r, grow, free);
        j += n;
    }
    free.x = s->job->edges == DP_EDGES_LATENT;
    update_block(s, at + (size_t)last, s->x + at, s->x + below + last, 1, r, grow, free);
}

static void update_differences(const split *s, float r, float grow) {
#pragma omp parallel for schedule(static) num_threads(s->grid->threads)
    for (int i = 0; i < s->grid->n0; i++) update_row(s, i, r, grow);
}

/* u holds relaxed Kx = r Kx + (1 - r)(u - b) of before, and becomes the target u - b. The data term's u near z counts
 * (u - d)^2 where the pixel is seen, or only while u < d if it is saturated. */
DP_CLONES static void update_data_row(const split *s, int i) {
    const size_t at = (size_t)i * (size_t)s->grid->n1;
    const float saturation = s->job->saturation > 0 ? s->job->saturation : INFINITY;
    const float half = 0.5F * s->mu, share = 1 / (1 + half), again = 2 - relaxation;
    float *restrict u = s->u + at, *restrict b = s->b + at;
    const float *restrict d = s->d + at;
    for (int j = 0; j < s->grid->n1; j++) {
        const float z = u[j] + again * b[j];
        const float held = (d[j] + half * z) * share, bound = z >= d[j] ? z : held; /* no branches: vectors */
        const float told = d[j] >= saturation ? bound : held, value = d[j] == DP_UNSEEN ? z : told;
        b[j] = z - value;
        u[j] = value - b[j];
    }
}

/* e becomes x + e less what of it lies within 0 to 1. */
DP_CLONES static void update_box(const split *s) {
    const float *restrict x = s->x;
    float *restrict e = s->e, *restrict tw = s->tw;
#pragma omp parallel for schedule(static) num_threads(s->grid->threads)
    for (size_t i = 0; i < s->grid->count; i++) {
        const float z = x[i] + e[i], w = fminf(fmaxf(z, 0), 1);
        e[i] = z - w;
        tw[i] = w - e[i];
    }
}

/* ---- x ---- */

/* Row i of x = D'(target), and the box's target: the right side's second part, divided by beta. */
DP_CLONES static void gather_row(const split *s, int i) {
    const dp_grid *g = s->grid;
    const size_t at = (size_t)i * (size_t)g->n1, above = (size_t)(i > 0 ? i - 1 : g->n0 - 1) * (size_t)g->n1;
    const float *tx = s->tx + at, *ty = s->ty + at, *up = s->ty + above;
    float *restrict x = s->x + at;
    x[0] = tx[g->n1 - 1] - tx[0] + up[0] - ty[0];
    for (int j = 1; j < g->n1; j++) x[j] = tx[j - 1] - tx[j] + up[j] - ty[j];
    if (s->tw == NULL) return;
    const float share = s->gamma / s->beta, *tw = s->tw + at;
    for (int j = 0; j < g->n1; j++) x[j] += share * tw[j];
}

enum { AHEAD = 8 }; /* rows; a column's elements are too far apart for the processor to fetch them by itself */

/* One group of columns: work = spectrum of D'(target) becomes that of x; data becomes that of relaxed Kx if u is a
 * variable. Both divided by the size of the grid, for the way back. */
DP_CLONES static void divide_group(const split *s, size_t group) {
    const dp_fft *f = s->grid->fft;
    const float scale = 1.0F / (float)s->grid->count, r = relaxation * scale, old = scale - r;
    const float mu = s->mu, beta = s->beta, gamma = s->gamma, *dx = s->dx + group;
    for (int row = 0; row < f->rows; row++) {
        const size_t at = (size_t)row * f->stride + group;
        float *restrict w = (float *)(s->grid->work + at), *restrict t = (float *)(s->data + at);
        const float *restrict k = (const float *)(s->grid->psf + at), dy = s->dy[row];
        if (row + AHEAD < f->rows) __builtin_prefetch(s->grid->psf + at + AHEAD * f->stride);
        float x[2 * DP_FFT_COLUMNS];
        for (int i = 0; i < DP_FFT_COLUMNS; i++) {
            const float kr = k[2 * i], ki = k[2 * i + 1], tr = t[2 * i], ti = t[2 * i + 1];
            const float below = 1 / (mu * (kr * kr + ki * ki) + beta * (dy + dx[i]) + gamma);
            x[2 * i] = (mu * (kr * tr + ki * ti) + beta * w[2 * i]) * below;
            x[2 * i + 1] = (mu * (kr * ti - ki * tr) + beta * w[2 * i + 1]) * below;
        }
        for (int i = 0; i < 2 * DP_FFT_COLUMNS; i++) w[i] = scale * x[i];
        for (int i = 0; s->masked && i < DP_FFT_COLUMNS; i++) {
            const float kr = k[2 * i], ki = k[2 * i + 1], xr = x[2 * i], xi = x[2 * i + 1];
            t[2 * i] = r * (kr * xr - ki * xi) + old * t[2 * i];
            t[2 * i + 1] = r * (kr * xi + ki * xr) + old * t[2 * i + 1];
        }
    }
}

static void solve_group(const split *s, size_t group) {
    const dp_grid *g = s->grid;
    dp_fft_columns_forward(g->fft, g->work + group);
    if (s->masked) dp_fft_columns_forward(g->fft, s->data + group);
    divide_group(s, group);
    dp_fft_columns_backward(g->fft, g->work + group);
    if (s->masked) dp_fft_columns_backward(g->fft, s->data + group);
}

/* Updates u as well, row by row on its way to the spectrum. */
static void solve(const split *s) {
    const dp_grid *g = s->grid;
    const dp_fft *f = g->fft;
#pragma omp parallel num_threads(g->threads)
    {
#pragma omp for schedule(static)
        for (int i = 0; i < g->n0; i++) {
            const size_t row = (size_t)i * (size_t)g->n1, to = (size_t)i * f->stride;
            gather_row(s, i);
            dp_fft_row_forward(f, s->x + row, g->work + to);
            if (!s->masked) continue;
            update_data_row(s, i);
            dp_fft_row_forward(f, s->u + row, s->data + to);
        }
#pragma omp for schedule(static)
        for (int group = 0; group < f->groups; group++) solve_group(s, (size_t)group * DP_FFT_COLUMNS);
#pragma omp for schedule(static)
        for (int i = 0; i < g->n0; i++) {
            const size_t row = (size_t)i * (size_t)g->n1, from = (size_t)i * f->stride;
            dp_fft_row_backward(f, g->work + from, s->x + row);
            if (s->masked) dp_fft_row_backward(f, s->data + from, s->u + row);
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
    if (s->job->edges == DP_EDGES_LATENT)
        dp_grid_extend(g, plane, s->d);
    else
        dp_grid_place(g, plane, s->d);
    memcpy(s->x, s->d, bytes);
    if (s->tw != NULL) memcpy(s->tw, s->d, bytes);
    if (s->tw != NULL) memset(s->e, 0, bytes);
    memset(s->b, 0, bytes);
    memset(s->cx, 0, bytes);
    memset(s->cy, 0, bytes);
    memset(s->tx, 0, bytes);
    memset(s->ty, 0, bytes);
    if (s->masked)
        dp_grid_blur(g, s->x, false, s->u);
    else
        dp_fft_forward(g->fft, s->d, s->data);
    dp_grid_hide(g, s->job, s->d);
}

static dipper_status restore(split *s, dp_nonblind *job, int iterations, dp_diag *diag) {
    const double weight = fmax(job->weight, 1e-9);
    double before = 0;
    for (int n = 0; n < iterations; n++) {
        const double at = iterations > 1 ? fmin(1, 1.5 * n / (iterations - 1)) : 1;
        s->scale = (float)(coarse * pow(fine / coarse, at));
        const double beta = weight * pow(s->scale, s->exponent - 2);
        s->beta = (float)beta;
        update_differences(s, n > 0 ? relaxation : 1, n > 0 ? (float)(before / beta) : 0);
        solve(s);
        if (s->tw != NULL) update_box(s);
        before = beta;
        if (!isfinite(s->x[0]))
            return dp_fail(diag, DIPPER_ERROR_DIVERGED, "the splitting became infinite in iteration %d", n + 1);
        DP_TRY(dp_nonblind_report(job, n + 1, iterations, diag));
    }
    return DIPPER_OK;
}

/* Of one channel: a tile without saturated pixels needs no more than a picture without them. */
static int iterations_for(const dp_nonblind *job, const float *plane, size_t n) {
    bool bounded = false;
    for (size_t i = 0; i < n && job->saturation > 0 && !bounded; i++) bounded = plane[i] >= job->saturation;
    return job->iterations > 0 ? job->iterations : job->method->iterations * (bounded ? bounded_factor : 1);
}

static dipper_status run(dp_nonblind *job, dp_image *picture, bool joint, dp_diag *diag) {
    split s = {.job = job, .joint = joint, .exponent = joint ? 1 : job->exponent};
    int total = 0;
    s.masked = job->edges == DP_EDGES_LATENT || job->saturation > 0 || job->mask != NULL;
    s.mu = s.masked ? mu_masked : mu_known;
    s.gamma = job->box ? gamma_boxed : 0;
    dipper_status status = make(&s, job, picture, diag);
    for (int c = 0; c < picture->channels && status == DIPPER_OK; c++) {
        float *plane = dp_image_plane(picture, c);
        const int iterations = iterations_for(job, plane, dp_image_plane_count(picture));
        total += iterations;
        job->channel = c;
        begin(&s, plane);
        status = restore(&s, job, iterations, diag);
        dp_grid_crop(s.grid, s.x, plane);
    }
    job->iterations = total;
    unmake(&s);
    return status;
}

dipper_status dp_split_tv_run(dp_nonblind *job, dp_image *picture, dp_diag *diag) {
    return run(job, picture, true, diag);
}

dipper_status dp_split_power_run(dp_nonblind *job, dp_image *picture, dp_diag *diag) {
    return run(job, picture, false, diag);
}
