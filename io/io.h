/* Files for Dipper's programs: start and end of the room, and its errors. SPDX-License-Identifier: Apache-2.0
 *
 * The room sees the installed header only. It never prints and never exits; whatever goes wrong comes back as a status
 * and one line of text. */
#ifndef DIPPER_IO_H
#define DIPPER_IO_H

#include "dipper/status.h"

#include <stdint.h>

/* The first detail wins: io_fail leaves a text that is already there. Zeroed at birth: io_error e = {""}; */
typedef struct io_error {
    char text[640];
} io_error;

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
dipper_status
io_fail(io_error *error, dipper_status status, const char *format, ...);

#define IO_TRY(expr)                                                                                                   \
    do {                                                                                                               \
        dipper_status io_try_ = (expr);                                                                                \
        if (io_try_ != DIPPER_OK) return io_try_;                                                                      \
    } while (0)

/* Once per process, before anything else here; program: argv[0], kept. libvips, started when the first file needs it,
 * gets a small cache, few threads, no output of its own, and only the file formats that are meant to be read (no
 * ImageMagick, PDF, SVG ...). */
dipper_status io_init(const char *program, io_error *error);
void io_shutdown(void);

int io_have_vips(void);
int io_have_json(void);
const char *io_build_text(void); /* "libvips 8.14.1, jansson 2.14" or "libvips off ..."; static */

/* Pictures larger than this are refused before anything is allocated: a restoration needs hundreds of bytes a pixel. */
#define IO_MAX_PIXELS ((uint64_t)1 << 27)
#define IO_MAX_SIDE 1000000

/* DIPPER_ERROR_INPUT with size and limit in the text unless 1 <= width, height and within the limits. */
dipper_status io_check_size(const char *path, uint64_t width, uint64_t height, io_error *error);

#endif
