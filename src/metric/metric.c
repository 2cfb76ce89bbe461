#include "metric/metric.h"

#include <math.h>

/* Parts of a sum: fixed, so that the result does not depend on how many threads share them. */
enum { PARTS = 64 };

static double squares(const float *x, const float *r, size_t n) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        const double d = (double)x[i] - r[i];
        sum += d * d;
    }
    return sum;
}

double dp_mse(const dp_image *x, const dp_image *reference, int threads) {
    const size_t n = dp_image_plane_count(x) * (size_t)x->channels, share = (n + PARTS - 1) / PARTS;
    double part[PARTS] = {0}, sum = 0;
#pragma omp parallel for num_threads(threads) if (n > 1000000)
    for (int k = 0; k < PARTS; k++) {
        const size_t begin = (size_t)k * share, end = begin + share < n ? begin + share : n;
        if (begin < end) part[k] = squares(x->data + begin, reference->data + begin, end - begin);
    }
    for (int k = 0; k < PARTS; k++) sum += part[k];
    return sum / (double)n;
}

double dp_psnr(double mse, double peak) {
    return 10 * log10(peak * peak / mse);
}
