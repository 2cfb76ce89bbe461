/* Charts of figures: panels of lines or marks, and rows of pictures, in one SVG drawing. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef DIPPER_STUDY_CHART_H
#define DIPPER_STUDY_CHART_H

#include "study/svg.h"

enum { CHART_NAME_MAX = 160 };

typedef struct chart_series {
    char name[CHART_NAME_MAX];
    double *x, *y; /* count of each; free() them. What is not finite is not drawn */
    int count, room;
    int marks; /* 1: a mark for each; 0: a line through all of them */
} chart_series;

typedef struct chart { /* zeroed at birth; chart_free it */
    const char *title, *x_name, *y_name;
    chart_series *series;
    int count;
    int failed; /* there was no memory; said by drawing_write */
} chart;

/* One more series, and one more point of it. Without memory the chart fails, and these do nothing. */
int chart_add_series(chart *c, const char *name, int marks); /* its index */
void chart_add_point(chart *c, int series, double x, double y);
void chart_free(chart *c);

typedef struct drawing { /* zeroed at birth; drawing_free it */
    page body;
    double width, height; /* so far, px */
    int failed;
} drawing;

/* Below what is there. */
void drawing_add_chart(drawing *d, const chart *c);

typedef struct drawing_picture { /* grey: height x width; shown clipped to [0, 1] */
    const float *data;
    int width, height;
    const char *name;
} drawing_picture;

/* A row of pictures side by side, each `zoom` px a pixel, with their names below. In a build without libvips only the
 * names. */
dipper_status drawing_add_pictures(drawing *d, const drawing_picture *pictures, int count, int zoom, io_error *error);

/* The whole drawing as the text of an SVG file; page_free it. */
dipper_status drawing_finish(const drawing *d, const char *title, page *out, io_error *error);
void drawing_free(drawing *d);

#endif
