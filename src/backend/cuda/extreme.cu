/* VDIP's prior of extreme channels (vdip.cu has its other losses): weight/4 * (mean log |dark| + mean log |bright|),
 * the least of a sample of x^2, and of one of (1-x)^2, over the channels and a window around each place.
 *
 * The least is taken of keys, unsigned numbers of 64 bits: q in the upper half, as bits that sort as floats do, and the
 * order index (row*W + column)*C + channel in the lower half, so that of equals the first wins. First over channels,
 * then along rows, then along columns. How many windows chose a sample is counted in integers, so that the gradient
 * does not depend on an order. */
#include <math.h>

#include "backend/cuda/losses.cuh"

typedef unsigned long long key;

/* What is in the workspace; [2]: dark, bright. */
struct extreme_room {
    double *partial;
    key *keys, *along; /* [2][h][w]: over channels; then also along rows */
    unsigned *chosen;  /* [2][h][w][c]: windows that chose the sample */
};

static size_t extreme_bytes(const dp_cuda *be, dp_shape s, extreme_room *room, void *ws) {
    const size_t plane = (size_t)s.h * (size_t)s.w, sums = dp_loss_blocks(be, dp_blocks(2 * plane, LOSS_BLOCK));
    char *at = (char *)ws;
    if (room != NULL) {
        room->partial = (double *)at;
        room->keys = (key *)(at + sizeof(double) * sums);
        room->along = room->keys + 2 * plane;
        room->chosen = (unsigned *)(room->along + 2 * plane);
    }
    return sizeof(double) * sums + 4 * sizeof(key) * plane + 2 * sizeof(unsigned) * dp_count(s);
}

static size_t extreme_workspace(const dp_cuda *be, const dp_op *op) {
    return extreme_bytes(be, op->x, NULL, NULL);
}

__device__ inline key key_of(float q, size_t order) {
    const unsigned bits = __float_as_uint(q);
    const unsigned sorts = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (key)sorts << 32 | (unsigned)order;
}

__device__ inline float key_value(key k) {
    const unsigned sorts = (unsigned)(k >> 32);
    return __uint_as_float(sorts & 0x80000000u ? sorts & 0x7fffffffu : ~sorts);
}

/* A sample of x^2 (dark) or of (1-x)^2 (bright), x ~ N(e, s^2): its mean plus noise z times its deviation (the bright
 * one's as published). Derivatives by e and s. */
struct extreme {
    float q, de, ds;
};

__device__ inline extreme extreme_at(float e, float s, float z, bool bright) {
    const float ss = s * s, ee = e * e;
    const float root = sqrtf((bright ? 4 * ss : 0) + 4 * ee * ss + 2 * ss * ss + 1e-32f), f = bright ? 1 - e : e;
    extreme x;
    x.q = f * f + ss + z * root;
    x.de = (bright ? -2 : 2) * f + z * 4 * e * ss / root;
    x.ds = 2 * s + z * ((bright ? 4 * s : 0) + 4 * ee * s + 4 * ss * s) / root;
    return x;
}

/* grid.y: dark, bright */
static __global__ void extreme_keys(int c, size_t plane, const float *e, const float *s, const float *z,
                                    extreme_room room) {
    const size_t at = blockIdx.x * (size_t)LOSS_BLOCK + threadIdx.x;
    if (at >= plane) return;
    key least = ~(key)0;
    for (int k = 0; k < c; k++) {
        const size_t i = (size_t)k * plane + at, order = at * (size_t)c + (size_t)k;
        least = min(least, key_of(extreme_at(e[i], s[i], z[i], blockIdx.y == 1).q, order));
        room.chosen[blockIdx.y * plane * (size_t)c + order] = 0;
    }
    room.keys[blockIdx.y * plane + at] = least;
}

/* Of the n keys from `in`, a step apart, the least within `half` of i. */
__device__ inline key least_near(const key *in, size_t step, int i, int n, int half) {
    const int first = i > half ? i - half : 0, last = n - 1 - i > half ? i + half : n - 1;
    key least = ~(key)0;
#pragma unroll 8
    for (int k = first; k <= last; k++) least = min(least, in[(size_t)k * step]);
    return least;
}

static __global__ void extreme_along_rows(int h, int w, int half, extreme_room room) {
    const size_t plane = (size_t)h * (size_t)w, at = blockIdx.x * (size_t)LOSS_BLOCK + threadIdx.x;
    if (at >= plane) return;
    const int j = (int)(at % (size_t)w);
    const key *row = room.keys + blockIdx.y * plane + at - (size_t)j;
    room.along[blockIdx.y * plane + at] = least_near(row, 1, j, w, half);
}

static __global__ void extreme_choose(int c, int h, int w, int half, extreme_room room, float *loss,
                                      dp_cuda_slot *slot) {
    const size_t plane = (size_t)h * (size_t)w;
    double sum = 0, total;
    for (size_t k = blockIdx.x * (size_t)LOSS_BLOCK + threadIdx.x; k < 2 * plane; k += gridDim.x * (size_t)LOSS_BLOCK) {
        const size_t bright = k >= plane, at = k - bright * plane;
        const int i = (int)(at / (size_t)w), j = (int)(at % (size_t)w);
        const key least = least_near(room.along + bright * plane + (size_t)j, (size_t)w, i, h, half);
        sum += (double)logf(fabsf(key_value(least)));
        atomicAdd(&room.chosen[bright * plane * (size_t)c + (unsigned)least], 1u);
    }
    if (dp_loss_total(sum, room.partial, slot, &total) && threadIdx.x == 0)
        *loss = (float)(slot->weight / 4 * total / (double)plane);
}

/* The gradient is that of dark / sg(dark), as published, where no gradient passes sg. */
static __global__ void extreme_gradient(int c, size_t plane, const float *e, const float *s, const float *z,
                                        extreme_room room, const dp_cuda_slot *slot, float *de, float *ds) {
    const size_t at = blockIdx.x * (size_t)LOSS_BLOCK + threadIdx.x;
    if (at >= plane) return;
    const float scale = (float)(slot->weight / 4 / (double)plane);
    for (int k = 0; k < c; k++) {
        const size_t i = (size_t)k * plane + at, order = at * (size_t)c + (size_t)k;
        float by_e = 0, by_s = 0;
        for (int bright = 0; bright < 2; bright++) {
            const unsigned times = room.chosen[(size_t)bright * plane * (size_t)c + order];
            if (times == 0) continue;
            const extreme x = extreme_at(e[i], s[i], z[i], bright == 1);
            by_e += (float)times * (scale / x.q * x.de);
            by_s += (float)times * (scale / x.q * x.ds);
        }
        de[i] = by_e;
        ds[i] = by_s;
    }
}

/* args: mean E, std S, noise Z, weight -> loss, dE, dS; means over the H*W places of the window */
static void extreme_prior(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const dp_shape s = plan->op.x;
    const size_t plane = (size_t)s.h * (size_t)s.w;
    const unsigned blocks = dp_blocks(plane, LOSS_BLOCK),
                   sums = dp_loss_blocks(plan->be, dp_blocks(2 * plane, LOSS_BLOCK));
    const int half = plan->op.loss.window / 2;
    const float *e = (const float *)args[0], *d = (const float *)args[1], *z = (const float *)args[2];
    extreme_room room;
    extreme_bytes(plan->be, s, &room, ws);
    DP_LAUNCH(plan->be, extreme_keys, dim3(blocks, 2), LOSS_BLOCK, 0, s.c, plane, e, d, z, room);
    DP_LAUNCH(plan->be, extreme_along_rows, dim3(blocks, 2), LOSS_BLOCK, 0, s.h, s.w, half, room);
    DP_LAUNCH(plan->be, extreme_choose, sums, LOSS_BLOCK, 0, s.c, s.h, s.w, half, room, (float *)args[4], plan->slot);
    DP_LAUNCH(plan->be, extreme_gradient, blocks, LOSS_BLOCK, 0, s.c, plane, e, d, z, room, plan->slot,
              (float *)args[5], (float *)args[6]);
}

const dp_cuda_kernel dp_cuda_extreme_prior = {extreme_prior, extreme_workspace, NULL, NULL};
