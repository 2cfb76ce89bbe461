#include "deconv/shrink.h"

#include <math.h>

/* The root of v + a v^(a-1) = t above `low`, where the left side grows. */
static double root(double t, double a, double low) {
    double high = t;
    for (int i = 0; i < 100; i++) {
        const double middle = 0.5 * (low + high);
        if (middle + a * pow(middle, a - 1) < t)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

/* For a < 1 the minimum jumps from 0 to `least` where both are as good (Zuo et al. 2013, eq. 9). */
void dp_shrink_init(dp_shrink *s, double a) {
    const double least = a < 1 ? pow(2 * (1 - a), 1 / (2 - a)) : 0;
    const double jump = a < 1 ? least + a * pow(least, a - 1) : a == 1 ? 1 : 0;
    s->exponent = (float)a;
    s->jump = (float)jump;
    s->reach = (float)(jump + 16);
    for (int i = 0; i <= DP_SHRINK_STEPS; i++)
        s->table[i] = (float)(i == 0 ? least : root(jump + 16.0 * i / DP_SHRINK_STEPS, a, least));
    s->table[DP_SHRINK_STEPS + 1] = s->table[DP_SHRINK_STEPS]; /* rounding may point one too far */
}

/* Newton's method; the curve is nearly straight here. */
float dp_shrink_beyond(const dp_shrink *s, float t) {
    const float a = s->exponent;
    float v = t * (s->table[DP_SHRINK_STEPS] / s->reach);
    for (int i = 0; i < 3; i++) {
        const float slope = a * powf(v, a - 1);
        v -= (v + slope - t) / (1 + (a - 1) * slope / v);
    }
    return v;
}
