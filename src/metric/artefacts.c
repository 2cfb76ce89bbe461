#include "metric/artefacts.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "image/clip.h"

static double gradient_at(const dp_image *image, int y, int x) {
    const float *at = dp_image_row(image, 0, y) + x;
    const double right = x + 1 < image->width ? (double)at[1] - at[0] : 0;
    const double down = y + 1 < image->height ? (double)at[image->width] - at[0] : 0;
    return fabs(right) + fabs(down);
}

/* ---- Ringing in calm places ---- */

/* Integral image (h + 1, w + 1) of |gradient|. */
static void integrate(const dp_image *image, double *sums) {
    const size_t stride = (size_t)image->width + 1;
    for (int y = 0; y < image->height; y++) {
        double row = 0;
        for (int x = 0; x < image->width; x++) {
            row += gradient_at(image, y, x);
            sums[((size_t)y + 1) * stride + (size_t)x + 1] = sums[(size_t)y * stride + (size_t)x + 1] + row;
        }
    }
}

typedef struct window {
    int kh, kw;      /* of the PSF, at most the picture */
    int rows, cols;  /* windows */
    size_t stride;   /* of the sums */
    double *calm;    /* sums of the blurred picture, then of the result */
    float *activity; /* of each window in the blurred picture */
} window;

static double box(const window *w, const double *sums, int y, int x) {
    const double *top = sums + (size_t)y * w->stride + x, *bottom = top + (size_t)w->kh * w->stride;
    return bottom[w->kw] - bottom[0] - top[w->kw] + top[0];
}

/* The value below which about a third of the values lie, by halving. */
static double lower_third(const float *values, size_t n) {
    double low = 0, high = 0;
    for (size_t i = 0; i < n; i++) high = fmax(high, values[i]);
    for (int step = 0; step < 24; step++) {
        const double middle = 0.5 * (low + high);
        size_t below = 0;
        for (size_t i = 0; i < n; i++) below += values[i] <= middle;
        if (3 * below < n)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* The middle pixels of the calm windows. */
static double ratio_in_calm(const window *w, const dp_image *result, const dp_image *blurred) {
    const double limit = lower_third(w->activity, (size_t)w->rows * (size_t)w->cols);
    double now = 0, before = 0;
    for (int y = 0; y < w->rows; y++)
        for (int x = 0; x < w->cols; x++) {
            if (w->activity[(size_t)y * (size_t)w->cols + (size_t)x] > limit) continue;
            now += gradient_at(result, y + w->kh / 2, x + w->kw / 2);
            before += gradient_at(blurred, y + w->kh / 2, x + w->kw / 2);
        }
    return before > 0 ? now / before : NAN;
}

dipper_status dp_calm_ringing(const dp_image *result, const dp_image *blurred, int kh, int kw, dp_diag *diag,
                              double *ratio) {
    window w = {.kh = kh, .kw = kw, .rows = blurred->height - kh + 1, .cols = blurred->width - kw + 1};
    *ratio = NAN;
    if (w.rows < 1 || w.cols < 1) return DIPPER_OK;
    w.stride = (size_t)blurred->width + 1;
    w.calm = dp_alloc(((size_t)blurred->height + 1) * w.stride, sizeof *w.calm);
    w.activity = dp_alloc((size_t)w.rows * (size_t)w.cols, sizeof *w.activity);
    const bool done = w.calm != NULL && w.activity != NULL;
    if (done) {
        integrate(blurred, w.calm);
        for (int y = 0; y < w.rows; y++)
            for (int x = 0; x < w.cols; x++)
                w.activity[(size_t)y * (size_t)w.cols + (size_t)x] = (float)box(&w, w.calm, y, x);
        *ratio = ratio_in_calm(&w, result, blurred);
    }
    dp_free(w.calm);
    dp_free(w.activity);
    return done ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to look for ringing");
}

/* ---- The residual ---- */

double dp_residual_bond(const dp_image *residual, const dp_image *result, int kh, int kw) {
    double n = 0, sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (int y = 0; y < residual->height; y++) {
        const float *row = dp_image_row(residual, 0, y);
        for (int x = 0; x < residual->width; x++) {
            const double a = fabs(row[x]), b = gradient_at(result, y + kh / 2, x + kw / 2);
            n++, sa += a, sb += b, saa += a * a, sbb += b * b, sab += a * b;
        }
    }
    const double spread = (saa - sa * sa / n) * (sbb - sb * sb / n);
    return spread > 0 ? (sab - sa * sb / n) / sqrt(spread) : 0;
}

double dp_residual_unclip(dp_image *residual, const dp_image *blurred, int kh, int kw) {
    const dp_clip clip = dp_clip_find(blurred->data, dp_image_plane_count(blurred));
    double n = 0, squares = 0;
    for (int y = 0; y < residual->height; y++) {
        float *row = dp_image_row(residual, 0, y);
        const float *seen = dp_image_row(blurred, 0, y + kh / 2) + kw / 2;
        for (int x = 0; x < residual->width; x++) {
            if (dp_clipped(clip, seen[x]))
                row[x] = 0;
            else
                n++, squares += (double)row[x] * row[x];
        }
    }
    return n > 0 ? sqrt(squares / n) : 0;
}

/* ---- The range ---- */

double dp_beyond_range(const dp_image *result, const dp_image *blurred, double margin) {
    const size_t n = dp_image_plane_count(blurred);
    float low = blurred->data[0], high = low;
    size_t beyond = 0;
    for (size_t i = 0; i < n; i++) {
        low = fminf(low, blurred->data[i]);
        high = fmaxf(high, blurred->data[i]);
    }
    for (size_t i = 0; i < n; i++) beyond += result->data[i] < low - margin || result->data[i] > high + margin;
    return (double)beyond / (double)n;
}
