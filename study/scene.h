/* A picture to try things on: dead leaves, a sign, wires and grass, drawn from a seed. SPDX-License-Identifier:
 * Apache-2.0
 *
 * Dead leaves (Matheron 1968; Lee, Mumford, Huang 2001): shapes that hide each other, with sizes r of density r^-3,
 * have the statistics of photographs: edges of every strength, the same look at each scale, a 1/f spectrum. */
#ifndef DIPPER_STUDY_SCENE_H
#define DIPPER_STUDY_SCENE_H

#include <stdint.h>

/* ---- scene_random.c: splitmix64 and what is made of it ---- */

typedef struct scene_rng {
    uint64_t state;
} scene_rng;

uint64_t rng_next(scene_rng *rng);
double rng_uniform(scene_rng *rng, double low, double high);
double rng_normal(scene_rng *rng);
/* Smooth noise of mean 0, about in [-1, 1], the same for the same (x, y, seed): octaves of value noise. */
double fractal_noise(double x, double y, uint32_t seed, int octaves);

/* ---- scene_canvas.c: samples finer than pixels ---- */

enum { SCENE_FINE = 3 }; /* samples per pixel in each direction */

typedef struct scene_rgb {
    float v[3];
} scene_rgb;

typedef struct scene_canvas {
    int width, height; /* px */
    scene_rgb *fine;   /* (height*SCENE_FINE) x (width*SCENE_FINE) */
} scene_canvas;

int canvas_create(scene_canvas *canvas, int width, int height); /* 0 when out of memory */
void canvas_destroy(scene_canvas *canvas);
/* Means over pixels into planes of width*height; one plane (BT.601 luma) or three. Values within [0, 1]. */
void canvas_resolve(const scene_canvas *canvas, int channels, float *planes);

/* A painter decides about one sample at (x, y) px: it may change *colour. Called for every sample of the box. */
typedef void (*canvas_painter)(const void *user, double x, double y, scene_rgb *colour);
void canvas_paint(scene_canvas *canvas, double x0, double y0, double x1, double y1, canvas_painter paint,
                  const void *user);

/* ---- scene_leaves.c, scene_strokes.c ---- */

void draw_leaves(scene_canvas *canvas, scene_rng *rng);
void draw_sign(scene_canvas *canvas, scene_rng *rng);
void draw_page(scene_canvas *canvas, scene_rng *rng); /* of small print, instead of all of these */
void draw_lines(scene_canvas *canvas, scene_rng *rng);

#endif
