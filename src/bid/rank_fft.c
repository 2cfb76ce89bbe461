#include "bid/rank_fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fourier/fourier.h"
#include "image/blur.h"
#include "metric/lags.h"
#include "metric/quality.h"

static const double RMS_WEIGHT = 0.025, WHITENESS_WEIGHT = 1.25, RINGING_WEIGHT = 0.48; /* docs/auto.md */

/* Mean of each 2x2 px, twice: noise and grid of pixels weigh less. (h-2, w-2) */
static dipper_status smooth(const dp_image *in, dp_diag *diag, dp_image *out) {
    static const float binomial[9] = {1 / 16.F, 2 / 16.F, 1 / 16.F, 2 / 16.F, 4 / 16.F,
                                      2 / 16.F, 1 / 16.F, 2 / 16.F, 1 / 16.F};
    DP_TRY(dp_image_create(in->width - 2, in->height - 2, 1, diag, out));
    dp_plane_blur(in->data, in->height, in->width, binomial, 3, 3, 1, out->data);
    return DIPPER_OK;
}

static dipper_status measure_gradients(const dp_image *restored, dp_diag *diag, dp_rank *out) {
    dp_image smoothed = {0}, middle = {0};
    double variation;
    const int shorter = restored->width < restored->height ? restored->width : restored->height;
    const int away = shorter / 8 < 20 ? shorter / 8 : 20; /* the border tells less */
    dipper_status status =
        dp_image_crop(restored, away, away, restored->width - 2 * away, restored->height - 2 * away, diag, &middle);
    for (size_t i = 0; status == DIPPER_OK && i < dp_image_plane_count(&middle); i++)
        middle.data[i] = fminf(fmaxf(middle.data[i], -0.2F), 1.2F);
    if (status == DIPPER_OK) status = smooth(&middle, diag, &smoothed);
    if (status == DIPPER_OK) dp_gradient_measures(&smoothed, &out->l1_l2, &variation);
    dp_image_free(&middle);
    dp_image_free(&smoothed);
    return status;
}

static dipper_status measure_residual(const dp_image *restored, const dp_image *blurred, const float *psf, int kh,
                                      int kw, int threads, dp_diag *diag, dp_rank *out) {
    enum { LAGS = 19 * 19 - 1 }; /* of dp_whiteness */
    dp_image residual = {0};
    DP_TRY(dp_residual_bounded(restored, blurred, psf, kh, kw, threads, diag, &residual));
    const double share = dp_whiteness(&residual, threads);
    out->log_rms = log(fmax(dp_rms(&residual), 1e-6));
    out->whiteness = sqrt(share / fmax(1 - share, 1e-9) / LAGS);
    dp_image_free(&residual);
    return DIPPER_OK;
}

/* ---- Ringing ---- */

/* sum += |spectrum of the differences of `grey` by one px down (dy) or right (dx)|^2 */
static void add_power(const dp_fft *f, const dp_image *grey, int dy, int dx, float *plane, float complex *spectrum,
                      float complex *sum) {
    memset(plane, 0, (size_t)f->rows * (size_t)f->columns * sizeof *plane);
    for (int y = 0; y + 1 < grey->height; y++) {
        const float *row = dp_image_row(grey, 0, y);
        float *out = plane + (size_t)y * (size_t)f->columns;
        for (int x = 0; x + 1 < grey->width; x++) out[x] = row[dy * grey->width + x + dx] - row[x];
    }
    dp_fft_forward(f, plane, spectrum);
    for (size_t i = 0; i < f->size; i++) sum[i] += spectrum[i] * conjf(spectrum[i]);
}

/* The same as dp_gradient_lags for sigma 0; plane: their sums, periodic. */
static void take_lags(const dp_fft *f, const dp_image *grey, const float *plane, dp_lags *lags) {
    const int reach = lags->reach;
    for (int dy = 0; dy <= reach; dy++)
        for (int dx = -reach; dx <= reach; dx++) {
            const double pixels = (double)(grey->height - 1 - dy) * (grey->width - 1 - abs(dx));
            const size_t at = (size_t)dy * (size_t)f->columns + (size_t)((dx + f->columns) % f->columns);
            lags->at[dy * (2 * reach + 1) + dx + reach] = plane[at] / pixels;
        }
}

/* A right restoration's gradients are like themselves at no distance; rings are a row of opposite edges. */
static dipper_status measure_ringing(const dp_image *restored, int threads, dp_diag *diag, dp_rank *out) {
    enum { REACH = 50 };
    const int h = restored->height, w = restored->width, third = (h < w ? h : w) / 3;
    const int reach = third < REACH ? third : REACH;
    dp_fft *f = NULL;
    dp_lags lags = {0};
    DP_TRY(dp_fft_create(dp_fft_good_size(h + reach), dp_fft_good_size(w + reach), threads, diag, &f));
    dipper_status status = dp_lags_create(reach, diag, &lags);
    float *plane = dp_alloc((size_t)f->rows * (size_t)f->columns, sizeof *plane);
    float complex *spectrum = dp_alloc(f->size, sizeof *spectrum), *sum = dp_alloc(f->size, sizeof *sum);
    if (status == DIPPER_OK && (plane == NULL || spectrum == NULL || sum == NULL))
        status = dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory to judge %d x %d pixels", w, h);
    if (status == DIPPER_OK) {
        add_power(f, restored, 0, 1, plane, spectrum, sum);
        add_power(f, restored, 1, 0, plane, spectrum, sum);
        dp_fft_backward(f, sum, plane);
        take_lags(f, restored, plane, &lags);
        out->ringing = -dp_lags_echo(&lags).lowest;
    }
    dp_free(plane);
    dp_free(spectrum);
    dp_free(sum);
    dp_lags_free(&lags);
    dp_fft_destroy(&f);
    return status;
}

dipper_status dp_rank_measure(const dp_image *restored, const dp_image *blurred, const float *psf, int kh, int kw,
                              int threads, dp_diag *diag, dp_rank *out) {
    DP_TRY(measure_gradients(restored, diag, out));
    DP_TRY(measure_residual(restored, blurred, psf, kh, kw, threads, diag, out));
    DP_TRY(measure_ringing(restored, threads, diag, out));
    out->score =
        out->l1_l2 + RMS_WEIGHT * out->log_rms + WHITENESS_WEIGHT * out->whiteness + RINGING_WEIGHT * out->ringing;
    if (!isfinite(out->score)) out->score = INFINITY;
    return DIPPER_OK;
}
