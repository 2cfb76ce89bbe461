/* The only place with libvips; without it (DIPPER_WITH_VIPS not defined) everything here says so.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_VIPS_ROOM_H
#define DIPPER_IO_VIPS_ROOM_H

#include "io/image_file.h"
#include "io/output.h"

dipper_status vips_room_open(const char *program, io_error *error);
void vips_room_close(void);
const char *vips_room_version(void);            /* "" without libvips */
dipper_status vips_room_start(io_error *error); /* what every use of libvips begins with; only with it */

/* Fills everything of a zeroed picture; the caller destroys it on failure as well. */
dipper_status vips_room_read(const char *path, io_picture *picture, io_error *error);

typedef struct vips_job {
    const io_picture *like;
    const float *planes;
    const char *format; /* "png", "jpeg", "tiff", "webp", "fits" */
    io_depth depth;     /* one that the format has */
    int alpha;          /* whether to write like->alpha */
} vips_job;

/* Writes into the temporary file of an open output. */
dipper_status vips_room_write(const vips_job *job, const output_file *file, io_error *error);

/* As picture_through_jpeg. */
dipper_status vips_room_through_jpeg(const io_picture *like, float *planes, io_error *error);

/* The bytes of a file of 8-bit PNG, without metadata; free() them. */
dipper_status vips_room_encode_png(const float *planes, int width, int height, int channels, unsigned char **bytes,
                                   size_t *count, io_error *error);

void vips_room_forget(io_metadata *metadata); /* NULL is fine */

#endif
