/* PSFs as text: a row a line, numbers between spaces, tabs, commas or semicolons; # begins a comment.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_PSF_TEXT_H
#define DIPPER_IO_PSF_TEXT_H

#include "io/io.h"

/* Whether it is an ordinary file that is named .txt, .csv, .tsv or .dat, or begins as numbers do. */
int psf_text_is_text(const char *path);

/* *values (height x width, free() it) as they are, NaN and infinity too. DIPPER_ERROR_INPUT naming line and column. */
dipper_status psf_text_read(const char *path, float **values, int *width, int *height, io_error *error);

/* Nine digits, which give back the same floats. */
dipper_status psf_text_write(const float *psf, int width, int height, const char *path, int overwrite, io_error *error);

#endif
