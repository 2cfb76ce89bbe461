#include "image/extreme.h"

size_t dp_extreme_scratch(int h, int w) {
    return (size_t)h * (size_t)w + (size_t)(h > w ? h : w);
}

/* One line of n candidates at[k*stride], positions in src: out[k*stride] = the best of k-radius .. k+radius. `queue`
 * holds those that may still win, the best first: a candidate drops all before it that are worse. */
static void best_of_line(const float *src, const int *at, size_t stride, int n, int radius, float sign, int *queue,
                         int *out) {
    int first = 0, end = 0;
    for (int k = 0; k < n + radius; k++) {
        if (k < n) {
            const float value = sign * src[at[(size_t)k * stride]];
            while (end > first && sign * src[at[(size_t)queue[end - 1] * stride]] > value) end--;
            queue[end++] = k;
        }
        const int to = k - radius;
        if (to < 0) continue;
        if (queue[first] < to - radius) first++;
        out[(size_t)to * stride] = at[(size_t)queue[first] * stride];
    }
}

void dp_plane_extreme(const float *src, int h, int w, int radius, bool bright, float *value, int *index, int *scratch) {
    const float sign = bright ? -1 : 1;
    const size_t width = (size_t)w, n = (size_t)h * width;
    int *rows = scratch, *queue = scratch + n; /* rows (h, w): the best of each row's window */
    for (size_t i = 0; i < n; i++) index[i] = (int)i;
    for (int y = 0; y < h; y++)
        best_of_line(src, index + (size_t)y * width, 1, w, radius, sign, queue, rows + (size_t)y * width);
    for (int x = 0; x < w; x++) best_of_line(src, rows + x, width, h, radius, sign, queue, index + x);
    for (size_t i = 0; i < n; i++) value[i] = src[index[i]];
}
