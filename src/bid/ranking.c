#include "bid/ranking.h"

#include <math.h>

#include "deconv/nonblind.h"
#include "image/blur.h"
#include "metric/quality.h"

static const double RMS_WEIGHT = 0.06, WHITENESS_WEIGHT = 2; /* docs/auto.md */

/* Mean of each 2x2 px, twice: noise and grid of pixels weigh less. (h-2, w-2) */
static dipper_status smooth(const dp_image *in, dp_diag *diag, dp_image *out) {
    static const float binomial[9] = {1 / 16.F, 2 / 16.F, 1 / 16.F, 2 / 16.F, 4 / 16.F,
                                      2 / 16.F, 1 / 16.F, 2 / 16.F, 1 / 16.F};
    DP_TRY(dp_image_create(in->width - 2, in->height - 2, 1, diag, out));
    dp_plane_blur(in->data, in->height, in->width, binomial, 3, 3, 1, out->data);
    return DIPPER_OK;
}

static dipper_status measure_gradients(const dp_image *restored, dp_diag *diag, dp_ranking *r) {
    dp_image smoothed = {0}, middle = {0};
    double variation;
    const int shorter = restored->width < restored->height ? restored->width : restored->height;
    const int away = shorter / 8 < 20 ? shorter / 8 : 20; /* the border tells less */
    dipper_status status =
        dp_image_crop(restored, away, away, restored->width - 2 * away, restored->height - 2 * away, diag, &middle);
    for (size_t i = 0; status == DIPPER_OK && i < dp_image_plane_count(&middle); i++)
        middle.data[i] = fminf(fmaxf(middle.data[i], -0.2F), 1.2F);
    if (status == DIPPER_OK) status = smooth(&middle, diag, &smoothed);
    if (status == DIPPER_OK) dp_gradient_measures(&smoothed, &r->l1_l2, &variation);
    dp_image_free(&middle);
    dp_image_free(&smoothed);
    return status;
}

dipper_status dp_rank(const dp_image *luma, const dp_image *restored, const float *psf, int kh, int kw, int threads,
                      dp_diag *diag, dp_ranking *out) {
    enum { LAGS = 19 * 19 - 1 }; /* of dp_whiteness */
    dp_image residual = {0};
    DP_TRY(measure_gradients(restored, diag, out));
    DP_TRY(dp_residual(restored, luma, psf, kh, kw, threads, diag, &residual));
    const double share = dp_whiteness(&residual, threads);
    out->log_rms = log(fmax(dp_rms(&residual), 1e-6));
    out->whiteness = sqrt(share / fmax(1 - share, 1e-9) / LAGS);
    dp_image_free(&residual);
    return DIPPER_OK;
}

double dp_ranking_score(const dp_ranking *r) {
    return r->l1_l2 + RMS_WEIGHT * r->log_rms + WHITENESS_WEIGHT * r->whiteness;
}

dipper_status dp_restore_quickly(dp_backend *be, const dp_image *luma, const float *psf, int kh, int kw,
                                 double noise_sigma, dp_diag *diag, dp_image *out) {
    const dp_method *method = dp_method_find("hyperlaplacian");
    dp_nonblind job = {.method = method, .be = be, .psf = psf, .kh = kh, .kw = kw, .noise_sigma = noise_sigma};
    if (method->run == NULL) return dp_fail(diag, DIPPER_ERROR_DEVICE, "restoring needs FFTW, which this build lacks");
    job.channels = 1;
    job.weight = method->weight(noise_sigma);
    job.exponent = method->exponent;
    job.edges = method->default_edges;
    DP_TRY(dp_image_copy(luma, diag, out));
    return method->run(&job, out, diag);
}
