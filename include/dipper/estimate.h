/* Dipper: kernel estimation, the PSF of a blurred picture by the classical methods. Included by dipper/dipper.h;
 * docs/methods/classical.md has formulas and sources. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_ESTIMATE_H
#define DIPPER_ESTIMATE_H

#include "dipper/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The methods: a table ---- */

enum { DIPPER_ESTIMATE_SETTINGS_MAX = 16 }; /* no method has more settings */

typedef struct dipper_estimate_setting { /* one number of a method; strings static */
    const char *name, *summary;
    double value, low, high; /* default, and what is allowed */
} dipper_estimate_setting;

typedef struct dipper_estimate_method { /* all static */
    const char *name;                   /* "map-l0" (the default), "map-l1l2", "dark-channel", "extreme-channel" ... */
    const char *summary;
    const dipper_estimate_setting *settings;
    int setting_count;
    int available; /* 0: this build lacks FFTW, which it needs */
} dipper_estimate_method;

DIPPER_API int dipper_estimate_method_count(void);
/* index in [0, count): DIPPER_ERROR_ARGUMENT otherwise. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_estimate_method_at(int index, dipper_estimate_method *out);

/* ---- One run ---- */

typedef struct dipper_estimate_info {
    size_t struct_size;      /* set by the caller to sizeof(dipper_estimate_info) */
    double noise_sigma;      /* given or estimated */
    int x, y, width, height; /* the region looked at */
    size_t memory_bytes;     /* held at once, without the picture given */
} dipper_estimate_info;

typedef struct dipper_estimate_options {
    size_t struct_size;          /* set by dipper_estimate_options_init */
    const char *method;          /* default "map-l0"; borrowed during the call */
    int psf_width, psf_height;   /* px, odd, 3 to 101; default 31: rather too large than too small */
    int x, y, width, height;     /* look at this part of the picture only; width 0 (default): at all of it */
    double noise_sigma;          /* < 0 (default): estimate */
    const double *settings;      /* as many as the method has, in its order, NaN: the default; NULL (default): all
                                    defaults; borrowed */
    size_t memory_bytes;         /* more is refused; 0 (default): no limit */
    dipper_progress_fn progress; /* may be NULL; may call nothing of the library; there is no loss */
    void *user;
    dipper_estimate_info *info; /* may be NULL */
} dipper_estimate_options;

DIPPER_API void dipper_estimate_options_init(dipper_estimate_options *options);

/* Finds the PSF of blurred (colour: of its luma). psf: the caller's memory, psf_height x psf_width; sum 1, centroid
 * within half a pixel of the centre, convolution convention. options may be NULL. Same bits for any number of threads.
 * DIPPER_ERROR_INPUT: NaN or infinity, a region that is constant or smaller than the PSF, or so noisy that there is
 * nothing to see; DIPPER_ERROR_ARGUMENT: unknown or unavailable method, values without meaning, a region that does not
 * lie in the picture; DIPPER_ERROR_MEMORY; DIPPER_ERROR_DEVICE; DIPPER_ERROR_CANCELLED, DIPPER_ERROR_DIVERGED: psf is
 * not written. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_estimate_psf(dipper_context *context, const dipper_image *blurred,
                                                               const dipper_estimate_options *options, float *psf);

#ifdef __cplusplus
}
#endif

#endif
