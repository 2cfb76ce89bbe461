/* Pictures in files: what is common to all formats. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "io/image_file.h"

#include "io/npy.h"
#include "io/vips_room.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Life ---- */

dipper_status picture_create(int width, int height, int channels, io_depth depth, io_picture **out, io_error *error) {
    *out = NULL;
    if (width < 1 || height < 1 || (channels != 1 && channels != 3))
        return io_fail(error, DIPPER_ERROR_ARGUMENT, "a picture of %d x %d with %d channels makes no sense", width,
                       height, channels);
    IO_TRY(io_check_size("new picture", (uint64_t)width, (uint64_t)height, error));
    io_picture *p = calloc(1, sizeof *p);
    if (!p) goto fail;
    p->width = width;
    p->height = height;
    p->channels = channels;
    p->depth = depth;
    p->orientation = 1;
    snprintf(p->format, sizeof p->format, "new");
    p->data = calloc((size_t)width * (size_t)height * (size_t)channels, sizeof *p->data);
    if (!p->data) goto fail;
    *out = p;
    return DIPPER_OK;
fail:
    picture_destroy(&p);
    return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for a picture of %d x %d pixels", width, height);
}

void picture_destroy(io_picture **picture) {
    io_picture *p = *picture;
    *picture = NULL;
    if (!p) return;
    vips_room_forget(p->metadata);
    free(p->data);
    free(p->alpha);
    free(p);
}

dipper_image picture_view(io_picture *picture) {
    return dipper_image_view(picture->data, picture->width, picture->height, picture->channels);
}

static void crop_plane(float *plane, int from_width, int x, int y, int width, int height, float *to) {
    for (int row = 0; row < height; row++)
        memmove(to + (size_t)row * (size_t)width, plane + (size_t)(row + y) * (size_t)from_width + x,
                (size_t)width * sizeof *to);
}

void picture_crop(io_picture *p, int x, int y, int width, int height) {
    const size_t before = (size_t)p->width * (size_t)p->height, after = (size_t)width * (size_t)height;
    for (int c = 0; c < p->channels; c++) /* each lands before where the next is read from */
        crop_plane(p->data + (size_t)c * before, p->width, x, y, width, height, p->data + (size_t)c * after);
    if (p->alpha) crop_plane(p->alpha, p->width, x, y, width, height, p->alpha);
    p->width = width;
    p->height = height;
}

/* Where output pixel i lies between two of n input pixels: the first one's index, and the second one's share. */
static float between(int i, int factor, int n, int *first) {
    const float at = ((float)i + 0.5f) / (float)factor - 0.5f;
    const float most = (float)n - 1, inside = at < 0 ? 0 : at > most ? most : at;
    *first = (int)inside < n - 1 ? (int)inside : n > 1 ? n - 2 : 0;
    return inside - (float)*first;
}

static void enlarge_plane(const float *plane, int width, int height, int factor, float *to) {
    for (int y = 0; y < height * factor; y++) {
        int row, column;
        const float down = between(y, factor, height, &row);
        const float *upper = plane + (size_t)row * (size_t)width, *lower = height > 1 ? upper + width : upper;
        for (int x = 0; x < width * factor; x++) {
            const float right = between(x, factor, width, &column);
            const int next = width > 1 ? column + 1 : column;
            const float a = upper[column] + right * (upper[next] - upper[column]);
            const float b = lower[column] + right * (lower[next] - lower[column]);
            *to++ = a + down * (b - a);
        }
    }
}

dipper_status picture_enlarge(io_picture *p, int factor, io_error *error) {
    const size_t before = (size_t)p->width * (size_t)p->height, after = before * (size_t)factor * (size_t)factor;
    IO_TRY(
        io_check_size("result", (uint64_t)p->width * (uint64_t)factor, (uint64_t)p->height * (uint64_t)factor, error));
    float *data = malloc(after * (size_t)p->channels * sizeof *data);
    float *alpha = p->alpha ? malloc(after * sizeof *alpha) : NULL;
    if (!data || (p->alpha && !alpha)) {
        free(data);
        free(alpha);
        return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for a picture of %d x %d pixels", p->width * factor,
                       p->height * factor);
    }
    for (int c = 0; c < p->channels; c++)
        enlarge_plane(p->data + (size_t)c * before, p->width, p->height, factor, data + (size_t)c * after);
    if (alpha) enlarge_plane(p->alpha, p->width, p->height, factor, alpha);
    free(p->data);
    free(p->alpha);
    p->data = data;
    p->alpha = alpha;
    p->width *= factor;
    p->height *= factor;
    return DIPPER_OK;
}

dipper_status picture_through_jpeg(const io_picture *like, float *planes, io_error *error) {
    return vips_room_through_jpeg(like, planes, error);
}

/* ---- Reading ---- */

static dipper_status check_file(const char *path, io_error *error) {
    struct stat info;
    if (stat(path, &info) != 0)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: is a directory; name the pictures in it", path);
    if (!S_ISREG(info.st_mode)) return io_fail(error, DIPPER_ERROR_INPUT, "%s: is not an ordinary file", path);
    if (info.st_size == 0) return io_fail(error, DIPPER_ERROR_INPUT, "%s: is empty", path);
    FILE *file = fopen(path, "rb");
    if (!file) return io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    fclose(file);
    return DIPPER_OK;
}

/* The last of two or four channels is alpha: the array gets shorter, alpha its own. */
static dipper_status split_alpha(io_picture *p, int bands, io_error *error) {
    size_t plane = (size_t)p->width * (size_t)p->height;
    p->channels = bands;
    if (bands == 1 || bands == 3) return DIPPER_OK;
    p->channels = bands - 1;
    p->alpha = malloc(plane * sizeof *p->alpha);
    if (!p->alpha) return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for the alpha channel");
    memcpy(p->alpha, p->data + plane * (size_t)p->channels, plane * sizeof *p->alpha);
    return DIPPER_OK;
}

static dipper_status read_npy(const char *path, io_picture *p, io_error *error) {
    npy_array array;
    IO_TRY(npy_read(path, &array, error));
    p->data = array.data;
    p->width = array.width;
    p->height = array.height;
    p->depth = array.depth;
    p->orientation = 1;
    snprintf(p->format, sizeof p->format, "npy");
    return split_alpha(p, array.channels, error);
}

/* Reading order: rows, columns, then channels. */
static dipper_status check_finite(const char *path, const io_picture *p, io_error *error) {
    size_t plane = (size_t)p->width * (size_t)p->height;
    static const char *const names[] = {"red", "green", "blue"};
    if (p->depth < IO_DEPTH_F32) return DIPPER_OK;
    for (size_t i = 0; i < plane; i++)
        for (int c = 0; c < p->channels; c++) {
            float v = p->data[(size_t)c * plane + i];
            if (isfinite(v)) continue;
            return io_fail(error, DIPPER_ERROR_INPUT,
                           "%s: the value at x %zu, y %zu%s%s (from 0) is %s; replace such values first", path,
                           i % (size_t)p->width, i / (size_t)p->width, p->channels == 3 ? ", channel " : "",
                           p->channels == 3 ? names[c] : "", isnan(v) ? "NaN" : "infinite");
        }
    return DIPPER_OK;
}

dipper_status picture_read(const char *path, io_picture **out, io_error *error) {
    *out = NULL;
    IO_TRY(check_file(path, error));
    io_picture *p = calloc(1, sizeof *p);
    if (!p) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory", path);
    int npy = npy_is_npy(path) || path_has_extension(path, "npy");
    dipper_status status = npy ? read_npy(path, p, error) : vips_room_read(path, p, error);
    if (!status) status = check_finite(path, p, error);
    if (status)
        picture_destroy(&p);
    else
        *out = p;
    return status;
}

/* ---- Writing ---- */

typedef struct format_row {
    const char *extensions; /* each between spaces */
    const char *name;
    unsigned depths; /* bit 1 << io_depth */
    int alpha;
} format_row;

enum { INTEGERS = 3, NO_DOUBLE = 7, ALL_DEPTHS = 15 };

static const format_row formats[] = {
    {" npy ", "npy", ALL_DEPTHS, 1},      {" png ", "png", INTEGERS, 1}, {" jpg jpeg jpe jfif ", "jpeg", 1, 0},
    {" tif tiff ", "tiff", NO_DOUBLE, 1}, {" webp ", "webp", 1, 1},      {" fits fit fts ", "fits", ALL_DEPTHS, 0},
};

static const format_row *find_format(const char *path) {
    char word[16];
    int length = snprintf(word, sizeof word, " %s ", path_extension(path));
    if (length <= 2 || (size_t)length >= sizeof word) return NULL;
    for (char *c = word; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strstr(formats[i].extensions, word)) return &formats[i];
    return NULL;
}

static dipper_status check_format(const char *path, const format_row *row, io_error *error) {
    if (!row)
        return io_fail(error, DIPPER_ERROR_OUTPUT,
                       "%s: this type of file is not written; name the output with -o as .png, .jpg, .tif, .webp, "
                       ".fits or .npy",
                       path);
    if (strcmp(row->name, "npy") == 0 || io_have_vips()) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_OUTPUT,
                   "%s: this build has no libvips and writes .npy files only; name the output with -o as .npy", path);
}

int picture_is_jpeg(const char *path) {
    const format_row *row = find_format(path);
    return row && strcmp(row->name, "jpeg") == 0;
}

dipper_status picture_check_output(const char *path, int overwrite, io_error *error) {
    if (!path_is_directory(path)) IO_TRY(check_format(path, find_format(path), error));
    return output_check(path, overwrite, error);
}

/* 8 and 16 bit files become floats in .npy, where samples in [0, 1] are usual, unless they came from .npy. */
static io_depth choose_depth(const io_picture *like, const format_row *row) {
    io_depth depth = like->depth;
    int npy = strcmp(row->name, "npy") == 0;
    if (npy && depth < IO_DEPTH_F32 && strcmp(like->format, "npy") != 0) return IO_DEPTH_F32;
    while (depth > 0 && !(row->depths & 1u << depth)) depth--;
    return depth;
}

static void say_losses(const io_picture *like, const format_row *row, io_written *report) {
    int alpha = like->alpha && !row->alpha, depth = report->depth < like->depth;
    size_t used = 0, size = sizeof report->note;
    report->note[0] = '\0';
    if (depth)
        used = (size_t)snprintf(report->note, size, "%s samples become %s in %s files", depth_text(like->depth),
                                depth_text(report->depth), row->name);
    if (alpha) snprintf(report->note + used, size - used, "%salpha is left out", depth ? "; " : "");
}

static dipper_status write_npy(const io_picture *like, const float *planes, io_depth depth, const output_file *file,
                               io_error *error) {
    size_t plane = (size_t)like->width * (size_t)like->height, colours = plane * (size_t)like->channels;
    if (!like->alpha) return npy_write(file, planes, like->width, like->height, like->channels, depth, error);
    float *all = malloc((colours + plane) * sizeof *all);
    if (!all) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory to write it", file->path);
    memcpy(all, planes, colours * sizeof *all);
    memcpy(all + colours, like->alpha, plane * sizeof *all);
    dipper_status status = npy_write(file, all, like->width, like->height, like->channels + 1, depth, error);
    free(all);
    return status;
}

dipper_status picture_write(const io_picture *like, const float *planes, const char *path, int overwrite,
                            io_written *report, io_error *error) {
    const format_row *row = find_format(path);
    io_written own;
    io_written *r = report ? report : &own;
    output_file file;
    IO_TRY(check_format(path, row, error));
    *r = (io_written){.depth = choose_depth(like, row)};
    say_losses(like, row, r);
    r->clipped = samples_clipped(planes, r->depth, (size_t)like->width * (size_t)like->height, like->channels);
    IO_TRY(output_begin(&file, path, error));
    dipper_status status;
    if (strcmp(row->name, "npy") == 0) {
        status = write_npy(like, planes, r->depth, &file, error);
    } else {
        vips_job job = {like, planes, row->name, r->depth, like->alpha && row->alpha};
        status = vips_room_write(&job, &file, error);
    }
    if (!status) return output_commit(&file, overwrite, error);
    output_discard(&file);
    return status;
}

dipper_status picture_encode_png(const float *planes, int width, int height, int channels, unsigned char **bytes,
                                 size_t *count, io_error *error) {
    *bytes = NULL;
    *count = 0;
    return vips_room_encode_png(planes, width, height, channels, bytes, count, error);
}
