/* Direct convolution, forward and backward-data, as an implicit GEMM.
 *
 * Both are the same gather: an output pixel is a sum over taps, a tap being (source pixel, kernel element). Along each
 * axis dp_axis lists the taps of every position, with padding folded in: for the forward pass source x*s + k - 1
 * reflected or dropped; for backward-data all (o, k) whose source is x, which is the exact adjoint, borders included.
 * The taps of a pixel are the product of its row's and its column's lists. Columns whose lists differ only by a shift
 * form a run: the interior is one run, for backward-data at stride 2 one for each parity. A 1x1 convolution sees the
 * map as rows of FLAT pixels.
 *
 * Weights are packed once per call as [panel of 2 out blocks][in block][kernel element][in channel][2 out blocks]. A
 * run is cut into spans of SPAN pixels; for each span and panel, in blocks are taken in groups whose weights (about
 * GROUP bytes; 64 channels for 1x1) and sources stay in L1 while dp_gemm_rows goes over the span DP_MR pixels at a
 * time; sums wait in the output meanwhile. */
#include "backend/cpu/simd/conv.h"
#include "backend/cpu/simd/conv_gemm.h"

enum { MAX_AXIS = 6, MAX_TAP = MAX_AXIS * MAX_AXIS }; /* 5 occur: side 3, reflected, middle */
enum { FLAT = 192, SPAN = 48, FLAT_SPAN = 96, GROUP = 20 << 10, FLAT_GROUP = 64 / DP_BLOCK };

typedef struct axis { /* the taps of one position along one axis */
    int n;
    struct {
        int from, k;
    } tap[MAX_AXIS];
} axis;

typedef struct gather {
    int k, in_blocks, out_blocks, panels;
    int in_c, out_c, in_h, in_w, out_h, out_w;
    int in_step, out_step;         /* pixels from one to the next in a run of columns */
    ptrdiff_t in_plane, out_plane; /* floats from block to block */
    int group, span;               /* in blocks and pixels at a time */
    int pixels;                    /* of the output */
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
    g.in_plane = (ptrdiff_t)in.h * in.w * DP_BLOCK;
    g.out_plane = (ptrdiff_t)out.h * out.w * DP_BLOCK;
    const int weights = g.k * g.k * DP_BLOCK * DP_NR * DP_BLOCK; /* of one in block and panel */
    const int most = g.k == 1 ? FLAT_GROUP : GROUP / (weights * (int)sizeof(float)) + 1;
    const int groups = (g.in_blocks + most - 1) / most;
    g.group = (g.in_blocks + groups - 1) / groups;
    g.span = g.k == 1 ? FLAT_SPAN : SPAN;
    g.pixels = out.h * out.w;
    if (g.k == 1) { /* h rows of w pixels are one sequence of pixels */
        g.out_h = g.in_h = (in.h * in.w + FLAT - 1) / FLAT;
        g.out_w = g.in_w = FLAT;
    }
    g.packed = dp_take(ws, (size_t)weights * g.in_blocks * g.panels * sizeof(float));
    g.row = dp_take(ws, (size_t)g.out_h * sizeof(axis));
    g.column = dp_take(ws, (size_t)g.out_w * sizeof(axis));
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

/* Packs one in block of one panel. */
static void pack(const dp_op *op, const gather *g, const float *w, int panel, int block) {
    const bool forward = op->kind == DP_CONV_FWD;
    const int kk = g->k * g->k, width = panel_vectors(g, panel) * DP_BLOCK, first = panel * DP_NR * DP_BLOCK;
    float *to = g->packed + ((size_t)first * g->in_blocks + (size_t)block * width) * kk * DP_BLOCK;
    const ptrdiff_t in_next = forward ? kk : (ptrdiff_t)g->out_c * kk,
                    out_next = forward ? (ptrdiff_t)g->in_c * kk : kk;
    const int ins = g->in_c - block * DP_BLOCK < DP_BLOCK ? g->in_c - block * DP_BLOCK : DP_BLOCK;
    const int outs = g->out_c - first < width ? g->out_c - first : width;
    if (ins < DP_BLOCK || outs < width)
        for (int i = 0; i < kk * DP_BLOCK * width; i++) to[i] = 0;
    w += block * DP_BLOCK * in_next + first * out_next;
    for (int j = 0; j < outs; j++)
        for (int i = 0; i < ins; i++)
            for (int e = 0; e < kk; e++) to[(e * DP_BLOCK + i) * width + j] = w[j * out_next + i * in_next + e];
}

typedef struct job { /* a run of columns of one row, and the part of its sum that is being taken */
    int count;
    struct {
        ptrdiff_t source; /* floats from the source of the run's first tap-less pixel */
        int element;      /* ky*k + kx */
    } tap[MAX_TAP];
    int from, to;                /* in blocks */
    const float *bias, *weights; /* of the panel; bias NULL: go on with the sums in the output */
} job;

/* mr pixels of one panel. */
DP_INLINE void pixels(int mr, int nv, int in_step, const gather *g, const job *j, const float *source, float *out) {
    dp_vec acc[DP_MR][DP_NR];
    const ptrdiff_t step = (ptrdiff_t)g->out_step * DP_BLOCK, block = (ptrdiff_t)g->k * g->k * DP_BLOCK * nv * DP_BLOCK;
    DP_EACH(r, mr, DP_MR)
    DP_EACH(v, nv, DP_NR) acc[r][v] = dp_load(j->bias ? j->bias + v * DP_BLOCK : out + v * g->out_plane + r * step);
    for (int t = 0; t < j->count; t++) {
        const float *a = source + j->from * g->in_plane + j->tap[t].source;
        const float *b = j->weights + j->from * block + j->tap[t].element * DP_BLOCK * nv * DP_BLOCK;
        for (int c = j->from; c < j->to; c++, a += g->in_plane, b += block)
            dp_gemm_rows(mr, nv, DP_BLOCK, a, in_step * DP_BLOCK, b, acc);
    }
    DP_EACH(r, mr, DP_MR) DP_EACH(v, nv, DP_NR) dp_store(out + v * g->out_plane + r * step, acc[r][v]);
}

/* One kernel for each number of pixels, of vectors, and step between source pixels; it does `times` times the pixels.
 */
typedef void kernel(const gather *g, const job *j, int times, const float *source, float *out);

#define KERNEL(mr, nv, step)                                                                                           \
    static void pixels_##mr##_##nv##_##step(const gather *g, const job *j, int times, const float *source,             \
                                            float *out) {                                                              \
        const ptrdiff_t in = (mr) * (step)*DP_BLOCK, to = (ptrdiff_t)(mr)*g->out_step * DP_BLOCK;                      \
        for (int i = 0; i < times; i++) pixels(mr, nv, step, g, j, source + i * in, out + i * to);                     \
    }
#define KERNELS(mr) KERNEL(mr, 1, 1) KERNEL(mr, 1, 2) KERNEL(mr, 2, 1) KERNEL(mr, 2, 2)
#define ROW(mr)                                                                                                        \
    {                                                                                                                  \
        {pixels_##mr##_1_1, pixels_##mr##_1_2}, {                                                                      \
            pixels_##mr##_2_1, pixels_##mr##_2_2                                                                       \
        }                                                                                                              \
    }
/* A macro without a semicolon is taken for the beginning of what follows, anew each time. */
/* clang-format off */
#if DP_MR == 12
KERNELS(1)
KERNELS(2)
KERNELS(3)
KERNELS(4)
KERNELS(5)
KERNELS(6)
KERNELS(7)
KERNELS(8)
KERNELS(9)
KERNELS(10)
KERNELS(11)
KERNELS(12)
static kernel *const kernels[DP_MR][DP_NR][2] = {
    ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6),
    ROW(7), ROW(8), ROW(9), ROW(10), ROW(11), ROW(12)};
#elif DP_MR == 6
KERNELS(1)
KERNELS(2)
KERNELS(3)
KERNELS(4)
KERNELS(5)
KERNELS(6)
static kernel *const kernels[DP_MR][DP_NR][2] = {ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6)};
#else
KERNELS(1)
KERNELS(2)
static kernel *const kernels[DP_MR][DP_NR][2] = {ROW(1), ROW(2)};
#endif
/* clang-format on */

/* n pixels of a span, one panel; source and out: where the span's first pixel has them, in block 0 and out block 0. */
static void span(const gather *g, job *j, int panel, int n, const float *source, float *out) {
    const int nv = panel_vectors(g, panel), first = panel * DP_NR * DP_BLOCK;
    const ptrdiff_t in = (ptrdiff_t)g->in_step * DP_BLOCK, to = (ptrdiff_t)g->out_step * DP_BLOCK;
    float bias[DP_NR * DP_BLOCK] = {0};
    for (int i = 0; g->bias && i < nv * DP_BLOCK && first + i < g->out_c; i++) bias[i] = g->bias[first + i];
    j->weights = g->packed + (size_t)first * g->in_blocks * g->k * g->k * DP_BLOCK;
    out += panel * DP_NR * g->out_plane;
    for (j->from = 0; j->from < g->in_blocks; j->from = j->to) {
        j->to = j->from + g->group < g->in_blocks ? j->from + g->group : g->in_blocks;
        j->bias = j->from == 0 ? bias : NULL;
        /* n as a sum of nearly equal numbers: few pixels at a time do not fill the pipelines */
        const int parts = (n + DP_MR - 1) / DP_MR, mr = n / parts, more = n % parts;
        if (more > 0) kernels[mr][nv - 1][g->in_step - 1](g, j, more, source, out);
        kernels[mr - 1][nv - 1][g->in_step - 1](g, j, parts - more, source + more * (mr + 1) * in,
                                                out + more * (mr + 1) * to);
    }
}

/* Panels [from, to) of the run of n pixels of row y that begins at column x. */
static void run_of(const gather *g, int y, int x, int n, int from, int to) {
    const axis *row = &g->row[y], *column = &g->column[x];
    job j = {.count = 0};
    for (int i = 0; i < row->n; i++)
        for (int l = 0; l < column->n; l++) {
            j.tap[j.count].source = ((ptrdiff_t)row->tap[i].from * g->in_w + column->tap[l].from) * DP_BLOCK;
            j.tap[j.count++].element = row->tap[i].k * g->k + column->tap[l].k;
        }
    for (int i = 0; i < n; i += g->span)
        for (int panel = from; panel < to; panel++)
            span(g, &j, panel, n - i < g->span ? n - i : g->span, g->source + (ptrdiff_t)i * g->in_step * DP_BLOCK,
                 g->out + ((ptrdiff_t)y * g->out_w + x + (ptrdiff_t)i * g->out_step) * DP_BLOCK);
}

/* Row y, w pixels, panels [from, to). */
static void row_of(const gather *g, int y, int w, int from, int to) {
    const int s = g->out_step;
    for (int phase = 0; phase < s; phase++)
        for (int x = phase, n; x < w; x += n * s) {
            for (n = 1; x + n * s < w; n++)
                if (!axis_shifted(&g->column[x], &g->column[x + n * s], n * g->in_step)) break;
            run_of(g, y, x, n, from, to);
        }
}

/* Items [from, to) of rows x panels, row by row. */
static void items(const gather *g, int from, int to) {
    for (int i = from, n; i < to; i += n) {
        const int y = i / g->panels, panel = i % g->panels, left = g->pixels - y * g->out_w;
        n = to - i < g->panels - panel ? to - i : g->panels - panel;
        row_of(g, y, left < g->out_w ? left : g->out_w, panel, panel + n);
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
    axis_fill(op, forward ? g.in_h : g.out_h, forward ? g.out_h : g.in_h, g.row);
    axis_fill(op, forward ? g.in_w : g.out_w, forward ? g.out_w : g.in_w, g.column);
#pragma omp parallel num_threads(threads)
    {
        int from, to;
        dp_my_share(g.panels * g.in_blocks, &from, &to);
        for (int i = from; i < to; i++) pack(op, &g, args[1], i / g.in_blocks, i % g.in_blocks);
#pragma omp barrier
        dp_my_share(g.out_h * g.panels, &from, &to);
        items(&g, from, to);
    }
}
