/* Dipper: what every other header needs: context, pictures. Included by dipper/dipper.h.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CORE_H
#define DIPPER_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "dipper/status.h"
#include "dipper/version.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define DIPPER_API __attribute__((visibility("default")))
#else
#define DIPPER_API
#endif

/* ---- Context: device, threads, and the detail of the first error ---- */

typedef struct dipper_context dipper_context;

typedef struct dipper_context_options {
    size_t struct_size; /* set by dipper_context_options_init */
    /* Back end: "auto" (default: a GPU if there is one, else "cpu"), "cpu", "onednn", "ref" (plain C, slow), "cuda",
     * "cuda:1" (the second GPU), "cuda/f32", "cuda/tf32" (default), "cuda/bf16", "cuda:1/bf16" (precision of
     * convolutions; with bf16 feature maps are bfloat16). Borrowed during the call. */
    const char *device;
    int threads; /* worker threads, 0 (default) = one per available core, at most 1024 */
    char *why;   /* where a failure writes its reason, as there is no context to ask then; NULL (default): nowhere */
    size_t why_size; /* its bytes */
} dipper_context_options;

DIPPER_API void dipper_context_options_init(dipper_context_options *options);

/* What options.device may be, or begin with: "cpu", "ref", "cuda" ...; NULL out of range. Static. */
DIPPER_API const char *dipper_device_name(int index);

/* options may be NULL for defaults. On failure *out is NULL. Destroy solvers and recipes before their context. A
 * process that has opened a GPU, by "auto" too, must not use one in children that it forks afterwards. */
DIPPER_MUST_CHECK DIPPER_API dipper_status dipper_context_create(const dipper_context_options *options,
                                                                 dipper_context **out);
DIPPER_API void dipper_context_destroy(dipper_context **context); /* NULL is fine; sets *context to NULL */

/* Detail of the first error since creation or the last clear, "" if none. Valid until the next call with this context.
 */
DIPPER_API const char *dipper_context_message(const dipper_context *context);
DIPPER_API void dipper_context_clear(dipper_context *context);
DIPPER_API const char *dipper_context_device(const dipper_context *context); /* e.g. "cpu (avx2, oneDNN 2.6)" */
/* Why device "auto" took no GPU; "" if it did, if another device was asked for, or if this build knows no GPUs. */
DIPPER_API const char *dipper_context_passed_over(const dipper_context *context);
DIPPER_API int dipper_context_threads(const dipper_context *context);
DIPPER_API const char *dipper_status_text(dipper_status status); /* a few English words */

/* Build options as one line for people, e.g. "oneDNN on, FFTW on, CUDA off". Static. */
DIPPER_API const char *dipper_build_text(void);

/* ---- Pictures: views of the caller's memory ---- */

/* Element (channel c, row y, column x) is data[c*channel_stride + y*row_stride + x*pixel_stride]; strides in floats.
 * The library never keeps the pointer after the call returns. Inputs are only read. */
typedef struct dipper_image {
    float *data;
    int width, height; /* pixels, >= 1 */
    int channels;      /* 1 (grey) or 3 (red, green, blue) */
    ptrdiff_t pixel_stride, row_stride, channel_stride;
} dipper_image;

/* A view of tightly packed planes: pixel stride 1, row stride width. */
DIPPER_API dipper_image dipper_image_view(float *data, int width, int height, int channels);

/* ---- Progress of a long call ---- */

typedef struct dipper_progress {
    size_t struct_size;
    const char *stage;   /* static: "scale 1/4", "scale 1", "deconvolution" ... */
    long iteration;      /* done so far over all stages, in steps of the run */
    long iterations;     /* planned over all stages */
    double loss;         /* of the last step; 0 in a stage without one */
    double seconds;      /* since the first step */
    double seconds_left; /* forecast; 0 until there is one (after the second iteration) */
    const char *note;    /* what happened since the last report, for people: "" mostly; valid during the call */
} dipper_progress;

/* Called after each step (and inside long steps) on the calling thread; non-zero asks to stop. May call
 * dipper_solver_get_image and dipper_solver_get_psf on the solver at work, nothing else. */
typedef int (*dipper_progress_fn)(const dipper_progress *progress, void *user);

#ifdef __cplusplus
}
#endif

#endif
