/* All runs of a benchmark: cases x methods x seeds. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_PLAN_H
#define DIPPER_STUDY_PLAN_H

#include "study/run.h"

typedef struct study_method {
    const char *name;
    dipper_recipe *recipe;
} study_method;

typedef struct study_plan_options { /* everything borrowed by the runs */
    const study_setup *setup;
    const study_cases *cases;
    const study_method *methods;
    int method_count;
    int seeds;  /* 0 to seeds-1 */
    int oracle; /* also a run with the true PSF for each case that has one */
} study_plan_options;

/* All cases with the first seed come before those with the second. free() *out, also after a failure. Errors: of files
 * that cannot be read. */
dipper_status study_plan_make(const study_plan_options *options, study_run **out, int *count, io_error *error);

#endif
