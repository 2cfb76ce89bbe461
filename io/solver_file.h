/* The state of a run in a file. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_SOLVER_FILE_H
#define DIPPER_IO_SOLVER_FILE_H

#include "dipper/dipper.h"
#include "io/io.h"

/* Replaces the file by the solver's present state, in one step. The context's message is cleared. */
dipper_status solver_write(dipper_context *context, dipper_solver *solver, const char *path, io_error *error);
/* Makes a new solver go on from the file. After a failure only destroy it. */
dipper_status solver_read(dipper_context *context, dipper_solver *solver, const char *path, io_error *error);

/* Whether there is a checkpoint of this name, of whatever run. */
int solver_file_exists(const char *path);
/* Before the work: can the file be written? What has the name and is no checkpoint is never overwritten. */
dipper_status solver_check_output(const char *path, int overwrite, io_error *error);

#endif
