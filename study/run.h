/* One run of a benchmark: restore a picture, score the result, write it down. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_RUN_H
#define DIPPER_STUDY_RUN_H

#include "study/method.h"
#include "study/suites.h"

typedef struct study_run { /* everything borrowed */
    const study_set *set;
    const study_case *c;
    const study_method *method; /* NULL: the oracle, the non-blind result with the true PSF */
    uint64_t seed;
    char id[17];
    char oracle_id[17]; /* of the case's run of the oracle, "" if there is none */
} study_run;

const char *study_run_method(const study_run *run);
/* What the method (NULL: the oracle) is told of the PSF's size: "own", "31x31", or "auto": nothing. Static or the
 * set's. */
const char *study_psf_told(const study_set *set, const study_method *method); /* its name, or "oracle" */

typedef struct study_watch {     /* of the run's progress, in the solver's thread */
    dipper_progress_fn progress; /* may be NULL; non-zero stops the run */
    void *user;
    double memory_bytes; /* held by the solver; set before the first call */
} study_watch;

/* folder: of the results, absolute; has runs/ and pictures/. Writes FOLDER/pictures/ID.*, then FOLDER/runs/ID.json,
 * which also says of a picture that cannot be restored (DIPPER_ERROR_INPUT, DIPPER_ERROR_DIVERGED) why. After other
 * failures there is no such file. */
dipper_status study_run_do(dipper_context *context, const char *folder, const study_run *run, study_watch *watch,
                           io_error *error);

#endif
