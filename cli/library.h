/* The library for a subcommand: its context, and what it has against an option. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_LIBRARY_H
#define DIPPER_CLI_LIBRARY_H

#include "dipper/dipper.h"

/* Opens a context, or says on stderr why not (with the devices that there are) and returns the exit code. */
int library_open(const char *device, int threads, dipper_context **context);
/* The device with the precision that --precision gives (NULL: none), "cuda:1/bf16"; what is automatic becomes a GPU. */
const char *library_device(const char *device, const char *precision, char text[64]);
/* For options and plans alone, where child processes do the work: it starts no GPU, which they could not use then. */
int library_open_to_check(const char *device, int threads, dipper_context **context);
/* Says what the library has against the value of an option; its text names field and range. Returns the exit code. */
int library_refused(dipper_context *context, const char *option, const char *text, dipper_status status);

typedef struct recipe_changes { /* of the options --set and --iterations */
    const char *const *set;     /* "field=value" */
    int count;
    const char *iterations; /* NULL: the recipe's */
} recipe_changes;

/* Makes the recipe of --method with its changes, or says on stderr what is wrong and returns the exit code. */
int library_recipe(dipper_context *context, const char *method, const recipe_changes *changes, dipper_recipe **recipe);

enum { LIBRARY_PSF_SIZE = 31 }; /* px */

/* The side of a PSF's window for a picture when nobody told it: the usual one, less for small pictures, which hold too
 * little to find a large PSF. */
int library_usual_psf_size(int width, int height);

/* "N" or "WxH", the size of a PSF's window; NULL, or what is wrong with it. */
const char *library_psf_size(const char *text, int *width, int *height);

#endif
