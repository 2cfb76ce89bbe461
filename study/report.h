/* A results folder as one HTML page that needs nothing else: table, charts, pictures.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_REPORT_H
#define DIPPER_STUDY_REPORT_H

#include "io/path.h"

typedef struct study_report_options {
    int overwrite;
    int by_name; /* order of the cases: by name, or the worst first */
} study_report_options;

typedef struct study_report_outcome {
    int runs, cases;
    int missing;        /* files of pictures and PSFs that could not be read; the page lists them */
    int other_versions; /* results that were left out */
} study_report_outcome;

/* Makes the page `path` from the results in `folder`. DIPPER_ERROR_INPUT: no results, or a broken one;
 * DIPPER_ERROR_OUTPUT: exists, or cannot be written. Whole or not at all. */
dipper_status study_report_write(const char *folder, const char *path, const study_report_options *options,
                                 study_report_outcome *outcome, io_error *error);

#endif
