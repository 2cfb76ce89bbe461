/* What a result holds, as a table: keys of its JSON file, columns of the CSV. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_KEYS_H
#define DIPPER_STUDY_KEYS_H

#include <stddef.h>

typedef enum study_kind {
    KEY_TEXT,
    KEY_FILE, /* text that is no column of the CSV */
    KEY_INT,
    KEY_U64,
    KEY_REAL /* NaN: not known */
} study_kind;

typedef struct study_key {
    const char *name;
    study_kind kind;
    size_t offset, size; /* in study_result */
    int late;            /* files of earlier programs of the same version lack it */
} study_key;

extern const study_key study_keys[];
extern const int study_key_count;

#endif
