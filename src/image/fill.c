#include "image/fill.h"

#include <stddef.h>

#include "base/memory.h"

/* Along one line of n pixels, from both ends: adds value/distance of the last known pixel, and 1/distance. */
static void sweep(const float *plane, const unsigned char *mask, int n, ptrdiff_t step, float *sum, float *weight) {
    for (int direction = 0; direction < 2; direction++) {
        int last = -1;
        for (int k = 0; k < n; k++) {
            const ptrdiff_t at = step * (direction == 0 ? k : n - 1 - k);
            if (mask[at]) {
                last = k;
            } else if (last >= 0) {
                const float w = 1 / (float)(k - last);
                sum[at] += w * plane[step * (direction == 0 ? last : n - 1 - last)];
                weight[at] += w;
            }
        }
    }
}

dipper_status dp_plane_fill(float *plane, const unsigned char *mask, int h, int w, dp_diag *diag) {
    const size_t n = (size_t)h * (size_t)w;
    float *sum = dp_alloc(2 * n, sizeof *sum), *weight = sum != NULL ? sum + n : NULL;
    if (sum == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to fill %d x %d pixels", w, h);
    double mean = 0;
    size_t known = 0;
    for (int y = 0; y < h; y++)
        sweep(plane + (size_t)y * (size_t)w, mask + (size_t)y * (size_t)w, w, 1, sum + (size_t)y * (size_t)w,
              weight + (size_t)y * (size_t)w);
    for (int x = 0; x < w; x++) sweep(plane + x, mask + x, h, w, sum + x, weight + x);
    for (size_t i = 0; i < n; i++) {
        mean += mask[i] ? (double)plane[i] : 0;
        known += mask[i] != 0;
    }
    mean = known > 0 ? mean / (double)known : 0;
    for (size_t i = 0; i < n; i++)
        if (!mask[i]) plane[i] = weight[i] > 0 ? sum[i] / weight[i] : (float)mean;
    dp_free(sum);
    return DIPPER_OK;
}
