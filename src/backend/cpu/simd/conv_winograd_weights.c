/* 3x3 stride 1, backward-weights, by the adjoint of Winograd's F(4x4, 3x3) (conv_winograd_transform.h).
 *
 * Threads take ranges of tiles (small maps: of panels) in chunks: V[f][in block][tile][DP_BLOCK] of x and
 * Z[f][out block][tile][DP_BLOCK] = A dy A^T, then for each frequency dU[f] += V[f]^T Z[f], kept per range as
 * [f][panel of up to DP_NO out blocks][in channel][panel]. dU (2.6 MB at 144 x 128 channels) is read and written once a
 * chunk, so chunks are long: V and Z of VOLUME bytes, in L3. At the end the ranges' dU are added in their order, then
 * G^T dU G goes to dw. Z at the point (1, 1), f = 7, is the sum of the tile, which gives db. */
#include "backend/cpu/simd/conv_winograd.h"

enum { VOLUME = 3 << 20, MAX_CHUNK = 512, LEAST = 64, LINE = 16, SUM = 7 };

typedef struct grad {
    dp_tiling tiling;
    int in_c, out_c, in_blocks, out_blocks;
    int chunk;                        /* tiles at a time */
    ptrdiff_t v_step, z_step, u_step; /* floats from frequency to frequency */
    const float *x, *dy;
    float *part, *scratch; /* dU and db of each range of tiles; V and Z of each thread */
    size_t part_size, scratch_size;
} grad;

static grad plan(const dp_op *op, int threads, char **ws) {
    grad p = {.in_c = op->x.c, .out_c = op->y.c, .in_blocks = dp_blocks(op->x.c), .out_blocks = dp_blocks(op->y.c)};
    p.tiling = dp_tiling_of(op->x.h, op->x.w, op->conv.pad, 0);
    const int blocks = p.in_blocks + p.out_blocks, tiles = p.tiling.down * p.tiling.across;
    const int fit = VOLUME / (DP_FREQ * blocks * DP_BLOCK * (int)sizeof(float)),
              most = tiles < MAX_CHUNK ? tiles : MAX_CHUNK;
    p.chunk = fit < 16 ? 16 : fit > most ? most : fit;
    p.v_step = (ptrdiff_t)p.in_blocks * p.chunk * DP_BLOCK + LINE;
    p.z_step = (ptrdiff_t)p.out_blocks * p.chunk * DP_BLOCK + LINE;
    p.u_step = (ptrdiff_t)p.in_blocks * DP_BLOCK * p.out_blocks * DP_BLOCK + LINE;
    p.part_size = DP_FREQ * (size_t)p.u_step + (size_t)p.out_blocks * DP_BLOCK + LINE;
    p.scratch_size = DP_FREQ * (size_t)(p.v_step + p.z_step);
    p.part = dp_take(ws, (size_t)threads * p.part_size * sizeof(float));
    p.scratch = dp_take(ws, (size_t)threads * p.scratch_size * sizeof(float));
    return p;
}

/* A dy A^T of one tile of one block, outputs outside the map taken as 0. */
static inline void tile_gradient(const dp_tiling *t, const float *plane, int tile, float *out, ptrdiff_t step) {
    const int y = tile / t->across * DP_TILE, x = tile % t->across * DP_TILE;
    const float *dy = plane + ((ptrdiff_t)y * t->w + x) * DP_BLOCK;
    if (y + DP_TILE <= t->h && x + DP_TILE <= t->w) {
        dp_wino_output_adjoint(dy, (ptrdiff_t)t->w * DP_BLOCK, out, step);
        return;
    }
    float patch[DP_TILE * DP_TILE * DP_BLOCK] __attribute__((aligned(64))) = {0};
    for (int i = 0; i < DP_TILE && y + i < t->h; i++)
        for (int j = 0; j < DP_TILE && x + j < t->w; j++)
            dp_store(patch + (i * DP_TILE + j) * DP_BLOCK, dp_load(dy + ((ptrdiff_t)i * t->w + j) * DP_BLOCK));
    dp_wino_output_adjoint(patch, DP_TILE * DP_BLOCK, out, step);
}

/* DP_MO input channels, one panel, one frequency: sum over the chunk's tiles. */
DP_INLINE void product_of(int nv, const grad *p, int tiles, bool first, const float *v, const float *z, float *u) {
    dp_vec acc[DP_MO][DP_NO];
    DP_EACH(i, DP_MO, DP_MO)
    DP_EACH(j, nv, DP_NO) acc[i][j] = first ? (dp_vec){0} : dp_load(u + (i * nv + j) * DP_BLOCK);
    dp_gemm_outer(nv, tiles, v, DP_BLOCK, z, DP_BLOCK, (ptrdiff_t)p->chunk * DP_BLOCK, acc);
    DP_EACH(i, DP_MO, DP_MO) DP_EACH(j, nv, DP_NO) dp_store(u + (i * nv + j) * DP_BLOCK, acc[i][j]);
}

DP_INLINE void panel_of(int nv, const grad *p, int tiles, bool first, const float *v, const float *z, float *u) {
    for (int in = 0; in < p->in_blocks * DP_BLOCK; in += DP_MO)
        product_of(nv, p, tiles, first, v + (in / DP_BLOCK * p->chunk) * DP_BLOCK + in % DP_BLOCK, z,
                   u + (ptrdiff_t)in * nv * DP_BLOCK);
}

/* Of panels [begin, end): dU += V^T Z (= if it is the first chunk) */
static void product(const grad *p, int tiles, bool first_chunk, int begin, int end, const float *v, const float *z,
                    float *part) {
    const int depth = p->in_blocks * DP_BLOCK;
    for (int f = 0; f < DP_FREQ; f++, v += p->v_step, z += p->z_step)
        for (int panel = begin; panel < end; panel++) {
            int first;
            const int nv = dp_outer_panel(p->out_blocks, panel, &first);
            const float *zp = z + (ptrdiff_t)first * p->chunk * DP_BLOCK;
            float *u = part + f * p->u_step + (ptrdiff_t)first * DP_BLOCK * depth;
            if (nv == DP_NO)
                panel_of(DP_NO, p, tiles, first_chunk, v, zp, u);
            else if (nv == 2)
                panel_of(2, p, tiles, first_chunk, v, zp, u);
            else
                panel_of(1, p, tiles, first_chunk, v, zp, u);
        }
}

/* Z of tiles [from, from + tiles), and their part of db, for one out block. */
static void gradients(const grad *p, int from, int tiles, bool first_chunk, int block, float *z, float *part) {
    enum { AHEAD = 6 };
    const dp_tiling *t = &p->tiling;
    const float *dy = p->dy + block * (ptrdiff_t)t->h * t->w * DP_BLOCK;
    float *db = part + DP_FREQ * p->u_step + block * DP_BLOCK;
    dp_vec sum = first_chunk ? (dp_vec){0} : dp_load(db);
    z += (ptrdiff_t)block * p->chunk * DP_BLOCK;
    for (int i = 0; i < tiles; i++, z += DP_BLOCK) {
        const int ahead = from + i + AHEAD;
        dp_tile_ask(t, dy, ahead / t->across * DP_TILE, ahead % t->across * DP_TILE, DP_TILE);
        tile_gradient(t, dy, from + i, z, p->z_step);
        sum += dp_load(z + SUM * p->z_step);
    }
    dp_store(db, sum);
}

/* Tiles [from, from + tiles), at most a chunk, panels [begin, end). */
static void chunk_of(const grad *p, int from, int tiles, bool first_chunk, int begin, int end, float *v, float *part) {
    float *z = v + DP_FREQ * p->v_step;
    dp_tiles_input(&p->tiling, p->x, p->in_blocks, from, tiles, p->chunk, v, p->v_step);
    for (int panel = begin; panel < end; panel++) {
        int first;
        const int nv = dp_outer_panel(p->out_blocks, panel, &first);
        for (int b = first; b < first + nv; b++) gradients(p, from, tiles, first_chunk, b, z, part);
    }
    product(p, tiles, first_chunk, begin, end, v, z, part);
}

/* This thread's share: a range of tiles and of panels. */
static void share_of(const grad *p, int team, int parts, int me) {
    const int each = team / parts, part = me / each, tiles = p->tiling.down * p->tiling.across;
    float *v = p->scratch + (size_t)me * p->scratch_size, *sums = p->part + (size_t)part * p->part_size;
    int from, to, begin, end;
    dp_share(tiles, parts, part, &from, &to);
    dp_share(dp_outer_panels(p->out_blocks), each, me % each, &begin, &end);
    if (begin == end) return;
    for (int t = from; t < to; t += p->chunk)
        chunk_of(p, t, to - t < p->chunk ? to - t : p->chunk, t == from, begin, end, v, sums);
}

/* G^T (sum of the ranges' dU) G -> dw, for one panel, one input channel. */
static void spread(const grad *p, int parts, int panel, int in, float *dw) {
    enum { AHEAD = 2 };
    int first;
    const int nv = dp_outer_panel(p->out_blocks, panel, &first);
    const ptrdiff_t next = (ptrdiff_t)p->part_size;
    const float *u = p->part + ((ptrdiff_t)first * p->in_blocks * DP_BLOCK + (ptrdiff_t)in * nv) * DP_BLOCK;
    for (int v = 0; v < nv; v++, u += DP_BLOCK) {
        float sum[DP_FREQ][DP_BLOCK] __attribute__((aligned(64))), g[9][DP_BLOCK] __attribute__((aligned(64)));
        for (int f = 0; f < DP_FREQ; f++) {
            dp_vec s = dp_load(u + f * p->u_step);
            __builtin_prefetch(u + f * p->u_step + AHEAD * nv * DP_BLOCK);
            for (int t = 1; t < parts; t++) {
                s += dp_load(u + t * next + f * p->u_step);
                __builtin_prefetch(u + t * next + f * p->u_step + AHEAD * nv * DP_BLOCK);
            }
            dp_store(sum[f], s);
        }
        dp_wino_filter_adjoint(sum[0], DP_BLOCK, g[0], DP_BLOCK);
        const int out = (first + v) * DP_BLOCK, outs = p->out_c - out < DP_BLOCK ? p->out_c - out : DP_BLOCK;
        for (int j = 0; j < outs; j++)
            for (int e = 0; e < 9; e++) dw[((ptrdiff_t)(out + j) * p->in_c + in) * 9 + e] = g[e][j];
    }
}

size_t DP_ISA(dp_conv_winograd_weights_workspace)(const dp_op *op, int threads) {
    char *end = NULL;
    plan(op, threads, &end);
    return (size_t)end;
}

/* args: x, dy, dw, db */
void DP_ISA(dp_conv_winograd_weights_run)(const dp_op *op, int threads, void *const *args, void *ws) {
    char *at = ws;
    grad p = plan(op, threads, &at);
    p.x = args[0];
    p.dy = args[1];
    float *db = args[3];
    const int tiles = p.tiling.down * p.tiling.across;
#pragma omp parallel num_threads(threads)
    {
        const int team = omp_get_num_threads(), parts = dp_tile_parts(tiles, team, LEAST);
        int from, to;
        share_of(&p, team, parts, omp_get_thread_num());
#pragma omp barrier
        dp_my_share(dp_outer_panels(p.out_blocks) * p.in_c, &from, &to);
        for (int i = from; i < to; i++) spread(&p, parts, i / p.in_c, i % p.in_c, args[2]);
#pragma omp for schedule(static)
        for (int co = 0; co < p.out_c; co++) {
            db[co] = 0;
            for (int u = 0; u < parts; u++)
                db[co] += p.part[(size_t)u * p.part_size + (size_t)(DP_FREQ * p.u_step + co)];
        }
    }
}
