/* Shapes. A tensor is a shape and a pointer; where element (c, y, x) lies is the back end's secret for features. */
#ifndef DP_TENSOR_SHAPE_H
#define DP_TENSOR_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum dp_layout {
    DP_PLANAR,   /* c, y, x in C order, no padding: pictures, PSFs, matrices, vectors (c=1, h=1, w=n) */
    DP_FEATURE,  /* the back end's layout for feature maps (ref: planar; cpu: nChw8c or nChw16c, channels padded; cuda:
                    NHWC with a border) */
    DP_GRADIENT, /* ... for the gradient of one: only uploads differ, by the border that a back end may have */
    DP_WEIGHTS,  /* ... for the weights of a convolution: c outputs, h inputs, w = k*k taps, that order on the host */
} dp_layout;

typedef struct dp_shape { /* letters used everywhere: C channels, H rows, W columns */
    int c, h, w;
    dp_layout layout;
} dp_shape;

static inline dp_shape dp_planar(int c, int h, int w) {
    return (dp_shape){c, h, w, DP_PLANAR};
}
static inline dp_shape dp_feature(int c, int h, int w) {
    return (dp_shape){c, h, w, DP_FEATURE};
}
static inline dp_shape dp_vector(int n) {
    return dp_planar(1, 1, n);
}
static inline size_t dp_count(dp_shape s) {
    return (size_t)s.c * (size_t)s.h * (size_t)s.w;
}
static inline bool dp_shape_equal(dp_shape a, dp_shape b) {
    return a.c == b.c && a.h == b.h && a.w == b.w && a.layout == b.layout;
}

#endif
