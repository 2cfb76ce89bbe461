#include "deconv/vb_prior.h"

#include <math.h>

/* Four Gaussians fitted by EM to the first differences of twelve photographs (Kodak set, odd numbers, luma, halved in
 * size, 8 bits): share and standard deviation. Standard deviations 0.7 or 1.4 times as large give PSFs of the Levin set
 * that lose 0.2 dB. */
enum { PARTS = 4 };
static const struct part {
    double share, deviation;
} parts[PARTS] = {{0.3383, 0.00493}, {0.3050, 0.01848}, {0.2484, 0.05645}, {0.1084, 0.16751}};

/* log of the unnormalised mixture at E[g^2] = e, and the mean inverse variance under its shares. */
static double mixture(double e, double *weight) {
    double most = -INFINITY, log_part[PARTS], sum = 0;
    *weight = 0;
    for (int i = 0; i < PARTS; i++) {
        const double v = parts[i].deviation * parts[i].deviation;
        log_part[i] = log(parts[i].share / parts[i].deviation) - 0.5 * e / v;
        most = fmax(most, log_part[i]);
    }
    for (int i = 0; i < PARTS; i++) {
        const double p = exp(log_part[i] - most);
        sum += p;
        *weight += p / (parts[i].deviation * parts[i].deviation);
    }
    *weight /= sum;
    return most + log(sum);
}

double dp_vb_weight_exact(dp_vb_kind kind, double e) {
    double weight = 1 / e;
    if (kind == DP_VB_MIXTURE) mixture(e, &weight);
    return weight;
}

double dp_vb_bound(dp_vb_kind kind, double e) {
    double weight;
    return kind == DP_VB_MIXTURE ? -mixture(e, &weight) : 0.5 * log(e);
}

void dp_vb_prior_init(dp_vb_prior *prior, dp_vb_kind kind) {
    prior->kind = kind;
    for (int i = 0; i <= DP_VB_PIECES; i++) {
        const int octave = DP_VB_LEAST + (i >> DP_VB_FRACTION), piece = i & ((1 << DP_VB_FRACTION) - 1);
        prior->table[i] = (float)dp_vb_weight_exact(kind, ldexp(1 + ldexp(piece, -DP_VB_FRACTION), octave));
    }
}
