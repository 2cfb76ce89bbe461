/* The blur of planes by FFT, for large PSFs. Circular transforms of a good size n >= the latent picture are enough:
 * what wraps around meets the part of the full convolution that is cut off (forward), or the zeros before dy
 * (backward).
 *
 * The 2-D transform is made of FFTW's 1-D ones, over rows and over groups of 8 columns, so that the threads share each
 * transform and empty rows are skipped. Per group of columns everything from the forward to the inverse transform is
 * done while it is in the cache. Plans are FFTW_ESTIMATE: timing-based ones would change the last bits. */
#include <complex.h>
#include <fftw3.h>
#include <omp.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/memory.h"

enum { COLUMNS = 8 }; /* columns per group: one cache line of complex numbers */
/* Smaller PSFs are faster direct (measured: no difference at 17 x 17, FFT three times faster at 31 x 31). */
enum { DIRECT_TAPS = 20 * 20 };

typedef struct blur_plan {
    dp_cpu_plan base;
    int n0, n1;          /* rows, columns of the transforms */
    int groups;          /* of columns */
    size_t stride, size; /* complex numbers per row, per spectrum */
    size_t row;          /* floats per row of scratch */
    fftwf_plan rows, rows_back, columns, columns_back;
} blur_plan;

typedef struct spectra { /* in the workspace */
    float complex *x, *psf, *dy, *dpsf;
    float *row; /* [threads][row] */
} spectra;

static int good_size(int n) {
    for (n = (n + 7) / 8 * 8;; n += 8) {
        int rest = n / 8;
        for (int f = 2; f <= 7; f++)
            while (rest % f == 0) rest /= f;
        if (rest == 1) return n;
    }
}

static spectra spectra_of(const blur_plan *p, void *ws) {
    float complex *c = ws;
    spectra s = {.x = c, .psf = c + p->size};
    const bool backward = p->base.op.kind == DP_BLUR_BWD;
    s.dy = backward ? c + 2 * p->size : NULL;
    s.dpsf = backward ? c + 3 * p->size : NULL;
    s.row = (float *)(c + (backward ? 4 : 2) * p->size);
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
    my_share(p->n0, &from, &to);
    memset(row, 0, p->row * sizeof *row);
    for (int r = from; r < to; r++) {
        float complex *o = out + (size_t)r * p->stride;
        if (r < top || r >= top + h) {
            memset(o, 0, p->stride * sizeof *o);
            continue;
        }
        memcpy(row + left, src + (size_t)(r - top) * (size_t)w, (size_t)w * sizeof *row);
        fftwf_execute_dft_r2c(p->rows, row, (fftwf_complex *)o);
        for (size_t i = (size_t)p->n1 / 2 + 1; i < p->stride; i++) o[i] = 0; /* the last group is transformed whole */
    }
}

/* This thread's rows of the picture (h, w) found at (top, left) of the inverse transform. Destroys the spectrum. */
static void rows_backward(const blur_plan *p, const spectra *s, float complex *in, int top, int left, int h, int w,
                          float *dst) {
    float *row = s->row + (size_t)omp_get_thread_num() * p->row;
    const float scale = 1.0f / ((float)p->n0 * (float)p->n1);
    int from, to;
    my_share(h, &from, &to);
    for (int r = from; r < to; r++) {
        fftwf_execute_dft_c2r(p->rows_back, (fftwf_complex *)(in + (size_t)(r + top) * p->stride), row);
        for (int j = 0; j < w; j++) dst[(size_t)r * (size_t)w + (size_t)j] = scale * row[left + j];
    }
}

static void columns(const fftwf_plan plan, float complex *at) {
    fftwf_execute_dft(plan, (fftwf_complex *)at, (fftwf_complex *)at);
}

/* a = a b, or a = a conj(b), over a group of columns; written out, as complex multiplication in C checks for NaN. */
static inline void times(const blur_plan *p, float complex *a, const float complex *b, float sign) {
    for (int r = 0; r < p->n0; r++) {
        float *u = (float *)(a + (size_t)r * p->stride);
        const float *v = (const float *)(b + (size_t)r * p->stride);
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
    for (int r = 0; r < p->n0; r++) {
        float *s = (float *)(sum + (size_t)r * p->stride);
        const float *u = (const float *)(a + (size_t)r * p->stride), *v = (const float *)(b + (size_t)r * p->stride);
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
        my_share(p->groups, &from, &to);
        for (int g = from; g < to; g++) {
            const size_t at = (size_t)g * COLUMNS;
            if (c == 0) columns(p->columns, s.psf + at);
            columns(p->columns, s.x + at);
            times(p, s.x + at, s.psf + at, 1);
            columns(p->columns_back, s.x + at);
        }
#pragma omp barrier
        rows_backward(p, &s, s.x, kh - 1, kw - 1, op->y.h, op->y.w, y + (size_t)c * (size_t)op->y.h * (size_t)op->y.w);
#pragma omp barrier
    }
}

/* A group of columns of plane c: dpsf += dy conj(x), dx (in dy's place) = dy conj(psf). */
static void backward_group(const blur_plan *p, const spectra *s, size_t at, int c, bool dx, bool dpsf) {
    columns(p->columns, s->dy + at);
    if (dpsf) {
        columns(p->columns, s->x + at);
        add_product(p, s->dpsf + at, s->dy + at, s->x + at, c == 0);
        if (c == p->base.op.x.c - 1) columns(p->columns_back, s->dpsf + at);
    }
    if (dx) {
        if (c == 0) columns(p->columns, s->psf + at);
        times(p, s->dy + at, s->psf + at, -1);
        columns(p->columns_back, s->dy + at);
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
            my_share(p->groups, &from, &to);
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
    blur_plan *p = (blur_plan *)base;
#pragma omp critical(dp_fftw) /* FFTW's planner is not thread-safe */
    {
        if (p->rows != NULL) fftwf_destroy_plan(p->rows);
        if (p->rows_back != NULL) fftwf_destroy_plan(p->rows_back);
        if (p->columns != NULL) fftwf_destroy_plan(p->columns);
        if (p->columns_back != NULL) fftwf_destroy_plan(p->columns_back);
    }
    dp_free(p);
}

/* Plans are executed on other arrays of the same alignment (64 bytes). */
static void make_fftw_plans(blur_plan *p, float *row, fftwf_complex *spectrum) {
    const int stride = (int)p->stride;
#pragma omp critical(dp_fftw)
    {
        p->rows = fftwf_plan_dft_r2c_1d(p->n1, row, spectrum, FFTW_ESTIMATE);
        p->rows_back = fftwf_plan_dft_c2r_1d(p->n1, spectrum, row, FFTW_ESTIMATE);
        p->columns = fftwf_plan_many_dft(1, &p->n0, COLUMNS, spectrum, NULL, stride, 1, spectrum, NULL, stride, 1,
                                         FFTW_FORWARD, FFTW_ESTIMATE);
        p->columns_back = fftwf_plan_many_dft(1, &p->n0, COLUMNS, spectrum, NULL, stride, 1, spectrum, NULL, stride, 1,
                                              FFTW_BACKWARD, FFTW_ESTIMATE);
    }
}

static bool supports(const dp_backend *be, const dp_op *op) {
    (void)be;
    return (op->kind == DP_BLUR_FWD || op->kind == DP_BLUR_BWD) && op->blur.kh * op->blur.kw >= DIRECT_TAPS;
}

static dipper_status make(dp_backend *be, const dp_op *op, dp_diag *diag, dp_cpu_plan **out, size_t *workspace) {
    blur_plan *p = dp_alloc(1, sizeof *p);
    float complex *spectrum = NULL;
    *out = NULL;
    if (p == NULL) goto fail;
    p->base = (dp_cpu_plan){*op, be->threads, op->kind == DP_BLUR_FWD ? run_forward : run_backward, destroy};
    p->n0 = good_size(op->x.h);
    p->n1 = good_size(op->x.w);
    p->groups = (p->n1 / 2 + 1 + COLUMNS - 1) / COLUMNS;
    p->stride = (size_t)p->groups * COLUMNS;
    p->size = p->stride * (size_t)p->n0;
    p->row = dp_align_up((size_t)p->n1, 16);
    const size_t row_bytes = p->row * sizeof(float);
    spectrum = dp_alloc(p->size * sizeof *spectrum + row_bytes, 1);
    if (spectrum == NULL) goto fail;
    make_fftw_plans(p, (float *)(spectrum + p->size), (fftwf_complex *)spectrum);
    if (p->rows == NULL || p->rows_back == NULL || p->columns == NULL || p->columns_back == NULL) goto fail;
    dp_free(spectrum);
    *workspace = (op->kind == DP_BLUR_FWD ? 2 : 4) * p->size * sizeof *spectrum + (size_t)be->threads * row_bytes;
    *out = &p->base;
    return DIPPER_OK;
fail:
    dp_free(spectrum);
    destroy(p == NULL ? NULL : &p->base);
    return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for the FFT of a blur of %d x %d pixels", op->x.h, op->x.w);
}

const dp_cpu_maker dp_cpu_maker_fft = {supports, make};
