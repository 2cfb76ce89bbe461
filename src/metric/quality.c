#include "metric/quality.h"

#include <math.h>

#include "image/blur.h"
#include "image/clip.h"

/* ---- The picture ---- */

void dp_gradient_measures(const dp_image *image, double *l1_l2, double *total_variation) {
    const int h = image->height, w = image->width;
    double l1 = 0, l2 = 0;
    for (int y = 0; y < h; y++) {
        const float *row = dp_image_row(image, 0, y), *below = y + 1 < h ? row + w : row;
        for (int x = 0; x < w; x++) {
            const double right = x + 1 < w ? (double)row[x + 1] - row[x] : 0, down = (double)below[x] - row[x];
            l1 += fabs(right) + fabs(down);
            l2 += right * right + down * down;
        }
    }
    const double count = (double)(h - 1) * w + (double)h * (w - 1);
    *l1_l2 = l2 > 0 ? l1 / sqrt(l2 * count) : NAN;
    *total_variation = l1 / ((double)h * w);
}

/* ---- The residual ---- */

dipper_status dp_residual(const dp_image *image, const dp_image *blurred, const float *psf, int kh, int kw, int threads,
                          dp_diag *diag, dp_image *out) {
    const int h = image->height - kh + 1, w = image->width - kw + 1;
    if (h < 1 || w < 1)
        return dp_fail(diag, DIPPER_ERROR_INPUT, "the picture of %d x %d px is smaller than the PSF of %d x %d",
                       image->width, image->height, kw, kh);
    DP_TRY(dp_image_create(w, h, 1, diag, out));
    dp_plane_blur(image->data, image->height, image->width, psf, kh, kw, threads, out->data);
    for (int y = 0; y < h; y++) {
        const float *seen = dp_image_row(blurred, 0, y + kh / 2) + kw / 2;
        float *row = dp_image_row(out, 0, y);
        for (int x = 0; x < w; x++) row[x] = seen[x] - row[x];
    }
    return DIPPER_OK;
}

dipper_status dp_residual_bounded(const dp_image *image, const dp_image *blurred, const float *psf, int kh, int kw,
                                  int threads, dp_diag *diag, dp_image *out) {
    const dp_clip clip = dp_clip_find(blurred->data, dp_image_plane_count(blurred));
    DP_TRY(dp_residual(image, blurred, psf, kh, kw, threads, diag, out));
    for (int y = 0; y < out->height; y++) {
        const float *seen = dp_image_row(blurred, 0, y + kh / 2) + kw / 2;
        float *row = dp_image_row(out, 0, y);
        for (int x = 0; x < out->width; x++)
            if ((seen[x] >= clip.high && row[x] < 0) || (seen[x] <= clip.low && row[x] > 0)) row[x] = 0;
    }
    return DIPPER_OK;
}

double dp_rms(const dp_image *image) {
    const size_t n = dp_image_plane_count(image);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)image->data[i] * image->data[i];
    return sqrt(sum / (double)n);
}

enum { LAGS = 9 };

static double mean_of(const dp_image *image) {
    const size_t n = dp_image_plane_count(image);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += image->data[i];
    return sum / (double)n;
}

/* Sum of (r(y, x) - mean) (r(y + dy, x + dx) - mean); dy >= 0. */
static double autocorrelation(const dp_image *r, double mean, int dy, int dx) {
    const int first = dx < 0 ? -dx : 0, end = dx < 0 ? r->width : r->width - dx;
    double sum = 0;
    for (int y = 0; y + dy < r->height; y++) {
        const float *a = dp_image_row(r, 0, y), *b = dp_image_row(r, 0, y + dy) + dx;
#pragma omp simd reduction(+ : sum)
        for (int x = first; x < end; x++) sum += (a[x] - mean) * (b[x] - mean);
    }
    return sum;
}

double dp_whiteness(const dp_image *residual, int threads) {
    enum { SIDE = 2 * LAGS + 1, COUNT = LAGS * SIDE + LAGS + 1 }; /* half of the lags: the other half is the same */
    double value[COUNT], mean = mean_of(residual), off = 0;
#pragma omp parallel for num_threads(threads) schedule(static) if (dp_image_plane_count(residual) > 100000)
    for (int k = 0; k < COUNT; k++) { /* k = 0: no lag; then row 0 to the right; then the rows below */
        const int dy = k <= LAGS ? 0 : (k - LAGS - 1) / SIDE + 1, dx = k <= LAGS ? k : (k - LAGS - 1) % SIDE - LAGS;
        value[k] = autocorrelation(residual, mean, dy, dx);
    }
    for (int k = 1; k < COUNT; k++) off += 2 * value[k] * value[k];
    return off > 0 ? off / (off + value[0] * value[0]) : 0;
}

/* ---- The PSF ---- */

static double sum_of(const float *psf, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += psf[i];
    return sum;
}

double dp_psf_entropy(const float *psf, int kh, int kw) {
    const double sum = sum_of(psf, kh * kw);
    double bits = 0;
    for (int i = 0; i < kh * kw; i++)
        if (psf[i] > 0) bits -= psf[i] / sum * log2(psf[i] / sum);
    return bits;
}

double dp_psf_border_mass(const float *psf, int kh, int kw) {
    double ring = 0;
    for (int y = 0; y < kh; y++)
        for (int x = 0; x < kw; x++)
            if (y == 0 || x == 0 || y == kh - 1 || x == kw - 1) ring += psf[y * kw + x];
    return ring / sum_of(psf, kh * kw);
}
