#include "bid/watch.h"

#include <math.h>

static const double LEAST_CONTRAST = 0.01; /* of the given picture's; black results have none at all */
static const double ONE_PIXEL = 0.98;      /* share of the largest value in a PSF that is one pixel */
static const double SHARP = 0.5;           /* ... in one that may well become so */
static const double SHAPE = 3, FLAT = 1.1; /* largest value over the mean */

const char *dp_trouble_text(dp_trouble trouble) {
    static const char *const texts[] = {
        [DP_TROUBLE_NONE] = "",
        [DP_TROUBLE_NAN] = "the loss became NaN or infinite",
        [DP_TROUBLE_CONSTANT] = "the picture became constant",
        [DP_TROUBLE_DELTA] = "the PSF collapsed to one pixel",
        [DP_TROUBLE_FLAT] = "the PSF spread flat over its window",
    };
    return texts[trouble];
}

static double deviation(const float *x, size_t n) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i];
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    return sqrt(squares / (double)n);
}

static float largest(const float *x, size_t n) {
    float most = 0;
    for (size_t i = 0; i < n; i++) most = fmaxf(most, x[i]);
    return most;
}

void dp_watch_begin(dp_watch *w, const float *given, size_t count, const float *psf, size_t psf_count) {
    *w = (dp_watch){.contrast = deviation(given, count), .began_sharp = (double)largest(psf, psf_count) > SHARP};
}

static dp_trouble look_at_psf(dp_watch *w, const float *psf, size_t n) {
    const double most = (double)largest(psf, n);
    if (most * (double)n >= SHAPE) w->had_shape = true;
    if (most >= ONE_PIXEL && !w->began_sharp) return DP_TROUBLE_DELTA;
    return most * (double)n < FLAT && w->had_shape ? DP_TROUBLE_FLAT : DP_TROUBLE_NONE;
}

dp_trouble dp_watch_look(dp_watch *w, const float *latent, size_t count, const float *psf, size_t psf_count) {
    if (!(deviation(latent, count) > LEAST_CONTRAST * w->contrast)) return DP_TROUBLE_CONSTANT;
    return psf_count > 1 ? look_at_psf(w, psf, psf_count) : DP_TROUBLE_NONE;
}
