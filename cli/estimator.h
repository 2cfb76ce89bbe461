/* Kernel estimation for subcommands: names, settings and regions as given. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_ESTIMATOR_H
#define DIPPER_CLI_ESTIMATOR_H

#include "cli/job.h"
#include "cli/library.h"

#define ESTIMATOR_ROI "WxH+X+Y|auto"
#define ESTIMATOR_ROI_HELP "look for the PSF in this part of the picture only; auto: in the part that shows it best"

int estimator_is_known(const char *name);

/* Fills out from --method, --set, --iterations (changes) and --roi (NULL: none), or says on stderr what is wrong and
 * returns the exit code. out->options borrows from out, which must stay where it is. */
int estimator_open(const char *command, const char *method, const recipe_changes *changes, const char *roi,
                   job_estimate_settings *out);
/* If that was --roi auto: the region of this picture for a PSF of the size in options, to options, and to the console.
 */
dipper_status estimator_choose_region(const job_estimate_settings *settings, dipper_context *context,
                                      const dipper_image *blurred, const char *input, console *c,
                                      dipper_estimate_options *options);
void estimator_print(const job_estimate_settings *settings); /* for --print-config */

#endif
