/* What dipper psf says about PSFs, as text and as JSON. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_PSF_TEXT_H
#define DIPPER_CLI_PSF_TEXT_H

#include "cli/psf_source.h"
#include "io/psf_file.h"

typedef struct psf_shown {
    const char *path;
    const psf_data *psf;
    psf_origin origin;
    dipper_psf_info info;
} psf_shown;

/* Figures, and a drawing: two characters wide for each value, the darkest for the maximum. */
void psf_print(const psf_shown *shown);
dipper_status psf_print_json(const psf_shown *shown, io_error *error);

void psf_match_print(const dipper_psf_match *match);
dipper_status psf_match_print_json(const char *a, const char *b, const dipper_psf_match *match, io_error *error);

#endif
