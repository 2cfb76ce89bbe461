/* Sparse priors of single gradients for variational Bayes: p(g) is a mixture of zero-mean Gaussians, of which the
 * method needs two functions of e = E[g^2]: the mean inverse variance that e suggests, and the bound of -log p that
 * goes with it (docs/methods/vb.md). */
#ifndef DP_DECONV_VB_PRIOR_H
#define DP_DECONV_VB_PRIOR_H

#include <stdint.h>
#include <string.h>

enum {
    DP_VB_FRACTION = 5, /* bits: 32 pieces per octave, linear in between: error below 2e-4 */
    DP_VB_LEAST = -36,
    DP_VB_MOST = 4, /* octaves of e in the table; beyond them its ends hold */
    DP_VB_PIECES = (DP_VB_MOST - DP_VB_LEAST) << DP_VB_FRACTION
};

typedef enum dp_vb_kind {
    DP_VB_MIXTURE, /* four Gaussians fitted to photographs (Levin et al. 2011) */
    DP_VB_ARD      /* all variances alike: 1/|g|, automatic relevance determination; knows no scale (Wipf 2014) */
} dp_vb_kind;

typedef struct dp_vb_prior {
    dp_vb_kind kind;
    float table[DP_VB_PIECES + 1];
} dp_vb_prior;

void dp_vb_prior_init(dp_vb_prior *prior, dp_vb_kind kind);

/* In double, from the formula: twice the derivative of the bound; and the bound itself. e > 0. */
double dp_vb_weight_exact(dp_vb_kind kind, double e);
double dp_vb_bound(dp_vb_kind kind, double e);

/* The same weight from the table; e in [0, infinity). */
static inline float dp_vb_weight(const dp_vb_prior *prior, float e) {
    const uint32_t first = (uint32_t)(127 + DP_VB_LEAST) << 23, last = ((uint32_t)(127 + DP_VB_MOST) << 23) - 1;
    uint32_t bits;
    memcpy(&bits, &e, sizeof bits); /* exponent and mantissa of a positive float, in order of size */
    bits = (bits < first ? first : bits > last ? last : bits) - first;
    const uint32_t i = bits >> (23 - DP_VB_FRACTION), rest = bits & ((1U << (23 - DP_VB_FRACTION)) - 1);
    const float t = (float)rest * (1.0F / (1 << (23 - DP_VB_FRACTION)));
    return prior->table[i] + t * (prior->table[i + 1] - prior->table[i]);
}

#endif
