/* Drawings of our own as pictures. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_DRAWING_FILE_H
#define DIPPER_IO_DRAWING_FILE_H

#include "io/io.h"

#include <stddef.h>

/* Whether drawing_write_png can: libvips is there, and can draw SVG. */
int drawing_can_png(void);

/* SVG text that this program made (never a file of others: readers of SVG are fragile) as PNG at 192 dots an inch,
 * twice its size in px. Whole or not at all. DIPPER_ERROR_ARGUMENT: drawing_can_png says no. */
dipper_status drawing_write_png(const char *svg, size_t length, const char *path, int overwrite, io_error *error);

#endif
