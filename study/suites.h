/* Benchmark suites: where a data set has its blurred pictures, sharp ones and PSFs. docs/benchmarks.md
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_SUITES_H
#define DIPPER_STUDY_SUITES_H

#include "study/result.h"

typedef struct study_blur study_blur; /* study/made.h */

typedef struct study_case {
    char name[RESULT_NAME_MAX], picture[RESULT_NAME_MAX], kernel[RESULT_NAME_MAX]; /* kernel: "" if not known */
    char blurred_file[IO_PATH_MAX], truth_file[IO_PATH_MAX];                       /* absolute */
    char true_psf_file[IO_PATH_MAX];                                               /* "": not known */
    int true_psf_rotated;                                                          /* turn it by 180 degrees */
    const study_blur *blur; /* not NULL: the three files are made from sharp_file */
    char sharp_file[IO_PATH_MAX];
} study_case;

typedef struct study_cases { /* sorted by name of file */
    study_case *items;
    int count;
} study_cases;

typedef struct study_source {
    const char *data;        /* folder of the data set */
    const char *folder;      /* of the results, for suites that make their pictures; both absolute */
    const char *wanted;      /* names or patterns (* ? []) of cases, separated by commas; NULL: all */
    const study_blur *blurs; /* for suites that make their pictures; NULL: the six of kodak */
    int blur_count;
} study_source;

typedef struct study_suite {
    const char *name, *summary;
    const char *protocol; /* how its results are scored */
    dipper_status (*list)(const struct study_suite *suite, const study_source *source, study_cases *out,
                          io_error *error);
    /* blurred/PICTURE{mark}REST{suffix}.EXT, gt/PICTURE.EXT and psf/{mark less its _}REST{psf_suffix}.EXT; mark NULL:
     * the whole name is the picture's and the PSF's, and a PSF is not needed */
    const char *mark, *suffix, *psf_suffix;
    int psf_rotated; /* the data set has correlation kernels */
} study_suite;

int study_suite_count(void);
const study_suite *study_suite_at(int index);
const study_suite *study_suite_find(const char *name); /* NULL: there is none */

typedef struct study_set { /* cases of one data set, and how they are run; zeroed at birth */
    const study_suite *suite;
    char name[RESULT_NAME_MAX];   /* the results' "suite": that of the suite, or what a plan calls it */
    char data[IO_PATH_MAX];       /* folder of the data set, absolute */
    char wanted[RESULT_TEXT_MAX]; /* as of study_source; "": all */
    const char *protocol;
    char psf_told[16];         /* "own" or "31x31"; of "own" the automatic mode is not told */
    int psf_width, psf_height; /* told; 0: each case's own */
    study_blur *blurs;         /* as of study_source */
    int blur_count;
    study_cases cases;
} study_set;

/* Fills set->cases. DIPPER_ERROR_ARGUMENT also: a PSF's size is neither known nor told. */
dipper_status study_set_list(study_set *set, const char *folder, io_error *error);

/* Cases of a suite; study_cases_free them, also after a failure. DIPPER_ERROR_INPUT: no such folder, no pictures, or
 * partner files that are missing (named); DIPPER_ERROR_ARGUMENT: nothing is like `wanted`. */
dipper_status study_suite_list(const study_suite *suite, const study_source *source, study_cases *out, io_error *error);
void study_cases_free(study_cases *cases);

/* ---- For the functions that list ---- */

/* One more case, zeroed; NULL: no memory. */
study_case *study_cases_add(study_cases *cases);
/* Whether a case of this name is wanted. */
int study_is_wanted(const study_source *source, const char *name);

#endif
