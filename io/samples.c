/* Between the samples of files and planar float. SPDX-License-Identifier: Apache-2.0 */
#include "io/samples.h"

#include <math.h>
#include <stdint.h>

size_t depth_bytes(io_depth depth) {
    static const size_t bytes[] = {1, 2, 4, 8};
    return bytes[depth];
}

const char *depth_text(io_depth depth) {
    static const char *const texts[] = {"8 bit", "16 bit", "32-bit float", "64-bit float"};
    return texts[depth];
}

#define UNPACK(type, expression)                                                                                       \
    do {                                                                                                               \
        const type *from = (const type *)packed + band;                                                                \
        for (size_t i = 0; i < n; i++, from += bands) plane[i] = (expression);                                         \
    } while (0)

void samples_unpack(float *plane, const void *packed, io_depth depth, size_t n, int bands, int band) {
    switch (depth) {
    case IO_DEPTH_U8:
        UNPACK(uint8_t, (float)*from / 255.0f);
        break;
    case IO_DEPTH_U16:
        UNPACK(uint16_t, (float)*from / 65535.0f);
        break;
    case IO_DEPTH_F32:
        UNPACK(float, *from);
        break;
    case IO_DEPTH_F64:
        UNPACK(double, (float)*from);
        break;
    }
}

/* The largest sample of an integer depth, 0 for floats. */
static double depth_top(io_depth depth) {
    return depth == IO_DEPTH_U8 ? 255 : depth == IO_DEPTH_U16 ? 65535 : 0;
}

static double rounded(float value, double top) {
    return floor((double)value * top + 0.5);
}

static double to_range(float value, double top) {
    double v = rounded(value, top);
    return v >= top ? top : v > 0 ? v : 0; /* NaN: 0 */
}

#define PACK(type, expression)                                                                                         \
    do {                                                                                                               \
        type *to = (type *)packed + band;                                                                              \
        for (size_t i = 0; i < n; i++, to += bands) *to = (type)(expression);                                          \
    } while (0)

void samples_pack(void *packed, const float *plane, io_depth depth, size_t n, int bands, int band) {
    switch (depth) {
    case IO_DEPTH_U8:
        PACK(uint8_t, to_range(plane[i], 255));
        break;
    case IO_DEPTH_U16:
        PACK(uint16_t, to_range(plane[i], 65535));
        break;
    case IO_DEPTH_F32:
        PACK(float, plane[i]);
        break;
    case IO_DEPTH_F64:
        PACK(double, plane[i]);
        break;
    }
}

/* Only what rounds to a sample outside the range is clipped: 1.0000001 is not. */
size_t samples_clipped(const float *planes, io_depth depth, size_t n, int channels) {
    double top = depth_top(depth);
    size_t count = 0;
    if (top == 0) return 0;
    for (size_t i = 0; i < n; i++) {
        int outside = 0;
        for (int c = 0; c < channels; c++) {
            double v = rounded(planes[(size_t)c * n + i], top);
            outside |= !(v >= 0 && v <= top);
        }
        count += (size_t)outside;
    }
    return count;
}
