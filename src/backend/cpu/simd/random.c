/* Philox numbers, DP_BLOCK counters at a time; the same numbers as base/philox.c (normal ones up to the rounding of
 * log, sine and cosine). */
#include <string.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

enum { GROUP = 4 * DP_BLOCK }; /* numbers per step */

typedef struct stream {
    dp_philox_key key;
    dp_random law;
    uint64_t draw;
} stream;

/* Salmon et al. 2011, Philox4x32-10 of the counters (index..index+DP_BLOCK-1, draw). */
static inline void philox(const stream *s, uint64_t index, dp_vecw c[4]) {
    uint32_t low[DP_BLOCK], high[DP_BLOCK];
    for (int i = 0; i < DP_BLOCK; i++) {
        low[i] = (uint32_t)(index + (uint64_t)i);
        high[i] = (uint32_t)((index + (uint64_t)i) >> 32);
    }
    memcpy(&c[0], low, sizeof low);
    memcpy(&c[1], high, sizeof high);
    const dp_vecw zero = {0};
    c[2] = zero + (uint32_t)s->draw;
    c[3] = zero + (uint32_t)(s->draw >> 32);
    uint32_t k0 = s->key.word[0], k1 = s->key.word[1];
    for (int round = 0; round < 10; round++) {
        dp_vecw high0, low0, high1, low1;
        dp_mul_wide(0xD2511F53u, c[0], &high0, &low0);
        dp_mul_wide(0xCD9E8D57u, c[2], &high1, &low1);
        c[0] = high1 ^ c[1] ^ k0;
        c[1] = low1;
        c[2] = high0 ^ c[3] ^ k1;
        c[3] = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

static inline dp_vec uniform(dp_vecw bits) {
    return __builtin_convertvector((dp_veci)((bits >> 8) + 1), dp_vec) * 0x1p-24f;
}

static inline void box_muller(dp_vec *a, dp_vec *b) {
    const dp_vec r = dp_sqrt(-2.0f * dp_log(*a));
    dp_vec sine, cosine;
    dp_sincos(6.28318530717958648f * *b, &sine, &cosine);
    *a = r * cosine;
    *b = r * sine;
}

/* Numbers [4 index, 4 index + GROUP) of the draw. */
static void numbers(const stream *s, uint64_t index, float out[GROUP]) {
    dp_vecw bits[4];
    dp_vec v[4];
    philox(s, index, bits);
    for (int k = 0; k < 4; k++) v[k] = uniform(bits[k]);
    if (s->law == DP_NORMAL) {
        box_muller(&v[0], &v[1]);
        box_muller(&v[2], &v[3]);
    }
    for (int i = 0; i < DP_BLOCK; i++)
        for (int k = 0; k < 4; k++) out[4 * i + k] = v[k][i];
}

/* Numbers [from, to) of the draw lie in memory in their own order: one channel, or one full block of channels. */
static bool in_order(dp_shape s) {
    return s.layout == DP_PLANAR ? s.c == 1 || s.h * s.w == 1 : s.c == DP_BLOCK;
}

static void put_in_order(float *y, const float *x, const float *number, float scale, size_t from, size_t n) {
    if (x == NULL)
        for (size_t i = 0; i < n; i++) y[from + i] = scale * number[i];
    else
        for (size_t i = 0; i < n; i++) y[from + i] = x[from + i] + scale * number[i];
}

static void put_anywhere(dp_shape s, float *y, const float *x, const float *number, float scale, size_t from,
                         size_t n) {
    const size_t channels = (size_t)s.c, pixels = (size_t)s.h * (size_t)s.w;
    size_t c = from % channels, p = from / channels;
    for (size_t i = 0; i < n; i++) {
        const size_t at =
            s.layout == DP_PLANAR ? c * pixels + p : (c / DP_BLOCK * pixels + p) * DP_BLOCK + c % DP_BLOCK;
        y[at] = (x == NULL ? 0 : x[at]) + scale * number[i];
        if (++c == channels) c = 0, p++;
    }
}

static void clear_padding(dp_shape s, float *y, size_t from, size_t to) {
    if (s.layout == DP_PLANAR) return;
    float *last = y + (size_t)(s.c / DP_BLOCK) * (size_t)s.h * (size_t)s.w * DP_BLOCK;
    for (int c = s.c % DP_BLOCK; c > 0 && c < DP_BLOCK; c++)
        for (size_t p = from; p < to; p++) last[p * DP_BLOCK + (size_t)c] = 0;
}

/* x (may be NULL), draw (host) -> y */
void DP_ISA(dp_cpu_random_fill)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const float *x = args[0], scale = op->random.scale;
    float *y = args[2];
    const stream s = {op->random.key, op->random.law, *(const uint64_t *)args[1]};
    const dp_shape shape = op->y;
    const size_t n = dp_count(shape), pixels = (size_t)shape.h * (size_t)shape.w;
    const bool ordered = in_order(shape);
#pragma omp parallel num_threads(dp_team(n, threads))
    {
        const int team = omp_get_num_threads(), t = omp_get_thread_num();
        size_t from, to;
        dp_share_aligned(n, GROUP, team, t, &from, &to);
        for (size_t i = from; i < to; i += GROUP) {
            float number[GROUP];
            numbers(&s, i / 4, number);
            const size_t count = to - i < GROUP ? to - i : GROUP;
            if (ordered)
                put_in_order(y, x, number, scale, i, count);
            else
                put_anywhere(shape, y, x, number, scale, i, count);
        }
        dp_share_aligned(pixels, 16, team, t, &from, &to);
        clear_padding(shape, y, from, to);
    }
}
