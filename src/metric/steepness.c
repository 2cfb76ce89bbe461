#include "metric/steepness.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

/* Fitted on half of the pictures of bench/sharp.sh. */
static const double TOP = 0.2, QUANTILE = 0.75, NOISES = 8;
enum { FEW = 40 }; /* profiles of one direction that tell nothing yet */

typedef struct profiles {
    float *range, *steepness, *sorted; /* one of each profile of a direction */
    size_t count;
} profiles;

/* One profile: 2 n + 1 pixels around `middle`, `along` apart. */
static void measure(const float *middle, ptrdiff_t along, int n, float *range, float *step) {
    const float *p = middle - n * along;
    float low = *p, high = *p, before = *p;
    *step = 0;
    for (int i = 0; i < 2 * n; i++) {
        p += along;
        low = fminf(low, *p);
        high = fmaxf(high, *p);
        *step = fmaxf(*step, fabsf(*p - before));
        before = *p;
    }
    *range = high - low;
}

/* All profiles of a direction (ey, ex) that lie in the picture. */
static void collect(const dp_image *grey, int ey, int ex, profiles *p) {
    const double length = sqrt(ey * ey + ex * ex);
    const int n = (int)lround(DP_STEEPNESS_REACH / length), my = n * abs(ey), mx = n * abs(ex);
    const ptrdiff_t along = (ptrdiff_t)ey * grey->width + ex;
    p->count = 0;
    for (int y = my; y < grey->height - my; y++)
        for (int x = mx; x < grey->width - mx; x++) {
            float range, step;
            measure(dp_image_row(grey, 0, y) + x, along, n, &range, &step);
            p->range[p->count] = range;
            p->steepness[p->count++] = range > 0 ? step / range / (float)length : 0;
        }
}

static int compare(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float quantile(float *values, size_t n, double q) {
    qsort(values, n, sizeof *values, compare);
    return values[(size_t)(q * (double)(n - 1))];
}

/* NaN: too few. */
static double judge(profiles *p, double sigma) {
    size_t n = 0;
    if (p->count < FEW) return NAN;
    for (size_t i = 0; i < p->count; i++) p->sorted[i] = p->range[i];
    const double limit = fmax(quantile(p->sorted, p->count, 1 - TOP), NOISES * sigma);
    for (size_t i = 0; i < p->count; i++)
        if (p->range[i] >= limit && p->range[i] > 0) p->sorted[n++] = p->steepness[i];
    return n < FEW ? NAN : (double)quantile(p->sorted, n, QUANTILE);
}

dipper_status dp_steepness(const dp_image *grey, double sigma, dp_diag *diag, double *out) {
    static const int directions[4][2] = {{0, 1}, {1, 1}, {1, 0}, {1, -1}};
    const size_t n = dp_image_plane_count(grey);
    float *room = dp_alloc(3 * n, sizeof *room);
    profiles p = {.range = room};
    *out = NAN;
    if (room == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to look for sharp edges");
    p.steepness = room + n;
    p.sorted = room + 2 * n;
    for (int i = 0; i < 4; i++) {
        collect(grey, directions[i][0], directions[i][1], &p);
        *out = fmin(*out, judge(&p, sigma)); /* of a number and NaN the number */
    }
    dp_free(room);
    return DIPPER_OK;
}
