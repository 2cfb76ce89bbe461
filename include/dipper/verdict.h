/* Dipper: can a result be trusted? Included by dipper/dipper.h; docs/verdict.md says how the verdict is found, how it
 * was calibrated and when it is wrong. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_VERDICT_H
#define DIPPER_VERDICT_H

#include "dipper/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dipper_verdict_level {
    DIPPER_VERDICT_OK,       /* nothing speaks against the result */
    DIPPER_VERDICT_DOUBTFUL, /* look at it before you use it */
    DIPPER_VERDICT_FAILED,   /* do not trust it */
    DIPPER_VERDICT_NONE      /* the picture is too small to tell */
} dipper_verdict_level;

DIPPER_API const char *dipper_verdict_level_name(dipper_verdict_level level); /* "ok" ...; static */

/* ---- Reasons ---- */

enum {                                   /* bits of dipper_verdict.reasons */
       DIPPER_REASON_SHARP = 1 << 0,     /* the picture is sharp already */
       DIPPER_REASON_NO_BLUR = 1 << 1,   /* it is blurred, but the PSF is near a point */
       DIPPER_REASON_CUT_OFF = 1 << 2,   /* the PSF reaches the border of its window */
       DIPPER_REASON_ARTEFACTS = 1 << 3, /* ringing, echoes */
       DIPPER_REASON_NOISE = 1 << 4,     /* too strong */
       DIPPER_REASON_VARIES = 1 << 5,    /* parts of the picture are blurred in other ways */
       DIPPER_REASON_TEXTURE = 1 << 6,   /* too little to see the blur by */
       DIPPER_REASON_SATURATED = 1 << 7, /* too much is clipped */
       DIPPER_REASON_DISPUTED = 1 << 8   /* other methods find another PSF */
};

typedef struct dipper_verdict_reason { /* strings static */
    unsigned bit;
    const char *name;   /* "psf cut off" ... */
    const char *text;   /* what was seen, for people: part of a sentence */
    const char *advice; /* what to try */
} dipper_verdict_reason;

DIPPER_API int dipper_verdict_reason_count(void);
/* index in [0, count), the gravest first: DIPPER_ERROR_ARGUMENT otherwise. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_verdict_reason_at(int index, dipper_verdict_reason *out);

/* ---- The verdict ---- */

enum { DIPPER_VERDICT_EVIDENCE_MAX = 48 };

typedef struct dipper_verdict {
    size_t struct_size; /* set by the caller to sizeof(dipper_verdict) */
    dipper_verdict_level level;
    double probability;  /* that the result is more than 3 dB (PSNR) below what the true PSF would give; NaN: none */
    unsigned reasons;    /* bits; also what is worth knowing of a result that is ok */
    int sharp;           /* 1: the picture that was taken for blurred is sharp */
    int second_opinions; /* 1: other methods were asked */
    double noise_sigma;  /* given or estimated */
    int x, y, width, height; /* the part of the picture that was looked at */
    int evidence_count;
    double evidence[DIPPER_VERDICT_EVIDENCE_MAX]; /* what the verdict rests on; NaN: not known */
} dipper_verdict;

/* Name of evidence[index]; NULL out of range. */
DIPPER_API const char *dipper_verdict_evidence_name(int index);

typedef struct dipper_verdict_options {
    size_t struct_size;          /* set by dipper_verdict_options_init */
    double noise_sigma;          /* of blurred; < 0 (default): estimate */
    int second_opinions;         /* 1 (default): estimate the PSF anew by two classical methods and in four parts of the
                                    picture, for a better verdict: 2 to 7 s; 0: a verdict in about 0.2 s */
    double max_seconds;          /* 0 (default): no limit; second opinions that would take longer are left out */
    dipper_progress_fn progress; /* may be NULL; may call nothing of the library; there is no loss */
    void *user;
} dipper_verdict_options;

DIPPER_API void dipper_verdict_options_init(dipper_verdict_options *options);

/* Judges `result`, restored from `blurred` with the PSF found (psf_height x psf_width, packed, odd sides up to 101,
 * divided by its sum). Colour: luma. Of large pictures the part of 384x384 px that shows the blur best is looked at,
 * and for VARIES all of it. options may be NULL. Same bits for any number of threads. DIPPER_ERROR_INPUT: NaN or
 * infinity, sizes that differ, a PSF that is negative, zero or larger than the picture; DIPPER_ERROR_ARGUMENT;
 * DIPPER_ERROR_MEMORY; DIPPER_ERROR_CANCELLED. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_verdict_judge(dipper_context *context, const dipper_image *blurred,
                                                                const dipper_image *result, const float *psf,
                                                                int psf_width, int psf_height,
                                                                const dipper_verdict_options *options,
                                                                dipper_verdict *out);

/* Is a picture sharp already? psf (psf_height x psf_width, as above): what was found for it; NULL: only pictures beyond
 * doubt are called sharp. *sharp: 1 or 0 (also where that cannot be told: less than 96 px on a side, lamps
 * at night).
 * Colour: luma. noise_sigma < 0: estimate. Errors as dipper_verdict_judge. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_verdict_is_sharp(dipper_context *context, const dipper_image *picture,
                                                                   const float *psf, int psf_width, int psf_height,
                                                                   double noise_sigma, int *sharp);

#ifdef __cplusplus
}
#endif

#endif
