/* 2x2 maximum, first of equals in reading order, and its adjoint. The index is the place 0..3 as a float. */
#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

/* A NaN beats everything, as in PyTorch: it must not vanish here. */
static inline void larger(dp_vec v, float place, dp_vec *best, dp_vec *index) {
    const dp_veci wins = (v > *best) | (v != v);
    *best = dp_select(wins, v, *best);
    *index = dp_select(wins, dp_splat(place), *index);
}

/* x -> y, index */
void DP_ISA(dp_cpu_maxpool2_fwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const float *x = args[0];
    float *y = args[1], *index = args[2];
    const int h = op->x.h, ho = op->y.h, wo = op->y.w, rows = dp_blocks(op->x.c) * ho;
    const size_t w = (size_t)op->x.w;
#pragma omp parallel num_threads(dp_team(dp_storage(op->x), threads))
    {
        int from, to;
        dp_my_share(rows, &from, &to);
        for (int r = from; r < to; r++) {
            const float *top = x + ((size_t)(r / ho) * (size_t)h + 2 * (size_t)(r % ho)) * w * DP_BLOCK;
            for (int j = 0; j < wo; j++) {
                const float *p = top + (size_t)(2 * j) * DP_BLOCK;
                dp_vec best = dp_load(p), place = {0};
                larger(dp_load(p + DP_BLOCK), 1, &best, &place);
                larger(dp_load(p + w * DP_BLOCK), 2, &best, &place);
                larger(dp_load(p + (w + 1) * DP_BLOCK), 3, &best, &place);
                const size_t at = ((size_t)r * (size_t)wo + (size_t)j) * DP_BLOCK;
                dp_store(y + at, best);
                dp_store(index + at, place);
            }
        }
    }
}

/* One row of dx; places 0 and 1 for the upper row of a pair, 2 and 3 for the lower. */
static void spread_row(const float *dy, const float *index, float *dx, int w, int wo, float place) {
    const dp_vec zero = {0};
    for (int j = 0; j < wo; j++) {
        const dp_vec d = dp_load(dy + (size_t)j * DP_BLOCK), at = dp_load(index + (size_t)j * DP_BLOCK);
        dp_store(dx + (size_t)(2 * j) * DP_BLOCK, dp_select(at == place, d, zero));
        dp_store(dx + (size_t)(2 * j + 1) * DP_BLOCK, dp_select(at == place + 1, d, zero));
    }
    if (w > 2 * wo) dp_store(dx + (size_t)(w - 1) * DP_BLOCK, zero);
}

/* dy, index -> dx */
void DP_ISA(dp_cpu_maxpool2_bwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const float *dy = args[0], *index = args[1];
    float *dx = args[2];
    const int h = op->x.h, w = op->x.w, ho = op->y.h, wo = op->y.w, rows = dp_blocks(op->x.c) * h;
#pragma omp parallel num_threads(dp_team(dp_storage(op->x), threads))
    {
        int from, to;
        dp_my_share(rows, &from, &to);
        for (int r = from; r < to; r++) {
            const int row = r % h;
            float *out = dx + (size_t)r * (size_t)w * DP_BLOCK;
            const size_t at = ((size_t)(r / h) * (size_t)ho + (size_t)(row / 2)) * (size_t)wo * DP_BLOCK;
            if (row / 2 < ho)
                spread_row(dy + at, index + at, out, w, wo, row % 2 ? 2 : 0);
            else
                for (size_t i = 0; i < (size_t)w * DP_BLOCK; i++) out[i] = 0;
        }
    }
}
