#include "bid/net_input.h"

#include <math.h>

#include "base/memory.h"

static const float NOISE_SCALE = 0.1f;

static void fill_noise(float *x, dp_shape s, dp_philox_key key, uint64_t draw) {
    const size_t pixels = (size_t)s.h * (size_t)s.w, n = dp_count(s);
    for (size_t i = 0; i < n; i += 4) {
        float u[4];
        dp_philox_uniform4(key, draw, i / 4, u);
        for (size_t j = i; j < i + 4 && j < n; j++)
            x[j % (size_t)s.c * pixels + j / (size_t)s.c] = NOISE_SCALE * u[j - i];
    }
}

static void fill_fourier(float *x, dp_shape s, double highest) {
    const int frequencies = s.c / 4;
    const size_t pixels = (size_t)s.h * (size_t)s.w;
    const double longer = s.h > s.w ? s.h : s.w;
    for (int c = 0; c < s.c; c++) {
        const int i = c / 4, down = c % 4 / 2;
        const double f = frequencies > 1 ? pow(highest, (double)i / (frequencies - 1)) : highest;
        for (int y = 0; y < s.h; y++)
            for (int j = 0; j < s.w; j++) {
                const double at = f * ((down ? y : j) + 0.5) / longer;
                x[(size_t)c * pixels + (size_t)y * (size_t)s.w + (size_t)j] = (float)(c % 2 ? cos(at) : sin(at));
            }
    }
}

static dipper_status no_memory(dp_diag *diag) {
    return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the network's input");
}

dipper_status dp_write_noise(dp_graph *g, dp_value input, dp_philox_key key, uint64_t draw, dp_diag *diag) {
    const dp_shape shape = dp_graph_shape(g, input);
    float *noise = dp_alloc(dp_count(shape), sizeof *noise);
    if (noise == NULL) return no_memory(diag);
    fill_noise(noise, shape, key, draw);
    dp_graph_write(g, input, noise);
    dp_free(noise);
    return DIPPER_OK;
}

dipper_status dp_write_fourier(dp_graph *g, dp_value input, double highest, dp_diag *diag) {
    const dp_shape shape = dp_graph_shape(g, input);
    float *features = dp_alloc(dp_count(shape), sizeof *features);
    if (features == NULL) return no_memory(diag);
    fill_fourier(features, shape, highest);
    dp_graph_write(g, input, features);
    dp_free(features);
    return DIPPER_OK;
}
