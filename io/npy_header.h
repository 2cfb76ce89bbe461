/* The text at the start of a .npy file. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_NPY_HEADER_H
#define DIPPER_IO_NPY_HEADER_H

#include "io/io.h"

enum { NPY_MAX_RANK = 8 };

typedef struct npy_header {
    char order; /* '<' little-endian, '>' big-endian, '|' one byte, '=' the writer's own */
    char kind;  /* 'f', 'u', 'i', 'b' ... */
    int bytes;  /* of one element */
    int fortran;
    int rank;
    uint64_t shape[NPY_MAX_RANK];
} npy_header;

/* text: the dictionary, without mark and length. DIPPER_ERROR_INPUT naming `path` when it makes no sense. */
dipper_status npy_parse_header(const char *path, const char *text, npy_header *out, io_error *error);

#endif
