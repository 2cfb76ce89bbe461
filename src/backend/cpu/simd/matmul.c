/* y = alpha op(a) op(b). Both operands are packed into panels whatever their layout, then multiplied tile by tile: MR
 * rows by NR columns held in registers over the whole inner dimension (Goto and van de Geijn 2008). */
#include <string.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

enum { MR = 6, NR = 2 * DP_BLOCK };

typedef struct matrix {
    const float *p;
    dp_shape shape; /* C rows, H*W columns */
    bool by_rows;   /* the side that is cut into panels is that of the rows */
} matrix;

static inline size_t element_at(dp_shape s, size_t row, size_t column) {
    const size_t columns = (size_t)s.h * (size_t)s.w;
    if (s.layout == DP_PLANAR) return row * columns + column;
    return (row / DP_BLOCK * columns + column) * DP_BLOCK + row % DP_BLOCK;
}

/* Panel of `width` rows (or columns) from `first`: packed[inner][width], zero beyond the matrix. */
static inline void pack_panel(const matrix *m, size_t first, size_t width, size_t inner, float *packed) {
    const dp_shape s = m->shape;
    const size_t side = m->by_rows ? (size_t)s.c : (size_t)s.h * (size_t)s.w;
    const size_t n = side - first < width ? side - first : width;
    if (n < width) memset(packed, 0, inner * width * sizeof *packed);
    if (m->by_rows) { /* along a row neighbours lie 1 or DP_BLOCK apart */
        const size_t step = s.layout == DP_PLANAR ? 1 : DP_BLOCK;
        for (size_t i = 0; i < n; i++) {
            const float *row = m->p + element_at(s, first + i, 0);
            for (size_t k = 0; k < inner; k++) packed[k * width + i] = row[k * step];
        }
    } else {
        const size_t step = s.layout == DP_PLANAR ? 1 : DP_BLOCK;
        for (size_t k = 0; k < inner; k++) {
            const float *row = m->p + element_at(s, k, first);
            for (size_t i = 0; i < n; i++) packed[k * width + i] = row[i * step];
        }
    }
}

typedef struct product {
    matrix a, b;
    size_t rows, columns, inner, panels_a, panels_b;
    float *packed_a, *packed_b;
} product;

static product product_of(const dp_op *op, void *const *args, float *ws) {
    product p = {.a = {NULL, op->x, !op->matmul.trans_a}, .b = {NULL, op->matmul.b, op->matmul.trans_b}};
    if (args != NULL) p.a.p = args[0], p.b.p = args[1];
    p.rows = (size_t)op->y.c;
    p.columns = (size_t)op->y.h * (size_t)op->y.w;
    p.inner = op->matmul.trans_a ? (size_t)op->x.c : (size_t)op->x.h * (size_t)op->x.w;
    p.panels_a = (p.rows + MR - 1) / MR;
    p.panels_b = (p.columns + NR - 1) / NR;
    p.packed_b = ws;
    p.packed_a = ws == NULL ? NULL : ws + p.panels_b * NR * p.inner;
    return p;
}

size_t DP_ISA(dp_cpu_matmul_workspace)(const dp_op *op, int threads) {
    (void)threads;
    const product p = product_of(op, NULL, NULL);
    return (p.panels_a * MR + p.panels_b * NR) * p.inner * sizeof(float);
}

static inline void tile(const float *a, const float *b, size_t inner, float alpha, float out[MR][NR]) {
    dp_vec sum[MR][2] = {0};
    for (size_t k = 0; k < inner; k++, a += MR, b += NR) {
        const dp_vec b0 = dp_load(b), b1 = dp_load(b + DP_BLOCK);
#pragma GCC unroll 6
        for (int i = 0; i < MR; i++) {
            sum[i][0] += a[i] * b0;
            sum[i][1] += a[i] * b1;
        }
    }
    for (int i = 0; i < MR; i++)
        for (int j = 0; j < 2; j++) dp_store(out[i] + j * DP_BLOCK, sum[i][j] * alpha);
}

static void store_tile(const product *p, dp_shape s, float *y, size_t row, size_t column, float out[MR][NR]) {
    const size_t rows = p->rows - row < MR ? p->rows - row : MR;
    const size_t columns = p->columns - column < NR ? p->columns - column : NR;
    const size_t step = s.layout == DP_PLANAR ? 1 : DP_BLOCK;
    for (size_t i = 0; i < rows; i++) {
        float *to = y + element_at(s, row + i, column);
        for (size_t j = 0; j < columns; j++) to[j * step] = out[i][j];
    }
}

static void clear_padding(dp_shape s, float *y, size_t from, size_t to) {
    if (s.layout == DP_PLANAR) return;
    for (int c = s.c; c % DP_BLOCK != 0; c++) {
        float *p = y + element_at(s, (size_t)c, 0);
        for (size_t j = from; j < to; j++) p[j * DP_BLOCK] = 0;
    }
}

/* a, b -> y */
void DP_ISA(dp_cpu_matmul)(const dp_op *op, int threads, void *const *args, void *ws) {
    const product p = product_of(op, args, ws);
    float *y = args[2];
    const size_t tiles = p.panels_a * p.panels_b;
#pragma omp parallel num_threads(dp_team(p.rows *p.columns + p.inner * (p.rows + p.columns), threads))
    {
        const int team = omp_get_num_threads(), t = omp_get_thread_num();
        size_t from, to;
        dp_share_aligned(p.panels_b, 1, team, t, &from, &to);
        for (size_t q = from; q < to; q++) pack_panel(&p.b, q * NR, NR, p.inner, p.packed_b + q * NR * p.inner);
        dp_share_aligned(p.panels_a, 1, team, t, &from, &to);
        for (size_t q = from; q < to; q++) pack_panel(&p.a, q * MR, MR, p.inner, p.packed_a + q * MR * p.inner);
#pragma omp barrier
        dp_share_aligned(tiles, 1, team, t, &from, &to);
        for (size_t q = from; q < to; q++) {
            const size_t qa = q % p.panels_a, qb = q / p.panels_a;
            float out[MR][NR];
            tile(p.packed_a + qa * MR * p.inner, p.packed_b + qb * NR * p.inner, p.inner, op->matmul.alpha, out);
            store_tile(&p, op->y, y, qa * MR, qb * NR, out);
        }
        dp_share_aligned(p.columns, 1, team, t, &from, &to);
        clear_padding(op->y, y, from, to);
    }
}
