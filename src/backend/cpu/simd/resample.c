/* Bilinear x2 with half-pixel centres and centre crop, and its adjoint in gather form. Before the crop
 *   out[2i] = x[i-1]/4 + 3x[i]/4,  out[2i+1] = 3x[i]/4 + x[i+1]/4,  indices clamped at the edges, in both directions.
 */
#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

static inline int clamp(int i, int n) {
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* One output row: near, far are the input rows with weights 3/4 and 1/4; columns [ox, ox + wo) of the 2w are kept. */
static inline void widen_row(const float *near, const float *far, float *y, int w, int ox, int wo, bool stream) {
#define COLUMN(j) (dp_load(near + (size_t)(j)*DP_BLOCK) * 0.75f + dp_load(far + (size_t)(j)*DP_BLOCK) * 0.25f)
    dp_vec left = COLUMN(clamp(ox / 2 - 1, w)), here = COLUMN(ox / 2);
    for (int j = ox / 2; j <= (ox + wo - 1) / 2; j++) { /* j: input column */
        const dp_vec right = COLUMN(j + 1 < w ? j + 1 : w - 1);
        const dp_vec even = here * 0.75f + left * 0.25f, odd = here * 0.75f + right * 0.25f;
        float *out = y + ((ptrdiff_t)2 * j - ox) * DP_BLOCK;
        if (stream && 2 * j >= ox && 2 * j + 1 < ox + wo) {
            dp_store_past(out, even);
            dp_store_past(out + DP_BLOCK, odd);
        } else {
            if (2 * j >= ox) dp_store(out, even);
            if (2 * j + 1 < ox + wo) dp_store(out + DP_BLOCK, odd);
        }
        left = here;
        here = right;
    }
#undef COLUMN
}

/* x -> y */
void DP_ISA(dp_cpu_upsample2_fwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const float *x = args[0];
    float *y = args[1];
    const int h = op->x.h, w = op->x.w, ho = op->y.h, wo = op->y.w, rows = dp_blocks(op->x.c) * ho;
    const int oy = (2 * h - ho) / 2, ox = (2 * w - wo) / 2;
    const bool stream = dp_is_large(op->y);
#pragma omp parallel num_threads(dp_team(dp_storage(op->y), threads))
    {
        int from, to;
        dp_my_share(rows, &from, &to);
        for (int r = from; r < to; r++) {
            const int block = r / ho, full = r % ho + oy, i = full / 2;
            const float *plane = x + (size_t)block * (size_t)h * (size_t)w * DP_BLOCK;
            const float *near = plane + (size_t)i * (size_t)w * DP_BLOCK;
            const float *far = plane + (size_t)clamp(full % 2 ? i + 1 : i - 1, h) * (size_t)w * DP_BLOCK;
            widen_row(near, far, y + (size_t)r * (size_t)wo * DP_BLOCK, w, ox, wo, stream);
        }
        dp_stores_end();
    }
}

/* Weights with which out[2i-1 .. 2i+2] hold x[i]; 0 where that lies outside the kept part [o, o + no) of the 2n. */
static void taps_of(int i, int n, int o, int no, float weight[4], int index[4]) {
    const float full[4] = {i > 0 ? 0.25f : 0, i > 0 ? 0.75f : 1, i < n - 1 ? 0.75f : 1, i < n - 1 ? 0.25f : 0};
    for (int k = 0; k < 4; k++) {
        const int at = 2 * i - 1 + k - o;
        const bool kept = at >= 0 && at < no;
        weight[k] = kept ? full[k] : 0;
        index[k] = kept ? at : 0;
    }
}

/* The rows of dy that meet in one row of dx, and their weights. */
typedef struct rows4 {
    const float *row[4];
    float weight[4];
} rows4;

static inline dp_vec column4(const rows4 *r, int j) {
    const size_t at = (size_t)j * DP_BLOCK;
    return (dp_load(r->row[0] + at) * r->weight[0] + dp_load(r->row[1] + at) * r->weight[1]) +
           (dp_load(r->row[2] + at) * r->weight[2] + dp_load(r->row[3] + at) * r->weight[3]);
}

static dp_vec edge_pixel(const rows4 *r, int j, int w, int ox, int wo) {
    float weight[4];
    int index[4];
    taps_of(j, w, ox, wo, weight, index);
    dp_vec sum = {0};
    for (int k = 0; k < 4; k++)
        if (weight[k] != 0) sum += column4(r, index[k]) * weight[k];
    return sum;
}

static void narrow_row(const rows4 *rows, float *dx, int w, int ox, int wo) {
    const rows4 r = *rows;
    /* Inner columns: all four taps kept, none clamped. */
    int first = (ox + 2) / 2, last = (ox + wo - 3) >= 0 ? (ox + wo - 3) / 2 : -1;
    if (first < 1) first = 1;
    if (last > w - 2) last = w - 2;
    if (last < first) first = w, last = w - 1;
    for (int j = 0; j < first; j++) dp_store(dx + (size_t)j * DP_BLOCK, edge_pixel(&r, j, w, ox, wo));
    if (first <= last) {
        dp_vec a = column4(&r, 2 * first - 1 - ox), b = column4(&r, 2 * first - ox);
        for (int j = first; j <= last; j++) {
            const dp_vec c = column4(&r, 2 * j + 1 - ox), d = column4(&r, 2 * j + 2 - ox);
            dp_store(dx + (size_t)j * DP_BLOCK, (a + d) * 0.25f + (b + c) * 0.75f);
            a = c;
            b = d;
        }
    }
    for (int j = last + 1; j < w; j++) dp_store(dx + (size_t)j * DP_BLOCK, edge_pixel(&r, j, w, ox, wo));
}

/* dy -> dx */
void DP_ISA(dp_cpu_upsample2_bwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    const float *dy = args[0];
    float *dx = args[1];
    const int h = op->x.h, w = op->x.w, ho = op->y.h, wo = op->y.w, rows = dp_blocks(op->x.c) * h;
    const int oy = (2 * h - ho) / 2, ox = (2 * w - wo) / 2;
#pragma omp parallel num_threads(dp_team(dp_storage(op->y), threads))
    {
        int from, to;
        dp_my_share(rows, &from, &to);
        for (int r = from; r < to; r++) {
            rows4 four;
            int index[4];
            taps_of(r % h, h, oy, ho, four.weight, index);
            for (int k = 0; k < 4; k++)
                four.row[k] = dy + ((size_t)(r / h) * (size_t)ho + (size_t)index[k]) * (size_t)wo * DP_BLOCK;
            narrow_row(&four, dx + (size_t)r * (size_t)w * DP_BLOCK, w, ox, wo);
        }
    }
}
