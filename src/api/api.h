/* What the bodies of the exported functions share. */
#ifndef DP_API_API_H
#define DP_API_API_H

#include "backend/backend.h"
#include "bid/recipe.h"
#include "dipper/dipper.h"

struct dipper_context {
    dp_backend *be;
    dp_diag diag;
};

struct dipper_recipe {
    dp_recipe values;
    char text[DP_FIELDS][DP_FIELD_TEXT]; /* the values as text */
};

/* DIPPER_ERROR_ARGUMENT for a size without meaning; DIPPER_ERROR_INPUT for a PSF that is negative or not finite, with
 * position and value, or zero everywhere. *sum of its values. */
dipper_status dp_check_psf(dipper_context *context, const float *psf, int width, int height, double *sum);

/* What a method without a loss reports: `done` of `of` steps since `begun` (dp_seconds), no note. */
dipper_progress dp_steps_done(const char *stage, int done, int of, double begun);

#endif
