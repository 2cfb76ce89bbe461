/* Blurred pictures have almost no fine detail, so what a sharp high-pass leaves of them is noise. The filter is the
 * fourth difference in both directions (1 -4 6 -4 1; a relative of Immerkaer 1996, whose second differences still see
 * the texture of little blurred pictures). Detail that survives is confined to some places: the energy is taken per
 * block of about 16 x 16 px, and the lower quartile of the blocks counts. Blocks without any energy, or mostly clipped,
 * are left out.
 *
 * Measured (pictures 255 x 255 blurred by PSFs of the Levin set, white noise, rounded to 8 bits, which adds 0.0011):
 * 3 % to 10 % of the true value for noise >= 0.005; for 0.001, 0.0015 to 0.0018 instead of 0.0015, and up to 0.0023 for
 * the busiest picture (brick wall, small PSF). */
#include "image/noise.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "image/clip.h"

enum { BLOCK = 16, TAPS = 5, FILTER_ENERGY = 70 * 70 };
static const double quartile_bias = 0.925; /* lower quartile of the blocks' root mean squares on pure white noise */

static double fourth(double a, double b, double c, double d, double e) {
    return a + e - 4 * (b + d) + 6 * c;
}

typedef struct block {
    double energy; /* sum of squares, then their mean */
    int count;     /* of the values that are not clipped */
} block;

/* bad[x]: one of the five pixels below (y, x) is clipped. */
static void mark_clipped(const float *p, int width, dp_clip clip, unsigned char *bad) {
    const size_t w = (size_t)width;
    for (size_t x = 0; x < w; x++) {
        bad[x] = 0;
        for (size_t i = 0; i < TAPS; i++) bad[x] |= (unsigned char)dp_clipped(clip, p[x + i * w]);
    }
}

typedef struct strip { /* one row of the plane, filtered downwards */
    double *line;
    unsigned char *bad;
    dp_clip clip;
} strip;

/* Adds the squares of row y of the filtered plane (rows h-4, columns w-4) to its blocks. */
static void add_row(const float *plane, int width, int y, int columns, const strip *s, block *blocks) {
    const float *p = plane + (size_t)y * (size_t)width;
    const size_t w = (size_t)width;
    const int count = width - TAPS + 1;
    double *line = s->line;
    mark_clipped(p, width, s->clip, s->bad);
    for (size_t x = 0; x < w; x++) line[x] = fourth(p[x], p[x + w], p[x + 2 * w], p[x + 3 * w], p[x + 4 * w]);
    for (int x = 0; x < count; x++) {
        const unsigned char *bad = s->bad + x;
        const double v = fourth(line[x], line[x + 1], line[x + 2], line[x + 3], line[x + 4]);
        block *b = &blocks[(int)((long long)x * columns / count)];
        if (bad[0] | bad[1] | bad[2] | bad[3] | bad[4]) continue;
        b->energy += v * v;
        b->count++;
    }
}

static int ascending(const void *a, const void *b) {
    const double x = ((const block *)a)->energy, y = ((const block *)b)->energy;
    return (x > y) - (x < y);
}

/* Energies to mean squares, ascending, without the blocks that tell nothing; returns how many are left. */
static int sort_blocks(block *blocks, int count, double area) {
    int n = 0;
    for (int i = 0; i < count; i++) {
        if (!(blocks[i].energy > 0) || blocks[i].count < area / 4) continue;
        blocks[n] = blocks[i];
        blocks[n++].energy /= blocks[i].count;
    }
    qsort(blocks, (size_t)n, sizeof *blocks, ascending);
    return n;
}

dipper_status dp_noise_by_highpass(const float *plane, int height, int width, dp_diag *diag, double *sigma) {
    *sigma = 0;
    if (height < TAPS || width < TAPS) return DIPPER_OK;
    const int h = height - TAPS + 1, w = width - TAPS + 1; /* of the filtered plane */
    const int rows = h < 2 * BLOCK ? 1 : h / BLOCK, columns = w < 2 * BLOCK ? 1 : w / BLOCK, count = rows * columns;
    block *blocks = dp_alloc((size_t)count, sizeof *blocks);
    const strip s = {dp_alloc((size_t)width, sizeof(double)), dp_alloc((size_t)width, 1),
                     dp_clip_find(plane, (size_t)height * (size_t)width)};
    const bool done = blocks != NULL && s.line != NULL && s.bad != NULL;
    if (done) {
        for (int y = 0; y < h; y++)
            add_row(plane, width, y, columns, &s, blocks + (size_t)((long long)y * rows / h) * (size_t)columns);
        const int n = sort_blocks(blocks, count, (double)h * w / count);
        if (n > 0) *sigma = sqrt(blocks[(n - 1) / 4].energy / FILTER_ENERGY) / (n >= 4 ? quartile_bias : 1);
    }
    dp_free(blocks);
    dp_free(s.line);
    dp_free(s.bad);
    return done ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to estimate the noise");
}
