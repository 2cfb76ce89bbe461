/* Files that appear whole or not at all: temporary name in the same directory, sync, rename.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_OUTPUT_H
#define DIPPER_IO_OUTPUT_H

#include "io/path.h"

/* Before the work begins: is `path` free (or `overwrite`), not a directory, and can its directory be written to (tried
 * with a file that is removed at once)? DIPPER_ERROR_OUTPUT otherwise. */
dipper_status output_check(const char *path, int overwrite, io_error *error);

typedef struct output_file {
    const char *path; /* the final name, borrowed */
    int slot;         /* of the list for output_abandon_all; -1 when not open */
    char temporary[IO_PATH_MAX];
} output_file;

/* Creates an empty file with a temporary name, the extension of `path`, beside it. Every output_begin ends with one
 * output_commit or output_discard. */
dipper_status output_begin(output_file *file, const char *path, io_error *error);
/* Syncs the temporary file and gives it its name. Without overwrite an existing file is left alone and reported. The
 * temporary file is gone afterwards, whatever comes out. */
dipper_status output_commit(output_file *file, int overwrite, io_error *error);
void output_discard(output_file *file);

/* The bytes of the file `from` as `to`, whole or not at all. */
dipper_status output_copy(const char *from, const char *to, int overwrite, io_error *error);

/* Removes the temporary files that are open now. For signal handlers: async-signal-safe. */
void output_abandon_all(void);

#endif
