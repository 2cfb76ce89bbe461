/* dipper deblur --psf: what its options mean. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_NONBLIND_H
#define DIPPER_CLI_NONBLIND_H

#include "cli/job.h"

typedef struct nonblind_options { /* as given */
    const char *psf, *method, *iterations, *edges, *saturation, *weight, *exponent, *mask;
    int rotate, box, max_memory; /* MB; 0: the machine's */
} nonblind_options;

/* What --max-memory is by default, in bytes. */
size_t nonblind_usual_memory(void);
int nonblind_is_known(const char *method);
/* Whether there is such a method in this build, or says on stderr what is wrong and returns the exit code. */
int nonblind_check(const char *command, const char *option, const char *method);
/* Reads the PSF, if there is one, and checks the options, or says on stderr what is wrong and returns the exit code.
 * nonblind_close frees it. */
int nonblind_open(const nonblind_options *options, dipper_context *context, console *c, job_nonblind_settings *out);
void nonblind_close(job_nonblind_settings *settings);
void nonblind_print(const job_nonblind_settings *settings); /* for --print-config */

#endif
