/* The little of SVG that charts need: axes with round ticks, and markers that differ in shape as well as in colour.
 * Colours are classes of the page's style sheet. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_SVG_H
#define DIPPER_STUDY_SVG_H

#include "study/page.h"

typedef struct svg_axis { /* low and high are multiples of step */
    double low, high, step;
    int decimals; /* that its ticks need */
} svg_axis;

/* Holds [low, high] in about `ticks` steps of 1, 2 or 5 times a power of ten. A range without width gets one. */
svg_axis svg_axis_make(double low, double high, int ticks);
int svg_axis_ticks(const svg_axis *axis);
double svg_axis_tick(const svg_axis *axis, int index);

typedef struct svg_plot { /* the rectangle between the axes, px */
    double left, top, width, height;
    svg_axis x, y;
} svg_plot;

double svg_x(const svg_plot *plot, double value);
double svg_y(const svg_plot *plot, double value); /* upwards */

void svg_begin(page *p, double width, double height, const char *label);
/* The same as a file of its own, which needs the name space; its style sheet comes next. */
void svg_begin_file(page *p, double width, double height, const char *label);
void svg_end(page *p);
/* Grid lines, numbers and the name of the axis; with y upwards. */
void svg_x_axis(page *p, const svg_plot *plot, const char *name);
void svg_y_axis(page *p, const svg_plot *plot, const char *name);

enum { SVG_SHAPES = 7, SVG_BAR = SVG_SHAPES, SVG_RING, SVG_ALL_SHAPES, SVG_COLOURS = 7, SVG_GREY = SVG_COLOURS };
typedef struct svg_marker {
    int shape, colour;
} svg_marker;

svg_marker svg_marker_of(int series); /* no two alike among the first 49 */
/* The shapes that markers refer to; once in a page, before the first of them. */
void svg_shapes(page *p);
/* title: shown when the pointer rests on the marker. */
void svg_point(page *p, svg_marker marker, double x, double y, const char *title);
/* A marker alone, for legends and tables. */
void svg_sample(page *p, svg_marker marker);

#endif
