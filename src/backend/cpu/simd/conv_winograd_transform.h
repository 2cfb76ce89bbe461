/* Winograd's minimal filtering F(4x4, 3x3), points 0, 1, -1, 2, -2 and infinity (Lavin & Gray 2016, section 4.3):
 *
 *   y = A^T [ (G g G^T) . (B^T d B) ] A        d 6x6 of the input, g 3x3 filter, y 4x4 of the output
 *   dg = G^T [ (A dy A^T) . (B^T d B) ] G      its adjoint with respect to g
 *
 * Every function below is one side of such a product for a block of channels at once; a 6x6 result is 36 "frequencies"
 * f = 6*row + column. Errors grow by about 10 over the direct sum: 1e-6 of the output's scale in float32. */
#ifndef DP_BACKEND_CPU_SIMD_CONV_WINOGRAD_TRANSFORM_H
#define DP_BACKEND_CPU_SIMD_CONV_WINOGRAD_TRANSFORM_H

#include "backend/cpu/simd/conv_gemm.h"

enum { DP_TILE = 4, DP_PATCH = 6, DP_FREQ = 36 }; /* side of an output tile, of its input patch; products per tile */

/* o = B^T d */
DP_INLINE void dp_wino_input_1d(dp_vec d0, dp_vec d1, dp_vec d2, dp_vec d3, dp_vec d4, dp_vec d5, dp_vec o[6]) {
    const dp_vec a = d4 - 4 * d2, b = d3 - 4 * d1, c = d4 - d2, e = 2 * (d3 - d1);
    o[0] = 4 * d0 - 5 * d2 + d4;
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + e;
    o[4] = c - e;
    o[5] = 4 * d1 - 5 * d3 + d5;
}

/* o = A^T m */
DP_INLINE void dp_wino_output_1d(dp_vec m0, dp_vec m1, dp_vec m2, dp_vec m3, dp_vec m4, dp_vec m5, dp_vec o[4]) {
    const dp_vec s = m1 + m2, d = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
    o[0] = m0 + s + s2;
    o[1] = d + 2 * d2;
    o[2] = s + 4 * s2;
    o[3] = d + 8 * d2 + m5;
}

/* o = A y */
DP_INLINE void dp_wino_output_adjoint_1d(dp_vec y0, dp_vec y1, dp_vec y2, dp_vec y3, dp_vec o[6]) {
    const dp_vec a = y0 + y2, b = y1 + y3, c = y0 + 4 * y2, e = 2 * y1 + 8 * y3;
    o[0] = y0;
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + e;
    o[4] = c - e;
    o[5] = y3;
}

/* o = G g */
DP_INLINE void dp_wino_filter_1d(dp_vec g0, dp_vec g1, dp_vec g2, dp_vec o[6]) {
    const dp_vec a = (g0 + g2) * (-1.0f / 6), b = g1 * (1.0f / 6);
    const dp_vec c = g0 * (1.0f / 24) + g2 * (1.0f / 6), e = g1 * (1.0f / 12);
    o[0] = g0 * 0.25f;
    o[1] = a - b;
    o[2] = a + b;
    o[3] = c + e;
    o[4] = c - e;
    o[5] = g2;
}

/* o = G^T u */
DP_INLINE void dp_wino_filter_adjoint_1d(const dp_vec u0, dp_vec u1, dp_vec u2, dp_vec u3, dp_vec u4, dp_vec u5,
                                         dp_vec o[3]) {
    const dp_vec s = (u1 + u2) * (-1.0f / 6), s2 = u3 + u4;
    o[0] = u0 * 0.25f + s + s2 * (1.0f / 24);
    o[1] = (u2 - u1) * (1.0f / 6) + (u3 - u4) * (1.0f / 12);
    o[2] = s + s2 * (1.0f / 6) + u5;
}

/* Patch d (rows `row` floats apart) -> out[f*step] */
DP_INLINE void dp_wino_input(const float *d, ptrdiff_t row, float *out, ptrdiff_t step) {
    dp_vec t[6][6]; /* [column][frequency row] */
    DP_UNROLL for (int j = 0; j < 6; j++) {
        const float *p = d + j * DP_BLOCK;
        dp_wino_input_1d(dp_load(p), dp_load(p + row), dp_load(p + 2 * row), dp_load(p + 3 * row), dp_load(p + 4 * row),
                         dp_load(p + 5 * row), t[j]);
    }
    DP_UNROLL for (int i = 0; i < 6; i++) {
        dp_vec o[6];
        dp_wino_input_1d(t[0][i], t[1][i], t[2][i], t[3][i], t[4][i], t[5][i], o);
        DP_UNROLL for (int j = 0; j < 6; j++) dp_store(out + (i * 6 + j) * step, o[j]);
    }
}

/* m[f*step] -> 4x4 outputs y (rows `row` floats apart) plus bias */
DP_INLINE void dp_wino_output(const float *m, ptrdiff_t step, dp_vec bias, float *y, ptrdiff_t row) {
    dp_vec t[6][4]; /* [frequency column][output row] */
    DP_UNROLL for (int j = 0; j < 6; j++) {
        const float *p = m + j * step;
        dp_wino_output_1d(dp_load(p), dp_load(p + 6 * step), dp_load(p + 12 * step), dp_load(p + 18 * step),
                          dp_load(p + 24 * step), dp_load(p + 30 * step), t[j]);
    }
    DP_UNROLL for (int i = 0; i < 4; i++) {
        dp_vec o[4];
        dp_wino_output_1d(t[0][i], t[1][i], t[2][i], t[3][i], t[4][i], t[5][i], o);
        DP_UNROLL for (int j = 0; j < 4; j++) dp_store(y + i * row + j * DP_BLOCK, o[j] + bias);
    }
}

/* 4x4 of dy -> out[f*step] */
DP_INLINE void dp_wino_output_adjoint(const float *dy, ptrdiff_t row, float *out, ptrdiff_t step) {
    dp_vec t[4][6]; /* [column][frequency row] */
    DP_UNROLL for (int j = 0; j < 4; j++) {
        const float *p = dy + j * DP_BLOCK;
        dp_wino_output_adjoint_1d(dp_load(p), dp_load(p + row), dp_load(p + 2 * row), dp_load(p + 3 * row), t[j]);
    }
    DP_UNROLL for (int i = 0; i < 6; i++) {
        dp_vec o[6];
        dp_wino_output_adjoint_1d(t[0][i], t[1][i], t[2][i], t[3][i], o);
        DP_UNROLL for (int j = 0; j < 6; j++) dp_store(out + (i * 6 + j) * step, o[j]);
    }
}

/* Filters g[e*g_step], e = 3*ky + kx -> out[f*step] */
DP_INLINE void dp_wino_filter(const float *g, ptrdiff_t g_step, float *out, ptrdiff_t step) {
    dp_vec t[3][6]; /* [column][frequency row] */
    DP_UNROLL for (int j = 0; j < 3; j++) {
        const float *p = g + j * g_step;
        dp_wino_filter_1d(dp_load(p), dp_load(p + 3 * g_step), dp_load(p + 6 * g_step), t[j]);
    }
    DP_UNROLL for (int i = 0; i < 6; i++) {
        dp_vec o[6];
        dp_wino_filter_1d(t[0][i], t[1][i], t[2][i], o);
        DP_UNROLL for (int j = 0; j < 6; j++) dp_store(out + (i * 6 + j) * step, o[j]);
    }
}

/* u[f*step] -> gradient g[e*g_step] */
DP_INLINE void dp_wino_filter_adjoint(const float *u, ptrdiff_t step, float *g, ptrdiff_t g_step) {
    dp_vec t[6][3]; /* [frequency column][filter row] */
    DP_UNROLL for (int j = 0; j < 6; j++) {
        const float *p = u + j * step;
        dp_wino_filter_adjoint_1d(dp_load(p), dp_load(p + 6 * step), dp_load(p + 12 * step), dp_load(p + 18 * step),
                                  dp_load(p + 24 * step), dp_load(p + 30 * step), t[j]);
    }
    DP_UNROLL for (int i = 0; i < 3; i++) {
        dp_vec o[3];
        dp_wino_filter_adjoint_1d(t[0][i], t[1][i], t[2][i], t[3][i], t[4][i], t[5][i], o);
        DP_UNROLL for (int j = 0; j < 3; j++) dp_store(g + (i * 3 + j) * g_step, o[j]);
    }
}

#endif
