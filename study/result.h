/* One run of a benchmark: what was run, what came out. One JSON file each, in the results folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_RESULT_H
#define DIPPER_STUDY_RESULT_H

#include "dipper/dipper.h"
#include "io/path.h"

enum { RESULT_NAME_MAX = 128, RESULT_TEXT_MAX = 512 };

/* Everything a table, a CSV line or the report needs. Numbers that are not known are NaN (null in JSON); infinity, of
 * equal pictures, is the text "Infinity". Paths are absolute for the data, and relative to the results folder for what
 * the run wrote; "" = there is none. */
typedef struct study_result {
    char id[17];                    /* hash of case, files, recipe, seed ... (study/id.h): 16 hex digits */
    char version[32];               /* DIPPER_VERSION_STRING of the program that made it */
    char suite[RESULT_NAME_MAX];    /* "levin" ... */
    char name[RESULT_NAME_MAX];     /* case: "im1_kernel1" */
    char picture[RESULT_NAME_MAX];  /* "im1": cases are grouped by it ... */
    char kernel[RESULT_NAME_MAX];   /* "kernel1": ... and by it */
    char method[RESULT_NAME_MAX];   /* recipe, or "oracle" for the non-blind result with the true PSF */
    char settings[RESULT_TEXT_MAX]; /* fields changed from the recipe: "f=v f=v", "" if none */
    uint64_t seed;
    char psf_told[16];         /* "own": each case's true size; or "31x31": results with the same text are one group */
    int psf_width, psf_height; /* told */
    int failed;                /* no result: message says why */
    char message[RESULT_TEXT_MAX];

    char protocol[32];              /* how it was scored */
    int crop, range, channel, clip; /* channel: a dipper_channel */
    double psnr_db, ssim, psnr_blurred_db, isnr_db, psnr_nb_db, shift_x, shift_y;
    double oracle_psnr_db, error_ratio, spectral_ratio;
    double psf_correlation, psf_squared_error;
    dipper_quality quality; /* without the truth */

    char verdict[16];           /* "ok", "doubtful", "failed"; "none": too small to tell; "": nobody asked */
    double failure_probability; /* that it lies more than 3 dB below the oracle, by the verdict */

    double seconds;      /* of the solver, reading and scoring left out */
    double memory_bytes; /* held by the solver at its peak */
    char device[RESULT_NAME_MAX];
    int threads;

    char blurred_file[IO_PATH_MAX], truth_file[IO_PATH_MAX], true_psf_file[IO_PATH_MAX];
    int true_psf_rotated;                                                                /* turn it by 180 degrees */
    char result_file[IO_PATH_MAX], psf_npy_file[IO_PATH_MAX], psf_png_file[IO_PATH_MAX]; /* "pictures/ID.png" ... */
} study_result;

/* Zeros, and NaN for every number that may be unknown. */
void study_result_init(study_result *result);

/* Writes FOLDER/runs/ID.json, whole or not at all. */
dipper_status study_result_write(const study_result *result, const char *folder, io_error *error);
/* DIPPER_ERROR_INPUT: missing, not JSON, or not such a file. */
dipper_status study_result_read(const char *path, study_result *out, io_error *error);

typedef struct study_results { /* sorted by suite, method, settings, PSF told, protocol, case, seed */
    study_result *items;
    int count;
    int other_versions; /* files of other versions of Dipper, which are left out */
} study_results;

/* Every FOLDER/runs/ID.json of this version; study_results_free them, also after a failure. Where the oracle of a case
 * is there and a run of it was scored without, oracle_psnr_db and error_ratio are filled from it. DIPPER_ERROR_INPUT:
 * no such folder, or a file in runs that is no result. */
dipper_status study_results_load(const char *folder, study_results *out, io_error *error);
void study_results_free(study_results *results);

#endif
