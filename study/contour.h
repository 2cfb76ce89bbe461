/* Lines of equal height on a grid. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_CONTOUR_H
#define DIPPER_STUDY_CONTOUR_H

#include "study/chart.h"

typedef struct contour_grid { /* heights[row * side + column] over [low_x, high_x] x [low_y, high_y] */
    const double *heights;
    int side;
    double low_x, high_x, low_y, high_y;
} contour_grid;

/* The lines at `level` as pieces of a series, a gap (NaN) after each. Cells are cut into two triangles, so that no case
 * is ambiguous. Heights that are not finite have no lines beside them. */
void contour_add(chart *c, int series, const contour_grid *grid, double level);

#endif
