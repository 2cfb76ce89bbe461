/* The record of a run: enough to repeat it, as JSON (jansson). SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_RECORD_H
#define DIPPER_IO_RECORD_H

#include "dipper/dipper.h"
#include "io/io.h"

#include <stdio.h>

/* Everything is borrowed; texts that are NULL, numbers that are not finite, and a NULL recipe are written as null. */
typedef struct run_record {
    dipper_status status; /* how it ended, and what was said */
    const char *message;
    int argc; /* the command line */
    char *const *argv;
    const char *started;                                     /* ISO 8601, UTC */
    const char *input, *output, *psf_npy, *psf_png, *record; /* files; NULL: not written */
    const char *uncertainty_npy, *uncertainty_png;
    const char *task;  /* "deblur", "denoise" ... */
    int factor;        /* superres; 0: the size stays */
    const char *mask;  /* its file */
    const char *truth; /* file of pre-training's target; NULL: none */
    int width, height, channels, alpha;
    int output_width, output_height; /* 0: nothing was written */
    const char *depth;               /* of the input, e.g. "8 bit" */
    const char *notes;               /* what was changed in reading and writing */
    const char *recipe_name;
    const dipper_recipe *recipe;
    uint64_t seed; /* numbers above 2^63 - 1 are written as text */
    const char *device, *build;
    int threads;
    int psf_width_told, psf_height_told, psf_width, psf_height;
    const char *psf_size_from;         /* "user", "default" or "found" */
    const dipper_auto_info *automatic; /* of the automatic mode; NULL: another method */
    const char *preset;                /* ... its preset */
    double noise_sigma;
    const char *noise_from;      /* "user" or "estimate" */
    const char *psf_input;       /* non-blind: the PSF's file */
    const char *nonblind_method; /* after an estimate; NULL: recipe_name is it */
    double weight, exponent;
    const char *edges;  /* NULL: none of these three and of the next */
    uint64_t saturated; /* samples taken as lower bounds */
    uint64_t masked;    /* pixels that the mask left out */
    int tiles;          /* non-blind; 0: does not apply */
    long iterations_done, iterations_planned;
    long resumed_at;                   /* iteration at which it went on from a checkpoint; < 0: it began anew */
    uint64_t seed_weights, seed_input; /* as used */
    const char *psf_start;             /* file where the PSF's estimate started; NULL: none */
    int recoveries;                    /* times that a broken result was undone */
    long skipped_steps;                /* their gradient held NaN */
    const char *trouble;               /* what is wrong with the result; "" or NULL: nothing was seen */
    const char *stopped_by;            /* "iterations" or a rule of the recipe's; NULL: it did not end by itself */
    const dipper_verdict *verdict;     /* NULL: there is none */
    double loss;
    const double *losses;
    long loss_count;
    double seconds_total, seconds_solver;
    uint64_t memory_solver_bytes, memory_peak_bytes;
    int64_t clipped_pixels; /* -1: nothing was written */
} run_record;

/* Both: DIPPER_ERROR_ARGUMENT in a build without jansson. */
dipper_status record_write(const run_record *record, const char *path, int overwrite, io_error *error);
/* One line. */
dipper_status record_print(const run_record *record, FILE *stream, io_error *error);

#endif
