/* Traces that a wrong restoration leaves, measured without the truth (docs/verdict.md). */
#ifndef DP_METRIC_ARTEFACTS_H
#define DP_METRIC_ARTEFACTS_H

#include "image/image.h"

/* Ringing where there should be nothing: mean |gradient| of the result over the third of the picture that is calmest
 * in the blurred picture (mean |gradient| in windows of the PSF's size), divided by that of the blurred picture there.
 * NaN if the windows do not fit or nothing is there. DIPPER_ERROR_MEMORY. */
dipper_status dp_calm_ringing(const dp_image *result, const dp_image *blurred, int kh, int kw, dp_diag *diag,
                              double *ratio);

/* Correlation, over pixels, of |residual| with the magnitude of the result's gradients: noise knows nothing of the
 * picture, an error of the PSF shows at edges. residual: dp_residual of a PSF (kh, kw). 0 if one of both is constant.
 */
double dp_residual_bond(const dp_image *residual, const dp_image *result, int kh, int kw);

/* Sets the residual to 0 where the blurred picture is clipped: what was there is not known. Returns the root mean
 * square of the rest; 0 if there is none. */
double dp_residual_unclip(dp_image *residual, const dp_image *blurred, int kh, int kw);

/* Share of the result that lies more than `margin` outside of the range of the blurred picture: a blur only shrinks
 * it, but a right restoration exceeds it by little. */
double dp_beyond_range(const dp_image *result, const dp_image *blurred, double margin);

#endif
