#include "deconv/vb_fft.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "image/psf.h"

enum { ITERATIONS, STEPS, NOISE, FIRST_NOISE, ARD }; /* settings, as the table of estimators has them */
enum { PSF_STEPS = 60 };
static const double psf_tolerance = 1e-4;

/* ---- Making ---- */

/* First differences over the pixels that have both neighbours, at the picture's place in the grid. */
static void take_gradients(dp_vb *s, const float *blurred) {
    const dp_grid *g = s->grid;
    const size_t w = (size_t)g->w + 1;
    for (int i = 0; i < g->h; i++) {
        const size_t at = (size_t)(i + g->top) * (size_t)g->n1 + (size_t)g->left;
        const float *row = blurred + (size_t)i * w;
        for (size_t j = 0; j < (size_t)g->w; j++) {
            s->y[0][at + j] = row[j + 1] - row[j];
            s->y[1][at + j] = row[j + w] - row[j];
        }
    }
    for (int d = 0; d < 2; d++) memcpy(s->x[d], s->y[d], g->count * sizeof(float));
}

static bool allocate(dp_vb *s) {
    const dp_grid *g = s->grid;
    float **const planes[] = {&s->y[0],   &s->y[1],   &s->x[0],    &s->x[1], &s->c[0], &s->c[1],
                              &s->energy, &s->weight, &s->inverse, &s->r,    &s->p,    &s->q};
    float complex **const spectra[] = {&s->image, &s->normal, &s->cross};
    bool good = true;
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++) good = (*planes[i] = dp_grid_plane(g)) != NULL && good;
    for (size_t i = 0; i < sizeof spectra / sizeof *spectra; i++)
        good = (*spectra[i] = dp_alloc(g->fft->size, sizeof(float complex))) != NULL && good;
    s->psf = dp_alloc((size_t)g->kh * (size_t)g->kw, sizeof(float));
    s->squares = dp_alloc(((size_t)g->kh + 1) * ((size_t)g->kw + 1), sizeof(double));
    s->strips = dp_alloc(((size_t)g->h + (size_t)g->kh - 1) * (size_t)g->kw, sizeof(double));
    return good && s->psf != NULL && s->squares != NULL && s->strips != NULL;
}

dipper_status dp_vb_create(const dp_estimate *job, const dp_scale *scale, dp_diag *diag, dp_vb **out) {
    dp_nonblind grid = {.be = job->be, .psf = scale->psf, .kh = scale->kh, .kw = scale->kw, .edges = DP_EDGES_LATENT};
    dp_vb *s = *out = dp_alloc(1, sizeof *s);
    dipper_status status = DIPPER_ERROR_MEMORY;
    if (s == NULL) goto fail;
    status = dp_grid_create(&grid, scale->h - 1, scale->w - 1, diag, &s->grid);
    if (status == DIPPER_OK) status = dp_quadratic_create(scale->kh, scale->kw, diag, &s->quadratic);
    if (status != DIPPER_OK) goto fail;
    status = DIPPER_ERROR_MEMORY;
    if (!allocate(s)) goto fail;
    dp_vb_prior_init(&s->prior, job->setting[ARD] > 0 ? DP_VB_ARD : DP_VB_MIXTURE);
    memcpy(s->psf, scale->psf, (size_t)scale->kh * (size_t)scale->kw * sizeof *s->psf);
    take_gradients(s, scale->blurred);
    return DIPPER_OK;
fail:
    dp_vb_destroy(out);
    return dp_fail(diag, status, "no memory to estimate a PSF from %d x %d pixels", scale->w, scale->h);
}

void dp_vb_destroy(dp_vb **vb) {
    if (vb == NULL || *vb == NULL) return;
    dp_vb *s = *vb;
    float *const planes[] = {s->y[0],   s->y[1],    s->x[0], s->x[1], s->c[0], s->c[1], s->energy,
                             s->weight, s->inverse, s->r,    s->p,    s->q,    s->psf};
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++) dp_free(planes[i]);
    dp_free(s->image);
    dp_free(s->normal);
    dp_free(s->cross);
    dp_free(s->squares);
    dp_free(s->strips);
    dp_quadratic_destroy(&s->quadratic);
    dp_grid_destroy(&s->grid);
    dp_free(s);
    *vb = NULL;
}

/* ---- Planes ---- */

/* Eight interleaved float sums per row, added up in double. */
static double dot(const dp_grid *g, const float *a, const float *b) {
    const size_t n = (size_t)g->n1;
#pragma omp parallel for schedule(static) num_threads(g->threads)
    for (int y = 0; y < g->n0; y++) {
        const float *u = a + (size_t)y * n, *v = b + (size_t)y * n;
        float part[8] = {0};
        for (size_t i = 0; i + 8 <= n; i += 8) /* n is a multiple of 8: dp_fft_good_size */
            for (int k = 0; k < 8; k++) part[k] += u[i + k] * v[i + k];
        double sum = 0;
        for (int k = 0; k < 8; k++) sum += part[k];
        g->part[y] = sum;
    }
    return dp_grid_total(g);
}

/* 0 beyond the picture: only its pixels count in the data term. */
static void clear_beyond(const dp_grid *g, float *plane) {
    for (int y = 0; y < g->n0; y++) {
        float *row = plane + (size_t)y * (size_t)g->n1;
        const int from = dp_grid_row_inside(g, y) ? g->left : g->n1, to = g->left + g->w;
        memset(row, 0, (size_t)from * sizeof *row);
        if (from < g->n1) memset(row + to, 0, (size_t)(g->n1 - to) * sizeof *row);
    }
}

/* q = y - K x, 0 beyond the picture; returns its square. */
static double find_residual(dp_vb *s, int direction) {
    const dp_grid *g = s->grid;
    dp_grid_blur(g, s->x[direction], false, s->q);
    clear_beyond(g, s->q);
    for (size_t i = 0; i < g->count; i++) s->q[i] = s->y[direction][i] - s->q[i];
    return dot(g, s->q, s->q);
}

/* ---- The latent gradients: Levin 2011, section 3.2, free energy with a diagonal covariance ---- */

static int clamp(int v, int most) {
    return v < 0 ? 0 : v > most ? most : v;
}

/* energy(p) = sum of psf(s)^2 over the s for which p + s lies in the picture: a rectangle of the PSF. */
static void find_energy(dp_vb *s) {
    const dp_grid *g = s->grid;
    const int kh = g->kh, kw = g->kw, stride = kw + 1;
    for (int i = 0; i < kh; i++) {
        double row = 0;
        for (int j = 0; j < kw; j++) {
            row += (double)s->psf[i * kw + j] * s->psf[i * kw + j];
            s->squares[(i + 1) * stride + j + 1] = s->squares[i * stride + j + 1] + row;
        }
    }
    for (int y = 0; y < g->n0; y++) {
        const int from = g->top - y + kh / 2;
        const double *above = s->squares + clamp(from, kh) * stride, *to = s->squares + clamp(from + g->h, kh) * stride;
        float *row = s->energy + (size_t)y * (size_t)g->n1;
        for (int x = 0; x < g->n1; x++) {
            const int left = clamp(g->left - x + kw / 2, kw), right = clamp(g->left - x + kw / 2 + g->w, kw);
            row[x] = (float)fmax(to[right] - to[left] - above[right] + above[left], 0);
        }
    }
}

/* Weights times eta^2, from the present means and variances; without variances, at the very start, the same everywhere:
 * ten times the inverse mean square of the blurred gradients. */
static void reweight(dp_vb *s, int direction, float eta2) {
    const dp_grid *g = s->grid;
    const float *x = s->x[direction], *c = s->c[direction];
    if (!s->begun) {
        const double square = dot(g, s->y[direction], s->y[direction]) / ((double)g->h * g->w);
        const float weight = (float)(10 / fmax(square, 1e-12));
        for (size_t i = 0; i < g->count; i++) s->weight[i] = eta2 * weight;
    } else {
        for (size_t i = 0; i < g->count; i++) s->weight[i] = eta2 * dp_vb_weight(&s->prior, x[i] * x[i] + c[i]);
    }
}

/* q = (K'K + eta^2 W) p, K over the picture's pixels only; returns <p, q>. */
static double apply(dp_vb *s) {
    const dp_grid *g = s->grid;
    dp_grid_blur(g, s->p, false, s->q);
    clear_beyond(g, s->q);
    dp_grid_blur(g, s->q, true, s->q);
    for (size_t i = 0; i < g->count; i++) s->q[i] += s->weight[i] * s->p[i];
    return dot(g, s->p, s->q);
}

/* r = K'(y - K x) - eta^2 W x, p = preconditioned r; returns <r, p>. */
static double begin(dp_vb *s, int direction) {
    const dp_grid *g = s->grid;
    const float *x = s->x[direction];
    find_residual(s, direction);
    dp_grid_blur(g, s->q, true, s->r);
    for (size_t i = 0; i < g->count; i++) {
        s->inverse[i] = 1 / (s->energy[i] + s->weight[i]);
        s->r[i] -= s->weight[i] * x[i];
        s->p[i] = s->inverse[i] * s->r[i];
    }
    return dot(g, s->r, s->p);
}

/* x += rate p, r -= rate q, q = preconditioned r; returns <r, q>. */
static double advance(dp_vb *s, float rate, float *x) {
    const dp_grid *g = s->grid;
    for (size_t i = 0; i < g->count; i++) {
        x[i] += rate * s->p[i];
        s->r[i] -= rate * s->q[i];
        s->q[i] = s->inverse[i] * s->r[i];
    }
    return dot(g, s->r, s->q);
}

static void solve(dp_vb *s, int direction, int steps) {
    double rho = begin(s, direction);
    for (int n = 0; n < steps && rho > 0; n++) {
        const double curvature = apply(s);
        if (!(curvature > 0)) break; /* by rounding only */
        const double next = advance(s, (float)(rho / curvature), s->x[direction]);
        const float beta = (float)(next / rho);
        for (size_t i = 0; i < s->grid->count; i++) s->p[i] = s->q[i] + beta * s->p[i];
        rho = next;
    }
}

void dp_vb_find_latent(dp_vb *s, double eta, int steps) {
    const float eta2 = (float)(eta * eta);
    find_energy(s);
    for (int d = 0; d < 2; d++) {
        reweight(s, d, eta2);
        solve(s, d, steps);
        for (size_t i = 0; i < s->grid->count; i++) s->c[d][i] = eta2 * s->inverse[i]; /* 1 / (d/eta^2 + W) */
    }
    s->begun = true;
}

/* ---- The PSF ---- */

/* Adds for each shift s the sum of c over the picture moved by -s to D, and what it pulls the PSF by to g. */
static void add_variances(dp_vb *s, const float *c) {
    const dp_grid *g = s->grid;
    const int kh = g->kh, kw = g->kw;
    for (int i = 0; i < g->h + kh - 1; i++) {
        const float *row = c + (size_t)(i + g->top - kh / 2) * (size_t)g->n1 + (size_t)(g->left - kw / 2);
        double sum = 0;
        for (int j = 0; j < g->w; j++) sum += row[j];
        for (int j = 0; j < kw; j++) {
            s->strips[(size_t)i * (size_t)kw + (size_t)j] = sum;
            if (j + 1 < kw) sum += (double)row[g->w + j] - row[j];
        }
    }
    for (int j = 0; j < kw; j++) {
        const double *strip = s->strips + j;
        double sum = 0;
        for (int i = 0; i < g->h; i++) sum += strip[(size_t)i * (size_t)kw];
        for (int i = 0; i < kh; i++) {
            const int t = (kh - 1 - i) * kw + kw - 1 - j;
            s->quadratic->diagonal[t] += (float)sum;
            s->quadratic->gradient[t] -= (float)sum * s->psf[t];
            if (i + 1 < kh) sum += strip[(size_t)(g->h + i) * (size_t)kw] - strip[(size_t)i * (size_t)kw];
        }
    }
}

/* normal += |x|^2, cross += conj(x) residual, as spectra. */
static void correlate(dp_vb *s, int direction) {
    const dp_fft *f = s->grid->fft;
    find_residual(s, direction);
    dp_fft_forward(f, s->x[direction], s->image);
    dp_fft_forward(f, s->q, s->grid->work);
    const float *a = (const float *)s->image, *b = (const float *)s->grid->work;
    float *normal = (float *)s->normal, *cross = (float *)s->cross;
    for (size_t i = 0; i < 2 * f->size; i += 2) {
        normal[i] += a[i] * a[i] + a[i + 1] * a[i + 1];
        cross[i] += a[i] * b[i] + a[i + 1] * b[i + 1];
        cross[i + 1] += a[i] * b[i + 1] - a[i + 1] * b[i];
    }
}

/* out (rows, columns) = the periodic plane around its origin. */
static void gather(const dp_grid *g, const float *plane, int rows, int columns, float *out) {
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            const int y = ((i - rows / 2) % g->n0 + g->n0) % g->n0, x = ((j - columns / 2) % g->n1 + g->n1) % g->n1;
            out[i * columns + j] = plane[(size_t)y * (size_t)g->n1 + (size_t)x];
        }
}

/* The data term over the picture's pixels is bounded by the one over the whole grid, where the pixels beyond hold what
 * the present PSF predicts: its matrix is an autocorrelation, and it touches the true term at the present PSF. */
dipper_status dp_vb_find_psf(dp_vb *s, dp_diag *diag) {
    const dp_grid *g = s->grid;
    dp_quadratic *q = s->quadratic;
    const size_t n = (size_t)g->kh * (size_t)g->kw;
    double sum = 0;
    memset(s->normal, 0, g->fft->size * sizeof *s->normal);
    memset(s->cross, 0, g->fft->size * sizeof *s->cross);
    for (int d = 0; d < 2; d++) correlate(s, d);
    dp_fft_backward(g->fft, s->normal, s->p);
    dp_fft_backward(g->fft, s->cross, s->r);
    gather(g, s->p, 2 * g->kh - 1, 2 * g->kw - 1, q->lags);
    gather(g, s->r, g->kh, g->kw, q->gradient);
    memset(q->diagonal, 0, n * sizeof *q->diagonal);
    for (int d = 0; d < 2; d++) add_variances(s, s->c[d]);
    dp_quadratic_run(q, PSF_STEPS, psf_tolerance, s->psf);
    for (size_t i = 0; i < n; i++) sum += s->psf[i];
    if (!(sum > 0) || !isfinite(sum))
        return dp_fail(diag, DIPPER_ERROR_DIVERGED, "the estimate of a PSF of %d x %d px came to nothing", g->kw,
                       g->kh);
    return dp_grid_set_psf(s->grid, s->psf, diag);
}

dipper_status dp_vb_normalise(dp_vb *s, dp_diag *diag) {
    dp_psf_normalise(s->psf, s->grid->kh, s->grid->kw);
    return dp_grid_set_psf(s->grid, s->psf, diag);
}

double dp_vb_free_energy(dp_vb *s, double eta) {
    double sum = 0;
    find_energy(s);
    for (int d = 0; d < 2; d++) {
        double data = find_residual(s, d), prior = 0;
        for (size_t i = 0; i < s->grid->count; i++) {
            const double x = s->x[d][i], c = s->c[d][i];
            data += s->energy[i] * c;
            prior += dp_vb_bound(s->prior.kind, x * x + c) - 0.5 * log(c);
        }
        sum += 0.5 * data / (eta * eta) + prior;
    }
    return sum;
}

/* ---- One scale ---- */

/* Root mean square of the blurred gradients. */
static double contrast(const dp_vb *s) {
    const dp_grid *g = s->grid;
    return sqrt((dot(g, s->y[0], s->y[0]) + dot(g, s->y[1], s->y[1])) / (2.0 * g->h * g->w));
}

/* eta falls geometrically: with much noise assumed only strong edges are kept, which tell the PSF's coarse shape. */
static dipper_status iterate(const dp_estimate *job, dp_scale *scale, dp_vb *s, dp_diag *diag) {
    const int iterations = (int)job->setting[ITERATIONS], steps = (int)job->setting[STEPS];
    const double least = job->setting[NOISE], noise = scale->noise_sigma;
    const double last = sqrt(least * least + 2 * noise * noise); /* a difference has twice the variance */
    const double first = fmax(job->setting[FIRST_NOISE] * contrast(s), 2 * last);
    for (int n = 0; n < iterations; n++) {
        const double at = iterations > 1 ? (double)n / (iterations - 1) : 1;
        dp_vb_find_latent(s, first * pow(last / first, at), steps);
        DP_TRY(dp_vb_find_psf(s, diag));
        DP_TRY(dp_vb_normalise(s, diag));
        DP_TRY(dp_estimate_report(job, scale, (n + 1.0) / iterations, diag));
    }
    return DIPPER_OK;
}

dipper_status dp_vb_run(const dp_estimate *job, dp_scale *scale, dp_diag *diag) {
    dp_vb *s = NULL;
    DP_TRY(dp_vb_create(job, scale, diag, &s));
    const dipper_status status = iterate(job, scale, s, diag);
    if (status == DIPPER_OK) memcpy(scale->psf, s->psf, (size_t)scale->kh * (size_t)scale->kw * sizeof *s->psf);
    dp_vb_destroy(&s);
    return status;
}
