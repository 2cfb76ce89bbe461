/* NumPy's .npy files. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "io/npy.h"

#include "io/npy_header.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const unsigned char mark[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
enum { HEADER_LIMIT = 65536 };

int npy_is_npy(const char *path) {
    unsigned char start[sizeof mark];
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    int same = fread(start, sizeof start, 1, file) == 1 && memcmp(start, mark, sizeof mark) == 0;
    fclose(file);
    return same;
}

/* ---- Elements ---- */

static double half_to_double(uint16_t bits) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value = exponent == 31  ? (fraction ? NAN : INFINITY)
                   : exponent == 0 ? ldexp(fraction, -24)
                                   : ldexp(fraction + 1024, exponent - 25);
    return bits & 0x8000 ? -value : value;
}

#define AS(type) (memcpy(&u.type##_, bytes, sizeof u.type##_), u.type##_)

/* bytes: one element in this machine's order. Kinds were checked by check_type. */
static double element(const unsigned char *bytes, char kind, int size) {
    union {
        uint8_t u8_;
        uint16_t u16_;
        uint32_t u32_;
        uint64_t u64_;
        int8_t i8_;
        int16_t i16_;
        int32_t i32_;
        int64_t i64_;
        float f32_;
        double f64_;
    } u;
    switch (kind) {
    case 'f':
        return size == 2 ? half_to_double(AS(u16)) : size == 4 ? (double)AS(f32) : AS(f64);
    case 'i':
        return size == 1 ? AS(i8) : size == 2 ? AS(i16) : size == 4 ? (double)AS(i32) : (double)AS(i64);
    case 'b':
        return AS(u8) != 0;
    default:
        return size == 1 ? AS(u8) : size == 2 ? AS(u16) : size == 4 ? (double)AS(u32) : (double)AS(u64);
    }
}

static int machine_is_little(void) {
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first;
}

static void reverse_elements(unsigned char *raw, size_t count, size_t size) {
    for (unsigned char *e = raw; count--; e += size)
        for (size_t i = 0; i < size / 2; i++) {
            unsigned char t = e[i];
            e[i] = e[size - 1 - i];
            e[size - 1 - i] = t;
        }
}

/* ---- Reading ---- */

static dipper_status not_npy(const char *path, io_error *error) {
    return io_fail(error, DIPPER_ERROR_INPUT, "%s: is not a NumPy .npy file", path);
}

static dipper_status read_header(FILE *file, const char *path, npy_header *header, io_error *error) {
    unsigned char start[12];
    if (fread(start, 8, 1, file) != 1 || memcmp(start, mark, sizeof mark) != 0) return not_npy(path, error);
    size_t wide = start[6] == 1 ? 2 : 4, length = 0;
    if (start[6] < 1 || start[6] > 3)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: .npy version %d is not known (1 to 3 are)", path, start[6]);
    if (fread(start, wide, 1, file) != 1) return io_fail(error, DIPPER_ERROR_INPUT, "%s: is cut short", path);
    for (size_t i = wide; i-- > 0;) length = length << 8 | start[i];
    if (length > HEADER_LIMIT)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: claims a header of %zu bytes; not a plain array", path, length);
    char *text = calloc(length + 1, 1);
    if (!text) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory for its header", path);
    dipper_status status = DIPPER_OK;
    if (fread(text, 1, length, file) != length)
        status = io_fail(error, DIPPER_ERROR_INPUT, "%s: is cut short within its header", path);
    else
        status = npy_parse_header(path, text, header, error);
    free(text);
    return status;
}

static dipper_status check_type(const char *path, const npy_header *h, io_error *error) {
    int b = h->bytes;
    int known = h->kind == 'f'                     ? b == 2 || b == 4 || b == 8
                : h->kind == 'u' || h->kind == 'i' ? b == 1 || b == 2 || b == 4 || b == 8
                                                   : h->kind == 'b' && b == 1;
    if (known) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_INPUT,
                   "%s: holds elements of type '%c%d'; save it as float32, float64, uint8 or uint16", path, h->kind,
                   h->bytes);
}

static dipper_status check_shape(const char *path, const npy_header *h, npy_array *out, io_error *error) {
    uint64_t channels = h->rank == 3 ? h->shape[2] : 1;
    if (h->rank < 2 || h->rank > 3 || channels < 1 || channels > 4)
        return io_fail(error, DIPPER_ERROR_INPUT,
                       "%s: is an array of %d dimension%s%s; a picture is height x width or height x width x 1 to 4 "
                       "channels",
                       path, h->rank, h->rank == 1 ? "" : "s", h->rank == 3 ? ", the last of an unsuitable size" : "");
    IO_TRY(io_check_size(path, h->shape[1], h->shape[0], error));
    out->height = (int)h->shape[0];
    out->width = (int)h->shape[1];
    out->channels = (int)channels;
    return DIPPER_OK;
}

/* The file must be as long as its header says, so that a short one is refused before memory is asked for. */
static dipper_status check_length(FILE *file, const char *path, size_t bytes, io_error *error) {
    struct stat info;
    long start = ftell(file);
    if (start < 0 || fstat(fileno(file), &info) != 0)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    if ((uint64_t)info.st_size >= (uint64_t)start + bytes) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_INPUT, "%s: is cut short: %zu bytes of samples expected, %" PRIu64 " found",
                   path, bytes, (uint64_t)info.st_size - (uint64_t)start);
}

static void to_planes(const npy_header *h, const unsigned char *raw, npy_array *out) {
    size_t w = (size_t)out->width, height = (size_t)out->height, channels = (size_t)out->channels;
    size_t size = (size_t)h->bytes;
    double scale = out->plain_float ? 1 : h->bytes == 1 ? 255 : 65535;
    float *to = out->data;
    for (size_t c = 0; c < channels; c++)
        for (size_t y = 0; y < height; y++)
            for (size_t x = 0; x < w; x++) {
                size_t at = h->fortran ? y + height * (x + w * c) : (y * w + x) * channels + c;
                double v = element(raw + at * size, h->kind, h->bytes);
                *to++ = out->plain_float ? (float)v : (float)v / (float)scale;
            }
}

static void choose_depth(const npy_header *h, npy_array *out) {
    out->plain_float = !(h->kind == 'u' && h->bytes <= 2);
    out->depth = IO_DEPTH_F32;
    if (!out->plain_float) out->depth = h->bytes == 1 ? IO_DEPTH_U8 : IO_DEPTH_U16;
    if (h->kind == 'f' && h->bytes == 8) out->depth = IO_DEPTH_F64;
}

static dipper_status read_samples(FILE *file, const char *path, const npy_header *h, npy_array *out, io_error *error) {
    size_t count = (size_t)out->width * (size_t)out->height * (size_t)out->channels; /* at most 2^29 */
    size_t size = (size_t)h->bytes;
    if (count > SIZE_MAX / sizeof(double)) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: too large here", path);
    IO_TRY(check_length(file, path, count * size, error));
    unsigned char *raw = malloc(count * size);
    out->data = malloc(count * sizeof *out->data);
    dipper_status status = DIPPER_OK;
    if (!raw || !out->data)
        status =
            io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory for its %d x %d pixels", path, out->width, out->height);
    else if (fread(raw, size, count, file) != count)
        status = io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be read to its end", path);
    if (!status) {
        if (size > 1 && (h->order == '>') == machine_is_little() && h->order != '=') reverse_elements(raw, count, size);
        choose_depth(h, out);
        to_planes(h, raw, out);
    }
    free(raw);
    return status;
}

static dipper_status read_all(FILE *file, const char *path, npy_array *out, io_error *error) {
    npy_header header;
    IO_TRY(read_header(file, path, &header, error));
    IO_TRY(check_type(path, &header, error));
    IO_TRY(check_shape(path, &header, out, error));
    return read_samples(file, path, &header, out, error);
}

dipper_status npy_read(const char *path, npy_array *out, io_error *error) {
    *out = (npy_array){0};
    FILE *file = fopen(path, "rb");
    if (!file) return io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
    dipper_status status = read_all(file, path, out, error);
    fclose(file);
    if (status) {
        free(out->data);
        *out = (npy_array){0};
    }
    return status;
}

/* ---- Writing ---- */

/* Version 1: mark, 1, 0, length of the text (2 bytes), text padded by spaces to a multiple of 64, newline last. */
static int write_header(FILE *file, int width, int height, int channels, io_depth depth) {
    static const char *const types[] = {"|u1", "u2", "f4", "f8"};
    char text[128], shape[64];
    if (channels == 1)
        snprintf(shape, sizeof shape, "(%d, %d)", height, width);
    else
        snprintf(shape, sizeof shape, "(%d, %d, %d)", height, width, channels);
    int length = snprintf(text, sizeof text, "{'descr': '%s%s', 'fortran_order': False, 'shape': %s, }",
                          depth == IO_DEPTH_U8  ? ""
                          : machine_is_little() ? "<"
                                                : ">",
                          types[depth], shape);
    int padded = 128 - 10;
    memset(text + length, ' ', sizeof text - (size_t)length);
    text[padded - 1] = '\n';
    const unsigned char start[4] = {1, 0, (unsigned char)padded, 0};
    return fwrite(mark, sizeof mark, 1, file) == 1 && fwrite(start, 4, 1, file) == 1 &&
           fwrite(text, (size_t)padded, 1, file) == 1;
}

static int write_rows(FILE *file, const float *planes, int width, int height, int channels, io_depth depth) {
    size_t w = (size_t)width, plane = w * (size_t)height;
    void *row = malloc(w * (size_t)channels * depth_bytes(depth));
    int good = row != NULL;
    for (int y = 0; good && y < height; y++) {
        for (int c = 0; c < channels; c++)
            samples_pack(row, planes + (size_t)c * plane + (size_t)y * w, depth, w, channels, c);
        good = fwrite(row, w * (size_t)channels * depth_bytes(depth), 1, file) == 1;
    }
    free(row);
    return good;
}

dipper_status npy_write(const output_file *file, const float *planes, int width, int height, int channels,
                        io_depth depth, io_error *error) {
    FILE *stream = fopen(file->temporary, "wb");
    int good = stream && write_header(stream, width, height, channels, depth) &&
               write_rows(stream, planes, width, height, channels, depth);
    int code = errno;
    if (stream && fclose(stream) != 0 && good) {
        good = 0;
        code = errno;
    }
    if (good) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: cannot be written: %s", file->path, strerror(code));
}
