/* Files that appear whole or not at all. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "io/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Names that a signal handler must remove. `used` is set after the name is complete. */
enum { SLOTS = 4 };
static struct {
    char name[IO_PATH_MAX];
    volatile sig_atomic_t used;
} slots[SLOTS];

void output_abandon_all(void) {
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].used) unlink(slots[i].name);
}

static int slot_take(const char *name) {
    for (int i = 0; i < SLOTS; i++) {
        if (slots[i].used) continue;
        memcpy(slots[i].name, name, strlen(name) + 1);
        slots[i].used = 1;
        return i;
    }
    return -1;
}

static void slot_free(output_file *file) {
    if (file->slot >= 0) slots[file->slot].used = 0;
    file->slot = -1;
}

static dipper_status cannot_write(const char *path, int code, io_error *error) {
    const char *todo = code == ENOENT    ? " (does its directory exist?)"
                       : code == ENOTDIR ? " (a part of the path is not a directory)"
                                         : "";
    return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: cannot be written: %s%s", path, strerror(code), todo);
}

static dipper_status exists_already(const char *path, io_error *error) {
    return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: exists already; use -f to overwrite it, or another name with -o",
                   path);
}

/* An extension that a library cannot take for anything but an extension. */
static const char *safe_extension(const char *path) {
    const char *extension = path_extension(path);
    size_t length = strspn(extension, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    return extension[length] == '\0' && length > 0 && length <= 8 ? extension : "tmp";
}

static dipper_status temporary_name(output_file *file, unsigned attempt, io_error *error) {
    char directory[IO_PATH_MAX];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    path_directory(file->path, directory);
    uint64_t mark = (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec << 20 ^ (uint64_t)getpid() << 44;
    return path_print(file->temporary, error, "%s%s.dipper-%012llx%02x.%s", directory,
                      directory[strlen(directory) - 1] == '/' ? "" : "/", (unsigned long long)(mark & 0xffffffffffffu),
                      attempt & 255, safe_extension(file->path));
}

/* A name longer than the file system allows must be reported before the work, not at the last rename. */
static int name_too_long(const char *path) {
    struct stat info;
    return lstat(path, &info) != 0 && errno == ENAMETOOLONG;
}

dipper_status output_begin(output_file *file, const char *path, io_error *error) {
    *file = (output_file){.path = path, .slot = -1};
    if (name_too_long(path)) return cannot_write(path, ENAMETOOLONG, error);
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        IO_TRY(temporary_name(file, attempt, error));
        file->slot = slot_take(file->temporary);
        if (file->slot < 0) return io_fail(error, DIPPER_ERROR_INTERNAL, "%s: too many files open for writing", path);
        int fd = open(file->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
        if (fd >= 0) {
            close(fd);
            return DIPPER_OK;
        }
        int code = errno;
        slot_free(file);
        if (code != EEXIST) return cannot_write(path, code, error);
    }
    return cannot_write(path, EEXIST, error);
}

void output_discard(output_file *file) {
    if (file->slot < 0) return;
    unlink(file->temporary);
    slot_free(file);
}

static int sync_name(const char *name, int flags) {
    int fd = open(name, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0) return errno;
    int code = fsync(fd) ? errno : 0;
    close(fd);
    return code;
}

/* link() refuses an existing name in one step; where the file system has no links, look and rename. */
static int rename_new(const char *from, const char *to) {
    if (link(from, to) == 0) return unlink(from) ? errno : 0;
    if (errno == EEXIST) return EEXIST;
    if (path_exists(to)) return EEXIST;
    return rename(from, to) ? errno : 0;
}

dipper_status output_commit(output_file *file, int overwrite, io_error *error) {
    char directory[IO_PATH_MAX];
    int code = sync_name(file->temporary, 0);
    if (!code) {
        if (!overwrite)
            code = rename_new(file->temporary, file->path);
        else
            code = rename(file->temporary, file->path) ? errno : 0;
    }
    const char *path = file->path;
    if (code) {
        output_discard(file);
        return code == EEXIST ? exists_already(path, error) : cannot_write(path, code, error);
    }
    slot_free(file);
    path_directory(path, directory);
    (void)sync_name(directory, O_DIRECTORY); /* the file is complete; some file systems cannot sync a directory */
    return DIPPER_OK;
}

dipper_status output_check(const char *path, int overwrite, io_error *error) {
    output_file trial;
    if (!path[0]) return io_fail(error, DIPPER_ERROR_OUTPUT, "the name of the output is empty");
    if (path_is_directory(path)) return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: is a directory", path);
    if (!overwrite && path_exists(path)) return exists_already(path, error);
    IO_TRY(output_begin(&trial, path, error));
    output_discard(&trial);
    return DIPPER_OK;
}

/* 0, or errno. */
static int copy_bytes(FILE *from, FILE *to) {
    char bytes[1 << 14];
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, from)) > 0)
        if (fwrite(bytes, 1, n, to) != n) return errno;
    return ferror(from) || fflush(to) ? errno : 0;
}

dipper_status output_copy(const char *from, const char *to, int overwrite, io_error *error) {
    output_file file;
    FILE *source = fopen(from, "rb");
    if (!source) return io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be read: %s", from, strerror(errno));
    const dipper_status status = output_begin(&file, to, error);
    FILE *target = status ? NULL : fopen(file.temporary, "wb");
    const int code = status ? 0 : target ? copy_bytes(source, target) : errno;
    if (target) fclose(target);
    fclose(source);
    if (status) return status;
    if (!code) return output_commit(&file, overwrite, error);
    output_discard(&file);
    return cannot_write(to, code, error);
}
