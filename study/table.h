/* The table that ends a benchmark. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_TABLE_H
#define DIPPER_STUDY_TABLE_H

#include "study/result.h"

#include <stdio.h>

/* One line for each group of the suite's results (study/summary.h). */
dipper_status study_table_print(const study_results *results, const char *suite, FILE *stream, io_error *error);

#endif
