/* One picture: read, restore, write. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_JOB_H
#define DIPPER_CLI_JOB_H

#include "cli/console.h"
#include "cli/names.h"
#include "io/image_file.h"

typedef struct job_nonblind_settings {
    const char *psf_file;
    float *psf; /* height x width; owned by whoever opened them */
    int psf_width, psf_height;
    const char *mask_file;   /* NULL: none */
    struct io_picture *mask; /* the first channel counts */
    dipper_image mask_view;
    dipper_deconvolve_options options; /* but for mask, noise, progress and info */
} job_nonblind_settings;

typedef struct job_estimate_settings {
    dipper_estimate_options options;             /* but for sizes, noise, memory, progress and info */
    double values[DIPPER_ESTIMATE_SETTINGS_MAX]; /* options.settings */
    int choose_region;                           /* in each picture; else as options say */
} job_estimate_settings;

typedef struct job_task { /* of the solver; all zero: deblur, the PSF unknown */
    dipper_task task;
    int factor;             /* superres: how many times as wide and high; 0: the size stays */
    const char *mask_file;  /* inpaint */
    const io_picture *mask; /* known where any channel is not 0 */
    const char *psf_file;   /* deblur, the PSF known; NULL: it is not */
    const char *start_file; /* ... where its estimate starts; NULL: as the recipe says */
    const float *psf;       /* of psf_width x psf_height; NULL: none of both */
    const char *truth_file; /* of pre-training, for studies; NULL: none */
    io_picture *truth;
} job_task;

typedef struct job_auto_settings {
    dipper_preset preset;
    size_t memory_bytes;
} job_auto_settings;

typedef struct job_settings { /* the same for all pictures of a batch */
    dipper_context *context;
    const dipper_recipe *recipe;
    const char *recipe_name; /* or method */
    job_task task;
    const job_nonblind_settings *nonblind;   /* NULL: the solver does it, with the recipe */
    const job_estimate_settings *estimate;   /* before it, the PSF being unknown; NULL: it is known */
    const job_auto_settings *automatic;      /* the automatic mode does all; NULL: it does not */
    int psf_width, psf_height;               /* 0: not told */
    double noise_sigma;                      /* < 0: estimate */
    uint64_t seed, seed_weights, seed_input; /* the last two: or DIPPER_SEED_SAME */
    int recover;                             /* broken results are undone */
    double max_seconds;                      /* 0: no limit */
    int snapshot_every;                      /* 0: none */
    const char *checkpoint;                  /* file; NULL: none. Of the solver alone */
    double checkpoint_every;                 /* s */
    int resume;                              /* go on from the checkpoint if there is one */
    int judge;                               /* a PSF that was found and the result get a verdict */
    int overwrite;
    int json; /* the record goes to stdout instead of the names of the results */
    int argc; /* the command line, for the record */
    char *const *argv;
    console *console;
} job_settings;

typedef struct job_result {
    dipper_status status;
    char message[700]; /* one line, with the name of the file; "" when all went well */
    int width, height; /* of the input */
    long iterations;
    double seconds;
    int written; /* the results are there (also with DIPPER_ERROR_DIVERGED and DIPPER_ERROR_CANCELLED) */
} job_result;

/* Says what goes wrong on the console, the results on stdout, and returns result->status. */
dipper_status job_run(const job_settings *settings, const char *input, const job_names *names, job_result *result);

#endif
