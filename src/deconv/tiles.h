/* Large pictures in overlapping tiles, each restored as a picture of its own: what fits into the caches is several
 * times faster, and memory no longer grows with the picture. The data term of a tile ends at its border, so that
 * nothing wrong is assumed there; what is lost decays within about a PSF's width, and that margin is thrown away.
 * Between two tiles the results fade into each other. Noise and weight are those of the whole picture. */
#ifndef DP_DECONV_TILES_H
#define DP_DECONV_TILES_H

#include "deconv/nonblind.h"

typedef struct dp_tiling {
    int columns, rows;      /* of tiles; 1 x 1: the picture as a whole */
    int margin_x, margin_y; /* pixels that a tile has beyond its share, on each side with a neighbour */
    int at_once;            /* tiles worked at the same time, each by one thread; 1: one by all threads */
    size_t bytes;           /* held at once, without the pictures */
} dp_tiling;

/* Within `limit` bytes (0: no limit). DIPPER_ERROR_MEMORY if even the smallest tile needs more. */
dipper_status dp_tiling_plan(const dp_nonblind *job, int width, int height, size_t limit, dp_diag *diag,
                             dp_tiling *out);

/* Restores picture into out, of the same shape. As dp_method.run, but picture stays as it is.
 * DIPPER_ERROR_CANCELLED: tiles that were not reached are as in picture. */
dipper_status dp_tiling_run(const dp_tiling *tiling, dp_nonblind *job, const dp_image *picture, dp_diag *diag,
                            dipper_image *out);

#endif
