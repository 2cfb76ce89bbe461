/* The scalar problem of the splitting methods: which v minimises P(v) + (v - t)^2/2, where P is |v|^exponent, but below
 * DP_SHRINK_FLOOR the quadratic that touches it from above: small differences are held, not cut, as re-weighted least
 * squares with a floor does, and v is a continuous function of t. By scaling it solves weight P(v/s) s^exponent +
 * beta/2 (v - w)^2 for every weight and beta: v = s shrink(w/s), s = (weight/beta)^(1/(2-exponent)). A look-up table,
 * as in Krishnan and Fergus 2009, section 3.2.1. */
#ifndef DP_DECONV_SHRINK_H
#define DP_DECONV_SHRINK_H

enum { DP_SHRINK_STEPS = 4096, DP_SHRINK_REACH = 64 };

#define DP_SHRINK_FLOOR 0.5

typedef struct dp_shrink {
    float exponent;
    float keep[DP_SHRINK_STEPS + 1][2]; /* v/t at t = 0, ... DP_SHRINK_REACH, and how much more the next one is */
} dp_shrink;

void dp_shrink_init(dp_shrink *shrink, double exponent); /* (0, 2] */

/* z = scale shrink(z / scale), n numbers. */
void dp_shrink_many(const dp_shrink *shrink, float scale, float *z, int n);

#endif
