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

/* B^T d B of tile number `tile` of one block of channels at `plane` -> out[f*step] */
static inline void dp_tile_input(const dp_tiling *t, const float *plane, int tile, float *out, ptrdiff_t step) {
    const int y = tile / t->across * DP_TILE + t->origin - 1, x = tile % t->across * DP_TILE + t->origin - 1;
    if (y >= 0 && x >= 0 && y + DP_PATCH <= t->h && x + DP_PATCH <= t->w) {
        dp_wino_input(plane + ((ptrdiff_t)y * t->w + x) * DP_BLOCK, (ptrdiff_t)t->w * DP_BLOCK, out, step);
        return;
    }
    float patch[DP_PATCH * DP_PATCH * DP_BLOCK] __attribute__((aligned(64)));
    for (int i = 0; i < DP_PATCH; i++)
        for (int j = 0; j < DP_PATCH; j++) {
            /* beyond one pixel outside only outputs that nobody wants depend on it */
            const int v = y + i > t->h ? -1 : dp_pad_index(y + i, t->h, t->pad);
            const int u = x + j > t->w ? -1 : dp_pad_index(x + j, t->w, t->pad);
            const dp_vec zero = {0};
            dp_store(patch + (i * DP_PATCH + j) * DP_BLOCK,
                     v < 0 || u < 0 ? zero : dp_load(plane + ((ptrdiff_t)v * t->w + u) * DP_BLOCK));
        }
    dp_wino_input(patch, DP_PATCH * DP_BLOCK, out, step);
}

#endif
