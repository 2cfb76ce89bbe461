/* SSIM. Only the sum of both variances is in the formula, so four weighted means do: x, r, x*x + r*r, x*r. */
#include <math.h>

#include "base/memory.h"
#include "metric/metric.h"

enum { WINDOW = 11, HALF = WINDOW / 2, MAPS = 4, PARTS = 64 };

typedef struct job {
    const dp_image *x, *r;
    double g[WINDOW], c1, c2;
    int rows, columns; /* of windows */
    size_t room;       /* doubles that a thread needs: WINDOW rows of products, one line: each (MAPS, width) */
} job;

static void gaussian_window(double g[WINDOW]) {
    double sum = 0;
    for (int i = 0; i < WINDOW; i++) {
        const double u = (i - HALF) / 1.5;
        sum += g[i] = exp(-0.5 * u * u);
    }
    for (int i = 0; i < WINDOW; i++) g[i] /= sum;
}

/* maps (MAPS, width) of one row. */
static void products(const float *x, const float *r, int width, double *maps) {
    double *mx = maps, *mr = maps + width, *mss = mr + width, *mxr = mss + width;
#pragma omp simd
    for (int i = 0; i < width; i++) {
        const double u = x[i], v = r[i];
        mx[i] = u;
        mr[i] = v;
        mss[i] = u * u + v * v;
        mxr[i] = u * v;
    }
}

/* line = weighted sum of WINDOW rows of maps, the topmost in slot `top` of the ring. */
static void vertical(const double *ring, int top, int n, const double g[WINDOW], double *line) {
    const double *row[WINDOW];
    for (int k = 0; k < WINDOW; k++) row[k] = ring + (size_t)((top + k) % WINDOW) * (size_t)n;
#pragma omp simd
    for (int i = 0; i < n; i++)
        line[i] = g[0] * (row[0][i] + row[10][i]) + g[1] * (row[1][i] + row[9][i]) + g[2] * (row[2][i] + row[8][i]) +
                  g[3] * (row[3][i] + row[7][i]) + g[4] * (row[4][i] + row[6][i]) + g[5] * row[5][i];
}

static inline double horizontal(const double *a, const double g[WINDOW]) {
    return g[0] * (a[0] + a[10]) + g[1] * (a[1] + a[9]) + g[2] * (a[2] + a[8]) + g[3] * (a[3] + a[7]) +
           g[4] * (a[4] + a[6]) + g[5] * a[5];
}

/* Sum of SSIM over a line of windows. Wang et al. 2004, eq. 13. */
static double line_sum(const job *j, const double *line) {
    const int w = j->x->width;
    const double *g = j->g, c1 = j->c1, c2 = j->c2;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < j->columns; i++) {
        const double mx = horizontal(line + i, g), mr = horizontal(line + w + i, g);
        const double means = mx * mx + mr * mr, product = mx * mr;
        const double variances = horizontal(line + 2 * w + i, g) - means;
        const double covariance = horizontal(line + 3 * w + i, g) - product;
        sum += (2 * product + c1) * (2 * covariance + c2) / ((means + c1) * (variances + c2));
    }
    return sum;
}

/* Rows first..end-1 of windows in channel c. */
static double rows_sum(const job *j, int c, int first, int end, double *room) {
    const int w = j->x->width, n = MAPS * w;
    double *line = room + (size_t)WINDOW * (size_t)n, sum = 0;
    for (int y = first; y < end + WINDOW - 1; y++) {
        products(dp_image_row(j->x, c, y), dp_image_row(j->r, c, y), w, room + (size_t)(y % WINDOW) * (size_t)n);
        if (y - first < WINDOW - 1) continue;
        vertical(room, (y + 1) % WINDOW, n, j->g, line);
        sum += line_sum(j, line);
    }
    return sum;
}

static double picture_sum(const job *j, double *room, int threads) {
    const int share = (j->rows + PARTS - 1) / PARTS, parts = PARTS * j->x->channels;
    double total = 0, part[3 * PARTS] = {0};
    const bool large = (double)j->rows * j->columns > 300000; /* else waking the threads costs more than they bring */
#pragma omp parallel num_threads(threads) if (large)
    {
        double *own = NULL;
#pragma omp critical(dp_ssim_room)
        {
            own = room;
            room += j->room;
        }
#pragma omp for schedule(static)
        for (int k = 0; k < parts; k++) {
            const int first = k % PARTS * share, end = first + share < j->rows ? first + share : j->rows;
            if (first < end) part[k] = rows_sum(j, k / PARTS, first, end, own);
        }
    }
    for (int k = 0; k < parts; k++) total += part[k];
    return total;
}

dipper_status dp_ssim(const dp_image *x, const dp_image *reference, double peak, int threads, dp_diag *diag,
                      double *ssim) {
    job j = {.x = x, .r = reference, .rows = x->height - WINDOW + 1, .columns = x->width - WINDOW + 1};
    *ssim = NAN;
    if (j.rows < 1 || j.columns < 1) return DIPPER_OK;
    gaussian_window(j.g);
    j.c1 = 0.01 * 0.01 * peak * peak;
    j.c2 = 0.03 * 0.03 * peak * peak;
    j.room = dp_align_up((size_t)(WINDOW + 1) * MAPS * (size_t)x->width, 8);
    double *room = dp_alloc(j.room * (size_t)threads, sizeof(double));
    if (room == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for SSIM");
    *ssim = picture_sum(&j, room, threads) / ((double)j.rows * j.columns * x->channels);
    dp_free(room);
    return DIPPER_OK;
}

/* ---- Reduction ---- */

int dp_ssim_auto_factor(int width, int height) {
    const int factor = (int)floor((width < height ? width : height) / 256.0 + 0.5);
    return factor > 1 ? factor : 1;
}

static int mirrored(int i, int n) { /* the edge is repeated */
    i = i < 0 ? -1 - i : i;
    return i < n ? i : 2 * n - 1 - i;
}

dipper_status dp_ssim_reduce(const dp_image *image, int factor, dp_diag *diag, dp_image *out) {
    const int w = image->width, h = image->height, before = (factor - 1) / 2;
    DP_TRY(dp_image_create((w + factor - 1) / factor, (h + factor - 1) / factor, image->channels, diag, out));
    for (int c = 0; c < image->channels; c++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++) {
                double sum = 0;
                for (int k = 0; k < factor * factor; k++)
                    sum += dp_image_row(
                        image, c,
                        mirrored(y * factor - before + k / factor, h))[mirrored(x * factor - before + k % factor, w)];
                dp_image_row(out, c, y)[x] = (float)(sum / (factor * factor));
            }
    return DIPPER_OK;
}
