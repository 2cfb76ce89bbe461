/* How long the runs of a plan will take: from results that are there, else by trying each method for a moment.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_FORECAST_H
#define DIPPER_STUDY_FORECAST_H

#include "study/plan.h"

typedef struct study_forecast {
    double seconds;      /* of all runs that are to do, one after the other; scoring and files left out */
    double memory_bytes; /* of the largest solver that was tried; 0: none was */
    int known;           /* methods (with their fields) whose time results of this machine's folder tell */
    int tried;           /* ... that were tried now; others count as the mean of these */
} study_forecast;

/* Counts in `seconds` the runs with to_do[i] != 0. folder: of the results. Trials stop after most_seconds in all, and
 * when stop(user) is not 0 (DIPPER_ERROR_CANCELLED). Errors: a first picture that cannot be restored with its method.
 */
dipper_status study_forecast_make(dipper_context *context, const study_plan *plan, const char *folder,
                                  const unsigned char *to_do, double most_seconds, int (*stop)(void *), void *user,
                                  study_forecast *out, io_error *error);

#endif
