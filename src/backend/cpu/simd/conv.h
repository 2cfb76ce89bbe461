/* Convolutions of the CPU back end. conv.c chooses for each op one of the paths below:
 *
 *   winograd   3x3 stride 1 (conv_winograd*.c): F(4x4, 3x3), a quarter of the multiplications
 *   direct     everything between feature maps (conv_direct*.c): implicit GEMM, weights repacked for each call
 *   head       1x1 to a planar output of at most 8 channels (conv_head.c): bound by memory
 *
 * Each path has the workspace and run of a dp_cpu_kernel; args are as op.h lists them. */
#ifndef DP_BACKEND_CPU_SIMD_CONV_H
#define DP_BACKEND_CPU_SIMD_CONV_H

#include <omp.h>
#include <stdint.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/simd.h"
#include "base/memory.h"

size_t DP_ISA(dp_conv_direct_workspace)(const dp_op *op, int threads);
void DP_ISA(dp_conv_direct_run)(const dp_op *op, int threads, void *const *args, void *ws);
size_t DP_ISA(dp_conv_direct_weights_workspace)(const dp_op *op, int threads);
void DP_ISA(dp_conv_direct_weights_run)(const dp_op *op, int threads, void *const *args, void *ws);
size_t DP_ISA(dp_conv_winograd_workspace)(const dp_op *op, int threads);
void DP_ISA(dp_conv_winograd_run)(const dp_op *op, int threads, void *const *args, void *ws);
size_t DP_ISA(dp_conv_winograd_weights_workspace)(const dp_op *op, int threads);
void DP_ISA(dp_conv_winograd_weights_run)(const dp_op *op, int threads, void *const *args, void *ws);
size_t DP_ISA(dp_conv_head_workspace)(const dp_op *op, int threads);
void DP_ISA(dp_conv_head_run)(const dp_op *op, int threads, void *const *args, void *ws);

/* Takes `bytes` from the workspace at *ws, 64-byte aligned. From *ws = NULL on it only counts. */
static inline void *dp_take(char **ws, size_t bytes) {
    void *p = *ws;
    *ws = (char *)((uintptr_t)*ws + dp_align_up(bytes, 64)); /* arithmetic on NULL is not defined */
    return p;
}

/* Index of a padded coordinate in [0, n), or -1 for zero padding. */
static inline int dp_pad_index(int i, int n, dp_pad pad) {
    if (i >= 0 && i < n) return i;
    if (pad == DP_PAD_ZERO) return -1;
    return i < 0 ? -i : 2 * (n - 1) - i;
}

#endif
