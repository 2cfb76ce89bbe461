/* For the kernels compiled once per instruction set: vector type, symbol suffix, static splitting of work.
 * The build defines DP_ISA_NAME (base, avx2, avx512) and DP_BLOCK (8, 8, 16). */
#ifndef DP_BACKEND_CPU_SIMD_H
#define DP_BACKEND_CPU_SIMD_H

#include "backend/cpu/cpu.h"

#define DP_PASTE_(a, b) a##_##b
#define DP_PASTE(a, b) DP_PASTE_(a, b)
#define DP_ISA(name) DP_PASTE(name, DP_ISA_NAME)

/* One block of channels (or DP_BLOCK neighbouring floats). dp_vecu: the same at any address. */
typedef float dp_vec __attribute__((vector_size(DP_BLOCK * 4)));
typedef float dp_vecu __attribute__((vector_size(DP_BLOCK * 4), aligned(4)));
typedef int dp_veci __attribute__((vector_size(DP_BLOCK * 4)));

static inline dp_vec dp_load(const float *p) {
    return *(const dp_vecu *)p;
}
static inline void dp_store(float *p, dp_vec v) {
    *(dp_vecu *)p = v;
}
static inline dp_vec dp_splat(float f) {
    return f - (dp_vec){0};
}
static inline int dp_blocks(int channels) {
    return (channels + DP_BLOCK - 1) / DP_BLOCK;
}

/* Part `t` of `threads` equal parts of [0, n): [*from, *to). */
static inline void dp_share(int n, int threads, int t, int *from, int *to) {
    *from = (int)((long long)n * t / threads);
    *to = (int)((long long)n * (t + 1) / threads);
}

#endif
