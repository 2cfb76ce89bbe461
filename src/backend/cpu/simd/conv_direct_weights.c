/* Direct convolution, backward-weights: dw[co][ci][ky][kx] = sum over pixels of dy[co] x[ci] at the tap's source, and
 * db.
 *
 * Each thread takes a band of output rows and adds, row by row, to a partial sum of its own, laid out
 * [panel][ky][kx][in channel][up to DP_NO blocks of out channels]; dp_gemm_outer runs along the row for DP_MO input
 * channels at a time. Columns whose source is not at x*stride + kx - 1 (borders) are added one by one. At the end the
 * partial sums are added in the order of the threads and spread to OIHW. */
#include "backend/cpu/simd/conv.h"
#include "backend/cpu/simd/conv_gemm.h"

typedef struct sums {
    int k, in_blocks, out_blocks, threads;
    size_t size;    /* floats of one thread's part: weights, then biases */
    size_t weights; /* floats of the weights alone */
    float *part;    /* [threads][size] */
    const float *x, *dy;
} sums;

static sums plan(const dp_op *op, int threads, char **ws) {
    sums s = {.k = op->conv.k, .in_blocks = dp_blocks(op->x.c), .out_blocks = dp_blocks(op->y.c), .threads = threads};
    s.weights = (size_t)s.k * s.k * s.in_blocks * DP_BLOCK * s.out_blocks * DP_BLOCK;
    s.size = dp_align_up(s.weights + (size_t)s.out_blocks * DP_BLOCK, 16);
    s.part = dp_take(ws, s.size * (size_t)threads * sizeof(float));
    return s;
}

static inline int panel_vectors(int blocks, int first) {
    return first + DP_NO <= blocks ? DP_NO : blocks - first;
}

/* Where the sums of (first block of the panel, ky*k+kx, input channel) begin. */
static inline size_t sums_at(const sums *s, int first, int e, int in) {
    const size_t depth = (size_t)s->in_blocks * DP_BLOCK, kk = (size_t)s->k * s->k;
    return (kk * depth * first + ((size_t)e * depth + in) * panel_vectors(s->out_blocks, first)) * DP_BLOCK;
}

/* n points: x at x, x + x_step, ..., dy at dy, dy + DP_BLOCK, ...: DP_MO input channels, nv output blocks */
DP_INLINE void points_of(int nv, int n, const float *x, ptrdiff_t x_step, const float *dy, ptrdiff_t dy_plane,
                         float *to) {
    dp_vec acc[DP_MO][DP_NO];
    DP_EACH(i, DP_MO, DP_MO) DP_EACH(v, nv, DP_NO) acc[i][v] = dp_load(to + (i * nv + v) * DP_BLOCK);
    dp_gemm_outer(nv, n, x, x_step, dy, DP_BLOCK, dy_plane, acc);
    DP_EACH(i, DP_MO, DP_MO) DP_EACH(v, nv, DP_NO) dp_store(to + (i * nv + v) * DP_BLOCK, acc[i][v]);
}

static void points(int nv, int n, const float *x, ptrdiff_t x_step, const float *dy, ptrdiff_t dy_plane, float *to) {
    if (nv == 3) points_of(3 <= DP_NO ? 3 : DP_NO, n, x, x_step, dy, dy_plane, to);
    if (nv == 2) points_of(2, n, x, x_step, dy, dy_plane, to);
    if (nv == 1) points_of(1, n, x, x_step, dy, dy_plane, to);
}

/* One output row oy, source row iy, kernel element (ky, kx), one panel. */
static void row_of(const dp_op *op, const sums *s, float *part, int oy, int iy, int ky, int kx, int first) {
    const int nv = panel_vectors(s->out_blocks, first), st = op->conv.stride, w = op->x.w, wo = op->y.w;
    const ptrdiff_t x_plane = (ptrdiff_t)op->x.h * w * DP_BLOCK, dy_plane = (ptrdiff_t)op->y.h * wo * DP_BLOCK;
    const int off = kx - s->k / 2; /* source column is ox*st + off inside [lo, hi) */
    const int lo = off < 0 ? 1 : 0, reach = w > off ? (w - 1 - off) / st + 1 : 0, hi = reach < wo ? reach : wo;
    const float *dy = s->dy + first * dy_plane + (ptrdiff_t)oy * wo * DP_BLOCK;
    for (int in = 0; in < s->in_blocks * DP_BLOCK; in += DP_MO) {
        const float *x = s->x + in / DP_BLOCK * x_plane + (ptrdiff_t)iy * w * DP_BLOCK + in % DP_BLOCK;
        float *to = part + sums_at(s, first, ky * s->k + kx, in);
        points(nv, hi - lo, x + (lo * st + off) * DP_BLOCK, st * DP_BLOCK, dy + lo * DP_BLOCK, dy_plane, to);
        for (int ox = 0; ox < wo; ox++) { /* borders */
            if (ox == lo && hi > lo) ox = hi;
            const int ix = ox < wo ? dp_pad_index(ox * st + off, w, op->conv.pad) : -1;
            if (ix >= 0) points(nv, 1, x + (ptrdiff_t)ix * DP_BLOCK, 0, dy + (ptrdiff_t)ox * DP_BLOCK, dy_plane, to);
        }
    }
}

static void band(const dp_op *op, const sums *s, float *part, int from, int to) {
    for (int oy = from; oy < to; oy++) {
        for (int first = 0; first < s->out_blocks; first += DP_NO)
            for (int ky = 0; ky < s->k; ky++) {
                const int iy = dp_pad_index(oy * op->conv.stride + ky - s->k / 2, op->x.h, op->conv.pad);
                for (int kx = 0; kx < s->k && iy >= 0; kx++) row_of(op, s, part, oy, iy, ky, kx, first);
            }
        for (int b = 0; b < s->out_blocks; b++) {
            const float *dy = s->dy + ((ptrdiff_t)b * op->y.h + oy) * op->y.w * DP_BLOCK;
            dp_vec sum = {0};
            for (int ox = 0; ox < op->y.w; ox++) sum += dp_load(dy + ox * DP_BLOCK);
            float *db = part + s->weights + b * DP_BLOCK;
            dp_store(db, dp_load(db) + sum);
        }
    }
}

/* Adds the threads' parts: dw of input channel `in`, all k*k elements. */
static void spread(const dp_op *op, const sums *s, int team, int in, float *dw) {
    const int kk = s->k * s->k;
    for (int co = 0; co < op->y.c; co++) {
        const int first = co / DP_BLOCK / DP_NO * DP_NO, j = co - first * DP_BLOCK;
        for (int e = 0; e < kk; e++) {
            const float *p = s->part + sums_at(s, first, e, in) + j;
            float sum = 0;
            for (int t = 0; t < team; t++) sum += p[(size_t)t * s->size];
            dw[((size_t)co * op->x.c + in) * kk + e] = sum;
        }
    }
}

size_t DP_ISA(dp_conv_direct_weights_workspace)(const dp_op *op, int threads) {
    char *end = NULL;
    plan(op, threads, &end);
    return (size_t)end;
}

/* args: x, dy, dw, db */
void DP_ISA(dp_conv_direct_weights_run)(const dp_op *op, int threads, void *const *args, void *ws) {
    char *place = ws;
    sums s = plan(op, threads, &place);
    s.x = args[0];
    s.dy = args[1];
    float *db = args[3];
#pragma omp parallel num_threads(threads)
    {
        const int t = omp_get_thread_num(), team = omp_get_num_threads();
        float *part = s.part + (size_t)t * s.size;
        int from, to;
        for (size_t i = 0; i < s.size; i++) part[i] = 0;
        dp_share(op->y.h, team, t, &from, &to);
        band(op, &s, part, from, to);
#pragma omp barrier
        dp_share(op->x.c, team, t, &from, &to);
        for (int in = from; in < to; in++) spread(op, &s, team, in, args[2]);
#pragma omp for schedule(static)
        for (int co = 0; co < op->y.c; co++) {
            db[co] = 0;
            for (int u = 0; u < team; u++) db[co] += s.part[(size_t)u * s.size + s.weights + co];
        }
    }
}
