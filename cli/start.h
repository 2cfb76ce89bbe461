/* What each of Dipper's programs does first. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_START_H
#define DIPPER_CLI_START_H

/* Before anything else in main: may start the program once more. */
void start_program(char **argv);

#endif
