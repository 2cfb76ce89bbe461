/* The blur of planes by FFT, for large PSFs. Circular transforms of a good size n >= the latent picture are enough:
 * what wraps around meets the part of the full convolution that is cut off (forward), or the zeros before dy
 * (backward). Empty rows are skipped, and per group of columns everything from the forward to the inverse transform is
 * done while it is in the cache. */
#include <omp.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/memory.h"
#include "fourier/fourier.h"

enum { COLUMNS = DP_FFT_COLUMNS };
/* Smaller PSFs are faster direct (measured: no difference at 17 x 17, FFT three times faster at 31 x 31). */
enum { DIRECT_TAPS = 20 * 20 };

typedef struct blur_plan {
    dp_cpu_plan base;
    dp_fft *fft;
    size_t row; /* floats per row of scratch */
} blur_plan;

typedef struct spectra { /* in the workspace */
    float complex *x, *psf, *dy, *dpsf;
    float *row; /* [threads][row] */
} spectra;

static spectra spectra_of(const blur_plan *p, void *ws) {
    float complex *c = ws;
    spectra s = {.x = c, .psf = c + p->fft->size};
    const bool backward = p->base.op.kind == DP_BLUR_BWD;
    s.dy = backward ? c + 2 * p->fft->size : NULL;
    s.dpsf = backward ? c + 3 * p->fft->size : NULL;
    s.row = (float *)(c + (backward ? 4 : 2) * p->fft->size);
    return s;
}

static void my_share(int n, int *from, int *to) {
    const int team = omp_get_num_threads(), t = omp_get_thread_num();
    *from = (int)((long long)n * t / team);
    *to = (int)((long long)n * (t + 1) / team);
}

/* This thread's rows of the spectrum of src (h, w), placed at (top, left). */
static void rows_forward(const blur_plan *p, const spectra *s, const float *src, int h, int w, int top, int left,
                         float complex *out) {
    float *row = s->row + (size_t)omp_get_thread_num() * p->row;
    int from, to;
    my_share(p->fft->rows, &from, &to);
    memset(row, 0, p->row * sizeof *row);
    for (int r = from; r < to; r++) {
        float complex *o = out + (size_t)r * p->fft->stride;
        if (r < top || r >= top + h) {
            memset(o, 0, p->fft->stride * sizeof *o);
            continue;
        }
        memcpy(row + left, src + (size_t)(r - top) * (size_t)w, (size_t)w * sizeof *row);
        dp_fft_row_forward(p->fft, row, o);
    }
}

/* This thread's rows of the picture (h, w) found at (top, left) of the inverse transform. Destroys the spectrum. */
static void rows_backward(const blur_plan *p, const spectra *s, float complex *in, int top, int left, int h, int w,
                          float *dst) {
    float *row = s->row + (size_t)omp_get_thread_num() * p->row;
    const float scale = 1.0f / ((float)p->fft->rows * (float)p->fft->columns);
    int from, to;
    my_share(h, &from, &to);
    for (int r = from; r < to; r++) {
        dp_fft_row_backward(p->fft, in + (size_t)(r + top) * p->fft->stride, row);
        for (int j = 0; j < w; j++) dst[(size_t)r * (size_t)w + (size_t)j] = scale * row[left + j];
    }
}

/* a = a b, or a = a conj(b), over a group of columns; written out, as complex multiplication in C checks for NaN. */
static inline void times(const blur_plan *p, float complex *a, const float complex *b, float sign) {
    for (int r = 0; r < p->fft->rows; r++) {
        float *u = (float *)(a + (size_t)r * p->fft->stride);
        const float *v = (const float *)(b + (size_t)r * p->fft->stride);
        for (int i = 0; i < 2 * COLUMNS; i += 2) {
            const float re = u[i] * v[i] - sign * u[i + 1] * v[i + 1], im = u[i + 1] * v[i] + sign * u[i] * v[i + 1];
            u[i] = re;
            u[i + 1] = im;
        }
    }
}

/* sum += a conj(b) (first: sum = ) */
static void add_product(const blur_plan *p, float complex *sum, const float complex *a, const float complex *b,
                        bool first) {
    for (int r = 0; r < p->fft->rows; r++) {
        float *s = (float *)(sum + (size_t)r * p->fft->stride);
        const float *u = (const float *)(a + (size_t)r * p->fft->stride),
                    *v = (const float *)(b + (size_t)r * p->fft->stride);
        for (int i = 0; i < 2 * COLUMNS; i += 2) {
            const float re = u[i] * v[i] + u[i + 1] * v[i + 1], im = u[i + 1] * v[i] - u[i] * v[i + 1];
            s[i] = first ? re : s[i] + re;
            s[i + 1] = first ? im : s[i + 1] + im;
        }
    }
}

/* x, psf -> y */
static void run_forward(dp_cpu_plan *base, void *const *args, void *ws) {
    const blur_plan *p = (const blur_plan *)base;
    const dp_op *op = &base->op;
    const spectra s = spectra_of(p, ws);
    const int h = op->x.h, w = op->x.w, kh = op->blur.kh, kw = op->blur.kw;
    const float *x = args[0], *psf = args[1];
    float *y = args[2];
#pragma omp parallel num_threads(base->threads)
    for (int c = 0; c < op->x.c; c++) {
        if (c == 0) rows_forward(p, &s, psf, kh, kw, 0, 0, s.psf);
        rows_forward(p, &s, x + (size_t)c * (size_t)h * (size_t)w, h, w, 0, 0, s.x);
#pragma omp barrier
        int from, to;
        my_share(p->fft->groups, &from, &to);
        for (int g = from; g < to; g++) {
            const size_t at = (size_t)g * COLUMNS;
            if (c == 0) dp_fft_columns_forward(p->fft, s.psf + at);
            dp_fft_columns_forward(p->fft, s.x + at);
            times(p, s.x + at, s.psf + at, 1);
            dp_fft_columns_backward(p->fft, s.x + at);
        }
#pragma omp barrier
        rows_backward(p, &s, s.x, kh - 1, kw - 1, op->y.h, op->y.w, y + (size_t)c * (size_t)op->y.h * (size_t)op->y.w);
#pragma omp barrier
    }
}

/* A group of columns of plane c: dpsf += dy conj(x), dx (in dy's place) = dy conj(psf). */
static void backward_group(const blur_plan *p, const spectra *s, size_t at, int c, bool dx, bool dpsf) {
    dp_fft_columns_forward(p->fft, s->dy + at);
    if (dpsf) {
        dp_fft_columns_forward(p->fft, s->x + at);
        add_product(p, s->dpsf + at, s->dy + at, s->x + at, c == 0);
        if (c == p->base.op.x.c - 1) dp_fft_columns_backward(p->fft, s->dpsf + at);
    }
    if (dx) {
        if (c == 0) dp_fft_columns_forward(p->fft, s->psf + at);
        times(p, s->dy + at, s->psf + at, -1);
        dp_fft_columns_backward(p->fft, s->dy + at);
    }
}

/* x, psf, dy -> dx (may be NULL), dpsf (may be NULL) */
static void run_backward(dp_cpu_plan *base, void *const *args, void *ws) {
    const blur_plan *p = (const blur_plan *)base;
    const dp_op *op = &base->op;
    const spectra s = spectra_of(p, ws);
    const int h = op->x.h, w = op->x.w, ho = op->y.h, wo = op->y.w, kh = op->blur.kh, kw = op->blur.kw;
    const float *x = args[0], *psf = args[1], *dy = args[2];
    float *dx = args[3], *dpsf = args[4];
#pragma omp parallel num_threads(base->threads)
    {
        for (int c = 0; c < op->x.c; c++) {
            const size_t plane = (size_t)c * (size_t)h * (size_t)w;
            if (c == 0 && dx != NULL) rows_forward(p, &s, psf, kh, kw, 0, 0, s.psf);
            if (dpsf != NULL) rows_forward(p, &s, x + plane, h, w, 0, 0, s.x);
            rows_forward(p, &s, dy + (size_t)c * (size_t)ho * (size_t)wo, ho, wo, kh - 1, kw - 1, s.dy);
#pragma omp barrier
            int from, to;
            my_share(p->fft->groups, &from, &to);
            for (int g = from; g < to; g++) backward_group(p, &s, (size_t)g * COLUMNS, c, dx != NULL, dpsf != NULL);
#pragma omp barrier
            if (dx != NULL) rows_backward(p, &s, s.dy, 0, 0, h, w, dx + plane);
#pragma omp barrier
        }
        if (dpsf != NULL) rows_backward(p, &s, s.dpsf, 0, 0, kh, kw, dpsf);
    }
}

static void destroy(dp_cpu_plan *base) {
    if (base == NULL) return;
    dp_fft_destroy(&((blur_plan *)base)->fft);
    dp_free(base);
}

static bool supports(const dp_backend *be, const dp_op *op) {
    (void)be;
    return (op->kind == DP_BLUR_FWD || op->kind == DP_BLUR_BWD) && op->blur.kh * op->blur.kw >= DIRECT_TAPS;
}

static dipper_status make(dp_backend *be, const dp_op *op, dp_diag *diag, dp_cpu_plan **out, size_t *workspace) {
    blur_plan *p = dp_alloc(1, sizeof *p);
    *out = NULL;
    if (p == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for the plan of a blur");
    p->base = (dp_cpu_plan){*op, be->threads, op->kind == DP_BLUR_FWD ? run_forward : run_backward, destroy};
    const dipper_status status =
        dp_fft_create(dp_fft_good_size(op->x.h), dp_fft_good_size(op->x.w), be->threads, diag, &p->fft);
    if (status != DIPPER_OK) {
        destroy(&p->base);
        return status;
    }
    p->row = dp_align_up((size_t)p->fft->columns, 16);
    const size_t spectra_bytes = (op->kind == DP_BLUR_FWD ? 2 : 4) * p->fft->size * sizeof(float complex);
    *workspace = spectra_bytes + (size_t)be->threads * p->row * sizeof(float);
    *out = &p->base;
    return DIPPER_OK;
}

const dp_cpu_maker dp_cpu_maker_fft = {supports, make};
