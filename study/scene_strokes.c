/* Text on a sign, wires and grass: what a blur hurts most. SPDX-License-Identifier: Apache-2.0 */
#include "study/scene.h"

#include <math.h>
#include <stddef.h>

/* Letters as strokes on a grid of 5 x 7 points: "xy xy ..." is a line through points, '|' lifts the pen. */
static const char *const letters[26] = {"06 20 46|14 34",
                                        "00 06 36 45 44 33 03|33 42 41 30 00",
                                        "41 30 10 01 05 16 36 45",
                                        "00 06 26 44 42 20 00",
                                        "40 00 06 46|03 33",
                                        "40 00 06|03 33",
                                        "41 30 10 01 05 16 36 45 43 23",
                                        "00 06|40 46|03 43",
                                        "20 26|10 30|16 36",
                                        "40 45 36 16 05",
                                        "00 06|40 03 46",
                                        "00 06 46",
                                        "06 00 23 40 46",
                                        "06 00 46 40",
                                        "10 30 41 45 36 16 05 01 10",
                                        "06 00 30 41 42 33 03",
                                        "10 30 41 45 36 16 05 01 10|34 46",
                                        "06 00 30 41 42 33 03|23 46",
                                        "41 30 10 01 02 13 33 44 45 36 16 05",
                                        "00 40|20 26",
                                        "00 05 16 36 45 40",
                                        "00 26 40",
                                        "00 16 23 36 40",
                                        "00 46|40 06",
                                        "00 23 40|23 26",
                                        "00 40 06 46"};
static const char *const digits[10] = {"10 30 41 45 36 16 05 01 10",
                                       "11 20 26|16 36",
                                       "01 10 30 41 42 06 46",
                                       "01 10 30 41 42 33 13|33 44 45 36 16 05",
                                       "36 30 04 44",
                                       "40 00 03 33 44 45 36 16 05",
                                       "30 10 01 05 16 36 45 44 33 03",
                                       "00 40 16",
                                       "13 02 01 10 30 41 42 33 13 04 05 16 36 45 44 33",
                                       "16 36 45 41 30 10 01 02 13 43"};

/* ---- A stroke: a line with round ends, tapering from one width to the other ---- */

typedef struct stroke {
    double x0, y0, x1, y1, width0, width1; /* px */
    scene_rgb colour;
} stroke;

static void paint_stroke(const void *user, double x, double y, scene_rgb *colour) {
    const stroke *s = user;
    const double dx = s->x1 - s->x0, dy = s->y1 - s->y0, length2 = dx * dx + dy * dy;
    double t = length2 > 0 ? ((x - s->x0) * dx + (y - s->y0) * dy) / length2 : 0;
    t = fmin(fmax(t, 0), 1);
    if (hypot(x - s->x0 - t * dx, y - s->y0 - t * dy) < 0.5 * (s->width0 + t * (s->width1 - s->width0)))
        *colour = s->colour;
}

static void draw_stroke(scene_canvas *canvas, const stroke *s) {
    const double reach = fmax(s->width0, s->width1);
    canvas_paint(canvas, fmin(s->x0, s->x1) - reach, fmin(s->y0, s->y1) - reach, fmax(s->x0, s->x1) + reach,
                 fmax(s->y0, s->y1) + reach, paint_stroke, s);
}

/* A curve through a quadratic Bezier's control points, in short strokes. */
static void draw_curve(scene_canvas *canvas, const double p[6], double width0, double width1, scene_rgb colour) {
    enum { PIECES = 40 };
    stroke s = {.x0 = p[0], .y0 = p[1], .colour = colour};
    for (int i = 1; i <= PIECES; i++) {
        const double t = (double)i / PIECES, q = 1 - t;
        s.x1 = q * q * p[0] + 2 * q * t * p[2] + t * t * p[4];
        s.y1 = q * q * p[1] + 2 * q * t * p[3] + t * t * p[5];
        s.width0 = width0 + (width1 - width0) * (i - 1) / PIECES;
        s.width1 = width0 + (width1 - width0) * i / PIECES;
        draw_stroke(canvas, &s);
        s.x0 = s.x1;
        s.y0 = s.y1;
    }
}

/* ---- Text ---- */

static const char *glyph(char c) {
    if (c >= 'A' && c <= 'Z') return letters[c - 'A'];
    if (c >= '0' && c <= '9') return digits[c - '0'];
    return c == '-' ? "13 33" : "";
}

static void draw_glyph(scene_canvas *canvas, const char *pen, double x, double y, double cell, stroke s) {
    int down = 0;
    for (; *pen; pen++) {
        if (*pen == '|') down = 0;
        if (*pen == '|' || *pen == ' ') continue;
        s.x1 = x + cell * (pen[0] - '0');
        s.y1 = y + cell * (pen[1] - '0');
        pen++;
        if (down) draw_stroke(canvas, &s);
        s.x0 = s.x1;
        s.y0 = s.y1;
        down = 1;
    }
}

static double text_width(const char *text, double cell) { /* letters are 4 cells wide and 2 apart */
    int n = 0;
    while (text[n]) n++;
    return cell * (6 * n - 2);
}

static void draw_text(scene_canvas *canvas, const char *text, double x, double y, double cell, double width,
                      scene_rgb colour) {
    const stroke s = {.width0 = width, .width1 = width, .colour = colour};
    for (; *text; text++, x += 6 * cell) draw_glyph(canvas, glyph(*text), x, y, cell, s);
}

/* ---- The sign ---- */

typedef struct plate {
    double x, y, a, b, corner; /* middle, half sides, radius of the corners, px */
    double soft;               /* > 0: its shadow, that wide */
    scene_rgb colour;
} plate;

static void paint_plate(const void *user, double x, double y, scene_rgb *colour) {
    const plate *p = user;
    const double dx = fmax(fabs(x - p->x) - p->a + p->corner, 0), dy = fmax(fabs(y - p->y) - p->b + p->corner, 0);
    const double distance = hypot(dx, dy) - p->corner;
    if (p->soft > 0) {
        const double t = fmin(1 - distance / p->soft, 1);
        if (t > 0)
            for (int c = 0; c < 3; c++) colour->v[c] *= (float)(1 - 0.6 * t * t);
    } else if (distance < 0) {
        const double light = 1.03 - 0.10 * (y - p->y) / p->b + 0.05 * fractal_noise(x / 9, y / 9, 77, 4);
        for (int c = 0; c < 3; c++) colour->v[c] = p->colour.v[c] * (float)light;
    }
}

static void draw_plate(scene_canvas *canvas, plate p) {
    const double reach = 2 * p.soft + 1;
    canvas_paint(canvas, p.x - p.a - reach, p.y - p.b - reach, p.x + p.a + reach, p.y + p.b + reach, paint_plate, &p);
}

void draw_sign(scene_canvas *canvas, scene_rng *rng) {
    const double unit = fmin(canvas->width, canvas->height) / 256.0; /* all sizes grow with the picture */
    const scene_rgb paper = {{0.86f, 0.84f, 0.77f}}, ink = {{0.13f, 0.14f, 0.17f}}, red = {{0.60f, 0.16f, 0.12f}};
    const char *title = "DIPPER", *line = "SHARP FROM BLUR";
    const double cell = 3.3 * unit, small = 1.3 * unit;
    const double width = text_width(title, cell);
    plate p = {.a = width / 2 + 12 * unit, .b = 27 * unit, .corner = 5 * unit, .colour = paper};
    p.x = canvas->width * 0.40 + rng_uniform(rng, -6, 6) * unit;
    p.y = canvas->height * 0.36 + rng_uniform(rng, -6, 6) * unit;
    plate shadow = p, rim = p;
    shadow.x += 4 * unit;
    shadow.y += 5 * unit;
    shadow.soft = 7 * unit;
    draw_plate(canvas, shadow);
    rim.colour = ink;
    draw_plate(canvas, rim);
    p.a -= 1.6 * unit;
    p.b -= 1.6 * unit;
    p.corner -= 1.6 * unit;
    draw_plate(canvas, p);
    draw_text(canvas, title, p.x - width / 2, p.y - 18.5 * unit, cell, 3.6 * unit, ink);
    draw_text(canvas, line, p.x - text_width(line, small) / 2, p.y + 10 * unit, small, 1.25 * unit, red);
}

/* ---- A page ---- */

/* White paper, and lines of words that mean nothing. */
void draw_page(scene_canvas *canvas, scene_rng *rng) {
    const scene_rgb paper = {{0.93f, 0.93f, 0.93f}}, ink = {{0.08f, 0.08f, 0.08f}};
    const double cell = 1.3, line = 15, letter = 6 * cell; /* px */
    const plate sheet = {canvas->width / 2.0, canvas->height / 2.0, canvas->width, canvas->height, 1, 0, paper};
    draw_plate(canvas, sheet);
    for (double y = -line / 2; y < canvas->height + line; y += line) {
        double x = rng_uniform(rng, -3, 0) * letter;
        while (x < canvas->width) {
            char word[12] = "";
            const int length = (int)rng_uniform(rng, 2, 11);
            for (int i = 0; i < length; i++) word[i] = (char)('A' + (int)rng_uniform(rng, 0, 26));
            draw_text(canvas, word, x, y, cell, 1.2, ink);
            x += (length + 1) * letter;
        }
    }
}

/* ---- Wires and grass ---- */

static void draw_wires(scene_canvas *canvas, scene_rng *rng, double unit) {
    const scene_rgb dark = {{0.07f, 0.07f, 0.08f}}, bright = {{0.85f, 0.84f, 0.80f}};
    double y = canvas->height * rng_uniform(rng, 0.05, 0.10);
    for (int i = 0; i < 3; i++, y += rng_uniform(rng, 7, 12) * unit) {
        const double sag = rng_uniform(rng, 8, 22) * unit;
        const double p[6] = {-2, y, canvas->width * 0.5, y + sag, canvas->width + 2.0, y - 5 * unit};
        draw_curve(canvas, p, (1.5 - 0.3 * i) * unit, (1.5 - 0.3 * i) * unit, i == 2 ? bright : dark);
    }
}

static void draw_grass(scene_canvas *canvas, scene_rng *rng, double unit) {
    for (int i = 0; i < 26; i++) {
        const double x = canvas->width * (i % 3 ? rng_uniform(rng, 0.62, 1.02) : rng_uniform(rng, 0, 1));
        const double tall = rng_uniform(rng, 30, 105) * unit, lean = rng_uniform(rng, -28, 28) * unit;
        const double p[6] = {x,        canvas->height + 2.0, x + 0.15 * lean, canvas->height - 0.6 * tall,
                             x + lean, canvas->height - tall};
        const double light = rng_uniform(rng, 0.45, 1.5);
        const scene_rgb green = {{(float)(0.46 * light), (float)(0.52 * light), (float)(0.24 * light)}};
        draw_curve(canvas, p, rng_uniform(rng, 1.4, 2.6) * unit, 0.4 * unit, green);
    }
}

void draw_lines(scene_canvas *canvas, scene_rng *rng) {
    const double unit = fmin(canvas->width, canvas->height) / 256.0;
    draw_wires(canvas, rng, unit);
    draw_grass(canvas, rng, unit);
}
