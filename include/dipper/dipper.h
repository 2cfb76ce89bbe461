/* Dipper: blind image deconvolution with deep image priors.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Conventions. Pictures are float, usually in [0, 1], and are never rescaled unasked. A PSF is what a point of light
 * looks like on the sensor: the model is D = X (*) K + n with true convolution, K of odd sides, non-negative, sum 1,
 * centre at (kh/2, kw/2). Much public code and data holds correlation kernels, which are K turned by 180 degrees.
 *
 * Threads. Different contexts may be used from different threads at once; one context, and whatever was created with
 * it, from one thread at a time. The library keeps no global state, never prints and never exits.
 *
 * Errors. Every fallible call returns a dipper_status; dipper_context_message gives the first error's detail.
 */
#ifndef DIPPER_H
#define DIPPER_H

#include "dipper/analyse.h"
#include "dipper/auto.h"
#include "dipper/core.h"
#include "dipper/deconvolve.h"
#include "dipper/estimate.h"
#include "dipper/measure.h"
#include "dipper/simulate.h"
#include "dipper/verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Recipes: a method is a table of fields ---- */

typedef struct dipper_recipe dipper_recipe;

typedef struct dipper_field { /* one field of a recipe; all strings static except value */
    const char *name;
    const char *type;        /* "int", "real", "bool", "choice", "list" (comma-separated reals), or "stages"
                              (comma-separated choices, each but the last with ":" and the moment until it holds) */
    double minimum, maximum; /* inclusive; 0, 0 where it has no meaning */
    const char *choices;     /* "a|b|c" for a choice or stages, else "" */
    const char *unit;        /* "px", "iterations", "" ... */
    const char *help;
    const char *value; /* current value as text; owned by the recipe, valid until it is changed */
} dipper_field;

DIPPER_API int dipper_recipe_count(void);
DIPPER_API const char *dipper_recipe_name(int index); /* "fast", "selfdeblur" ...; NULL out of range */
DIPPER_API const char *dipper_recipe_summary(int index);

/* name: one of dipper_recipe_name. DIPPER_ERROR_ARGUMENT for an unknown one. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_recipe_create(dipper_context *context, const char *name,
                                                                dipper_recipe **out);
DIPPER_API void dipper_recipe_destroy(dipper_recipe **recipe);
/* Sets one field from text; DIPPER_ERROR_ARGUMENT (naming field and range) leaves the recipe as it was. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_recipe_set(dipper_context *context, dipper_recipe *recipe,
                                                             const char *field, const char *value);
DIPPER_API int dipper_recipe_field_count(void);
/* index in [0, field_count). recipe may not be NULL. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_recipe_field(const dipper_recipe *recipe, int index,
                                                               dipper_field *out);

/* ---- Solver: spoilt picture in, restored picture and PSF out ---- */

typedef struct dipper_solver dipper_solver;

typedef enum dipper_task {
    DIPPER_TASK_DEBLUR, /* the picture is a sharp one blurred by a PSF, which is found or (recipe field psf=fixed) known
                         */
    DIPPER_TASK_DENOISE,  /* the picture is a clean one with noise; PSF options have no meaning */
    DIPPER_TASK_SUPERRES, /* the picture is a larger one made smaller `factor` times by Lanczos resampling */
    DIPPER_TASK_INPAINT   /* pixels are missing where `mask` is 0; known ones are kept as they are */
} dipper_task;

#define DIPPER_SEED_SAME UINT64_MAX

typedef struct dipper_solver_options {
    size_t struct_size; /* set by dipper_solver_options_init */
    dipper_task task;   /* default DIPPER_TASK_DEBLUR */
    int psf_width;      /* kernel size told by the user, odd, 1..101 px; default 31 */
    int psf_height;
    const float *psf;  /* psf_height x psf_width, packed, non-negative, convolution convention; is divided by
                          its sum. With recipe field psf=fixed the PSF, with psf_start=file where its estimate
                          starts. NULL (default): none */
    int factor;        /* superres: 2, 4 (default) or 8 times as wide and high */
    const float *mask; /* inpaint: size of the picture, packed; 0 where a pixel is missing. NULL (default): none */
    const dipper_image *truth; /* for studies, with recipe field pretrain_target=truth: the ground truth, of the
                                  picture's size and channels. NULL (default): none */
    uint64_t seed;             /* default 0; same seed, device and threads: same bits */
    uint64_t seed_weights; /* of the networks' first weights, and of their input, so that one source of chance can */
    uint64_t seed_input;   /* be changed alone; DIPPER_SEED_SAME (default): seed */
    double noise_sigma;    /* standard deviation of the noise in picture units; < 0 (default): estimate */
    int recover;           /* 1 (default): a broken result (NaN, constant picture, PSF collapsed to one pixel or
                              spread flat) makes the solver go back to the last good state with lower learning
                              rates, at most twice; its iteration count goes back as well */
    dipper_progress_fn progress; /* may be NULL */
    void *user;
} dipper_solver_options;

DIPPER_API void dipper_solver_options_init(dipper_solver_options *options);

/* Makes all memory and plans for restoring `blurred` (1 or 3 channels; 3: BT.601 luma is restored and chroma kept, or
 * with recipe field colour=rgb all channels are restored at once). Copies what it needs: picture, recipe and options
 * may go afterwards. Errors: DIPPER_ERROR_INPUT (NaN, infinity, constant, smaller than the PSF, a PSF that is none),
 * DIPPER_ERROR_ARGUMENT, DIPPER_ERROR_MEMORY, DIPPER_ERROR_DEVICE. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_solver_create(dipper_context *context, const dipper_image *blurred,
                                                                const dipper_recipe *recipe,
                                                                const dipper_solver_options *options,
                                                                dipper_solver **out);
DIPPER_API void dipper_solver_destroy(dipper_solver **solver);

/* Runs up to n further steps (fewer at the end); *left (may be NULL) gets the steps still to do, 0 = finished.
 * DIPPER_ERROR_CANCELLED or DIPPER_ERROR_DIVERGED: results so far stay readable. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_solver_step(dipper_solver *solver, long n, long *left);

/* Size of the picture returned by get_image. */
DIPPER_API void dipper_solver_image_size(const dipper_solver *solver, int *width, int *height, int *channels);
/* Writes the current best estimate into out (caller's memory, of that size). Not clipped. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_solver_get_image(dipper_solver *solver, dipper_image *out);
/* Standard deviation of each pixel of the network's picture: over the outputs that are averaged (recipe field average),
 * or of the posterior (output=mean-std). out: size as dipper_solver_image_size; 1 channel for luma, with colour=rgb the
 * picture's. DIPPER_ERROR_ARGUMENT: the recipe gives none, the last scale has not begun, or out has another shape. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_solver_get_uncertainty(dipper_solver *solver, dipper_image *out);
/* Size of the PSF returned by get_psf (odd; may differ from the size told: a recipe may use a larger window). */
DIPPER_API void dipper_solver_psf_size(const dipper_solver *solver, int *width, int *height);
/* Writes the current PSF (rows x columns, packed, convolution convention, sum 1) into psf[height*width]. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_solver_get_psf(dipper_solver *solver, float *psf);

typedef struct dipper_solver_info {
    size_t struct_size; /* set by the caller to sizeof(dipper_solver_info) */
    long iteration, iterations;
    double loss;
    double noise_sigma;     /* given or estimated */
    double seconds;         /* spent in steps */
    const char *stopped_by; /* static: "iterations" (all that were planned), or the rule of the recipe that ended the
                               run, "noise" or "variance"; NULL: it has not ended by itself */
    size_t memory_bytes;    /* held by the solver at its peak */
    long loss_count;        /* entries of loss history */
    const double *losses;   /* one per iteration; owned by the solver, valid until the next call */
    int recoveries;         /* times that the solver went back */
    long skipped_steps;     /* steps not made because their gradient held NaN */
    const char *trouble;    /* what is wrong with the present result, static; "" if nothing was seen */
} dipper_solver_info;

DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_solver_get_info(dipper_solver *solver, dipper_solver_info *info);

/* ---- Checkpoints: the complete state of a run as bytes ---- */

/* Between two steps (not from the callback). A solver made anew of the same picture, recipe and options, from the same
 * version of Dipper, that loads the bytes goes on as if it had never stopped: with the same device and number of
 * threads to the same bits. A checksum tells damage. The bytes depend on the machine's order of bytes. */
DIPPER_API size_t dipper_solver_save_size(dipper_solver *solver); /* bytes now; changes from step to step */
/* buffer: of that size, aligned as malloc's. DIPPER_ERROR_ARGUMENT: another size; the run has ended (there is nothing
 * to go on from); the device computes in double ("ref64"). */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_solver_save(dipper_solver *solver, void *buffer, size_t size);
/* buffer: aligned as malloc's. DIPPER_ERROR_INPUT: no checkpoint, a damaged one, one of another version, picture,
 * recipe, seed or other option (the message says which). After a failure only destroy the solver. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_solver_load(dipper_solver *solver, const void *buffer, size_t size);

/* ---- The loss around the present weights, for studies ---- */

/* Floats of the image network's weights; the same for the whole run. */
DIPPER_API size_t dipper_solver_weight_count(const dipper_solver *solver);
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_solver_get_weights(dipper_solver *solver, float *weights);
/* A random direction, normal numbers from the seed; each filter of a convolution as long as the present weights' (Li et
 * al. 2018); biases and normalisations 0. DIPPER_ERROR_MEMORY. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_solver_draw_direction(dipper_solver *solver, uint64_t seed,
                                                                        float *direction);
/* The last iteration's loss with other weights of the image network, everything else (PSF, random draws) as it is. The
 * run is not changed. DIPPER_ERROR_ARGUMENT: no iteration of this scale is done; DIPPER_ERROR_MEMORY. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_solver_loss_at(dipper_solver *solver, const float *weights,
                                                                 double *loss);

#ifdef __cplusplus
}
#endif

#endif
