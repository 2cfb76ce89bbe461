/* Estimating a blur needs edges that outlive it: fine texture only averages out and misleads (Xu and Jia 2010,
 * "Two-phase kernel estimation for robust motion deblurring"), edges of one direction leave the blur along them open,
 * clipped places do not follow the model (Hu and Yang 2012, "Good regions to deblur", learn such a choice). Each pixel
 * gets a usable change; cells of 8x8 px add it up by direction; integral images of the cells give the sums of any
 * window. docs/methods/region.md. */
#include "image/region.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "image/clip.h"

enum { CELL = 8, DIRECTIONS = 8, CLIPPED = DIRECTIONS, KINDS };
static const double one_sided = 0.01;     /* share of the sum that stands in for a direction without change */
static const double clipped_half = 0.005; /* share of clipped pixels that halves a score */

typedef struct change { /* of a pixel, or sums of a window */
    double x, y, size, clipped;
} change;

typedef struct map {
    const dp_image *plane;
    dp_clip clip;
    int reach;       /* half of the PSF, px */
    double floor;    /* of |gradient|: noise */
    change *columns; /* (width): sums of the rows y - reach to y + reach */
    double *sums;    /* (rows + 1, cols + 1, KINDS): of the cells above and to the left */
    int rows, cols;  /* of cells */
} map;

static int least(int a, int b) {
    return a < b ? a : b;
}

static int most(int a, int b) {
    return a > b ? a : b;
}

static change change_at(const map *m, int y, int x) {
    const dp_image *p = m->plane;
    const float *row = dp_image_row(p, 0, y), *above = dp_image_row(p, 0, most(y - 1, 0)),
                *below = dp_image_row(p, 0, least(y + 1, p->height - 1));
    change c = {.x = ((double)row[least(x + 1, p->width - 1)] - row[most(x - 1, 0)]) / 2,
                .y = ((double)below[x] - above[x]) / 2,
                .clipped = dp_clipped(m->clip, row[x])};
    c.size = sqrt(c.x * c.x + c.y * c.y);
    return c;
}

static void add(change *sum, const change *c, double sign) {
    sum->x += sign * c->x;
    sum->y += sign * c->y;
    sum->size += sign * c->size;
    sum->clipped += sign * c->clipped;
}

/* Lets row y into the column sums (sign 1) or out of them (sign -1), if it exists. */
static void add_row(const map *m, int y, double sign) {
    if (y < 0 || y >= m->plane->height) return;
    for (int x = 0; x < m->plane->width; x++) {
        const change c = change_at(m, y, x);
        add(&m->columns[x], &c, sign);
    }
}

/* Change at a pixel less noise, times the share of its neighbourhood's change that goes the same way (Xu and Jia 2010,
 * eq. 2, with the noise as the constant); 0 near clipped pixels. around: the sums of the neighbourhood. */
static double usable(const map *m, const change *c, const change *around) {
    const double area = (2.0 * m->reach + 1) * (2.0 * m->reach + 1), flat = around->size + area * m->floor;
    const double size = c->size - 2 * m->floor;
    if (size <= 0 || around->clipped > 0.5 || !(flat > 0)) return 0;
    return size * sqrt(around->x * around->x + around->y * around->y) / flat;
}

/* Eighths of the half circle, by comparisons: opposite directions are the same. */
static int direction_of(const change *c) {
    const double tangent = 0.41421356237309505; /* of 22.5 degrees; that of 67.5 is its inverse */
    double x = c->x, y = c->y;
    if (y < 0 || (y == 0 && x < 0)) {
        x = -x;
        y = -y;
    }
    const int obtuse = x < 0;
    if (obtuse) { /* turned back by 90 degrees */
        const double t = x;
        x = y;
        y = -t;
    }
    return 4 * obtuse + (y >= tangent * x) + (y >= x) + (tangent * y >= x);
}

/* Adds row y to its cells; row: (cols + 1, KINDS) of the sums, not yet added up. */
static void measure_row(const map *m, int y, double *row) {
    const int w = m->plane->width;
    change around = {0};
    for (int x = 0; x < least(m->reach, w); x++) add(&around, &m->columns[x], 1);
    for (int x = 0; x < w; x++) {
        if (x + m->reach < w) add(&around, &m->columns[x + m->reach], 1);
        if (x - m->reach > 0) add(&around, &m->columns[x - m->reach - 1], -1);
        const change c = change_at(m, y, x);
        double *cell = row + (ptrdiff_t)(x / CELL + 1) * KINDS;
        const double u = usable(m, &c, &around);
        if (u > 0) cell[direction_of(&c)] += u;
        cell[CLIPPED] += c.clipped;
    }
}

static void measure(const map *m) {
    const ptrdiff_t stride = (ptrdiff_t)(m->cols + 1) * KINDS;
    for (int y = 0; y < m->reach; y++) add_row(m, y, 1);
    for (int y = 0; y < m->plane->height; y++) {
        add_row(m, y + m->reach, 1);
        add_row(m, y - m->reach - 1, -1);
        measure_row(m, y, m->sums + (y / CELL + 1) * stride);
    }
    for (int i = 1; i <= m->rows; i++) /* to integral images */
        for (ptrdiff_t j = KINDS; j < stride; j++) {
            double *at = m->sums + i * stride + j;
            *at += at[-KINDS] + at[-stride] - at[-stride - KINDS];
        }
}

/* Geometric mean of the usable change per pixel in the eight directions, less for clipped pixels. */
static double score_of(const map *m, const dp_region *r) {
    const int top = r->y / CELL, left = r->x / CELL, bottom = most(top + 1, (r->y + r->height) / CELL),
              right = most(left + 1, (r->x + r->width) / CELL);
    const ptrdiff_t stride = (ptrdiff_t)(m->cols + 1) * KINDS;
    const double *a = m->sums + top * stride, *b = m->sums + bottom * stride;
    const double area = (double)(bottom - top) * (right - left) * CELL * CELL;
    double sum[KINDS], total = 0, logs = 0;
    for (int k = 0; k < KINDS; k++) {
        const ptrdiff_t from = (ptrdiff_t)left * KINDS + k, to = (ptrdiff_t)right * KINDS + k;
        sum[k] = fmax(b[to] - b[from] - a[to] + a[from], 0) / area;
        if (k < DIRECTIONS) total += sum[k] / DIRECTIONS;
    }
    if (!(total > 1e-9 * m->floor)) return 0;
    for (int k = 0; k < DIRECTIONS; k++) logs += log(sum[k] + one_sided * total);
    return exp(logs / DIRECTIONS) / (1 + sum[CLIPPED] / clipped_half);
}

/* All windows whose corner is that of a cell, and those at the right and lower border. */
static void search(const map *m, dp_region *best) {
    const int right = m->plane->width - best->width, bottom = m->plane->height - best->height;
    dp_region r = *best;
    for (int y = 0; y < bottom + CELL; y += CELL)
        for (int x = 0; x < right + CELL; x += CELL) {
            r.x = least(x, right);
            r.y = least(y, bottom);
            r.score = score_of(m, &r);
            if (r.score > best->score * (1 + 1e-9)) *best = r; /* of equal ones the first, whatever rounding says */
        }
}

dipper_status dp_region_choose(const dp_image *plane, int width, int height, int kh, int kw, double sigma,
                               dp_diag *diag, dp_region *out) {
    const int w = plane->width, h = plane->height;
    map m = {.plane = plane,
             .clip = dp_clip_find(plane->data, dp_image_plane_count(plane)),
             .reach = most(kh, kw) / 2,
             .floor = sigma / sqrt(2), /* standard deviation of a central difference's half */
             .rows = (h + CELL - 1) / CELL,
             .cols = (w + CELL - 1) / CELL};
    *out = (dp_region){.width = least(width, w), .height = least(height, h)};
    out->x = (w - out->width) / 2;
    out->y = (h - out->height) / 2;
    m.columns = dp_alloc((size_t)w, sizeof *m.columns);
    m.sums = dp_alloc(((size_t)m.rows + 1) * ((size_t)m.cols + 1), KINDS * sizeof *m.sums);
    const bool done = m.columns != NULL && m.sums != NULL;
    if (done) {
        measure(&m);
        search(&m, out);
    }
    dp_free(m.columns);
    dp_free(m.sums);
    return done ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to choose a region");
}
