/* Statistics over runs: one line of the table for each method. docs/measures.md says what they mean.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_SUMMARY_H
#define DIPPER_STUDY_SUMMARY_H

#include "study/result.h"

/* Runs of one suite with the same method, settings, PSF told and protocol. Runs without a result count as runs and
 * failures and in nothing else. Numbers that cannot be known are NaN. */
typedef struct study_summary {
    const study_result *first; /* `runs` of them in a row; borrowed from the results */
    int runs, cases;
    int failures;                        /* no result, or PSNR-GT below that of the blurred picture */
    double mean_db, median_db;           /* PSNR-GT */
    const study_result *worst;           /* the run of least PSNR-GT; NULL if none was scored */
    double spread_db;                    /* over seeds: standard deviation within a case, pooled over the cases */
    double mean_blurred_db;              /* over cases */
    double mean_isnr_db, mean_ssim;      /* over runs */
    double mean_seconds, median_seconds; /* of a run */
    double largest_bytes;                /* of all runs */
    int verdicts[3];                     /* ok, doubtful, failed */
} study_summary;

int study_is_failure(const study_result *run);
int study_same_group(const study_result *a, const study_result *b);

/* One for each group, in the order of the results; free() *out, also when it stays NULL. */
dipper_status study_summarise(const study_results *results, study_summary **out, int *count, io_error *error);

#endif
