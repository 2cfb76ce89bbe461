/* 3x3 stride 1, forward and backward-data, by Winograd's F(4x4, 3x3) (conv_winograd_transform.h).
 *
 * Weights become U[panel][f][in channel][2 blocks of out channels] once per call. Each thread then takes a contiguous
 * range of tiles in chunks: the input transform writes V[f][in block][tile][DP_BLOCK] for all input channels; then for
 * each panel of 2 output blocks 36 products M[f][tile][2 blocks] = V[f] U[panel][f] and the output transform, which
 * adds the bias and stores. A chunk's V (VOLUME bytes at most) and one panel's M stay in L2, U streams from L3 once a
 * chunk, one U[panel][f] (18 KB at 144 channels) is read from L1 for all tiles of the chunk.
 *
 * Backward-data is the same with the roles of channels exchanged, filters rotated by 180 degrees and dy padded by
 * zeros. With reflection, outputs are wanted on a ring of one pixel outside the map as well: these go to a side buffer
 * and are added onto the pixels they mirror at the end (the adjoint of reflection), in a fixed order. */
#include <string.h>

#include "backend/cpu/simd/conv_winograd.h"

#if DP_BLOCK == 16
enum { VOLUME = 640 << 10 };
#else
enum { VOLUME = 288 << 10 };
#endif
enum { MAX_CHUNK = 16 * DP_MR, LINE = 16, NV = DP_NR }; /* LINE: floats added to strides that would hit the same sets */

typedef struct wino {
    dp_tiling tiling;
    bool forward;
    int in_c, out_c, in_blocks, out_blocks, panels;
    int chunk;                /* tiles at a time */
    ptrdiff_t v_step, m_step; /* floats from frequency to frequency in V and M */
    ptrdiff_t u_step[2];      /* the same in U, for panels of 1 and 2 blocks */
    ptrdiff_t ring;           /* pixels of the ring; 0: none */
    const float *source, *bias, *weights;
    float *out, *u, *side, *scratch; /* scratch: V and M of each thread */
    size_t scratch_size;
} wino;

static wino plan(const dp_op *op, int threads, char **ws) {
    const bool forward = op->kind == DP_CONV_FWD, ring = !forward && op->conv.pad == DP_PAD_REFLECT;
    const dp_shape in = forward ? op->x : op->y, out = forward ? op->y : op->x;
    wino p = {
        .forward = forward, .in_c = in.c, .out_c = out.c, .in_blocks = dp_blocks(in.c), .out_blocks = dp_blocks(out.c)};
    p.tiling = dp_tiling_of(in.h, in.w, forward ? op->conv.pad : DP_PAD_ZERO, ring);
    p.panels = (p.out_blocks + NV - 1) / NV;
    const int depth = p.in_blocks * DP_BLOCK;
    const int fit = VOLUME / (DP_FREQ * depth * (int)sizeof(float)) / DP_MR * DP_MR;
    p.chunk = fit < DP_MR ? DP_MR : fit > MAX_CHUNK ? MAX_CHUNK : fit;
    p.v_step = (ptrdiff_t)p.chunk * depth + LINE;
    p.m_step = (ptrdiff_t)p.chunk * NV * DP_BLOCK;
    for (int nv = 1; nv <= NV; nv++) p.u_step[nv - 1] = (ptrdiff_t)depth * nv * DP_BLOCK + LINE;
    p.ring = ring ? 2 * ((ptrdiff_t)in.h + in.w + 2) : 0;
    p.scratch_size = (size_t)DP_FREQ * (size_t)(p.v_step + p.m_step);
    p.u = dp_take(ws, (size_t)p.panels * DP_FREQ * (size_t)p.u_step[NV - 1] * sizeof(float));
    p.side = dp_take(ws, (size_t)p.ring * (size_t)p.out_blocks * DP_BLOCK * sizeof(float));
    p.scratch = dp_take(ws, (size_t)threads * p.scratch_size * sizeof(float));
    return p;
}

static inline int panel_vectors(const wino *p, int panel) {
    return panel * NV + NV <= p->out_blocks ? NV : p->out_blocks - panel * NV;
}

/* w[Cout][Cin][3][3] -> g[in channel of the block][e][out channel of the panel], zero beyond the channels there are. */
static void collect(const wino *p, int panel, int block, float g[DP_BLOCK][9][NV * DP_BLOCK]) {
    /* floats from one output, and one input channel to the next; backward-data has rotated filters */
    const ptrdiff_t out_step = p->forward ? (ptrdiff_t)p->in_c * 9 : 9,
                    in_step = p->forward ? 9 : (ptrdiff_t)p->out_c * 9;
    const int first = block * DP_BLOCK, ins = p->in_c - first < DP_BLOCK ? p->in_c - first : DP_BLOCK;
    const int begin = panel * NV * DP_BLOCK, outs = p->out_c - begin < NV * DP_BLOCK ? p->out_c - begin : NV * DP_BLOCK;
    const float *w = p->weights + begin * out_step + first * in_step;
    if (ins < DP_BLOCK || outs < NV * DP_BLOCK) memset(g, 0, sizeof(float[DP_BLOCK][9][NV * DP_BLOCK]));
    for (int j = 0; j < outs; j++)
        for (int i = 0; i < ins; i++) {
            const float *from = w + j * out_step + i * in_step;
            if (p->forward)
                for (int e = 0; e < 9; e++) g[i][e][j] = from[e];
            else
                for (int e = 0; e < 9; e++) g[i][e][j] = from[8 - e];
        }
}

/* U of one panel and one input block. */
static void filters(const wino *p, int panel, int block) {
    enum { AHEAD = 2 };
    const int nv = panel_vectors(p, panel);
    const ptrdiff_t step = p->u_step[nv - 1], next = (ptrdiff_t)AHEAD * nv * DP_BLOCK;
    float *u = p->u + panel * DP_FREQ * p->u_step[NV - 1] + (ptrdiff_t)block * DP_BLOCK * nv * DP_BLOCK;
    float g[DP_BLOCK][9][NV * DP_BLOCK] __attribute__((aligned(64)));
    collect(p, panel, block, g);
    for (int i = 0; i < DP_BLOCK; i++)
        for (int v = 0; v < nv; v++, u += DP_BLOCK) {
            for (int f = 0; f < DP_FREQ; f++) __builtin_prefetch(u + f * step + next, 1);
            dp_wino_filter(g[i][0] + v * DP_BLOCK, NV * DP_BLOCK, u, step);
        }
}

/* M[f] of mr tiles from `tile` on. */
DP_INLINE void product_rows(int mr, int nv, const wino *p, const float *v, const float *u, float *m) {
    dp_vec acc[DP_MR][DP_NR];
    DP_EACH(r, mr, DP_MR) DP_EACH(j, nv, DP_NR) acc[r][j] = (dp_vec){0};
    for (int b = 0; b < p->in_blocks; b++, v += (ptrdiff_t)p->chunk * DP_BLOCK, u += nv * DP_BLOCK * DP_BLOCK)
        dp_gemm_rows(mr, nv, DP_BLOCK, v, DP_BLOCK, u, acc);
    DP_EACH(r, mr, DP_MR) DP_EACH(j, nv, DP_NR) dp_store(m + (r * nv + j) * DP_BLOCK, acc[r][j]);
}

/* M = V U of one panel; the last rows of V may be stale, nobody reads their products. */
DP_INLINE void product(int nv, const wino *p, int tiles, const float *v, const float *u, float *m) {
    for (int f = 0; f < DP_FREQ; f++, v += p->v_step, u += p->u_step[nv - 1], m += p->m_step) {
        int t = 0;
        for (; t + DP_MR <= tiles; t += DP_MR) product_rows(DP_MR, nv, p, v + t * DP_BLOCK, u, m + t * nv * DP_BLOCK);
        for (; t < tiles; t += DP_MR / 2) product_rows(DP_MR / 2, nv, p, v + t * DP_BLOCK, u, m + t * nv * DP_BLOCK);
    }
}

static void product_2(const wino *p, int tiles, const float *v, const float *u, float *m) {
    product(NV, p, tiles, v, u, m);
}

static void product_1(const wino *p, int tiles, const float *v, const float *u, float *m) {
    product(1, p, tiles, v, u, m);
}

/* Place of output (y, x) of block b in the map or the ring; NULL beyond. */
static float *place(const wino *p, int b, int y, int x) {
    const dp_tiling *t = &p->tiling;
    const ptrdiff_t h = t->h, w = t->w;
    if (y >= 0 && x >= 0 && y < h && x < w) return p->out + ((b * h + y) * w + x) * DP_BLOCK;
    if (p->ring == 0 || y > h || x > w) return NULL;
    float *side = p->side + b * p->ring * DP_BLOCK;
    if (y < 0) return side + (x + 1) * DP_BLOCK;
    if (y == h) return side + (w + 2 + x + 1) * DP_BLOCK;
    return side + (2 * (w + 2) + (x < 0 ? 0 : h) + y) * DP_BLOCK;
}

/* Output transform of one tile of block b. */
static inline void tile_output(const wino *p, int b, int tile, const float *m, dp_vec bias) {
    const dp_tiling *t = &p->tiling;
    const int y = tile / t->across * DP_TILE + t->origin, x = tile % t->across * DP_TILE + t->origin;
    if (y >= 0 && x >= 0 && y + DP_TILE <= t->h && x + DP_TILE <= t->w) {
        float *out = p->out + (((ptrdiff_t)b * t->h + y) * t->w + x) * DP_BLOCK;
        dp_wino_output(m, p->m_step, bias, out, (ptrdiff_t)t->w * DP_BLOCK);
        return;
    }
    float o[DP_TILE * DP_TILE * DP_BLOCK] __attribute__((aligned(64)));
    dp_wino_output(m, p->m_step, bias, o, DP_TILE * DP_BLOCK);
    for (int i = 0; i < DP_TILE * DP_TILE; i++) {
        float *to = place(p, b, y + i / DP_TILE, x + i % DP_TILE);
        if (to) dp_store(to, dp_load(o + i * DP_BLOCK));
    }
}

static dp_vec bias_of(const wino *p, int b) {
    dp_vec bias = {0};
    for (int j = 0; p->bias && j < DP_BLOCK && b * DP_BLOCK + j < p->out_c; j++) bias[j] = p->bias[b * DP_BLOCK + j];
    return bias;
}

/* Output transform of tiles [from, from + tiles) of one panel. */
static void outputs(const wino *p, int panel, int from, int tiles, const float *m) {
    enum { AHEAD = 4 };
    const dp_tiling *t = &p->tiling;
    const int nv = panel_vectors(p, panel);
    for (int j = 0; j < nv; j++) {
        const int b = panel * NV + j;
        const dp_vec bias = bias_of(p, b);
        for (int i = 0; i < tiles; i++) {
            const int tile = from + i + AHEAD;
            dp_tile_ask(t, p->out + b * (ptrdiff_t)t->h * t->w * DP_BLOCK, tile / t->across * DP_TILE + t->origin,
                        tile % t->across * DP_TILE + t->origin, DP_TILE);
            tile_output(p, b, from + i, m + (i * nv + j) * DP_BLOCK, bias);
        }
    }
}

/* Tiles [from, from + tiles), at most a chunk, panels [begin, end). */
static void chunk_of(const wino *p, int from, int tiles, int begin, int end, float *v, float *m) {
    dp_tiles_input(&p->tiling, p->source, p->in_blocks, from, tiles, p->chunk, v, p->v_step);
    for (int panel = begin; panel < end; panel++) {
        const float *u = p->u + panel * DP_FREQ * p->u_step[NV - 1];
        if (panel_vectors(p, panel) == NV)
            product_2(p, tiles, v, u, m);
        else
            product_1(p, tiles, v, u, m);
        outputs(p, panel, from, tiles, m);
    }
}

/* This thread's share. */
static void share_of(const wino *p, int team, int me) {
    const int tiles = p->tiling.down * p->tiling.across, parts = dp_tile_parts(tiles, team, 4 * p->chunk);
    const int each = team / parts;
    float *v = p->scratch + (size_t)me * p->scratch_size, *m = v + DP_FREQ * p->v_step;
    int from, to, begin, end;
    dp_share(tiles, parts, me / each, &from, &to);
    dp_share(p->panels, each, me % each, &begin, &end);
    if (begin == end) return;
    for (int t = from; t < to; t += p->chunk) chunk_of(p, t, to - t < p->chunk ? to - t : p->chunk, begin, end, v, m);
}

/* Adds the ring of block b onto the pixels it mirrors. */
static void fold(const wino *p, int b) {
    const int h = p->tiling.h, w = p->tiling.w;
    for (int y = -1; y <= h; y++)
        for (int x = -1; x <= w; x += y < 0 || y == h || x == w ? 1 : w + 1) {
            float *to = place(p, b, dp_pad_index(y, h, DP_PAD_REFLECT), dp_pad_index(x, w, DP_PAD_REFLECT));
            dp_store(to, dp_load(to) + dp_load(place(p, b, y, x)));
        }
}

size_t DP_ISA(dp_conv_winograd_workspace)(const dp_op *op, int threads) {
    char *end = NULL;
    plan(op, threads, &end);
    return (size_t)end;
}

/* args: x, w, b, y or dy, w, dx */
void DP_ISA(dp_conv_winograd_run)(const dp_op *op, int threads, void *const *args, void *ws) {
    char *at = ws;
    wino p = plan(op, threads, &at);
    p.source = args[0];
    p.weights = args[1];
    p.bias = p.forward ? args[2] : NULL;
    p.out = args[p.forward ? 3 : 2];
#pragma omp parallel num_threads(threads)
    {
        int from, to;
        dp_my_share(p.panels * p.in_blocks, &from, &to);
        for (int i = from; i < to; i++) filters(&p, i / p.in_blocks, i % p.in_blocks);
#pragma omp barrier
        share_of(&p, omp_get_num_threads(), omp_get_thread_num());
#pragma omp barrier
        dp_my_share(p.ring ? p.out_blocks : 0, &from, &to);
        for (int b = from; b < to; b++) fold(&p, b);
    }
}
