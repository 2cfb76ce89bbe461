/* Micro-kernels of the convolutions: small matrix products held in registers.
 *
 *   dp_gemm_rows   C[MR rows][NV vectors] += A[row][k] B[k][vector]: A is broadcast, B loaded; rows are pixels or tiles
 *   dp_gemm_outer  C[MR][NV vectors] += sum over points p of A[p][MR] B[p][vector]: both run over the points
 *
 * The register block is chosen so that accumulators, one row of B and one broadcast fit: 12 of 16 registers with AVX2
 * (12 chains cover the latency of 4 cycles at 2 per cycle), 24 of 32 with AVX-512. Loops over DP_MR and NV are unrolled
 * completely, so all accumulators live in registers; a call with constant mr, nv gives one kernel. */
#ifndef DP_BACKEND_CPU_SIMD_CONV_GEMM_H
#define DP_BACKEND_CPU_SIMD_CONV_GEMM_H

#include "backend/cpu/simd/simd.h"

#if defined(__AVX512F__)
#define DP_MR 12 /* rows of dp_gemm_rows, with 2 vectors */
#define DP_MO 8  /* channels of dp_gemm_outer, with up to DP_NO vectors */
#define DP_NO 3
#elif defined(__AVX2__)
#define DP_MR 6
#define DP_MO 4
#define DP_NO 3
#else
#define DP_MR 2
#define DP_MO 2
#define DP_NO 2
#endif
#define DP_NR 2 /* vectors of dp_gemm_rows */

#define DP_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define DP_UNROLL _Pragma("unroll")
#else
#define DP_UNROLL _Pragma("GCC unroll 16")
#endif
/* for i in [0, n), n <= most; most is a literal, so that the loop is unrolled and the arrays become registers. */
#define DP_EACH(i, n, most) DP_UNROLL for (int i = 0; i < (most); i++) if (i < (n))

/* acc[r][v] += sum_k a[r*row + k] * b[(k*nv + v)*DP_BLOCK ..], k in [0, n) */
DP_INLINE void dp_gemm_rows(int mr, int nv, int n, const float *restrict a, ptrdiff_t row, const float *restrict b,
                            dp_vec acc[DP_MR][DP_NR]) {
    for (int k = 0; k < n; k++) {
        dp_vec w[DP_NR];
        DP_EACH(v, nv, DP_NR) w[v] = dp_load(b + (ptrdiff_t)(k * nv + v) * DP_BLOCK);
        DP_EACH(r, mr, DP_MR) {
            const dp_vec x = dp_splat(a[r * row + k]);
            DP_EACH(v, nv, DP_NR) acc[r][v] += x * w[v];
        }
    }
}

/* Panels of blocks for dp_gemm_outer: at most DP_NO in each, as equal as can be, since a lone one has too few chains.
 */
static inline int dp_outer_panels(int blocks) {
    return (blocks + DP_NO - 1) / DP_NO;
}
/* Blocks of one panel; *first: the first of them. */
static inline int dp_outer_panel(int blocks, int panel, int *first) {
    int end;
    dp_share(blocks, dp_outer_panels(blocks), panel, first, &end);
    return end - *first;
}

/* acc[i][v] += sum_p a[p*a_step + i] * b[v*b_vec + p*b_step ..], p in [0, n) */
DP_INLINE void dp_gemm_outer(int nv, int n, const float *restrict a, ptrdiff_t a_step, const float *restrict b,
                             ptrdiff_t b_step, ptrdiff_t b_vec, dp_vec acc[DP_MO][DP_NO]) {
    for (int p = 0; p < n; p++, a += a_step, b += b_step) {
        dp_vec w[DP_NO];
        DP_EACH(v, nv, DP_NO) w[v] = dp_load(b + v * b_vec);
        DP_EACH(i, DP_MO, DP_MO) {
            const dp_vec x = dp_splat(a[i]);
            DP_EACH(v, nv, DP_NO) acc[i][v] += x * w[v];
        }
    }
}

#endif
