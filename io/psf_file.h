/* PSFs in files: .npy and text for programs, pictures, a picture for eyes. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_PSF_FILE_H
#define DIPPER_IO_PSF_FILE_H

#include "io/io.h"

enum { PSF_SIDE_MAX = 101, PSF_NOTE_MAX = 160 };

/* Reads a PSF: .npy, text (io/psf_text.h), or any picture that picture_read takes, with one channel or with equal ones;
 * alpha is ignored. *psf (height x width, packed, free() it): odd sides, non-negative, divided by its sum. rotate turns
 * a correlation kernel by 180 degrees. Even sides get a row of zeros above, a column of zeros on the left, so that the
 * centre (n/2 - 1 of n, as in MATLAB's conv2) becomes the middle; sides above 101 px lose
 * their zero borders, as many on either side; negative values down to -1e-6 of the maximum are rounding and become 0.
 * DIPPER_ERROR_INPUT with the position, counted from 0: other negative values, NaN, infinity; all zero; too large;
 * channels that differ; a picture made for eyes by psf_write_picture. */
dipper_status psf_read(const char *path, int rotate, float **psf, int *width, int *height, io_error *error);
typedef struct psf_origin { /* what the file held */
    int width, height;
    double sum;
    char note[PSF_NOTE_MAX]; /* what was changed in reading, but for the sum, for people; "" if nothing */
} psf_origin;

/* The same; tells what the file held. */
dipper_status psf_read_noted(const char *path, int rotate, float **psf, int *width, int *height, psf_origin *origin,
                             io_error *error);

/* By extension: .npy, .tif and .fits float32 as it is; .txt rows of numbers; .png 16 bit, divided by its maximum. All
 * can be read by psf_read. */
dipper_status psf_write(const float *psf, int width, int height, const char *path, int overwrite, io_error *error);
/* Before the work begins: an extension that psf_write takes, and a place that can be written to? */
dipper_status psf_check_output(const char *path, int overwrite, io_error *error);

/* (height, width) float32, as it is. */
dipper_status psf_write_npy(const float *psf, int width, int height, const char *path, int overwrite, io_error *error);

enum { PSF_PICTURE_ZOOM = 8 };

/* 8-bit grey, divided by the maximum, each value a square of 8 x 8 pixels. Needs libvips. */
dipper_status psf_write_picture(const float *psf, int width, int height, const char *path, int overwrite,
                                io_error *error);

#endif
