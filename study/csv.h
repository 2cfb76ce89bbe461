/* Results as a table for other programs. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_CSV_H
#define DIPPER_STUDY_CSV_H

#include "study/result.h"

/* A line of names and one line a run (RFC 4180, but lines end with \n); what is not known is empty. Replaces the file,
 * whole or not at all. */
dipper_status study_csv_write(const study_results *results, const char *path, io_error *error);

#endif
