#include "deconv/quadratic_fft.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static size_t taps(const dp_quadratic *q) {
    return (size_t)q->kh * (size_t)q->kw;
}

static size_t tile_size(const dp_quadratic *q) {
    return (size_t)q->fft->rows * (size_t)q->fft->columns;
}

dipper_status dp_quadratic_create(int kh, int kw, dp_diag *diag, dp_quadratic **out) {
    dp_quadratic *q = *out = dp_alloc(1, sizeof *q);
    if (q == NULL) goto fail;
    q->kh = kh;
    q->kw = kw;
    if (dp_fft_create(dp_fft_good_size(2 * kh - 1), dp_fft_good_size(2 * kw - 1), 1, diag, &q->fft) != DIPPER_OK)
        goto fail;
    float **const planes[] = {&q->diagonal, &q->gradient, &q->k, &q->ahead, &q->next, &q->slope};
    bool good = true;
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++)
        good = (*planes[i] = dp_alloc(taps(q), sizeof(float))) != NULL && good;
    q->lags = dp_alloc((2 * (size_t)kh - 1) * (2 * (size_t)kw - 1), sizeof(float));
    q->tile = dp_alloc(tile_size(q), sizeof(float));
    q->matrix = dp_alloc(q->fft->size, sizeof(float complex));
    q->work = dp_alloc(q->fft->size, sizeof(float complex));
    if (good && q->lags != NULL && q->tile != NULL && q->matrix != NULL && q->work != NULL) return DIPPER_OK;
fail:
    dp_quadratic_destroy(out);
    return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for a PSF of %d x %d px", kw, kh);
}

void dp_quadratic_destroy(dp_quadratic **quadratic) {
    if (quadratic == NULL || *quadratic == NULL) return;
    dp_quadratic *q = *quadratic;
    float *const planes[] = {q->diagonal, q->gradient, q->k, q->ahead, q->next, q->slope, q->lags, q->tile};
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++) dp_free(planes[i]);
    dp_free(q->matrix);
    dp_free(q->work);
    dp_fft_destroy(&q->fft);
    dp_free(q);
    *quadratic = NULL;
}

/* Spectrum of T, real as T is symmetric; returns a bound of the largest eigenvalue of T + D: T is a part of the
 * circulant matrix whose eigenvalues the spectrum holds. */
static float begin(dp_quadratic *q) {
    const int n0 = q->fft->rows, n1 = q->fft->columns, rows = 2 * q->kh - 1, columns = 2 * q->kw - 1;
    float most = 0, diagonal = 0;
    memset(q->tile, 0, tile_size(q) * sizeof *q->tile);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            const int y = (i - q->kh + 1 + n0) % n0, x = (j - q->kw + 1 + n1) % n1;
            q->tile[(size_t)y * (size_t)n1 + (size_t)x] = q->lags[i * columns + j];
        }
    dp_fft_forward(q->fft, q->tile, q->matrix);
    for (size_t i = 0; i < q->fft->size; i++) most = fmaxf(most, fabsf(crealf(q->matrix[i])));
    for (size_t i = 0; i < taps(q); i++) diagonal = fmaxf(diagonal, q->diagonal[i]);
    return most + diagonal;
}

/* slope = (T + D)(k - k0) - g; in differences to k0, so that floats lose little. */
static void find_slope(dp_quadratic *q, const float *k, const float *k0) {
    const int n1 = q->fft->columns;
    memset(q->tile, 0, tile_size(q) * sizeof *q->tile);
    for (int i = 0; i < q->kh; i++)
        for (int j = 0; j < q->kw; j++) q->tile[i * n1 + j] = k[i * q->kw + j] - k0[i * q->kw + j];
    dp_fft_forward(q->fft, q->tile, q->work);
    for (size_t i = 0; i < q->fft->size; i++) q->work[i] *= crealf(q->matrix[i]);
    dp_fft_backward(q->fft, q->work, q->tile);
    for (int i = 0; i < q->kh; i++)
        for (int j = 0; j < q->kw; j++) {
            const int s = i * q->kw + j;
            q->slope[s] = q->tile[i * n1 + j] + q->diagonal[s] * (k[s] - k0[s]) - q->gradient[s];
        }
}

/* k = positive part of ahead - rate slope; ahead = k + momentum. Returns the sum of |change of k|, and how far the
 * momentum pointed uphill. */
static double advance(dp_quadratic *q, float rate, float momentum, double *uphill, double *sum) {
    double moved = 0;
    *uphill = *sum = 0;
    for (size_t i = 0; i < taps(q); i++) {
        q->next[i] = fmaxf(q->ahead[i] - rate * q->slope[i], 0);
        const float change = q->next[i] - q->k[i];
        *uphill += (double)(q->ahead[i] - q->next[i]) * change;
        moved += fabsf(change);
        *sum += q->next[i];
    }
    const float m = *uphill > 0 ? 0 : momentum;
    for (size_t i = 0; i < taps(q); i++) {
        q->ahead[i] = q->next[i] + m * (q->next[i] - q->k[i]);
        q->k[i] = q->next[i];
    }
    return moved;
}

int dp_quadratic_run(dp_quadratic *q, int steps, double tolerance, float *psf) {
    const size_t bytes = taps(q) * sizeof *psf;
    const float rate = 1 / fmaxf(begin(q), 1e-30F);
    double t = 1;
    int n = 0;
    memcpy(q->k, psf, bytes);
    memcpy(q->ahead, psf, bytes);
    while (n < steps) {
        const double next = 0.5 * (1 + sqrt(1 + 4 * t * t));
        double uphill, sum;
        find_slope(q, q->ahead, psf);
        n++;
        const double moved = advance(q, rate, (float)((t - 1) / next), &uphill, &sum);
        if (moved <= tolerance * sum) break;
        t = uphill > 0 ? 1 : next;
    }
    memcpy(psf, q->k, bytes);
    return n;
}
