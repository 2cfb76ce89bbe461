/* Cases whose blurred pictures are made here, from sharp ones and a fixed set of PSFs.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_MADE_H
#define DIPPER_STUDY_MADE_H

#include "study/suites.h"

struct study_blur {             /* zeroed at birth */
    char name[RESULT_NAME_MAX]; /* end of the case's name */
    dipper_psf_options psf;
    char psf_file[IO_PATH_MAX]; /* not "": the PSF of this file, absolute, and not psf */
    int psf_rotated;            /* turn that one by 180 degrees */
    dipper_noise noise;
    double noise_level;
    uint64_t seed; /* of the noise */
    int margin;    /* by so many px each side of the blurred picture is shorter; 0: half of the PSF */
};

/* Each picture of the data folder with each PSF; the files will lie in FOLDER/made. */
dipper_status study_made_list(const study_suite *suite, const study_source *source, study_cases *out, io_error *error);

/* Whether the case's files are still to be made. */
int study_made_missing(const study_case *c);

/* Writes blurred picture, truth (the part of the sharp picture that the blurred one shows) and PSF. */
dipper_status study_made_write(dipper_context *context, const study_case *c, io_error *error);

#endif
