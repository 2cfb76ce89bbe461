/* The canvas: painting by samples, resolving by means over pixels. SPDX-License-Identifier: Apache-2.0 */
#include "study/scene.h"

#include <math.h>
#include <stdlib.h>

int canvas_create(scene_canvas *canvas, int width, int height) {
    canvas->width = width;
    canvas->height = height;
    canvas->fine = calloc((size_t)width * SCENE_FINE * SCENE_FINE * (size_t)height, sizeof *canvas->fine);
    return canvas->fine != NULL;
}

void canvas_destroy(scene_canvas *canvas) {
    free(canvas->fine);
    canvas->fine = NULL;
}

static int clamp(double v, int high) {
    return v < 0 ? 0 : v > high ? high : (int)v;
}

void canvas_paint(scene_canvas *canvas, double x0, double y0, double x1, double y1, canvas_painter paint,
                  const void *user) {
    const int width = canvas->width * SCENE_FINE, height = canvas->height * SCENE_FINE;
    const int left = clamp(floor(x0 * SCENE_FINE), width), right = clamp(ceil(x1 * SCENE_FINE), width);
    const int top = clamp(floor(y0 * SCENE_FINE), height), bottom = clamp(ceil(y1 * SCENE_FINE), height);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            paint(user, (x + 0.5) / SCENE_FINE, (y + 0.5) / SCENE_FINE, &canvas->fine[(size_t)y * (size_t)width + x]);
}

static scene_rgb pixel(const scene_canvas *canvas, int x, int y) {
    const size_t row = (size_t)canvas->width * SCENE_FINE;
    scene_rgb sum = {{0}};
    for (int j = 0; j < SCENE_FINE; j++)
        for (int i = 0; i < SCENE_FINE; i++)
            for (int c = 0; c < 3; c++)
                sum.v[c] += canvas->fine[(size_t)(y * SCENE_FINE + j) * row + (size_t)(x * SCENE_FINE + i)].v[c];
    for (int c = 0; c < 3; c++) sum.v[c] = fminf(fmaxf(sum.v[c] / (SCENE_FINE * SCENE_FINE), 0), 1);
    return sum;
}

void canvas_resolve(const scene_canvas *canvas, int channels, float *planes) {
    const size_t plane = (size_t)canvas->width * (size_t)canvas->height;
    for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++) {
            const scene_rgb p = pixel(canvas, x, y);
            float *out = planes + (size_t)y * (size_t)canvas->width + x;
            if (channels == 1)
                *out = 0.299f * p.v[0] + 0.587f * p.v[1] + 0.114f * p.v[2];
            else
                for (int c = 0; c < 3; c++) out[(size_t)c * plane] = p.v[c];
        }
}
