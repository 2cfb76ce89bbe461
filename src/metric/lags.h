/* Autocorrelations of gradients and of PSFs: what repeats in a picture at which distance. A right restoration leaves
 * gradients that are like themselves at no lag but 0; a blurred picture's repeat as its PSF does (Goldstein and Fattal
 * 2012), a wrong one's as what is left of it. docs/verdict.md. */
#ifndef DP_METRIC_LAGS_H
#define DP_METRIC_LAGS_H

#include "image/image.h"

/* Half of the lags, the other half is the same: value of (dy, dx), 0 <= dy <= reach, -reach <= dx <= reach, is
 * at[dy * (2 reach + 1) + dx + reach]; for dy = 0 those with dx < 0 are there as well. */
typedef struct dp_lags {
    int reach;
    double *at; /* owned */
} dp_lags;

dipper_status dp_lags_create(int reach, dp_diag *diag, dp_lags *out);
void dp_lags_free(dp_lags *lags);
static inline double dp_lag(const dp_lags *lags, int dy, int dx) {
    const int side = 2 * lags->reach + 1;
    return dy < 0 ? lags->at[-dy * side - dx + lags->reach] : lags->at[dy * side + dx + lags->reach];
}

/* Mean over pixels of grad x(p) . grad x(p + lag), forward differences of a grey picture, less what white noise of
 * sigma adds: 4 sigma^2 at lag 0, -sigma^2 at the lags (0, +-1) and (+-1, 0). The picture must be larger than reach
 * + 1 px each way. DIPPER_ERROR_MEMORY. */
dipper_status dp_gradient_lags(const dp_image *grey, double sigma, int threads, dp_diag *diag, dp_lags *out);
/* Sum over p of psf(p) psf(p + lag), 0 outside of the window. */
void dp_psf_lags(const float *psf, int kh, int kw, dp_lags *out);

/* Normalised correlation of two, of the same reach, over all lags but 0 and its neighbours (which noise, rounding and
 * the picture's own smoothness govern); means taken off. 0 if one of them is constant. */
double dp_lags_match(const dp_lags *a, const dp_lags *b);

typedef struct dp_echo { /* of the lags more than 2 px away from 0, as a share of lag 0 */
    double rms, highest, lowest;
} dp_echo;
dp_echo dp_lags_echo(const dp_lags *lags);

/* How far a picture is smeared: the largest over four directions e (0, 45, 90, 135 degrees) of the autocorrelation of
 * the difference along e at `step` pixels along e, as a share of lag 0; noise of sigma taken off. A sharp edge gives 0
 * and less, one that is b px wide 1 - step/b. Directions with hardly any change do not count. 0 for a constant
 * picture. step >= 2. */
double dp_smear(const dp_image *grey, int step, double sigma);

#endif
