/* Small pictures for a page: shrunk, cut out, enlarged, and written as data: URIs. SPDX-License-Identifier: Apache-2.0
 */
#ifndef DIPPER_STUDY_PLATE_H
#define DIPPER_STUDY_PLATE_H

#include "study/page.h"

typedef struct plate { /* planar: channels x height x width; zeroed at birth, free with plate_free */
    float *data;
    int width, height, channels;
} plate;

dipper_status plate_read(const char *path, plate *out, io_error *error);
void plate_free(plate *p); /* an empty one is fine */

/* Means over squares, so that no side is above `most`. */
dipper_status plate_shrink(const plate *from, int most, plate *out, io_error *error);
/* The square of `side` px whose corner is nearest to (x, y) within the picture (or all of it that there is), each pixel
 * `zoom` x `zoom` px. */
dipper_status plate_cut(const plate *from, int x, int y, int side, int zoom, plate *out, io_error *error);
/* psf (height x width) divided by its maximum, in the middle of canvas x canvas px, each pixel zoom x zoom px. */
dipper_status plate_psf(const float *psf, int width, int height, int canvas, int zoom, plate *out, io_error *error);

/* Corner of the square of `side` px with the largest sum of |gradient|, at least `crop` px away from the borders if the
 * picture is large enough. */
dipper_status plate_find_detail(const plate *p, int crop, int side, int *x, int *y, io_error *error);

/* <img>, with the picture in it. */
dipper_status plate_put(page *to, const plate *p, const char *description, io_error *error);

#endif
