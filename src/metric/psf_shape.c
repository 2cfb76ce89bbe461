#include "metric/psf_shape.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "image/psf.h"
#include "metric/quality.h"

static const double faint = 0.05; /* of the largest value */

static double radius_of(const float *psf, int kh, int kw, double sum) {
    double dy, dx, squares = 0;
    dp_psf_centroid(psf, kh, kw, &dy, &dx);
    for (int i = 0; i < kh; i++)
        for (int j = 0; j < kw; j++) {
            const double y = i - kh / 2 - dy, x = j - kw / 2 - dx;
            squares += psf[i * kw + j] * (y * y + x * x);
        }
    return sqrt(squares / sum);
}

static void find_box(const float *psf, int kh, int kw, double limit, dp_psf_shape *out) {
    int left = kw, right = -1, top = kh, bottom = -1;
    for (int i = 0; i < kh * kw; i++) {
        if (psf[i] < limit) continue;
        const int y = i / kw, x = i % kw;
        left = x < left ? x : left;
        right = x > right ? x : right;
        top = y < top ? y : top;
        bottom = y;
    }
    out->width = right - left + 1;
    out->height = bottom - top + 1;
}

dipper_status dp_psf_shape_measure(const float *psf, int kh, int kw, dp_diag *diag, dp_psf_shape *out) {
    const size_t n = (size_t)kh * (size_t)kw;
    float *copy = dp_alloc(n, sizeof *copy);
    int *labels = dp_alloc(n, sizeof *labels);
    double sum = 0, largest = 0;
    *out = (dp_psf_shape){0};
    for (size_t i = 0; i < n; i++) {
        sum += psf[i];
        largest = fmax(largest, psf[i]);
    }
    if (copy != NULL && labels != NULL) {
        memcpy(copy, psf, n * sizeof *copy);
        out->haze = dp_psf_cut(copy, kh, kw, faint, 0, labels);
        out->islands = dp_psf_cut(copy, kh, kw, faint, 1, labels);
        out->radius = radius_of(psf, kh, kw, sum);
        out->peak = largest / sum;
        out->border = dp_psf_border_mass(psf, kh, kw);
        find_box(psf, kh, kw, faint * largest, out);
    }
    const bool done = copy != NULL && labels != NULL;
    dp_free(copy);
    dp_free(labels);
    return done ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to look at a PSF");
}
