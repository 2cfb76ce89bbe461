/* Values at the ends of the range, where sensor or file has cut what was there: noise and edges there lie. */
#ifndef DP_IMAGE_CLIP_H
#define DP_IMAGE_CLIP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct dp_clip { /* values <= low and >= high are clipped; infinities where there is no end */
    float low, high;
} dp_clip;

/* Of n values: 0, if nothing is below it; and 0.99 (room for JPEG and a raw converter's rounding), if the largest lies
 * in [0.99, 1]. Pictures that go beyond have not been cut there. */
dp_clip dp_clip_find(const float *values, size_t n);

/* Share of n values that are clipped at the upper end. */
double dp_clip_share(const float *values, size_t n);

static inline bool dp_clipped(dp_clip clip, float value) {
    return value <= clip.low || value >= clip.high;
}

#endif
