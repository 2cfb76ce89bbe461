/* Lines of equal height on a grid. SPDX-License-Identifier: Apache-2.0 */
#include "study/contour.h"

#include <math.h>

typedef struct corner {
    double x, y, height;
} corner;

static corner corner_at(const contour_grid *g, int row, int column) {
    const double last = g->side - 1;
    return (corner){g->low_x + (g->high_x - g->low_x) * column / last, g->low_y + (g->high_y - g->low_y) * row / last,
                    g->heights[row * g->side + column]};
}

static int crosses(const corner *a, const corner *b, double level) {
    return (a->height < level) != (b->height < level);
}

static void add_crossing(chart *c, int series, const corner *a, const corner *b, double level) {
    const double share = (level - a->height) / (b->height - a->height);
    chart_add_point(c, series, a->x + share * (b->x - a->x), a->y + share * (b->y - a->y));
}

/* Of three sides none or two are crossed. */
static void add_triangle(chart *c, int series, const corner t[3], double level) {
    int found = 0;
    for (int i = 0; i < 3; i++)
        if (!isfinite(t[i].height)) return;
    for (int i = 0; i < 3; i++) {
        if (!crosses(&t[i], &t[(i + 1) % 3], level)) continue;
        add_crossing(c, series, &t[i], &t[(i + 1) % 3], level);
        found++;
    }
    if (found) chart_add_point(c, series, (double)NAN, (double)NAN);
}

void contour_add(chart *c, int series, const contour_grid *g, double level) {
    for (int row = 0; row + 1 < g->side; row++)
        for (int column = 0; column + 1 < g->side; column++) {
            const corner a = corner_at(g, row, column), b = corner_at(g, row, column + 1);
            const corner d = corner_at(g, row + 1, column), e = corner_at(g, row + 1, column + 1);
            add_triangle(c, series, (const corner[3]){a, b, d}, level);
            add_triangle(c, series, (const corner[3]){b, e, d}, level);
        }
}
