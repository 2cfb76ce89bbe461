/* The Levin protocol, evaluated exactly at every one of its (8*range+1)^2 shifts.
 *
 * Within a cell of whole pixels n..n+1 a bilinear shift is x_s = sum_i w_i x_i of the four whole-pixel shifts x_i, so
 * its error against r is |x_s - r|^2 = sum_ij w_i w_j <x_i, x_j> - 2 sum_i w_i <x_i, r> + <r, r>. The products <x_i, r>
 * are needed once per whole shift, and <x_i, x_j> are window sums of five product pictures: integral images. */
#include <math.h>

#include "base/memory.h"
#include "metric/metric.h"

typedef struct aligner {
    const dp_image *x, *r; /* (channels, h + 2 range, w + 2 range), (channels, h, w) */
    int range, threads;
    int side;           /* 2*range + 1 whole shifts each way; shift n lies at index n + range */
    double *cross;      /* <x_n, r> (side, side) */
    double *product[5]; /* <x_n, x_(n+lag)> (side, side), lags below; only where both are in range */
    double *integral;   /* (H+1, W+1) */
} aligner;

static const int lags[5][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}, {1, -1}}; /* dy, dx */

static void aligner_free(aligner *a) {
    dp_free(a->cross);
    for (int i = 0; i < 5; i++) dp_free(a->product[i]);
    dp_free(a->integral);
}

static bool aligner_create(aligner *a) {
    const size_t shifts = (size_t)a->side * (size_t)a->side;
    a->cross = dp_alloc(shifts, sizeof(double));
    a->integral = dp_alloc(((size_t)a->x->height + 1) * ((size_t)a->x->width + 1), sizeof(double));
    bool ok = a->cross != NULL && a->integral != NULL;
    for (int i = 0; i < 5; i++) {
        a->product[i] = dp_alloc(shifts, sizeof(double));
        ok = ok && a->product[i] != NULL;
    }
    return ok;
}

static double dot(const float *a, const float *b, int n) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += (double)a[i] * b[i];
    return sum;
}

static double cross_product(const aligner *a, int ny, int nx) {
    double sum = 0;
    for (int c = 0; c < a->r->channels; c++)
        for (int y = 0; y < a->r->height; y++)
            sum += dot(dp_image_row(a->x, c, y + ny) + nx, dp_image_row(a->r, c, y), a->r->width);
    return sum;
}

static void fill_cross(aligner *a) {
    const bool large = dp_image_plane_count(a->r) > 100000; /* else waking the threads costs more than they bring */
#pragma omp parallel for num_threads(a->threads) schedule(static) if (large)
    for (int i = 0; i < a->side * a->side; i++) a->cross[i] = cross_product(a, i / a->side, i % a->side);
}

/* integral(y, x) = sum over rows < y, columns < x of x(y, x) * x(y + dy, x + dx), 0 beyond the picture. */
static void fill_integral(aligner *a, int c, int dy, int dx) {
    const int h = a->x->height, w = a->x->width;
    for (int y = 0; y < h; y++) {
        const float *p = dp_image_row(a->x, c, y), *q = dp_image_row(a->x, c, y + dy < h ? y + dy : y);
        const double *above = a->integral + (size_t)y * ((size_t)w + 1);
        double *row = a->integral + ((size_t)y + 1) * ((size_t)w + 1), sum = 0;
        for (int x = 0; x < w; x++) {
            if (y + dy < h && x + dx >= 0 && x + dx < w) sum += (double)p[x] * q[x + dx];
            row[x + 1] = above[x + 1] + sum;
        }
    }
}

static void fill_products(aligner *a, int c) {
    const size_t stride = (size_t)a->x->width + 1;
    const int h = a->r->height, w = a->r->width;
    for (int lag = 0; lag < 5; lag++) {
        fill_integral(a, c, lags[lag][0], lags[lag][1]);
        for (int ny = 0; ny < a->side; ny++)
            for (int nx = 0; nx < a->side; nx++) {
                const double *top = a->integral + (size_t)ny * stride + nx;
                const double *end = top + (size_t)h * stride;
                a->product[lag][ny * a->side + nx] += end[w] - end[0] - top[w] + top[0];
            }
    }
}

/* Squared error less <r, r> at whole shift index (ny, nx) plus (fy, fx) in [0, 1]; needs ny+1, nx+1 < side. */
static double cell_error(const aligner *a, int ny, int nx, double fy, double fx) {
    const int i = ny * a->side + nx, s = a->side;
    const double w00 = (1 - fy) * (1 - fx), w01 = (1 - fy) * fx, w10 = fy * (1 - fx), w11 = fy * fx;
    const double *p = a->product[0] + i, *right = a->product[1] + i, *down = a->product[2] + i;
    const double squares = w00 * w00 * p[0] + w01 * w01 * p[1] + w10 * w10 * p[s] + w11 * w11 * p[s + 1];
    const double sides = w00 * w01 * right[0] + w10 * w11 * right[s] + w00 * w10 * down[0] + w01 * w11 * down[1];
    const double diagonals = w00 * w11 * a->product[3][i] + w01 * w10 * a->product[4][i + 1];
    const double cross = w00 * a->cross[i] + w01 * a->cross[i + 1] + w10 * a->cross[i + s] + w11 * a->cross[i + s + 1];
    return squares + 2 * (sides + diagonals) - 2 * cross;
}

/* Shift number k of 0..8*range, in quarters: whole cell (never the last grid line) and fraction in it. */
static void split_shift(const aligner *a, int k, int *whole, double *fraction) {
    *whole = k / 4;
    if (*whole == a->side - 1) --*whole;
    *fraction = 0.25 * (k - 4 * *whole);
}

static void search(const aligner *a, int *best_y, int *best_x) {
    double least = INFINITY;
    *best_y = *best_x = 4 * a->range;
    for (int ky = 0; ky <= 8 * a->range; ky++)
        for (int kx = 0; kx <= 8 * a->range; kx++) {
            int ny, nx;
            double fy, fx;
            split_shift(a, ky, &ny, &fy);
            split_shift(a, kx, &nx, &fx);
            const double error = cell_error(a, ny, nx, fy, fx);
            if (error < least) {
                least = error;
                *best_y = ky;
                *best_x = kx;
            }
        }
}

/* x shifted: out (channels, h, w). The cells lie inside of x, so every neighbour exists. */
static void sample(const aligner *a, int ky, int kx, dp_image *out) {
    int ny, nx;
    double fy, fx;
    split_shift(a, ky, &ny, &fy);
    split_shift(a, kx, &nx, &fx);
    for (int c = 0; c < out->channels; c++)
        for (int y = 0; y < out->height; y++) {
            const float *top = dp_image_row(a->x, c, y + ny) + nx, *bottom = top + a->x->width;
            float *row = dp_image_row(out, c, y);
            for (int x = 0; x < out->width; x++)
                row[x] = (float)((1 - fy) * ((1 - fx) * top[x] + fx * top[x + 1]) +
                                 fy * ((1 - fx) * bottom[x] + fx * bottom[x + 1]));
        }
}

static dipper_status replace(aligner *a, dp_image *x, dp_diag *diag, dp_shift *shift) {
    dp_image moved;
    int ky, kx;
    DP_TRY(dp_image_create(a->r->width, a->r->height, a->r->channels, diag, &moved));
    fill_cross(a);
    for (int c = 0; c < x->channels; c++) fill_products(a, c);
    search(a, &ky, &kx);
    sample(a, ky, kx, &moved);
    *shift = (dp_shift){0.25 * ky - a->range, 0.25 * kx - a->range};
    dp_image_free(x);
    *x = moved;
    return DIPPER_OK;
}

dipper_status dp_align(dp_image *x, const dp_image *reference, int range, int threads, dp_diag *diag, dp_shift *shift) {
    aligner a = {.x = x, .r = reference, .range = range, .threads = threads, .side = 2 * range + 1};
    *shift = (dp_shift){0, 0};
    if (range == 0) return DIPPER_OK;
    const dipper_status status =
        aligner_create(&a)
            ? replace(&a, x, diag, shift)
            : dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to align pictures of %d x %d px", x->width, x->height);
    aligner_free(&a);
    return status;
}
