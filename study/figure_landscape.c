/* The figure of the loss around a solution (Li et al. 2018): in a plane of two random directions, and in the plane in
 * which the optimiser's path moves most. SPDX-License-Identifier: Apache-2.0 */
#include "study/contour.h"
#include "study/figure_list.h"
#include "study/figure_parts.h"
#include "study/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STOPS = 24, LEVELS = 7 };

typedef struct plane { /* loss at end + x a + y b */
    float *a, *b;
    double low_x, high_x, low_y, high_y;
    double x[STOPS], y[STOPS]; /* of the path */
    double share;              /* of the path's squared distances from the end that lies in the plane */
    double *heights;           /* log10 of the loss */
} plane;

typedef struct land {
    const figure_job *job;
    size_t n;    /* weights */
    float *path; /* STOPS of them, the last is the end */
    float *at;   /* where the loss is wanted */
    int taken, side;
    plane random, main;
} land;

/* ---- Numbers ---- */

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static const float *stop_at(const land *l, int k) {
    return l->path + l->n * (size_t)k;
}

/* (path[k] - end) . d */
static double along(const land *l, int k, const float *d) {
    return dot(stop_at(l, k), d, l->n) - dot(stop_at(l, STOPS - 1), d, l->n);
}

/* Coordinates of the path in the plane, by least squares, and what is left out. */
static void project(const land *l, plane *p) {
    const double aa = dot(p->a, p->a, l->n), bb = dot(p->b, p->b, l->n), ab = dot(p->a, p->b, l->n);
    double inside = 0, all = 0;
    for (int k = 0; k < STOPS; k++) {
        const double da = along(l, k, p->a), db = along(l, k, p->b), det = aa * bb - ab * ab;
        p->x[k] = (da * bb - db * ab) / det;
        p->y[k] = (db * aa - da * ab) / det;
        inside += p->x[k] * da + p->y[k] * db;
        for (size_t i = 0; i < l->n; i++) {
            const double d = (double)stop_at(l, k)[i] - (double)stop_at(l, STOPS - 1)[i];
            all += d * d;
        }
    }
    p->share = all > 0 ? inside / all : 0;
}

/* gram[i][k]: products of the path's differences from the end. */
static void fill_gram(const land *l, double gram[STOPS][STOPS]) {
    const float *end = stop_at(l, STOPS - 1);
    for (int i = 0; i < STOPS; i++)
        for (int k = 0; k <= i; k++) {
            double sum = 0;
            for (size_t j = 0; j < l->n; j++)
                sum += ((double)stop_at(l, i)[j] - (double)end[j]) * ((double)stop_at(l, k)[j] - (double)end[j]);
            gram[i][k] = gram[k][i] = sum;
        }
}

/* The eigenvector of the largest eigenvalue, by powers; takes its part out of the matrix. */
static void take_eigenvector(double gram[STOPS][STOPS], double v[STOPS]) {
    double length = 1;
    for (int i = 0; i < STOPS; i++) v[i] = 1 + 0.01 * i;
    for (int round = 0; round < 500; round++) {
        double next[STOPS] = {0};
        length = 0;
        for (int i = 0; i < STOPS; i++)
            for (int k = 0; k < STOPS; k++) next[i] += gram[i][k] * v[k];
        for (int i = 0; i < STOPS; i++) length += next[i] * next[i];
        length = sqrt(length);
        for (int i = 0; i < STOPS; i++) v[i] = length > 0 ? next[i] / length : 0;
    }
    for (int i = 0; i < STOPS; i++)
        for (int k = 0; k < STOPS; k++) gram[i][k] -= length * v[i] * v[k];
}

/* sum v[k] (path[k] - end), of length 1. */
static void combine(const land *l, const double v[STOPS], float *out) {
    const float *end = stop_at(l, STOPS - 1);
    for (size_t i = 0; i < l->n; i++) {
        double sum = 0;
        for (int k = 0; k < STOPS; k++) sum += v[k] * ((double)stop_at(l, k)[i] - (double)end[i]);
        out[i] = (float)sum;
    }
    const double length = sqrt(dot(out, out, l->n));
    for (size_t i = 0; i < l->n && length > 0; i++) out[i] = (float)((double)out[i] / length);
}

/* ---- The planes ---- */

static dipper_status survey(land *l, dipper_solver *solver, plane *p) {
    const float *end = stop_at(l, STOPS - 1);
    for (int i = 0; i < l->side * l->side; i++) {
        const double x = p->low_x + (p->high_x - p->low_x) * (i % l->side) / (l->side - 1);
        const double y = p->low_y + (p->high_y - p->low_y) * (i / l->side) / (l->side - 1);
        double loss;
        if (l->job->stop(l->job->user)) return io_fail(l->job->error, DIPPER_ERROR_CANCELLED, "stopped by a signal");
        for (size_t j = 0; j < l->n; j++)
            l->at[j] = (float)((double)end[j] + x * (double)p->a[j] + y * (double)p->b[j]);
        IO_TRY(figure_failed(l->job, l->job->context, dipper_solver_loss_at(solver, l->at, &loss)));
        p->heights[i] = log10(loss);
    }
    return DIPPER_OK;
}

static dipper_status survey_random(land *l, dipper_solver *solver) {
    plane *p = &l->random;
    IO_TRY(figure_failed(l->job, l->job->context, dipper_solver_draw_direction(solver, 1, p->a)));
    IO_TRY(figure_failed(l->job, l->job->context, dipper_solver_draw_direction(solver, 2, p->b)));
    p->low_x = p->low_y = -1;
    p->high_x = p->high_y = 1;
    project(l, p);
    return survey(l, solver, p);
}

/* A fifth more than the path on each side. */
static void widen(const double path[STOPS], double *low, double *high) {
    *low = *high = 0;
    for (int k = 0; k < STOPS; k++) {
        *low = fmin(*low, path[k]);
        *high = fmax(*high, path[k]);
    }
    const double margin = 0.2 * (*high - *low);
    *low -= margin;
    *high += margin;
}

static dipper_status survey_main(land *l, dipper_solver *solver) {
    static double gram[STOPS][STOPS];
    double v[STOPS];
    plane *p = &l->main;
    fill_gram(l, gram);
    take_eigenvector(gram, v);
    combine(l, v, p->a);
    take_eigenvector(gram, v);
    combine(l, v, p->b);
    project(l, p);
    widen(p->x, &p->low_x, &p->high_x);
    widen(p->y, &p->low_y, &p->high_y);
    return survey(l, solver, p);
}

/* ---- The run ---- */

static dipper_status make_room(land *l, size_t n) {
    const size_t cells = (size_t)l->side * (size_t)l->side;
    l->n = n;
    l->path = calloc(n * STOPS, sizeof *l->path);
    l->at = calloc(5 * n, sizeof *l->at);
    l->random.heights = calloc(2 * cells, sizeof *l->random.heights);
    if (!l->path || !l->at || !l->random.heights) return figure_no_memory(l->job);
    l->random.a = l->at + n;
    l->random.b = l->at + 2 * n;
    l->main.a = l->at + 3 * n;
    l->main.b = l->at + 4 * n;
    l->main.heights = l->random.heights + cells;
    return DIPPER_OK;
}

/* Stops are spread evenly; the first is after the first iteration, the last is the end. */
static dipper_status walk(const trial *t, trial_view *view, const dipper_solver_info *info, void *user) {
    land *l = user;
    (void)t;
    if (!l->path) IO_TRY(make_room(l, trial_weight_count(view)));
    const int last = info->iteration == info->iterations;
    const long due = 1 + (info->iterations - 1) * l->taken / (STOPS - 1);
    if (l->taken < STOPS && (last || info->iteration >= due)) {
        if (last) l->taken = STOPS - 1;
        float *to = l->path + l->n * (size_t)l->taken++;
        IO_TRY(trial_weights(view, to));
    }
    if (!last) return DIPPER_OK;
    IO_TRY(survey_random(l, trial_solver(view)));
    return survey_main(l, trial_solver(view));
}

/* ---- What is drawn and said ---- */

static void range_of(const land *l, const plane *p, double *low, double *high) {
    *low = (double)INFINITY;
    *high = -(double)INFINITY;
    for (int i = 0; i < l->side * l->side; i++) {
        if (!isfinite(p->heights[i])) continue;
        *low = fmin(*low, p->heights[i]);
        *high = fmax(*high, p->heights[i]);
    }
}

static void draw_plane(const land *l, const plane *p, const char *title, int path, figure_output *out) {
    chart c = {.title = title, .x_name = "first direction", .y_name = "second direction"};
    const contour_grid grid = {p->heights, l->side, p->low_x, p->high_x, p->low_y, p->high_y};
    char name[CHART_NAME_MAX];
    double low, high;
    range_of(l, p, &low, &high);
    for (int i = 0; i < LEVELS; i++) {
        const double level = low + (high - low) * (i + 0.5) / LEVELS;
        snprintf(name, sizeof name, "loss %.2g", pow(10, level));
        contour_add(&c, chart_add_series(&c, name, 0), &grid, level);
    }
    const int s =
        chart_add_series(&c, path ? "path of the optimiser, to 0, 0" : "the solution, and the path on this plane", 1);
    for (int k = 0; k < STOPS; k++) chart_add_point(&c, s, p->x[k], p->y[k]);
    drawing_add_chart(&out->drawing, &c);
    figure_csv_chart(&out->csv, &c);
    chart_free(&c);
}

/* Cells lower than all of their neighbours, the border left out. */
static int count_minima(const land *l, const plane *p) {
    int count = 0;
    for (int y = 1; y + 1 < l->side; y++)
        for (int x = 1; x + 1 < l->side; x++) {
            const double own = p->heights[y * l->side + x];
            int lowest = 1;
            for (int k = 0; k < 9; k++)
                if (k != 4 && p->heights[(y + k / 3 - 1) * l->side + x + k % 3 - 1] <= own) lowest = 0;
            count += lowest;
        }
    return count;
}

static void tell_land(const land *l, figure_output *out) {
    double low, high;
    const double end = l->random.heights[l->side / 2 * l->side + l->side / 2];
    range_of(l, &l->random, &low, &high);
    page_add(&out->text,
             "# The loss around a solution\n\nSimplerSDB; the picture's network alone, the PSF held as it was found. "
             "Loss at the solution: %.3g.\n\n"
             "**Two random directions**, each filter as long as the solution's: the loss rises up to %.0f times within "
             "a length of 1, the surface has %d local %s on a grid of %d x %d, and its lowest point is %.2f times the "
             "loss of the solution. Of the path's squared distances from the end %.2g %% lie in this plane: random "
             "directions show the valley, not the way into it.\n\n",
             pow(10, end), pow(10, high - end), count_minima(l, &l->random),
             count_minima(l, &l->random) == 1 ? "minimum" : "minima", l->side, l->side, pow(10, low - end),
             100 * l->random.share);
    range_of(l, &l->main, &low, &high);
    page_add(&out->text,
             "**The plane of the path** (its two main directions) holds %.0f %% of them. In it the loss goes from %.2g "
             "to %.2g, with %d local %s.\n",
             100 * l->main.share, pow(10, low), pow(10, high), count_minima(l, &l->main),
             count_minima(l, &l->main) == 1 ? "minimum" : "minima");
}

dipper_status figure_landscape(const figure_job *job, figure_output *out) {
    const dipper_psf_options psf = figure_bar(job);
    figure_case c = {0};
    land l = {.job = job, .side = job->full ? 51 : 21};
    dipper_status status = figure_case_make(job, 0, &psf, 0.005, &c);
    const trial t = {.recipe = "simplersdb",
                     .fields = figure_network(job),
                     .given = &c.blurred,
                     .look = walk,
                     .user = &l,
                     .seed_weights = DIPPER_SEED_SAME,
                     .seed_input = DIPPER_SEED_SAME,
                     .psf_side = c.psf_width};
    if (!status) status = trial_run(job, &t);
    if (!status) {
        draw_plane(&l, &l.random, "Two random directions", 0, out);
        draw_plane(&l, &l.main, "The two main directions of the path", 1, out);
        tell_land(&l, out);
    }
    free(l.path);
    free(l.at);
    free(l.random.heights);
    figure_case_free(&c);
    return status;
}
