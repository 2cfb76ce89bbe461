/* PSFs from a few numbers (docs/simulate.md). */
#ifndef DP_SIMULATE_PSF_MAKE_H
#define DP_SIMULATE_PSF_MAKE_H

#include "base/diag.h"
#include "dipper/dipper.h"

/* As dipper_psf_make; options complete. */
dipper_status dp_psf_make(const dipper_psf_options *options, dp_diag *diag, int *width, int *height, float *psf);

#endif
