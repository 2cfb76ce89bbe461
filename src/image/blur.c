#include "image/blur.h"

#include <string.h>

enum { COLUMNS = 2048 }; /* at a time, so that a piece of the row stays in the first cache */

static void add_shifted(const float *src, float weight, int n, float *dst) {
#pragma omp simd
    for (int x = 0; x < n; x++) dst[x] += weight * src[x];
}

/* n pixels of one row; src: the top left pixel that the first of them needs, in rows of w. */
static void blur_piece(const float *src, int w, const float *psf, int kh, int kw, int n, float *dst) {
    memset(dst, 0, (size_t)n * sizeof *dst);
    for (int i = 0; i < kh; i++) {
        const float *row = src + (size_t)(kh - 1 - i) * (size_t)w;
        for (int j = 0; j < kw; j++)
            if (psf[i * kw + j] != 0) add_shifted(row + kw - 1 - j, psf[i * kw + j], n, dst);
    }
}

void dp_plane_blur(const float *src, int h, int w, const float *psf, int kh, int kw, int threads, float *dst) {
    const int height = h - kh + 1, width = w - kw + 1;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x += COLUMNS)
            blur_piece(src + (size_t)y * (size_t)w + x, w, psf, kh, kw, width - x < COLUMNS ? width - x : COLUMNS,
                       dst + (size_t)y * (size_t)width + x);
}
