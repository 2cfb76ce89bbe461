/* Dipper: making PSFs and blurred pictures, D = X (*) K + n. Included by dipper/dipper.h; docs/simulate.md has
 * formulas. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_SIMULATE_H
#define DIPPER_SIMULATE_H

#include "dipper/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- PSFs: packed float arrays of odd sides, convolution convention, non-negative, sum 1 ---- */

typedef enum dipper_psf_kind {
    DIPPER_PSF_DELTA,
    DIPPER_PSF_GAUSSIAN,
    DIPPER_PSF_DISK,
    DIPPER_PSF_MOTION,       /* straight, or an arc */
    DIPPER_PSF_RANDOM_MOTION /* a shaken camera's path, from a seed */
} dipper_psf_kind;

typedef struct dipper_psf_options {
    size_t struct_size; /* set by dipper_psf_options_init */
    dipper_psf_kind kind;
    int width, height; /* odd; 0 (default): the least that holds it */
    double sigma;      /* Gaussian: standard deviation, px, > 0; the least size is 4 of them to each side */
    double radius;     /* disk: px, > 0; edge pixels by the share that is covered */
    double
        length;   /* motion, random motion: length of the path, px, >= 1; random motion in a given size: 0 = fills it */
    double angle; /* motion: degrees from the x axis, counter-clockwise as seen (y runs down); of an arc, halfway */
    double curve; /* motion: by how many degrees the direction turns along the path; 0 = straight */
    uint64_t seed; /* random motion */
} dipper_psf_options;

DIPPER_API void dipper_psf_options_init(dipper_psf_options *options); /* a delta of 1x1 */

/* Says the size in *width, *height; with psf not NULL also fills psf[height*width]; the centroid is in the middle.
 * DIPPER_ERROR_ARGUMENT: values without meaning, larger than 101 px, a given size that is even or (Gaussians are cut)
 * too small. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_psf_make(dipper_context *context, const dipper_psf_options *options,
                                                           int *width, int *height, float *psf);

typedef struct dipper_psf_info {
    size_t struct_size; /* set by the caller to sizeof(dipper_psf_info) */
    double sum, maximum;
    double centroid_x, centroid_y;                           /* px from the centre */
    int support_x, support_y, support_width, support_height; /* box of the values above 1 % of the maximum */
    double entropy;                                          /* bits, of the PSF divided by its sum */
    double border_mass;                                      /* share in the outermost ring of one pixel */
} dipper_psf_info;

/* DIPPER_ERROR_INPUT, with position and value: negative or not finite; all zero. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_psf_describe(dipper_context *context, const float *psf, int width,
                                                               int height, dipper_psf_info *out);

/* ---- Blur and noise ---- */

typedef enum dipper_border {
    DIPPER_BORDER_VALID, /* only pixels that need nothing from outside: the result is smaller by the PSF less 1 */
    DIPPER_BORDER_REPLICATE,
    DIPPER_BORDER_REFLECT, /* without repeating the edge */
    DIPPER_BORDER_WRAP
} dipper_border;

typedef enum dipper_noise {
    DIPPER_NOISE_NONE,
    DIPPER_NOISE_GAUSSIAN, /* level: standard deviation */
    DIPPER_NOISE_POISSON,  /* level: photons at value 1; values below 0 count as 0 */
    DIPPER_NOISE_UNIFORM   /* level: from 0 to it (as in the Lai data) */
} dipper_noise;

typedef struct dipper_blur_options {
    size_t struct_size;   /* set by dipper_blur_options_init */
    dipper_border border; /* default valid */
    dipper_noise noise;   /* default none */
    double noise_level;
    int saturate; /* 1: clip to [0, 1] after noise, as a sensor does; default 0 */
    uint64_t seed;
} dipper_blur_options;

DIPPER_API void dipper_blur_options_init(dipper_blur_options *options);

/* Every channel of sharp by one PSF (odd sides, divided by its sum). out: the caller's memory, channels of sharp, size
 * of sharp, or (border valid) smaller by psf_width-1 and psf_height-1. DIPPER_ERROR_INPUT: smaller than the PSF with
 * border valid; NaN or infinity; a PSF that is negative or all zero; more than 1e10 photons. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_blur(dipper_context *context, const dipper_image *sharp,
                                                       const float *psf, int psf_width, int psf_height,
                                                       const dipper_blur_options *options, dipper_image *out);

#ifdef __cplusplus
}
#endif

#endif
