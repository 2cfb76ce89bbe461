#include "simulate/noise.h"

#include <math.h>

static const double mean_limit = 1e10; /* above it, logarithms of factorials in double lose the last photon */

/* ---- Poisson ---- */

/* Two numbers uniform in (0, 1] with 53 bits; `draw` counts the pairs of this variate. */
static void uniform_pair(dp_philox_key key, uint64_t index, uint32_t draw, double out[2]) {
    const uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), draw, 0};
    uint32_t bits[4];
    dp_philox(counter, key, bits);
    for (int i = 0; i < 2; i++) {
        const uint64_t whole = (uint64_t)bits[2 * i] << 21 | bits[2 * i + 1] >> 11;
        out[i] = (double)(whole + 1) * 0x1p-53;
    }
}

/* log k!: a product below 10, Stirling's series above (its next term is below 1e-12 there). */
static double log_factorial(double k) {
    if (k < 10) {
        double product = 1;
        for (int i = 2; i <= (int)k; i++) product *= i;
        return log(product);
    }
    const double x = k + 1, r = 1 / (x * x);
    return (x - 0.5) * log(x) - x + 0.91893853320467274178 +
           (1.0 / 12 - r * (1.0 / 360 - r * (1.0 / 1260 - r / 1680))) / x;
}

/* Small means: the cumulative probabilities are gone through until they reach u. */
static double poisson_inversion(dp_philox_key key, uint64_t index, double mean) {
    double u[2], probability = exp(-mean), sum = probability, k = 0;
    uniform_pair(key, index, 0, u);
    while (u[0] > sum && probability > 0) {
        probability *= mean / ++k;
        sum += probability;
    }
    return k;
}

/* Transformed rejection with squeeze, PTRS (Hoermann 1993, "The transformed rejection method for generating Poisson
 * random variables"), for means of 10 and more. */
static double poisson_rejection(dp_philox_key key, uint64_t index, double mean) {
    const double b = 0.931 + 2.53 * sqrt(mean), a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), squeeze = 0.9277 - 3.6224 / (b - 2);
    for (uint32_t draw = 0;; draw++) {
        double pair[2];
        uniform_pair(key, index, draw, pair);
        const double u = pair[0] - 0.5, v = pair[1], us = 0.5 - fabs(u);
        const double k = floor((2 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= squeeze) return k;
        if (!(k >= 0) || !(us > 0) || (us < 0.013 && v > us)) continue;
        if (log(v * inverse_alpha / (a / (us * us) + b)) <= k * log(mean) - mean - log_factorial(k)) return k;
    }
}

double dp_poisson(dp_philox_key key, uint64_t index, double mean) {
    if (!(mean > 0)) return 0;
    return mean < 10 ? poisson_inversion(key, index, mean) : poisson_rejection(key, index, mean);
}

static dipper_status check_means(const dp_image *image, double level, dp_diag *diag) {
    const size_t count = dp_image_plane_count(image) * (size_t)image->channels;
    float largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmaxf(largest, image->data[i]);
    if (largest * level <= mean_limit) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_INPUT,
                   "Poisson noise of %g photons at value 1 means %g at the brightest pixel; "
                   "the limit is %g",
                   level, largest * level, mean_limit);
}

/* ---- All kinds ---- */

/* Four neighbours of the element order at once, as the generator gives them; n of them exist. */
static void add_four(float *const at[4], int n, dipper_noise noise, double level, dp_philox_key key, uint64_t group) {
    float random[4];
    switch (noise) {
    case DIPPER_NOISE_GAUSSIAN:
        dp_philox_normal4(key, 0, group, random);
        for (int i = 0; i < n; i++) *at[i] += (float)level * random[i];
        break;
    case DIPPER_NOISE_UNIFORM:
        dp_philox_uniform4(key, 0, group, random);
        for (int i = 0; i < n; i++) *at[i] += (float)level * random[i];
        break;
    case DIPPER_NOISE_POISSON:
        for (int i = 0; i < n; i++) *at[i] = (float)(dp_poisson(key, 4 * group + (uint64_t)i, *at[i] * level) / level);
        break;
    case DIPPER_NOISE_NONE:
        break;
    }
}

dipper_status dp_noise_add(dp_image *image, dipper_noise noise, double level, uint64_t seed, int threads,
                           dp_diag *diag) {
    const size_t plane = dp_image_plane_count(image), channels = (size_t)image->channels, count = plane * channels;
    const dp_philox_key key = dp_philox_key_make(seed, DP_STREAM_NOISE);
    if (noise == DIPPER_NOISE_NONE || (level == 0 && noise != DIPPER_NOISE_POISSON)) return DIPPER_OK;
    if (noise == DIPPER_NOISE_POISSON) DP_TRY(check_means(image, level, diag));
#pragma omp parallel for num_threads(threads) schedule(static)
    for (ptrdiff_t group = 0; group < (ptrdiff_t)((count + 3) / 4); group++) {
        float *at[4] = {0};
        int n = 0;
        for (size_t i = 4 * (size_t)group; n < 4 && i < count; i++, n++)
            at[n] = image->data + i % channels * plane + i / channels;
        add_four(at, n, noise, level, key, (uint64_t)group);
    }
    return DIPPER_OK;
}
