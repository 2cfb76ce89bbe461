/* The little of SVG that charts need. SPDX-License-Identifier: Apache-2.0 */
#include "study/svg.h"

#include <math.h>

/* ---- Axes ---- */

static double round_step(double least) {
    double power = pow(10, floor(log10(least)));
    static const double nice[] = {1, 2, 5};
    for (int i = 0; i < 3; i++)
        if (nice[i] * power >= least * (1 - 1e-9)) return nice[i] * power;
    return 10 * power;
}

svg_axis svg_axis_make(double low, double high, int ticks) {
    if (!(high > low)) {
        double half = fmax(0.5, 0.01 * fabs(low));
        low -= half;
        high += half;
    }
    svg_axis axis = {.step = round_step((high - low) / ticks)};
    axis.low = axis.step * floor(low / axis.step + 1e-9);
    axis.high = axis.step * ceil(high / axis.step - 1e-9);
    axis.decimals = (int)fmax(0, -floor(log10(axis.step) + 1e-9));
    return axis;
}

int svg_axis_ticks(const svg_axis *axis) {
    return (int)lround((axis->high - axis->low) / axis->step) + 1;
}

double svg_axis_tick(const svg_axis *axis, int index) {
    return axis->step * (round(axis->low / axis->step) + index);
}

double svg_x(const svg_plot *plot, double value) {
    return plot->left + plot->width * (value - plot->x.low) / (plot->x.high - plot->x.low);
}

double svg_y(const svg_plot *plot, double value) {
    return plot->top + plot->height * (plot->y.high - value) / (plot->y.high - plot->y.low);
}

static void grid_line(page *p, double x1, double y1, double x2, double y2, int zero) {
    page_add(p, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", zero ? "zero" : "grid", x1,
             y1, x2, y2);
}

static void tick_label(page *p, const svg_axis *axis, double value, double x, double y, const char *anchor) {
    page_add(p, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    page_number(p, value, axis->decimals);
    page_add(p, "</text>\n");
}

void svg_x_axis(page *p, const svg_plot *plot, const char *name) {
    double bottom = plot->top + plot->height;
    for (int i = 0; i < svg_axis_ticks(&plot->x); i++) {
        double value = svg_axis_tick(&plot->x, i), x = svg_x(plot, value);
        grid_line(p, x, plot->top, x, bottom, 0);
        tick_label(p, &plot->x, value, x, bottom + 18, "middle");
    }
    page_add(p, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
             plot->left + plot->width / 2, bottom + 40, name);
}

void svg_y_axis(page *p, const svg_plot *plot, const char *name) {
    double right = plot->left + plot->width, middle = plot->top + plot->height / 2;
    for (int i = 0; i < svg_axis_ticks(&plot->y); i++) {
        double value = svg_axis_tick(&plot->y, i), y = svg_y(plot, value);
        grid_line(p, plot->left, y, right, y, value == 0);
        tick_label(p, &plot->y, value, plot->left - 8, y + 4, "end");
    }
    page_add(p,
             "<text class=\"name\" transform=\"translate(%.1f %.1f) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
             plot->left - 48, middle, name);
}

/* ---- Frames ---- */

static void begin(page *p, const char *xmlns, double width, double height, const char *label) {
    page_markup(p, "<svg");
    page_markup(p, xmlns);
    page_add(
        p,
        " class=\"chart\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\" aria-label=\"%s\">\n",
        width, height, width, height, label);
}

void svg_begin(page *p, double width, double height, const char *label) {
    begin(p, "", width, height, label);
}

void svg_begin_file(page *p, double width, double height, const char *label) {
    begin(p, " xmlns=\"http://www.w3.org/2000/svg\"", width, height, label);
}

void svg_end(page *p) {
    page_add(p, "</svg>\n");
}

/* ---- Markers ---- */

svg_marker svg_marker_of(int series) {
    return (svg_marker){series % SVG_SHAPES, (series + series / SVG_SHAPES) % SVG_COLOURS};
}

void svg_shapes(page *p) {
    static const char *const outlines[SVG_ALL_SHAPES] = {
        "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z", /* circle */
        "M0 -5.5L5.2 4H-5.2z",                           /* triangle */
        "M-4 -4H4V4H-4z",                                /* square */
        "M0 -5.8L5 0L0 5.8L-5 0z",                       /* diamond */
        "M-4.2 -4.2L4.2 4.2M-4.2 4.2L4.2 -4.2",          /* cross */
        "M0 5.5L5.2 -4H-5.2z",                           /* triangle, tip down */
        "M-5.2 0H5.2M0 -5.2V5.2",                        /* plus */
        "M0 -7V7",                                       /* bar */
        "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z", /* ring */
    };
    page_add(p, "<svg class=\"shapes\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n");
    for (int i = 0; i < SVG_ALL_SHAPES; i++) page_add(p, "<path id=\"m%d\" d=\"%s\"/>\n", i, outlines[i]);
    page_add(p, "</defs></svg>\n");
}

void svg_point(page *p, svg_marker marker, double x, double y, const char *title) {
    page_add(p, "<use href=\"#m%d\" class=\"mark m%d c%d\" x=\"%.1f\" y=\"%.1f\"><title>%s</title></use>\n",
             marker.shape, marker.shape, marker.colour, x, y, title);
}

void svg_sample(page *p, svg_marker marker) {
    page_add(p,
             "<svg class=\"sample\" viewBox=\"-8 -8 16 16\" width=\"16\" height=\"16\" aria-hidden=\"true\">"
             "<use href=\"#m%d\" class=\"mark m%d c%d\"/></svg>",
             marker.shape, marker.shape, marker.colour);
}
