/* Claims as locked files. SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* flock */
#include "study/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Between open and lock the former owner may have removed the file: a lock on what has no name claims nothing. */
static int still_there(int fd, const char *path) {
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

dipper_status study_claim_take(study_claim *claim, const char *folder, const char *id, io_error *error) {
    *claim = (study_claim){0};
    IO_TRY(path_print(claim->path, error, "%s/runs/%s.claim", folder, id));
    for (;;) {
        int fd = open(claim->path, O_CREAT | O_RDWR | O_CLOEXEC, 0666), code = fd < 0 ? errno : 0;
        if (!code && flock(fd, LOCK_EX | LOCK_NB)) code = errno;
        if (!code && still_there(fd, claim->path)) {
            claim->fd = fd;
            claim->held = 1;
            return DIPPER_OK;
        }
        if (fd >= 0) close(fd);
        if (code == EWOULDBLOCK) return DIPPER_OK;
        if (code && code != EINTR)
            return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: cannot be locked: %s", claim->path, strerror(code));
    }
}

dipper_status study_claim_wait(study_claim *claim, const char *folder, const char *id, int (*stop)(void *), void *user,
                               io_error *error) {
    for (;;) {
        const struct timespec moment = {.tv_nsec = 20000000};
        IO_TRY(study_claim_take(claim, folder, id, error));
        if (claim->held) return DIPPER_OK;
        if (stop(user)) return io_fail(error, DIPPER_ERROR_CANCELLED, "stopped");
        nanosleep(&moment, NULL);
    }
}

void study_claim_release(study_claim *claim) {
    if (!claim->held) return;
    unlink(claim->path); /* before the lock goes: nobody may lock it in between and lose it */
    close(claim->fd);
    claim->held = 0;
}

dipper_status study_claim_tidy(const char *folder, const char *id, io_error *error) {
    study_claim claim;
    char path[IO_PATH_MAX];
    IO_TRY(path_print(path, error, "%s/runs/%s.claim", folder, id));
    if (access(path, F_OK)) return DIPPER_OK;
    IO_TRY(study_claim_take(&claim, folder, id, error));
    study_claim_release(&claim);
    return DIPPER_OK;
}
