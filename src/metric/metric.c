#include "metric/metric.h"

#include <math.h>

#include "base/memory.h"

double dp_mse(const dp_image *x, const dp_image *reference) {
    const size_t n = dp_image_plane_count(x) * (size_t)x->channels;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)x->data[i] - reference->data[i];
        sum += d * d;
    }
    return sum / (double)n;
}

double dp_psnr(const dp_image *x, const dp_image *reference, double peak) {
    return 10 * log10(peak * peak / dp_mse(x, reference));
}

double dp_isnr(const dp_image *x, const dp_image *blurred, const dp_image *reference) {
    return dp_psnr(x, reference, 1) - dp_psnr(blurred, reference, 1);
}

enum { WINDOW = 11, MAPS = 5 };

static void gaussian_window(double g[WINDOW]) {
    double sum = 0;
    for (int i = 0; i < WINDOW; i++) {
        const double u = (i - WINDOW / 2) / 1.5;
        sum += g[i] = exp(-0.5 * u * u);
    }
    for (int i = 0; i < WINDOW; i++) g[i] /= sum;
}

/* Vertical weighted sums of x, r, x*x, r*r, x*r over rows y..y+10: line[MAPS][width]. */
static void window_lines(const dp_image *x, const dp_image *r, int c, int y, const double g[WINDOW], double *line) {
    const int w = x->width;
    for (int i = 0; i < MAPS * w; i++) line[i] = 0;
    for (int k = 0; k < WINDOW; k++) {
        const float *a = dp_image_row(x, c, y + k), *b = dp_image_row(r, c, y + k);
        for (int i = 0; i < w; i++) {
            const double u = a[i], v = b[i];
            line[i] += g[k] * u;
            line[w + i] += g[k] * v;
            line[2 * w + i] += g[k] * u * u;
            line[3 * w + i] += g[k] * v * v;
            line[4 * w + i] += g[k] * u * v;
        }
    }
}

static double ssim_at(const double *line, int w, const double g[WINDOW]) { /* Wang et al. 2004, eq. 13 */
    const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    double m[MAPS] = {0};
    for (int k = 0; k < WINDOW; k++)
        for (int j = 0; j < MAPS; j++) m[j] += g[k] * line[j * w + k];
    const double vx = m[2] - m[0] * m[0], vr = m[3] - m[1] * m[1], cov = m[4] - m[0] * m[1];
    return (2 * m[0] * m[1] + c1) * (2 * cov + c2) / ((m[0] * m[0] + m[1] * m[1] + c1) * (vx + vr + c2));
}

dipper_status dp_ssim(const dp_image *x, const dp_image *reference, dp_diag *diag, double *ssim) {
    const int w = x->width, rows = x->height - WINDOW + 1, columns = w - WINDOW + 1;
    double g[WINDOW], sum = 0;
    *ssim = 0;
    if (rows < 1 || columns < 1)
        return dp_fail(diag, DIPPER_ERROR_INPUT, "SSIM needs at least %d x %d px, not %d x %d", WINDOW, WINDOW, w,
                       x->height);
    double *line = dp_alloc((size_t)w * MAPS, sizeof(double));
    if (line == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for SSIM");
    gaussian_window(g);
    for (int c = 0; c < x->channels; c++)
        for (int y = 0; y < rows; y++) {
            window_lines(x, reference, c, y, g, line);
            for (int i = 0; i < columns; i++) sum += ssim_at(line + i, w, g);
        }
    dp_free(line);
    *ssim = sum / ((double)rows * columns * x->channels);
    return DIPPER_OK;
}

/* Sum over both windows of a(y + dy, x + dx) * b(y, x). */
static double psf_product(const float *a, int ah, int aw, const float *b, int bh, int bw, int dy, int dx) {
    double sum = 0;
    for (int y = dy < 0 ? -dy : 0; y < bh && y + dy < ah; y++)
        for (int x = dx < 0 ? -dx : 0; x < bw && x + dx < aw; x++)
            sum += (double)a[(y + dy) * aw + x + dx] * b[y * bw + x];
    return sum;
}

double dp_psf_similarity(const float *a, int ah, int aw, const float *b, int bh, int bw) {
    const double energy = psf_product(a, ah, aw, a, ah, aw, 0, 0) * psf_product(b, bh, bw, b, bh, bw, 0, 0);
    double best = 0;
    if (!(energy > 0)) return 0;
    for (int dy = 1 - bh; dy < ah; dy++)
        for (int dx = 1 - bw; dx < aw; dx++) best = fmax(best, psf_product(a, ah, aw, b, bh, bw, dy, dx));
    return best / sqrt(energy);
}
