/* Vector arithmetic beyond + - * /: the functions of the kernels' inner loops. Accuracy is that of float, about 2 units
 * in the last place; polynomials are those of the Cephes library (S. Moshier). */
#ifndef DP_BACKEND_CPU_VMATH_H
#define DP_BACKEND_CPU_VMATH_H

#include <math.h>

#include "backend/cpu/simd/simd.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef uint32_t dp_vecw __attribute__((vector_size(DP_BLOCK * 4)));
typedef double dp_vecd __attribute__((vector_size(DP_BLOCK * 8), aligned(64)));

static inline dp_vecd dp_wide(dp_vec v) {
    return __builtin_convertvector(v, dp_vecd);
}
static inline float dp_sum(dp_vec v) { /* pairwise */
    float f[DP_BLOCK];
    dp_store(f, v);
    for (int half = DP_BLOCK / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) f[i] += f[i + half];
    return f[0];
}

/* mask: lanes all ones or all zeros, as comparisons give. */
static inline dp_vec dp_select(dp_veci mask, dp_vec yes, dp_vec no) {
    return (dp_vec)((mask & (dp_veci)yes) | (~mask & (dp_veci)no));
}
static inline dp_vec dp_max(dp_vec a, dp_vec b) {
    return dp_select(a > b, a, b);
}
static inline dp_vec dp_min(dp_vec a, dp_vec b) {
    return dp_select(a < b, a, b);
}

static inline dp_vec dp_sqrt(dp_vec v) {
#if defined(__AVX512F__)
    return (dp_vec)_mm512_sqrt_ps((__m512)v);
#elif defined(__AVX__) && DP_BLOCK == 8
    return (dp_vec)_mm256_sqrt_ps((__m256)v);
#else
    for (int i = 0; i < DP_BLOCK; i++) v[i] = sqrtf(v[i]);
    return v;
#endif
}

/* Stores past the caches: for outputs too large to be found there by the next op. p is aligned to a vector. */
static inline void dp_store_past(float *p, dp_vec v) {
#if defined(__AVX512F__)
    _mm512_stream_ps(p, (__m512)v);
#elif defined(__AVX__) && DP_BLOCK == 8
    _mm256_stream_ps(p, (__m256)v);
#else
    *(dp_vec *)p = v;
#endif
}
/* After the last dp_store_past of a thread. */
static inline void dp_stores_end(void) {
#if defined(__AVX__)
    _mm_sfence();
#endif
}

/* High and low halves of the 32 x 32 bit products. */
static inline void dp_mul_wide(uint32_t m, dp_vecw v, dp_vecw *high, dp_vecw *low) {
#if defined(__AVX512F__)
    const __m512i a = (__m512i)v, k = _mm512_set1_epi32((int)m);
    const __m512i even = _mm512_mul_epu32(a, k), odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), k);
    *high = (dp_vecw)_mm512_mask_mov_epi32(_mm512_srli_epi64(even, 32), 0xAAAA, odd);
    *low = (dp_vecw)_mm512_mask_mov_epi32(even, 0xAAAA, _mm512_slli_epi64(odd, 32));
#elif defined(__AVX2__) && DP_BLOCK == 8
    const __m256i a = (__m256i)v, k = _mm256_set1_epi32((int)m);
    const __m256i even = _mm256_mul_epu32(a, k), odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), k);
    *high = (dp_vecw)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
    *low = (dp_vecw)_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
#else
    for (int i = 0; i < DP_BLOCK; i++) {
        const uint64_t p = (uint64_t)m * v[i];
        (*high)[i] = (uint32_t)(p >> 32);
        (*low)[i] = (uint32_t)p;
    }
#endif
}

static inline dp_vec dp_exp(dp_vec x) {
    x = dp_min(dp_splat(88.0f), dp_max(dp_splat(-87.3f), x)); /* in this order NaN stays NaN */
    /* x = n ln 2 + r, |r| <= ln 2 / 2; adding 1.5*2^23 rounds to a whole number. */
    const dp_vec magic = dp_splat(12582912.0f), shifted = x * 1.44269504f + magic, n = shifted - magic;
    const dp_vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    dp_vec p = dp_splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const dp_vecw scale = ((dp_vecw)shifted + (127u - 0x4B400000u)) << 23; /* 2^n */
    return p * (dp_vec)scale;
}

/* x > 0 and normal. */
static inline dp_vec dp_log(dp_vec x) {
    /* x = 2^e m, sqrt(1/2) <= m < sqrt(2) */
    const dp_vecw bits = (dp_vecw)x - 0x3F3504F3u;
    const dp_vec e = __builtin_convertvector((dp_veci)bits >> 23, dp_vec);
    const dp_vec m = (dp_vec)((bits & 0x7FFFFFu) + 0x3F3504F3u);
    const dp_vec f = m - 1.0f, z = f * f;
    dp_vec p = dp_splat(7.0376836292e-2f);
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    const dp_vec tail = p * (z * f) - 2.12194440e-4f * e - 0.5f * z;
    return (f + tail) + 0.693359375f * e;
}

/* |x| < 8192 */
static inline void dp_sincos(dp_vec x, dp_vec *sine, dp_vec *cosine) {
    /* x = q pi/2 + r, |r| <= pi/4; pi/2 in three parts whose products with q are exact (Cody and Waite) */
    const dp_vec magic = dp_splat(12582912.0f), shifted = x * 0.636619772f + magic, q = shifted - magic;
    const dp_vecw quadrant = (dp_vecw)shifted;
    const dp_vec r = ((x - q * 1.5703125f) - q * 4.837512969970703125e-4f) - q * 7.54978995489188216e-8f, z = r * r;
    dp_vec s = dp_splat(-1.9515295891e-4f), c = dp_splat(2.443315711809948e-5f);
    s = s * z + 8.3321608736e-3f;
    s = s * z - 1.6666654611e-1f;
    s = s * (z * r) + r;
    c = c * z - 1.388731625493765e-3f;
    c = c * z + 4.166664568298827e-2f;
    c = c * (z * z) - 0.5f * z + 1.0f;
    const dp_veci swap = (dp_veci)(quadrant << 31) >> 31;
    const dp_vecw sign_s = (quadrant << 30) & 0x80000000u, sign_c = ((quadrant + 1) << 30) & 0x80000000u;
    *sine = (dp_vec)((dp_vecw)dp_select(swap, c, s) ^ sign_s);
    *cosine = (dp_vec)((dp_vecw)dp_select(swap, s, c) ^ sign_c);
}

#endif
