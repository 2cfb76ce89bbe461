#include <math.h>

#include "metric/metric.h"

/* Sum over both windows of a(y + dy, x + dx) * b(y, x). */
static double product(const float *a, int ah, int aw, const float *b, int bh, int bw, int dy, int dx) {
    double sum = 0;
    for (int y = dy < 0 ? -dy : 0; y < bh && y + dy < ah; y++)
        for (int x = dx < 0 ? -dx : 0; x < bw && x + dx < aw; x++)
            sum += (double)a[(y + dy) * aw + x + dx] * b[y * bw + x];
    return sum;
}

dp_psf_match dp_psf_compare(const float *a, int ah, int aw, const float *b, int bh, int bw) {
    const double energy = product(a, ah, aw, a, ah, aw, 0, 0) * product(b, bh, bw, b, bh, bw, 0, 0);
    dp_psf_match best = {0};
    if (!(energy > 0)) return best;
    for (int dy = 1 - bh; dy < ah; dy++)
        for (int dx = 1 - bw; dx < aw; dx++) {
            const double correlation = product(a, ah, aw, b, bh, bw, dy, dx) / sqrt(energy);
            if (correlation > best.correlation) best = (dp_psf_match){correlation, dy, dx};
        }
    return best;
}
