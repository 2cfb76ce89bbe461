/* The fully connected layer of one sample: memory-bound matrix-vector products and an outer product. */
#include <string.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

static float dot(const float *a, const float *b, size_t n) {
    dp_vec sum[4] = {0};
    size_t i = 0;
    for (; i + 4 * DP_BLOCK <= n; i += 4 * DP_BLOCK)
        for (size_t k = 0; k < 4; k++) sum[k] += dp_load(a + i + k * DP_BLOCK) * dp_load(b + i + k * DP_BLOCK);
    for (; i + DP_BLOCK <= n; i += DP_BLOCK) sum[0] += dp_load(a + i) * dp_load(b + i);
    float rest = 0;
    for (; i < n; i++) rest += a[i] * b[i];
    return dp_sum((sum[0] + sum[1]) + (sum[2] + sum[3])) + rest;
}

/* x[n], w[m][n], b[m] -> y[m] */
void DP_ISA(dp_cpu_linear_fwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const float *x = args[0], *w = args[1], *b = args[2];
    float *y = args[3];
    const size_t n = dp_count(op->x), m = dp_count(op->y);
#pragma omp parallel num_threads(dp_team(n *m, threads))
    {
        size_t from, to;
        dp_my_floats(m, &from, &to);
        for (size_t j = from; j < to; j++) y[j] = b[j] + dot(x, w + j * n, n);
    }
}

static inline void add_scaled(float *restrict y, const float *restrict x, float a, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) y[i] += a * x[i];
}

/* x, w, dy -> dx (may be NULL), dw, db. Each thread has its columns of dx and its rows of dw. */
void DP_ISA(dp_cpu_linear_bwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const float *x = args[0], *w = args[1], *dy = args[2];
    float *dx = args[3], *dw = args[4], *db = args[5];
    const size_t n = dp_count(op->x), m = dp_count(op->y);
#pragma omp parallel num_threads(dp_team(n *m, threads))
    {
        size_t from, to;
        if (dx != NULL) {
            dp_my_floats(n, &from, &to);
            memset(dx + from, 0, (to - from) * sizeof *dx);
            for (size_t j = 0; j < m; j++) add_scaled(dx, w + j * n, dy[j], from, to);
        }
        dp_my_floats(m, &from, &to);
        for (size_t j = from; j < to; j++) {
            float *row = dw + j * n;
            const float d = dy[j];
            for (size_t i = 0; i < n; i++) row[i] = d * x[i];
            db[j] = d;
        }
    }
}
