/* Ops on one element at a time: sums, activations, Adam, random numbers, conversions; and what is finite.
 *
 * Features are done with their border: an elementwise function of mirrored borders is mirrored, of zeros (a gradient's)
 * times anything finite zero. */
#include "backend/cuda/kernels.cuh"
#include "base/philox_rounds.h"

enum { THREADS = 256 };

/* ---- One thread for V elements ---- */

/* F::at<V>(i) does the elements i .. i+V-1. */
template <int V, typename F> static __global__ void each(size_t n, F f) {
    const size_t i = V * ((size_t)blockIdx.x * blockDim.x + threadIdx.x);
    if (i + V <= n)
        f.template at<V>(i);
    else
        for (size_t k = i; k < n; k++) f.template at<1>(k);
}

template <typename F> static void run_each(const dp_cuda *be, size_t n, bool by_four, F f) {
    void (*kernel)(size_t, F) = by_four ? each<4, F> : each<1, F>;
    if (n > 0) DP_LAUNCH(be, kernel, dp_blocks(n, by_four ? 4 * THREADS : THREADS), THREADS, 0, n, f);
}

/* Can four elements of these bytes be read at once? (NULL can.) */
template <typename... P> static bool aligned(size_t element, const P *...p) {
    return ((... | (size_t)p) % (4 * element)) == 0;
}

/* Elements in memory. */
static size_t elements(dp_shape s) {
    return dp_is_feature(s) ? dp_map(s).pixels() * (size_t)s.c : dp_count(s);
}

/* Runs the statements with T as the type of elements of a tensor of shape s. */
#define WITH_ELEMENT_OF(s, be, ...)                                                                                    \
    do {                                                                                                               \
        if (dp_is_feature(s)) {                                                                                        \
            DP_WITH_ELEMENT(be, __VA_ARGS__);                                                                          \
        } else {                                                                                                       \
            typedef float T;                                                                                           \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    } while (0)

/* ---- Sums and products ---- */

template <typename T> struct adder {
    const T *a, *b;
    T *y;
    template <int V> __device__ void at(size_t i) const {
        vec<V> s = load<V>(a + i), t = load<V>(b + i);
        for (int k = 0; k < V; k++) s.at[k] += t.at[k];
        store<V>(y + i, s);
    }
};

/* args: a, b -> y */
static void run_add(const dp_cuda_plan *plan, void *const *args, void *ws) {
    (void)ws;
    const dp_shape s = plan->op.x;
    WITH_ELEMENT_OF(s, plan->be, {
        const adder<T> f = {(const T *)args[0], (const T *)args[1], (T *)args[2]};
        run_each(plan->be, elements(s), aligned(sizeof(T), f.a, f.b, f.y), f);
    });
}

template <typename T> struct multiplier {
    const T *a, *b, *c;
    T *y;
    template <int V> __device__ void at(size_t i) const {
        vec<V> s = load<V>(b + i), t = load<V>(c + i), sum = {};
        if (a != NULL) sum = load<V>(a + i);
        for (int k = 0; k < V; k++) sum.at[k] += s.at[k] * t.at[k];
        store<V>(y + i, sum);
    }
};

/* args: a (NULL: 0), b, c -> y = a + b*c */
static void run_muladd(const dp_cuda_plan *plan, void *const *args, void *ws) {
    (void)ws;
    const dp_shape s = plan->op.x;
    WITH_ELEMENT_OF(s, plan->be, {
        const multiplier<T> f = {(const T *)args[0], (const T *)args[1], (const T *)args[2], (T *)args[3]};
        run_each(plan->be, elements(s), aligned(sizeof(T), f.a, f.b, f.c, f.y), f);
    });
}

/* ---- Activations ---- */

/* Sine and cosine of factor*x as of the exact product p + e: sin(p + e) = sin p + e cos p, as e is of the size of a
 * rounding. */
__device__ static void sine(float factor, float x, float *s, float *c) {
    const float p = factor * x, e = fmaf(factor, x, -p);
    float sp, cp;
    sincosf(p, &sp, &cp);
    *s = fmaf(e, cp, sp);
    *c = fmaf(-e, sp, cp);
}

template <typename T> struct activation {
    dp_act act;
    float factor;
    const T *x;
    T *y;
    __device__ float of(float v) const {
        if (act == DP_RELU6) return v < 0 ? 0 : v > 6 ? 6 : v;
        if (act == DP_SIGMOID) return 1 / (1 + expf(-v));
        float s, c;
        sine(factor, v, &s, &c);
        return s;
    }
    template <int V> __device__ void at(size_t i) const {
        vec<V> v = load<V>(x + i);
        for (int k = 0; k < V; k++) v.at[k] = of(v.at[k]);
        store<V>(y + i, v);
    }
};

/* args: x -> y */
static void run_act_fwd(const dp_cuda_plan *plan, void *const *args, void *ws) {
    (void)ws;
    const dp_op *op = &plan->op;
    WITH_ELEMENT_OF(op->x, plan->be, {
        const activation<T> f = {op->act.act, op->act.factor, (const T *)args[0], (T *)args[1]};
        run_each(plan->be, elements(op->x), aligned(sizeof(T), f.x, f.y), f);
    });
}

template <typename T> struct activation_slope {
    dp_act act;
    float factor;
    const T *y, *dy; /* y: the sine's x */
    T *dx;
    __device__ float of(float v, float d) const {
        if (act == DP_RELU6) return v > 0 && v < 6 ? d : 0;
        if (act == DP_SIGMOID) return d * v * (1 - v);
        float s, c;
        sine(factor, v, &s, &c);
        return d * factor * c;
    }
    template <int V> __device__ void at(size_t i) const {
        const vec<V> v = load<V>(y + i);
        vec<V> d = load<V>(dy + i);
        for (int k = 0; k < V; k++) d.at[k] = of(v.at[k], d.at[k]);
        store<V>(dx + i, d);
    }
};

/* args: y (sine: x), dy -> dx */
static void run_act_bwd(const dp_cuda_plan *plan, void *const *args, void *ws) {
    (void)ws;
    const dp_op *op = &plan->op;
    WITH_ELEMENT_OF(op->x, plan->be, {
        const activation_slope<T> f = {op->act.act, op->act.factor, (const T *)args[0], (const T *)args[1],
                                       (T *)args[2]};
        run_each(plan->be, elements(op->x), aligned(sizeof(T), f.y, f.dy, f.dx), f);
    });
}

/* ---- Adam ---- */

struct adam {
    const dp_cuda_slot *slot;
    float *p;
    const float *g;
    float *m, *v;
    bf16 *rounded; /* p as bfloat16; NULL: not kept */
    template <int V> __device__ void at(size_t i) const {
        const float *number = slot->number;
        const float b1 = number[0], b2 = number[1], c1 = number[2], c2 = number[3], rate = number[4], root = number[5],
                    eps = number[6];
        const vec<V> gs = load<V>(g + i);
        vec<V> ps = load<V>(p + i), ms = load<V>(m + i), vs = load<V>(v + i);
        for (int k = 0; k < V; k++) {
            ms.at[k] = b1 * ms.at[k] + c1 * gs.at[k];
            vs.at[k] = b2 * vs.at[k] + c2 * gs.at[k] * gs.at[k];
            ps.at[k] -= rate * ms.at[k] / (sqrtf(vs.at[k]) / root + eps);
        }
        store<V>(m + i, ms);
        store<V>(v + i, vs);
        store<V>(p + i, ps);
        if (rounded != NULL) store<V>(rounded + i, ps);
    }
};

/* args: p, g, m, v, step (host: in the slot) -> p, m, v */
static void run_adam(const dp_cuda_plan *plan, void *const *args, void *ws) {
    (void)ws;
    const adam f = {plan->slot,       (float *)args[0], (const float *)args[1],
                    (float *)args[2], (float *)args[3], (bf16 *)dp_cuda_rounded(plan->be, args[0])};
    run_each(plan->be, dp_count(plan->op.x),
             aligned(sizeof(float), f.p, f.g, f.m, f.v) && aligned(sizeof(bf16), f.rounded), f);
}

/* ---- Random numbers: base/philox.c on the device ---- */

typedef struct noise {
    dp_philox_key key;
    dp_random law;
    float scale;
    const dp_cuda_slot *slot;
} noise;

/* The numbers of group `index`, times the scale. */
__device__ static void noise_of(const noise &r, uint64_t index, float out[4]) {
    uint32_t bits[4];
    const uint64_t draw = r.slot->draw;
    const uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)draw, (uint32_t)(draw >> 32)};
    dp_philox_rounds(counter, r.key, bits);
    for (int i = 0; i < 4; i++) out[i] = (float)((bits[i] >> 8) + 1) * 0x1p-24f;
    if (r.law == DP_NORMAL)
        for (int i = 0; i < 4; i += 2) {
            const float radius = sqrtf(-2.0f * logf(out[i])), a = 6.28318530717958648f * out[i + 1];
            out[i] = radius * cosf(a);
            out[i + 1] = radius * sinf(a);
        }
    for (int i = 0; i < 4; i++) out[i] *= r.scale;
}

/* Element order is (row, column, channel). */
static __global__ void random_planar(noise r, map m, const float *x, float *y) {
    const size_t group = (size_t)blockIdx.x * blockDim.x + threadIdx.x, channels = (size_t)m.c,
                 plane = (size_t)m.h * (size_t)m.w, n = channels * plane;
    float number[4];
    if (4 * group >= n) return;
    noise_of(r, group, number);
    for (size_t k = 0; k < 4; k++) {
        const size_t i = 4 * group + k, at = i % channels * plane + i / channels;
        if (i < n) y[at] = (x != NULL ? x[at] : 0) + number[k];
    }
}

/* To the pixel, and to all of the border that mirrors it. */
template <int V, typename T> __device__ static void store_mirrored(map m, T *y, int row, int column, int c, vec<V> v) {
    for (int i = 0; i < 3; i++) {
        const int to_row = i == 0 ? row : i == 1 ? -1 : m.h;
        if (dp_mirror_safe(to_row, m.h) != row) continue;
        for (int j = 0; j < 3; j++) {
            const int to_column = j == 0 ? column : j == 1 ? -1 : m.w;
            if (dp_mirror_safe(to_column, m.w) == column) store<V>(y + m.pixel(to_row, to_column) + c, v);
        }
    }
}

template <typename T, int V> static __global__ void random_features(noise r, map m, const T *x, T *y) {
    const size_t group = (size_t)blockIdx.x * blockDim.x + threadIdx.x, channels = (size_t)m.c,
                 pixels = (size_t)m.h * (size_t)m.w;
    float number[4];
    if (4 * group >= channels * pixels) return;
    noise_of(r, group, number);
    int pixel = (int)(4 * group / channels), c = (int)(4 * group % channels);
    for (int k = 0; k < 4 && (size_t)pixel < pixels; k += V) {
        const int row = pixel / m.w, column = pixel % m.w;
        vec<V> v = {};
        if (x != NULL) v = load<V>(x + m.pixel(row, column) + c);
        for (int l = 0; l < V; l++) v.at[l] += number[k + l];
        store_mirrored<V>(m, y, row, column, c, v);
        c += V;
        if (c >= m.c) c = 0, pixel++;
    }
}

/* args: x (may be NULL), draw (host: in the slot) -> y = x + scale*number */
static void run_random(const dp_cuda_plan *plan, void *const *args, void *ws) {
    (void)ws;
    const dp_op *op = &plan->op;
    const map m = dp_map(op->x);
    const noise r = {op->random.key, op->random.law, op->random.scale, plan->slot};
    const unsigned blocks = dp_blocks(dp_count(op->x), 4 * THREADS);
    if (!dp_is_feature(op->x)) {
        DP_LAUNCH(plan->be, random_planar, blocks, THREADS, 0, r, m, (const float *)args[0], (float *)args[2]);
        return;
    }
    DP_WITH_ELEMENT(plan->be, {
        const T *x = (const T *)args[0];
        T *y = (T *)args[2];
        void (*kernel)(noise, map, const T *, T *) =
            m.c % 4 == 0 && aligned(sizeof(T), x, y) ? random_features<T, 4> : random_features<T, 1>;
        DP_LAUNCH(plan->be, kernel, blocks, THREADS, 0, r, m, x, y);
    });
}

/* ---- Is every element finite? ---- */

static unsigned finite_blocks(const dp_cuda *be, const dp_op *op) {
    const unsigned most = 2 * (unsigned)be->processors, wanted = dp_blocks(dp_count(op->x), 8 * THREADS);
    return wanted < most ? wanted : most;
}

static size_t finite_workspace(const dp_cuda *be, const dp_op *op) {
    return finite_blocks(be, op) * sizeof(float);
}

/* The sum of 0*x is 0, or NaN if one of them is infinite or NaN. */
template <int V>
static __global__ void finite(size_t n, const float *x, float *y, volatile float *of_block, dp_cuda_slot *slot) {
    __shared__ float room[32];
    const size_t step = (size_t)V * gridDim.x * blockDim.x;
    float sum = 0;
    for (size_t i = V * ((size_t)blockIdx.x * blockDim.x + threadIdx.x); i < n; i += step) {
        if (i + V <= n) {
            const vec<V> v = load<V>(x + i);
            for (int k = 0; k < V; k++) sum += 0 * v.at[k];
        } else {
            for (size_t k = i; k < n; k++) sum += 0 * x[k];
        }
    }
    sum = dp_block_sum(sum, room);
    if (threadIdx.x == 0) of_block[blockIdx.x] = sum;
    if (!dp_last_block(slot, gridDim.x)) return;
    sum = 0;
    for (unsigned i = threadIdx.x; i < gridDim.x; i += blockDim.x) sum += of_block[i];
    sum = dp_block_sum(sum, room);
    if (threadIdx.x == 0) *y = sum;
}

/* args: x -> y[1] = 0 if every element of x is finite, else NaN */
static void run_finite(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const float *x = (const float *)args[0];
    void (*kernel)(size_t, const float *, float *, volatile float *, dp_cuda_slot *) =
        aligned(sizeof(float), x) ? finite<4> : finite<1>;
    DP_LAUNCH(plan->be, kernel, finite_blocks(plan->be, &plan->op), THREADS, 0, elements(plan->op.x), x,
              (float *)args[1], (float *)ws, plan->slot);
}

/* ---- Elements of one kind to the other ---- */

template <typename From, typename To> struct converter {
    const From *x;
    To *y;
    template <int V> __device__ void at(size_t i) const { store<V>(y + i, load<V>(x + i)); }
};

void dp_cuda_to_bf16(const dp_cuda *be, size_t n, const float *x, void *y) {
    const converter<float, bf16> f = {x, (bf16 *)y};
    run_each(be, n, aligned(sizeof(float), x) && aligned(sizeof(bf16), f.y), f);
}

void dp_cuda_from_bf16(const dp_cuda *be, size_t n, const void *x, float *y) {
    const converter<bf16, float> f = {(const bf16 *)x, y};
    run_each(be, n, aligned(sizeof(bf16), f.x) && aligned(sizeof(float), y), f);
}

/* ---- Host arguments ---- */

enum { NUMBERS = sizeof(((dp_cuda_slot *)0)->number) / sizeof(float) };

/* One thread for a number. The settings come with the launch itself, so the host may change its own at once. They are
 * copied as bits: the two halves of a draw are no numbers. */
static __global__ void set(dp_cuda_settings settings) {
    const int i = (int)threadIdx.x / NUMBERS, k = (int)threadIdx.x % NUMBERS;
    if (i < settings.count) ((unsigned *)settings.at[i].slot->number)[k] = __float_as_uint(settings.at[i].number[k]);
}

void dp_cuda_set(const dp_cuda *be, const dp_cuda_settings *settings) {
    const unsigned threads = (DP_CUDA_SETTINGS * NUMBERS + 31) / 32 * 32;
    if (settings->count > 0) DP_LAUNCH(be, set, 1, threads, 0, *settings);
}

const dp_cuda_kernel dp_cuda_add = {run_add, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_muladd = {run_muladd, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_act_fwd = {run_act_fwd, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_act_bwd = {run_act_bwd, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_adam = {run_adam, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_random = {run_random, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_finite = {run_finite, finite_workspace, NULL, NULL};
