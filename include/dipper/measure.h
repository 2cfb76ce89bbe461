/* Dipper: measures of a result. Included by dipper/dipper.h; docs/measures.md has formulas and sources.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_MEASURE_H
#define DIPPER_MEASURE_H

#include "dipper/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Against the truth ---- */

/* PSNR in dB over the whole picture, all channels, for the given peak (1 for pictures in [0, 1]). Not clipped.
 * Equal pictures give +infinity. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_psnr(dipper_context *context, const dipper_image *x,
                                                       const dipper_image *reference, double peak, double *psnr_db);

typedef enum dipper_channel { /* what is compared of colour pictures; grey ones are compared as they are */
                              DIPPER_CHANNEL_LUMA,  /* BT.601, full range */
                              DIPPER_CHANNEL_RGB,   /* all three, one shift for all */
                              DIPPER_CHANNEL_STUDIO /* BT.601 luma in 16..235 of 255, as MATLAB's rgb2ycbcr gives: PSNR
                                                       is 1.32 dB higher */
} dipper_channel;

typedef struct dipper_score_options {
    size_t struct_size;          /* set by dipper_score_options_init */
    const char *protocol;        /* "plain" (default), "levin", "lai": values for all fields below that are -1 */
    int crop;                    /* px taken off each side of the truth; -1 (default): the protocol's */
    int range;                   /* shifts of the result that are searched, +-px, in steps of 0.25 px; at most crop;
                                    -1 (default): the protocol's, or crop if that is less */
    int channel;                 /* a dipper_channel; -1 (default): the protocol's */
    int clip;                    /* 1: clip the result to [0, peak] first, 0: not, -1 (default): the protocol's */
    double peak;                 /* of the data range, default 1 */
    const dipper_image *blurred; /* may be NULL: then what needs it is NaN; borrowed during the call */
    const dipper_image *oracle;  /* result of the same non-blind step with the true PSF; may be NULL, borrowed */
} dipper_score_options;

DIPPER_API void dipper_score_options_init(dipper_score_options *options);

typedef struct dipper_score {
    size_t struct_size; /* set by the caller to sizeof(dipper_score) */
    double psnr_db;     /* PSNR-GT of the result; +infinity for equal pictures */
    double ssim;        /* 11x11 Gaussian, sigma 1.5, valid windows; NaN if less than 11x11 px are compared */
    double mse;
    double shift_x, shift_y; /* px: truth(y, x) is compared with result(y + shift_y, x + shift_x) */
    double psnr_blurred_db;  /* PSNR-GT of the blurred picture, by the same protocol */
    double isnr_db;          /* psnr_db - psnr_blurred_db */
    double psnr_nb_db;       /* PSNR of the result against the blurred picture, likewise (high: nothing was done) */
    double oracle_psnr_db;
    double error_ratio; /* sum (x - truth)^2 / sum (oracle - truth)^2 (Levin 2009) */
    double
        spectral_ratio; /* ||x - truth||_2 / ||oracle - truth||_2, spectral norms of matrices (SelfDeblur's script) */
    int crop, range, channel, clip; /* as used */
    int ssim_reduction;             /* SSIM is that of means of so many px squared; 1: of the pixels */
    int width, height;              /* px compared */
} dipper_score;

/* Compares result with truth by the protocol of options (NULL: plain); colour and grey only by DIPPER_CHANNEL_LUMA.
 * DIPPER_ERROR_INPUT: sizes or channels differ, NaN or infinity, or nothing is left after cropping;
 * DIPPER_ERROR_ARGUMENT: unknown protocol, bad values; DIPPER_ERROR_MEMORY. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_score_result(dipper_context *context, const dipper_image *result,
                                                               const dipper_image *truth,
                                                               const dipper_score_options *options, dipper_score *out);

/* ---- Without the truth: for choosing among results ---- */

typedef struct dipper_quality {
    size_t struct_size;        /* set by the caller to sizeof(dipper_quality) */
    double gradient_l1_l2;     /* l1/l2 of the gradients, per sqrt(count): smaller = sparser (Krishnan 2011) */
    double total_variation;    /* mean |gradient| per pixel (anisotropic) */
    double residual_rms;       /* of D - X (*) K, valid region; NaN without blurred and PSF */
    double residual_whiteness; /* share of the residual's autocorrelation energy off lag 0: 0 = white; NaN likewise */
    double psf_entropy;        /* bits; NaN without a PSF */
    double psf_border_mass;    /* share of its mass in the outermost ring of one pixel; NaN likewise */
} dipper_quality;

/* image: the result; blurred and psf (psf_height x psf_width, packed, sum 1) may be NULL. Colour pictures: luma. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_quality_measure(dipper_context *context, const dipper_image *image,
                                                                  const dipper_image *blurred, const float *psf,
                                                                  int psf_width, int psf_height, dipper_quality *out);

/* ---- PSFs ---- */

typedef struct dipper_psf_match {
    size_t struct_size;   /* set by the caller to sizeof(dipper_psf_match) */
    double correlation;   /* normalised correlation at the best whole-pixel shift: 1 = equal up to shift and scale */
    double squared_error; /* sum of squared differences at that shift, both divided by their sums */
    int shift_x, shift_y; /* px: a(y + shift_y, x + shift_x) is compared with b(y, x), centre on centre */
} dipper_psf_match;

/* Two PSFs of any two sizes. DIPPER_ERROR_INPUT: negative, not finite, or all zero. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_psf_compare(dipper_context *context, const float *a, int a_width,
                                                              int a_height, const float *b, int b_width, int b_height,
                                                              dipper_psf_match *out);

#ifdef __cplusplus
}
#endif

#endif
