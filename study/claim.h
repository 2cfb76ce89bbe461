/* Who does which run, where several processes share a results folder: a locked file for each run in progress. The lock
 * goes with its process, however that ends, so a claim is never stale. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_CLAIM_H
#define DIPPER_STUDY_CLAIM_H

#include "io/path.h"

typedef struct study_claim { /* zeroed at birth */
    int held;
    int fd; /* inherited by children made with fork: the claim lasts until all have ended or closed it */
    char path[IO_PATH_MAX];
} study_claim;

/* Takes FOLDER/runs/ID.claim; claim->held tells whether it is ours or another process has it. DIPPER_ERROR_OUTPUT:
 * cannot be made, or the file system knows no locks. */
dipper_status study_claim_take(study_claim *claim, const char *folder, const char *id, io_error *error);
/* The same for short work that everybody has to do in turn: waits until it is ours, or until stop(user) is not 0
 * (DIPPER_ERROR_CANCELLED). */
dipper_status study_claim_wait(study_claim *claim, const char *folder, const char *id, int (*stop)(void *), void *user,
                               io_error *error);
/* Removes the file that a killed process left, unless another one holds it. */
dipper_status study_claim_tidy(const char *folder, const char *id, io_error *error);
/* Removes the file; nothing happens to a claim that is not held. */
void study_claim_release(study_claim *claim);

#endif
