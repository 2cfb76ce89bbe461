/* Kernel estimation: the classical estimators as one table, and the coarse-to-fine loop that runs any of them
 * (METHODS, section 6). docs/methods/classical.md has formulas. */
#ifndef DP_DECONV_ESTIMATE_H
#define DP_DECONV_ESTIMATE_H

#include "backend/backend.h"
#include "base/diag.h"
#include "dipper/estimate.h"

typedef struct dp_estimator dp_estimator;

enum { DP_ESTIMATE_SETTINGS = 10 };

typedef dipper_estimate_setting dp_setting; /* one number of an estimator */

typedef struct dp_estimate { /* one run; the same for all scales */
    const dp_estimator *estimator;
    dp_backend *be;                       /* of floats */
    const float *blurred;                 /* luma (h, w), finite, not constant */
    int h, w, kh, kw;                     /* kh, kw: of the PSF at full size, odd, 3 to 101, at most h, w */
    double noise_sigma;                   /* of blurred, >= 0 */
    double setting[DP_ESTIMATE_SETTINGS]; /* in the order of the estimator's table */
    const float *start;                   /* (start_kh, start_kw): a PSF to begin with, found in the picture */
    int start_kh, start_kw;               /* at start_scale pixels per pixel; odd. NULL: a small blob */
    double start_scale;
    int (*progress)(int done, int of, void *user); /* non-zero stops. May be NULL */
    void *user;
} dp_estimate;

/* One scale of the pyramid. A picture that goes with a PSF is such that  blurred = psf (*) latent  (true convolution)
 * holds pixel by pixel, the PSF's centre at (kh/2, kw/2); the latent picture beyond the border is not kept. */
typedef struct dp_scale {
    int h, w, kh, kw;
    int number, scales;   /* 0 is the coarsest */
    double scale;         /* pixels here per pixel of the picture, 1 at the last */
    const float *blurred; /* (h, w) */
    float *latent;        /* (h, w); in: from the coarser scale, the blurred picture at the first; out: better */
    float *psf;           /* (kh, kw), non-negative, sum 1; in: from the coarser scale, out: better */
    double noise_sigma;   /* of blurred, >= 0 */
} dp_scale;

struct dp_estimator {
    const char *name, *summary;
    dp_setting settings[DP_ESTIMATE_SETTINGS]; /* ends with a NULL name, or is full */
    int planes;                                /* floats of the padded picture that run holds, for the memory needed */
    double cut, island; /* after each scale: dp_psf_cut. Smallest share of the maximum, of the mass */
    /* One scale. The caller then cuts the PSF, centres it, and shifts latent to match. NULL: this build has no FFTW. */
    dipper_status (*run)(const dp_estimate *job, dp_scale *scale, dp_diag *diag);
};

int dp_estimator_count(void);
const dp_estimator *dp_estimator_at(int index);          /* NULL out of range */
const dp_estimator *dp_estimator_find(const char *name); /* NULL: unknown */

/* Index of a setting, -1: the estimator has none of that name; and how many it has. */
int dp_estimator_setting(const dp_estimator *estimator, const char *name);
int dp_estimator_settings(const dp_estimator *estimator);

/* A job with the estimator's defaults; the caller fills in be, the picture and sizes. */
dp_estimate dp_estimate_defaults(const dp_estimator *estimator);

/* Bytes that dp_estimate_run holds, without the picture itself. */
size_t dp_estimate_bytes(const dp_estimate *job);

/* psf (kh, kw): the result, sum 1, centroid within half a pixel of the centre. latent (h, w) goes with it; may be NULL.
 * DIPPER_ERROR_CANCELLED: neither is usable. DIPPER_ERROR_DIVERGED, DIPPER_ERROR_MEMORY. */
dipper_status dp_estimate_run(const dp_estimate *job, dp_diag *diag, float *psf, float *latent);

/* For estimators: `share` (0..1) of this scale is done. DIPPER_ERROR_CANCELLED when asked to stop. */
dipper_status dp_estimate_report(const dp_estimate *job, const dp_scale *scale, double share, dp_diag *diag);

/* For estimators: one thread for small pictures, where waiting for one another takes longer than the work. */
int dp_estimate_threads(const dp_estimate *job, const dp_scale *scale);

/* The estimators that need FFTW. */
dipper_status dp_map_run(const dp_estimate *job, dp_scale *scale, dp_diag *diag); /* map-l0, dark-, extreme-channel */
dipper_status dp_l1l2_run(const dp_estimate *job, dp_scale *scale, dp_diag *diag);
dipper_status dp_vb_run(const dp_estimate *job, dp_scale *scale, dp_diag *diag); /* Levin 2011, Fergus 2006 */

#endif
