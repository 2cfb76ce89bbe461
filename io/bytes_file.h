/* Files that are bytes of ours: read whole, written whole. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_BYTES_FILE_H
#define DIPPER_IO_BYTES_FILE_H

#include "io/io.h"

#include <stddef.h>

/* free() *bytes, NULL on failure. DIPPER_ERROR_INPUT: cannot be read, no ordinary file. */
dipper_status bytes_read(const char *path, unsigned char **bytes, size_t *size, io_error *error);

/* Whole or not at all, as io/output.h; on disk when it returns. */
dipper_status bytes_write(const void *bytes, size_t size, const char *path, int overwrite, io_error *error);

/* Whether the file begins with these bytes; no if it cannot be read. */
int bytes_begin_with(const char *path, const void *bytes, size_t size);

#endif
