/* Two passes over reference blocks. For each: find the blocks of a guide that look like it, transform the stack of
 * these blocks of the noisy picture (DCT in the block, Haar across), shrink the coefficients, transform back, and add
 * every block to the result where it came from, weighted by how little noise is left in it.
 *   pass 1  guide = noisy picture   coefficients below 2.7 sigma become 0    weight 1 / number of those kept
 *   pass 2  guide = result of 1     times g^2 / (g^2 + sigma^2), g: of guide  weight 1 / sum of squared factors
 * Settings are those of the paper's normal profile (table I), apart from the DCT in pass 1 and the limit of distance
 * there, which leaves room for the noise. The stack's mean is kept as it is, so that levels do not matter.
 *
 * Threads work on tiles of reference blocks, of four colours as on a chess board with 2x2 fields. Tiles of one colour
 * write to places that do not touch, and colours follow each other: the order of sums is fixed. */
#include "image/bm3d.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "base/memory.h"

enum {
    SIDE = 8,
    AREA = SIDE * SIDE,
    STEP = 3,   /* from one reference block to the next */
    REACH = 19, /* of the search: window of 39 x 39 */
    LANES = 40, /* distances taken at once: a row of the window, rounded up */
    MOST = 32,  /* blocks in a stack */
    TILE = 16,  /* reference blocks along a side: TILE * STEP > 2 * REACH + SIDE keeps one colour's tiles apart */
    SLACK = LANES + SIDE /* floats behind the guide that may be read */
};

static const float cut = 2.7F;                                               /* in sigma, pass 1 */
static const double like_noisy = 3000 / 65025.0, like_guide = 400 / 65025.0; /* mean squared differences */

/* DCT-II, orthonormal: dct[u][i] = c(u) cos((2i+1) u pi / 16), and its transpose. */
#define A 0.353553391F
#define B 0.490392640F
#define C 0.461939766F
#define D 0.415734806F
#define E 0.277785117F
#define F 0.191341716F
#define G 0.097545161F
static const float dct[SIDE][SIDE] = {{A, A, A, A, A, A, A, A},     {B, D, E, G, -G, -E, -D, -B},
                                      {C, F, -F, -C, -C, -F, F, C}, {D, -G, -B, -E, E, B, G, -D},
                                      {A, -A, -A, A, A, -A, -A, A}, {E, -B, G, D, -D, -G, B, -E},
                                      {F, -C, C, -F, -F, C, -C, F}, {G, -E, D, -B, B, -D, E, -G}};
static const float tcd[SIDE][SIDE] = {{A, B, C, D, A, E, F, G},     {A, D, F, -G, -A, -B, -C, -E},
                                      {A, E, -F, -B, -A, G, C, D},  {A, G, -C, -E, A, D, -F, -B},
                                      {A, -G, -C, E, A, -D, -F, B}, {A, -E, -F, B, -A, -G, C, -D},
                                      {A, -D, F, G, -A, B, -C, E},  {A, -B, C, -D, A, -E, F, -G}};

/* Kaiser window, beta 2: I0(2 sqrt(1 - (2i/7 - 1)^2)) / I0(2) */
static const float kaiser[SIDE] = {0.438676280F, 0.681324263F, 0.876839905F, 0.985822506F,
                                   0.985822506F, 0.876839905F, 0.681324263F, 0.438676280F};

typedef struct pass {
    const float *noisy, *guide; /* (h, w); guide with SLACK */
    int h, w;
    bool second;
    float sigma;
    int most;            /* blocks in a stack */
    float far;           /* sum of squared differences from which on a block is not alike */
    float *sum, *weight; /* (h, w): of the estimates, and of their weights */
} pass;

typedef struct match {
    float distance;
    size_t at; /* of the block's first pixel */
} match;

/* ---- Block matching ---- */

/* sum[k] = squared distance of the block to the one that begins at row + k */
DP_CLONES static void distances(const float *block, const float *row, size_t width, float sum[LANES]) {
    memset(sum, 0, LANES * sizeof *sum);
    for (int i = 0; i < SIDE; i++, block += width, row += width)
        for (int k = 0; k < LANES; k++) {
            float s = sum[k];
            for (int j = 0; j < SIDE; j++) {
                const float d = row[k + j] - block[j];
                s += d * d;
            }
            sum[k] = s;
        }
}

/* Into a list in ascending order, whose last falls out once it is full. The first, the reference itself, stays. */
static int insert(match *found, int count, int most, match next) {
    int i = count < most ? count : most - 1;
    for (; i > 1 && found[i - 1].distance > next.distance; i--) found[i] = found[i - 1];
    found[i] = next;
    return count < most ? count + 1 : most;
}

/* How many blocks were found that look like the one at (y, x): a power of two. */
static int find_matches(const pass *p, int y, int x, match found[MOST]) {
    const size_t width = (size_t)p->w, here = (size_t)y * width + (size_t)x;
    const int left = x < REACH ? 0 : x - REACH, right = x + REACH > p->w - SIDE ? p->w - SIDE : x + REACH;
    const int top = y < REACH ? 0 : y - REACH, bottom = y + REACH > p->h - SIDE ? p->h - SIDE : y + REACH;
    int count = 1, stack = 1;
    float far = p->far, sum[LANES];
    found[0] = (match){0, here};
    for (int i = top; i <= bottom; i++) {
        const size_t row = (size_t)i * width + (size_t)left;
        distances(p->guide + here, p->guide + row, width, sum);
        for (int k = 0; k <= right - left; k++) {
            const size_t at = row + (size_t)k;
            if (!(sum[k] < far) || at == here) continue;
            count = insert(found, count, p->most, (match){sum[k], at});
            if (count == p->most) far = found[count - 1].distance;
        }
    }
    while (2 * stack <= count) stack *= 2;
    return stack;
}

/* ---- Transforms ---- */

/* out = a b */
static inline void multiply(const float a[restrict SIDE][SIDE], const float b[restrict SIDE][SIDE],
                            float out[restrict SIDE][SIDE]) {
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            float s = 0;
            for (int k = 0; k < SIDE; k++) s += a[i][k] * b[k][j];
            out[i][j] = s;
        }
}

/* block = left block right */
DP_CLONES static void transform(const float left[SIDE][SIDE], const float right[SIDE][SIDE], float block[SIDE][SIDE]) {
    float half[SIDE][SIDE];
    multiply(left, block, half);
    multiply(half, right, block);
}

/* Haar steps across the stack, in place: means stay at multiples of 2, 4, ... */
DP_CLONES static void haar(float (*t)[AREA], int n, bool back) {
    const float root = 0.707106781F;
    for (int level = 1; level < n; level *= 2) {
        const int step = back ? n / 2 / level : level;
        for (int i = 0; i < n; i += 2 * step)
            for (int k = 0; k < AREA; k++) {
                const float a = t[i][k], b = t[i + step][k];
                t[i][k] = root * (a + b);
                t[i + step][k] = root * (a - b);
            }
    }
}

static void to_coefficients(const float *plane, int width, const match *found, int n, float (*t)[AREA]) {
    for (int b = 0; b < n; b++) {
        float block[SIDE][SIDE];
        for (int i = 0; i < SIDE; i++)
            memcpy(block[i], plane + found[b].at + (size_t)i * (size_t)width, sizeof block[i]);
        transform(dct, tcd, block);
        memcpy(t[b], block, sizeof block);
    }
    haar(t, n, false);
}

/* ---- Shrinking: all but t[0][0], the mean of the stack; the weight is returned ---- */

DP_CLONES static float threshold(float (*t)[AREA], int n, float smallest) {
    const float mean = t[0][0];
    int kept = fabsf(mean) < smallest;
    for (int b = 0; b < n; b++)
        for (int k = 0; k < AREA; k++) {
            const bool keep = fabsf(t[b][k]) >= smallest;
            t[b][k] = keep ? t[b][k] : 0;
            kept += keep;
        }
    t[0][0] = mean;
    return 1 / (float)kept;
}

DP_CLONES static float attenuate(float (*t)[AREA], float (*guide)[AREA], int n, float variance) {
    const float mean = t[0][0], power = guide[0][0] * guide[0][0], factor = power / (power + variance);
    float squares[AREA] = {0}, sum = 1 - factor * factor; /* as if the mean's factor were 1 */
    for (int b = 0; b < n; b++)
        for (int k = 0; k < AREA; k++) {
            const float square = guide[b][k] * guide[b][k], keep = square / (square + variance);
            t[b][k] *= keep;
            squares[k] += keep * keep;
        }
    t[0][0] = mean;
    for (int k = 0; k < AREA; k++) sum += squares[k];
    return 1 / sum;
}

/* ---- One pass ---- */

DP_CLONES static void add_block(const pass *p, size_t at, float block[SIDE][SIDE], float weight) {
    for (int i = 0; i < SIDE; i++) {
        float *sum = p->sum + at + (size_t)i * (size_t)p->w, *weights = p->weight + at + (size_t)i * (size_t)p->w;
        for (int j = 0; j < SIDE; j++) {
            const float share = weight * kaiser[i] * kaiser[j];
            sum[j] += share * block[i][j];
            weights[j] += share;
        }
    }
}

static void filter(const pass *p, int y, int x) {
    match found[MOST];
    float t[MOST][AREA], guide[MOST][AREA], weight;
    const int n = find_matches(p, y, x, found);
    to_coefficients(p->noisy, p->w, found, n, t);
    if (p->second) {
        to_coefficients(p->guide, p->w, found, n, guide);
        weight = attenuate(t, guide, n, fmaxf(p->sigma * p->sigma, FLT_MIN));
    } else {
        weight = threshold(t, n, cut * p->sigma);
    }
    haar(t, n, true);
    for (int b = 0; b < n; b++) {
        float block[SIDE][SIDE];
        memcpy(block, t[b], sizeof block);
        transform(tcd, dct, block);
        add_block(p, found[b].at, block, weight);
    }
}

/* Reference blocks along n pixels: every STEP, and the last. */
static int references(int n) {
    return (n - SIDE + STEP - 1) / STEP + 1;
}
static int position(int reference, int n) {
    return STEP * reference < n - SIDE ? STEP * reference : n - SIDE;
}

static void run_tile(const pass *p, int row, int column) {
    const int rows = references(p->h), columns = references(p->w);
    for (int i = row * TILE; i < rows && i < (row + 1) * TILE; i++)
        for (int j = column * TILE; j < columns && j < (column + 1) * TILE; j++)
            filter(p, position(i, p->h), position(j, p->w));
}

static void run_pass(const pass *p, int threads) {
    const int rows = (references(p->h) + TILE - 1) / TILE, columns = (references(p->w) + TILE - 1) / TILE;
    const size_t count = (size_t)p->h * (size_t)p->w;
    memset(p->sum, 0, count * sizeof *p->sum);
    memset(p->weight, 0, count * sizeof *p->weight);
    for (int colour = 0; colour < 4; colour++) {
        const int top = colour / 2, left = colour % 2, across = (columns - left + 1) / 2;
        const int tiles = (rows - top + 1) / 2 * across;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
        for (int i = 0; i < tiles; i++) run_tile(p, top + 2 * (i / across), left + 2 * (i % across));
    }
    for (size_t i = 0; i < count; i++) p->sum[i] /= p->weight[i];
}

dipper_status dp_bm3d(const float *picture, int h, int w, double sigma, int threads, dp_diag *diag, float *out) {
    const size_t count = (size_t)h * (size_t)w;
    if (!(sigma > 0) || h < SIDE || w < SIDE) {
        memcpy(out, picture, count * sizeof *out);
        return DIPPER_OK;
    }
    float *guide = dp_alloc(count + SLACK, sizeof *guide), *weight = dp_alloc(count, sizeof *weight);
    if (guide == NULL || weight == NULL) {
        dp_free(guide);
        dp_free(weight);
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to denoise %d x %d pixels", w, h);
    }
    memcpy(guide, picture, count * sizeof *guide);
    const double noise = 2 * sigma * sigma; /* of the difference of two pixels */
    pass p = {picture, guide, h, w, false, (float)sigma, 16, (float)(AREA * (like_noisy + noise)), out, weight};
    run_pass(&p, threads);
    memcpy(guide, out, count * sizeof *guide);
    p.second = true;
    p.most = MOST;
    p.far = (float)(AREA * like_guide);
    run_pass(&p, threads);
    dp_free(guide);
    dp_free(weight);
    return DIPPER_OK;
}
