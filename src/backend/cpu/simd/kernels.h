/* The kernels of one instruction set, as table.c lists them, and what their files share. Arguments of each kernel are
 * those of its op kind in backend/op.h. */
#ifndef DP_BACKEND_CPU_KERNELS_H
#define DP_BACKEND_CPU_KERNELS_H

#include <omp.h>

#include "backend/cpu/simd/simd.h"

#define DP_RUN(name) void DP_ISA(dp_cpu_##name)(const dp_op *op, int threads, void *const *args, void *ws)
#define DP_WORKSPACE(name) size_t DP_ISA(dp_cpu_##name)(const dp_op *op, int threads)
#define DP_SUPPORTS(name) bool DP_ISA(dp_cpu_##name)(const dp_op *op)

/* conv_*.c: all three kinds of convolution. */
DP_SUPPORTS(conv_supports);
DP_WORKSPACE(conv_workspace);
DP_RUN(conv_run);

DP_WORKSPACE(norm_workspace); /* norm_act.c */
DP_RUN(norm_act_fwd);
DP_RUN(norm_act_bwd);
DP_RUN(upsample2_fwd); /* resample.c */
DP_RUN(upsample2_bwd);
DP_RUN(maxpool2_fwd); /* pool.c */
DP_RUN(maxpool2_bwd);
DP_RUN(add); /* elementwise.c */
DP_RUN(muladd);
DP_RUN(channel_copy);
DP_RUN(act_fwd);
DP_RUN(act_bwd);
DP_RUN(softmax_fwd);
DP_RUN(softmax_bwd);
DP_WORKSPACE(matmul_workspace); /* matmul.c */
DP_RUN(matmul);
DP_RUN(linear_fwd); /* dense.c */
DP_RUN(linear_bwd);
DP_WORKSPACE(blur_workspace); /* blur.c */
DP_RUN(blur_fwd);
DP_RUN(blur_bwd);
DP_WORKSPACE(downsample_workspace); /* downsample.c */
DP_RUN(downsample_fwd);
DP_RUN(downsample_bwd);
DP_WORKSPACE(loss_workspace); /* loss.c */
DP_RUN(mse);
DP_RUN(tv);
DP_WORKSPACE(ssim_workspace); /* ssim.c */
DP_RUN(ssim);
DP_WORKSPACE(derivatives_workspace); /* derivatives.c */
DP_RUN(derivatives);
DP_RUN(mean_log); /* prior.c */
DP_WORKSPACE(sparse_workspace);
DP_RUN(sparse_prior);
DP_WORKSPACE(extreme_workspace); /* extreme.c */
DP_RUN(extreme_prior);
DP_RUN(adam);        /* adam.c */
DP_RUN(random_fill); /* random.c */

/* Floats that a tensor takes, padding channels included. */
static inline size_t dp_storage(dp_shape s) {
    return s.layout == DP_FEATURE ? (size_t)dp_blocks(s.c) * DP_BLOCK * (size_t)s.h * (size_t)s.w : dp_count(s);
}

/* The next op will not find such an output in the caches: it is better stored past them. */
static inline bool dp_is_large(dp_shape s) {
    return dp_storage(s) * sizeof(float) > (size_t)12 << 20;
}

/* Part `t` of `threads` parts of [0, n), cut at multiples of `align`. */
static inline void dp_share_aligned(size_t n, size_t align, int threads, int t, size_t *from, size_t *to) {
    const size_t units = (n + align - 1) / align, begin = units * (size_t)t / (size_t)threads * align;
    const size_t end = units * ((size_t)t + 1) / (size_t)threads * align;
    *from = begin < n ? begin : n;
    *to = end < n ? end : n;
}

/* This thread's part of [0, n) inside a parallel region. The team may be smaller than asked for, never larger. */
static inline void dp_my_share(int n, int *from, int *to) {
    dp_share(n, omp_get_num_threads(), omp_get_thread_num(), from, to);
}
static inline void dp_my_floats(size_t n, size_t *from, size_t *to) { /* cut at cache lines */
    dp_share_aligned(n, 16, omp_get_num_threads(), omp_get_thread_num(), from, to);
}

/* Partial sums of the threads at the start of a workspace: 64 bytes each. */
static inline double *dp_partial(void *ws, int t) {
    return (double *)ws + (size_t)t * 8;
}
static inline double dp_total(void *ws, int team) {
    double sum = 0;
    for (int t = 0; t < team; t++) sum += *dp_partial(ws, t);
    return sum;
}

/* Not worth waking a team for fewer floats than this: a region costs some microseconds. */
enum { DP_FEW = 1 << 14 };

static inline int dp_team(size_t floats, int threads) {
    return floats < DP_FEW ? 1 : threads;
}

#endif
