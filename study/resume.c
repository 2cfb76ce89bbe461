/* Checkpoints of the runs of a benchmark. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "study/resume.h"

#include "io/solver_file.h"

#include <stdio.h>
#include <time.h>

static const double EVERY = 60; /* s */

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

dipper_status study_resume_begin(study_resume *r, dipper_context *context, const char *folder, const char *id,
                                 io_error *error) {
    r->context = context;
    r->last = seconds_now();
    return path_print(r->path, error, "%s/%s.checkpoint", folder, id);
}

void study_resume_load(study_resume *r, dipper_solver *solver, int *usable) {
    io_error ignored = {""};
    *usable = !path_exists(r->path) || !solver_read(r->context, solver, r->path, &ignored);
    if (!*usable) remove(r->path);
}

int study_resume_is_due(const study_resume *r) {
    return seconds_now() - r->last >= EVERY;
}

dipper_status study_resume_save(study_resume *r, dipper_solver *solver, io_error *error) {
    IO_TRY(solver_write(r->context, solver, r->path, error));
    r->last = seconds_now();
    return DIPPER_OK;
}

dipper_status study_resume_steps(study_resume *r, dipper_solver *solver, io_error *error) {
    long left = 1;
    dipper_status status = DIPPER_OK;
    while (!status && left > 0) {
        status = dipper_solver_step(solver, 1, &left);
        if (!status && left > 0 && study_resume_is_due(r)) IO_TRY(study_resume_save(r, solver, error));
    }
    if (status == DIPPER_ERROR_CANCELLED) IO_TRY(study_resume_save(r, solver, error));
    return status;
}

void study_resume_end(const study_resume *r) {
    if (r->path[0]) remove(r->path);
}
