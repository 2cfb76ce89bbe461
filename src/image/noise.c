/* JPEG takes fine noise away block by block and leaves its grid: the estimates of the pixels are then several times too
 * low, and with them the weights of priors. The coarse noise is still there. */
#include "image/noise.h"

#include <math.h>

#include "base/memory.h"
#include "image/clip.h"

enum { GRID = 8, GRID_SIDE = 64 };
static const double grid_seen = 1.2; /* pictures that were never JPEG stay below 1.13 (docs/noise.md) */

typedef struct phases { /* sums of |third difference| by the position of its middle in the grid */
    double sum[GRID];
    long count[GRID];
} phases;

static void add_differences(const float *p, size_t stride, int n, dp_clip clip, phases *out) {
    for (int i = 0; i + 3 < n; i++, p += stride) {
        const double a = p[0], b = p[stride], c = p[2 * stride], d = p[3 * stride];
        if (dp_clipped(clip, p[stride]) || dp_clipped(clip, p[2 * stride])) continue;
        out->sum[i % GRID] += fabs(d - 3 * c + 3 * b - a);
        out->count[i % GRID]++;
    }
}

/* The largest of the eight means, divided by the mean of those that do not touch it. */
static double strength(const phases *p) {
    double mean[GRID], rest = 0;
    int largest = 0;
    for (int i = 0; i < GRID; i++) {
        mean[i] = p->count[i] > 0 ? p->sum[i] / (double)p->count[i] : 0;
        if (mean[i] > mean[largest]) largest = i;
    }
    for (int i = 2; i < GRID - 1; i++) rest += mean[(largest + i) % GRID] / (GRID - 3);
    return rest > 0 ? mean[largest] / rest : 1;
}

double dp_noise_grid(const float *plane, int height, int width) {
    if (height < GRID_SIDE || width < GRID_SIDE) return 1;
    const dp_clip clip = dp_clip_find(plane, (size_t)height * (size_t)width);
    phases along = {{0}, {0}}, down = {{0}, {0}};
    for (int y = 0; y < height; y++) add_differences(plane + (size_t)y * (size_t)width, 1, width, clip, &along);
    for (int x = 0; x < width; x++) add_differences(plane + x, (size_t)width, height, clip, &down);
    return fmin(strength(&along), strength(&down));
}

void dp_noise_halve(const float *plane, int height, int width, float *half) {
    const dp_clip clip = dp_clip_find(plane, (size_t)height * (size_t)width);
    for (int y = 0; y < height / 2; y++)
        for (int x = 0; x < width / 2; x++) {
            const float *p = plane + (size_t)(2 * y) * (size_t)width + 2 * x;
            const float four[4] = {p[0], p[1], p[width], p[width + 1]};
            float mean = 0.25F * (four[0] + four[1] + four[2] + four[3]);
            for (int i = 0; i < 4; i++)
                if (dp_clipped(clip, four[i])) mean = four[i];
            half[(size_t)y * (size_t)(width / 2) + (size_t)x] = mean;
        }
}

dipper_status dp_noise_coarse(const float *plane, int height, int width, dp_noise_estimator estimator, dp_diag *diag,
                              double *sigma) {
    float *half = dp_alloc((size_t)(height / 2) * (size_t)(width / 2) + 1, sizeof *half);
    if (half == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to estimate the noise");
    dp_noise_halve(plane, height, width, half);
    const dipper_status status = estimator(half, height / 2, width / 2, diag, sigma);
    *sigma *= 2;
    dp_free(half);
    return status;
}

dipper_status dp_noise_estimate(const float *plane, int height, int width, dp_diag *diag, double *sigma) {
    double coarse;
    DP_TRY(dp_noise_by_highpass(plane, height, width, diag, sigma));
    if (dp_noise_grid(plane, height, width) < grid_seen) return DIPPER_OK;
    DP_TRY(dp_noise_coarse(plane, height, width, dp_noise_by_patches, diag, &coarse));
    *sigma = fmax(*sigma, coarse);
    return DIPPER_OK;
}
