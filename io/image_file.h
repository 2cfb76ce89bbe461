/* Pictures in files: PNG, JPEG, TIFF, WebP, FITS ... through libvips, NumPy's .npy always.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_IMAGE_FILE_H
#define DIPPER_IO_IMAGE_FILE_H

#include "dipper/dipper.h"
#include "io/io.h"
#include "io/samples.h"

/* What libvips keeps of the file beside the pixels: ICC profile, EXIF, XMP, resolution ... */
typedef struct io_metadata io_metadata;

typedef struct io_picture {
    float *data;  /* planar: channels x height x width; 8 and 16 bit in [0, 1], floats as they are in the file */
    float *alpha; /* height x width, or NULL */
    int width, height;
    int channels;    /* 1 or 3, without alpha */
    io_depth depth;  /* of the file */
    char format[16]; /* "png", "jpeg", "tiff", "npy" ... */
    char note[240];  /* what was changed in reading, for people; "" if nothing */
    int orientation; /* EXIF orientation that was applied, 1..8 */
    int has_icc, has_exif;
    int jpeg_quality;      /* of JPEG files that are written like this one, 1..100; 0: 95 */
    io_metadata *metadata; /* NULL for .npy */
} io_picture;

/* Makes a picture of zeros without alpha or metadata. DIPPER_ERROR_INPUT if it is absurdly large. */
dipper_status picture_create(int width, int height, int channels, io_depth depth, io_picture **out, io_error *error);
/* Reads a file: orientation applied, colour spaces other than grey and RGB converted to sRGB (see note), first page of
 * many. Refused with one line, DIPPER_ERROR_INPUT: missing, empty, truncated, of unknown type, a directory, too large,
 * NaN or infinity (first position in reading order). */
dipper_status picture_read(const char *path, io_picture **out, io_error *error);
void picture_destroy(io_picture **picture); /* NULL is fine; sets *picture to NULL */

dipper_image picture_view(io_picture *picture); /* without alpha */

/* Keeps the rectangle width x height, wholly inside, whose top left corner is (x, y); alpha as well. */
void picture_crop(io_picture *picture, int x, int y, int width, int height);

/* Makes it factor times as wide and high; all planes, alpha as well, by bilinear interpolation. DIPPER_ERROR_MEMORY, or
 * DIPPER_ERROR_INPUT if it gets absurdly large; then it stays as it was. */
dipper_status picture_enlarge(io_picture *picture, int factor, io_error *error);

/* What JPEG compression with the picture's jpeg_quality makes of `planes` (its shape), in place: 8 bit, clipped to
 * [0, 1]. DIPPER_ERROR_ARGUMENT in a build without libvips. */
dipper_status picture_through_jpeg(const io_picture *like, float *planes, io_error *error);

/* Before the work begins: is `path` a format that can be written, free or to be overwritten, in a directory that can
 * be written to? */
dipper_status picture_check_output(const char *path, int overwrite, io_error *error);

/* Whether picture_write makes a JPEG file of this name. */
int picture_is_jpeg(const char *path);

typedef struct io_written {
    size_t clipped; /* pixels with a channel outside the range of the file's depth */
    io_depth depth; /* of the file written */
    char note[160]; /* what the format could not keep; "" if nothing */
} io_written;

/* Writes `planes` (channels x height x width of `like`) with alpha, depth and metadata of `like`, in the format that
 * the extension of `path` names; a depth that the format lacks becomes the nearest one that it has (note). Whole or
 * not at all. report may be NULL. */
dipper_status picture_write(const io_picture *like, const float *planes, const char *path, int overwrite,
                            io_written *report, io_error *error);

/* 8-bit PNG of `planes` (channels x height x width, clipped to [0, 1]) in memory; free() it. DIPPER_ERROR_ARGUMENT in a
 * build without libvips. */
dipper_status picture_encode_png(const float *planes, int width, int height, int channels, unsigned char **bytes,
                                 size_t *count, io_error *error);

#endif
