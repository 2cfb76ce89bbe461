/* PSFs in files. SPDX-License-Identifier: Apache-2.0 */
#include "io/psf_file.h"

#include "io/image_file.h"
#include "io/npy.h"
#include "io/psf_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading ---- */

typedef struct psf_values {
    const char *path;
    float *data; /* height x width */
    int width, height;
    psf_origin *origin;
    io_error *error;
} psf_values;

static void add_note(psf_values *v, const char *text) {
    char *note = v->origin->note;
    size_t used = strlen(note);
    snprintf(note + used, PSF_NOTE_MAX - used, "%s%s", used ? "; " : "", text);
}

/* psf_write_picture's pictures: every value a square. Taken as a PSF, one would be eight times too large. */
static int is_enlarged(const psf_values *v) {
    int varied = 0;
    if (v->width % PSF_PICTURE_ZOOM || v->height % PSF_PICTURE_ZOOM) return 0;
    for (int y = 0; y < v->height; y++)
        for (int x = 0; x < v->width; x++) {
            float value = v->data[y * v->width + x];
            if (value !=
                v->data[y / PSF_PICTURE_ZOOM * PSF_PICTURE_ZOOM * v->width + x / PSF_PICTURE_ZOOM * PSF_PICTURE_ZOOM])
                return 0;
            varied |= value != v->data[0];
        }
    return varied;
}

/* The first of equal channels becomes the PSF. */
static dipper_status take_picture(psf_values *v, io_picture *p) {
    size_t plane = (size_t)p->width * (size_t)p->height;
    for (size_t i = 0; p->channels == 3 && i < plane; i++)
        if (p->data[i] != p->data[plane + i] || p->data[i] != p->data[2 * plane + i])
            return io_fail(v->error, DIPPER_ERROR_INPUT,
                           "%s: is a colour picture (first at x %zu, y %zu); a PSF has one channel", v->path,
                           i % (size_t)p->width, i / (size_t)p->width);
    v->data = p->data;
    p->data = NULL;
    v->width = p->width;
    v->height = p->height;
    if (p->depth < IO_DEPTH_F32 && is_enlarged(v))
        return io_fail(v->error, DIPPER_ERROR_INPUT,
                       "%s: is an enlarged picture of a PSF, made for eyes; use the .npy file beside it", v->path);
    if (p->depth == IO_DEPTH_U8) add_note(v, "8-bit values are coarse for a PSF");
    return DIPPER_OK;
}

static dipper_status read_values(psf_values *v) {
    io_picture *p = NULL;
    if (psf_text_is_text(v->path)) return psf_text_read(v->path, &v->data, &v->width, &v->height, v->error);
    IO_TRY(picture_read(v->path, &p, v->error));
    dipper_status status = take_picture(v, p);
    picture_destroy(&p);
    return status;
}

static dipper_status check_values(psf_values *v) {
    const double rounding = 1e-6; /* of the maximum: what is left of a PSF that went through an FFT */
    size_t n = (size_t)v->width * (size_t)v->height;
    double largest = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(v->data[i]))
            return io_fail(v->error, DIPPER_ERROR_INPUT, "%s: the value at x %zu, y %zu (from 0) is %s", v->path,
                           i % (size_t)v->width, i / (size_t)v->width, isnan(v->data[i]) ? "NaN" : "infinite");
        largest = fmax(largest, (double)v->data[i]);
    }
    for (size_t i = 0; i < n; i++) {
        if ((double)v->data[i] < -rounding * largest)
            return io_fail(v->error, DIPPER_ERROR_INPUT,
                           "%s: the value at x %zu, y %zu (from 0) is %g; a PSF is never "
                           "negative",
                           v->path, i % (size_t)v->width, i / (size_t)v->width, (double)v->data[i]);
        if (v->data[i] < 0) v->data[i] = 0;
        sum += (double)v->data[i];
    }
    if (!(sum > 0)) return io_fail(v->error, DIPPER_ERROR_INPUT, "%s: is zero everywhere", v->path);
    for (size_t i = 0; i < n; i++) v->data[i] = (float)((double)v->data[i] / sum);
    v->origin->width = v->width;
    v->origin->height = v->height;
    v->origin->sum = sum;
    return DIPPER_OK;
}

/* Replaces the array by one of width x height whose element (y, x) is the old (y + top, x + left), 0 beyond. */
static dipper_status reshape(psf_values *v, int left, int top, int width, int height) {
    float *data = calloc((size_t)width * (size_t)height, sizeof *data);
    if (!data) return io_fail(v->error, DIPPER_ERROR_MEMORY, "%s: no memory for a PSF", v->path);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (x + left >= 0 && x + left < v->width && y + top >= 0 && y + top < v->height)
                data[y * width + x] = v->data[(size_t)(y + top) * (size_t)v->width + (size_t)(x + left)];
    free(v->data);
    v->data = data;
    v->width = width;
    v->height = height;
    return DIPPER_OK;
}

static dipper_status make_odd(psf_values *v) {
    int wide = v->width % 2 == 0, high = v->height % 2 == 0;
    if (!wide && !high) return DIPPER_OK;
    char text[80];
    snprintf(text, sizeof text, "even sides of %d x %d px got zeros%s%s", v->width, v->height,
             wide ? " on the left" : "", high ? wide ? " and above" : " above" : "");
    add_note(v, text);
    return reshape(v, -wide, -high, v->width + wide, v->height + high);
}

/* Sides above the limit lose rows and columns of zeros, the same number at both ends, so that the centre stays. */
static dipper_status fit_limit(psf_values *v) {
    int x_reach = 0, y_reach = 0, cx = v->width / 2, cy = v->height / 2, limit = PSF_SIDE_MAX;
    if (v->width <= limit && v->height <= limit) return DIPPER_OK;
    for (int y = 0; y < v->height; y++)
        for (int x = 0; x < v->width; x++)
            if (v->data[(size_t)y * (size_t)v->width + (size_t)x] > 0) {
                x_reach = abs(x - cx) > x_reach ? abs(x - cx) : x_reach;
                y_reach = abs(y - cy) > y_reach ? abs(y - cy) : y_reach;
            }
    int width = v->width <= limit ? v->width : 2 * x_reach + 1,
        height = v->height <= limit ? v->height : 2 * y_reach + 1;
    if (width > limit || height > limit)
        return io_fail(v->error, DIPPER_ERROR_INPUT,
                       "%s: a PSF of %d x %d px is too large, the limit is %d x %d; crop it around its centre", v->path,
                       v->width, v->height, limit, limit);
    char text[80];
    snprintf(text, sizeof text, "borders of zeros cut, from %d x %d px to %d x %d", v->width, v->height, width, height);
    add_note(v, text);
    return reshape(v, cx - width / 2, cy - height / 2, width, height);
}

static void turn(psf_values *v) {
    for (int i = 0, j = v->width * v->height - 1; i < j; i++, j--) {
        float t = v->data[i];
        v->data[i] = v->data[j];
        v->data[j] = t;
    }
}

dipper_status psf_read_noted(const char *path, int rotate, float **psf, int *width, int *height, psf_origin *origin,
                             io_error *error) {
    psf_values v = {.path = path, .origin = origin, .error = error};
    *psf = NULL;
    *origin = (psf_origin){0};
    dipper_status status = read_values(&v);
    if (!status) status = check_values(&v);
    if (!status) status = make_odd(&v);
    if (!status) status = fit_limit(&v);
    if (status) {
        free(v.data);
        return status;
    }
    if (rotate) turn(&v);
    *psf = v.data;
    *width = v.width;
    *height = v.height;
    return DIPPER_OK;
}

dipper_status psf_read(const char *path, int rotate, float **psf, int *width, int *height, io_error *error) {
    psf_origin origin;
    return psf_read_noted(path, rotate, psf, width, height, &origin, error);
}

/* ---- Writing ---- */

typedef enum psf_format { PSF_UNKNOWN, PSF_NPY, PSF_TEXT, PSF_PNG, PSF_FLOAT } psf_format;

static psf_format format_of(const char *path) {
    static const struct {
        const char *extension;
        psf_format format;
    } rows[] = {{"npy", PSF_NPY},    {"txt", PSF_TEXT},   {"png", PSF_PNG},   {"tif", PSF_FLOAT},
                {"tiff", PSF_FLOAT}, {"fits", PSF_FLOAT}, {"fit", PSF_FLOAT}, {"fts", PSF_FLOAT}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (path_has_extension(path, rows[i].extension)) return rows[i].format;
    return PSF_UNKNOWN;
}

static dipper_status check_format(const char *path, io_error *error) {
    psf_format format = format_of(path);
    if (format == PSF_UNKNOWN)
        return io_fail(error, DIPPER_ERROR_OUTPUT,
                       "%s: this type of file is not written for a PSF; name it .npy, .txt, .tif, .fits or .png", path);
    if (format == PSF_NPY || format == PSF_TEXT || io_have_vips()) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: this build has no libvips and writes a PSF as .npy or .txt only",
                   path);
}

dipper_status psf_check_output(const char *path, int overwrite, io_error *error) {
    if (!path_is_directory(path)) IO_TRY(check_format(path, error));
    return output_check(path, overwrite, error);
}

static float largest_of(const float *psf, int n) {
    float largest = 0;
    for (int i = 0; i < n; i++) largest = fmaxf(largest, psf[i]);
    return largest;
}

static dipper_status write_picture(const float *psf, int width, int height, io_depth depth, const char *path,
                                   int overwrite, io_error *error) {
    io_picture *picture;
    IO_TRY(picture_create(width, height, 1, depth, &picture, error));
    float largest = depth < IO_DEPTH_F32 ? largest_of(psf, width * height) : 1;
    for (int i = 0; i < width * height; i++) picture->data[i] = largest > 0 ? psf[i] / largest : 0;
    dipper_status status = picture_write(picture, picture->data, path, overwrite, NULL, error);
    picture_destroy(&picture);
    return status;
}

dipper_status psf_write(const float *psf, int width, int height, const char *path, int overwrite, io_error *error) {
    IO_TRY(check_format(path, error));
    switch (format_of(path)) {
    case PSF_NPY:
        return psf_write_npy(psf, width, height, path, overwrite, error);
    case PSF_TEXT:
        return psf_text_write(psf, width, height, path, overwrite, error);
    case PSF_PNG:
        return write_picture(psf, width, height, IO_DEPTH_U16, path, overwrite, error);
    default:
        return write_picture(psf, width, height, IO_DEPTH_F32, path, overwrite, error);
    }
}

dipper_status psf_write_npy(const float *psf, int width, int height, const char *path, int overwrite, io_error *error) {
    output_file file;
    IO_TRY(output_begin(&file, path, error));
    dipper_status status = npy_write(&file, psf, width, height, 1, IO_DEPTH_F32, error);
    if (!status) return output_commit(&file, overwrite, error);
    output_discard(&file);
    return status;
}

dipper_status psf_write_picture(const float *psf, int width, int height, const char *path, int overwrite,
                                io_error *error) {
    io_picture *picture;
    IO_TRY(picture_create(width * PSF_PICTURE_ZOOM, height * PSF_PICTURE_ZOOM, 1, IO_DEPTH_U8, &picture, error));
    float largest = largest_of(psf, width * height);
    for (int y = 0; y < picture->height; y++)
        for (int x = 0; x < picture->width; x++) {
            float v = psf[y / PSF_PICTURE_ZOOM * width + x / PSF_PICTURE_ZOOM];
            picture->data[y * picture->width + x] = largest > 0 ? v / largest : 0;
        }
    dipper_status status = picture_write(picture, picture->data, path, overwrite, NULL, error);
    picture_destroy(&picture);
    return status;
}
