/* The blur of planes and its adjoints, as direct sums.
 *
 * All three are one correlation, out[i][j] = sum over a, b of filter[a][b] * in[i + a - pad_y][j + b - pad_x], with in
 * = 0 outside of itself:
 *   y:    in = x, filter = the PSF turned by 180 degrees;
 *   dx:   in = dy padded by the PSF's sides less 1, filter = the PSF;
 *   dpsf: in = x, filter = dy, out turned by 180 degrees: few outputs, long sums. The filter is divided
 *         among blocks, whose parts of the sum are added up in a fixed order (dp_cuda_sum_columns).
 *
 * A block makes a tile of 32 columns x 8 rows. Each of its warps makes the whole tile, from every eighth row of the
 * filter: a lane's 4 x 2 outputs take per 4 columns of the filter three reads of 16 bytes from shared memory (one of
 * the picture, and two of the filter, which are the same for all lanes) for 32 multiplications, so that these are what
 * limits. With 256 outputs for a block, not 2048, a picture of 255 x 255 gives work to all processors. */
#include "backend/cuda/kernels.cuh"

enum { WARPS = 8, THREADS = 32 * WARPS };
enum { WIDE = 32, HIGH = 8, OUTPUTS = WIDE * HIGH }; /* the tile; OUTPUTS = THREADS */
enum { PIECE_ROWS = 31, PIECE_COLUMNS = 128 };       /* the largest piece of the filter in shared memory */

typedef struct correlation {
    const float *in, *filter;
    float *out;
    int in_h, in_w, pad_y, pad_x, filter_h, filter_w, out_h, out_w;
    bool turn_filter, turn_out;
    bool over_planes; /* sum over planes, each with its own filter; else one filter, and an output for each plane */
    int planes, piece_h, piece_w, down, across; /* pieces: their size, and their number in a plane */
} correlation;

/* Where shared memory holds what: the piece of the filter with a row of zeros before and after it, and its columns
 * filled up to a multiple of 4 by zeros; what the tile needs of the picture; at the end, instead, the warps' sums. */
__host__ __device__ static int picture_stride(int piece_w) {
    return piece_w + WIDE;
}

__host__ __device__ static int filter_floats(int piece_h, int piece_w) {
    return (piece_h + 2) * piece_w;
}

static size_t shared_bytes(const correlation *c) {
    const int floats = filter_floats(c->piece_h, c->piece_w) + (c->piece_h + HIGH - 1) * picture_stride(c->piece_w);
    return sizeof(float) * (size_t)(floats > WARPS * OUTPUTS ? floats : WARPS * OUTPUTS);
}

__device__ static int clamped(int i, int n) {
    return max(0, min(i, n - 1));
}

/* Fills to[rows][columns] by get(row, column), a warp for a row; four rows at once, so that reads wait together. get is
 * also asked for rows past the end. */
template <typename G> __device__ static void fill(int rows, int columns, float *to, G get) {
    const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
    for (int r = warp; r < rows; r += 4 * WARPS)
#pragma unroll 2
        for (int k = lane; k < columns; k += 32) {
            float value[4];
#pragma unroll
            for (int u = 0; u < 4; u++) value[u] = get(r + u * WARPS, k);
#pragma unroll
            for (int u = 0; u < 4; u++)
                if (r + u * WARPS < rows) to[(r + u * WARPS) * columns + k] = value[u];
        }
}

/* The rows [a0, a1) and columns [b0, b1) of the filter, and a row of zeros before and after. */
__device__ static void load_filter(const correlation &c, const float *filter, int a0, int a1, int b0, int b1,
                                   float *to) {
    fill(a1 - a0 + 2, c.piece_w, to, [&](int r, int k) {
        const int a = a0 + r - 1, b = b0 + k;
        const int i = clamped(c.turn_filter ? c.filter_h - 1 - a : a, c.filter_h);
        const int j = clamped(c.turn_filter ? c.filter_w - 1 - b : b, c.filter_w);
        const float value = filter[i * c.filter_w + j];
        return (a >= a0) & (a < a1) & (b < b1) ? value : 0;
    });
}

/* What the tile at (top, left) needs of the picture for the rows [a0, a1) of the filter and its columns from b0. */
__device__ static void load_picture(const correlation &c, const float *in, int top, int left, int a0, int a1, int b0,
                                    float *to) {
    const int first = top + a0 - c.pad_y, from = left + b0 - c.pad_x;
    fill(a1 - a0 + HIGH - 1, picture_stride(c.piece_w), to, [&](int r, int k) {
        const int i = first + r, j = from + k, y = clamped(i, c.in_h), x = clamped(j, c.in_w);
        const float value = in[y * c.in_w + x];
        return (i == y) & (j == x) ? value : 0;
    });
}

/* Adds to a lane's outputs, rows 0 and 1 of its pair, what one row of the picture gives: with row `upper` of the filter
 * to the first, and with the row before it to the second. */
__device__ static void add_row(const float *picture, const float *upper, const float *lower, int columns,
                               float sum[2][4]) {
    __align__(16) float x[8];
    *(float4 *)x = *(const float4 *)picture;
#pragma unroll 2
    for (int b = 0; b < columns; b += 4) {
        __align__(16) float u[4], l[4];
        *(float4 *)(x + 4) = *(const float4 *)(picture + b + 4);
        *(float4 *)u = *(const float4 *)(upper + b);
        *(float4 *)l = *(const float4 *)(lower + b);
#pragma unroll
        for (int t = 0; t < 4; t++)
#pragma unroll
            for (int j = 0; j < 4; j++) {
                sum[0][j] += u[t] * x[j + t];
                sum[1][j] += l[t] * x[j + t];
            }
#pragma unroll
        for (int j = 0; j < 4; j++) x[j] = x[j + 4];
    }
}

/* Adds the pieces' shares to a lane's 4 x 2 outputs of the tile at (top, left). Pieces: first, first + step ... */
__device__ static void add_pieces(const correlation &c, int top, int left, int first, int end, int step, float *shared,
                                  float sum[2][4]) {
    const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32, stride = picture_stride(c.piece_w);
    float *filter = shared, *picture = shared + filter_floats(c.piece_h, c.piece_w);
    const float *mine = picture + lane / 8 * 2 * stride + lane % 8 * 4;
    for (int piece = first; piece < end; piece += step) {
        const size_t plane = (size_t)(piece / (c.down * c.across));
        const int a0 = piece / c.across % c.down * c.piece_h, b0 = piece % c.across * c.piece_w;
        const int a1 = min(a0 + c.piece_h, c.filter_h), b1 = min(b0 + c.piece_w, c.filter_w);
        const size_t filter_plane = c.over_planes ? plane * ((size_t)c.filter_h * c.filter_w) : 0;
        __syncthreads();
        load_filter(c, c.filter + filter_plane, a0, a1, b0, b1, filter);
        load_picture(c, c.in + plane * ((size_t)c.in_h * c.in_w), top, left, a0, a1, b0, picture);
        __syncthreads();
        for (int k = warp; k < a1 - a0 + 1; k += WARPS)
            add_row(mine + k * stride, filter + (k + 1) * c.piece_w, filter + k * c.piece_w, c.piece_w, sum);
    }
}

/* Layer z of blocks makes out[z]: of plane z, or (over_planes) the sum of pieces z, z + layers ... of all planes. */
static __global__ void __launch_bounds__(THREADS, 4) correlate(correlation c) {
    DP_SHARED(float, shared);
    const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32, z = (int)blockIdx.z;
    const int top = (int)blockIdx.y * HIGH, left = (int)blockIdx.x * WIDE, pieces = c.down * c.across;
    float sum[2][4] = {};
    const int first = c.over_planes ? z : z * pieces, end = c.over_planes ? c.planes * pieces : first + pieces;
    add_pieces(c, top, left, first, end, c.over_planes ? (int)gridDim.z : 1, shared, sum);
    __syncthreads();
    for (int i = 0; i < 2; i++) {
        float *to = shared + warp * OUTPUTS + (lane / 8 * 2 + i) * WIDE + lane % 8 * 4;
        *(float4 *)to = make_float4(sum[i][0], sum[i][1], sum[i][2], sum[i][3]);
    }
    __syncthreads();
    const int t = (int)threadIdx.x, i = top + t / WIDE, j = left + t % WIDE;
    if (i >= c.out_h || j >= c.out_w) return;
    float whole = 0;
    for (int w = 0; w < WARPS; w++) whole += shared[w * OUTPUTS + t];
    const int y = c.turn_out ? c.out_h - 1 - i : i, x = c.turn_out ? c.out_w - 1 - j : j;
    c.out[((size_t)z * c.out_h + y) * c.out_w + x] = whole;
}

static unsigned tiles_of(const correlation *c) {
    return dp_blocks((size_t)c->out_w, WIDE) * dp_blocks((size_t)c->out_h, HIGH);
}

/* Divides the filter into pieces of at most that many rows. */
static void divide(correlation *c, int rows) {
    c->piece_h = rows < c->filter_h ? rows : c->filter_h;
    c->down = (c->filter_h + c->piece_h - 1) / c->piece_h;
    c->across = (c->filter_w + PIECE_COLUMNS - 1) / PIECE_COLUMNS;
    c->piece_w = (c->filter_w + 4 * c->across - 1) / (4 * c->across) * 4;
}

static void run_correlation(const dp_cuda *be, const correlation *c, unsigned layers) {
    const dim3 grid(dp_blocks((size_t)c->out_w, WIDE), dp_blocks((size_t)c->out_h, HIGH), layers);
    DP_LAUNCH(be, correlate, grid, THREADS, shared_bytes(c), *c);
}

/* ---- Forward ---- */

/* args: x, psf -> y */
static void run_blur_fwd(const dp_cuda_plan *plan, void *const *args, void *ws) {
    (void)ws;
    const dp_op *op = &plan->op;
    correlation c = {};
    c.in = (const float *)args[0], c.in_h = op->x.h, c.in_w = op->x.w;
    c.filter = (const float *)args[1], c.filter_h = op->blur.kh, c.filter_w = op->blur.kw, c.turn_filter = true;
    c.out = (float *)args[2], c.out_h = op->y.h, c.out_w = op->y.w, c.planes = op->x.c;
    divide(&c, PIECE_ROWS);
    run_correlation(plan->be, &c, (unsigned)op->x.c);
}

/* ---- Backward ---- */

static void blur_back_latent(const dp_cuda_plan *plan, const float *psf, const float *dy, float *dx) {
    const dp_op *op = &plan->op;
    correlation c = {};
    c.in = dy, c.in_h = op->y.h, c.in_w = op->y.w, c.pad_y = op->blur.kh - 1, c.pad_x = op->blur.kw - 1;
    c.filter = psf, c.filter_h = op->blur.kh, c.filter_w = op->blur.kw;
    c.out = dx, c.out_h = op->x.h, c.out_w = op->x.w, c.planes = op->x.c;
    divide(&c, PIECE_ROWS);
    run_correlation(plan->be, &c, (unsigned)op->x.c);
}

/* Of dpsf, without pointers. Pieces have 7, 15 or 31 rows (one less than the eight warps take in turn), the largest
 * number that still gives every processor two blocks; the layers share them evenly. */
static correlation psf_correlation(const dp_cuda *be, const dp_op *op, unsigned *layers) {
    correlation c = {};
    c.in_h = op->x.h, c.in_w = op->x.w, c.filter_h = op->y.h, c.filter_w = op->y.w;
    c.out_h = op->blur.kh, c.out_w = op->blur.kw, c.turn_out = true;
    c.planes = op->x.c, c.over_planes = true;
    const unsigned tiles = tiles_of(&c), processors = (unsigned)be->processors;
    unsigned pieces = 0;
    for (int rows = PIECE_ROWS; rows >= 7 && pieces * tiles < 2 * processors; rows /= 2) {
        divide(&c, rows);
        pieces = (unsigned)(c.planes * c.down * c.across);
    }
    const unsigned most = (4 * processors + tiles - 1) / tiles, each = (pieces + most - 1) / most;
    *layers = (pieces + each - 1) / each;
    return c;
}

static size_t blur_bwd_workspace(const dp_cuda *be, const dp_op *op) {
    unsigned layers;
    psf_correlation(be, op, &layers);
    return sizeof(float) * layers * (size_t)(op->blur.kh * op->blur.kw);
}

/* args: x, psf, dy -> dx (may be NULL), dpsf (may be NULL) */
static void run_blur_bwd(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const float *dy = (const float *)args[2];
    if (args[3] != NULL) blur_back_latent(plan, (const float *)args[1], dy, (float *)args[3]);
    if (args[4] == NULL) return;
    unsigned layers;
    correlation c = psf_correlation(plan->be, &plan->op, &layers);
    c.in = (const float *)args[0], c.filter = dy, c.out = (float *)ws;
    run_correlation(plan->be, &c, layers);
    const int n = plan->op.blur.kh * plan->op.blur.kw;
    dp_cuda_sum_columns(plan->be, (int)layers, (size_t)n, (const float *)ws, 1, (float *)args[4]);
}

const dp_cuda_kernel dp_cuda_blur_fwd = {run_blur_fwd, NULL, NULL, NULL};
const dp_cuda_kernel dp_cuda_blur_bwd = {run_blur_bwd, blur_bwd_workspace, NULL, NULL};
