#include "simulate/path.h"

#include <math.h>

#include "base/philox.h"

enum { LAST = DP_PATH_POINTS - 1 };
static const double pi = 3.14159265358979323846;

void dp_path_motion(dp_path *path, double length, double angle, double curve) {
    const double turn = curve * pi / 180, start = angle * pi / 180 - turn / 2;
    for (int i = 0; i <= LAST; i++) { /* the chord from the start to here: an arc's is length * sinc(half its turn) */
        const double t = (double)i / LAST, half = turn * t / 2;
        const double chord = length * t * (half != 0 ? sin(half) / half : 1);
        path->x[i] = chord * cos(start + half);
        path->y[i] = -chord * sin(start + half);
    }
}

/* Velocity is an Ornstein-Uhlenbeck process, a random walk with inertia: it forgets its direction within `memory` of
 * the exposure. A weak spring holds the camera where it was pointed; jerks come once per exposure in the mean. After
 * the idea of Boracchi and Foi (2012, section III-A); code and process are our own. */
void dp_path_shake(dp_path *path, uint64_t seed) {
    const double memory = 0.3, spring = 10, jerks = 1, jerk_size = 1.5, dt = 1.0 / LAST;
    const dp_philox_key key = dp_philox_key_make(seed, DP_STREAM_SHAKE);
    float normal[4], uniform[4];
    dp_philox_normal4(key, 0, 0, normal);
    double x = 0, y = 0, vx = normal[0], vy = normal[1];
    for (int i = 0; i <= LAST; i++) {
        path->x[i] = x;
        path->y[i] = y;
        dp_philox_normal4(key, 0, (uint64_t)i + 1, normal);
        dp_philox_uniform4(key, 1, (uint64_t)i + 1, uniform);
        const double jerk = uniform[0] < jerks * dt ? jerk_size : 0, tremor = sqrt(2 * dt / memory);
        vx += -(vx / memory + spring * x) * dt + tremor * normal[0] + jerk * normal[2];
        vy += -(vy / memory + spring * y) * dt + tremor * normal[1] + jerk * normal[3];
        x += vx * dt;
        y += vy * dt;
    }
}

double dp_path_length(const dp_path *path) {
    double length = 0;
    for (int i = 0; i < LAST; i++) length += hypot(path->x[i + 1] - path->x[i], path->y[i + 1] - path->y[i]);
    return length;
}

void dp_path_scale(dp_path *path, double factor) {
    for (int i = 0; i <= LAST; i++) {
        path->x[i] *= factor;
        path->y[i] *= factor;
    }
}

/* The first and last point stand for half a step of time each. */
static double mean_over_time(const double *values) {
    double sum = (values[0] + values[LAST]) / 2;
    for (int i = 1; i < LAST; i++) sum += values[i];
    return sum / LAST;
}

static double rounded(double v) {
    return nearbyint(v * 1e9) / 1e9;
}

void dp_path_centre(dp_path *path) {
    const double x = mean_over_time(path->x), y = mean_over_time(path->y);
    for (int i = 0; i <= LAST; i++) {
        path->x[i] = rounded(path->x[i] - x);
        path->y[i] = rounded(path->y[i] - y);
    }
}

void dp_path_extent(const dp_path *path, double *x, double *y) {
    *x = *y = 0;
    for (int i = 0; i <= LAST; i++) {
        *x = fmax(*x, fabs(path->x[i]));
        *y = fmax(*y, fabs(path->y[i]));
    }
}

/* Shares a point at (x, y) from the array's corner out to its four neighbours. */
static void splat(double *psf, int width, int height, double x, double y, double weight) {
    const int left = (int)floor(x), top = (int)floor(y);
    const double right_share = x - left, bottom_share = y - top;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            const int row = top + i, column = left + j;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            psf[row * width + column] +=
                weight * (i ? bottom_share : 1 - bottom_share) * (j ? right_share : 1 - right_share);
        }
}

void dp_path_draw(const dp_path *path, int width, int height, double *psf) {
    double sum = 0;
    for (int i = 0; i < width * height; i++) psf[i] = 0;
    for (int i = 0; i < LAST; i++) { /* each step of time in parts, 1/32 px long or less, by their middles */
        const double dx = path->x[i + 1] - path->x[i], dy = path->y[i + 1] - path->y[i];
        const int parts = 1 + (int)(32 * hypot(dx, dy));
        for (int k = 0; k < parts; k++) {
            const double t = (k + 0.5) / parts;
            splat(psf, width, height, path->x[i] + t * dx + width / 2, path->y[i] + t * dy + height / 2, 1.0 / parts);
        }
    }
    for (int i = 0; i < width * height; i++) sum += psf[i];
    for (int i = 0; i < width * height; i++) psf[i] /= sum;
}
