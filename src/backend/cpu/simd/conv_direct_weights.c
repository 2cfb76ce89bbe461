/* Direct convolution, backward-weights: dw[co][ci][ky][kx] = sum over pixels of dy[co] x[ci] at the tap's source, and
 * db.
 *
 * Each thread takes a band of output rows in batches of about POINTS pixels and adds to a partial sum of its own, laid
 * out [panel of up to DP_NO out blocks][ky][kx][in channel][panel]. For each kernel element the batch is a list of
 * segments: pixels whose sources are equally spaced (the interior of a row), or single ones (its ends); dp_gemm_outer
 * goes over all of them with DP_MO x DP_NO blocks of sums in registers, while the batch's dy of one panel (18 KB) stays
 * in L1. A 1x1 convolution sees the map as rows of POINTS pixels. At the end the partial sums are added in the order of
 * the threads and spread to OIHW. */
#include "backend/cpu/simd/conv.h"
#include "backend/cpu/simd/conv_gemm.h"

enum { POINTS = 192, MAX_ROWS = 32 };

typedef struct segment { /* n pixels of dy from dy on, sources from x on, x_step floats apart */
    ptrdiff_t x, dy, x_step;
    int n;
} segment;

typedef struct sums {
    int k, in_blocks, out_blocks, threads;
    int h, w, ho, wo, pixels;    /* as the kernels see them; pixels of the output */
    ptrdiff_t x_plane, dy_plane; /* floats from block to block */
    int rows;                    /* output rows of a batch */
    size_t size;                 /* floats of one thread's part: weights, then biases */
    size_t weights;              /* floats of the weights alone */
    float *part;                 /* [threads][size] */
    const float *x, *dy;
} sums;

static sums plan(const dp_op *op, int threads, char **ws) {
    sums s = {.k = op->conv.k, .in_blocks = dp_blocks(op->x.c), .out_blocks = dp_blocks(op->y.c), .threads = threads};
    s.h = op->x.h, s.w = op->x.w, s.ho = op->y.h, s.wo = op->y.w, s.pixels = s.ho * s.wo;
    s.x_plane = (ptrdiff_t)s.h * s.w * DP_BLOCK;
    s.dy_plane = (ptrdiff_t)s.pixels * DP_BLOCK;
    if (s.k == 1) { /* h rows of w pixels are one sequence of pixels */
        s.h = s.ho = (s.pixels + POINTS - 1) / POINTS;
        s.w = s.wo = POINTS;
    }
    s.rows = (POINTS + s.wo - 1) / s.wo;
    if (s.rows > MAX_ROWS) s.rows = MAX_ROWS;
    s.weights = (size_t)s.k * s.k * s.in_blocks * DP_BLOCK * s.out_blocks * DP_BLOCK;
    s.size = dp_align_up(s.weights + (size_t)s.out_blocks * DP_BLOCK, 16);
    s.part = dp_take(ws, s.size * (size_t)threads * sizeof(float));
    return s;
}

/* Where the sums of (panel of nv blocks from block `first` on, ky*k + kx, input channel) begin. */
static inline size_t sums_at(const sums *s, int first, int nv, int e, int in) {
    const size_t depth = (size_t)s->in_blocks * DP_BLOCK, kk = (size_t)s->k * s->k;
    return (kk * depth * first + ((size_t)e * depth + in) * nv) * DP_BLOCK;
}

/* All segments: DP_MO input channels from x on, nv output blocks from dy on. */
DP_INLINE void segments_of(int nv, const sums *s, const segment *seg, int count, const float *x, const float *dy,
                           float *to) {
    dp_vec acc[DP_MO][DP_NO];
    DP_EACH(i, DP_MO, DP_MO) DP_EACH(v, nv, DP_NO) acc[i][v] = dp_load(to + (i * nv + v) * DP_BLOCK);
    for (int i = 0; i < count; i++)
        dp_gemm_outer(nv, seg[i].n, x + seg[i].x, seg[i].x_step, dy + seg[i].dy, DP_BLOCK, s->dy_plane, acc);
    DP_EACH(i, DP_MO, DP_MO) DP_EACH(v, nv, DP_NO) dp_store(to + (i * nv + v) * DP_BLOCK, acc[i][v]);
}

static void segments_1(const sums *s, const segment *seg, int count, const float *x, const float *dy, float *to) {
    segments_of(1, s, seg, count, x, dy, to);
}
static void segments_2(const sums *s, const segment *seg, int count, const float *x, const float *dy, float *to) {
    segments_of(2, s, seg, count, x, dy, to);
}
static void segments_3(const sums *s, const segment *seg, int count, const float *x, const float *dy, float *to) {
    segments_of(DP_NO, s, seg, count, x, dy, to);
}

/* The segments of output rows [from, to) for kernel element (ky, kx). */
static int list(const dp_op *op, const sums *s, int from, int to, int ky, int kx, segment *seg) {
    const int st = op->conv.stride, off = kx - s->k / 2; /* source column is ox*st + off inside [lo, hi) */
    const int reach = s->w > off ? (s->w - 1 - off) / st + 1 : 0, lo = off < 0 ? 1 : 0;
    int count = 0;
    for (int oy = from; oy < to; oy++) {
        const int iy = dp_pad_index(oy * st + ky - s->k / 2, s->h, op->conv.pad), left = s->pixels - oy * s->wo;
        const int wo = left < s->wo ? left : s->wo, hi = reach < wo ? reach : wo;
        const ptrdiff_t x = (ptrdiff_t)iy * s->w, dy = (ptrdiff_t)oy * s->wo;
        for (int ox = 0, n; ox < wo && iy >= 0; ox += n) {
            const bool inside = ox >= lo && ox < hi;
            const int ix = dp_pad_index(ox * st + off, s->w, op->conv.pad);
            n = inside ? hi - ox : 1;
            if (ix >= 0) seg[count++] = (segment){(x + ix) * DP_BLOCK, (dy + ox) * DP_BLOCK, st * DP_BLOCK, n};
        }
    }
    return count;
}

/* Output rows [from, to), one kernel element. */
static void element(const dp_op *op, const sums *s, float *part, int from, int to, int ky, int kx) {
    segment seg[MAX_ROWS * 3];
    const int count = list(op, s, from, to, ky, kx, seg);
    for (int panel = 0; panel < dp_outer_panels(s->out_blocks); panel++) {
        int first;
        const int nv = dp_outer_panel(s->out_blocks, panel, &first);
        const float *dy = s->dy + first * s->dy_plane;
        for (int in = 0; in < s->in_blocks * DP_BLOCK; in += DP_MO) {
            const float *x = s->x + in / DP_BLOCK * s->x_plane + in % DP_BLOCK;
            float *sum = part + sums_at(s, first, nv, ky * s->k + kx, in);
            (nv == DP_NO ? segments_3 : nv == 2 ? segments_2 : segments_1)(s, seg, count, x, dy, sum);
        }
    }
}

/* Sum of n pixels; four chains, because an addition takes longer than a load. */
static dp_vec sum_of(const float *p, int n) {
    dp_vec sum[4] = {{0}};
    int i = 0;
    for (; i + 4 <= n; i += 4)
        for (int j = 0; j < 4; j++) sum[j] += dp_load(p + (ptrdiff_t)(i + j) * DP_BLOCK);
    for (; i < n; i++) sum[0] += dp_load(p + (ptrdiff_t)i * DP_BLOCK);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void batch(const dp_op *op, const sums *s, float *part, int from, int to) {
    for (int ky = 0; ky < s->k; ky++)
        for (int kx = 0; kx < s->k; kx++) element(op, s, part, from, to, ky, kx);
    const int begin = from * s->wo, end = to * s->wo < s->pixels ? to * s->wo : s->pixels;
    for (int b = 0; b < s->out_blocks; b++) {
        const float *dy = s->dy + b * s->dy_plane + (ptrdiff_t)begin * DP_BLOCK;
        float *db = part + s->weights + b * DP_BLOCK;
        dp_store(db, dp_load(db) + sum_of(dy, end - begin));
    }
}

/* Adds the threads' parts: dw of one panel, one input channel. */
static void spread(const dp_op *op, const sums *s, int team, int panel, int in, float *dw) {
    int first;
    const int kk = s->k * s->k, nv = dp_outer_panel(s->out_blocks, panel, &first);
    for (int v = 0; v < nv; v++) {
        float g[9][DP_BLOCK];
        for (int e = 0; e < kk; e++) {
            const float *p = s->part + sums_at(s, first, nv, e, in) + v * DP_BLOCK;
            dp_vec sum = dp_load(p);
            for (int t = 1; t < team; t++) sum += dp_load(p + (size_t)t * s->size);
            dp_store(g[e], sum);
        }
        const int out = (first + v) * DP_BLOCK, outs = op->y.c - out < DP_BLOCK ? op->y.c - out : DP_BLOCK;
        for (int j = 0; j < outs; j++)
            for (int e = 0; e < kk; e++) dw[((size_t)(out + j) * op->x.c + in) * kk + e] = g[e][j];
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
        dp_share(s.ho, team, t, &from, &to);
        for (int y = from; y < to; y += s.rows) batch(op, &s, part, y, to - y < s.rows ? to : y + s.rows);
#pragma omp barrier
        dp_share(dp_outer_panels(s.out_blocks) * op->x.c, team, t, &from, &to);
        for (int i = from; i < to; i++) spread(op, &s, team, i / op->x.c, i % op->x.c, args[2]);
#pragma omp for schedule(static)
        for (int co = 0; co < op->y.c; co++) {
            db[co] = 0;
            for (int u = 0; u < team; u++) db[co] += s.part[(size_t)u * s.size + s.weights + co];
        }
    }
}
