/* 1x1 convolutions to planes: y[o] = b[o] + sum over c of w[o][c] x[c] at each pixel, at most 8 of them. The memory of
 * x is what takes time, so each pass reads or writes it once. */
#include "backend/cuda/kernels.cuh"

enum { THREADS = 256, MOST = 8, WARP = 32 };

/* ---- Forward: a warp per pixel ---- */

template <typename T, int V, int O>
__global__ void point_fwd(map m, int outputs, const T *x, const float *w, const float *b, float *y) {
    const int lane = (int)(threadIdx.x % WARP);
    const size_t warp = ((size_t)blockIdx.x * blockDim.x + threadIdx.x) / WARP, n = (size_t)m.h * (size_t)m.w;
    const size_t warps = (size_t)gridDim.x * blockDim.x / WARP;
    for (size_t i = warp; i < n; i += warps) {
        float sum[O];
        for (int o = 0; o < O; o++) sum[o] = 0;
        const T *pixel = x + m.pixel((int)(i / (size_t)m.w), (int)(i % (size_t)m.w));
        for (int c = lane * V; c < m.c; c += WARP * V) {
            const vec<V> value = load<V>(pixel + c);
#pragma unroll
            for (int o = 0; o < O; o++)
                if (o < outputs) {
                    const vec<V> weight = load<V>(w + (size_t)o * (size_t)m.c + c);
                    for (int v = 0; v < V; v++) sum[o] += weight.at[v] * value.at[v];
                }
        }
#pragma unroll
        for (int o = 0; o < O; o++)
            if (o < outputs) {
                for (int step = WARP / 2; step > 0; step /= 2) sum[o] += __shfl_xor_sync(0xffffffffu, sum[o], step);
                if (lane == o) y[(size_t)o * n + i] = sum[o] + b[o];
            }
    }
}

/* ---- Backward to x: a thread per pixel, the border with them, and V channels ---- */

template <typename T, int V>
__global__ void point_bwd_data(map m, int outputs, const float *dy, const float *w, T *dx) {
    const size_t lanes = (size_t)(m.c / V), total = m.pixels() * lanes, n = (size_t)m.h * (size_t)m.w;
    for (size_t at = (size_t)blockIdx.x * blockDim.x + threadIdx.x; at < total; at += (size_t)gridDim.x * blockDim.x) {
        const size_t pixel = at / lanes, c = at % lanes * V;
        const int row = (int)(pixel / (size_t)(m.w + 2)) - 1, column = (int)(pixel % (size_t)(m.w + 2)) - 1;
        vec<V> sum;
        for (int v = 0; v < V; v++) sum.at[v] = 0;
        if (row >= 0 && row < m.h && column >= 0 && column < m.w)
            for (int o = 0; o < outputs; o++) {
                const float d = dy[(size_t)o * n + (size_t)row * (size_t)m.w + (size_t)column];
                const vec<V> weight = load<V>(w + (size_t)o * (size_t)m.c + c);
                for (int v = 0; v < V; v++) sum.at[v] += d * weight.at[v];
            }
        store<V>(dx + pixel * (size_t)m.c + c, sum);
    }
}

/* ---- Backward to the weights and biases: each block some pixels, then the last block ---- */

/* A warp has 32*V channels of a pixel, the block's warps every 8th pixel; channel m.c is the bias, whose x is 1, summed
 * by the lane that would have it. part[blocks][outputs][c + 1]. */
template <typename T, int V, int O>
__global__ void point_bwd_weights(map m, int outputs, const T *x, const float *dy, float *dw, float *db, float *part,
                                  dp_cuda_slot *slot) {
    enum { SUBS = THREADS / WARP };
    __shared__ float room[SUBS][WARP * V];
    const int lane = (int)(threadIdx.x % WARP), sub = (int)(threadIdx.x / WARP);
    const int c = ((int)(blockIdx.y * WARP) + lane) * V;
    const size_t n = (size_t)m.h * (size_t)m.w, width = (size_t)m.c + 1, all = (size_t)outputs * width;
    vec<V> sum[O];
    for (int o = 0; o < O; o++)
        for (int v = 0; v < V; v++) sum[o].at[v] = 0;
#pragma unroll 4
    for (size_t i = (size_t)blockIdx.x * SUBS + (size_t)sub; i < n; i += (size_t)gridDim.x * SUBS) {
        vec<V> value;
        for (int v = 0; v < V; v++) value.at[v] = 1;
        if (c < m.c) value = load<V>(x + m.pixel((int)(i / (size_t)m.w), (int)(i % (size_t)m.w)) + c);
#pragma unroll
        for (int o = 0; o < O; o++)
            if (o < outputs) {
                const float d = dy[(size_t)o * n + i];
                for (int v = 0; v < V; v++) sum[o].at[v] += d * value.at[v];
            }
    }
#pragma unroll
    for (int o = 0; o < O; o++) {
        if (o >= outputs) break;
        __syncthreads();
        for (int v = 0; v < V; v++) room[sub][lane * V + v] = sum[o].at[v];
        __syncthreads();
        for (int k = (int)threadIdx.x; k < WARP * V; k += THREADS) {
            const int at = (int)(blockIdx.y * WARP * V) + k;
            float total = 0;
            for (int s = 0; s < SUBS; s++) total += room[s][k];
            if (at <= m.c) part[(size_t)blockIdx.x * all + (size_t)o * width + (size_t)at] = total;
        }
    }
    if (!dp_last_block(slot, gridDim.x * gridDim.y)) return;
    for (size_t k = threadIdx.x; k < all; k += blockDim.x) {
        const double total = dp_sum_parts(part + k, all, 0, 1, gridDim.x);
        const size_t o = k / width, at = k % width;
        if (at < (size_t)m.c)
            dw[o * (size_t)m.c + at] = (float)total;
        else if (db != NULL)
            db[o] = (float)total;
    }
}

/* ---- Rows ---- */

static unsigned at_most(size_t wanted, int most) {
    return (unsigned)(wanted < (size_t)most ? wanted : (size_t)most);
}

/* The kernel for so many outputs: its loops over them have that length, or MOST. */
#define FOR_OUTPUTS(kernel, T, V, outputs)                                                                             \
    ((outputs) == 1   ? kernel<T, V, 1>                                                                                \
     : (outputs) == 2 ? kernel<T, V, 2>                                                                                \
     : (outputs) == 3 ? kernel<T, V, 3>                                                                                \
                      : kernel<T, V, MOST>)

void dp_cuda_point_fwd(const dp_cuda_plan *plan, const void *x, const float *w, const float *b, float *y) {
    const map m = dp_map(plan->op.x);
    const int outputs = plan->op.y.c;
    const unsigned blocks = at_most(dp_blocks((size_t)m.h * (size_t)m.w, 2 * THREADS / WARP), 8 * plan->be->processors);
    DP_WITH_ELEMENT(plan->be, const auto four = FOR_OUTPUTS(point_fwd, T, 4, outputs);
                    const auto one = FOR_OUTPUTS(point_fwd, T, 1, outputs); DP_LAUNCH(
                        plan->be, (m.c % 4 == 0 ? four : one), blocks, THREADS, 0, m, outputs, (const T *)x, w, b, y););
}

void dp_cuda_point_bwd_data(const dp_cuda_plan *plan, const float *dy, const float *w, void *dx) {
    const map m = dp_map(plan->op.x);
    const int v = m.c % 4 == 0 ? 4 : 1;
    const unsigned blocks = at_most(dp_blocks(m.pixels() * (size_t)(m.c / v), THREADS), 8 * plan->be->processors);
    DP_WITH_ELEMENT(plan->be, const auto four = point_bwd_data<T, 4>; const auto one = point_bwd_data<T, 1>;
                    DP_LAUNCH(plan->be, (v == 4 ? four : one), blocks, THREADS, 0, m, plan->op.y.c, dy, w, (T *)dx););
}

static unsigned weight_blocks(const dp_cuda *be, const dp_op *op) {
    return at_most(dp_blocks((size_t)op->x.h * (size_t)op->x.w, 32), 2 * be->processors);
}

size_t dp_cuda_point_workspace(const dp_cuda *be, const dp_op *op) {
    return (size_t)weight_blocks(be, op) * (size_t)op->y.c * ((size_t)op->x.c + 1) * sizeof(float);
}

void dp_cuda_point_bwd_weights(const dp_cuda_plan *plan, const void *x, const float *dy, float *dw, float *db,
                               void *ws) {
    const map m = dp_map(plan->op.x);
    const int v = m.c % 4 == 0 ? 4 : 1;
    const dim3 grid(weight_blocks(plan->be, &plan->op), dp_blocks((size_t)m.c + 1, (unsigned)(WARP * v)));
    DP_WITH_ELEMENT(plan->be, const auto four = FOR_OUTPUTS(point_bwd_weights, T, 4, plan->op.y.c);
                    const auto one = FOR_OUTPUTS(point_bwd_weights, T, 1, plan->op.y.c);
                    DP_LAUNCH(plan->be, (v == 4 ? four : one), grid, THREADS, 0, m, plan->op.y.c, (const T *)x, dy, dw,
                              db, (float *)ws, plan->slot););
}
