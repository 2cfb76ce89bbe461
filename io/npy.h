/* NumPy's .npy files: own small reader and writer, always there. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_NPY_H
#define DIPPER_IO_NPY_H

#include "io/output.h"
#include "io/samples.h"

typedef struct npy_array {
    float *data; /* planar: channels x height x width; free() it */
    int width, height, channels;
    io_depth depth;  /* what to write back: uint8, uint16, float64, and float32 for everything else */
    int plain_float; /* samples were numbers without a range (all but uint8 and uint16): taken as they are */
} npy_array;

/* Reads shape (H, W), (H, W, 1..4), C or Fortran order, of bool, int8..int64, uint8..uint64, float16..float64, either
 * byte order. uint8 and uint16 become v/255 and v/65535; other kinds are taken as they are. Size, limit and length of
 * the file are checked before memory is asked for. */
dipper_status npy_read(const char *path, npy_array *out, io_error *error);

/* Whether the file begins with NumPy's mark. */
int npy_is_npy(const char *path);

/* Writes planar data (channels x height x width) as (H, W) for one channel or (H, W, C), C order, this machine's byte
 * order, into the temporary file of an output that is open. */
dipper_status npy_write(const output_file *file, const float *planes, int width, int height, int channels,
                        io_depth depth, io_error *error);

#endif
