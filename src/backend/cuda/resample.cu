/* Upsampling, pooling, and moving of channels; formulas as in ref/resample.inc. One thread per pixel and V channels. */
#include "backend/cuda/kernels.cuh"

enum { THREADS = 256 };

/* The thread's pixel (of all, with the border) and first channel, of `pixels` x `lanes`. */
struct place {
    int row, column, channel; /* row, column from -1 */
    bool valid;
};

__device__ static place my_place(const map &m, int lanes, int v) {
    const size_t at = (size_t)blockIdx.x * blockDim.x + threadIdx.x, pixel = at / (size_t)lanes;
    const size_t width = (size_t)(m.w + 2);
    const place p = {(int)(pixel / width) - 1, (int)(pixel % width) - 1, (int)(at % (size_t)lanes) * v,
                     pixel < m.pixels()};
    return p;
}

static unsigned blocks_for(const map &m, int lanes) {
    return dp_blocks(m.pixels() * (size_t)lanes, THREADS);
}

__device__ static bool inside(const map &m, const place &p) {
    return p.row >= 0 && p.row < m.h && p.column >= 0 && p.column < m.w;
}

template <int V> __device__ static vec<V> zeros() {
    vec<V> z;
    for (int v = 0; v < V; v++) z.at[v] = 0;
    return z;
}

/* ---- Upsampling: y's channels [to, to + C) ---- */

struct widening {
    map x, y;
    int to, top, left; /* the crop's corner in the doubled picture */
};

static widening widening_of(const dp_op *op) {
    const widening w = {dp_map(op->x), dp_map(op->y), op->up.to, (2 * op->x.h - op->y.h) / 2,
                        (2 * op->x.w - op->y.w) / 2};
    return w;
}

/* The two source pixels of position i of the doubled side, and the weight of the second. */
struct tap {
    int first, second;
    float weight;
};

__device__ static tap tap_at(int i, int n) {
    const int first = i % 2 == 1 ? i / 2 : i / 2 - 1;
    const tap t = {first < 0 ? 0 : first, first + 1 > n - 1 ? n - 1 : first + 1, i % 2 == 1 ? 0.25f : 0.75f};
    return t;
}

template <typename T, int V> __global__ void widen(widening w, int lanes, const T *x, T *y) {
    const place p = my_place(w.y, lanes, V);
    if (!p.valid) return;
    const tap r = tap_at(dp_mirror_safe(p.row, w.y.h) + w.top, w.x.h);
    const tap c = tap_at(dp_mirror_safe(p.column, w.y.w) + w.left, w.x.w);
    const vec<V> a = load<V>(x + w.x.pixel(r.first, c.first) + p.channel);
    const vec<V> b = load<V>(x + w.x.pixel(r.first, c.second) + p.channel);
    const vec<V> d = load<V>(x + w.x.pixel(r.second, c.first) + p.channel);
    const vec<V> e = load<V>(x + w.x.pixel(r.second, c.second) + p.channel);
    vec<V> out;
    for (int v = 0; v < V; v++) {
        const float above = (1 - c.weight) * a.at[v] + c.weight * b.at[v];
        const float below = (1 - c.weight) * d.at[v] + c.weight * e.at[v];
        out.at[v] = (1 - r.weight) * above + r.weight * below;
    }
    store<V>(y + w.y.pixel(p.row, p.column) + w.to + p.channel, out);
}

/* Weights with which positions 2i-1 .. 2i+2 of the doubled side hold pixel i of n; at[]: their places in the crop of
 * `kept` from `from`, weight 0 outside of it. */
struct taps4 {
    float weight[4];
    int at[4];
};

__device__ static taps4 taps_of(int i, int n, int from, int kept) {
    const float full[4] = {i > 0 ? 0.25f : 0.0f, i > 0 ? 0.75f : 1.0f, i < n - 1 ? 0.75f : 1.0f,
                           i < n - 1 ? 0.25f : 0.0f};
    taps4 t;
    for (int k = 0; k < 4; k++) {
        const int at = 2 * i - 1 + k - from;
        const bool in = at >= 0 && at < kept;
        t.weight[k] = in ? full[k] : 0;
        t.at[k] = in ? at : 0;
    }
    return t;
}

template <typename T, int V> __global__ void narrow(widening w, int lanes, const T *dy, T *dx) {
    const place p = my_place(w.x, lanes, V);
    if (!p.valid) return;
    vec<V> sum = zeros<V>();
    if (inside(w.x, p)) {
        const taps4 r = taps_of(p.row, w.x.h, w.top, w.y.h), c = taps_of(p.column, w.x.w, w.left, w.y.w);
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                const float weight = r.weight[i] * c.weight[j];
                const vec<V> from = load<V>(dy + w.y.pixel(r.at[i], c.at[j]) + w.to + p.channel);
                for (int v = 0; v < V; v++) sum.at[v] += weight * from.at[v];
            }
    }
    store<V>(dx + w.x.pixel(p.row, p.column) + p.channel, sum);
}

template <typename T, int V> static void widen_as(const dp_cuda_plan *p, void *const *args) {
    const widening w = widening_of(&p->op);
    const auto kernel = widen<T, V>;
    const int lanes = p->op.x.c / V;
    DP_LAUNCH(p->be, kernel, blocks_for(w.y, lanes), THREADS, 0, w, lanes, (const T *)args[0], (T *)args[1]);
}

template <typename T, int V> static void narrow_as(const dp_cuda_plan *p, void *const *args) {
    const widening w = widening_of(&p->op);
    const auto kernel = narrow<T, V>;
    const int lanes = p->op.x.c / V;
    DP_LAUNCH(p->be, kernel, blocks_for(w.x, lanes), THREADS, 0, w, lanes, (const T *)args[0], (T *)args[1]);
}

static bool by_four(const dp_op *op) {
    return op->x.c % 4 == 0 && op->y.c % 4 == 0 && op->up.to % 4 == 0;
}

/* args: x -> y */
static void upsample_forward(const dp_cuda_plan *p, void *const *args, void *ws) {
    (void)ws;
    DP_WITH_ELEMENT(p->be, if (by_four(&p->op)) widen_as<T, 4>(p, args); else widen_as<T, 1>(p, args););
}

/* args: dy -> dx */
static void upsample_backward(const dp_cuda_plan *p, void *const *args, void *ws) {
    (void)ws;
    DP_WITH_ELEMENT(p->be, if (by_four(&p->op)) narrow_as<T, 4>(p, args); else narrow_as<T, 1>(p, args););
}

/* ---- Channels, between maps with a border or planes ---- */

/* Element (pixel, k) of y is x's if `to` <= k < `to` + n, else 0 with clear, else as it was. Pixels of planes are one
 * channel's: then `pixels` is 1 and channels count elements. */
template <typename T>
__global__ void move_channels(size_t pixels, size_t xc, size_t yc, size_t from, size_t to, size_t n, bool clear,
                              const T *x, T *y) {
    const size_t each = clear ? yc : n, total = pixels * each;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < total; i += (size_t)gridDim.x * blockDim.x) {
        const size_t pixel = i / each, k = clear ? i % each : to + i % each;
        const bool mine = k >= to && k - to < n;
        y[pixel * yc + k] = mine ? x[pixel * xc + from + (k - to)] : T(0.0f);
    }
}

/* args: x -> y */
static void channel_copy(const dp_cuda_plan *p, void *const *args, void *ws) {
    (void)ws;
    const dp_op *op = &p->op;
    const size_t plane = (size_t)op->x.h * (size_t)op->x.w, from = (size_t)op->copy.from, to = (size_t)op->copy.to;
    const size_t n = (size_t)op->copy.n, xc = (size_t)op->x.c, yc = (size_t)op->y.c;
    const unsigned most = 8 * (unsigned)p->be->processors;
    if (!dp_is_feature(op->x)) {
        const unsigned blocks = dp_blocks(plane * (op->copy.clear ? yc : n), THREADS);
        const auto kernel = move_channels<float>;
        DP_LAUNCH(p->be, kernel, blocks < most ? blocks : most, THREADS, 0, 1, xc * plane, yc * plane, from * plane,
                  to * plane, n * plane, op->copy.clear, (const float *)args[0], (float *)args[1]);
        return;
    }
    const size_t pixels = dp_map(op->x).pixels();
    const unsigned blocks = dp_blocks(pixels * (op->copy.clear ? yc : n), THREADS);
    DP_WITH_ELEMENT(p->be, const auto kernel = move_channels<T>;
                    DP_LAUNCH(p->be, kernel, blocks < most ? blocks : most, THREADS, 0, pixels, xc, yc, from, to, n,
                              op->copy.clear, (const T *)args[0], (T *)args[1]););
}

/* ---- Pooling: index 0..3, the place of the maximum in its square, the first of equals ---- */

template <typename T> __global__ void pool(map x, map y, const T *from, T *to, T *index) {
    const place p = my_place(y, y.c, 1);
    if (!p.valid) return;
    const int row = 2 * dp_mirror_safe(p.row, y.h), column = 2 * dp_mirror_safe(p.column, y.w);
    float best = load<1>(from + x.pixel(row, column) + p.channel).at[0];
    int place_of_best = 0;
    for (int t = 1; t < 4; t++) {
        const float value = load<1>(from + x.pixel(row + t / 2, column + t % 2) + p.channel).at[0];
        if (value > best) {
            best = value;
            place_of_best = t;
        }
    }
    const size_t at = y.pixel(p.row, p.column) + p.channel;
    to[at] = T(best);
    index[at] = T((float)place_of_best);
}

template <typename T> __global__ void unpool(map x, map y, const T *dy, const T *index, T *dx) {
    const place p = my_place(x, x.c, 1);
    if (!p.valid) return;
    const int i = p.row / 2, j = p.column / 2;
    float value = 0;
    if (inside(x, p) && i < y.h && j < y.w) {
        const size_t at = y.pixel(i, j) + p.channel;
        if ((int)load<1>(index + at).at[0] == p.row % 2 * 2 + p.column % 2) value = load<1>(dy + at).at[0];
    }
    dx[x.pixel(p.row, p.column) + p.channel] = T(value);
}

/* args: x -> y, index */
static void pool_forward(const dp_cuda_plan *p, void *const *args, void *ws) {
    (void)ws;
    const map x = dp_map(p->op.x), y = dp_map(p->op.y);
    DP_WITH_ELEMENT(p->be, const auto kernel = pool<T>; DP_LAUNCH(p->be, kernel, blocks_for(y, y.c), THREADS, 0, x, y,
                                                                  (const T *)args[0], (T *)args[1], (T *)args[2]););
}

/* args: dy, index -> dx */
static void pool_backward(const dp_cuda_plan *p, void *const *args, void *ws) {
    (void)ws;
    const map x = dp_map(p->op.x), y = dp_map(p->op.y);
    DP_WITH_ELEMENT(p->be, const auto kernel = unpool<T>;
                    DP_LAUNCH(p->be, kernel, blocks_for(x, x.c), THREADS, 0, x, y, (const T *)args[0],
                              (const T *)args[1], (T *)args[2]););
}

const dp_cuda_kernel dp_cuda_upsample2_fwd = {upsample_forward, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_upsample2_bwd = {upsample_backward, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_channel_copy = {channel_copy, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_maxpool2_fwd = {pool_forward, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_maxpool2_bwd = {pool_backward, NULL, NULL, NULL};
