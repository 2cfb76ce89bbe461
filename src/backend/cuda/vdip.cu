/* The losses of VDIP (Huo et al. 2023) on a posterior q(x) = N(mean, std^2) for each pixel; docs/methods.md, section 4.
 */
#include <math.h>

#include "backend/cuda/losses.cuh"

static size_t tiles_workspace(const dp_cuda *be, const dp_op *op) {
    return sizeof(double) * dp_loss_blocks(be, dp_tiles(op->x).all);
}

/* ---- Squares of differences of the residual, up to the second order ---- */

enum { HALO = 2, NEAR_ROWS = TILE_HEIGHT + 2 * HALO, NEAR_COLUMNS = TILE_WIDTH + 2 * HALO };

/* r = x - t of the tile and two pixels around it; 0 outside of the plane. */
__device__ inline void fetch_residual(tiles g, pixel p, const float *x, const float *t, float *r) {
    const size_t plane = (size_t)p.c * (size_t)g.h * (size_t)g.w;
    for (int k = (int)threadIdx.x; k < NEAR_ROWS * NEAR_COLUMNS; k += LOSS_BLOCK) {
        const int i = p.top - HALO + k / NEAR_COLUMNS, j = p.left - HALO + k % NEAR_COLUMNS;
        const bool inside = i >= 0 && i < g.h && j >= 0 && j < g.w;
        const size_t at = plane + (size_t)(inside ? i : 0) * (size_t)g.w + (size_t)(inside ? j : 0);
        r[k] = inside ? x[at] - t[at] : 0;
    }
}

/* Along one direction, of a line of n whose element i is r[0]; 0 where a pixel is missing. */
__device__ inline float first_difference(const float *r, int step, int i, int n) { /* begins at i */
    return i >= 0 && i + 1 < n ? r[step] - r[0] : 0;
}

__device__ inline float second_difference(const float *r, int step, int i, int n) {
    return i >= 0 && i + 2 < n ? r[0] - 2 * r[step] + r[2 * step] : 0;
}

/* A pixel is the second of the difference that begins before it, and the first of its own; and so on. Returns the
 * derivative of half the squares; adds the squares of the differences that begin here. */
__device__ inline float slope_along(const float *r, int step, int i, int n, float *first, float *second) {
    const float d = first_difference(r, step, i, n), dd = second_difference(r, step, i, n);
    *first += d * d;
    *second += dd * dd;
    return first_difference(r - step, step, i - 1, n) - d;
}

__device__ inline float second_slope_along(const float *r, int step, int i, int n) {
    return second_difference(r, step, i, n) - 2 * second_difference(r - step, step, i - 1, n) +
           second_difference(r - 2 * step, step, i - 2, n);
}

/* The mixed difference that begins at (i, j). */
__device__ inline float mixed_difference(const float *r, int i, int j, int h, int w) {
    const bool exists = i >= 0 && j >= 0 && i + 1 < h && j + 1 < w;
    return exists ? r[0] - r[1] - r[NEAR_COLUMNS] + r[NEAR_COLUMNS + 1] : 0;
}

__device__ inline float mixed_slope(const float *r, int i, int j, int h, int w) {
    return mixed_difference(r, i, j, h, w) - mixed_difference(r - 1, i, j - 1, h, w) -
           mixed_difference(r - NEAR_COLUMNS, i - 1, j, h, w) +
           mixed_difference(r - NEAR_COLUMNS - 1, i - 1, j - 1, h, w);
}

struct orders {
    float c0, c1, c2;
};

static __global__ void derivatives_kernel(tiles g, orders o, const float *x, const float *t, double n, float *loss,
                                          float *dx, double *partial, dp_cuda_slot *slot) {
    __shared__ float near[NEAR_ROWS * NEAR_COLUMNS];
    const float scale = (float)(2.0 * slot->weight / n);
    double sum = 0, total;
    for (unsigned tile = blockIdx.x; tile < g.all; tile += gridDim.x) {
        const pixel p = dp_pixel(g, tile);
        __syncthreads(); /* the last tile's readers */
        fetch_residual(g, p, x, t, near);
        __syncthreads();
        if (!p.inside) continue;
        const float *r = near + (p.i - p.top + HALO) * NEAR_COLUMNS + p.j - p.left + HALO;
        float first = 0, second = 0;
        const float one =
            slope_along(r, NEAR_COLUMNS, p.i, g.h, &first, &second) + slope_along(r, 1, p.j, g.w, &first, &second);
        const float two = second_slope_along(r, NEAR_COLUMNS, p.i, g.h) + second_slope_along(r, 1, p.j, g.w);
        const float mixed = mixed_difference(r, p.i, p.j, g.h, g.w); /* dvh and dhv are the same */
        sum += (double)o.c0 * (r[0] * r[0]) + (double)o.c1 * first + (double)o.c2 * (second + 2 * (mixed * mixed));
        dx[p.at] = scale * (o.c0 * r[0] + o.c1 * one + o.c2 * (two + 2 * mixed_slope(r, p.i, p.j, g.h, g.w)));
    }
    if (dp_loss_total(sum, partial, slot, &total) && threadIdx.x == 0) *loss = (float)(slot->weight * total / n);
}

/* args: x, target, weight -> loss, dx */
static void derivatives(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const tiles g = dp_tiles(plan->op.x);
    const orders o = {plan->op.loss.order[0], plan->op.loss.order[1], plan->op.loss.order[2]};
    DP_LAUNCH(plan->be, derivatives_kernel, dp_loss_blocks(plan->be, g.all), LOSS_BLOCK, 0, g, o,
              (const float *)args[0], (const float *)args[1], (double)dp_count(plan->op.x), (float *)args[3],
              (float *)args[4], (double *)ws, plan->slot);
}

const dp_cuda_kernel dp_cuda_derivatives = {derivatives, tiles_workspace, NULL, NULL};

/* ---- loss = weight * mean log max(x, 1e-45); every float above 0 is above 1e-45 ---- */

static __global__ void mean_log_kernel(size_t n, const float *x, float *loss, float *dx, double *partial,
                                       dp_cuda_slot *slot) {
    const float scale = (float)(slot->weight / (double)n);
    double sum = 0, total;
    for (size_t i = blockIdx.x * (size_t)LOSS_BLOCK + threadIdx.x; i < n; i += gridDim.x * (size_t)LOSS_BLOCK) {
        const float at = x[i];
        sum += at > 0 ? (double)logf(at) : -103.61632918473205; /* log 1e-45 */
        dx[i] = at > 0 ? scale / at : 0;
    }
    if (dp_loss_total(sum, partial, slot, &total) && threadIdx.x == 0)
        *loss = (float)(slot->weight * total / (double)n);
}

static unsigned mean_log_blocks(const dp_cuda *be, const dp_op *op) {
    return dp_loss_blocks(be, dp_blocks(dp_count(op->x), LOSS_BLOCK));
}

static size_t mean_log_workspace(const dp_cuda *be, const dp_op *op) {
    return sizeof(double) * mean_log_blocks(be, op);
}

/* args: x, weight -> loss, dx */
static void mean_log(const dp_cuda_plan *plan, void *const *args, void *ws) {
    DP_LAUNCH(plan->be, mean_log_kernel, mean_log_blocks(plan->be, &plan->op), LOSS_BLOCK, 0, dp_count(plan->op.x),
              (const float *)args[0], (float *)args[2], (float *)args[3], (double *)ws, plan->slot);
}

const dp_cuda_kernel dp_cuda_mean_log = {mean_log, mean_log_workspace, NULL, NULL};

/* ---- Sparse prior: weight/4 * (mean log(p_v + 1e-6) + mean log(p_h + 1e-6)) ---- */

/* Means over pairs down and to the right: their numbers' inverses, 0 without pairs. */
struct pairs {
    double per_v, per_h;
};

/* The pair of `at` and its neighbour at +-step: p = (E_b - E_a)^2 + S_a^2 + S_b^2. No gradient passes the 1/(p + 1e-6)
 * of the derivative: the prior as it is published. Adds the derivatives by E and S of `at`; returns p + 1e-6. */
__device__ inline float sparse_pair(const float *e, const float *s, ptrdiff_t step, float scale, float *de, float *ds) {
    const float d = e[step] - e[0], p = d * d + s[0] * s[0] + s[step] * s[step] + 1e-6f, g = 2 * scale / p;
    *de -= g * d;
    *ds += g * s[0];
    return p;
}

static __global__ void sparse_kernel(tiles g, pairs n, const float *mean, const float *deviation, float *loss,
                                     float *dmean, float *ddeviation, double *partial, dp_cuda_slot *slot) {
    const float scale_v = (float)(slot->weight / 4 * n.per_v), scale_h = (float)(slot->weight / 4 * n.per_h);
    double sum = 0, total;
    for (unsigned tile = blockIdx.x; tile < g.all; tile += gridDim.x) {
        const pixel p = dp_pixel(g, tile);
        if (!p.inside) continue;
        const float *e = mean + p.at, *s = deviation + p.at;
        float de = 0, ds = 0;
        if (p.i + 1 < g.h) sum += n.per_v * (double)logf(sparse_pair(e, s, g.w, scale_v, &de, &ds));
        if (p.j + 1 < g.w) sum += n.per_h * (double)logf(sparse_pair(e, s, 1, scale_h, &de, &ds));
        if (p.i > 0) sparse_pair(e, s, -(ptrdiff_t)g.w, scale_v, &de, &ds);
        if (p.j > 0) sparse_pair(e, s, -1, scale_h, &de, &ds);
        dmean[p.at] = de;
        ddeviation[p.at] = ds;
    }
    if (dp_loss_total(sum, partial, slot, &total) && threadIdx.x == 0) *loss = (float)(slot->weight / 4 * total);
}

/* args: mean E, std S, weight -> loss, dE, dS */
static void sparse_prior(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const dp_shape s = plan->op.x;
    const tiles g = dp_tiles(s);
    const double nv = (double)s.c * (s.h - 1) * s.w, nh = (double)s.c * s.h * (s.w - 1);
    const pairs n = {nv > 0 ? 1 / nv : 0, nh > 0 ? 1 / nh : 0};
    DP_LAUNCH(plan->be, sparse_kernel, dp_loss_blocks(plan->be, g.all), LOSS_BLOCK, 0, g, n, (const float *)args[0],
              (const float *)args[1], (float *)args[3], (float *)args[4], (float *)args[5], (double *)ws, plan->slot);
}

const dp_cuda_kernel dp_cuda_sparse_prior = {sparse_prior, tiles_workspace, NULL, NULL};
