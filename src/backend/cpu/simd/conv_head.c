/* 1x1 convolution from features to a planar output of at most 8 channels: the network's last layer. A map of 128
 * channels is read (or written) once, so memory sets the time; threads take ranges of pixels. */
#include "backend/cpu/simd/conv.h"
#include "backend/cpu/simd/conv_gemm.h"

enum { MAX_OUT = 8, STRIP = 32 }; /* pixels at a time: a strip of all blocks stays in L1 */

typedef struct head {
    int blocks, cin, cout, pixels;
    float *weights; /* [block][cout][DP_BLOCK], zero beyond cin */
    float *part;    /* backward-weights: [thread][weights, then MAX_OUT biases] */
    size_t size;    /* floats of one thread's part */
} head;

static head plan(const dp_op *op, int threads, char **ws) {
    head h = {.blocks = dp_blocks(op->x.c), .cin = op->x.c, .cout = op->y.c, .pixels = op->x.h * op->x.w};
    const size_t weights = (size_t)h.blocks * (size_t)h.cout * DP_BLOCK;
    h.size = dp_align_up(weights + MAX_OUT, 16);
    if (op->kind == DP_CONV_BWD_WEIGHTS)
        h.part = dp_take(ws, (size_t)threads * h.size * sizeof(float));
    else
        h.weights = dp_take(ws, weights * sizeof(float));
    return h;
}

static void pack(const head *h, const float *w) {
    for (int b = 0; b < h->blocks; b++)
        for (int co = 0; co < h->cout; co++)
            for (int j = 0; j < DP_BLOCK; j++) {
                const int ci = b * DP_BLOCK + j;
                h->weights[(b * h->cout + co) * DP_BLOCK + j] = ci < h->cin ? w[co * h->cin + ci] : 0;
            }
}

static inline float sum_of(dp_vec v) {
    float s = 0;
    for (int j = 0; j < DP_BLOCK; j++) s += v[j];
    return s;
}

/* y[co][p] = b[co] + sum_ci w x */
DP_INLINE void forward(int cout, const head *h, const float *x, const float *bias, float *y, int from, int to) {
    for (int p = from; p < to; p++) {
        dp_vec acc[MAX_OUT] = {{0}};
        for (int b = 0; b < h->blocks; b++) {
            const dp_vec v = dp_load(x + ((ptrdiff_t)b * h->pixels + p) * DP_BLOCK);
            for (int co = 0; co < cout; co++) acc[co] += v * dp_load(h->weights + (b * cout + co) * DP_BLOCK);
        }
        for (int co = 0; co < cout; co++) y[(ptrdiff_t)co * h->pixels + p] = bias[co] + sum_of(acc[co]);
    }
}

/* dx[ci][p] = sum_co w dy */
DP_INLINE void backward_data(int cout, const head *h, const float *dy, float *dx, int from, int to) {
    for (int b = 0; b < h->blocks; b++)
        for (int p = from; p < to; p++) {
            dp_vec acc = {0};
            for (int co = 0; co < cout; co++)
                acc += dp_splat(dy[(ptrdiff_t)co * h->pixels + p]) * dp_load(h->weights + (b * cout + co) * DP_BLOCK);
            dp_store(dx + ((ptrdiff_t)b * h->pixels + p) * DP_BLOCK, acc);
        }
}

DP_INLINE void backward_weights(int cout, const head *h, const float *x, const float *dy, float *part, int from,
                                int to) {
    for (int b = 0; b < h->blocks; b++) {
        dp_vec acc[MAX_OUT] = {{0}};
        for (int p = from; p < to; p++) {
            const dp_vec v = dp_load(x + ((ptrdiff_t)b * h->pixels + p) * DP_BLOCK);
            for (int co = 0; co < cout; co++) acc[co] += v * dp_splat(dy[(ptrdiff_t)co * h->pixels + p]);
        }
        for (int co = 0; co < cout; co++) dp_store(part + (b * cout + co) * DP_BLOCK, acc[co]);
    }
    float *db = part + (size_t)h->blocks * (size_t)cout * DP_BLOCK;
    for (int co = 0; co < cout; co++) {
        db[co] = 0;
        for (int p = from; p < to; p++) db[co] += dy[(ptrdiff_t)co * h->pixels + p];
    }
}

DP_INLINE void range_n(int cout, const dp_op *op, const head *h, void *const *args, int t, int from, int to) {
    if (op->kind == DP_CONV_FWD)
        forward(cout, h, args[0], args[2], args[3], from, to);
    else if (op->kind == DP_CONV_BWD_DATA)
        backward_data(cout, h, args[0], args[2], from, to);
    else
        backward_weights(cout, h, args[0], args[1], h->part + (size_t)t * h->size, from, to);
}

/* The usual numbers of channels (grey and colour, mean or mean and deviation) have loops of their own. */
static void range(const dp_op *op, const head *h, void *const *args, int t, int from, int to) {
    if (h->cout == 1)
        range_n(1, op, h, args, t, from, to);
    else if (h->cout == 2)
        range_n(2, op, h, args, t, from, to);
    else if (h->cout == 3)
        range_n(3, op, h, args, t, from, to);
    else if (h->cout == 6)
        range_n(6, op, h, args, t, from, to);
    else
        range_n(h->cout, op, h, args, t, from, to);
}

/* Adds the threads' parts in their order. */
static void spread(const head *h, int team, float *dw, float *db) {
    const size_t biases = (size_t)h->blocks * (size_t)h->cout * DP_BLOCK;
    for (int co = 0; co < h->cout; co++) {
        for (int ci = 0; ci < h->cin; ci++) {
            float sum = 0;
            for (int t = 0; t < team; t++)
                sum +=
                    h->part[(size_t)t * h->size + (size_t)((ci / DP_BLOCK * h->cout + co) * DP_BLOCK + ci % DP_BLOCK)];
            dw[co * h->cin + ci] = sum;
        }
        db[co] = 0;
        for (int t = 0; t < team; t++) db[co] += h->part[(size_t)t * h->size + biases + (size_t)co];
    }
}

size_t DP_ISA(dp_conv_head_workspace)(const dp_op *op, int threads) {
    char *end = NULL;
    plan(op, threads, &end);
    return (size_t)end;
}

/* args: x, w, b, y or dy, w, dx or x, dy, dw, db */
void DP_ISA(dp_conv_head_run)(const dp_op *op, int threads, void *const *args, void *ws) {
    char *place = ws;
    const head h = plan(op, threads, &place);
    int team = 1;
    if (op->kind != DP_CONV_BWD_WEIGHTS) pack(&h, args[1]);
#pragma omp parallel num_threads(threads)
    {
        int from, to;
#pragma omp master
        team = omp_get_num_threads();
        dp_share(h.pixels, omp_get_num_threads(), omp_get_thread_num(), &from, &to);
        range(op, &h, args, omp_get_thread_num(), from, to);
    }
    if (op->kind == DP_CONV_BWD_WEIGHTS) spread(&h, team, args[2], args[3]);
}
