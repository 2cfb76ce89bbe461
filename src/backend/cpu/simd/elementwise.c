/* Ops without neighbourhoods: sum, product, channel copy, activations, softmax. */
#include <string.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

/* a, b -> y (may be a or b) */
void DP_ISA(dp_cpu_add)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const float *a = args[0], *b = args[1];
    float *y = args[2];
    const size_t n = dp_storage(op->x);
#pragma omp parallel num_threads(dp_team(n, threads))
    {
        size_t i, to;
        dp_my_floats(n, &i, &to);
        for (; i + DP_BLOCK <= to; i += DP_BLOCK) dp_store(y + i, dp_load(a + i) + dp_load(b + i));
        for (; i < to; i++) y[i] = a[i] + b[i];
    }
}

/* a (may be NULL), b, c -> y = a + b*c (may be any of them) */
void DP_ISA(dp_cpu_muladd)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const float *a = args[0], *b = args[1], *c = args[2];
    float *y = args[3];
    const size_t n = dp_storage(op->x);
#pragma omp parallel num_threads(dp_team(n, threads))
    {
        size_t from, to;
        dp_my_floats(n, &from, &to);
        if (a == NULL)
            for (size_t i = from; i < to; i++) y[i] = b[i] * c[i];
        else
            for (size_t i = from; i < to; i++) y[i] = a[i] + b[i] * c[i];
    }
}

/* The rows [from, to) of one channel, pixel by pixel: blocks of x and y may be shifted against each other. */
static void copy_channel(const dp_op *op, const float *x, float *y, int channel, size_t from, size_t to) {
    const size_t pixels = (size_t)op->x.h * (size_t)op->x.w;
    const size_t cx = (size_t)(op->copy.from + channel), cy = (size_t)(op->copy.to + channel);
    const float *src = x + cx / DP_BLOCK * pixels * DP_BLOCK + cx % DP_BLOCK;
    float *dst = y + cy / DP_BLOCK * pixels * DP_BLOCK + cy % DP_BLOCK;
    for (size_t p = from; p < to; p++) dst[p * DP_BLOCK] = src[p * DP_BLOCK];
}

/* x -> channels of y */
void DP_ISA(dp_cpu_channel_copy)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const size_t pixels = (size_t)op->x.h * (size_t)op->x.w, plane = pixels * sizeof(float);
    if (op->copy.clear) memset(args[1], 0, dp_storage(op->y) * sizeof(float));
    if (op->x.layout == DP_PLANAR) {
        memcpy((char *)args[1] + (size_t)op->copy.to * plane, (const char *)args[0] + (size_t)op->copy.from * plane,
               (size_t)op->copy.n * plane);
        return;
    }
#pragma omp parallel num_threads(dp_team(pixels *(size_t)op->copy.n, threads))
    {
        size_t from, to;
        dp_my_floats(pixels, &from, &to);
        for (int c = 0; c < op->copy.n; c++) copy_channel(op, args[0], args[1], c, from, to);
    }
}

static inline dp_vec act(dp_vec v, dp_act kind, float factor) {
    dp_vec sine, cosine;
    if (kind == DP_SINE) return dp_sincos(v * factor, &sine, &cosine), sine;
    if (kind == DP_SIGMOID) return 1.0f / (1.0f + dp_exp(-v));
    return dp_min(dp_splat(6.0f), dp_max(dp_splat(0.0f), v)); /* in this order NaN stays NaN */
}

static inline dp_vec act_gradient(dp_vec y, dp_vec dy, dp_act kind, float factor) {
    dp_vec sine, cosine;
    if (kind == DP_SINE) return dp_sincos(y * factor, &sine, &cosine), dy * (factor * cosine);
    if (kind == DP_SIGMOID) return dy * y * (1.0f - y);
    return dp_select((y > 0.0f) & (y < 6.0f), dy, dp_splat(0.0f));
}

/* A vector with the last n floats of an array; the rest 0. */
static inline dp_vec load_tail(const float *p, size_t n) {
    float f[DP_BLOCK] = {0};
    memcpy(f, p, n * sizeof *f);
    return dp_load(f);
}

static inline void store_tail(float *p, size_t n, dp_vec v) {
    float f[DP_BLOCK];
    dp_store(f, v);
    memcpy(p, f, n * sizeof *f);
}

/* x -> y (may be x) */
void DP_ISA(dp_cpu_act_fwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const float *x = args[0];
    float *y = args[1];
    const size_t n = dp_storage(op->x);
    const dp_act kind = op->act.act;
    const float factor = op->act.factor;
#pragma omp parallel num_threads(dp_team(n, threads))
    {
        size_t i, to;
        dp_my_floats(n, &i, &to);
        for (; i + DP_BLOCK <= to; i += DP_BLOCK) dp_store(y + i, act(dp_load(x + i), kind, factor));
        if (i < to) store_tail(y + i, to - i, act(load_tail(x + i, to - i), kind, factor));
    }
}

/* y (sine: x), dy -> dx (may be dy) */
void DP_ISA(dp_cpu_act_bwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const float *y = args[0], *dy = args[1];
    float *dx = args[2];
    const size_t n = dp_storage(op->x);
    const dp_act kind = op->act.act;
    const float factor = op->act.factor;
#pragma omp parallel num_threads(dp_team(n, threads))
    {
        size_t i, to;
        dp_my_floats(n, &i, &to);
        for (; i + DP_BLOCK <= to; i += DP_BLOCK)
            dp_store(dx + i, act_gradient(dp_load(y + i), dp_load(dy + i), kind, factor));
        if (i < to) {
            const dp_vec v = act_gradient(load_tail(y + i, to - i), load_tail(dy + i, to - i), kind, factor);
            store_tail(dx + i, to - i, v);
        }
    }
}

/* A PSF value below this is 0: subnormal taps would slow down every product with them. */
static const float tiny = 1e-30f;

/* x -> y: exp(x - max) / sum. At most 101 x 101 numbers: one thread. */
void DP_ISA(dp_cpu_softmax_fwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)threads, (void)ws;
    const float *x = args[0];
    float *y = args[1];
    const size_t n = dp_count(op->x), whole = n / DP_BLOCK * DP_BLOCK;
    float largest = x[0];
    for (size_t i = 1; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    double sum = 0;
    for (size_t i = 0; i < whole; i += DP_BLOCK) {
        const dp_vec e = dp_exp(dp_load(x + i) - largest);
        dp_store(y + i, e);
        sum += (double)dp_sum(e);
    }
    if (whole < n) store_tail(y + whole, n - whole, dp_exp(load_tail(x + whole, n - whole) - largest));
    for (size_t i = whole; i < n; i++) sum += (double)y[i];
    const float scale = (float)(1 / sum);
    for (size_t i = 0; i < n; i++) y[i] = y[i] * scale < tiny ? 0 : y[i] * scale;
}

/* y, dy -> dx = y (dy - sum y dy) */
void DP_ISA(dp_cpu_softmax_bwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)threads, (void)ws;
    const float *y = args[0], *dy = args[1];
    float *dx = args[2];
    const size_t n = dp_count(op->x);
    double dot = 0;
    for (size_t i = 0; i < n; i++) dot += (double)y[i] * (double)dy[i];
    for (size_t i = 0; i < n; i++) dx[i] = y[i] * (dy[i] - (float)dot);
}
