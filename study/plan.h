/* All runs of a benchmark or a sweep: cases x methods x seeds. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_PLAN_H
#define DIPPER_STUDY_PLAN_H

#include "study/result.h"
#include "study/run.h"

enum { STUDY_RUNS_MAX = 5000000 };

typedef struct study_plan { /* zeroed at birth; study_plan_free it */
    study_set *sets;
    int set_count;
    study_method *methods;
    int method_count;
    uint64_t *seeds;
    int seed_count;
    int oracle; /* also a run with the true PSF for each case that has one */

    study_run *runs;
    int run_count;
    int oracle_count; /* these come first */
} study_plan;

/* One more, zeroed; NULL: no memory. Those there may move, so none may be added once there are runs. */
study_set *study_plan_add_set(study_plan *plan);
study_method *study_plan_add_method(study_plan *plan);
/* The seeds 0 to count-1. DIPPER_ERROR_MEMORY */
dipper_status study_plan_count_seeds(study_plan *plan, int count, io_error *error);

/* Makes the runs, each one once: all cases with the first seed come before those with the second. Runs of cases that
 * are still to be made (study/made.h) have no id: "". Errors: of files that cannot be read. */
dipper_status study_plan_make(study_plan *plan, io_error *error);
/* Keeps every count-th run from number `index` on, and the runs of the oracle that those need. */
void study_plan_shard(study_plan *plan, int index, int count);
/* Leaves out what is no run of this plan. */
void study_plan_keep(const study_plan *plan, study_results *results);
void study_plan_free(study_plan *plan);

#endif
