/* Names in folders. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_FILES_H
#define DIPPER_STUDY_FILES_H

#include "io/path.h"

typedef struct study_names { /* of the files in a folder, sorted, without hidden ones and folders */
    char **items;
    int count;
} study_names;

/* Free them also after a failure. DIPPER_ERROR_INPUT: cannot be read. */
dipper_status study_names_read(const char *folder, study_names *out, io_error *error);
void study_names_free(study_names *names);

/* The first file in the folder with this stem (NAME of NAME.EXT) as a path; 0 if there is none. */
int study_find_stem(const char *folder, const char *stem, char out[IO_PATH_MAX]);

/* Makes a folder unless it is there. DIPPER_ERROR_OUTPUT */
dipper_status study_make_folder(const char *path, io_error *error);

#endif
