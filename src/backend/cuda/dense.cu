/* Matrices, linear layers, softmax. */
#include "backend/cuda/kernels.cuh"

enum { TILE = 32, STRIDE = TILE + 2, THREADS = 256 }; /* even: pairs are read at once; + 2: against bank conflicts */

/* ---- Sums of columns ---- */

enum { COLUMNS = 32, GROUPS = THREADS / COLUMNS };

/* y[j] = alpha * sum of part[i][j] over i. */
static __global__ void sum_columns(int count, size_t n, const float *part, float alpha, float *y) {
    __shared__ double room[GROUPS][COLUMNS];
    const int lane = (int)threadIdx.x % COLUMNS, group = (int)threadIdx.x / COLUMNS;
    const size_t j = (size_t)blockIdx.x * COLUMNS + (size_t)lane;
    double sum = 0;
    if (j < n) {
#pragma unroll 4
        for (int i = group; i < count; i += GROUPS) sum += (double)part[(size_t)i * n + j];
    }
    room[group][lane] = sum;
    __syncthreads();
    if (group > 0 || j >= n) return;
    for (int i = 1; i < GROUPS; i++) sum += room[i][lane];
    y[j] = (float)(alpha * sum);
}

void dp_cuda_sum_columns(const dp_cuda *be, int count, size_t n, const float *part, float alpha, float *y) {
    DP_LAUNCH(be, sum_columns, dp_blocks(n, COLUMNS), THREADS, 0, count, n, part, alpha, y);
}

/* ---- Products of matrices ---- */

/* A factor: an outer index, of the product's rows or columns, and an inner one, that is summed over. */
typedef struct factor {
    const void *at;
    map m;
    bool feature;
    bool rows_outer; /* the outer index is the matrix's row, that is, channel */
} factor;

typedef struct product {
    factor a, b;
    map m; /* of y */
    bool feature;
    int rows, columns, inner;
    int chunk; /* of the inner index: for one layer of blocks, a multiple of TILE */
    float alpha;
} product;

/* Element (row, column) of the matrix that a tensor is. */
__device__ static size_t place(map m, bool feature, int row, int column) {
    if (feature) return m.pixel(column / m.w, column % m.w) + row;
    return (size_t)row * ((size_t)m.h * (size_t)m.w) + column;
}

/* Where this thread's n-th element of a tile lies in it: neighbours in memory are read by neighbouring threads:
 * channels of features, columns of planes. */
struct spot {
    int o, k;
};

__device__ static spot spot_of(const factor &f, int n) {
    const int t = (int)threadIdx.x + n * THREADS, fast = t % TILE, slow = t / TILE;
    const bool outer_fast = f.feature == f.rows_outer;
    const spot s = {outer_fast ? fast : slow, outer_fast ? slow : fast};
    return s;
}

enum { EACH = TILE * TILE / THREADS };

/* The elements of outer index outer + o and inner index inner + k, 0 past the ends: all are asked for at once. */
template <typename T>
__device__ static void fetch(const factor &f, int outer, int outer_end, int inner, int inner_end, float value[EACH]) {
#pragma unroll
    for (int n = 0; n < EACH; n++) {
        const spot s = spot_of(f, n);
        const int row = f.rows_outer ? outer + s.o : inner + s.k, column = f.rows_outer ? inner + s.k : outer + s.o;
        value[n] = 0;
        if (outer + s.o >= outer_end || inner + s.k >= inner_end) continue;
        const size_t i = place(f.m, f.feature, row, column);
        value[n] = f.feature ? load<1>((const T *)f.at + i).at[0] : ((const float *)f.at)[i];
    }
}

__device__ static void put(const factor &f, const float value[EACH], float *to) { /* to[k][o] */
#pragma unroll
    for (int n = 0; n < EACH; n++) to[spot_of(f, n).k * STRIDE + spot_of(f, n).o] = value[n];
}

/* The border of an output in features becomes 0. */
template <typename T> __device__ static void clear_border(map m, T *y) {
    const size_t step = (size_t)gridDim.x * gridDim.y * blockDim.x, wide = (size_t)m.w + 2, c = (size_t)m.c,
                 pixels = 2 * wide + 2 * (size_t)m.h;
    for (size_t e = ((size_t)blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x + threadIdx.x; e < pixels * c;
         e += step) {
        const size_t p = e / c, side = p - 2 * wide; /* rows -1 and h, then the sides of the others */
        const int row = p < wide ? -1 : p < 2 * wide ? m.h : (int)(side / 2);
        const int column = p < 2 * wide ? (int)(p % wide) - 1 : side % 2 ? m.w : -1;
        const vec<1> zero = {{0}};
        store<1>(y + m.pixel(row, column) + e % c, zero);
    }
}

/* A block makes a tile of y, a thread 2 x 2 elements of it; layer z of blocks sums over its chunk of the inner index.
 * More than one layer: each writes its part of the sum, in planes one after the other, and sum_columns ends it. */
template <typename T> static __global__ void multiply(product p, void *y) {
    __shared__ __align__(8) float a[TILE * STRIDE], b[TILE * STRIDE];
    const int top = (int)blockIdx.y * TILE, left = (int)blockIdx.x * TILE, from = (int)blockIdx.z * p.chunk;
    const int end = from + p.chunk < p.inner ? from + p.chunk : p.inner;
    const int fast = (int)threadIdx.x % 16 * 2, slow = (int)threadIdx.x / 16 * 2;
    const int row = p.feature ? fast : slow, column = p.feature ? slow : fast;
    float sum[2][2] = {}, of_a[EACH], of_b[EACH];
    for (int k = from; k < end; k += TILE) {
        fetch<T>(p.a, top, p.rows, k, end, of_a);
        fetch<T>(p.b, left, p.columns, k, end, of_b);
        put(p.a, of_a, a);
        put(p.b, of_b, b);
        __syncthreads();
#pragma unroll 8
        for (int l = 0; l < TILE; l++) {
            const float2 u = *(const float2 *)(a + l * STRIDE + row), v = *(const float2 *)(b + l * STRIDE + column);
            sum[0][0] += u.x * v.x, sum[0][1] += u.x * v.y;
            sum[1][0] += u.y * v.x, sum[1][1] += u.y * v.y;
        }
        __syncthreads();
    }
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            if (top + row + i >= p.rows || left + column + j >= p.columns) continue;
            const size_t at = place(p.m, p.feature, top + row + i, left + column + j);
            const vec<1> value = {{p.alpha * sum[i][j]}};
            if (p.feature)
                store<1>((T *)y + at, value);
            else
                store<1>((float *)y + (size_t)blockIdx.z * ((size_t)p.rows * (size_t)p.columns) + at, value);
        }
    if (p.feature) clear_border(p.m, (T *)y);
}

static factor factor_of(dp_shape s, bool rows_outer, const void *at) {
    return factor{at, dp_map(s), dp_is_feature(s), rows_outer};
}

static int tiles(int n) {
    return (n + TILE - 1) / TILE;
}

/* How many layers of blocks share the inner index: a small product of long sums (the 64 x 64 of all pixels) would leave
 * most of the GPU without work. */
static int layers_of(const dp_cuda *be, const dp_op *op, int inner) {
    enum { LEAST = 1 }; /* tiles of a layer */
    const size_t count = (size_t)tiles(op->y.c) * (size_t)tiles(op->y.h * op->y.w);
    const int most = tiles(inner) / LEAST;
    if (dp_is_feature(op->y) || most < 2 || 2 * count > (size_t)be->processors) return 1;
    const int wanted = 2 * be->processors / (int)count;
    return wanted < most ? wanted : most;
}

static int inner_of(const dp_op *op) {
    return op->matmul.trans_a ? op->x.c : op->x.h * op->x.w;
}

static size_t matmul_workspace(const dp_cuda *be, const dp_op *op) {
    const int layers = layers_of(be, op, inner_of(op));
    return layers > 1 ? (size_t)layers * dp_count(op->y) * sizeof(float) : 0;
}

/* args: a, b -> y = alpha op(a) op(b) */
static void run_matmul(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const dp_op *op = &plan->op;
    const int inner = inner_of(op), share = layers_of(plan->be, op, inner);
    const int chunk = (tiles(inner) + share - 1) / share * TILE, layers = (inner + chunk - 1) / chunk;
    const product p = {factor_of(op->x, !op->matmul.trans_a, args[0]),
                       factor_of(op->matmul.b, op->matmul.trans_b, args[1]),
                       dp_map(op->y),
                       dp_is_feature(op->y),
                       op->y.c,
                       op->y.h * op->y.w,
                       inner,
                       chunk,
                       layers > 1 ? 1 : op->matmul.alpha};
    const dim3 grid((unsigned)tiles(p.columns), (unsigned)tiles(p.rows), (unsigned)layers);
    void *y = layers > 1 ? ws : args[2];
    DP_WITH_ELEMENT(plan->be, {
        void (*kernel)(product, void *) = multiply<T>;
        DP_LAUNCH(plan->be, kernel, grid, THREADS, 0, p, y);
    });
    const size_t n = dp_count(op->y);
    if (layers > 1) dp_cuda_sum_columns(plan->be, layers, n, (const float *)ws, op->matmul.alpha, (float *)args[2]);
}

/* ---- Linear layers ---- */

/* A warp for an output. */
static __global__ void linear(int n, int m, const float *x, const float *w, const float *b, float *y) {
    const int i = (int)(blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32), lane = (int)threadIdx.x % 32;
    const float *row = w + (size_t)(i < m ? i : 0) * (size_t)n;
    float sum = 0;
#pragma unroll 8
    for (int j = lane; j < n; j += 32) sum += row[j] * x[j];
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if (lane == 0 && i < m) y[i] = sum + b[i];
}

/* args: x[n], w[m][n], b[m] -> y[m] */
static void run_linear_fwd(const dp_cuda_plan *plan, void *const *args, void *ws) {
    (void)ws;
    const int n = (int)dp_count(plan->op.x), m = (int)dp_count(plan->op.y);
    DP_LAUNCH(plan->be, linear, dp_blocks((size_t)m, THREADS / 32), THREADS, 0, n, m, (const float *)args[0],
              (const float *)args[1], (const float *)args[2], (float *)args[3]);
}

/* A block for THREADS columns of w, and `rows` of its rows: dw, db, and (dx wanted) this part of w' dy. */
static __global__ void linear_back(int n, int m, int rows, const float *__restrict__ x, const float *__restrict__ w,
                                   const float *__restrict__ dy, float *__restrict__ dw, float *__restrict__ db,
                                   float *__restrict__ part) {
    const int j = (int)(blockIdx.x * blockDim.x + threadIdx.x), from = (int)blockIdx.y * rows;
    const int end = from + rows < m ? from + rows : m;
    if (blockIdx.x == 0)
        for (int i = from + (int)threadIdx.x; i < end; i += (int)blockDim.x) db[i] = dy[i];
    if (j >= n) return;
    const float xj = x[j];
    float sum = 0;
#pragma unroll 8
    for (int i = from; i < end; i++) {
        const size_t at = (size_t)i * (size_t)n + (size_t)j;
        const float d = dy[i];
        if (part != NULL) sum += w[at] * d;
        dw[at] = d * xj;
    }
    if (part != NULL) part[(size_t)blockIdx.y * (size_t)n + (size_t)j] = sum;
}

/* Rows of w for a block: enough blocks for every processor, few parts of sums. */
static int linear_rows(int m) {
    const int least = 8, parts = 128, rows = (m + parts - 1) / parts;
    return rows > least ? rows : least;
}

static size_t linear_workspace(const dp_cuda *be, const dp_op *op) {
    (void)be;
    const int m = (int)dp_count(op->y), rows = linear_rows(m);
    return (size_t)((m + rows - 1) / rows) * dp_count(op->x) * sizeof(float);
}

/* args: x, w, dy -> dx (may be NULL), dw, db */
static void run_linear_bwd(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const int n = (int)dp_count(plan->op.x), m = (int)dp_count(plan->op.y), rows = linear_rows(m);
    const dim3 grid(dp_blocks((size_t)n, THREADS), (unsigned)((m + rows - 1) / rows));
    DP_LAUNCH(plan->be, linear_back, grid, THREADS, 0, n, m, rows, (const float *)args[0], (const float *)args[1],
              (const float *)args[2], (float *)args[4], (float *)args[5], args[3] != NULL ? (float *)ws : NULL);
    if (args[3] != NULL)
        dp_cuda_sum_columns(plan->be, (int)grid.y, (size_t)n, (const float *)ws, 1.0f, (float *)args[3]);
}

/* ---- Softmax: one block ---- */

enum { SOFTMAX_THREADS = 1024 };

/* The largest of the block's values, to every thread. room: 32 values in shared memory. */
__device__ static float block_max(float value, float *room) {
    for (int step = 16; step > 0; step /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, step));
    __syncthreads();
    if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = value;
    __syncthreads();
    for (unsigned i = 0; i < blockDim.x / 32; i++) value = fmaxf(value, room[i]);
    return value;
}

static __global__ void softmax(int n, const float *x, float *y) {
    __shared__ float maxima[32];
    __shared__ double sums[32];
    float top = x[0], sum = 0;
    for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x) top = fmaxf(top, x[i]);
    top = block_max(top, maxima);
    for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x) {
        const float e = expf(x[i] - top);
        y[i] = e;
        sum += e;
    }
    const float whole = (float)dp_block_sum((double)sum, sums);
    for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x) y[i] /= whole;
}

/* args: x[n] -> y[n] */
static void run_softmax_fwd(const dp_cuda_plan *plan, void *const *args, void *ws) {
    (void)ws;
    DP_LAUNCH(plan->be, softmax, 1, SOFTMAX_THREADS, 0, (int)dp_count(plan->op.x), (const float *)args[0],
              (float *)args[1]);
}

/* dx = y * (dy - sum y*dy) */
static __global__ void softmax_back(int n, const float *y, const float *dy, float *dx) {
    __shared__ double sums[32];
    double sum = 0;
    for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x) sum += (double)y[i] * (double)dy[i];
    sum = dp_block_sum(sum, sums);
    for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x) dx[i] = (float)((double)y[i] * ((double)dy[i] - sum));
}

/* args: y, dy -> dx */
static void run_softmax_bwd(const dp_cuda_plan *plan, void *const *args, void *ws) {
    (void)ws;
    DP_LAUNCH(plan->be, softmax_back, 1, SOFTMAX_THREADS, 0, (int)dp_count(plan->op.x), (const float *)args[0],
              (const float *)args[1], (float *)args[2]);
}

const dp_cuda_kernel dp_cuda_matmul = {run_matmul, matmul_workspace, NULL, NULL};
const dp_cuda_kernel dp_cuda_linear_fwd = {run_linear_fwd, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_linear_bwd = {run_linear_bwd, linear_workspace, NULL, NULL};
const dp_cuda_kernel dp_cuda_softmax_fwd = {run_softmax_fwd, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_softmax_bwd = {run_softmax_bwd, NULL, NULL, NULL};
