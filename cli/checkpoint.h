/* Checkpoints of one picture's run. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_CHECKPOINT_H
#define DIPPER_CLI_CHECKPOINT_H

#include "cli/job_inner.h"

/* All do nothing unless the settings have a file. */

/* The solver is made: goes on from the file if that is wanted and there is one, or sees that it can be written. */
dipper_status checkpoint_begin(job *j);
/* Between two steps: writes it if the time has come. */
dipper_status checkpoint_write_if_due(job *j);
dipper_status checkpoint_write(job *j);
/* The run is done and its results are written. */
void checkpoint_remove(const job *j);

#endif
