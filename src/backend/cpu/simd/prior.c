/* VDIP's sparse prior, and its mean logarithm of the deviation. Formulas: backend/op.h and ref/vdip.inc. */
#include <string.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

/* Also of numbers below the smallest normal one. */
static inline dp_vec log_any(dp_vec x) {
    const dp_veci small = x < 0x1p-126f;
    return dp_log(dp_select(small, x * 0x1p24f, x)) - dp_select(small, dp_splat(16.6355323f), dp_splat(0.0f));
}

/* Sum of the logarithms of p[0 .. n) in vectors; p is readable up to a whole vector, and changed there. */
static double sum_of_logs(float *p, int n) {
    dp_vec sum = {0};
    for (int j = n; j % DP_BLOCK != 0; j++) p[j] = 1;
    for (int j = 0; j < n; j += DP_BLOCK) sum += log_any(dp_load(p + j));
    return (double)dp_sum(sum);
}

/* ---- Mean logarithm ---- */

enum { PIECE = 1024 };

static double log_piece(const float *x, float *dx, float scale, int n) {
    float p[PIECE];
    for (int i = 0; i < n; i++) {
        const float least = 1e-45f;
        p[i] = x[i] > least ? x[i] : least;
        dx[i] = x[i] > least ? scale / x[i] : 0;
    }
    return sum_of_logs(p, n);
}

/* x, weight -> loss, dx */
void DP_ISA(dp_cpu_mean_log)(const dp_op *op, int threads, void *const *args, void *ws) {
    const float *x = args[0];
    float *dx = args[3];
    const size_t n = dp_count(op->x);
    const double weight = (double)*(const float *)args[1] / (double)n;
    int team = 1;
#pragma omp parallel num_threads(dp_team(n, threads))
    {
        const int t = omp_get_thread_num();
        size_t from, to;
        double sum = 0;
        dp_my_floats(n, &from, &to);
        for (size_t i = from; i < to; i += PIECE)
            sum += log_piece(x + i, dx + i, (float)weight, to - i < PIECE ? (int)(to - i) : PIECE);
        *dp_partial(ws, t) = sum;
        if (t == 0) team = omp_get_num_threads();
    }
    *(float *)args[2] = (float)(weight * dp_total(ws, team));
}

/* ---- Sparse prior ---- */

typedef struct pairs { /* of each pixel with its neighbour: p, g = 2 scale / p, g times the difference of the means */
    float *p, *g, *d;
} pairs;

typedef struct scratch {
    pairs down, right;
    float *above_g, *above_d;
} scratch;

enum { ROWS = 8 };

static size_t stride_of(const dp_op *op) {
    return ((size_t)op->x.w + 31) / 16 * 16;
}

/* ws: partial sums of all threads, then the rows of each. */
size_t DP_ISA(dp_cpu_sparse_workspace)(const dp_op *op, int threads) {
    return (size_t)threads * (64 + ROWS * stride_of(op) * sizeof(float));
}

static scratch scratch_of(const dp_op *op, int threads, int t, void *ws) {
    const size_t s = stride_of(op);
    float *rows = (float *)dp_partial(ws, threads) + (size_t)t * ROWS * s;
    return (scratch){
        {rows, rows + s, rows + 2 * s}, {rows + 3 * s, rows + 4 * s, rows + 5 * s}, rows + 6 * s, rows + 7 * s};
}

static void fill_pairs(const float *e, const float *s, const float *other_e, const float *other_s, int n, float scale,
                       const pairs *out) {
    for (int j = 0; j < n; j++) {
        const float d = other_e[j] - e[j], p = d * d + s[j] * s[j] + other_s[j] * other_s[j] + 1e-6f;
        const float g = 2 * scale / p;
        out->p[j] = p;
        out->g[j] = g;
        out->d[j] = g * d;
    }
}

/* Pairs of a row with the one below; the last row of a plane has none. */
static void fill_down(const dp_op *op, const float *e, const float *s, int row, float scale, const pairs *out) {
    const int w = op->x.w;
    if (row + 1 < op->x.h) {
        fill_pairs(e, s, e + w, s + w, w, scale, out);
        return;
    }
    memset(out->g, 0, (size_t)w * sizeof(float));
    memset(out->d, 0, (size_t)w * sizeof(float));
}

typedef struct scales {
    float v, h;    /* of the gradient */
    double lv, lh; /* of the sum of logarithms */
} scales;

static scales scales_of(const dp_op *op, double weight) {
    const double nv = (double)op->x.c * (op->x.h - 1) * op->x.w, nh = (double)op->x.c * op->x.h * (op->x.w - 1);
    const double v = nv > 0 ? weight / 4 / nv : 0, h = nh > 0 ? weight / 4 / nh : 0;
    return (scales){(float)v, (float)h, v, h};
}

/* Rows [from, to) of all planes. */
static double sparse_rows(const dp_op *op, const float *e, const float *s, float *de, float *ds, const scales *k,
                          scratch *z, int from, int to) {
    const int h = op->x.h, w = op->x.w;
    double sum = 0;
    for (int r = from; r < to; r++) {
        const size_t at = (size_t)r * (size_t)w;
        const pairs above = {z->down.p, z->above_g, z->above_d};
        if (r % h == 0) {
            memset(z->above_g, 0, (size_t)w * sizeof(float));
            memset(z->above_d, 0, (size_t)w * sizeof(float));
        } else if (r == from) {
            fill_down(op, e + at - w, s + at - w, r % h - 1, k->v, &above);
        }
        fill_down(op, e + at, s + at, r % h, k->v, &z->down);
        fill_pairs(e + at, s + at, e + at + 1, s + at + 1, w - 1, k->h, &z->right);
        if (r % h + 1 < h) sum += k->lv * sum_of_logs(z->down.p, w);
        if (w > 1) sum += k->lh * sum_of_logs(z->right.p, w - 1);
        z->right.g[w - 1] = z->right.d[w - 1] = 0;
        const float *gr = z->right.g, *dr = z->right.d;
        de[at] = z->above_d[0] - z->down.d[0] - dr[0];
        ds[at] = s[at] * (z->above_g[0] + z->down.g[0] + gr[0]);
        for (int j = 1; j < w; j++) {
            de[at + (size_t)j] = z->above_d[j] - z->down.d[j] - dr[j] + dr[j - 1];
            ds[at + (size_t)j] = s[at + (size_t)j] * (z->above_g[j] + z->down.g[j] + gr[j] + gr[j - 1]);
        }
        float *g = z->above_g, *d = z->above_d;
        z->above_g = z->down.g;
        z->above_d = z->down.d;
        z->down.g = g;
        z->down.d = d;
    }
    return sum;
}

/* mean, std, weight -> loss, dmean, dstd */
void DP_ISA(dp_cpu_sparse_prior)(const dp_op *op, int threads, void *const *args, void *ws) {
    const scales k = scales_of(op, (double)*(const float *)args[2]);
    int team = 1;
#pragma omp parallel num_threads(dp_team(dp_count(op->x), threads))
    {
        const int t = omp_get_thread_num();
        int from, to;
        scratch z = scratch_of(op, threads, t, ws);
        dp_my_share(op->x.c * op->x.h, &from, &to);
        *dp_partial(ws, t) = sparse_rows(op, args[0], args[1], args[4], args[5], &k, &z, from, to);
        if (t == 0) team = omp_get_num_threads();
    }
    *(float *)args[3] = (float)dp_total(ws, team);
}
