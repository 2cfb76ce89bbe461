/* The state of a run in a file. SPDX-License-Identifier: Apache-2.0 */
#include "io/solver_file.h"

#include "io/bytes_file.h"
#include "io/output.h"

#include <stdlib.h>

static dipper_status failed(dipper_context *context, const char *path, dipper_status status, io_error *error) {
    const char *text = dipper_context_message(context);
    io_fail(error, status, "%s: %s", path, text[0] ? text : dipper_status_text(status));
    dipper_context_clear(context);
    return status;
}

dipper_status solver_write(dipper_context *context, dipper_solver *solver, const char *path, io_error *error) {
    const size_t size = dipper_solver_save_size(solver);
    unsigned char *bytes = malloc(size);
    if (!bytes) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory for a checkpoint of %zu bytes", path, size);
    dipper_context_clear(context);
    dipper_status status = dipper_solver_save(solver, bytes, size);
    if (status)
        failed(context, path, status, error);
    else
        status = bytes_write(bytes, size, path, 1, error);
    free(bytes);
    return status;
}

dipper_status solver_read(dipper_context *context, dipper_solver *solver, const char *path, io_error *error) {
    unsigned char *bytes;
    size_t size;
    IO_TRY(bytes_read(path, &bytes, &size, error));
    dipper_context_clear(context);
    dipper_status status = dipper_solver_load(solver, bytes, size);
    if (status) failed(context, path, status, error);
    free(bytes);
    return status;
}

int solver_file_exists(const char *path) {
    return bytes_begin_with(path, "DIPPERCP", 8);
}

dipper_status solver_check_output(const char *path, int overwrite, io_error *error) {
    if (path[0] && !path_is_directory(path) && path_exists(path) && !solver_file_exists(path))
        return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: exists and is no checkpoint; give another name", path);
    return output_check(path, overwrite, error);
}
