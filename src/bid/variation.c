#include "bid/variation.h"

#include <math.h>

#include "image/psf.h"

/* What is far from the bodies, crumbs and haze, explains noise. */
static void clear(const float *psf, int side, double fraction, int *scratch, float *out) {
    static const double ISLAND = 0.05;
    dp_psf_keep_bodies(psf, side, side, fraction, ISLAND, scratch, out);
}

/* Estimates exaggerate what is bright, or the opposite. */
static void stretch(const float *psf, int side, double exponent, int *scratch, float *out) {
    (void)scratch;
    for (int i = 0; i < side * side; i++) out[i] = psf[i] > 0 ? powf(psf[i], (float)exponent) : 0;
}

/* Estimates are too soft: what a Gaussian of 0.7 px takes away is added, amount times. */
static void sharpen(const float *psf, int side, double amount, int *scratch, float *out) {
    enum { REACH = 2 };
    static const float weight[REACH + 1] = {0.5699F, 0.2054F, 0.0096F}; /* exp(-x^2/0.98), both sides together 1 */
    (void)scratch;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            float smooth = 0;
            for (int i = -REACH; i <= REACH; i++)
                for (int j = -REACH; j <= REACH; j++)
                    if (y + i >= 0 && y + i < side && x + j >= 0 && x + j < side)
                        smooth += weight[i < 0 ? -i : i] * weight[j < 0 ? -j : j] * psf[(y + i) * side + x + j];
            const float here = psf[y * side + x];
            out[y * side + x] = fmaxf(here + (float)amount * (here - smooth), 0);
        }
}

static const struct {
    void (*run)(const float *psf, int side, double amount, int *scratch, float *out);
    double amount;
} variations[DP_VARIATIONS] = {{clear, 0.1}, {clear, 0.05}, {stretch, 0.93}, {stretch, 1.08}, {sharpen, 0.3}};

bool dp_psf_vary(int which, const float *psf, int side, int *scratch, float *out) {
    static const double LEAST = 0.005; /* of the mass that moves */
    double moved = 0;
    variations[which].run(psf, side, variations[which].amount, scratch, out);
    if (!dp_psf_normalise(out, side, side)) return false;
    for (int i = 0; i < side * side; i++) moved += fabs((double)out[i] - psf[i]);
    return moved > LEAST;
}
