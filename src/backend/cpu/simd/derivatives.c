/* Squared error of two pictures and of their first and second differences. The sum of squares is <r, A r> for the
 * residual r, so one pass makes A r, which is half the gradient. With V1, H1 = D'D of the first differences down and
 * right and V2, H2 of the second ones, A = c0 + c1 (V1 + H1) + c2 (V2 + H2 + 2 H1 V1). */
#include <string.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

enum { MARGIN = 16, ROWS = 4 }; /* zeros around a row of differences */

static size_t stride_of(const dp_op *op) {
    return ((size_t)op->x.w + 15) / 16 * 16 + 2 * MARGIN;
}

/* ws: partial sums, rows of each thread, the residual. */
size_t DP_ISA(dp_cpu_derivatives_workspace)(const dp_op *op, int threads) {
    return (size_t)threads * (64 + ROWS * stride_of(op) * sizeof(float)) + dp_count(op->x) * sizeof(float);
}

/* D'D of a row's first differences, and of its second ones; d, dd are rows with margins. */
static void along_row(const float *x, int w, float *d, float *dd, float *first, float *second) {
    d += MARGIN;
    dd += MARGIN;
    for (int j = 0; j + 1 < w; j++) d[j] = x[j + 1] - x[j];
    d[w - 1] = 0;
    for (int j = 0; j + 2 < w; j++) dd[j] = d[j + 1] - d[j];
    for (int j = w > 2 ? w - 2 : 0; j < w; j++) dd[j] = 0;
    for (int j = 0; j < w; j++) first[j] = d[j - 1] - d[j];
    if (second != NULL)
        for (int j = 0; j < w; j++) second[j] = dd[j] - 2 * dd[j - 1] + dd[j - 2];
}

/* The same down the columns at row i of h. */
static void down_columns(const float *x, int i, int h, int w, float *first, float *second) {
    memset(first, 0, (size_t)w * sizeof *first);
    memset(second, 0, (size_t)w * sizeof *second);
    for (int k = i - 1; k <= i; k++) /* the difference of rows k, k+1, if they exist */
        if (k >= 0 && k + 1 < h) {
            const float *a = x + (ptrdiff_t)(k - i) * w, sign = k == i ? -1.0f : 1.0f;
            for (int j = 0; j < w; j++) first[j] += sign * (a[w + j] - a[j]);
        }
    for (int k = i - 2; k <= i; k++)
        if (k >= 0 && k + 2 < h) {
            const float *a = x + (ptrdiff_t)(k - i) * w, tap = k == i - 1 ? -2.0f : 1.0f;
            for (int j = 0; j < w; j++) second[j] += tap * ((a[2 * w + j] - a[w + j]) - (a[w + j] - a[j]));
        }
}

/* Row r of all planes: dx = scale * A r. Returns <r, A r>. */
static double product_row(const dp_op *op, const float *residual, int r, float scale, float *rows, float *dx) {
    const int h = op->x.h, w = op->x.w;
    const float c0 = op->loss.order[0], c1 = op->loss.order[1], c2 = op->loss.order[2];
    const size_t stride = stride_of(op);
    const float *x = residual + (size_t)r * (size_t)w;
    float *v1 = rows + 2 * stride, *sum = rows + 3 * stride, *out = dx + (size_t)r * (size_t)w;
    down_columns(x, r % h, h, w, v1, sum);
    for (int j = 0; j < w; j++) sum[j] = c0 * x[j] + c1 * v1[j] + c2 * sum[j];
    along_row(v1, w, rows, rows + stride, out, NULL);
    for (int j = 0; j < w; j++) sum[j] += 2 * c2 * out[j];
    along_row(x, w, rows, rows + stride, out, v1);
    float total = 0;
    for (int j = 0; j < w; j++) {
        const float a = sum[j] + c1 * out[j] + c2 * v1[j];
        total += x[j] * a;
        out[j] = scale * a;
    }
    return (double)total;
}

/* x, target, weight -> loss, dx */
void DP_ISA(dp_cpu_derivatives)(const dp_op *op, int threads, void *const *args, void *ws) {
    const float *x = args[0], *target = args[1];
    const size_t n = dp_count(op->x), length = ROWS * stride_of(op);
    const double weight = (double)*(const float *)args[2] / (double)n;
    float *rows = (float *)dp_partial(ws, threads), *residual = rows + (size_t)threads * length;
    int team = 1;
#pragma omp parallel num_threads(dp_team(n, threads))
    {
        const int t = omp_get_thread_num();
        float *mine = rows + (size_t)t * length;
        size_t first, last;
        int from, to;
        double sum = 0;
        dp_my_floats(n, &first, &last);
        for (size_t i = first; i < last; i++) residual[i] = x[i] - target[i];
        memset(mine, 0, length * sizeof *mine);
        dp_my_share(op->x.c * op->x.h, &from, &to);
#pragma omp barrier
        for (int r = from; r < to; r++) sum += product_row(op, residual, r, (float)(2 * weight), mine, args[4]);
        *dp_partial(ws, t) = sum;
        if (t == 0) team = omp_get_num_threads();
    }
    *(float *)args[3] = (float)(weight * dp_total(ws, team));
}
