#include "deconv/shrink.h"

#include <math.h>

#include "base/clones.h"

/* The root of v + a v^(a-1) = t above `low`, where the left side grows: 1 + a (a-1) v^(a-2) > 0 from the floor on for
 * every exponent. */
static double root(double t, double a, double low) {
    double high = t;
    for (int i = 0; i < 60; i++) {
        const double middle = 0.5 * (low + high);
        if (middle + a * pow(middle, a - 1) < t)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

void dp_shrink_init(dp_shrink *s, double a) {
    const double floor = DP_SHRINK_FLOOR, below = 1 / (1 + a * pow(floor, a - 2)); /* v/t under the floor */
    s->exponent = (float)a;
    for (int i = 0; i <= DP_SHRINK_STEPS; i++) {
        const double t = (double)DP_SHRINK_REACH * i / DP_SHRINK_STEPS;
        s->keep[i][0] = (float)(t * below <= floor ? below : root(t, a, floor) / t);
    }
    for (int i = 0; i < DP_SHRINK_STEPS; i++) s->keep[i][1] = s->keep[i + 1][0] - s->keep[i][0];
}

/* v/t beyond the table: Newton's method; the curve is nearly straight here. */
static float keep_beyond(const dp_shrink *s, float t) {
    const float a = s->exponent;
    float v = t * s->keep[DP_SHRINK_STEPS][0];
    for (int i = 0; i < 3; i++) {
        const float slope = a * powf(v, a - 1);
        v -= (v + slope - t) / (1 + (a - 1) * slope / v);
    }
    return v / t;
}

enum { BLOCK = 64 };

/* In steps that compilers turn into vector instructions, but for the look-up itself. */
DP_CLONES static void shrink_block(const dp_shrink *s, float scale, float *z, int n) {
    const float unit = (float)DP_SHRINK_STEPS / DP_SHRINK_REACH / scale;
    float at[BLOCK], keep[BLOCK];
    int index[BLOCK], far = 0;
    for (int k = 0; k < n; k++) {
        const float size = fabsf(z[k]) * unit;
        at[k] = size < DP_SHRINK_STEPS ? size : DP_SHRINK_STEPS;
        index[k] = (int)at[k];
        far |= index[k] == DP_SHRINK_STEPS;
    }
    for (int k = 0; k < n; k++) {
        const float *entry = s->keep[index[k]];
        keep[k] = entry[0] + (at[k] - (float)index[k]) * entry[1];
    }
    for (int k = 0; far && k < n; k++)
        if (index[k] == DP_SHRINK_STEPS) keep[k] = keep_beyond(s, fabsf(z[k]) / scale);
    for (int k = 0; k < n; k++) z[k] *= keep[k];
}

void dp_shrink_many(const dp_shrink *s, float scale, float *z, int n) {
    for (int k = 0; k < n; k += BLOCK) shrink_block(s, scale, z + k, n - k < BLOCK ? n - k : BLOCK);
}
