/* Names of files: parts and joins. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_PATH_H
#define DIPPER_IO_PATH_H

#include "io/io.h"

enum { IO_PATH_MAX = 4096 };

/* The last part of the path; points into it. */
const char *path_base(const char *path);
/* What follows the last dot of the last part ("" if none, or if the name only begins with a dot); points into it. */
const char *path_extension(const char *path);
/* Characters of `path` before the dot of its extension. */
int path_stem_length(const char *path);
/* Whether the extension equals `extension`, letter case aside. */
int path_has_extension(const char *path, const char *extension);

/* Whether the path names an existing directory. */
int path_is_directory(const char *path);
/* Whether anything (also a broken link) has this name. */
int path_exists(const char *path);

/* Writes the directory of `path` ("." if none, "/" for the root) into out[IO_PATH_MAX]. */
void path_directory(const char *path, char *out);
/* printf into out[IO_PATH_MAX]; DIPPER_ERROR_OUTPUT if it does not fit. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
dipper_status
path_print(char *out, io_error *error, const char *format, ...);

#endif
