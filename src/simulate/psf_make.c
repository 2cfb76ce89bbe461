#include "simulate/psf_make.h"

#include <math.h>

#include "base/memory.h"
#include "simulate/path.h"

enum { SIDE_MAX = 101 };
static const double longest = 10000;

/* ---- Options ---- */

static dipper_status in_range(const char *what, double value, double low, double high, dp_diag *diag) {
    if (value >= low && value <= high) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%s is %g, but must be from %g to %g", what, value, low, high);
}

static dipper_status check_side(const char *what, int side, dp_diag *diag) {
    if (side == 0 || (side >= 1 && side <= SIDE_MAX && side % 2 == 1)) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "the %s of the PSF is %d px, but must be odd, 1 to %d", what, side,
                   SIDE_MAX);
}

/* Length 0 of a random motion: as long as the window holds. */
static int fills_window(const dipper_psf_options *o) {
    return o->kind == DIPPER_PSF_RANDOM_MOTION && o->length == 0 && o->width > 0 && o->height > 0;
}

static dipper_status check(const dipper_psf_options *o, dp_diag *diag) {
    DP_TRY(check_side("width", o->width, diag));
    DP_TRY(check_side("height", o->height, diag));
    switch (o->kind) {
    case DIPPER_PSF_DELTA:
        return DIPPER_OK;
    case DIPPER_PSF_GAUSSIAN:
        return in_range("the Gaussian's standard deviation (px)", o->sigma, 1e-3, SIDE_MAX, diag);
    case DIPPER_PSF_DISK:
        return in_range("the disk's radius (px)", o->radius, 1e-3, SIDE_MAX, diag);
    case DIPPER_PSF_MOTION:
        DP_TRY(in_range("the angle of the motion (degrees)", o->angle, -36000, 36000, diag));
        DP_TRY(in_range("the curve of the motion (degrees)", o->curve, -360, 360, diag));
        return in_range("the length of the motion (px)", o->length, 1, longest, diag);
    case DIPPER_PSF_RANDOM_MOTION:
        if (fills_window(o)) return DIPPER_OK;
        return in_range("the length of the random motion (px)", o->length, 1, longest, diag);
    }
    return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "unknown kind of PSF (%d)", (int)o->kind);
}

/* ---- Shapes: psf (height, width) in double, not yet of sum 1 ---- */

/* At the pixels' centres. */
static void draw_gaussian(double sigma, int width, int height, double *psf) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const double dx = x - width / 2, dy = y - height / 2;
            psf[y * width + x] = exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
        }
}

/* Area of the disk within 0 <= u <= x, 0 <= v <= y, with the sign of x*y. */
static double quadrant_area(double radius, double x, double y) {
    const double sign = (x < 0) != (y < 0) ? -1 : 1, r2 = radius * radius;
    x = fmin(fabs(x), radius);
    y = fmin(fabs(y), radius);
    if (x * x + y * y <= r2) return sign * x * y;
    const double a = sqrt(r2 - y * y); /* left of it the disk reaches y, right of it its edge */
    const double right = x * sqrt(r2 - x * x) + r2 * asin(x / radius), left = a * y + r2 * asin(a / radius);
    return sign * (a * y + (right - left) / 2);
}

static void draw_disk(double radius, int width, int height, double *psf) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const double l = x - width / 2 - 0.5, r = l + 1, t = y - height / 2 - 0.5, b = t + 1;
            const double share = quadrant_area(radius, r, b) - quadrant_area(radius, l, b) -
                                 quadrant_area(radius, r, t) + quadrant_area(radius, l, t);
            psf[y * width + x] = share > 1e-12 ? share : 0; /* differences of areas are not exactly 0 outside */
        }
}

/* ---- Size ---- */

typedef struct shape {
    const dipper_psf_options *options;
    dp_path path;
    int width, height; /* the least that holds it */
} shape;

static int side_for(double reach) {
    const double half = ceil(reach - 1e-6);
    return half <= 0 ? 1 : half > SIDE_MAX ? 2 * SIDE_MAX + 1 : 2 * (int)half + 1;
}

static void make_path(shape *s) {
    const dipper_psf_options *o = s->options;
    double x, y;
    if (o->kind == DIPPER_PSF_MOTION) dp_path_motion(&s->path, o->length, o->angle, o->curve);
    if (o->kind == DIPPER_PSF_RANDOM_MOTION) {
        dp_path_shake(&s->path, o->seed);
        dp_path_centre(&s->path);
        dp_path_extent(&s->path, &x, &y);
        dp_path_scale(&s->path, fills_window(o) ? fmin(o->width / 2 / x, o->height / 2 / y)
                                                : o->length / dp_path_length(&s->path));
    }
    dp_path_centre(&s->path);
    dp_path_extent(&s->path, &x, &y);
    s->width = side_for(x);
    s->height = side_for(y);
}

static void make_shape(const dipper_psf_options *o, shape *s) {
    s->options = o;
    s->width = s->height = 1;
    if (o->kind == DIPPER_PSF_GAUSSIAN) s->width = s->height = side_for(4 * o->sigma);
    if (o->kind == DIPPER_PSF_DISK) s->width = s->height = side_for(o->radius - 0.5);
    if (o->kind == DIPPER_PSF_MOTION || o->kind == DIPPER_PSF_RANDOM_MOTION) make_path(s);
}

/* What was asked for must hold the shape; a Gaussian has no end and is cut. */
static dipper_status choose_size(const shape *s, dp_diag *diag, int *width, int *height) {
    const dipper_psf_options *o = s->options;
    *width = o->width ? o->width : s->width;
    *height = o->height ? o->height : s->height;
    if (*width > SIDE_MAX || *height > SIDE_MAX)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "a PSF that large needs more than the %d x %d px that are possible",
                       SIDE_MAX, SIDE_MAX);
    if (o->kind == DIPPER_PSF_GAUSSIAN || (*width >= s->width && *height >= s->height)) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "a PSF of %d x %d px does not hold this; it needs %d x %d", *width,
                   *height, s->width, s->height);
}

static void draw(const shape *s, int width, int height, double *psf) {
    const dipper_psf_options *o = s->options;
    switch (o->kind) {
    case DIPPER_PSF_DELTA:
        psf[height / 2 * width + width / 2] = 1;
        break;
    case DIPPER_PSF_GAUSSIAN:
        draw_gaussian(o->sigma, width, height, psf);
        break;
    case DIPPER_PSF_DISK:
        draw_disk(o->radius, width, height, psf);
        break;
    case DIPPER_PSF_MOTION:
    case DIPPER_PSF_RANDOM_MOTION:
        dp_path_draw(&s->path, width, height, psf);
        break;
    }
}

dipper_status dp_psf_make(const dipper_psf_options *options, dp_diag *diag, int *width, int *height, float *psf) {
    shape s;
    DP_TRY(check(options, diag));
    make_shape(options, &s);
    DP_TRY(choose_size(&s, diag, width, height));
    if (psf == NULL) return DIPPER_OK;
    const int n = *width * *height;
    double *values = dp_alloc((size_t)n, sizeof *values), sum = 0;
    if (values == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    draw(&s, *width, *height, values);
    for (int i = 0; i < n; i++) sum += values[i];
    for (int i = 0; i < n; i++) psf[i] = (float)(values[i] / sum);
    dp_free(values);
    return DIPPER_OK;
}
