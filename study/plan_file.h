/* A sweep's plan from a JSON file: data, recipes, fields with values or ranges, seeds. docs/sweeps.md
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_PLAN_FILE_H
#define DIPPER_STUDY_PLAN_FILE_H

#include "study/plan.h"

/* Fills everything but the cases and runs. Names of files in a plan begin at the plan's folder; results[IO_PATH_MAX]
 * gets the folder of the results, "" if the plan names none. DIPPER_ERROR_INPUT: cannot be read, or is not JSON (line
 * and column in the text). DIPPER_ERROR_ARGUMENT: JSON that is no plan, names what is wrong. */
dipper_status study_plan_read(dipper_context *context, const char *path, study_plan *plan, char *results,
                              io_error *error);

#endif
