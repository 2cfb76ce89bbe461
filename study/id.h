/* What a run is known by: a 64-bit xxHash over everything that decides its result. SPDX-License-Identifier: Apache-2.0
 */
#ifndef DIPPER_STUDY_ID_H
#define DIPPER_STUDY_ID_H

#include "dipper/dipper.h"
#include "io/io.h"

enum { STUDY_ID_SIZE = 17 };

/* Whether this build can make ids (libxxhash). */
int study_have_ids(void);

/* 16 hex digits of the bytes of a file. */
dipper_status study_id_file(const char *path, char out[STUDY_ID_SIZE], io_error *error);

/* Of a text. */
dipper_status study_id_text(const char *text, uint64_t *out, io_error *error);

typedef struct study_run_key {              /* everything borrowed */
    const char *suite, *name;               /* of the case: pictures that are equal are still two cases */
    const char *blurred, *truth, *true_psf; /* ids of the files, "" if there is none */
    int true_psf_rotated;
    const char *protocol, *method, *psf_told;
    const dipper_recipe *recipe; /* NULL: the oracle, or a classical method with its settings */
    const double *values;        /* NULL: it has none */
    int value_count;
    const char *nonblind; /* of a classical method; NULL or "": the usual one */
    uint64_t seed;
} study_run_key;

/* 16 hex digits of the key with all fields of the recipe, and the version of Dipper. */
dipper_status study_id_run(const study_run_key *key, char out[STUDY_ID_SIZE], io_error *error);

#endif
