/* Batch normalisation with the picture's own statistics, then LeakyReLU; formulas as in ref/norm_act.inc.
 *
 * A block has `lanes` threads side by side on the channels, V channels each, and `subs` such rows of threads on
 * neighbouring pixels. Sums over the pixels: each thread, then the block, then the last block over all of them, always
 * in the same order. */
#include "backend/cuda/kernels.cuh"

enum { THREADS = 512, MOST_LANES = 64, PIXELS_PER_THREAD = 4 };

/* How the work is shared out. */
struct share {
    map m;
    int lanes, subs;
    unsigned blocks;
};

static share share_of(const dp_cuda *be, dp_shape s, int v) {
    share w = {dp_map(s), s.c / v < MOST_LANES ? s.c / v : MOST_LANES, 0, 0};
    w.subs = THREADS / w.lanes;
    const size_t pixels = (size_t)s.h * (size_t)s.w, most = (size_t)be->processors;
    const size_t wanted = pixels / ((size_t)w.subs * PIXELS_PER_THREAD) + 1;
    w.blocks = (unsigned)(wanted < most ? wanted : most);
    return w;
}

static unsigned chunks(dp_shape s, const share *w, int v) { /* of channels, along the grid's y */
    return (unsigned)((s.c / v + w->lanes - 1) / w->lanes);
}

/* The first of this thread's channels, or -1: it has none. */
template <int V> __device__ static int my_channel(const share &w) {
    const int lane = (int)(blockIdx.y * (unsigned)w.lanes + threadIdx.x % (unsigned)w.lanes);
    const int sub = (int)(threadIdx.x / (unsigned)w.lanes);
    return sub < w.subs && lane * V < w.m.c ? lane * V : -1;
}

/* The block's sums of a and b for each channel, over its rows of threads, by halves; row 0 has them. */
template <int V> __device__ static void sum_rows(const share &w, vec<V> *a, vec<V> *b) {
    __shared__ float room[2][V][THREADS];
    const int me = (int)threadIdx.x, sub = me / w.lanes;
    for (int v = 0; v < V; v++) {
        room[0][v][me] = a->at[v];
        room[1][v][me] = b->at[v];
    }
    for (int rows = w.subs; rows > 1;) {
        const int half = (rows + 1) / 2;
        __syncthreads();
        if (sub + half < rows)
            for (int v = 0; v < V; v++) {
                room[0][v][me] = a->at[v] += room[0][v][me + half * w.lanes];
                room[1][v][me] = b->at[v] += room[1][v][me + half * w.lanes];
            }
        rows = half;
    }
}

/* Writes the block's sums to part[2][blocks][c]; true in the last block of all. */
template <int V>
__device__ static bool gather(const share &w, int channel, vec<V> a, vec<V> b, float *part, dp_cuda_slot *slot) {
    sum_rows<V>(w, &a, &b);
    const size_t c = (size_t)w.m.c, blocks = gridDim.x;
    if (channel >= 0 && (int)threadIdx.x < w.lanes)
        for (int v = 0; v < V; v++) {
            part[blockIdx.x * c + (size_t)(channel + v)] = a.at[v];
            part[(blocks + blockIdx.x) * c + (size_t)(channel + v)] = b.at[v];
        }
    return dp_last_block(slot, gridDim.x * gridDim.y);
}

/* Totals over the blocks of both sums of `width` channels from `first`, to total[2][width] in shared memory: all
 * threads take part, several for one number where there are enough. */
enum { WIDTH = 128 };

__device__ static void add_up(const float *part, unsigned blocks, int channels, int first, int width,
                              double (*total)[WIDTH]) {
    __shared__ double room[THREADS];
    const int values = 2 * width, shares = THREADS / values, value = (int)threadIdx.x % values;
    const int mine = (int)threadIdx.x / values;
    double sum = 0;
    if (mine < shares)
        sum = dp_sum_parts(part + (size_t)(value / width) * blocks * (size_t)channels + (size_t)(first + value % width),
                           (size_t)channels, (unsigned)mine, (unsigned)shares, blocks);
    room[threadIdx.x] = sum;
    __syncthreads();
    if (mine == 0) {
        for (int k = 1; k < shares; k++) sum += room[k * values + value];
        total[value / width][value % width] = sum;
    }
    __syncthreads();
}

/* Whether pixel i of all, with the border, is no border pixel. */
__device__ static bool is_inside(const map &m, int i) {
    const int row = i / (m.w + 2), column = i % (m.w + 2);
    return row > 0 && row <= m.h && column > 0 && column <= m.w;
}

/* ---- Forward ---- */

/* Sums of x - x0 and its square, x0 the channel's first pixel, which keeps the difference of large numbers small. */
template <typename T, int V>
__global__ void __launch_bounds__(THREADS)
    norm_stats(share w, float eps, const T *x, float *stats, float *part, dp_cuda_slot *slot) {
    const int channel = my_channel<V>(w), sub = (int)(threadIdx.x / (unsigned)w.lanes);
    const int n = w.m.h * w.m.w, step = (int)gridDim.x * w.subs;
    vec<V> a, b;
    for (int v = 0; v < V; v++) a.at[v] = b.at[v] = 0;
    if (channel >= 0) {
        const vec<V> first = load<V>(x + w.m.pixel(0, 0) + channel);
#pragma unroll 4
        for (int i = (int)blockIdx.x * w.subs + sub; i < n; i += step) {
            const vec<V> value = load<V>(x + w.m.pixel(i / w.m.w, i % w.m.w) + channel);
            for (int v = 0; v < V; v++) {
                const float d = value.at[v] - first.at[v];
                a.at[v] += d;
                b.at[v] += d * d;
            }
        }
    }
    if (!gather<V>(w, channel, a, b, part, slot)) return;
    __shared__ double total[2][WIDTH];
    for (int from = 0; from < w.m.c; from += WIDTH) {
        const int width = w.m.c - from < WIDTH ? w.m.c - from : WIDTH, c = from + (int)threadIdx.x;
        add_up(part, gridDim.x, w.m.c, from, width, total);
        if ((int)threadIdx.x < width) {
            const double first = (double)load<1>(x + w.m.pixel(0, 0) + c).at[0];
            const double mean = total[0][threadIdx.x] / n, var = total[1][threadIdx.x] / n - mean * mean;
            stats[c] = (float)(first + mean);
            stats[w.m.c + c] = (float)(1 / sqrt((var > 0 ? var : 0) + (double)eps));
        }
        __syncthreads();
    }
}

/* Of all pixels, the mirrored border with them. */
template <typename T, int V>
__global__ void __launch_bounds__(THREADS)
    norm_apply(share w, float slope, const T *x, const float *gamma, const float *beta, const float *stats, T *y) {
    const int channel = my_channel<V>(w), sub = (int)(threadIdx.x / (unsigned)w.lanes);
    const int n = (int)w.m.pixels(), step = (int)gridDim.x * w.subs;
    if (channel < 0) return;
    const vec<V> mean = load<V>(stats + channel), b = load<V>(beta + channel);
    vec<V> scale = load<V>(stats + w.m.c + channel);
    const vec<V> g = load<V>(gamma + channel);
    for (int v = 0; v < V; v++) scale.at[v] *= g.at[v];
#pragma unroll 2
    for (int i = (int)blockIdx.x * w.subs + sub; i < n; i += step) {
        const int row = i / (w.m.w + 2), column = i % (w.m.w + 2);
        const vec<V> from =
            load<V>(x + w.m.pixel(dp_mirror_safe(row - 1, w.m.h), dp_mirror_safe(column - 1, w.m.w)) + channel);
        vec<V> to;
        for (int v = 0; v < V; v++) {
            const float value = scale.at[v] * (from.at[v] - mean.at[v]) + b.at[v];
            to.at[v] = value > 0 ? value : slope * value;
        }
        store<V>(y + (size_t)i * (size_t)w.m.c + channel, to);
    }
}

/* ---- Backward ---- */

template <int V> struct sides { /* what turns x and dy of a pixel into xhat and g */
    vec<V> mean, rstd, gamma, beta;
};

template <int V>
__device__ static sides<V> sides_of(const share &w, int channel, const float *gamma, const float *beta,
                                    const float *stats) {
    const sides<V> s = {load<V>(stats + channel), load<V>(stats + w.m.c + channel), load<V>(gamma + channel),
                        load<V>(beta + channel)};
    return s;
}

template <int V>
__device__ static void look(const sides<V> &s, float slope, const vec<V> &x, const vec<V> &dy, vec<V> *xhat,
                            vec<V> *g) {
    for (int v = 0; v < V; v++) {
        xhat->at[v] = (x.at[v] - s.mean.at[v]) * s.rstd.at[v];
        g->at[v] = s.gamma.at[v] * xhat->at[v] + s.beta.at[v] > 0 ? dy.at[v] : slope * dy.at[v];
    }
}

template <typename T, int V>
__global__ void __launch_bounds__(THREADS)
    norm_sums(share w, float slope, const T *x, const T *dy, const float *gamma, const float *beta, const float *stats,
              float *dgamma, float *dbeta, float *part, dp_cuda_slot *slot) {
    const int channel = my_channel<V>(w), sub = (int)(threadIdx.x / (unsigned)w.lanes);
    const int n = w.m.h * w.m.w, step = (int)gridDim.x * w.subs;
    vec<V> a, b;
    for (int v = 0; v < V; v++) a.at[v] = b.at[v] = 0;
    if (channel >= 0) {
        const sides<V> s = sides_of<V>(w, channel, gamma, beta, stats);
#pragma unroll 4
        for (int i = (int)blockIdx.x * w.subs + sub; i < n; i += step) {
            const size_t at = w.m.pixel(i / w.m.w, i % w.m.w) + channel;
            vec<V> xhat, g;
            look<V>(s, slope, load<V>(x + at), load<V>(dy + at), &xhat, &g);
            for (int v = 0; v < V; v++) {
                a.at[v] += g.at[v];
                b.at[v] += g.at[v] * xhat.at[v];
            }
        }
    }
    if (!gather<V>(w, channel, a, b, part, slot)) return;
    __shared__ double total[2][WIDTH];
    for (int from = 0; from < w.m.c; from += WIDTH) {
        const int width = w.m.c - from < WIDTH ? w.m.c - from : WIDTH, c = from + (int)threadIdx.x;
        add_up(part, gridDim.x, w.m.c, from, width, total);
        if ((int)threadIdx.x < width) {
            dbeta[c] = (float)total[0][threadIdx.x];
            dgamma[c] = (float)total[1][threadIdx.x];
        }
        __syncthreads();
    }
}

/* dx may be dy; its border becomes 0. */
template <typename T, int V>
__global__ void __launch_bounds__(THREADS)
    norm_slope(share w, float slope, const T *x, const T *dy, const float *gamma, const float *beta, const float *stats,
               const float *dgamma, const float *dbeta, T *dx) {
    const int channel = my_channel<V>(w), sub = (int)(threadIdx.x / (unsigned)w.lanes);
    const int n = (int)w.m.pixels(), step = (int)gridDim.x * w.subs;
    if (channel < 0) return;
    const sides<V> s = sides_of<V>(w, channel, gamma, beta, stats);
    vec<V> mean_g = load<V>(dbeta + channel), mean_gx = load<V>(dgamma + channel);
    const float share = 1.0f / ((float)w.m.h * (float)w.m.w);
    for (int v = 0; v < V; v++) {
        mean_g.at[v] *= share;
        mean_gx.at[v] *= share;
    }
#pragma unroll 2
    for (int i = (int)blockIdx.x * w.subs + sub; i < n; i += step) {
        const size_t at = (size_t)i * (size_t)w.m.c + channel;
        vec<V> to, xhat, g;
        for (int v = 0; v < V; v++) to.at[v] = 0;
        if (is_inside(w.m, i)) {
            look<V>(s, slope, load<V>(x + at), load<V>(dy + at), &xhat, &g);
            for (int v = 0; v < V; v++)
                to.at[v] = s.gamma.at[v] * s.rstd.at[v] * (g.at[v] - mean_g.at[v] - xhat.at[v] * mean_gx.at[v]);
        }
        store<V>(dx + at, to);
    }
}

/* ---- Small maps: one launch, a block for eight channels ---- */

enum { SMALL_CHANNELS = 8, SMALL_PIXELS = 1500 };

/* The block's sums of a and b for each channel, in a fixed order; every thread gets those of its channels. LANES
 * neighbouring threads have different channels. */
template <int V> __device__ static void sum_block(vec<V> *a, vec<V> *b) {
    enum { LANES = SMALL_CHANNELS / V, WARPS = THREADS / 32 };
    __shared__ float room[2][WARPS][SMALL_CHANNELS];
    const int lane = (int)threadIdx.x % LANES, warp = (int)threadIdx.x / 32;
    for (int step = 16; step >= LANES; step /= 2)
        for (int v = 0; v < V; v++) {
            a->at[v] += __shfl_xor_sync(0xffffffffu, a->at[v], step);
            b->at[v] += __shfl_xor_sync(0xffffffffu, b->at[v], step);
        }
    if ((int)threadIdx.x % 32 < LANES)
        for (int v = 0; v < V; v++) {
            room[0][warp][lane * V + v] = a->at[v];
            room[1][warp][lane * V + v] = b->at[v];
        }
    __syncthreads();
    if (threadIdx.x < 2 * SMALL_CHANNELS) {
        const int which = (int)threadIdx.x / SMALL_CHANNELS, c = (int)threadIdx.x % SMALL_CHANNELS;
        float sum = 0;
        for (int w = 0; w < WARPS; w++) sum += room[which][w][c];
        room[which][0][c] = sum;
    }
    __syncthreads();
    for (int v = 0; v < V; v++) {
        a->at[v] = room[0][0][lane * V + v];
        b->at[v] = room[1][0][lane * V + v];
    }
}

template <typename T, int V>
__global__ void __launch_bounds__(THREADS)
    norm_small(map m, float eps, float slope, const T *x, const float *gamma, const float *beta, T *y, float *stats) {
    enum { LANES = SMALL_CHANNELS / V, SUBS = THREADS / LANES };
    const int channel = ((int)blockIdx.x * LANES + (int)threadIdx.x % LANES) * V, sub = (int)threadIdx.x / LANES;
    const int n = m.h * m.w;
    const bool mine = channel < m.c;
    vec<V> first, a, b, scale, shift;
    for (int v = 0; v < V; v++) first.at[v] = a.at[v] = b.at[v] = 0;
    if (mine) {
        first = load<V>(x + m.pixel(0, 0) + channel);
#pragma unroll 4
        for (int i = sub; i < n; i += SUBS) {
            const vec<V> value = load<V>(x + m.pixel(i / m.w, i % m.w) + channel);
            for (int v = 0; v < V; v++) {
                const float d = value.at[v] - first.at[v];
                a.at[v] += d;
                b.at[v] += d * d;
            }
        }
    }
    sum_block<V>(&a, &b);
    if (!mine) return;
    for (int v = 0; v < V; v++) {
        const float mean = a.at[v] / (float)n, var = b.at[v] / (float)n - mean * mean;
        const float rstd = 1 / sqrtf((var > 0 ? var : 0) + eps);
        if (sub == 0) {
            stats[channel + v] = first.at[v] + mean;
            stats[m.c + channel + v] = rstd;
        }
        first.at[v] += mean;
        scale.at[v] = rstd * gamma[channel + v];
        shift.at[v] = beta[channel + v];
    }
    const int all = (int)m.pixels();
#pragma unroll 4
    for (int i = sub; i < all; i += SUBS) {
        const int row = dp_mirror_safe(i / (m.w + 2) - 1, m.h), column = dp_mirror_safe(i % (m.w + 2) - 1, m.w);
        const vec<V> from = load<V>(x + m.pixel(row, column) + channel);
        vec<V> to;
        for (int v = 0; v < V; v++) {
            const float value = scale.at[v] * (from.at[v] - first.at[v]) + shift.at[v];
            to.at[v] = value > 0 ? value : slope * value;
        }
        store<V>(y + (size_t)i * (size_t)m.c + channel, to);
    }
}

/* dx may be dy: a thread reads what it overwrites. */
template <typename T, int V>
__global__ void __launch_bounds__(THREADS)
    norm_small_slope(map m, float slope, const T *x, const T *dy, const float *gamma, const float *beta,
                     const float *stats, T *dx, float *dgamma, float *dbeta) {
    enum { LANES = SMALL_CHANNELS / V, SUBS = THREADS / LANES };
    const int channel = ((int)blockIdx.x * LANES + (int)threadIdx.x % LANES) * V, sub = (int)threadIdx.x / LANES;
    const int all = (int)m.pixels();
    const bool mine = channel < m.c;
    const share w = {m, 0, 0, 0};
    sides<V> s;
    vec<V> a, b;
    for (int v = 0; v < V; v++) a.at[v] = b.at[v] = 0;
    if (mine) {
        s = sides_of<V>(w, channel, gamma, beta, stats);
#pragma unroll 4
        for (int i = sub; i < all; i += SUBS) {
            if (!is_inside(m, i)) continue;
            const size_t at = (size_t)i * (size_t)m.c + channel;
            vec<V> xhat, g;
            look<V>(s, slope, load<V>(x + at), load<V>(dy + at), &xhat, &g);
            for (int v = 0; v < V; v++) {
                a.at[v] += g.at[v];
                b.at[v] += g.at[v] * xhat.at[v];
            }
        }
    }
    sum_block<V>(&a, &b);
    if (!mine) return;
    const float each = 1.0f / ((float)m.h * (float)m.w);
    for (int v = 0; v < V; v++) {
        if (sub == 0) {
            dbeta[channel + v] = a.at[v];
            dgamma[channel + v] = b.at[v];
        }
        a.at[v] *= each;
        b.at[v] *= each;
    }
#pragma unroll 4
    for (int i = sub; i < all; i += SUBS) {
        const size_t at = (size_t)i * (size_t)m.c + channel;
        vec<V> to, xhat, g;
        for (int v = 0; v < V; v++) to.at[v] = 0;
        if (is_inside(m, i)) {
            look<V>(s, slope, load<V>(x + at), load<V>(dy + at), &xhat, &g);
            for (int v = 0; v < V; v++)
                to.at[v] = s.gamma.at[v] * s.rstd.at[v] * (g.at[v] - a.at[v] - xhat.at[v] * b.at[v]);
        }
        store<V>(dx + at, to);
    }
}

static bool is_small(const dp_op *op) {
    return (size_t)op->x.h * (size_t)op->x.w <= SMALL_PIXELS;
}

static unsigned small_blocks(const dp_op *op) {
    return dp_blocks((size_t)op->x.c, SMALL_CHANNELS);
}

/* ---- Rows ---- */

static size_t sums_bytes(const dp_cuda *be, const dp_op *op) {
    return 2 * (size_t)be->processors * (size_t)op->x.c * sizeof(float);
}

/* Passes over all pixels want more blocks than sums do. */
static unsigned pass_blocks(const dp_cuda *be, const share &w) {
    const size_t wanted = w.m.pixels() / ((size_t)w.subs * 2) + 1, most = 4 * (size_t)be->processors;
    return (unsigned)(wanted < most ? wanted : most);
}

template <typename T, int V> static void forward_as(const dp_cuda_plan *p, void *const *args, void *ws) {
    const share w = share_of(p->be, p->op.x, V);
    const dim3 sums(w.blocks, chunks(p->op.x, &w, V)), pass(pass_blocks(p->be, w), sums.y);
    const auto stats_kernel = norm_stats<T, V>;
    const auto apply_kernel = norm_apply<T, V>;
    const T *x = (const T *)args[0];
    float *stats = (float *)args[4];
    if (is_small(&p->op)) {
        const auto kernel = norm_small<T, V>;
        DP_LAUNCH(p->be, kernel, small_blocks(&p->op), THREADS, 0, w.m, p->op.norm.eps, p->op.norm.slope, x,
                  (const float *)args[1], (const float *)args[2], (T *)args[3], stats);
        return;
    }
    DP_LAUNCH(p->be, stats_kernel, sums, THREADS, 0, w, p->op.norm.eps, x, stats, (float *)ws, p->slot);
    DP_LAUNCH(p->be, apply_kernel, pass, THREADS, 0, w, p->op.norm.slope, x, (const float *)args[1],
              (const float *)args[2], (const float *)stats, (T *)args[3]);
}

/* args: x, gamma, beta -> y, stats */
static void forward(const dp_cuda_plan *p, void *const *args, void *ws) {
    DP_WITH_ELEMENT(p->be, if (p->op.x.c % 4 == 0) forward_as<T, 4>(p, args, ws); else forward_as<T, 1>(p, args, ws););
}

template <typename T, int V> static void backward_as(const dp_cuda_plan *p, void *const *args, void *ws) {
    const share w = share_of(p->be, p->op.x, V);
    const dim3 sums(w.blocks, chunks(p->op.x, &w, V)), pass(pass_blocks(p->be, w), sums.y);
    const auto sums_kernel = norm_sums<T, V>;
    const auto slope_kernel = norm_slope<T, V>;
    const T *x = (const T *)args[0], *dy = (const T *)args[1];
    const float *gamma = (const float *)args[2], *beta = (const float *)args[3], *stats = (const float *)args[4];
    float *dgamma = (float *)args[6], *dbeta = (float *)args[7];
    if (is_small(&p->op)) {
        const auto kernel = norm_small_slope<T, V>;
        DP_LAUNCH(p->be, kernel, small_blocks(&p->op), THREADS, 0, w.m, p->op.norm.slope, x, dy, gamma, beta, stats,
                  (T *)args[5], dgamma, dbeta);
        return;
    }
    DP_LAUNCH(p->be, sums_kernel, sums, THREADS, 0, w, p->op.norm.slope, x, dy, gamma, beta, stats, dgamma, dbeta,
              (float *)ws, p->slot);
    DP_LAUNCH(p->be, slope_kernel, pass, THREADS, 0, w, p->op.norm.slope, x, dy, gamma, beta, stats,
              (const float *)dgamma, (const float *)dbeta, (T *)args[5]);
}

/* args: x, dy, gamma, beta, stats -> dx, dgamma, dbeta */
static void backward(const dp_cuda_plan *p, void *const *args, void *ws) {
    DP_WITH_ELEMENT(p->be, if (p->op.x.c % 4 == 0) backward_as<T, 4>(p, args, ws);
                    else backward_as<T, 1>(p, args, ws););
}

const dp_cuda_kernel dp_cuda_norm_act_fwd = {forward, sums_bytes, NULL, NULL};
const dp_cuda_kernel dp_cuda_norm_act_bwd = {backward, sums_bytes, NULL, NULL};
