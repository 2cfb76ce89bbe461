/* Dead leaves: stones, leaves and slabs that hide each other. SPDX-License-Identifier: Apache-2.0 */
#include "study/scene.h"

#include <math.h>
#include <stddef.h>

enum { SLAB_SIDES = 7 };

typedef enum leaf_kind { LEAF_STONE, LEAF_FOLIAGE, LEAF_SLAB } leaf_kind;

/* One shape. In its own frame it lies along x, half axes a >= b. Distances are in px, negative inside. */
typedef struct leaf {
    leaf_kind kind;
    double x, y, a, b, cosine, sine;
    double side[SLAB_SIDES]; /* distances of a slab's sides from the middle, as parts of b */
    scene_rgb colour;
    double shade_x, shade_y; /* change of brightness across the shape */
    double grain, grain_px;  /* strength and size of the texture */
    double shadow_px;
    uint32_t seed;
} leaf;

static const scene_rgb stones[] = {{{0.62f, 0.60f, 0.56f}}, {{0.45f, 0.46f, 0.48f}}, {{0.80f, 0.77f, 0.70f}},
                                   {{0.28f, 0.27f, 0.27f}}, {{0.56f, 0.49f, 0.41f}}, {{0.36f, 0.40f, 0.45f}},
                                   {{0.70f, 0.62f, 0.52f}}, {{0.18f, 0.17f, 0.17f}}};
static const scene_rgb foliage[] = {{{0.44f, 0.50f, 0.20f}}, {{0.68f, 0.52f, 0.20f}}, {{0.58f, 0.30f, 0.16f}},
                                    {{0.30f, 0.38f, 0.18f}}, {{0.76f, 0.64f, 0.32f}}, {{0.46f, 0.24f, 0.15f}},
                                    {{0.60f, 0.60f, 0.30f}}, {{0.22f, 0.27f, 0.15f}}};

/* ---- Shapes ---- */

static double ellipse_distance(double x, double y, double a, double b) {
    return (sqrt(x * x / (a * a) + y * y / (b * b)) - 1) * b; /* close to the edge, where it matters */
}

static double foliage_distance(double x, double y, double a, double b) {
    const double radius = (a * a + b * b) / (2 * b); /* two circles meet in the tips */
    return hypot(x, fabs(y) + radius - b) - radius;
}

static double slab_distance(const leaf *l, double x, double y) {
    double d = -1e9;
    for (int i = 0; i < SLAB_SIDES; i++) {
        const double angle = 6.283185307179586 * i / SLAB_SIDES;
        d = fmax(d, x * cos(angle) * l->b / l->a + y * sin(angle) - l->side[i] * l->b);
    }
    return d;
}

static double leaf_distance(const leaf *l, double x, double y) {
    switch (l->kind) {
    case LEAF_STONE:
        return ellipse_distance(x, y, l->a, l->b);
    case LEAF_FOLIAGE:
        return foliage_distance(x, y, l->a, l->b);
    default:
        return slab_distance(l, x, y);
    }
}

/* ---- Surfaces: factors of brightness ---- */

static double stone_light(const leaf *l, double x, double y, double distance) {
    const double height = fmin(-distance / (0.5 * l->b), 1); /* 0 at the edge, 1 on the flat top */
    const double slope = (1 - height) * (1 - height);
    return 1 + slope * (0.9 * (l->shade_x * x / l->a + l->shade_y * y / l->b) - 0.25);
}

static double foliage_light(const leaf *l, double x, double y, double distance) {
    const double rib = exp(-pow(y / (0.35 + 0.012 * l->a), 2));
    const double period = fmax(0.16 * l->a, 2.5);
    const double phase = fmod(fabs(x + 0.9 * fabs(y) + 20 * l->a), period) / period;
    const double vein = exp(-pow((phase - 0.5) * period / (0.3 + 0.006 * l->a), 2)) * (fabs(y) < 0.85 * l->b);
    const double half = y > 0 ? 1.08 : 0.92; /* the two halves are folded */
    const double edge = exp(distance / 0.8);
    return half * (1 + 0.35 * rib + 0.16 * vein - 0.2 * edge);
}

static double slab_light(const leaf *l, double x, double y, double distance) {
    const double bevel = exp(distance / fmax(0.06 * l->b, 0.6));
    return 1 + bevel * 0.8 * (l->shade_x * x / l->a + l->shade_y * y / l->b);
}

static double leaf_light(const leaf *l, double x, double y, double distance) {
    double light = 1 + 0.22 * (l->shade_x * x / l->a + l->shade_y * y / l->b);
    if (l->kind == LEAF_STONE)
        light *= stone_light(l, x, y, distance);
    else if (l->kind == LEAF_FOLIAGE)
        light *= foliage_light(l, x, y, distance);
    else
        light *= slab_light(l, x, y, distance);
    const double along = l->kind == LEAF_SLAB ? 0.3 : 0.8; /* slabs have layers */
    return light * (1 + l->grain * fractal_noise(along * x / l->grain_px, y / l->grain_px, l->seed, 5));
}

/* ---- Painting ---- */

static void to_frame(const leaf *l, double x, double y, double *u, double *v) {
    *u = (x - l->x) * l->cosine + (y - l->y) * l->sine;
    *v = (y - l->y) * l->cosine - (x - l->x) * l->sine;
}

static void paint_shadow(const void *user, double x, double y, scene_rgb *colour) {
    const leaf *l = user;
    double u, v;
    to_frame(l, x - 0.6 * l->shadow_px, y - 0.8 * l->shadow_px, &u, &v); /* the light comes from the upper left */
    const double t = 1 - leaf_distance(l, u, v) / l->shadow_px;
    if (t <= 0) return;
    const float keep = (float)(1 - 0.42 * fmin(t * t, 1));
    for (int c = 0; c < 3; c++) colour->v[c] *= keep;
}

static void paint_soil(const void *user, double x, double y, scene_rgb *colour) {
    (void)user;
    const double light = 1 + 0.5 * fractal_noise(x / 7, y / 7, 5, 5);
    *colour = (scene_rgb){{(float)(0.24 * light), (float)(0.20 * light), (float)(0.16 * light)}};
}

static float soft_clip(float v) { /* highlights fade out below 1, so that nothing is clipped */
    return v < 0.65f ? v : 0.65f + 0.3f * (1 - expf((0.65f - v) / 0.3f));
}

static void paint_body(const void *user, double x, double y, scene_rgb *colour) {
    const leaf *l = user;
    double u, v;
    to_frame(l, x, y, &u, &v);
    const double distance = leaf_distance(l, u, v);
    if (distance > 0) return;
    const float light = (float)leaf_light(l, u, v, distance);
    for (int c = 0; c < 3; c++) colour->v[c] = soft_clip(l->colour.v[c] * light);
}

static void paint_leaf(scene_canvas *canvas, const leaf *l) {
    const double reach = 1.3 * l->a, shade = reach + 2 * l->shadow_px;
    canvas_paint(canvas, l->x - shade, l->y - shade, l->x + shade, l->y + shade, paint_shadow, l);
    canvas_paint(canvas, l->x - reach, l->y - reach, l->x + reach, l->y + reach, paint_body, l);
}

/* ---- Chance ---- */

/* Density r^-3 between low and high, by inversion. */
static double power_law(scene_rng *rng, double low, double high) {
    const double a = 1 / (low * low), b = 1 / (high * high);
    return 1 / sqrt(a + (b - a) * rng_uniform(rng, 0, 1));
}

static scene_rgb vary(scene_rgb colour, scene_rng *rng) {
    const double light = exp(0.22 * rng_normal(rng));
    for (int c = 0; c < 3; c++) colour.v[c] = (float)(colour.v[c] * light * rng_uniform(rng, 0.96, 1.04));
    return colour;
}

static leaf random_leaf(scene_rng *rng, leaf_kind kind, double radius, double x, double y) {
    const double slim = kind == LEAF_FOLIAGE ? rng_uniform(rng, 0.28, 0.5) : rng_uniform(rng, 0.55, 1);
    const double angle = rng_uniform(rng, 0, 6.283185307179586);
    leaf l = {.kind = kind, .x = x, .y = y, .cosine = cos(angle), .sine = sin(angle)};
    l.a = radius / sqrt(slim);
    l.b = radius * sqrt(slim);
    for (int i = 0; i < SLAB_SIDES; i++) l.side[i] = rng_uniform(rng, 0.62, 1);
    const int pick = (int)(rng_next(rng) % 8);
    l.colour = vary(kind == LEAF_FOLIAGE ? foliage[pick] : stones[pick], rng);
    /* light from the upper left, turned into the shape's own frame */
    l.shade_x = -(0.6 * l.cosine + 0.8 * l.sine);
    l.shade_y = -(0.8 * l.cosine - 0.6 * l.sine);
    l.grain = kind == LEAF_FOLIAGE ? rng_uniform(rng, 0.05, 0.15) : rng_uniform(rng, 0.12, 0.5);
    l.grain_px = fmax(rng_uniform(rng, 0.12, 0.4) * radius, 1.5);
    l.shadow_px = fmin(0.6 + 0.16 * radius, 6);
    l.seed = (uint32_t)rng_next(rng);
    return l;
}

static leaf_kind random_kind(scene_rng *rng) {
    const double u = rng_uniform(rng, 0, 1);
    return u < 0.5 ? LEAF_STONE : u < 0.75 ? LEAF_FOLIAGE : LEAF_SLAB;
}

void draw_leaves(scene_canvas *canvas, scene_rng *rng) {
    const double side = fmin(canvas->width, canvas->height), low = 3.2, high = 0.26 * side;
    const double mean_square = 2 * log(high / low) / (1 / (low * low) - 1 / (high * high));
    const double area = (canvas->width + side) * (canvas->height + side);
    const long count = (long)(1.8 * area / (3.14 * mean_square)); /* each point is hidden 1.8 times */
    canvas_paint(canvas, 0, 0, canvas->width, canvas->height, paint_soil, NULL);
    for (long i = 0; i < count; i++) {
        const double x = rng_uniform(rng, -side / 2, canvas->width + side / 2);
        const double y = rng_uniform(rng, -side / 2, canvas->height + side / 2);
        /* the floor: a few large shapes first, so that nothing stays bare */
        const double radius = i < 60 ? rng_uniform(rng, 0.5, 1) * high : power_law(rng, low, high);
        const leaf l = random_leaf(rng, random_kind(rng), radius, x, y);
        paint_leaf(canvas, &l);
    }
    for (int i = 0; i < 9; i++) { /* a few that lie on top and are seen whole */
        const double x = canvas->width * rng_uniform(rng, 0.05, 0.95),
                     y = canvas->height * rng_uniform(rng, 0.05, 0.95);
        const leaf l = random_leaf(rng, i % 3 ? LEAF_FOLIAGE : LEAF_STONE, side * rng_uniform(rng, 0.06, 0.13), x, y);
        paint_leaf(canvas, &l);
    }
}
