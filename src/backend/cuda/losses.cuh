/* What the losses share: tiles of planes that blocks take in turn, and their sum. */
#ifndef DP_BACKEND_CUDA_LOSSES_CUH
#define DP_BACKEND_CUDA_LOSSES_CUH

#include "backend/cuda/kernels.cuh"

enum { LOSS_BLOCK = 256, TILE_WIDTH = 32, TILE_HEIGHT = LOSS_BLOCK / TILE_WIDTH };

/* Planes (c, h, w) as tiles of 8 x 32 pixels, a thread each. */
struct tiles {
    int c, h, w;
    unsigned across, per_plane, all;
};

struct pixel {
    int c, i, j;   /* of the tile's thread; may lie outside */
    int top, left; /* of the tile */
    size_t at;     /* element */
    bool inside;
};

static inline tiles dp_tiles(dp_shape s) {
    tiles t = {s.c, s.h, s.w, dp_blocks((size_t)s.w, TILE_WIDTH), 0, 0};
    t.per_plane = t.across * dp_blocks((size_t)s.h, TILE_HEIGHT);
    t.all = t.per_plane * (unsigned)s.c;
    return t;
}

__device__ inline pixel dp_pixel(tiles t, unsigned tile) {
    const unsigned c = tile / t.per_plane, place = tile - c * t.per_plane, row = place / t.across;
    pixel p;
    p.c = (int)c;
    p.top = (int)row * TILE_HEIGHT;
    p.left = (int)(place - row * t.across) * TILE_WIDTH;
    p.i = p.top + (int)threadIdx.x / TILE_WIDTH;
    p.j = p.left + (int)threadIdx.x % TILE_WIDTH;
    p.inside = p.i < t.h && p.j < t.w;
    p.at = ((size_t)p.c * (size_t)t.h + (size_t)p.i) * (size_t)t.w + (size_t)p.j;
    return p;
}

/* Blocks that share that many pieces of work; each leaves one double in the workspace. */
static inline unsigned dp_loss_blocks(const dp_cuda *be, size_t pieces) {
    const size_t most = 4 * (size_t)be->processors;
    return (unsigned)(pieces < most ? pieces : most);
}

/* Adds up the blocks' sums. True in all threads of the last block, which get the total. */
__device__ inline bool dp_loss_total(double mine, double *partial, dp_cuda_slot *slot, double *total) {
    __shared__ double room[32];
    const double sum = dp_block_sum(mine, room);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
    if (!dp_last_block(slot, gridDim.x)) return false;
    const volatile double *of_all = partial; /* volatile: from where the other blocks have written it */
    double all = 0;
    for (unsigned i = threadIdx.x; i < gridDim.x; i += blockDim.x) all += of_all[i];
    *total = dp_block_sum(all, room);
    return true;
}

#endif
