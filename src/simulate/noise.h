/* Noise of a simulated sensor (docs/simulate.md). */
#ifndef DP_SIMULATE_NOISE_H
#define DP_SIMULATE_NOISE_H

#include "base/philox.h"
#include "image/image.h"

/* Adds noise in place. Element i = (y*width + x)*channels + c has its own random numbers, so that the result does not
 * depend on the number of threads. level: standard deviation (gaussian, >= 0), photons at value 1 (poisson, > 0), or
 * the largest value (uniform, >= 0). Poisson: values below 0 count as 0; DIPPER_ERROR_INPUT if a mean is above 1e10. */
dipper_status dp_noise_add(dp_image *image, dipper_noise noise, double level, uint64_t seed, int threads,
                           dp_diag *diag);

/* A Poisson variate, exact up to the rounding of double: number `index` of the key. 0 <= mean <= 1e10. */
double dp_poisson(dp_philox_key key, uint64_t index, double mean);

#endif
