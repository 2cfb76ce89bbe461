/* Charts of figures. SPDX-License-Identifier: Apache-2.0 */
#include "study/chart.h"

#include "io/image_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT = 76, TITLE = 30, PLOT_WIDTH = 560, PLOT_HEIGHT = 280, BELOW = 54, ROW = 19, RIGHT = 24, GAP = 14 };

/* Colours as they are: readers of SVG other than browsers know no variables. */
static const char style[] =
    "<style>text{font:13px sans-serif;fill:#1c1e21}text.title{font-weight:bold;font-size:14px}text.name{fill:#5c6370}"
    ".ground{fill:#fff}.grid{stroke:#d9dce1}.zero{stroke:#5c6370}.curve{fill:none;stroke-width:1.7}"
    ".c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#008a63}.c3{stroke:#b0508a}.c4{stroke:#a97700}"
    ".c5{stroke:#3a9ad9}.c6{stroke:#1c1e21}.mark{fill-opacity:.35;stroke-width:1.5}.mark.c0{fill:#0072b2}"
    ".mark.c1{fill:#d55e00}.mark.c2{fill:#008a63}.mark.c3{fill:#b0508a}.mark.c4{fill:#a97700}.mark.c5{fill:#3a9ad9}"
    ".mark.c6{fill:#1c1e21}</style>\n";

static const char *const dashes[] = {"", "7 4", "2 3", "9 3 2 3"};

/* ---- Numbers ---- */

int chart_add_series(chart *c, const char *name, int marks) {
    chart_series *more = realloc(c->series, ((size_t)c->count + 1) * sizeof *more);
    if (!more) {
        c->failed = 1;
        return -1;
    }
    c->series = more;
    more[c->count] = (chart_series){.marks = marks};
    snprintf(more[c->count].name, sizeof more->name, "%s", name);
    return c->count++;
}

static int grow(chart_series *s) {
    const int room = s->room ? 2 * s->room : 64;
    double *x = realloc(s->x, (size_t)room * sizeof *x);
    if (x) s->x = x;
    double *y = realloc(s->y, (size_t)room * sizeof *y);
    if (y) s->y = y;
    if (x && y) s->room = room;
    return x && y;
}

void chart_add_point(chart *c, int series, double x, double y) {
    if (c->failed || series < 0) return;
    chart_series *s = &c->series[series];
    if (s->count == s->room && !grow(s)) {
        c->failed = 1;
        return;
    }
    s->x[s->count] = x;
    s->y[s->count++] = y;
}

void chart_free(chart *c) {
    for (int i = 0; i < c->count; i++) {
        free(c->series[i].x);
        free(c->series[i].y);
    }
    free(c->series);
    *c = (chart){0};
}

/* ---- Charts ---- */

typedef struct span {
    double low, high;
} span;

static void widen(span *s, double value) {
    if (!isfinite(value)) return;
    s->low = fmin(s->low, value);
    s->high = fmax(s->high, value);
}

static int is_point(const chart_series *s, int i) {
    return isfinite(s->x[i]) && isfinite(s->y[i]);
}

static svg_plot plot_of(const chart *c, double top) {
    span x = {(double)INFINITY, -(double)INFINITY}, y = x;
    for (int k = 0; k < c->count; k++)
        for (int i = 0; i < c->series[k].count; i++) {
            if (!is_point(&c->series[k], i)) continue;
            widen(&x, c->series[k].x[i]);
            widen(&y, c->series[k].y[i]);
        }
    if (!(x.high >= x.low)) x = y = (span){0, 1};
    return (svg_plot){
        LEFT, top, PLOT_WIDTH, PLOT_HEIGHT, svg_axis_make(x.low, x.high, 8), svg_axis_make(y.low, y.high, 7)};
}

static void add_shape(page *p, svg_marker m, double x, double y) {
    static const char *const outlines[SVG_SHAPES] = {"m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
                                                     "m0 -5.5l5.2 9.5h-10.4z",
                                                     "m-4 -4h8v8h-8z",
                                                     "m0 -5.8l5 5.8l-5 5.8l-5 -5.8z",
                                                     "m-4.2 -4.2l8.4 8.4m-8.4 0l8.4 -8.4",
                                                     "m0 5.5l5.2 -9.5h-10.4z",
                                                     "m-5.2 0h10.4m-5.2 -5.2v10.4"};
    page_add(p, "<path class=\"mark c%d\" d=\"M%.1f %.1f", m.colour, x, y);
    page_markup(p, outlines[m.shape]);
    page_markup(p, "\"/>\n");
}

static void begin_curve(page *p, int number) {
    const char *dash = dashes[number / SVG_COLOURS % 4];
    page_add(p, "<path class=\"curve c%d\" ", number % SVG_COLOURS);
    if (dash[0]) page_add(p, "stroke-dasharray=\"%s\" ", dash);
    page_markup(p, "d=\"");
}

static void draw_series(page *p, const svg_plot *plot, const chart_series *s, int number) {
    int going = 0;
    if (!s->marks) begin_curve(p, number);
    for (int i = 0; i < s->count; i++) {
        const int good = is_point(s, i);
        const double x = good ? svg_x(plot, s->x[i]) : 0, y = good ? svg_y(plot, s->y[i]) : 0;
        if (good && s->marks) add_shape(p, svg_marker_of(number), x, y);
        if (good && !s->marks) page_add(p, "%s%.1f %.1f", going ? "L" : "M", x, y);
        going = good;
    }
    if (!s->marks) page_markup(p, "\"/>\n");
}

static void legend_row(page *p, const chart_series *s, int number, double y) {
    if (s->marks) {
        add_shape(p, svg_marker_of(number), LEFT + 14, y - 4);
    } else {
        begin_curve(p, number);
        page_add(p, "M%d %.1fh28\"/>\n", LEFT, y - 4);
    }
    page_add(p, "<text x=\"%d\" y=\"%.1f\">%s</text>\n", LEFT + 38, y, s->name);
}

void drawing_add_chart(drawing *d, const chart *c) {
    page *p = &d->body;
    const double top = d->height + TITLE;
    const svg_plot plot = plot_of(c, top);
    d->failed |= c->failed;
    page_add(p, "<text class=\"title\" x=\"%d\" y=\"%.1f\">%s</text>\n", LEFT, d->height + 19, c->title);
    svg_x_axis(p, &plot, c->x_name);
    svg_y_axis(p, &plot, c->y_name);
    for (int i = 0; i < c->count; i++) draw_series(p, &plot, &c->series[i], i);
    double y = top + PLOT_HEIGHT + BELOW + 12;
    for (int i = 0; i < c->count; i++, y += ROW) legend_row(p, &c->series[i], i, y);
    d->height = y + GAP;
    d->width = fmax(d->width, LEFT + PLOT_WIDTH + RIGHT);
}

/* ---- Pictures ---- */

static dipper_status put_picture(page *p, const drawing_picture *from, double x, double y, int zoom, io_error *error) {
    unsigned char *bytes = NULL;
    size_t count = 0;
    if (!io_have_vips()) return DIPPER_OK;
    IO_TRY(picture_encode_png(from->data, from->width, from->height, 1, &bytes, &count, error));
    page_add(p,
             "<image x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" style=\"image-rendering:pixelated\" "
             "href=\"data:image/png;base64,",
             x, y, from->width * zoom, from->height * zoom);
    page_base64(p, bytes, count);
    page_markup(p, "\"/>\n");
    free(bytes);
    return DIPPER_OK;
}

dipper_status drawing_add_pictures(drawing *d, const drawing_picture *pictures, int count, int zoom, io_error *error) {
    enum { CHARACTER = 7 };
    double x = GAP, highest = 0;
    for (int i = 0; i < count; i++) {
        const drawing_picture *p = &pictures[i];
        const double name = CHARACTER * (double)strlen(p->name), width = fmax(p->width * zoom, name);
        IO_TRY(put_picture(&d->body, p, x, d->height + GAP, zoom, error));
        page_add(&d->body, "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", x, d->height + GAP + p->height * zoom + 17,
                 p->name);
        x += width + GAP;
        highest = fmax(highest, p->height * zoom);
    }
    d->height += GAP + highest + 26;
    d->width = fmax(d->width, x);
    return DIPPER_OK;
}

/* ---- The whole ---- */

dipper_status drawing_finish(const drawing *d, const char *title, page *out, io_error *error) {
    svg_begin_file(out, ceil(d->width), ceil(d->height + GAP), title);
    page_markup(out, style);
    page_add(out, "<rect class=\"ground\" width=\"%.0f\" height=\"%.0f\"/>\n", ceil(d->width), ceil(d->height + GAP));
    if (d->body.text) page_markup(out, d->body.text);
    svg_end(out);
    if (!d->failed && !d->body.failed && !out->failed) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for the drawing");
}

void drawing_free(drawing *d) {
    page_free(&d->body);
    *d = (drawing){0};
}
