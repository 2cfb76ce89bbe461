/* The blur of planes with one PSF, direct: every op is a valid correlation
 *   out[i][j] = sum tap[u][v] in[i+u][j+v],
 * forward with the PSF turned by 180 degrees, dx over dy with a margin of zeros, dpsf (turned) with dy as the taps.
 * Inputs are copied with margins, so that vectors may run over the ends of rows. */
#include <string.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

enum { GROUP = 8, STRIP = 16 }; /* vectors or taps at once; rows of dy summed in float before they go to double */

typedef struct field { /* planes with margins */
    float *p;
    size_t stride, plane; /* floats */
    int rows;
} field;

typedef struct work {
    field x, dy;
    float *turned;   /* the PSF turned */
    double *partial; /* [threads][kh*kw] of dpsf */
    size_t bytes;
} work;

static size_t round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

static field field_of(char *ws, size_t *used, int planes, int rows, int columns, int kw) {
    field f = {.rows = rows, .stride = round_up(round_up((size_t)columns, DP_BLOCK) + DP_BLOCK + (size_t)kw, 16)};
    f.plane = f.stride * (size_t)rows;
    f.p = ws == NULL ? NULL : (float *)(ws + *used);
    *used += round_up(f.plane * (size_t)planes * sizeof(float), 64);
    return f;
}

static work work_of(const dp_op *op, int threads, char *ws) {
    const int kh = op->blur.kh, kw = op->blur.kw;
    const size_t taps = (size_t)kh * (size_t)kw;
    work k = {0};
    k.x = field_of(ws, &k.bytes, op->x.c, op->x.h, op->x.w, kw);
    if (op->kind == DP_BLUR_BWD) {
        k.dy = field_of(ws, &k.bytes, op->x.c, op->x.h + kh - 1, op->x.w, kw);
        k.partial = ws == NULL ? NULL : (double *)(ws + k.bytes);
        k.bytes += round_up(taps * (size_t)threads * sizeof(double), 64);
    }
    k.turned = ws == NULL ? NULL : (float *)(ws + k.bytes);
    k.bytes += round_up(taps * sizeof(float), 64);
    return k;
}

size_t DP_ISA(dp_cpu_blur_workspace)(const dp_op *op, int threads) {
    return work_of(op, threads, NULL).bytes;
}

/* Rows [from, to) of all planes of f: the rows of src, with `top` rows and `left` columns of zeros before them. */
static void fill_rows(const field *f, const float *src, int h, int w, int top, int left, int from, int to) {
    for (int r = from; r < to; r++) {
        float *row = f->p + (size_t)r * f->stride;
        const int y = r % f->rows - top;
        if (y < 0 || y >= h) {
            memset(row, 0, f->stride * sizeof *row);
            continue;
        }
        memset(row, 0, (size_t)left * sizeof *row);
        memcpy(row + left, src + ((size_t)(r / f->rows) * (size_t)h + (size_t)y) * (size_t)w, (size_t)w * sizeof *row);
        memset(row + left + w, 0, (f->stride - (size_t)(left + w)) * sizeof *row);
    }
}

static inline __attribute__((always_inline)) void correlate_n(const int n, const float *in, size_t stride,
                                                              const float *tap, int kh, int kw, float *out) {
    dp_vec sum[GROUP] = {0};
    for (int u = 0; u < kh; u++)
        for (int v = 0; v < kw; v++) {
            const float *p = in + (size_t)u * stride + v;
            const float t = tap[u * kw + v];
#pragma GCC unroll 8
            for (int i = 0; i < n; i++) sum[i] += dp_load(p + i * DP_BLOCK) * t;
        }
#pragma GCC unroll 8
    for (int i = 0; i < n; i++) dp_store(out + i * DP_BLOCK, sum[i]);
}

static void correlate_group(int n, const float *in, size_t stride, const float *tap, int kh, int kw, float *out) {
    switch (n) {
    case 1:
        correlate_n(1, in, stride, tap, kh, kw, out);
        break;
    case 2:
        correlate_n(2, in, stride, tap, kh, kw, out);
        break;
    case 3:
        correlate_n(3, in, stride, tap, kh, kw, out);
        break;
    case 4:
        correlate_n(4, in, stride, tap, kh, kw, out);
        break;
    case 5:
        correlate_n(5, in, stride, tap, kh, kw, out);
        break;
    case 6:
        correlate_n(6, in, stride, tap, kh, kw, out);
        break;
    case 7:
        correlate_n(7, in, stride, tap, kh, kw, out);
        break;
    default:
        correlate_n(8, in, stride, tap, kh, kw, out);
        break;
    }
}

/* One row of output from the rows at `in`. Groups of vectors are made even, so that none is nearly empty. */
static void correlate_row(const float *in, size_t stride, const float *tap, int kh, int kw, float *out, int columns) {
    const int vectors = dp_blocks(columns), groups = (vectors + GROUP - 1) / GROUP;
    for (int g = 0; g < groups; g++) {
        int from, to;
        dp_share(vectors, groups, g, &from, &to);
        const float *p = in + (size_t)from * DP_BLOCK;
        if (to * DP_BLOCK <= columns) {
            correlate_group(to - from, p, stride, tap, kh, kw, out + (size_t)from * DP_BLOCK);
        } else {
            float last[GROUP * DP_BLOCK];
            correlate_group(to - from, p, stride, tap, kh, kw, last);
            memcpy(out + (size_t)from * DP_BLOCK, last, (size_t)(columns - from * DP_BLOCK) * sizeof *out);
        }
    }
}

/* x, psf -> y */
void DP_ISA(dp_cpu_blur_fwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    const float *psf = args[1];
    float *y = args[2];
    const int kh = op->blur.kh, kw = op->blur.kw, taps = kh * kw, ho = op->y.h, wo = op->y.w;
    const work k = work_of(op, threads, ws);
    for (int i = 0; i < taps; i++) k.turned[i] = psf[taps - 1 - i];
#pragma omp parallel num_threads(threads)
    {
        int from, to;
        dp_my_share(op->x.c * op->x.h, &from, &to);
        fill_rows(&k.x, args[0], op->x.h, op->x.w, 0, 0, from, to);
#pragma omp barrier
        dp_my_share(op->x.c * ho, &from, &to);
        for (int r = from; r < to; r++) {
            const float *in = k.x.p + (size_t)(r / ho) * k.x.plane + (size_t)(r % ho) * k.x.stride;
            correlate_row(in, k.x.stride, k.turned, kh, kw, y + (size_t)r * (size_t)wo, wo);
        }
    }
}

/* Sums over rows and vectors of dy times x shifted by 0 .. n-1 columns. */
static inline __attribute__((always_inline)) void dots_n(const int n, const float *dy, size_t dy_stride, const float *x,
                                                         size_t x_stride, int rows, int vectors, double *out) {
    dp_vec sum[GROUP] = {0};
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < vectors; j++) {
            const dp_vec d = dp_load(dy + (size_t)r * dy_stride + (size_t)j * DP_BLOCK);
            const float *p = x + (size_t)r * x_stride + (size_t)j * DP_BLOCK;
#pragma GCC unroll 8
            for (int i = 0; i < n; i++) sum[i] += dp_load(p + i) * d;
        }
#pragma GCC unroll 8
    for (int i = 0; i < n; i++) out[i] += (double)dp_sum(sum[i]);
}

static void dots(int n, const float *dy, size_t dy_stride, const float *x, size_t x_stride, int rows, int vectors,
                 double *out) {
    switch (n) {
    case 1:
        dots_n(1, dy, dy_stride, x, x_stride, rows, vectors, out);
        break;
    case 2:
        dots_n(2, dy, dy_stride, x, x_stride, rows, vectors, out);
        break;
    case 3:
        dots_n(3, dy, dy_stride, x, x_stride, rows, vectors, out);
        break;
    case 4:
        dots_n(4, dy, dy_stride, x, x_stride, rows, vectors, out);
        break;
    case 5:
        dots_n(5, dy, dy_stride, x, x_stride, rows, vectors, out);
        break;
    case 6:
        dots_n(6, dy, dy_stride, x, x_stride, rows, vectors, out);
        break;
    case 7:
        dots_n(7, dy, dy_stride, x, x_stride, rows, vectors, out);
        break;
    default:
        dots_n(8, dy, dy_stride, x, x_stride, rows, vectors, out);
        break;
    }
}

/* The part of dpsf (turned) from rows [from, from + rows) of one plane of dy. */
static void psf_strip(const dp_op *op, const work *k, int plane, int from, int rows, double *sum) {
    const int kh = op->blur.kh, kw = op->blur.kw, groups = (kw + GROUP - 1) / GROUP;
    const float *dy = k->dy.p + (size_t)plane * k->dy.plane + (size_t)(from + kh - 1) * k->dy.stride + (kw - 1);
    const float *x = k->x.p + (size_t)plane * k->x.plane + (size_t)from * k->x.stride;
    for (int u = 0; u < kh; u++)
        for (int g = 0; g < groups; g++) {
            int v, end;
            dp_share(kw, groups, g, &v, &end);
            dots(end - v, dy, k->dy.stride, x + (size_t)u * k->x.stride + v, k->x.stride, rows, dp_blocks(op->y.w),
                 sum + u * kw + v);
        }
}

/* This thread's part of dpsf into partial, then of the sum over threads. */
static void psf_gradient(const dp_op *op, const work *k, float *dpsf) {
    const int team = omp_get_num_threads(), t = omp_get_thread_num(), taps = op->blur.kh * op->blur.kw, ho = op->y.h;
    double *sum = k->partial + (size_t)t * (size_t)taps;
    memset(sum, 0, (size_t)taps * sizeof *sum);
    int from, to;
    dp_my_share(op->x.c * ho, &from, &to);
    while (from < to) {
        int end = from + STRIP < to ? from + STRIP : to;
        if (end > (from / ho + 1) * ho) end = (from / ho + 1) * ho;
        psf_strip(op, k, from / ho, from % ho, end - from, sum);
        from = end;
    }
#pragma omp barrier
    dp_my_share(taps, &from, &to);
    for (int i = from; i < to; i++) {
        double total = 0;
        for (int s = 0; s < team; s++) total += k->partial[(size_t)s * (size_t)taps + (size_t)i];
        dpsf[taps - 1 - i] = (float)total;
    }
}

/* x, psf, dy -> dx (may be NULL), dpsf (may be NULL) */
void DP_ISA(dp_cpu_blur_bwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    const float *psf = args[1];
    float *dx = args[3], *dpsf = args[4];
    const int kh = op->blur.kh, kw = op->blur.kw, h = op->x.h, w = op->x.w;
    const work k = work_of(op, threads, ws);
#pragma omp parallel num_threads(threads)
    {
        int from, to;
        dp_my_share(op->x.c * k.dy.rows, &from, &to);
        fill_rows(&k.dy, args[2], op->y.h, op->y.w, kh - 1, kw - 1, from, to);
        dp_my_share(op->x.c * h, &from, &to);
        if (dpsf != NULL) fill_rows(&k.x, args[0], h, w, 0, 0, from, to);
#pragma omp barrier
        if (dx != NULL)
            for (int r = from; r < to; r++) {
                const float *in = k.dy.p + (size_t)(r / h) * k.dy.plane + (size_t)(r % h) * k.dy.stride;
                correlate_row(in, k.dy.stride, psf, kh, kw, dx + (size_t)r * (size_t)w, w);
            }
        if (dpsf != NULL) psf_gradient(op, &k, dpsf);
    }
}
