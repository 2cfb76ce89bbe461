/* dipper info --gradients. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_GRADIENTS_H
#define DIPPER_CLI_GRADIENTS_H

#include "cli/options.h"
#include "dipper/dipper.h"

/* Prints what fits the gradients of each picture, and draws all into output (.svg, .csv; NULL: no file). Returns the
 * exit code; nothing is written unless all pictures could be read. */
int gradients_show(dipper_context *context, const text_list *files, const char *output, int overwrite);

#endif
