/* Random numbers and smooth noise. SPDX-License-Identifier: Apache-2.0 */
#include "study/scene.h"

#include <math.h>

static uint64_t mix(uint64_t z) { /* splitmix64 (Steele, Lea, Flood 2014) */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t rng_next(scene_rng *rng) {
    rng->state += 0x9e3779b97f4a7c15u;
    return mix(rng->state);
}

double rng_uniform(scene_rng *rng, double low, double high) {
    return low + (high - low) * ((double)(rng_next(rng) >> 11) * 0x1p-53);
}

double rng_normal(scene_rng *rng) { /* Box-Muller; the second number is thrown away */
    const double radius = sqrt(-2 * log(rng_uniform(rng, 0x1p-53, 1)));
    return radius * cos(6.283185307179586 * rng_uniform(rng, 0, 1));
}

/* Uniform in [-1, 1], a function of the lattice point. */
static double lattice(int64_t x, int64_t y, uint32_t seed) {
    const uint64_t h = mix((uint64_t)x * 0x9e3779b97f4a7c15u + mix((uint64_t)y + ((uint64_t)seed << 32)));
    return (double)(h >> 11) * 0x1p-52 - 1;
}

static double value_noise(double x, double y, uint32_t seed) {
    const double fx = floor(x), fy = floor(y);
    const int64_t ix = (int64_t)fx, iy = (int64_t)fy;
    const double tx = x - fx, ty = y - fy;
    const double u = tx * tx * (3 - 2 * tx), v = ty * ty * (3 - 2 * ty);
    const double top = lattice(ix, iy, seed) * (1 - u) + lattice(ix + 1, iy, seed) * u;
    const double bottom = lattice(ix, iy + 1, seed) * (1 - u) + lattice(ix + 1, iy + 1, seed) * u;
    return top * (1 - v) + bottom * v;
}

double fractal_noise(double x, double y, uint32_t seed, int octaves) {
    double sum = 0, gain = 0.6;
    for (int i = 0; i < octaves; i++) {
        sum += gain * value_noise(x, y, seed + (uint32_t)i);
        x *= 2.03; /* not 2: the lattices of two octaves shall not meet */
        y *= 2.03;
        gain *= 0.55;
    }
    return sum;
}
