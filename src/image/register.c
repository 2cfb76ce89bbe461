#include "image/register.h"

#include <math.h>

#include "base/memory.h"
#include "image/blur.h"
#include "image/psf.h"
#include "image/resize.h"

/* ---- Moving ---- */

enum { MOST = 4, LOBES = 4, REACH = MOST + LOBES, SIDE = 2 * REACH + 1 };

/* dst (h, w) = src (*) kernel (SIDE, SIDE), edges replicated. */
static dipper_status filter(const float *src, int h, int w, const float *kernel, int threads, dp_diag *diag,
                            float *dst) {
    float *padded = dp_alloc((size_t)(h + 2 * REACH) * (size_t)(w + 2 * REACH), sizeof *padded);
    if (padded == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to move a picture of %d x %d pixels", w, h);
    dp_plane_pad(src, h, w, REACH, REACH, REACH, REACH, DP_BORDER_REPLICATE, padded);
    dp_plane_blur(padded, h + 2 * REACH, w + 2 * REACH, kernel, SIDE, SIDE, threads, dst);
    dp_free(padded);
    return DIPPER_OK;
}

static double lanczos(double t) {
    return dp_lanczos(t, LOBES);
}

static double gaussian(double t) {
    return exp(-0.5 * t * t);
}

static void fill(double (*profile)(double), double dy, double dx, float *kernel) {
    for (int i = 0; i < SIDE * SIDE; i++)
        kernel[i] = (float)(profile(i / SIDE - REACH - dy) * profile(i % SIDE - REACH - dx));
    (void)dp_psf_normalise(kernel, SIDE, SIDE);
}

dipper_status dp_plane_move(const float *src, int h, int w, double dy, double dx, int threads, dp_diag *diag,
                            float *dst) {
    float kernel[SIDE * SIDE];
    fill(lanczos, dy, dx, kernel);
    return filter(src, h, w, kernel, threads, diag, dst);
}

/* ---- Registration ---- */

typedef struct room {
    dp_image moving, fixed, moved; /* the first two smoothed */
    int border;
} room;

/* Sums over the inside: of squared differences, and the normal equations of a small further move. */
typedef struct sums {
    double squares, yy, yx, xx, y, x, count;
} sums;

static sums compare(const room *r) {
    sums s = {0};
    for (int i = r->border; i < r->fixed.height - r->border; i++) {
        const float *above = dp_image_row(&r->moved, 0, i - 1), *row = dp_image_row(&r->moved, 0, i),
                    *below = dp_image_row(&r->moved, 0, i + 1), *want = dp_image_row(&r->fixed, 0, i);
        for (int j = r->border; j < r->fixed.width - r->border; j++) {
            const double gy = -0.5 * ((double)below[j] - above[j]), gx = -0.5 * ((double)row[j + 1] - row[j - 1]),
                         e = (double)want[j] - row[j];
            s.squares += e * e;
            s.yy += gy * gy;
            s.yx += gy * gx;
            s.xx += gx * gx;
            s.y += gy * e;
            s.x += gx * e;
            s.count++;
        }
    }
    return s;
}

/* The best move by whole pixels. */
static void begin(room *r, dp_registration *at) {
    enum { FAR = 2 };
    double least = INFINITY;
    for (int dy = -FAR; dy <= FAR; dy++)
        for (int dx = -FAR; dx <= FAR; dx++) {
            dp_plane_shift(r->moving.data, r->moving.height, r->moving.width, dy, dx, r->moved.data);
            const double squares = compare(r).squares;
            if (squares >= least) continue;
            least = squares;
            at->dy = dy;
            at->dx = dx;
        }
}

static dipper_status improve(room *r, int threads, dp_diag *diag, dp_registration *at) {
    enum { TIMES = 10 };
    static const double SMALL = 1e-3;
    double step = INFINITY;
    for (int i = 0; i < TIMES && step > SMALL; i++) {
        DP_TRY(dp_plane_move(r->moving.data, r->moving.height, r->moving.width, at->dy, at->dx, threads, diag,
                             r->moved.data));
        const sums s = compare(r);
        const double determinant = s.yy * s.xx - s.yx * s.yx, dy = (s.xx * s.y - s.yx * s.x) / determinant,
                     dx = (s.yy * s.x - s.yx * s.y) / determinant;
        at->rms = sqrt(s.squares / s.count);
        step = fmax(fabs(dy), fabs(dx));
        if (!(fabs(at->dy + dy) < MOST && fabs(at->dx + dx) < MOST)) break;
        at->dy += dy;
        at->dx += dx;
    }
    if (!(step <= SMALL)) at->rms = INFINITY;
    return DIPPER_OK;
}

dipper_status dp_register(const dp_image *moving, const dp_image *fixed, int threads, dp_diag *diag,
                          dp_registration *out) {
    enum { BORDER = 20 };
    const int h = fixed->height, w = fixed->width, shorter = h < w ? h : w;
    float smooth[SIDE * SIDE];
    room r = {.border = shorter > 4 * BORDER ? BORDER : shorter / 4};
    *out = (dp_registration){.rms = INFINITY};
    if (r.border < 1) return DIPPER_OK;
    fill(gaussian, 0, 0, smooth);
    dipper_status status = dp_image_create(w, h, 1, diag, &r.moving);
    if (status == DIPPER_OK) status = dp_image_create(w, h, 1, diag, &r.fixed);
    if (status == DIPPER_OK) status = dp_image_create(w, h, 1, diag, &r.moved);
    if (status == DIPPER_OK) status = filter(moving->data, h, w, smooth, threads, diag, r.moving.data);
    if (status == DIPPER_OK) status = filter(fixed->data, h, w, smooth, threads, diag, r.fixed.data);
    if (status == DIPPER_OK) begin(&r, out);
    if (status == DIPPER_OK) status = improve(&r, threads, diag, out);
    dp_image_free(&r.moving);
    dp_image_free(&r.fixed);
    dp_image_free(&r.moved);
    return status;
}
