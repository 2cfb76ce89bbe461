/* Wiener's filter by FFT: DP_WIENER of op.h, which says what lies beyond the border. */
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

static void place_psf(const dp_op *op, const dp_fft *f, const float *psf, float *plane) {
    memset(plane, 0, (size_t)f->rows * (size_t)f->columns * sizeof *plane);
    for (int a = 0; a < op->wiener.kh; a++)
        for (int b = 0; b < op->wiener.kw; b++)
            plane[turned(a, op->wiener.kh, f->rows) * (size_t)f->columns + turned(b, op->wiener.kw, f->columns)] =
                psf[a * op->wiener.kw + b];
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

/* x, psf -> y */
static void run(dp_cpu_plan *plan, void *const *args, void *ws) {
    const dp_op *op = &plan->op;
    const dp_fft *f = ((const wiener_plan *)plan)->fft;
    float complex *psf = ws, *spectrum = psf + f->size;
    float *plane = (float *)(spectrum + f->size);
    place_psf(op, f, args[1], plane);
    dp_fft_forward(f, plane, psf);
    for (int c = 0; c < op->x.c; c++) {
        float *y = (float *)args[2] + (size_t)c * (size_t)op->y.h * (size_t)op->y.w;
        extend(f, (const float *)args[0] + (size_t)c * (size_t)op->x.h * (size_t)op->x.w, op->x.h, op->x.w, plane);
        dp_fft_forward(f, plane, spectrum);
        filter(f, psf, op->wiener.constant, spectrum);
        dp_fft_backward(f, spectrum, plane);
        for (int i = 0; i < op->y.h; i++) {
            const float *row = plane + turned(i, op->wiener.kh, f->rows) * (size_t)f->columns;
            for (int j = 0; j < op->y.w; j++) *y++ = row[turned(j, op->wiener.kw, f->columns)];
        }
    }
}

static void free_plan(dp_cpu_plan *plan) {
    dp_fft_destroy(&((wiener_plan *)plan)->fft);
    dp_free(plan);
}

static bool supports(const dp_backend *be, const dp_op *op) {
    (void)be;
    return op->kind == DP_WIENER;
}

static dipper_status make(dp_backend *be, const dp_op *op, dp_diag *diag, dp_cpu_plan **out, size_t *workspace) {
    wiener_plan *p = dp_alloc(1, sizeof *p);
    if (p == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a plan");
    p->base = (dp_cpu_plan){*op, be->threads, run, free_plan};
    const int rows = dp_fft_good_size(op->y.h), columns = dp_fft_good_size(op->y.w);
    const dipper_status status = dp_fft_create(rows, columns, be->threads, diag, &p->fft);
    if (status != DIPPER_OK) {
        free_plan(&p->base);
        return status;
    }
    *workspace = 2 * p->fft->size * sizeof(float complex) + (size_t)rows * (size_t)columns * sizeof(float);
    *out = &p->base;
    return DIPPER_OK;
}

const dp_cpu_maker dp_cpu_maker_wiener = {supports, make};
