/* The PSF of a quadratic problem: k >= 0 that minimises
 *     (k - k0)'(T + D)(k - k0)/2 - g'(k - k0),
 * T block-Toeplitz, given by its lags (an autocorrelation), D diagonal, k0 the start, -g the slope there. T is applied
 * by small Fourier transforms, never stored: a PSF of 75 x 75 px would need 250 MB. */
#ifndef DP_DECONV_QUADRATIC_FFT_H
#define DP_DECONV_QUADRATIC_FFT_H

#include <stdbool.h>

#include "base/diag.h"
#include "fourier/fourier.h"

typedef struct dp_quadratic {
    int kh, kw;
    float *lags;     /* (2kh-1, 2kw-1): T between two elements that lie (i-kh+1, j-kw+1) apart; symmetric */
    float *diagonal; /* (kh, kw) D, >= 0 */
    float *gradient; /* (kh, kw) g */
    /* inner */
    dp_fft *fft;
    float *tile;             /* its plane */
    float complex *matrix;   /* spectrum of T */
    float complex *work;     /* spectrum */
    float *k, *ahead, *next; /* (kh, kw) */
    float *slope;            /* (kh, kw) */
} dp_quadratic;

dipper_status dp_quadratic_create(int kh, int kw, dp_diag *diag, dp_quadratic **out);
void dp_quadratic_destroy(dp_quadratic **quadratic); /* NULL is fine */

/* psf (kh, kw): k0, then the result. At most `steps` projected gradient steps with momentum (Beck and Teboulle 2009)
 * that starts anew when it points uphill (O'Donoghue and Candes 2015); ends when a step moves less than `tolerance` of
 * the sum. Returns the steps done. */
int dp_quadratic_run(dp_quadratic *quadratic, int steps, double tolerance, float *psf);

#endif
