/* The Levin protocol, evaluated exactly at every one of its (8*range+1)^2 shifts.
 *
 * Within a cell of whole pixels n..n+1 a bilinear shift is x_s = sum_i w_i x_i of the four whole-pixel shifts x_i, so
 * its error against r is |x_s - r|^2 = sum_ij w_i w_j <x_i, x_j> - 2 sum_i w_i <x_i, r> + <r, r>. The products <x_i, r>
 * are needed once per whole shift, and <x_i, x_j> are window sums of five product pictures: integral images. */
#include <math.h>

#include "base/memory.h"
#include "metric/metric.h"

typedef struct aligner {
    const dp_image *x, *r;
    int crop, range;    /* range <= crop */
    int h, w;           /* of the compared window */
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
    double part[8] = {0};
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) part[k] += (double)a[i + k] * b[i + k];
    for (; i < n; i++) part[0] += (double)a[i] * b[i];
    return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
}

static void fill_cross(aligner *a) {
    for (int ny = 0; ny < a->side; ny++)
        for (int nx = 0; nx < a->side; nx++) {
            double sum = 0;
            for (int y = 0; y < a->h; y++)
                sum += dot(dp_image_row(a->x, 0, y + a->crop + ny - a->range) + a->crop + nx - a->range,
                           dp_image_row(a->r, 0, y + a->crop) + a->crop, a->w);
            a->cross[ny * a->side + nx] = sum;
        }
}

/* integral(y, x) = sum over rows < y, columns < x of x(y, x) * x(y + dy, x + dx), 0 beyond the picture. */
static void fill_integral(aligner *a, int dy, int dx) {
    const int h = a->x->height, w = a->x->width;
    for (int y = 0; y < h; y++) {
        const float *p = dp_image_row(a->x, 0, y), *q = dp_image_row(a->x, 0, y + dy < h ? y + dy : y);
        const double *above = a->integral + (size_t)y * ((size_t)w + 1);
        double *row = a->integral + ((size_t)y + 1) * ((size_t)w + 1), sum = 0;
        for (int x = 0; x < w; x++) {
            if (y + dy < h && x + dx >= 0 && x + dx < w) sum += (double)p[x] * q[x + dx];
            row[x + 1] = above[x + 1] + sum;
        }
    }
}

static void fill_products(aligner *a) {
    const size_t stride = (size_t)a->x->width + 1;
    for (int lag = 0; lag < 5; lag++) {
        fill_integral(a, lags[lag][0], lags[lag][1]);
        for (int ny = 0; ny < a->side; ny++)
            for (int nx = 0; nx < a->side; nx++) {
                const double *top = a->integral + (size_t)(ny + a->crop - a->range) * stride + nx + a->crop - a->range;
                const double *end = top + (size_t)a->h * stride;
                a->product[lag][ny * a->side + nx] = end[a->w] - end[0] - top[a->w] + top[0];
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
    if (*whole == a->side - 1 && a->side > 1) --*whole;
    *fraction = 0.25 * (k - 4 * *whole);
}

static void search(const aligner *a, int *best_y, int *best_x) {
    double least = INFINITY;
    *best_y = *best_x = 4 * a->range;
    if (a->range == 0) return;
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

/* The compared window of x, shifted: out (h, w). */
static void sample(const aligner *a, int ky, int kx, dp_image *out) {
    int ny, nx;
    double fy, fx;
    split_shift(a, ky, &ny, &fy);
    split_shift(a, kx, &nx, &fx);
    const int below = fy > 0, right = fx > 0; /* never touch a pixel of weight 0: it may not exist */
    for (int y = 0; y < a->h; y++) {
        const float *top = dp_image_row(a->x, 0, y + a->crop + ny - a->range) + a->crop + nx - a->range;
        const float *bottom = top + (below ? a->x->width : 0);
        float *row = dp_image_row(out, 0, y);
        for (int x = 0; x < a->w; x++)
            row[x] = (float)((1 - fy) * ((1 - fx) * top[x] + fx * top[x + right]) +
                             fy * ((1 - fx) * bottom[x] + fx * bottom[x + right]));
    }
}

static dipper_status measure(const aligner *a, dp_diag *diag, dp_alignment *out) {
    dp_image moved = {0}, truth = {0};
    int ky, kx;
    dipper_status status = dp_image_create(a->w, a->h, 1, diag, &moved);
    if (status == DIPPER_OK) status = dp_image_crop(a->r, a->crop, a->crop, a->w, a->h, diag, &truth);
    if (status != DIPPER_OK) goto done;
    search(a, &ky, &kx);
    sample(a, ky, kx, &moved);
    *out = (dp_alignment){.psnr_db = 10 * log10(1 / dp_mse(&moved, &truth)),
                          .shift_y = 0.25 * ky - a->range,
                          .shift_x = 0.25 * kx - a->range};
    status = dp_ssim(&moved, &truth, diag, &out->ssim);
done:
    dp_image_free(&moved);
    dp_image_free(&truth);
    return status;
}

dipper_status dp_align(const dp_image *x, const dp_image *reference, int crop, int range, dp_diag *diag,
                       dp_alignment *out) {
    *out = (dp_alignment){0};
    if (x->width != reference->width || x->height != reference->height)
        return dp_fail(diag, DIPPER_ERROR_INPUT, "a picture of %d x %d px cannot be compared with one of %d x %d",
                       x->width, x->height, reference->width, reference->height);
    if (crop < 0 || range < 0) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "crop and range must not be negative");
    if (range > crop) range = crop;
    aligner a = {x, reference, crop, range, 0, 0, 2 * range + 1, NULL, {NULL}, NULL};
    if (crop > x->width || crop > x->height || (a.h = x->height - 2 * crop) < 11 || (a.w = x->width - 2 * crop) < 11)
        return dp_fail(diag, DIPPER_ERROR_INPUT, "less than 11 x 11 px are left of %d x %d px after cropping %d",
                       x->width, x->height, crop);
    dipper_status status;
    if (aligner_create(&a)) {
        fill_cross(&a);
        fill_products(&a);
        status = measure(&a, diag, out);
    } else
        status = dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to align pictures of %d x %d px", x->width, x->height);
    aligner_free(&a);
    return status;
}
