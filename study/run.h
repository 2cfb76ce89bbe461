/* One run of a benchmark: restore a picture, score the result, write it down. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_RUN_H
#define DIPPER_STUDY_RUN_H

#include "study/suites.h"

typedef struct study_setup { /* the same for all runs; everything borrowed */
    const char *folder;      /* of the results, absolute; has runs/ and pictures/ */
    const char *suite, *protocol;
    const char *settings;      /* fields changed, "f=v f=v" */
    const char *psf_told;      /* "own" or "31x31" */
    int psf_width, psf_height; /* told; 0: each case's own */
} study_setup;

typedef struct study_run {
    const study_case *c;
    const char *method;          /* recipe, or "oracle" */
    const dipper_recipe *recipe; /* NULL: the oracle */
    uint64_t seed;
    char id[17];
    char oracle_id[17]; /* of the case's run of the oracle, "" if there is none */
} study_run;

typedef struct study_watch {     /* of the run's progress, in the solver's thread */
    dipper_progress_fn progress; /* may be NULL; non-zero stops the run */
    void *user;
    double memory_bytes; /* held by the solver; set before the first call */
} study_watch;

/* Writes FOLDER/pictures/ID.*, then FOLDER/runs/ID.json, which also says of a picture that cannot be restored
 * (DIPPER_ERROR_INPUT, DIPPER_ERROR_DIVERGED) why. After other failures there is no such file. */
dipper_status study_run_do(dipper_context *context, const study_setup *setup, const study_run *run, study_watch *watch,
                           io_error *error);

#endif
