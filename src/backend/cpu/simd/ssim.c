/* 1 - mean SSIM (Wang et al. 2004: 11 x 11 Gaussian window, sigma 1.5) with zero-padded windows, and its gradient. With
 * G the window, m = Gx, n = Gy, E = G(xy), Q = G(x^2 + y^2):
 *   S = a1 a2 / (b1 b2),  a1 = 2mn + C1, a2 = 2(E - mn) + C2, b1 = m^2 + n^2 + C1, b2 = Q - m^2 - n^2 + C2
 *   dsum(S)/dx = G(dS/dm) + y G(dS/dE) + 2x G(dS/dQ), since G is its own adjoint.
 * G is separable: rows of the four maps, columns and S and rows of the three derivatives, columns of these. */
#include <math.h>
#include <string.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

enum { RADIUS = 5, TAPS = 11, MARGIN = 16, MAPS = 4, DERIVATIVES = 3 };
static const float c1 = 1e-4f, c2 = 9e-4f; /* (0.01)^2, (0.03)^2 */

typedef struct window {
    float tap[TAPS];
} window;

typedef struct work {
    size_t stride; /* of a row in floats, a multiple of 16 */
    float *maps;   /* [row][MAPS][stride] */
    float *derivatives;
    float *rows; /* [threads][MAPS + 1][stride + 2*MARGIN] */
    double *sum; /* [threads][8] */
    size_t bytes;
} work;

static work work_of(const dp_op *op, int threads, char *ws) {
    work k = {.stride = ((size_t)op->x.w + 15) / 16 * 16};
    const size_t map = (size_t)op->x.c * (size_t)op->x.h * k.stride * sizeof(float);
    const size_t rows = (size_t)threads * (MAPS + 1) * (k.stride + 2 * MARGIN) * sizeof(float);
    k.bytes = map * (MAPS + DERIVATIVES) + rows + (size_t)threads * 64;
    if (ws == NULL) return k;
    k.maps = (float *)ws;
    k.derivatives = (float *)(ws + map * MAPS);
    k.rows = (float *)(ws + map * (MAPS + DERIVATIVES));
    k.sum = (double *)(ws + map * (MAPS + DERIVATIVES) + rows);
    return k;
}

size_t DP_ISA(dp_cpu_ssim_workspace)(const dp_op *op, int threads) {
    return work_of(op, threads, NULL).bytes;
}

static window make_window(void) {
    double g[TAPS], sum = 0;
    for (int i = 0; i < TAPS; i++) sum += g[i] = exp(-(i - RADIUS) * (i - RADIUS) / (2 * 1.5 * 1.5));
    window w;
    for (int i = 0; i < TAPS; i++) w.tap[i] = (float)(g[i] / sum);
    return w;
}

/* row[MARGIN + j] holds column j, zeros around it. */
static void filter_row(const window *g, const float *row, float *out, size_t stride) {
    for (size_t j = 0; j < stride; j += DP_BLOCK) {
        dp_vec sum = {0};
        for (size_t k = 0; k < TAPS; k++) sum += dp_load(row + MARGIN - RADIUS + j + k) * g->tap[k];
        dp_store(out + j, sum);
    }
}

static inline dp_vec filter_column(const window *g, const float *p, size_t step, int up, int down) {
    dp_vec sum = {0};
    for (int k = -up; k <= down; k++) sum += dp_load(p + k * (ptrdiff_t)step) * g->tap[RADIUS + k];
    return sum;
}

static void rows_of_maps(const window *g, const float *x, const float *y, int w, const work *k, float *rows, int row) {
    const size_t length = k->stride + 2 * MARGIN;
    float *a = rows + MARGIN, *b = a + length, *q = b + length, *e = q + length;
    for (int j = 0; j < w; j++) {
        a[j] = x[j];
        b[j] = y[j];
        q[j] = x[j] * x[j] + y[j] * y[j];
        e[j] = x[j] * y[j];
    }
    float *out = k->maps + (size_t)row * MAPS * k->stride;
    for (size_t i = 0; i < MAPS; i++) filter_row(g, rows + i * length, out + i * k->stride, k->stride);
}

/* Row `row` of plane rows [0, h): columns of the maps, S, rows of its derivatives. Returns the sum of S. */
static double similarity_row(const window *g, const work *k, float *rows, int plane, int row, int h, int w) {
    const size_t length = k->stride + 2 * MARGIN, s = k->stride, at = (size_t)(plane * h + row);
    const int up = row < RADIUS ? row : RADIUS, down = h - 1 - row < RADIUS ? h - 1 - row : RADIUS;
    const float *maps = k->maps + at * MAPS * s;
    float *dm = rows + MARGIN, *de = dm + length, *dq = de + length, *similar = dq + length;
    for (size_t j = 0; j < s; j += DP_BLOCK) {
        const dp_vec m = filter_column(g, maps + j, MAPS * s, up, down);
        const dp_vec n = filter_column(g, maps + s + j, MAPS * s, up, down);
        const dp_vec q = filter_column(g, maps + 2 * s + j, MAPS * s, up, down);
        const dp_vec e = filter_column(g, maps + 3 * s + j, MAPS * s, up, down);
        const dp_vec mn = m * n, mm = m * m + n * n;
        const dp_vec a1 = 2 * mn + c1, a2 = 2 * (e - mn) + c2, b1 = mm + c1, b2 = (q - mm) + c2;
        const dp_vec scale = 1 / (b1 * b2), v = a1 * a2 * scale;
        dp_store(similar + j, v);
        dp_store(dm + j, 2 * (n * (a2 - a1) * scale + m * v * (b1 - b2) * scale));
        dp_store(de + j, 2 * a1 * scale);
        dp_store(dq + j, -v * b1 * scale);
    }
    for (size_t i = 0; i < MAPS; i++) memset(dm + i * length + w, 0, (s - (size_t)w) * sizeof(float));
    dp_vec sum = {0};
    for (size_t j = 0; j < s; j += DP_BLOCK) sum += dp_load(similar + j);
    float *out = k->derivatives + at * DERIVATIVES * s;
    for (size_t i = 0; i < DERIVATIVES; i++) filter_row(g, rows + i * length, out + i * s, s);
    return (double)dp_sum(sum);
}

static void gradient_row(const window *g, const work *k, float *rows, const float *x, const float *y, float *dx,
                         float scale, int plane, int row, int h, int w) {
    const size_t s = k->stride;
    const int up = row < RADIUS ? row : RADIUS, down = h - 1 - row < RADIUS ? h - 1 - row : RADIUS;
    const float *d = k->derivatives + (size_t)(plane * h + row) * DERIVATIVES * s;
    for (size_t i = 0; i < DERIVATIVES; i++)
        for (size_t j = 0; j < s; j += DP_BLOCK)
            dp_store(rows + i * s + j, filter_column(g, d + i * s + j, DERIVATIVES * s, up, down));
    const float *dm = rows, *de = rows + s, *dq = rows + 2 * s;
    for (int j = 0; j < w; j++) dx[j] = scale * (dm[j] + y[j] * de[j] + 2 * x[j] * dq[j]);
}

/* x, target, weight -> loss, dx */
void DP_ISA(dp_cpu_ssim)(const dp_op *op, int threads, void *const *args, void *ws) {
    const float *x = args[0], *y = args[1];
    float *dx = args[4];
    const int h = op->x.h, w = op->x.w, all = op->x.c * h;
    const double weight = (double)*(const float *)args[2], n = (double)dp_count(op->x);
    const work k = work_of(op, threads, ws);
    const window g = make_window();
    int team = 1;
#pragma omp parallel num_threads(dp_team(dp_count(op->x), threads))
    {
        const int t = omp_get_thread_num();
        const size_t length = (MAPS + 1) * (k.stride + 2 * MARGIN);
        float *rows = k.rows + (size_t)t * length;
        int from, to;
        dp_my_share(all, &from, &to);
        memset(rows, 0, length * sizeof *rows);
        for (int r = from; r < to; r++)
            rows_of_maps(&g, x + (size_t)r * (size_t)w, y + (size_t)r * (size_t)w, w, &k, rows, r);
#pragma omp barrier
        double sum = 0;
        for (int r = from; r < to; r++) sum += similarity_row(&g, &k, rows, r / h, r % h, h, w);
        k.sum[(size_t)t * 8] = sum;
#pragma omp barrier
        for (int r = from; r < to; r++) {
            const size_t at = (size_t)r * (size_t)w;
            gradient_row(&g, &k, rows, x + at, y + at, dx + at, (float)(-weight / n), r / h, r % h, h, w);
        }
        if (t == 0) team = omp_get_num_threads();
    }
    double sum = 0;
    for (int t = 0; t < team; t++) sum += k.sum[(size_t)t * 8];
    *(float *)args[3] = (float)(weight * (1 - sum / n));
}
