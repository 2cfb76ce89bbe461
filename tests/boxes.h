/* A scene and a PSF for tests of kernel estimation. */
#ifndef DP_TESTS_BOXES_H
#define DP_TESTS_BOXES_H

#include <string.h>

#include "image/psf.h"

enum { BENT_LINE = 15 };

/* Boxes of many sizes and grey levels: edges in both directions. plane (side, side). */
static inline void draw_boxes(float *plane, int side) {
    unsigned seed = 7;
    for (int i = 0; i < side * side; i++) plane[i] = 0.5F;
    for (int n = 0; n < 120; n++) {
        int v[5];
        for (int k = 0; k < 5; k++) v[k] = (int)((seed = seed * 1664525U + 1013904223U) >> 8) & 0xffff;
        const int x = v[0] % side, y = v[1] % side, w = 4 + v[2] % 40, h = 4 + v[3] % 40;
        for (int i = y; i < y + h && i < side; i++)
            for (int j = x; j < x + w && j < side; j++) plane[i * side + j] = 0.1F + 0.8F * (float)v[4] / 65535;
    }
}

/* psf (BENT_LINE, BENT_LINE), sum 1. */
static inline void draw_bent_line(float *psf) {
    memset(psf, 0, BENT_LINE * BENT_LINE * sizeof *psf);
    for (int i = 3; i < 12; i++) psf[i * BENT_LINE + 4 + i / 2] = 1;
    for (int i = 9; i < 12; i++) psf[11 * BENT_LINE + i] = 2;
    (void)dp_psf_normalise(psf, BENT_LINE, BENT_LINE);
}

#endif
