/* Distribution of a picture's gradients, and the prior that fits it (docs/methods/gradients.md). */
#ifndef DP_METRIC_GRADIENTS_H
#define DP_METRIC_GRADIENTS_H

#include "image/image.h"

enum { DP_GRADIENT_REACH = 512 }; /* bins on either side of the one around 0 */

typedef struct dp_gradients {                /* |gradient| in bins: [0, w/2), then [(k - 1/2) w, (k + 1/2) w) */
    double count[2 * DP_GRADIENT_REACH + 1]; /* of g in bin i - DP_GRADIENT_REACH */
    double width;                            /* w; a multiple of the step of 8 or 16 bit pictures */
    double total;
    int last; /* the last |bin| that holds something */
} dp_gradients;

/* Differences of neighbours, right and down, of all channels, without those that a clipped value is part of.
 * DIPPER_ERROR_INPUT if there are none, or all are 0. */
dipper_status dp_gradients_count(const dp_image *image, dp_diag *diag, dp_gradients *out);

typedef struct dp_gradient_fit { /* p(g) = a / (2 s Gamma(1/a)) exp(-|g/s|^a) */
    double exponent, scale;
    double log_likelihood; /* mean of ln p(g), nats */
} dp_gradient_fit;

/* By maximum likelihood of the counts. exponent > 0: this one; else the best in [0.1, 4]. */
dp_gradient_fit dp_gradients_fit(const dp_gradients *gradients, double exponent);

/* ln p(g). */
double dp_gradient_log_density(const dp_gradient_fit *fit, double g);

#endif
