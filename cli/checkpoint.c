/* Checkpoints of one picture's run. SPDX-License-Identifier: Apache-2.0 */
#include "cli/checkpoint.h"

#include "io/path.h"
#include "io/solver_file.h"

#include <stdio.h>
#include <string.h>

/* Whatever is written last would win, and the checkpoint is removed at the end. */
static dipper_status check_names(job *j, const char *path) {
    const job_names *n = j->names;
    const char *const others[] = {j->input,  n->image,         n->psf_npy,      n->psf_png,
                                  n->record, n->deviation_npy, n->deviation_png};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(path, others[i]))
            return io_fail(&j->error, DIPPER_ERROR_ARGUMENT, "--checkpoint '%s': is also the input or a result", path);
    return DIPPER_OK;
}

static dipper_status go_on(job *j, const char *path) {
    dipper_solver_info info = {.struct_size = sizeof info};
    IO_TRY(solver_read(j->settings->context, j->solver, path, &j->error));
    const dipper_status status = dipper_solver_get_info(j->solver, &info);
    if (status) return job_library_failed(j, status);
    j->resumed_at = j->last_snapshot = info.iteration;
    j->seconds_before = info.seconds;
    console_note(j->settings->console, "%s: goes on from %s at iteration %ld of %ld", j->input, path, info.iteration,
                 info.iterations);
    return DIPPER_OK;
}

dipper_status checkpoint_begin(job *j) {
    const job_settings *s = j->settings;
    j->last_checkpoint = wall_seconds();
    if (!s->checkpoint) return DIPPER_OK;
    IO_TRY(check_names(j, s->checkpoint));
    IO_TRY(solver_check_output(s->checkpoint, s->overwrite || s->resume, &j->error));
    if (!s->resume) return DIPPER_OK;
    if (path_exists(s->checkpoint)) return go_on(j, s->checkpoint);
    console_detail(s->console, "%s: there is no checkpoint %s yet; begins anew", j->input, s->checkpoint);
    return DIPPER_OK;
}

dipper_status checkpoint_write(job *j) {
    const char *path = j->settings->checkpoint;
    if (!path) return DIPPER_OK;
    IO_TRY(solver_write(j->settings->context, j->solver, path, &j->error));
    j->last_checkpoint = wall_seconds();
    return DIPPER_OK;
}

dipper_status checkpoint_write_if_due(job *j) {
    const int due = wall_seconds() - j->last_checkpoint >= j->settings->checkpoint_every;
    return due ? checkpoint_write(j) : DIPPER_OK;
}

void checkpoint_remove(const job *j) {
    if (j->settings->checkpoint) remove(j->settings->checkpoint);
}
