/* PSFs as text. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "io/psf_text.h"

#include "io/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE_LIMIT = 4096 }; /* more is no PSF, borders of zeros included */

static const char separators[] = " \t\r\n,;";

int psf_text_is_text(const char *path) {
    static const char *const names[] = {"txt", "csv", "tsv", "dat"};
    struct stat info;
    if (stat(path, &info) || !S_ISREG(info.st_mode)) return 0; /* picture_read says why not */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (path_has_extension(path, names[i])) return 1;
    char start[64] = "";
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    size_t length = fread(start, 1, sizeof start - 1, file);
    fclose(file);
    const char *first = start + strspn(start, " \t\r\n");
    if (memchr(start, '\0', length) || strncmp(first, "#?", 2) == 0) return 0; /* #?: a Radiance picture */
    return *first && strchr("0123456789+-.#", *first) != NULL;
}

typedef struct reader {
    const char *path;
    float *values; /* height rows of width so far; room for `room` */
    size_t count, room;
    int width, height, line;
    io_error *error;
} reader;

static dipper_status add_value(reader *r, float value) {
    if (r->count == r->room) {
        size_t room = r->room ? 2 * r->room : 1024;
        float *more = realloc(r->values, room * sizeof *more);
        if (!more) return io_fail(r->error, DIPPER_ERROR_MEMORY, "%s: no memory for its values", r->path);
        r->values = more;
        r->room = room;
    }
    r->values[r->count++] = value;
    return DIPPER_OK;
}

/* One line of the file, cut at the comment; lines without numbers are passed over. */
static dipper_status read_line(reader *r, char *text) {
    int width = 0;
    text[strcspn(text, "#")] = '\0';
    for (char *at = text + strspn(text, separators); *at; at += strspn(at, separators)) {
        char *end;
        float value = strtof(at, &end);
        if (end == at || !strchr(separators, *end))
            return io_fail(r->error, DIPPER_ERROR_INPUT, "%s: line %d, number %d: '%.*s' is not a number", r->path,
                           r->line, width + 1, (int)(strcspn(at, separators) < 40 ? strcspn(at, separators) : 40), at);
        IO_TRY(add_value(r, value));
        width++;
        at = end;
    }
    if (width == 0) return DIPPER_OK;
    if (r->height == 0) r->width = width;
    if (width != r->width)
        return io_fail(r->error, DIPPER_ERROR_INPUT, "%s: line %d has %d numbers, those before it have %d", r->path,
                       r->line, width, r->width);
    r->height++;
    if (r->width <= SIDE_LIMIT && r->height <= SIDE_LIMIT) return DIPPER_OK;
    return io_fail(r->error, DIPPER_ERROR_INPUT, "%s: line %d: more than %d values a side are not a PSF", r->path,
                   r->line, SIDE_LIMIT);
}

static dipper_status read_lines(reader *r, FILE *file) {
    char *text = NULL;
    size_t size = 0;
    dipper_status status = DIPPER_OK;
    ssize_t length;
    while (!status && (length = getline(&text, &size, file)) >= 0) {
        r->line++;
        if (memchr(text, '\0', (size_t)length))
            status = io_fail(r->error, DIPPER_ERROR_INPUT, "%s: line %d is not text", r->path, r->line);
        else
            status = read_line(r, text);
    }
    free(text);
    if (!status && ferror(file))
        status = io_fail(r->error, DIPPER_ERROR_INPUT, "%s: cannot be read to its end", r->path);
    if (!status && r->height == 0) status = io_fail(r->error, DIPPER_ERROR_INPUT, "%s: holds no numbers", r->path);
    return status;
}

dipper_status psf_text_read(const char *path, float **values, int *width, int *height, io_error *error) {
    reader r = {.path = path, .error = error};
    FILE *file = fopen(path, "r");
    *values = NULL;
    if (!file) return io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    dipper_status status = read_lines(&r, file);
    fclose(file);
    if (status) {
        free(r.values);
        return status;
    }
    *values = r.values;
    *width = r.width;
    *height = r.height;
    return DIPPER_OK;
}

/* ---- Writing ---- */

static int write_rows(FILE *stream, const float *psf, int width, int height) {
    int good = fprintf(stream, "# PSF, %d x %d, convolution convention\n", width, height) > 0;
    for (int i = 0; good && i < width * height; i++)
        good = fprintf(stream, "%.9g%c", (double)psf[i], (i + 1) % width ? ' ' : '\n') > 0;
    return good;
}

dipper_status psf_text_write(const float *psf, int width, int height, const char *path, int overwrite,
                             io_error *error) {
    output_file file;
    IO_TRY(output_begin(&file, path, error));
    FILE *stream = fopen(file.temporary, "w");
    int good = stream && write_rows(stream, psf, width, height), code = errno;
    if (stream && fclose(stream) != 0 && good) {
        good = 0;
        code = errno;
    }
    if (good) return output_commit(&file, overwrite, error);
    output_discard(&file);
    return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: cannot be written: %s", path, strerror(code));
}
