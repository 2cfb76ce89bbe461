/* Dipper: what a picture tells before it is restored. Included by dipper/dipper.h; docs/noise.md,
 * docs/region.md and docs/gradients.md have formulas, sources and accuracy. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_ANALYSE_H
#define DIPPER_ANALYSE_H

#include "dipper/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Noise ---- */

typedef enum dipper_noise_method {
    DIPPER_NOISE_AUTO, /* what is used where the noise of a blurred picture is not given: by high-pass; with a grid
                          of JPEG from 1.2 on, the coarse noise by patches if that is more */
    DIPPER_NOISE_BY_HIGHPASS, /* for blurred pictures */
    DIPPER_NOISE_BY_PATCHES   /* for sharp pictures as well */
} dipper_noise_method;

typedef struct dipper_noise_level {
    size_t struct_size; /* set by the caller to sizeof(dipper_noise_level) */
    double sigma;     /* standard deviation of white noise in picture units, root mean square of the channels; 0: none,
                         or nothing to tell it from (constant, clipped, very small) */
    double coarse;    /* the same from means of 2x2 px, times 2: like sigma if the noise is white; larger if its fine
                         part was taken away (JPEG, denoising, demosaicing; then nearer to the noise before), or if
                         the picture is sharp and full of texture. By patches with DIPPER_NOISE_AUTO */
    double jpeg_grid; /* change across the borders of a grid of 8 px, divided by that elsewhere: 1 = no grid; of the
                         channel where it is strongest */
    double clipped;   /* share of the samples at the ends of the range, which are left out: 0, and 0.99 to 1 */
} dipper_noise_level;

/* DIPPER_ERROR_INPUT: NaN or infinity; DIPPER_ERROR_ARGUMENT: unknown method; DIPPER_ERROR_MEMORY. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_noise_estimate(dipper_context *context, const dipper_image *image,
                                                                 dipper_noise_method method, dipper_noise_level *out);

/* ---- A region to estimate the blur from ---- */

typedef struct dipper_region {
    size_t struct_size; /* set by the caller to sizeof(dipper_region) */
    int x, y;           /* px: its top left corner */
    int width, height;
    double score; /* for comparing regions of one picture; 0: nothing to estimate from, and the region is the middle */
} dipper_region;

/* The best window of width x height px (each cut to the picture's) for estimating a PSF of about psf_width x
 * psf_height: edges that outlive the blur, in many directions, away from clipped pixels. Colour pictures: luma.
 * docs/region.md. DIPPER_ERROR_INPUT: NaN or infinity; DIPPER_ERROR_ARGUMENT: sizes < 1, PSF > 4096;
 * DIPPER_ERROR_MEMORY. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_region_choose(dipper_context *context, const dipper_image *image,
                                                                int width, int height, int psf_width, int psf_height,
                                                                dipper_region *out);

/* ---- Gradients ---- */

enum { DIPPER_GRADIENT_BINS = 1025 };

typedef struct dipper_gradient_prior {            /* p(g) = a / (2 s Gamma(1/a)) exp(-|g/s|^a), by maximum likelihood */
    size_t struct_size;                           /* set by the caller to sizeof(dipper_gradient_prior) */
    double exponent, scale;                       /* a in [0.1, 4] and s: the best of all */
    double log_likelihood;                        /* mean of ln p(g), nats */
    double laplace_scale, laplace_log_likelihood; /* a = 1 */
    double gaussian_sigma, gaussian_log_likelihood; /* a = 2, s = sqrt(2) sigma */
    double count;                                   /* of gradients */
    double bin_width;                               /* picture units */
} dipper_gradient_prior;

/* Differences of neighbouring pixels, right and down, of all channels; not where a pixel is clipped. density: NULL or
 * DIPPER_GRADIENT_BINS values, those of the histogram: the share of the gradients in bin i, which lies around
 * (i - DIPPER_GRADIENT_BINS/2) * bin_width, divided by bin_width. docs/gradients.md.
 * DIPPER_ERROR_INPUT: NaN or infinity, constant pictures, no two neighbours that are not clipped; DIPPER_ERROR_MEMORY.
 */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_gradients_fit(dipper_context *context, const dipper_image *image,
                                                                dipper_gradient_prior *out, double *density);

#ifdef __cplusplus
}
#endif

#endif
