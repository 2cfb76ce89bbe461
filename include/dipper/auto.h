/* Dipper: the automatic mode, a blurred picture in and a sharp one out, nothing else being known. Included by
 * dipper/dipper.h; docs/auto.md says what it does and why. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_AUTO_H
#define DIPPER_AUTO_H

#include "dipper/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dipper_preset {
    DIPPER_PRESET_FAST,     /* one way of estimating the PSF */
    DIPPER_PRESET_BALANCED, /* four (a little noise: two); small pictures are polished by block matching */
    DIPPER_PRESET_BEST      /* six; larger pictures are polished too, and larger parts of them searched */
} dipper_preset;

/* "fast", "balanced", "best"; NULL out of range. Static. */
DIPPER_API const char *dipper_preset_name(int index);

enum { DIPPER_AUTO_PSF_MOST = 101 }; /* px: no side of a PSF is longer */

typedef struct dipper_auto_info {
    size_t struct_size;        /* set by the caller to sizeof(dipper_auto_info) */
    int psf_width, psf_height; /* px, odd: of the PSF that was written */
    const char *estimator;     /* classical method that found it, or "none"; static */
    int window;                /* px: the side that this was told, of several that were tried */
    double softness;           /* px: Gaussian that the sharp picture is taken to be softened by */
    double score;              /* of the PSF; lower is better; see docs/auto.md */
    int tried;                 /* PSFs, so many */
    double noise_sigma;        /* given or estimated */
    const char *plane;         /* of colour: "luma", "red", "green" or "blue", in which the PSF was found; static */
    int x, y, width, height;   /* the part of the picture in which it was found */
    const char *nonblind;      /* method that restored the picture with it, or "none"; static */
    int polished;              /* 1: PSF and picture were refined by block matching (docs/auto.md) */
    int hurried;               /* 1: max_seconds left something out */
    int paper;                 /* 1: print on white paper, and restored as such (docs/auto.md) */
    int sharp;                 /* 1: the picture is sharp already, out is blurred, the PSF a point, estimator "none" */
    double seconds;
    size_t memory_bytes; /* held at once, without the pictures given; approximate */
} dipper_auto_info;

typedef struct dipper_auto_options {
    size_t struct_size;          /* set by dipper_auto_options_init */
    dipper_preset preset;        /* default DIPPER_PRESET_BALANCED */
    int psf_window;              /* px, odd, 3 to 101: the blur fits into so much; 0 (default): find out, and whether
                                    there is one at all */
    double noise_sigma;          /* < 0 (default): estimate */
    uint64_t seed;               /* of nothing at present: no preset draws random numbers; default 0 */
    double max_seconds;          /* 0 (default): as long as it takes; else so much is left out that it is kept */
    size_t memory_bytes;         /* for the non-blind step, see dipper_deconvolve_options; 0 (default): no limit */
    dipper_progress_fn progress; /* may be NULL; may call nothing of the library */
    void *user;
} dipper_auto_options;

DIPPER_API void dipper_auto_options_init(dipper_auto_options *options);

/* Restores `blurred`: finds its PSF, all channels are restored. A picture that is sharp already
 * (dipper_verdict_is_sharp) stays as it is, unless a window is told. psf: the caller's memory for DIPPER_AUTO_PSF_MOST
 * squared floats, gets info->psf_height x psf_width, packed, convolution convention, sum 1. out: the caller's memory,
 * shape of blurred, which it may be; not clipped. options may be NULL, info not. Same seed, options (without
 * max_seconds), device and threads: same bits.
 * DIPPER_ERROR_INPUT: NaN or infinity, a constant picture, one of less than 32 px on a side; DIPPER_ERROR_ARGUMENT:
 * values without meaning; DIPPER_ERROR_MEMORY; DIPPER_ERROR_DEVICE: a back end without floats, or a build without FFTW;
 * DIPPER_ERROR_CANCELLED: stopped by progress, out holds the best so far (at first: blurred); DIPPER_ERROR_DIVERGED: no
 * PSF was found. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_auto_deblur(dipper_context *context, const dipper_image *blurred,
                                                              const dipper_auto_options *options, dipper_image *out,
                                                              float *psf, dipper_auto_info *info);

#ifdef __cplusplus
}
#endif

#endif
