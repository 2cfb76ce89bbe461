/* Names of files: parts and joins. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "io/path.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

const char *path_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *path_extension(const char *path) {
    const char *base = path_base(path);
    const char *dot = strrchr(base, '.');
    return dot && dot != base ? dot + 1 : base + strlen(base);
}

int path_stem_length(const char *path) {
    const char *extension = path_extension(path);
    return (int)(extension - path) - (extension > path && extension[-1] == '.' && extension - 1 != path_base(path));
}

int path_has_extension(const char *path, const char *extension) {
    return strcasecmp(path_extension(path), extension) == 0;
}

int path_is_directory(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int path_exists(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

void path_directory(const char *path, char *out) {
    const char *base = path_base(path);
    size_t length = (size_t)(base - path);
    while (length > 1 && path[length - 1] == '/') length--;
    if (length == 0 || length >= IO_PATH_MAX) {
        memcpy(out, ".", 2);
        return;
    }
    memcpy(out, path, length);
    out[length] = '\0';
}

dipper_status path_print(char *out, io_error *error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(out, IO_PATH_MAX, format, args);
    va_end(args);
    if (length >= 0 && length < IO_PATH_MAX) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_OUTPUT, "a file name is longer than %d characters", IO_PATH_MAX - 1);
}
