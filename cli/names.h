/* The names of a picture's results. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_NAMES_H
#define DIPPER_CLI_NAMES_H

#include "io/path.h"

typedef struct job_names {
    char image[IO_PATH_MAX];
    char psf_npy[IO_PATH_MAX];
    char psf_png[IO_PATH_MAX];
    char deviation_npy[IO_PATH_MAX]; /* "": not wanted */
    char deviation_png[IO_PATH_MAX];
    char record[IO_PATH_MAX];
    char prefix[IO_PATH_MAX]; /* of the snapshots: PREFIX_000500.png */
} job_names;

typedef struct names_endings { /* of what is named after the input: PREFIX = NAME + prefix, result = PREFIX + image */
    const char *prefix, *image;
} names_endings;

typedef struct names_request {
    const char *output;  /* NULL (beside the input), a directory (the same names in it), or a file (the other results
                            are named after it) */
    int as_directory;    /* output is one */
    const char *psf_out; /* NULL or a .npy or .png file; the other kind goes beside it */
    const char *uncertainty; /* the same */
    names_endings endings;
} names_request;

dipper_status names_make(const char *input, const names_request *request, job_names *out, io_error *error);
/* PREFIX_000500.png, or .npy in a build without libvips. */
dipper_status names_snapshot(const job_names *names, long iteration, char *out, io_error *error);

#endif
