/* PSFs in files: .npy for programs, a picture for eyes. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_PSF_FILE_H
#define DIPPER_IO_PSF_FILE_H

#include "io/io.h"

/* (height, width) float32, as it is. */
dipper_status psf_write_npy(const float *psf, int width, int height, const char *path, int overwrite, io_error *error);

enum { PSF_PICTURE_ZOOM = 8 };

/* 8-bit grey, divided by the maximum, each value a square of 8 x 8 pixels. Needs libvips. */
dipper_status psf_write_picture(const float *psf, int width, int height, const char *path, int overwrite,
                                io_error *error);

#endif
