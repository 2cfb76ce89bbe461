/* What dipper score found, as a table and as JSON. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_SCORE_TABLE_H
#define DIPPER_CLI_SCORE_TABLE_H

#include "dipper/dipper.h"
#include "io/io.h"

typedef struct score_found {                          /* what was not asked for is NaN */
    const char *result, *gt, *blurred, *psf, *psf_gt; /* files; NULL: not given */
    const char *protocol;
    double peak;
    int grey;           /* the result is */
    dipper_score score; /* if gt */
    dipper_quality quality;
    dipper_psf_match match; /* if both PSFs */
} score_found;

/* One line a measure, each with its crop, search range, channel and clipping. */
void score_print_table(const score_found *found);
/* One line. */
dipper_status score_print_json(const score_found *found, io_error *error);

#endif
