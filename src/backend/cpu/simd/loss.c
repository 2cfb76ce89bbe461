/* Mean squared error and total variation, each with its gradient. */
#include <math.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

enum { CHUNK = 4096 }; /* numbers summed in float lanes before they go to double */

/* ws: one double per thread, a cache line apart; for tv then three rows per thread. */
static size_t row_floats(const dp_op *op) {
    return ((size_t)op->x.w + 15) / 16 * 16;
}

size_t DP_ISA(dp_cpu_loss_workspace)(const dp_op *op, int threads) {
    return (size_t)threads * (64 + (op->kind == DP_TV ? 3 * row_floats(op) * sizeof(float) : 0));
}

typedef struct mse_args {
    const float *x, *target, *mask; /* target, mask: or NULL */
    float *dx, *dtarget;            /* dtarget: or NULL */
    float value, scale;
    size_t plane;
} mse_args;

/* Sum of mask*(x-t)^2 over [from, to). */
static double squares(const mse_args *a, size_t from, size_t to) {
    double total = 0;
    for (size_t i = from; i < to;) {
        const size_t end = i + CHUNK < to ? i + CHUNK : to;
        dp_vec sum = {0};
        for (; i + DP_BLOCK <= end; i += DP_BLOCK) {
            const dp_vec d = dp_load(a->x + i) - (a->target != NULL ? dp_load(a->target + i) : dp_splat(a->value));
            sum += d * d;
            dp_store(a->dx + i, d * a->scale);
        }
        total += (double)dp_sum(sum);
        for (; i < end; i++) {
            const float d = a->x[i] - (a->target != NULL ? a->target[i] : a->value);
            total += (double)(d * d);
            a->dx[i] = d * a->scale;
        }
    }
    return total;
}

static double masked_squares(const mse_args *a, size_t from, size_t to) {
    double total = 0;
    for (size_t i = from; i < to;) {
        const size_t begin = i, rest = a->plane - i % a->plane, end = i + (rest < CHUNK ? rest : CHUNK);
        const float *mask = a->mask + i % a->plane;
        float sum = 0;
        for (; i < end && i < to; i++) {
            const float d = a->x[i] - (a->target != NULL ? a->target[i] : a->value), e = mask[i - begin] * d;
            sum += e * d;
            a->dx[i] = e * a->scale;
        }
        total += (double)sum;
    }
    return total;
}

static double squares_and_gradients(const mse_args *a, size_t from, size_t to) {
    const double sum = a->mask != NULL ? masked_squares(a, from, to) : squares(a, from, to);
    if (a->dtarget != NULL)
        for (size_t i = from; i < to; i++) a->dtarget[i] = -a->dx[i];
    return sum;
}

/* x, target, mask, weight -> loss, dx, dtarget */
void DP_ISA(dp_cpu_mse)(const dp_op *op, int threads, void *const *args, void *ws) {
    const size_t n = dp_count(op->x);
    const double weight = (double)*(const float *)args[3] / (double)n;
    const mse_args a = {.x = args[0],
                        .target = args[1],
                        .mask = args[2],
                        .dx = args[5],
                        .dtarget = args[6],
                        .value = op->loss.value,
                        .scale = (float)(2 * weight),
                        .plane = (size_t)op->x.h * (size_t)op->x.w};
    int team = 1;
#pragma omp parallel num_threads(dp_team(n, threads))
    {
        size_t from, to;
        dp_my_floats(n, &from, &to);
        const int t = omp_get_thread_num();
        *dp_partial(ws, t) = squares_and_gradients(&a, from, to);
        if (t == 0) team = omp_get_num_threads();
    }
    *(float *)args[4] = (float)(weight * dp_total(ws, team));
}

/* Row of a plane: returns sum of s = sqrt(gx^2 + gy^2 + eps); p = gx/s, q = gy/s. below is NULL for the last row. */
static double tv_row(const float *x, const float *below, int w, float eps, float *restrict p, float *restrict q) {
    float sum = 0;
    for (int j = 0; j < w; j++) {
        const float gx = j + 1 < w ? x[j + 1] - x[j] : 0, gy = below != NULL ? below[j] - x[j] : 0;
        const float s = sqrtf(gx * gx + gy * gy + eps);
        p[j] = gx / s;
        q[j] = gy / s;
        sum += s;
    }
    return (double)sum;
}

/* Rows [from, to) of all planes; rows: scratch of 3 rows. */
static double tv_rows(const dp_op *op, const float *x, float *dx, float scale, float *rows, int from, int to) {
    const int h = op->x.h, w = op->x.w;
    const size_t width = (size_t)w, stride = row_floats(op);
    float *p = rows, *q = rows + stride, *above = rows + 2 * stride;
    double total = 0;
    for (int r = from; r < to; r++) {
        const int row = r % h;
        const float *here = x + (size_t)r * width;
        if (row == 0)
            for (int j = 0; j < w; j++) above[j] = 0;
        else if (r == from)
            tv_row(here - width, here, w, op->loss.eps, p, above);
        total += tv_row(here, row + 1 < h ? here + width : NULL, w, op->loss.eps, p, q);
        float *out = dx + (size_t)r * width;
        for (int j = 0; j < w; j++) out[j] = scale * (above[j] - p[j] - q[j] + (j > 0 ? p[j - 1] : 0));
        float *swap = above;
        above = q;
        q = swap;
    }
    return total;
}

/* x, weight -> loss, dx */
void DP_ISA(dp_cpu_tv)(const dp_op *op, int threads, void *const *args, void *ws) {
    const double weight = (double)*(const float *)args[1] / (double)dp_count(op->x);
    float *rows = (float *)dp_partial(ws, threads);
    int team = 1;
#pragma omp parallel num_threads(dp_team(dp_count(op->x), threads))
    {
        int from, to;
        dp_my_share(op->x.c * op->x.h, &from, &to);
        const int t = omp_get_thread_num();
        float *mine = rows + (size_t)t * 3 * row_floats(op);
        *dp_partial(ws, t) = tv_rows(op, args[0], args[3], (float)weight, mine, from, to);
        if (t == 0) team = omp_get_num_threads();
    }
    *(float *)args[2] = (float)(weight * dp_total(ws, team));
}
