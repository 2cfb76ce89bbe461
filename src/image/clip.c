#include "image/clip.h"

#include <math.h>

dp_clip dp_clip_find(const float *values, size_t n) {
    const float nearly = 0.99F;
    float least = INFINITY, largest = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        least = values[i] < least ? values[i] : least;
        largest = values[i] > largest ? values[i] : largest;
    }
    return (dp_clip){least < 0 || least > 0 ? -INFINITY : 0, largest >= nearly && largest <= 1 ? nearly : INFINITY};
}

double dp_clip_share(const float *values, size_t n) {
    const dp_clip clip = dp_clip_find(values, n);
    size_t clipped = 0;
    for (size_t i = 0; i < n; i++) clipped += values[i] >= clip.high;
    return (double)clipped / (double)n;
}
