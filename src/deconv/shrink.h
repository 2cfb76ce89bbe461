/* The scalar problem of the splitting methods: which v minimises |v|^exponent + (v - t)^2/2. By scaling it solves
 * weight |v|^exponent + beta/2 (v - w)^2 for every weight and beta: v = s shrink(w/s), s =
 * (weight/beta)^(1/(2-exponent)). A look-up table, as in Krishnan and Fergus 2009, section 3.2.1. */
#ifndef DP_DECONV_SHRINK_H
#define DP_DECONV_SHRINK_H

enum { DP_SHRINK_STEPS = 4096 };

typedef struct dp_shrink {
    float exponent;
    float jump;  /* |t| up to here gives 0 */
    float reach; /* the table ends here */
    float table[DP_SHRINK_STEPS + 2];
} dp_shrink;

void dp_shrink_init(dp_shrink *shrink, double exponent);  /* (0, 2] */
float dp_shrink_beyond(const dp_shrink *shrink, float t); /* t above reach */

static inline float dp_shrink_at(const dp_shrink *s, float t) {
    const float size = t < 0 ? -t : t;
    if (size <= s->jump) return 0;
    float v;
    if (size < s->reach) {
        const float at = (size - s->jump) / (s->reach - s->jump) * DP_SHRINK_STEPS;
        const int i = (int)at;
        v = s->table[i] + (at - (float)i) * (s->table[i + 1] - s->table[i]);
    } else {
        v = dp_shrink_beyond(s, size);
    }
    return t < 0 ? -v : v;
}

#endif
