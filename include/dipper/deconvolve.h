/* Dipper: non-blind deconvolution, with a known PSF. Included by dipper/dipper.h; docs/methods/nonblind.md has formulas
 * and sources. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_DECONVOLVE_H
#define DIPPER_DECONVOLVE_H

#include "dipper/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The methods: a table ---- */

typedef struct dipper_deconvolve_method { /* all strings static */
    const char *name;                     /* "sparse" (the default), "hyperlaplacian", "tv", "rl", "rl-tv", "wiener" */
    const char *summary;
    const char *edges;         /* what it can do beyond the border, the default first: "latent|taper|wrap" */
    const char *exponent_help; /* what `exponent` is of; "" if the method has none */
    double exponent;           /* default */
    int iterations;            /* default; 0: it has none */
    int weighted;              /* takes a weight */
    int bounds;                /* takes saturated pixels as lower bounds, and a mask */
    int box;                   /* takes the box constraint */
    int available;             /* 0: this build lacks FFTW, which it needs */
} dipper_deconvolve_method;

DIPPER_API int dipper_deconvolve_method_count(void);
/* index in [0, count): DIPPER_ERROR_ARGUMENT otherwise. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_deconvolve_method_at(int index, dipper_deconvolve_method *out);

/* ---- One run ---- */

typedef struct dipper_deconvolve_info {
    size_t struct_size;      /* set by the caller to sizeof(dipper_deconvolve_info) */
    const char *edges;       /* as used; static */
    double weight, exponent; /* as used; NaN where the method has none */
    double noise_sigma;      /* given or estimated (root mean square of the channels) */
    double saturation;       /* values from here on were lower bounds only; 0: none were */
    size_t saturated;        /* samples that were */
    int iterations;          /* done, all channels together */
    size_t memory_bytes;     /* held at once, without the pictures given */
    int tiles;               /* that the picture was cut into; 1: none */
    size_t masked;           /* pixels that the mask left out */
} dipper_deconvolve_info;

typedef struct dipper_deconvolve_options {
    size_t struct_size;  /* set by dipper_deconvolve_options_init */
    const char *method;  /* default "sparse"; borrowed during the call */
    const char *edges;   /* "auto" (default: the method's), "latent" (the latent picture is larger, nothing is assumed),
                            "taper" (opposite borders are joined smoothly), "wrap" (the picture is periodic) */
    double weight;       /* of the prior, on pictures in [0, 1]; larger = smoother; < 0 (default): from the noise */
    double exponent;     /* < 0 (default): the method's */
    double noise_sigma;  /* < 0 (default): estimate */
    double saturation;   /* data from here on are taken as lower bounds; 0: none; < 0 (default): 0.99 if the largest
                            value lies in [0.99, 1], else none. Methods that cannot ignore it */
    int box;             /* box constraint; 1: the sharp picture lies in 0 to 1, as print on white paper does, and lamps
                            do not. Methods hyperlaplacian and tv; 0 (default): nothing is known */
    int iterations;      /* 0 (default): the method's, which may end early */
    int inner;           /* sparse: conjugate-gradient steps per iteration; 0 (default): 40 */
    size_t memory_bytes; /* a picture that needs more is restored in smaller tiles; 0 (default): no limit */
    const dipper_image *mask; /* of one channel and the picture's size: pixels with 0 are missing, they are left out of
                                 the data term and filled by the prior; NULL (default): all are known */
    dipper_progress_fn progress; /* may be NULL; may call nothing of the library; there is no loss */
    void *user;
    dipper_deconvolve_info *info; /* may be NULL; filled also on DIPPER_ERROR_CANCELLED */
} dipper_deconvolve_options;

DIPPER_API void dipper_deconvolve_options_init(dipper_deconvolve_options *options);

/* Restores each channel of blurred. psf: psf_height x psf_width, packed, odd sides up to 101, non-negative, convolution
 * convention; is divided by its sum. options may be NULL. out: the caller's memory, shape of blurred, which it may be;
 * not clipped. Same bits for any number of threads of the same context.
 * Pictures of more than 1.6 million pixels, or above memory_bytes, are restored in overlapping tiles.
 * DIPPER_ERROR_INPUT: NaN or infinity, a mask of another size or without a known pixel, a PSF that is negative, all
 * zero or larger than the picture; DIPPER_ERROR_ARGUMENT: unknown or unavailable method, values without meaning;
 * DIPPER_ERROR_MEMORY: also when the smallest tile needs more than memory_bytes; DIPPER_ERROR_DEVICE: a context whose
 * back end does not hold floats; DIPPER_ERROR_CANCELLED: out holds what there is; DIPPER_ERROR_DIVERGED. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_deconvolve(dipper_context *context, const dipper_image *blurred,
                                                             const float *psf, int psf_width, int psf_height,
                                                             const dipper_deconvolve_options *options,
                                                             dipper_image *out);

/* ---- The method "sparse" with all its numbers ---- */

typedef struct dipper_sparse_options {
    size_t struct_size; /* set by dipper_sparse_options_init */
    double weight;      /* of the prior, on pictures in [0, 1]; larger = smoother; < 0 (default): from the noise */
    double exponent;    /* of |gradient|, 0.8 (default; Levin 2007) */
    double noise_sigma; /* < 0 (default): estimate */
    int reweightings;   /* default 6 */
    int cg_iterations;  /* conjugate-gradient steps per re-weighting, default 40 */
} dipper_sparse_options;

DIPPER_API void dipper_sparse_options_init(dipper_sparse_options *options);

/* Sparse-prior deconvolution (IRLS, Levin et al. 2007) of each channel; valid data term on a larger latent picture;
 * saturated pixels count like others. Otherwise as dipper_deconvolve. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_deconvolve_sparse(dipper_context *context,
                                                                    const dipper_image *blurred, const float *psf,
                                                                    int psf_width, int psf_height,
                                                                    const dipper_sparse_options *options,
                                                                    dipper_image *out);

#ifdef __cplusplus
}
#endif

#endif
