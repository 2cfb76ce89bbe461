/* The names of a picture's results. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_NAMES_H
#define DIPPER_CLI_NAMES_H

#include "io/path.h"

typedef struct job_names {
    char image[IO_PATH_MAX];
    char psf_npy[IO_PATH_MAX];
    char psf_png[IO_PATH_MAX];
    char record[IO_PATH_MAX];
    char prefix[IO_PATH_MAX]; /* of the snapshots: PREFIX_000500.png */
} job_names;

/* output: NULL (NAME_deblurred.EXT beside the input), a directory (the same names in it; as_directory) or a file
 * (the other results are named after it). psf_out: NULL or a .npy or .png file; the other kind goes beside it. */
dipper_status names_make(const char *input, const char *output, int as_directory, const char *psf_out, job_names *out,
                         io_error *error);
/* PREFIX_000500.png, or .npy in a build without libvips. */
dipper_status names_snapshot(const job_names *names, long iteration, char *out, io_error *error);

#endif
