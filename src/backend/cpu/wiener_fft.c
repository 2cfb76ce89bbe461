/* Wiener's filter by FFT and its adjoint: DP_WIENER and DP_WIENER_BWD of op.h, which says what lies beyond the border.
 */
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/memory.h"
#include "fourier/fourier.h"

typedef struct wiener_plan {
    dp_cpu_plan base;
    dp_fft *fft;
} wiener_plan;

/* Columns [w, columns) of a row, then rows [h, rows): from the last pixel to the first in equal steps. */
static void extend(const dp_fft *f, const float *x, int h, int w, float *plane) {
    const size_t columns = (size_t)f->columns;
    for (int i = 0; i < h; i++) {
        float *row = plane + (size_t)i * columns;
        memcpy(row, x + (size_t)i * (size_t)w, (size_t)w * sizeof *row);
        for (int j = w; j < f->columns; j++) {
            const float t = (float)(j - w + 1) / (float)(f->columns - w + 1);
            row[j] = (1 - t) * row[w - 1] + t * row[0];
        }
    }
    const float *last = plane + (size_t)(h - 1) * columns;
    for (int i = h; i < f->rows; i++) {
        const float t = (float)(i - h + 1) / (float)(f->rows - h + 1);
        for (size_t j = 0; j < columns; j++) plane[(size_t)i * columns + j] = (1 - t) * last[j] + t * plane[j];
    }
}

/* Index of row or column i of n, for a PSF of side k: the middle of the PSF is at 0. */
static size_t turned(int i, int k, int n) {
    return (size_t)((i - k / 2 + n) % n);
}

/* The spectrum of x (h, w), its pixel (kh/2, kw/2) at the origin; plane is used for it. */
static void spectrum_of(const dp_op *op, const dp_fft *f, const float *x, int h, int w, float *plane,
                        float complex *spectrum) {
    memset(plane, 0, (size_t)f->rows * (size_t)f->columns * sizeof *plane);
    for (int a = 0; a < h; a++) {
        float *row = plane + turned(a, op->wiener.kh, f->rows) * (size_t)f->columns;
        for (int b = 0; b < w; b++) row[turned(b, op->wiener.kw, f->columns)] = x[(size_t)a * (size_t)w + (size_t)b];
    }
    dp_fft_forward(f, plane, spectrum);
}

static void filter(const dp_fft *f, const float complex *psf, float constant, float complex *x) {
#pragma omp parallel for num_threads(f->threads) schedule(static)
    for (int r = 0; r < f->rows; r++)
        for (size_t j = 0; j < f->stride; j++) {
            const size_t at = (size_t)r * f->stride + j;
            const float gr = crealf(psf[at]), gi = cimagf(psf[at]), xr = crealf(x[at]), xi = cimagf(x[at]);
            const float scale = 1 / (gr * gr + gi * gi + constant);
            float *to = (float *)&x[at]; /* clang 14 knows no CMPLXF */
            to[0] = scale * (gr * xr + gi * xi);
            to[1] = scale * (gr * xi - gi * xr);
        }
}

/* A plane's values at h x w places from the one that spectrum_of puts at the origin. */
static void take(const dp_op *op, const dp_fft *f, const float *plane, int h, int w, float *out) {
    for (int i = 0; i < h; i++) {
        const float *row = plane + turned(i, op->wiener.kh, f->rows) * (size_t)f->columns;
        for (int j = 0; j < w; j++) *out++ = row[turned(j, op->wiener.kw, f->columns)];
    }
}

static const float *plane_of(const void *base, dp_shape s, int c) {
    return (const float *)base + (size_t)c * (size_t)s.h * (size_t)s.w;
}

/* x, psf -> y */
static void run(dp_cpu_plan *plan, void *const *args, void *ws) {
    const dp_op *op = &plan->op;
    const dp_fft *f = ((const wiener_plan *)plan)->fft;
    float complex *psf = ws, *spectrum = psf + f->size;
    float *at = (float *)(spectrum + f->size);
    spectrum_of(op, f, args[1], op->wiener.kh, op->wiener.kw, at, psf);
    for (int c = 0; c < op->x.c; c++) {
        extend(f, plane_of(args[0], op->x, c), op->x.h, op->x.w, at);
        dp_fft_forward(f, at, spectrum);
        filter(f, psf, op->wiener.constant, spectrum);
        dp_fft_backward(f, spectrum, at);
        take(op, f, at, op->y.h, op->y.w, (float *)args[2] + (size_t)c * (size_t)op->y.h * (size_t)op->y.w);
    }
}

/* sum += (c U - G^2 conj(U)) / (|G|^2 + c)^2, U = conj(P) X: see wiener_bwd in ref/camera.inc. */
static void add_adjoint(const dp_fft *f, const float complex *psf, float constant, const float complex *x,
                        const float complex *dy, float complex *sum) {
#pragma omp parallel for num_threads(f->threads) schedule(static)
    for (int r = 0; r < f->rows; r++)
        for (size_t j = 0; j < f->stride; j++) {
            const size_t at = (size_t)r * f->stride + j;
            const float gr = crealf(psf[at]), gi = cimagf(psf[at]), xr = crealf(x[at]), xi = cimagf(x[at]);
            const float pr = crealf(dy[at]), pi = cimagf(dy[at]);
            const float ur = pr * xr + pi * xi, ui = pr * xi - pi * xr, sr = gr * gr - gi * gi, si = 2 * gr * gi;
            const float q = gr * gr + gi * gi + constant, scale = 1 / (q * q);
            float *to = (float *)&sum[at];
            to[0] += scale * (constant * ur - sr * ur - si * ui);
            to[1] += scale * (constant * ui + sr * ui - si * ur);
        }
}

/* x, psf, dy -> dpsf */
static void run_backward(dp_cpu_plan *plan, void *const *args, void *ws) {
    const dp_op *op = &plan->op;
    const dp_fft *f = ((const wiener_plan *)plan)->fft;
    float complex *psf = ws, *spectrum = psf + f->size, *dy = spectrum + f->size, *sum = dy + f->size;
    float *at = (float *)(sum + f->size);
    spectrum_of(op, f, args[1], op->wiener.kh, op->wiener.kw, at, psf);
    memset(sum, 0, f->size * sizeof *sum);
    for (int c = 0; c < op->x.c; c++) {
        extend(f, plane_of(args[0], op->x, c), op->x.h, op->x.w, at);
        dp_fft_forward(f, at, spectrum);
        spectrum_of(op, f, plane_of(args[2], op->y, c), op->y.h, op->y.w, at, dy);
        add_adjoint(f, psf, op->wiener.constant, spectrum, dy, sum);
    }
    dp_fft_backward(f, sum, at);
    take(op, f, at, op->wiener.kh, op->wiener.kw, args[3]);
}

static void free_plan(dp_cpu_plan *plan) {
    dp_fft_destroy(&((wiener_plan *)plan)->fft);
    dp_free(plan);
}

static bool supports(const dp_backend *be, const dp_op *op) {
    (void)be;
    return op->kind == DP_WIENER || op->kind == DP_WIENER_BWD;
}

static dipper_status make(dp_backend *be, const dp_op *op, dp_diag *diag, dp_cpu_plan **out, size_t *workspace) {
    wiener_plan *p = dp_alloc(1, sizeof *p);
    if (p == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a plan");
    const bool backward = op->kind == DP_WIENER_BWD;
    p->base = (dp_cpu_plan){*op, be->threads, backward ? run_backward : run, free_plan};
    const int rows = dp_fft_good_size(op->y.h), columns = dp_fft_good_size(op->y.w);
    const dipper_status status = dp_fft_create(rows, columns, be->threads, diag, &p->fft);
    if (status != DIPPER_OK) {
        free_plan(&p->base);
        return status;
    }
    *workspace =
        (backward ? 4 : 2) * p->fft->size * sizeof(float complex) + (size_t)rows * (size_t)columns * sizeof(float);
    *out = &p->base;
    return DIPPER_OK;
}

const dp_cpu_maker dp_cpu_maker_wiener = {supports, make};
