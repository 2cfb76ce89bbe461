/* Tiles: what the Winograd passes share. An output of rows x columns pixels, beginning at `origin` in the coordinates
 * of the source map, is cut into 4x4 tiles; tile (ty, tx) needs the 6x6 source patch from (4ty, 4tx) + origin - 1 on.
 * Patches inside the source are read in place; the others are collected through the padding rule first. */
#ifndef DP_BACKEND_CPU_SIMD_CONV_WINOGRAD_H
#define DP_BACKEND_CPU_SIMD_CONV_WINOGRAD_H

#include "backend/cpu/simd/conv.h"
#include "backend/cpu/simd/conv_winograd_transform.h"

typedef struct dp_tiling {
    int h, w; /* source */
    dp_pad pad;
    int origin;        /* 0, or -1: the outputs begin one pixel outside */
    int rows, columns; /* outputs */
    int down, across;  /* tiles */
} dp_tiling;

static inline dp_tiling dp_tiling_of(int h, int w, dp_pad pad, int ring) {
    dp_tiling t = {.h = h, .w = w, .pad = pad, .origin = -ring, .rows = h + 2 * ring, .columns = w + 2 * ring};
    t.down = (t.rows + DP_TILE - 1) / DP_TILE;
    t.across = (t.columns + DP_TILE - 1) / DP_TILE;
    return t;
}

/* Asks for the `rows` rows of 4 pixels at (y, x) of a plane, which will be needed soon. */
static inline void dp_tile_prefetch(const dp_tiling *t, const float *plane, int y, int x, int rows) {
    const float *p = plane + ((ptrdiff_t)y * t->w + x) * DP_BLOCK;
    for (int i = 0; i < rows; i++, p += (ptrdiff_t)t->w * DP_BLOCK)
        for (int j = 0; j < DP_TILE * DP_BLOCK; j += 16) __builtin_prefetch(p + j);
}

/* How a team shares tiles x panels of output blocks: `parts` ranges of tiles, each shared by team / parts threads that
 * take different panels and repeat each other's input transforms. parts is the largest divisor of the team that leaves
 * at least `least` tiles to each: with fewer, all threads would mostly move the same filters about. */
static inline int dp_tile_parts(int tiles, int team, int least) {
    int parts = team;
    while (parts > 1 && (team % parts != 0 || tiles / parts < least)) parts--;
    return parts;
}

/* Asks for the first 4 columns of the `rows` rows at (y, x) of a plane, which will be needed soon. */
static inline void dp_tile_ask(const dp_tiling *t, const float *plane, int y, int x, int rows) {
    const float *p = plane + ((ptrdiff_t)y * t->w + x) * DP_BLOCK;
    for (int i = 0; i < rows; i++, p += (ptrdiff_t)t->w * DP_BLOCK)
        for (int j = 0; j < DP_TILE * DP_BLOCK; j += 16) __builtin_prefetch(p + j);
}

/* Offsets in a plane of 6 rows (or columns) from `first` on, `stride` floats apart; -1: zero. Beyond one pixel outside
 * only outputs that nobody wants depend on them. */
static inline void dp_tile_offsets(int first, int side, dp_pad pad, ptrdiff_t stride, ptrdiff_t offset[DP_PATCH]) {
    for (int i = 0; i < DP_PATCH; i++) {
        const int at = first + i > side ? -1 : dp_pad_index(first + i, side, pad);
        offset[i] = at < 0 ? -1 : at * stride;
    }
}

/* B^T d B of tile number `tile` of one block of channels at `plane` -> out[f*step] */
static inline void dp_tile_input(const dp_tiling *t, const float *plane, int tile, float *out, ptrdiff_t step) {
    const int y = tile / t->across * DP_TILE + t->origin - 1, x = tile % t->across * DP_TILE + t->origin - 1;
    if (y >= 0 && x >= 0 && y + DP_PATCH <= t->h && x + DP_PATCH <= t->w) {
        dp_wino_input(plane + ((ptrdiff_t)y * t->w + x) * DP_BLOCK, (ptrdiff_t)t->w * DP_BLOCK, out, step);
        return;
    }
    float patch[DP_PATCH * DP_PATCH * DP_BLOCK] __attribute__((aligned(64)));
    ptrdiff_t row[DP_PATCH], column[DP_PATCH];
    dp_tile_offsets(y, t->h, t->pad, (ptrdiff_t)t->w * DP_BLOCK, row);
    dp_tile_offsets(x, t->w, t->pad, DP_BLOCK, column);
    const dp_vec zero = {0};
    for (int i = 0; i < DP_PATCH; i++)
        for (int j = 0; j < DP_PATCH; j++)
            dp_store(patch + (i * DP_PATCH + j) * DP_BLOCK,
                     (row[i] | column[j]) < 0 ? zero : dp_load(plane + row[i] + column[j]));
    dp_wino_input(patch, DP_PATCH * DP_BLOCK, out, step);
}

/* The same for tiles [from, from + tiles) of `blocks` blocks -> out[f*step + (block*pitch + tile)*DP_BLOCK]. */
static void dp_tiles_input(const dp_tiling *t, const float *source, int blocks, int from, int tiles, int pitch,
                           float *out, ptrdiff_t step) {
    enum { AHEAD = 6 };
    const ptrdiff_t plane = (ptrdiff_t)t->h * t->w * DP_BLOCK;
    for (int b = 0; b < blocks; b++, source += plane)
        for (int i = 0; i < tiles; i++) {
            const bool next = i + AHEAD >= tiles; /* then it is a tile of the next block */
            const int tile = from + (next ? i + AHEAD - tiles : i + AHEAD);
            dp_tile_ask(t, source + (next ? plane : 0), tile / t->across * DP_TILE + t->origin - 1,
                        tile % t->across * DP_TILE + t->origin + 1, DP_PATCH);
            dp_tile_input(t, source, from + i, out + (b * pitch + i) * DP_BLOCK, step);
        }
}

#endif
