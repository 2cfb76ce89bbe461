/* Direct convolution, forward and backward-data, as an implicit GEMM.
 *
 * Both are the same gather: an output pixel is a sum over taps, a tap being (source pixel, kernel element). Along each
 * axis dp_axis lists the taps of every position, with padding folded in: for the forward pass source x*s + k - 1
 * reflected or dropped; for backward-data all (o, k) whose source is x, which is the exact adjoint, borders included.
 * The taps of a pixel are the product of its row's and its column's lists. Columns whose lists differ only by a shift
 * form a run (the interior is one run; for backward-data at stride 2 one for each parity) and are computed DP_MR pixels
 * at a time by dp_gemm_rows, one block of input channels and one tap after the other, for a panel of 2 blocks of output
 * channels. Weights are first packed as [panel][kernel element][in channel][2 blocks of out channels]; the panel of one
 * tap stays in L1, the rows of the source in L2. */
#include "backend/cpu/simd/conv.h"
#include "backend/cpu/simd/conv_gemm.h"

enum { MAX_AXIS = 6, MAX_TAP = MAX_AXIS * MAX_AXIS }; /* 5 occur: side 3, reflected, middle */

typedef struct axis { /* the taps of one position along one axis */
    int n;
    struct {
        int from, k;
    } tap[MAX_AXIS];
} axis;

typedef struct gather {
    int k, in_blocks, out_blocks, panels;
    int in_c, out_c, in_h, in_w, out_h, out_w;
    int in_step, out_step; /* pixels from one to the next in a run of columns */
    const float *source, *bias;
    float *out;
    float *packed;
    axis *row, *column;
} gather;

/* Sizes, and the workspace's parts (pointers are meaningless when ws is NULL: then only *ws counts). */
static gather plan(const dp_op *op, char **ws) {
    const bool forward = op->kind == DP_CONV_FWD;
    const dp_shape in = forward ? op->x : op->y, out = forward ? op->y : op->x;
    gather g = {.k = op->conv.k,
                .in_blocks = dp_blocks(in.c),
                .out_blocks = dp_blocks(out.c),
                .in_c = in.c,
                .out_c = out.c,
                .in_h = in.h,
                .in_w = in.w,
                .out_h = out.h,
                .out_w = out.w,
                .in_step = forward ? op->conv.stride : 1,
                .out_step = forward ? 1 : op->conv.stride};
    g.panels = (g.out_blocks + DP_NR - 1) / DP_NR;
    const size_t weights = (size_t)g.k * g.k * g.in_blocks * DP_BLOCK * g.out_blocks * DP_BLOCK;
    g.packed = dp_take(ws, weights * sizeof(float));
    g.row = dp_take(ws, (size_t)out.h * sizeof(axis));
    g.column = dp_take(ws, (size_t)out.w * sizeof(axis));
    return g;
}

/* Lists of one axis: conv input side n, output side o. */
static void axis_fill(const dp_op *op, int n, int o, axis *list) {
    const bool forward = op->kind == DP_CONV_FWD;
    for (int i = 0; i < (forward ? o : n); i++) list[i].n = 0;
    for (int i = 0; i < o; i++)
        for (int k = 0; k < op->conv.k; k++) {
            const int x = dp_pad_index(i * op->conv.stride + k - op->conv.k / 2, n, op->conv.pad);
            if (x < 0) continue;
            axis *a = &list[forward ? i : x];
            a->tap[a->n].from = forward ? x : i;
            a->tap[a->n++].k = k;
        }
}

/* Is position b's list position a's, shifted by `by`? */
static bool axis_shifted(const axis *a, const axis *b, int by) {
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (a->tap[i].k != b->tap[i].k || a->tap[i].from + by != b->tap[i].from) return false;
    return true;
}

static inline int panel_vectors(const gather *g, int panel) {
    return panel * DP_NR + DP_NR <= g->out_blocks ? DP_NR : g->out_blocks - panel * DP_NR;
}

/* w[Cout][Cin][k][k] -> [panel][k*k][in channel][vectors of the panel], for one input channel of one panel. */
static void pack(const dp_op *op, const gather *g, const float *w, int panel, int in) {
    const bool forward = op->kind == DP_CONV_FWD;
    const int kk = g->k * g->k, width = panel_vectors(g, panel) * DP_BLOCK, depth = g->in_blocks * DP_BLOCK;
    float *base = g->packed + (size_t)panel * DP_NR * DP_BLOCK * kk * depth;
    for (int e = 0; e < kk; e++) {
        float *to = base + ((size_t)e * depth + in) * width;
        for (int j = 0; j < width; j++) {
            const int out = panel * DP_NR * DP_BLOCK + j;
            const size_t row = forward ? (size_t)out * g->in_c + in : (size_t)in * g->out_c + out;
            to[j] = out < g->out_c && in < g->in_c ? w[row * kk + e] : 0;
        }
    }
}

typedef struct tap {
    const float *source, *weights;
} tap;

/* mr pixels of one run, one panel: all taps and input blocks. */
DP_INLINE void pixels(int mr, int nv, const gather *g, const tap *taps, int count, ptrdiff_t shift, const float *bias,
                      float *out) {
    const ptrdiff_t plane = (ptrdiff_t)g->in_h * g->in_w * DP_BLOCK,
                    out_plane = (ptrdiff_t)g->out_h * g->out_w * DP_BLOCK;
    dp_vec acc[DP_MR][DP_NR];
    DP_UNROLL for (int r = 0; r < mr; r++) DP_UNROLL for (int v = 0; v < nv; v++) acc[r][v] =
        dp_load(bias + v * DP_BLOCK);
    for (int t = 0; t < count; t++) {
        const float *a = taps[t].source + shift, *b = taps[t].weights;
        for (int c = 0; c < g->in_blocks; c++, a += plane, b += DP_BLOCK * DP_BLOCK * nv)
            dp_gemm_rows(mr, nv, DP_BLOCK, a, (ptrdiff_t)g->in_step * DP_BLOCK, b, acc);
    }
    DP_UNROLL for (int r = 0; r < mr; r++) DP_UNROLL for (int v = 0; v < nv; v++)
        dp_store(out + v * out_plane + (ptrdiff_t)r * g->out_step * DP_BLOCK, acc[r][v]);
}

/* `n` pixels of a run, from `out` on. */
DP_INLINE void run_of(int nv, const gather *g, const tap *taps, int count, int n, const float *bias, float *out) {
    const ptrdiff_t in = (ptrdiff_t)g->in_step * DP_BLOCK, to = (ptrdiff_t)g->out_step * DP_BLOCK;
    int i = 0;
    for (; i + DP_MR <= n; i += DP_MR) pixels(DP_MR, nv, g, taps, count, i * in, bias, out + i * to);
    for (; i + DP_MR / 2 <= n; i += DP_MR / 2) pixels(DP_MR / 2, nv, g, taps, count, i * in, bias, out + i * to);
    for (; i < n; i++) pixels(1, nv, g, taps, count, i * in, bias, out + i * to);
}

/* Row y, panel p, the run of n pixels from column x. */
static void gather_run(const gather *g, int y, int p, int x, int n) {
    const int nv = panel_vectors(g, p), depth = g->in_blocks * DP_BLOCK;
    const float *w = g->packed + (size_t)p * DP_NR * DP_BLOCK * g->k * g->k * depth;
    const axis *row = &g->row[y], *column = &g->column[x];
    tap taps[MAX_TAP];
    int count = 0;
    for (int i = 0; i < row->n; i++)
        for (int j = 0; j < column->n; j++) {
            const int e = row->tap[i].k * g->k + column->tap[j].k;
            taps[count].source = g->source + ((ptrdiff_t)row->tap[i].from * g->in_w + column->tap[j].from) * DP_BLOCK;
            taps[count++].weights = w + (size_t)e * depth * nv * DP_BLOCK;
        }
    float bias[DP_NR * DP_BLOCK] = {0};
    for (int j = 0; g->bias && j < nv * DP_BLOCK && p * DP_NR * DP_BLOCK + j < g->out_c; j++)
        bias[j] = g->bias[p * DP_NR * DP_BLOCK + j];
    float *out = g->out + (((ptrdiff_t)p * DP_NR * g->out_h + y) * g->out_w + x) * DP_BLOCK;
    if (nv == DP_NR)
        run_of(DP_NR, g, taps, count, n, bias, out);
    else
        run_of(1, g, taps, count, n, bias, out);
}

static void gather_row(const gather *g, int y, int p) {
    const int s = g->out_step;
    for (int phase = 0; phase < s; phase++)
        for (int x = phase, n; x < g->out_w; x += n * s) {
            for (n = 1; x + n * s < g->out_w; n++)
                if (!axis_shifted(&g->column[x], &g->column[x + n * s], n * g->in_step)) break;
            gather_run(g, y, p, x, n);
        }
}

size_t DP_ISA(dp_conv_direct_workspace)(const dp_op *op, int threads) {
    (void)threads;
    char *end = NULL;
    plan(op, &end);
    return (size_t)end;
}

/* args: x, w, b, y or dy, w, dx */
void DP_ISA(dp_conv_direct_run)(const dp_op *op, int threads, void *const *args, void *ws) {
    const bool forward = op->kind == DP_CONV_FWD;
    char *place = ws;
    gather g = plan(op, &place);
    g.source = args[0];
    g.bias = forward ? args[2] : NULL;
    g.out = args[forward ? 3 : 2];
    axis_fill(op, op->x.h, op->y.h, g.row);
    axis_fill(op, op->x.w, op->y.w, g.column);
#pragma omp parallel num_threads(threads)
    {
        const int t = omp_get_thread_num(), team = omp_get_num_threads(), depth = g.in_blocks * DP_BLOCK;
        int from, to;
        dp_share(g.panels * depth, team, t, &from, &to);
        for (int i = from; i < to; i++) pack(op, &g, args[1], i / depth, i % depth);
#pragma omp barrier
        dp_share(g.out_h * g.panels, team, t, &from, &to);
        for (int i = from; i < to; i++) gather_row(&g, i / g.panels, i % g.panels);
    }
}
