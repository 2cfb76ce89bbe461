/* Files that are bytes of ours. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "io/bytes_file.h"

#include "io/output.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static dipper_status cannot_read(const char *path, const char *why, io_error *error) {
    return io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be read: %s", path, why);
}

dipper_status bytes_read(const char *path, unsigned char **bytes, size_t *size, io_error *error) {
    struct stat info;
    *bytes = NULL;
    if (stat(path, &info)) return cannot_read(path, strerror(errno), error);
    if (!S_ISREG(info.st_mode)) return cannot_read(path, "it is no ordinary file", error);
    FILE *file = fopen(path, "rb");
    if (!file) return cannot_read(path, strerror(errno), error);
    *size = (size_t)info.st_size;
    *bytes = malloc(*size + 1);
    errno = 0;
    const int whole = *bytes && fread(*bytes, 1, *size, file) == *size;
    const char *why = errno ? strerror(errno) : "it became shorter";
    fclose(file);
    if (whole) return DIPPER_OK;
    if (!*bytes) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory for its %zu bytes", path, *size);
    free(*bytes);
    *bytes = NULL;
    return cannot_read(path, why, error);
}

dipper_status bytes_write(const void *bytes, size_t size, const char *path, int overwrite, io_error *error) {
    output_file out;
    IO_TRY(output_begin(&out, path, error));
    errno = 0;
    FILE *file = fopen(out.temporary, "wb");
    int good = file && fwrite(bytes, 1, size, file) == size, code = errno;
    if (file && fclose(file) && good) {
        good = 0;
        code = errno;
    }
    if (good) return output_commit(&out, overwrite, error);
    output_discard(&out);
    return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: cannot be written: %s", path, strerror(code));
}

int bytes_begin_with(const char *path, const void *bytes, size_t size) {
    unsigned char begin[64];
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    const size_t got = fread(begin, 1, size < sizeof begin ? size : sizeof begin, file);
    fclose(file);
    return got == size && !memcmp(begin, bytes, size);
}
