/* Small kernels around the convolutions: borders and biases. */
#include "backend/cuda/kernels.cuh"

enum { THREADS = 256 };

/* ---- The adjoint of the mirrored border ---- */

/* Sum of the border's pixels that mirror (y, x), and of itself; each border pixel belongs to one inner pixel, whose
 * thread alone reads and clears it. */
template <typename T, int V> __device__ static void fold(const map &m, int y, int x, int c, T *d) {
    vec<V> sum, zero;
    for (int v = 0; v < V; v++) sum.at[v] = zero.at[v] = 0;
#pragma unroll
    for (int i = 0; i < 3; i++)
#pragma unroll
        for (int j = 0; j < 3; j++) {
            const int row = i == 0 ? y : i == 1 ? -1 : m.h, column = j == 0 ? x : j == 1 ? -1 : m.w;
            if (dp_mirror(row, m.h) != y || dp_mirror(column, m.w) != x) continue;
            T *at = d + m.pixel(row, column) + c;
            const vec<V> part = load<V>(at);
            for (int v = 0; v < V; v++) sum.at[v] += part.at[v];
            if (i > 0 || j > 0) store<V>(at, zero);
        }
    store<V>(d + m.pixel(y, x) + c, sum);
}

/* Threads for rows 1 and h-2 (all columns), then for columns 1 and w-2 of the other rows. */
template <typename T, int V> __global__ void fold_border(map m, T *d) {
    const int lanes = m.c / V, at = (int)(blockIdx.x * blockDim.x + threadIdx.x), c = at % lanes * V, i = at / lanes;
    const int low = m.h - 2, right = m.w - 2;
    if (i < 2 * m.w) {
        const int y = i < m.w ? 1 : low;
        if (i < m.w || low != 1) fold<T, V>(m, y, i % m.w, c, d);
    } else if (i < 2 * m.w + 2 * m.h) {
        const int k = i - 2 * m.w, y = k % m.h, x = k < m.h ? 1 : right;
        if (y != 1 && y != low && (k < m.h || right != 1)) fold<T, V>(m, y, x, c, d);
    }
}

/* The i-th pixel of the border: the rows above and below, then the columns left and right. False: it has no such. */
__device__ static bool border_pixel(const map &m, int i, int *y, int *x) {
    const int width = m.w + 2, k = i - 2 * width;
    *y = i < width ? -1 : i < 2 * width ? m.h : k % m.h;
    *x = i < 2 * width ? i % width - 1 : k < m.h ? -1 : m.w;
    return k < 2 * m.h;
}

/* Without mirroring, and for maps of one pixel's height or width: the border becomes 0. */
template <typename T> __global__ void clear_border(map m, T *d) {
    const int at = (int)(blockIdx.x * blockDim.x + threadIdx.x), c = at % m.c;
    int y, x;
    if (!border_pixel(m, at / m.c, &y, &x)) return;
    d[m.pixel(y, x) + c] = T(0.0f);
}

void dp_cuda_border_fold(const dp_cuda *be, dp_shape s, bool mirror, void *dx) {
    const map m = dp_map(s);
    if (!mirror || s.h < 2 || s.w < 2) {
        const unsigned blocks = dp_blocks((size_t)(2 * (s.w + 2) + 2 * s.h) * (size_t)s.c, THREADS);
        DP_WITH_ELEMENT(be, const auto kernel = clear_border<T>;
                        DP_LAUNCH(be, kernel, blocks, THREADS, 0, m, (T *)dx););
        return;
    }
    const int v = s.c % 4 == 0 ? 4 : 1;
    const unsigned blocks = dp_blocks((size_t)(2 * s.w + 2 * s.h) * (size_t)(s.c / v), THREADS);
    DP_WITH_ELEMENT(be, const auto four = fold_border<T, 4>; const auto one = fold_border<T, 1>;
                    DP_LAUNCH(be, (v == 4 ? four : one), blocks, THREADS, 0, m, (T *)dx););
}

template <typename T> __global__ void copy_clear(map m, const T *x, T *y) {
    const size_t n = m.pixels() * (size_t)m.c;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (size_t)gridDim.x * blockDim.x) {
        const size_t pixel = i / (size_t)m.c, row = pixel / (size_t)(m.w + 2), column = pixel % (size_t)(m.w + 2);
        const bool inside = row > 0 && row <= (size_t)m.h && column > 0 && column <= (size_t)m.w;
        y[i] = inside ? x[i] : T(0.0f);
    }
}

static unsigned pass_blocks(const dp_cuda *be, const map &m) {
    const unsigned wanted = dp_blocks(m.pixels() * (size_t)m.c, THREADS), most = 8 * (unsigned)be->processors;
    return wanted < most ? wanted : most;
}

void dp_cuda_border_clear_copy(const dp_cuda *be, dp_shape s, const void *x, void *copy) {
    const map m = dp_map(s);
    DP_WITH_ELEMENT(be, const auto kernel = copy_clear<T>;
                    DP_LAUNCH(be, kernel, pass_blocks(be, m), THREADS, 0, m, (const T *)x, (T *)copy););
}

/* ---- Biases ---- */

template <typename T> __global__ void add_bias(map m, const float *b, T *y) { /* to the border with the rest */
    const size_t n = m.pixels() * (size_t)m.c;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (size_t)gridDim.x * blockDim.x)
        y[i] = T(load<1>(y + i).at[0] + b[i % (size_t)m.c]);
}

template <typename T> __global__ void mirror_border(map m, T *d) {
    const int at = (int)(blockIdx.x * blockDim.x + threadIdx.x), c = at % m.c;
    int y, x;
    if (!border_pixel(m, at / m.c, &y, &x)) return;
    d[m.pixel(y, x) + c] = d[m.pixel(dp_mirror_safe(y, m.h), dp_mirror_safe(x, m.w)) + c];
}

void dp_cuda_bias_add(const dp_cuda *be, dp_shape s, bool mirrored, const float *b, void *y) {
    const map m = dp_map(s);
    const unsigned blocks = dp_blocks((size_t)(2 * (s.w + 2) + 2 * s.h) * (size_t)s.c, THREADS);
    DP_WITH_ELEMENT(be, const auto add = add_bias<T>; const auto mirror = mirror_border<T>;
                    DP_LAUNCH(be, add, pass_blocks(be, m), THREADS, 0, m, b, (T *)y);
                    if (!mirrored) DP_LAUNCH(be, mirror, blocks, THREADS, 0, m, (T *)y););
}

/* Sums over pixels, dy's border being 0: each block some of them, then the last block. Threads of a block: 8 rows of 32
 * channels. */
template <typename T> __global__ void sum_bias(map m, const T *dy, float *db, float *part, dp_cuda_slot *slot) {
    __shared__ float room[8][32];
    const int lane = (int)(threadIdx.x % 32), sub = (int)(threadIdx.x / 32), c = (int)(blockIdx.y * 32) + lane;
    const size_t n = m.pixels();
    float sum = 0;
    for (size_t i = (size_t)blockIdx.x * 8 + (size_t)sub; c < m.c && i < n; i += (size_t)gridDim.x * 8)
        sum += load<1>(dy + i * (size_t)m.c + c).at[0];
    room[sub][lane] = sum;
    __syncthreads();
    if (sub == 0 && c < m.c) {
        for (int s = 1; s < 8; s++) sum += room[s][lane];
        part[(size_t)blockIdx.x * (size_t)m.c + (size_t)c] = sum;
    }
    if (!dp_last_block(slot, gridDim.x * gridDim.y)) return;
    for (int k = (int)threadIdx.x; k < m.c; k += (int)blockDim.x)
        db[k] = (float)dp_sum_parts(part + k, (size_t)m.c, 0, 1, gridDim.x);
}

size_t dp_cuda_bias_workspace(const dp_cuda *be, dp_shape s) {
    return (size_t)be->processors * (size_t)s.c * sizeof(float);
}

void dp_cuda_bias_sum(const dp_cuda_plan *plan, dp_shape s, const void *dy, float *db, void *ws) {
    const map m = dp_map(s);
    const unsigned wanted = dp_blocks(m.pixels(), 64), most = (unsigned)plan->be->processors;
    const dim3 grid(wanted < most ? wanted : most, dp_blocks((size_t)s.c, 32));
    DP_WITH_ELEMENT(plan->be, const auto kernel = sum_bias<T>;
                    DP_LAUNCH(plan->be, kernel, grid, THREADS, 0, m, (const T *)dy, db, (float *)ws, plan->slot););
}
