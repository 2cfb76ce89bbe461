/* Ctrl-C, SIGTERM and SIGUSR1. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_STOP_H
#define DIPPER_CLI_STOP_H

/* The first SIGINT, SIGTERM, SIGHUP or SIGUSR1 (a cluster's word that the time is nearly over) asks the run to stop and
 * to write what there is; a later one ends the process at once, temporary files removed. */
void stop_install(void);
/* For quick commands: the first signal ends at once, and leaves no temporary file. */
void stop_install_at_once(void);
int stop_requested(void);

#endif
