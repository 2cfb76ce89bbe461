/* Batch normalisation of one picture fused with LeakyReLU, and its adjoint. Per block of channels a pass for the
 * statistics and a pass that writes; the block is in the cache for the second one.
 *
 * Work is split over blocks where that is even, else each block over pixels. */
#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

enum { CHUNK = 256 };           /* pixels summed in float before they go to double */
enum { EVEN_PIXELS = 1 << 12 }; /* blocks this small are never split */

/* Two sums per channel of a block: of x-shift and (x-shift)^2, or of the two gradients. */
typedef struct sums {
    dp_vecd a, b;
} sums;

/* One block's per-channel constants, in full vectors (0 in padding channels). */
typedef struct affine {
    dp_vec mean, scale, offset; /* z = (x - mean)*scale + offset */
    dp_vec slope;
    dp_vec grad_z, grad_x, grad_0; /* dx = dz*grad_z + (x - mean)*grad_x + grad_0 */
} affine;

typedef struct norm {
    const dp_op *op;
    int pixels;
    bool stream;
    const float *x, *gamma, *beta;
    float *y, *stats; /* y: the output of forward; dy and then dx of backward */
    const float *dy;
    float *dx, *dgamma, *dbeta;
    sums *partial; /* [2][threads] */
} norm;

/* ws: partial sums. Twice, so that one block's are still read while the next one's are written. */
size_t DP_ISA(dp_cpu_norm_workspace)(const dp_op *op, int threads) {
    (void)op;
    return 2 * sizeof(sums) * (size_t)threads;
}

static inline dp_vec channels_of(const float *p, int block, int channels) {
    dp_vec v = {0};
    for (int i = 0; i < DP_BLOCK && block * DP_BLOCK + i < channels; i++) v[i] = p[block * DP_BLOCK + i];
    return v;
}

static inline dp_vec leak(dp_vec z, dp_vec value, dp_vec slope) {
    return dp_select(z > 0.0f, value, value * slope);
}

/* Mean of the first chunk. With any chunk's mean as shift, (mean-shift)^2 <= var * pixels/CHUNK, so that the
 * subtraction in the variance loses little whatever the data. */
static dp_vec shift_of(const float *x, int pixels) {
    const int n = pixels < CHUNK ? pixels : CHUNK;
    dp_vec sum = {0};
    for (int p = 0; p < n; p++) sum += dp_load(x + (size_t)p * DP_BLOCK);
    return sum / (float)n;
}

static sums moments(const float *x, int from, int to, dp_vec shift) {
    sums total = {0};
    for (int begin = from; begin < to; begin += CHUNK) {
        const int end = begin + CHUNK < to ? begin + CHUNK : to;
        dp_vec a[4] = {0}, b[4] = {0};
        int p = begin;
        for (; p + 4 <= end; p += 4)
            for (int k = 0; k < 4; k++) {
                const dp_vec d = dp_load(x + (size_t)(p + k) * DP_BLOCK) - shift;
                a[k] += d;
                b[k] += d * d;
            }
        for (; p < end; p++) {
            const dp_vec d = dp_load(x + (size_t)p * DP_BLOCK) - shift;
            a[0] += d;
            b[0] += d * d;
        }
        total.a += dp_wide((a[0] + a[1]) + (a[2] + a[3]));
        total.b += dp_wide((b[0] + b[1]) + (b[2] + b[3]));
    }
    return total;
}

static void set_scale(const norm *n, int block, affine *f) {
    const int c = n->op->x.c;
    const dp_vec rstd = channels_of(n->stats + c, block, c);
    f->mean = channels_of(n->stats, block, c);
    f->scale = channels_of(n->gamma, block, c) * rstd;
    f->offset = channels_of(n->beta, block, c);
    f->slope = dp_splat(n->op->norm.slope);
}

/* Mean and 1/sqrt(var+eps) of a block into stats. */
static void set_stats(const norm *n, int block, dp_vec shift, const sums *total) {
    const int channels = n->op->x.c;
    for (int i = 0; i < DP_BLOCK && block * DP_BLOCK + i < channels; i++) {
        const double a = total->a[i] / n->pixels, b = total->b[i] / n->pixels, var = b - a * a;
        n->stats[block * DP_BLOCK + i] = (float)(shift[i] + a);
        n->stats[channels + block * DP_BLOCK + i] = (float)(1.0 / sqrt((var > 0 ? var : 0) + (double)n->op->norm.eps));
    }
}

static void normalise(const norm *n, const float *x, float *y, int from, int to, const affine *f) {
    const affine k = *f;
    if (n->stream) {
        for (int p = from; p < to; p++) {
            const dp_vec z = (dp_load(x + (size_t)p * DP_BLOCK) - k.mean) * k.scale + k.offset;
            dp_store_past(y + (size_t)p * DP_BLOCK, leak(z, z, k.slope));
        }
        dp_stores_end();
        return;
    }
    for (int p = from; p < to; p++) {
        const dp_vec z = (dp_load(x + (size_t)p * DP_BLOCK) - k.mean) * k.scale + k.offset;
        dp_store(y + (size_t)p * DP_BLOCK, leak(z, z, k.slope));
    }
}

static sums combine(const sums *partial, int n) {
    sums total = partial[0];
    for (int t = 1; t < n; t++) {
        total.a += partial[t].a;
        total.b += partial[t].b;
    }
    return total;
}

static void forward_whole(const norm *n, int block) {
    const size_t at = (size_t)block * (size_t)n->pixels * DP_BLOCK;
    const dp_vec shift = shift_of(n->x + at, n->pixels);
    const sums total = moments(n->x + at, 0, n->pixels, shift);
    affine f;
    set_stats(n, block, shift, &total);
    set_scale(n, block, &f);
    normalise(n, n->x + at, n->y + at, 0, n->pixels, &f);
}

/* Every thread of the team does its pixels of the block. */
static void forward_split(const norm *n, int block, int team, int t) {
    const size_t at = (size_t)block * (size_t)n->pixels * DP_BLOCK;
    const dp_vec shift = shift_of(n->x + at, n->pixels);
    sums *partial = n->partial + (size_t)(block & 1) * (size_t)team;
    int from, to;
    dp_share(n->pixels, team, t, &from, &to);
    partial[t] = moments(n->x + at, from, to, shift);
#pragma omp barrier
    const sums total = combine(partial, team);
    if (t == 0) set_stats(n, block, shift, &total);
#pragma omp barrier
    affine f;
    set_scale(n, block, &f);
    normalise(n, n->x + at, n->y + at, from, to, &f);
}

/* Splitting over blocks is uneven or leaves threads idle. */
static bool must_split(int blocks, int pixels, int team) {
    return team > 1 && blocks % team != 0 && blocks < 8 * team && pixels >= EVEN_PIXELS;
}

static void for_blocks(const norm *n, int threads, void (*whole)(const norm *, int),
                       void (*split)(const norm *, int, int, int)) {
    const int blocks = dp_blocks(n->op->x.c);
#pragma omp parallel num_threads(dp_team(dp_storage(n->op->x), threads))
    {
        const int team = omp_get_num_threads(), t = omp_get_thread_num();
        if (must_split(blocks, n->pixels, team)) {
            for (int b = 0; b < blocks; b++) split(n, b, team, t);
        } else {
            int from, to;
            dp_share(blocks, team, t, &from, &to);
            for (int b = from; b < to; b++) whole(n, b);
        }
    }
}

/* x, gamma, beta -> y, stats */
void DP_ISA(dp_cpu_norm_act_fwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    const norm n = {.op = op,
                    .pixels = op->x.h * op->x.w,
                    .stream = dp_is_large(op->x),
                    .x = args[0],
                    .gamma = args[1],
                    .beta = args[2],
                    .y = args[3],
                    .stats = args[4],
                    .partial = ws};
    for_blocks(&n, threads, forward_whole, forward_split);
}

/* Sums of dz and of dz*(x - mean). */
static sums gradient_sums(const float *x, const float *dy, int from, int to, const affine *f) {
    const affine k = *f;
    sums total = {0};
    for (int begin = from; begin < to; begin += CHUNK) {
        const int end = begin + CHUNK < to ? begin + CHUNK : to;
        dp_vec a[2] = {0}, b[2] = {0};
        int p = begin;
        for (; p + 2 <= end; p += 2)
            for (int i = 0; i < 2; i++) {
                const dp_vec d = dp_load(x + (size_t)(p + i) * DP_BLOCK) - k.mean;
                const dp_vec dz = leak(d * k.scale + k.offset, dp_load(dy + (size_t)(p + i) * DP_BLOCK), k.slope);
                a[i] += dz;
                b[i] += dz * d;
            }
        for (; p < end; p++) {
            const dp_vec d = dp_load(x + (size_t)p * DP_BLOCK) - k.mean;
            const dp_vec dz = leak(d * k.scale + k.offset, dp_load(dy + (size_t)p * DP_BLOCK), k.slope);
            a[0] += dz;
            b[0] += dz * d;
        }
        total.a += dp_wide(a[0] + a[1]);
        total.b += dp_wide(b[0] + b[1]);
    }
    return total;
}

/* Ioffe and Szegedy 2015, section 3: dx = gamma rstd (dz - mean(dz) - xhat mean(dz xhat)), xhat = (x-mean) rstd. */
static void set_gradient(const norm *n, int block, const sums *total, affine *f) {
    const int channels = n->op->x.c;
    f->grad_z = f->scale;
    f->grad_x = f->grad_0 = (dp_vec){0};
    for (int i = 0; i < DP_BLOCK && block * DP_BLOCK + i < channels; i++) {
        const double rstd = n->stats[channels + block * DP_BLOCK + i], scale = f->scale[i];
        f->grad_x[i] = (float)(-scale * rstd * rstd * total->b[i] / n->pixels);
        f->grad_0[i] = (float)(-scale * total->a[i] / n->pixels);
    }
}

static void set_parameter_gradients(const norm *n, int block, const sums *total) {
    const int channels = n->op->x.c;
    for (int i = 0; i < DP_BLOCK && block * DP_BLOCK + i < channels; i++) {
        n->dbeta[block * DP_BLOCK + i] = (float)total->a[i];
        n->dgamma[block * DP_BLOCK + i] = (float)(total->b[i] * (double)n->stats[channels + block * DP_BLOCK + i]);
    }
}

static void denormalise(const norm *n, const float *x, const float *dy, float *dx, int from, int to, const affine *f) {
    const affine k = *f;
    (void)n;
    for (int p = from; p < to; p++) {
        const dp_vec d = dp_load(x + (size_t)p * DP_BLOCK) - k.mean;
        const dp_vec dz = leak(d * k.scale + k.offset, dp_load(dy + (size_t)p * DP_BLOCK), k.slope);
        dp_store(dx + (size_t)p * DP_BLOCK, dz * k.grad_z + (d * k.grad_x + k.grad_0));
    }
}

static void backward_whole(const norm *n, int block) {
    const size_t at = (size_t)block * (size_t)n->pixels * DP_BLOCK;
    affine f;
    set_scale(n, block, &f);
    const sums total = gradient_sums(n->x + at, n->dy + at, 0, n->pixels, &f);
    set_gradient(n, block, &total, &f);
    set_parameter_gradients(n, block, &total);
    denormalise(n, n->x + at, n->dy + at, n->dx + at, 0, n->pixels, &f);
}

static void backward_split(const norm *n, int block, int team, int t) {
    const size_t at = (size_t)block * (size_t)n->pixels * DP_BLOCK;
    sums *partial = n->partial + (size_t)(block & 1) * (size_t)team;
    int from, to;
    dp_share(n->pixels, team, t, &from, &to);
    affine f;
    set_scale(n, block, &f);
    partial[t] = gradient_sums(n->x + at, n->dy + at, from, to, &f);
#pragma omp barrier
    const sums total = combine(partial, team);
    set_gradient(n, block, &total, &f);
    if (t == 0) set_parameter_gradients(n, block, &total);
    denormalise(n, n->x + at, n->dy + at, n->dx + at, from, to, &f);
}

/* x, dy, gamma, beta, stats -> dx (may be dy), dgamma, dbeta */
void DP_ISA(dp_cpu_norm_act_bwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    const norm n = {.op = op,
                    .pixels = op->x.h * op->x.w,
                    .x = args[0],
                    .dy = args[1],
                    .gamma = args[2],
                    .beta = args[3],
                    .stats = args[4],
                    .dx = args[5],
                    .dgamma = args[6],
                    .dbeta = args[7],
                    .partial = ws};
    for_blocks(&n, threads, backward_whole, backward_split);
}
