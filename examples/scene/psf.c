/* The path of a shaken camera. SPDX-License-Identifier: Apache-2.0 */
#include "examples/scene/psf.h"

#include <math.h>

enum { PATH_POINTS = 600 };

typedef struct path {
    double x[PATH_POINTS], y[PATH_POINTS]; /* px from the middle */
    double weight[PATH_POINTS];            /* time spent there */
} path;

/* Moves on with a direction that drifts and swings, fast here and slow there. */
static void path_walk(path *p, scene_rng *rng) {
    const double turn = rng_uniform(rng, 1.5, 2.8) * (rng_next(rng) % 2 ? 1 : -1);
    const double swing = rng_uniform(rng, 0.5, 1.1), phase = rng_uniform(rng, 0, 6.28),
                 start = rng_uniform(rng, 0, 6.28);
    double x = 0, y = 0;
    for (int i = 0; i < PATH_POINTS; i++) {
        const double t = (double)i / PATH_POINTS;
        const double angle = start + turn * t + swing * sin(6.28 * 1.4 * t + phase);
        x += cos(angle);
        y += sin(angle);
        p->x[i] = x;
        p->y[i] = y;
        p->weight[i] = 1 + 0.6 * sin(6.28 * 1.1 * t + 2 * phase) + 0.25 * sin(6.28 * 2.7 * t);
    }
}

/* Puts the centroid at 0 and the farthest point at `reach`. */
static void path_fit(path *p, double reach) {
    double mx = 0, my = 0, mass = 0, far = 0;
    for (int i = 0; i < PATH_POINTS; i++) {
        mx += p->weight[i] * p->x[i];
        my += p->weight[i] * p->y[i];
        mass += p->weight[i];
    }
    for (int i = 0; i < PATH_POINTS; i++) {
        p->x[i] -= mx / mass;
        p->y[i] -= my / mass;
        far = fmax(far, fmax(fabs(p->x[i]), fabs(p->y[i])));
    }
    for (int i = 0; i < PATH_POINTS; i++) {
        p->x[i] *= reach / far;
        p->y[i] *= reach / far;
    }
}

/* What a point of the path adds to a pixel at distance d along one axis: a small Gaussian, the lens. */
static double spot(double d) {
    return exp(-d * d / (2 * 0.55 * 0.55));
}

void psf_draw(float *psf, int size, scene_rng *rng) {
    static path p; /* 14 KiB, kept off the stack */
    path_walk(&p, rng);
    path_fit(&p, fmax(size / 2 - 1.5, 0));
    double sum = 0;
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            double value = 0;
            for (int i = 0; i < PATH_POINTS; i++)
                value += p.weight[i] * spot(x - size / 2 - p.x[i]) * spot(y - size / 2 - p.y[i]);
            psf[y * size + x] = value > 1e-3 ? (float)value : 0; /* of some 50 on the path */
            sum += psf[y * size + x];
        }
    for (int i = 0; i < size * size; i++) psf[i] = (float)(psf[i] / sum);
}
