/* Paths of a point of light on the sensor during an exposure, and the PSFs that they draw (docs/simulate.md). */
#ifndef DP_SIMULATE_PATH_H
#define DP_SIMULATE_PATH_H

#include <stdint.h>

/* Where the point is at equal steps of time; px, y runs down. The centroid is at 0 once dp_path_centre was called. */
enum { DP_PATH_POINTS = 513 };
typedef struct dp_path {
    double x[DP_PATH_POINTS], y[DP_PATH_POINTS];
} dp_path;

/* Even speed along a straight line or an arc: its direction is `angle` degrees from the x axis, counter-clockwise as
 * seen, halfway, and turns by `curve` degrees from start to end. */
void dp_path_motion(dp_path *path, double length, double angle, double curve);
/* A hand that trembles and jerks, from a seed; of any size. */
void dp_path_shake(dp_path *path, uint64_t seed);

double dp_path_length(const dp_path *path);
void dp_path_scale(dp_path *path, double factor);
/* Moves the mean of the path over time to 0, and rounds to 1e-9 px, so that what is symmetric is so exactly. */
void dp_path_centre(dp_path *path);
void dp_path_extent(const dp_path *path, double *x, double *y); /* largest |x| and |y| */

/* The mean over time of a point that is shared out to the four nearest pixels (bilinear): psf (height, width), centred,
 * sum 1. What falls outside is lost before the sum is taken. */
void dp_path_draw(const dp_path *path, int width, int height, double *psf);

#endif
