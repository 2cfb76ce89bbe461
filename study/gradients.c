/* Distributions of gradients, drawn as in texts on sparse priors: logarithm of the density over the gradient.
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/gradients.h"

#include "study/svg.h"

#include <math.h>

enum { WIDTH = 680, HEIGHT = 420, MIDDLE = DIPPER_GRADIENT_BINS / 2, STEPS = 400, ROW = 20 };
static const double shown = 0.999; /* share of the gradients that the drawing holds */

static const char style[] =
    "<style>svg{--line:#d9dce1;--text:#1c1e21;--soft:#5c6370;--c0:#0072b2;--c1:#d55e00;--c2:#008a63;--c3:#b0508a;"
    "--c4:#a97700;--c5:#3a9ad9;--c6:#1c1e21}text{font:13px sans-serif;fill:var(--text)}text.name{fill:var(--soft)}"
    ".ground{fill:#fff}.grid{stroke:var(--line)}.zero{stroke:var(--soft)}path{fill:none;stroke-width:1.6}"
    ".measured{stroke-width:3.4;stroke-linecap:round;opacity:.45}.gauss{stroke-dasharray:5 4;stroke-width:1.2}"
    ".c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.c4{stroke:var(--c4)}"
    ".c5{stroke:var(--c5)}.c6{stroke:var(--c6)}</style>\n";

/* p(g) = a / (2 s Gamma(1/a)) exp(-|g/s|^a) */
static double density(double exponent, double scale, double g) {
    return exponent / (2 * scale * tgamma(1 / exponent)) * exp(-pow(fabs(g) / scale, exponent));
}

double gradients_fitted(const gradient_curve *c, double g) {
    return density(c->prior.exponent, c->prior.scale, g);
}

static double gaussian(const gradient_curve *c, double g) {
    return density(2, sqrt(2.0) * c->prior.gaussian_sigma, g);
}

static double gradient_of(const gradient_curve *c, int bin) {
    return (bin - MIDDLE) * c->prior.bin_width;
}

/* ---- Drawing ---- */

static double reach_of(const gradient_curve *c) {
    double sum = c->density[MIDDLE] * c->prior.bin_width;
    int k = 0;
    while (k < MIDDLE && sum < shown) {
        k++;
        sum += (c->density[MIDDLE + k] + c->density[MIDDLE - k]) * c->prior.bin_width;
    }
    return (k + 1) * c->prior.bin_width;
}

static svg_plot plot_of(const gradient_curve *curves, int count) {
    double reach = 0, low = (double)INFINITY, high = -(double)INFINITY;
    for (int i = 0; i < count; i++) reach = fmax(reach, reach_of(&curves[i]));
    for (int i = 0; i < count; i++)
        for (int bin = 0; bin < DIPPER_GRADIENT_BINS; bin++) {
            const double p = curves[i].density[bin];
            if (!(p > 0) || fabs(gradient_of(&curves[i], bin)) > reach) continue;
            low = fmin(low, log10(p));
            high = fmax(high, log10(p));
        }
    return (svg_plot){68, 16, WIDTH - 68 - 16, HEIGHT, svg_axis_make(-reach, reach, 8), svg_axis_make(low, high, 8)};
}

static int within(const svg_plot *plot, double x, double y) {
    return x >= plot->x.low && x <= plot->x.high && y >= plot->y.low && y <= plot->y.high;
}

static void draw_measured(page *p, const svg_plot *plot, const gradient_curve *c, int colour) {
    page_add(p, "<path class=\"measured c%d\" d=\"", colour);
    for (int bin = 0; bin < DIPPER_GRADIENT_BINS; bin++) {
        const double x = gradient_of(c, bin), y = log10(c->density[bin]);
        if (within(plot, x, y)) page_add(p, "M%.1f %.1fh0", svg_x(plot, x), svg_y(plot, y));
    }
    page_add(p, "\"/>\n");
}

static void draw_density(page *p, const svg_plot *plot, const gradient_curve *c, const char *kind, int colour,
                         double (*f)(const gradient_curve *c, double g)) {
    int drawing = 0;
    page_add(p, "<path class=\"%s c%d\" d=\"", kind, colour);
    for (int i = 0; i <= STEPS; i++) {
        const double x = plot->x.low + (plot->x.high - plot->x.low) * i / STEPS, y = log10(f(c, x));
        const int inside = within(plot, x, y);
        if (inside) page_add(p, "%s%.1f %.1f", drawing ? "L" : "M", svg_x(plot, x), svg_y(plot, y));
        drawing = inside;
    }
    page_add(p, "\"/>\n");
}

static void legend_row(page *p, const gradient_curve *c, double y, int colour) {
    page_add(
        p, "<path class=\"measured c%d\" d=\"M72 %.1fh0M80 %.1fh0M88 %.1fh0\"/><path class=\"c%d\" d=\"M98 %.1fh26\"/>",
        colour, y, y, y, colour, y);
    page_add(p, "<text x=\"132\" y=\"%.1f\">exponent %.2f, scale %.2g, %.2f nats above Gauss: %s</text>\n", y + 4,
             c->prior.exponent, c->prior.scale, c->prior.log_likelihood - c->prior.gaussian_log_likelihood, c->name);
}

dipper_status gradients_draw(const gradient_curve *curves, int count, const char *path, int overwrite,
                             io_error *error) {
    page p = {0};
    const svg_plot plot = plot_of(curves, count);
    const double legend = plot.top + plot.height + 64, height = legend + ROW * count;
    svg_begin_file(&p, WIDTH, height, "Distribution of gradients and the priors that fit them");
    page_markup(&p, style);
    page_add(&p, "<rect class=\"ground\" width=\"%d\" height=\"%.0f\"/>\n", WIDTH, height);
    svg_x_axis(&p, &plot, "gradient: difference of neighbouring pixels");
    svg_y_axis(&p, &plot, "log10 of its density");
    for (int i = 0; i < count; i++) {
        draw_measured(&p, &plot, &curves[i], i % SVG_COLOURS);
        draw_density(&p, &plot, &curves[i], "gauss", i % SVG_COLOURS, gaussian);
        draw_density(&p, &plot, &curves[i], "fit", i % SVG_COLOURS, gradients_fitted);
        legend_row(&p, &curves[i], legend + ROW * i, i % SVG_COLOURS);
    }
    svg_end(&p);
    const dipper_status status = page_write(&p, path, overwrite, error);
    page_free(&p);
    return status;
}

/* ---- Numbers ---- */

/* A name in quotes, as RFC 4180 has it. */
static void csv_name(page *p, const char *name) {
    char one[2] = "";
    page_markup(p, "\"");
    for (; *name; name++) {
        one[0] = *name;
        if (*name == '"') page_markup(p, "\"");
        page_markup(p, one);
    }
    page_markup(p, "\"");
}

dipper_status gradients_write_csv(const gradient_curve *curves, int count, const char *path, int overwrite,
                                  io_error *error) {
    page p = {0};
    page_markup(&p, "picture,gradient,measured,fitted,laplace,gaussian\n");
    for (int i = 0; i < count; i++)
        for (int bin = 0; bin < DIPPER_GRADIENT_BINS; bin++) {
            const gradient_curve *c = &curves[i];
            const double g = gradient_of(c, bin);
            if (!(c->density[bin] > 0)) continue;
            csv_name(&p, c->name);
            page_add(&p, ",%.8g,%.6g,%.6g,%.6g,%.6g\n", g, c->density[bin], gradients_fitted(c, g),
                     density(1, c->prior.laplace_scale, g), gaussian(c, g));
        }
    const dipper_status status = page_write(&p, path, overwrite, error);
    page_free(&p);
    return status;
}
