/* Losses with their gradient with respect to x. All means are over every element of x. A loss's weight is in the
 * plan's slot. */
#include <math.h>

#include "backend/cuda/losses.cuh"

static size_t tiles_workspace(const dp_cuda *be, const dp_op *op) {
    return sizeof(double) * dp_loss_blocks(be, dp_tiles(op->x).all);
}

/* ---- Squares: loss = weight * mean mask*(x-t)^2 ---- */

struct mse_args {
    const float *x, *t, *mask; /* t NULL: value; mask NULL: 1 */
    float value;
    float *loss, *dx, *dt; /* dt may be NULL */
};

static __global__ void mse_kernel(tiles g, mse_args a, double n, double *partial, dp_cuda_slot *slot) {
    const size_t plane = (size_t)g.h * (size_t)g.w;
    const float scale = (float)(2.0 * slot->weight / n);
    double sum = 0, total;
    for (unsigned tile = blockIdx.x; tile < g.all; tile += gridDim.x) {
        const pixel p = dp_pixel(g, tile);
        if (!p.inside) continue;
        const float d = a.x[p.at] - (a.t != NULL ? a.t[p.at] : a.value);
        const float m = a.mask != NULL ? a.mask[p.at - (size_t)p.c * plane] : 1;
        const float slope = scale * (m * d);
        sum += (double)(m * d) * d;
        a.dx[p.at] = slope;
        if (a.dt != NULL) a.dt[p.at] = -slope;
    }
    if (dp_loss_total(sum, partial, slot, &total) && threadIdx.x == 0) *a.loss = (float)(slot->weight * (total / n));
}

/* args: x, target (or NULL), mask (or NULL), weight -> loss, dx, dtarget (or NULL) */
static void mse(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const tiles g = dp_tiles(plan->op.x);
    const mse_args a = {(const float *)args[0], (const float *)args[1], (const float *)args[2], plan->op.loss.value,
                        (float *)args[4],       (float *)args[5],       (float *)args[6]};
    DP_LAUNCH(plan->be, mse_kernel, dp_loss_blocks(plan->be, g.all), LOSS_BLOCK, 0, g, a, (double)dp_count(plan->op.x),
              (double *)ws, plan->slot);
}

const dp_cuda_kernel dp_cuda_mse = {mse, tiles_workspace, NULL, NULL};

/* ---- SSIM, Wang et al. 2004, eq. 13: loss = weight * (1 - mean SSIM) ---- */

enum { SSIM_SIDE = 11, SSIM_HALF = SSIM_SIDE / 2, SSIM_ROWS = 16, SSIM_COLUMNS = 32 };
enum { SSIM_IN_ROWS = SSIM_ROWS + 2 * SSIM_HALF, SSIM_IN_COLUMNS = SSIM_COLUMNS + 2 * SSIM_HALF };

/* The window is an outer product of these: Gaussian of sigma 1.5, sum 1. */
struct ssim_taps {
    float tap[SSIM_SIDE];
};

static ssim_taps ssim_taps_make() {
    double value[SSIM_SIDE], sum = 0;
    ssim_taps t;
    for (int i = 0; i < SSIM_SIDE; i++) sum += value[i] = exp(-(i - SSIM_HALF) * (i - SSIM_HALF) / (2 * 1.5 * 1.5));
    for (int i = 0; i < SSIM_SIDE; i++) t.tap[i] = (float)(value[i] / sum);
    return t;
}

static dim3 ssim_grid(dp_shape s) {
    return dim3(dp_blocks((size_t)s.w, SSIM_COLUMNS), dp_blocks((size_t)s.h, SSIM_ROWS),
                (unsigned)(s.c < 65535 ? s.c : 65535));
}

/* The block's tile of a plane and the window's half around it; zeros outside of the plane. */
__device__ inline void ssim_fetch(const float *plane, int h, int w, float out[SSIM_IN_ROWS][SSIM_IN_COLUMNS]) {
    const int top = (int)blockIdx.y * SSIM_ROWS - SSIM_HALF, left = (int)blockIdx.x * SSIM_COLUMNS - SSIM_HALF;
    for (int k = (int)threadIdx.x; k < SSIM_IN_ROWS * SSIM_IN_COLUMNS; k += LOSS_BLOCK) {
        const int r = k / SSIM_IN_COLUMNS, q = k % SSIM_IN_COLUMNS, i = top + r, j = left + q;
        const bool inside = i >= 0 && i < h && j >= 0 && j < w;
        out[r][q] = inside ? plane[(size_t)i * (size_t)w + (size_t)j] : 0;
    }
}

/* Down the columns of what the rows gave, for the thread's pixel. */
__device__ inline float ssim_down(const ssim_taps &t, const float rows[SSIM_IN_ROWS][SSIM_COLUMNS], int i, int j) {
    float sum = 0;
#pragma unroll
    for (int k = 0; k < SSIM_SIDE; k++) sum += t.tap[k] * rows[i + k][j];
    return sum;
}

/* Derivatives of the SSIM at one pixel by its windowed moments mx = G x, xx = G x^2, xt = G x t, with
 * var_x = xx - mx^2 and cov = xt - mx*mt. */
__device__ inline float ssim_at(const float m[5], float slope[3]) {
    const float c1 = 1e-4f, c2 = 9e-4f, mx = m[0], mt = m[1];
    const float a1 = 2 * mx * mt + c1, a2 = 2 * (m[4] - mx * mt) + c2;
    const float b1 = mx * mx + mt * mt + c1, b2 = (m[2] - mx * mx) + (m[3] - mt * mt) + c2;
    const float s = a1 * a2 / (b1 * b2);
    slope[0] = 2 * mt * (a2 - a1) / (b1 * b2) + 2 * mx * s * (1 / b2 - 1 / b1);
    slope[1] = -s / b2;
    slope[2] = 2 * a1 / (b1 * b2);
    return s;
}

/* The moments, of which 0: x, 1: t, 2: x^2, 3: t^2, 4: x t; slopes (three maps of all planes) and the blocks' sums. */
static __global__ void ssim_moments(int c, int h, int w, ssim_taps t, const float *x, const float *target,
                                    float *slopes, double *partial) {
    __shared__ float xs[SSIM_IN_ROWS][SSIM_IN_COLUMNS], ts[SSIM_IN_ROWS][SSIM_IN_COLUMNS];
    __shared__ float rows[5][SSIM_IN_ROWS][SSIM_COLUMNS];
    __shared__ double room[32];
    const size_t n = (size_t)h * (size_t)w, all = n * (size_t)c;
    double sum = 0;
    for (int plane = (int)blockIdx.z; plane < c; plane += (int)gridDim.z) {
        __syncthreads(); /* the last plane's readers */
        ssim_fetch(x + (size_t)plane * n, h, w, xs);
        ssim_fetch(target + (size_t)plane * n, h, w, ts);
        __syncthreads();
        for (int k = (int)threadIdx.x; k < SSIM_IN_ROWS * SSIM_COLUMNS; k += LOSS_BLOCK) {
            const int i = k / SSIM_COLUMNS, j = k % SSIM_COLUMNS;
            float m[5] = {0, 0, 0, 0, 0};
#pragma unroll
            for (int q = 0; q < SSIM_SIDE; q++) {
                const float a = xs[i][j + q], b = ts[i][j + q], by = t.tap[q];
                m[0] += by * a, m[1] += by * b, m[2] += by * (a * a), m[3] += by * (b * b), m[4] += by * (a * b);
            }
            for (int q = 0; q < 5; q++) rows[q][i][j] = m[q];
        }
        __syncthreads();
        for (int k = (int)threadIdx.x; k < SSIM_ROWS * SSIM_COLUMNS; k += LOSS_BLOCK) {
            const int r = k / SSIM_COLUMNS, q = k % SSIM_COLUMNS;
            const int i = (int)blockIdx.y * SSIM_ROWS + r, j = (int)blockIdx.x * SSIM_COLUMNS + q;
            if (i >= h || j >= w) continue;
            const size_t at = (size_t)plane * n + (size_t)i * (size_t)w + (size_t)j;
            float m[5], slope[3];
            for (int f = 0; f < 5; f++) m[f] = ssim_down(t, rows[f], r, q);
            sum += ssim_at(m, slope);
            for (int f = 0; f < 3; f++) slopes[(size_t)f * all + at] = slope[f];
        }
    }
    sum = dp_block_sum(sum, room);
    if (threadIdx.x == 0) partial[blockIdx.x + (size_t)gridDim.x * (blockIdx.y + (size_t)gridDim.y * blockIdx.z)] = sum;
}

/* dx = scale * (G slope_mx + 2 x G slope_xx + t G slope_xt); the window is its own adjoint. The first block also adds
 * up the loss. */
static __global__ void ssim_gradient(int c, int h, int w, ssim_taps t, const float *x, const float *target,
                                     const float *slopes, float *dx, const double *partial, const dp_cuda_slot *slot,
                                     float *loss) {
    __shared__ float in[3][SSIM_IN_ROWS][SSIM_IN_COLUMNS], rows[3][SSIM_IN_ROWS][SSIM_COLUMNS];
    __shared__ double room[32];
    const size_t n = (size_t)h * (size_t)w, all = n * (size_t)c;
    const float scale = (float)(-slot->weight / (double)all);
    for (int plane = (int)blockIdx.z; plane < c; plane += (int)gridDim.z) {
        __syncthreads();
        for (int f = 0; f < 3; f++) ssim_fetch(slopes + (size_t)f * all + (size_t)plane * n, h, w, in[f]);
        __syncthreads();
        for (int k = (int)threadIdx.x; k < SSIM_IN_ROWS * SSIM_COLUMNS; k += LOSS_BLOCK) {
            const int i = k / SSIM_COLUMNS, j = k % SSIM_COLUMNS;
            for (int f = 0; f < 3; f++) {
                float sum = 0;
#pragma unroll
                for (int q = 0; q < SSIM_SIDE; q++) sum += t.tap[q] * in[f][i][j + q];
                rows[f][i][j] = sum;
            }
        }
        __syncthreads();
        for (int k = (int)threadIdx.x; k < SSIM_ROWS * SSIM_COLUMNS; k += LOSS_BLOCK) {
            const int r = k / SSIM_COLUMNS, q = k % SSIM_COLUMNS;
            const int i = (int)blockIdx.y * SSIM_ROWS + r, j = (int)blockIdx.x * SSIM_COLUMNS + q;
            if (i >= h || j >= w) continue;
            const size_t at = (size_t)plane * n + (size_t)i * (size_t)w + (size_t)j;
            dx[at] = scale * (ssim_down(t, rows[0], r, q) + 2 * x[at] * ssim_down(t, rows[1], r, q) +
                              target[at] * ssim_down(t, rows[2], r, q));
        }
    }
    if (blockIdx.x + blockIdx.y + blockIdx.z > 0) return; /* the whole block */
    const size_t parts = (size_t)gridDim.x * gridDim.y * gridDim.z;
    double sum = 0;
    for (size_t k = threadIdx.x; k < parts; k += LOSS_BLOCK) sum += partial[k];
    sum = dp_block_sum(sum, room);
    if (threadIdx.x == 0) *loss = (float)(slot->weight * (1 - sum / (double)all));
}

static size_t ssim_sums_bytes(dp_shape s) {
    const dim3 grid = ssim_grid(s);
    return sizeof(double) * grid.x * grid.y * grid.z;
}

static size_t ssim_workspace(const dp_cuda *be, const dp_op *op) {
    (void)be;
    return ssim_sums_bytes(op->x) + 3 * sizeof(float) * dp_count(op->x);
}

/* args: x, target, weight -> loss, dx */
static void ssim(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const dp_shape s = plan->op.x;
    const ssim_taps taps = ssim_taps_make();
    const float *x = (const float *)args[0], *target = (const float *)args[1];
    double *partial = (double *)ws;
    float *slopes = (float *)((char *)ws + ssim_sums_bytes(s));
    DP_LAUNCH(plan->be, ssim_moments, ssim_grid(s), LOSS_BLOCK, 0, s.c, s.h, s.w, taps, x, target, slopes, partial);
    DP_LAUNCH(plan->be, ssim_gradient, ssim_grid(s), LOSS_BLOCK, 0, s.c, s.h, s.w, taps, x, target, slopes,
              (float *)args[4], partial, plan->slot, (float *)args[3]);
}

const dp_cuda_kernel dp_cuda_ssim = {ssim, ssim_workspace, NULL, NULL};

/* ---- Total variation: loss = weight * mean sqrt(h^2 + v^2 + eps) ---- */

/* Forward differences at x (0 at the last column and row). */
struct tv_step {
    float h, v, length;
};

__device__ inline tv_step tv_at(const float *x, int w, bool right, bool below, float eps) {
    tv_step s;
    s.h = right ? x[1] - x[0] : 0;
    s.v = below ? x[w] - x[0] : 0;
    s.length = sqrtf(s.h * s.h + s.v * s.v + eps);
    return s;
}

/* A pixel takes part in its own length, and in those of its left and upper neighbours. */
static __global__ void tv_kernel(tiles g, const float *x, float eps, double n, float *loss, float *dx, double *partial,
                                 dp_cuda_slot *slot) {
    const float scale = (float)(slot->weight / n);
    double sum = 0, total;
    for (unsigned tile = blockIdx.x; tile < g.all; tile += gridDim.x) {
        const pixel p = dp_pixel(g, tile);
        if (!p.inside) continue;
        const float *at = x + p.at;
        const bool right = p.j + 1 < g.w, below = p.i + 1 < g.h;
        const tv_step own = tv_at(at, g.w, right, below, eps);
        float slope = -(own.h + own.v) / own.length;
        if (p.j > 0) {
            const tv_step left = tv_at(at - 1, g.w, true, below, eps);
            slope += left.h / left.length;
        }
        if (p.i > 0) {
            const tv_step up = tv_at(at - g.w, g.w, right, true, eps);
            slope += up.v / up.length;
        }
        sum += own.length;
        dx[p.at] = scale * slope;
    }
    if (dp_loss_total(sum, partial, slot, &total) && threadIdx.x == 0) *loss = (float)(slot->weight * (total / n));
}

/* args: x, weight -> loss, dx */
static void tv(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const tiles g = dp_tiles(plan->op.x);
    DP_LAUNCH(plan->be, tv_kernel, dp_loss_blocks(plan->be, g.all), LOSS_BLOCK, 0, g, (const float *)args[0],
              plan->op.loss.eps, (double)dp_count(plan->op.x), (float *)args[2], (float *)args[3], (double *)ws,
              plan->slot);
}

const dp_cuda_kernel dp_cuda_tv = {tv, tiles_workspace, NULL, NULL};
