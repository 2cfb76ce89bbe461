/* Names in folders. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "study/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int ascending(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static int add(study_names *names, const char *name) {
    char **items = realloc(names->items, (size_t)(names->count + 1) * sizeof *items);
    if (items) names->items = items;
    char *copy = items ? strdup(name) : NULL;
    if (copy) names->items[names->count++] = copy;
    return copy != NULL;
}

dipper_status study_names_read(const char *folder, study_names *out, io_error *error) {
    char path[IO_PATH_MAX];
    *out = (study_names){0};
    DIR *directory = opendir(folder);
    if (!directory) return io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be read: %s", folder, strerror(errno));
    dipper_status status = DIPPER_OK;
    for (struct dirent *entry; !status && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.') continue;
        status = path_print(path, error, "%s/%s", folder, entry->d_name);
        if (!status && !path_is_directory(path) && !add(out, entry->d_name))
            status = io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory for the names in it", folder);
    }
    closedir(directory);
    if (out->count) qsort(out->items, (size_t)out->count, sizeof *out->items, ascending);
    return status;
}

void study_names_free(study_names *names) {
    for (int i = 0; i < names->count; i++) free(names->items[i]);
    free(names->items);
    *names = (study_names){0};
}

int study_find_stem(const char *folder, const char *stem, char out[IO_PATH_MAX]) {
    study_names names;
    io_error ignored = {""};
    int found = 0;
    if (study_names_read(folder, &names, &ignored)) names.count = 0;
    for (int i = 0; i < names.count && !found; i++) {
        const char *name = names.items[i];
        found = (size_t)path_stem_length(name) == strlen(stem) && strncmp(name, stem, strlen(stem)) == 0 &&
                !path_print(out, &ignored, "%s/%s", folder, name);
    }
    study_names_free(&names);
    return found;
}

dipper_status study_make_folder(const char *path, io_error *error) {
    if (path_is_directory(path) || mkdir(path, 0777) == 0) return DIPPER_OK;
    int code = errno;
    if (code == EEXIST && path_is_directory(path)) return DIPPER_OK; /* another process was first */
    return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: cannot be made a folder for the results: %s", path, strerror(code));
}
