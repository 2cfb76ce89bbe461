/* Checkpoints of the runs of a benchmark: a run that was stopped goes on the next time. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef DIPPER_STUDY_RESUME_H
#define DIPPER_STUDY_RESUME_H

#include "dipper/dipper.h"
#include "io/path.h"

typedef struct study_resume {
    dipper_context *context;
    char path[IO_PATH_MAX]; /* FOLDER/ID.checkpoint */
    double last;            /* clock of the last one */
} study_resume;

dipper_status study_resume_begin(study_resume *resume, dipper_context *context, const char *folder, const char *id,
                                 io_error *error);
/* Makes a new solver go on if there is a checkpoint. *usable is 0 if that cannot be read, which removes it: the solver
 * has to be made once more. */
void study_resume_load(study_resume *resume, dipper_solver *solver, int *usable);
/* Is the last one a minute old? */
int study_resume_is_due(const study_resume *resume);
/* A checkpoint now: between two steps. */
dipper_status study_resume_save(study_resume *resume, dipper_solver *solver, io_error *error);
/* All steps that are left, with a checkpoint each minute, and at the end where the callback stops the run
 * (DIPPER_ERROR_CANCELLED). */
dipper_status study_resume_steps(study_resume *resume, dipper_solver *solver, io_error *error);
/* The run has its result. */
void study_resume_end(const study_resume *resume);

#endif
