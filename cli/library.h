/* The library for a subcommand: its context, and what it has against an option. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_LIBRARY_H
#define DIPPER_CLI_LIBRARY_H

#include "dipper/dipper.h"

/* Opens a context, or says on stderr why not (with the devices that there are) and returns the exit code. */
int library_open(const char *device, int threads, dipper_context **context);
/* Says what the library has against the value of an option; its text names field and range. Returns the exit code. */
int library_refused(dipper_context *context, const char *option, const char *text, dipper_status status);

#endif
