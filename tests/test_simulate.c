/* Simulation: blur with each border, noise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "dipper/dipper.h"
#include "simulate/noise.h"

static dipper_context *context;

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static void ok(dipper_status status) {
    if (status) fail_msg("%s", dipper_context_message(context));
}

static void fails(dipper_status status, dipper_status expected, const char *what) {
    assert_int_equal(status, expected);
    if (!strstr(dipper_context_message(context), what))
        fail_msg("'%s' does not say '%s'", dipper_context_message(context), what);
    dipper_context_clear(context);
}

/* ---- Blur ---- */

enum { W = 13, H = 9, KW = 5, KH = 3 };
static const float kernel[KH * KW] = {0.5F, 0, 1, 2, 0, 0, 3, 1, 0, 0.25F, 1, 0, 0, 0, 4}; /* nothing is symmetric */
static const double kernel_sum = 12.75;

static void fill(float *data, int n, int seed) {
    for (int i = 0; i < n; i++) data[i] = (float)((i * 7919 + seed * 104729) % 1009) / 1009.0F;
}

static int inside(int i, int n, dipper_border border) {
    while (i < 0 || i >= n) {
        if (border == DIPPER_BORDER_REPLICATE) i = i < 0 ? 0 : n - 1;
        if (border == DIPPER_BORDER_WRAP) i = i < 0 ? i + n : i - n;
        if (border == DIPPER_BORDER_REFLECT) i = i < 0 ? -i : 2 * (n - 1) - i;
    }
    return i;
}

/* The definition: sum over the PSF, centre at (KH/2, KW/2), of K(i, j) X(y - i, x - j). */
static double reference(const float *sharp, int w, int h, int y, int x, dipper_border border) {
    double sum = 0;
    for (int i = -(KH / 2); i <= KH / 2; i++)
        for (int j = -(KW / 2); j <= KW / 2; j++)
            sum += (double)kernel[(i + KH / 2) * KW + j + KW / 2] *
                   sharp[inside(y - i, h, border) * w + inside(x - j, w, border)];
    return sum / kernel_sum;
}

static dipper_status blur(float *sharp, int w, int h, int channels, dipper_blur_options o, float *result) {
    const int cut = o.border == DIPPER_BORDER_VALID;
    dipper_image in = dipper_image_view(sharp, w, h, channels),
                 out = dipper_image_view(result, cut ? w - KW + 1 : w, cut ? h - KH + 1 : h, channels);
    o.struct_size = sizeof o;
    return dipper_blur(context, &in, kernel, KW, KH, &o, &out);
}

static void every_border(void **state) {
    (void)state;
    float sharp[2][3 * W * H], out[3 * W * H];
    const int sizes[2][2] = {{W, H}, {3, 2}}; /* the second is smaller than the PSF */
    for (int size = 0; size < 2; size++)
        for (int b = DIPPER_BORDER_REPLICATE; b <= DIPPER_BORDER_WRAP; b++) {
            const int w = sizes[size][0], h = sizes[size][1];
            fill(sharp[size], 3 * w * h, size);
            ok(blur(sharp[size], w, h, 3, (dipper_blur_options){.border = (dipper_border)b}, out));
            for (int i = 0; i < 3 * w * h; i++)
                near(out[i],
                     reference(sharp[size] + i / (w * h) * w * h, w, h, i % (w * h) / w, i % w, (dipper_border)b),
                     1e-6);
        }
    const int w = W - KW + 1, h = H - KH + 1;
    ok(blur(sharp[0], W, H, 3, (dipper_blur_options){.border = DIPPER_BORDER_VALID}, out));
    for (int i = 0; i < 3 * w * h; i++)
        near(out[i],
             reference(sharp[0] + i / (w * h) * W * H, W, H, i % (w * h) / w + KH / 2, i % w + KW / 2,
                       DIPPER_BORDER_VALID),
             1e-6);
}

static void impulse_gives_psf(void **state) {
    (void)state;
    float sharp[W * H] = {0}, out[W * H];
    sharp[4 * W + 6] = 2;
    ok(blur(sharp, W, H, 1, (dipper_blur_options){.border = DIPPER_BORDER_REFLECT}, out));
    for (int i = 0; i < W * H; i++) {
        const int y = i / W - 4 + KH / 2, x = i % W - 6 + KW / 2;
        const int within = y >= 0 && y < KH && x >= 0 && x < KW;
        near(out[i], within ? 2 * kernel[y * KW + x] / kernel_sum : 0, 1e-7);
    }
}

static void linear_and_shift_invariant(void **state) {
    (void)state;
    float a[W * H], b[W * H], mixed[W * H], moved[W * H], ka[W * H], kb[W * H], out[W * H];
    const dipper_blur_options wrap = {.border = DIPPER_BORDER_WRAP};
    fill(a, W * H, 1);
    fill(b, W * H, 2);
    for (int i = 0; i < W * H; i++) {
        mixed[i] = 0.5F * a[i] - 2 * b[i];
        moved[(i / W + 2) % H * W + (i % W + 3) % W] = a[i];
    }
    ok(blur(a, W, H, 1, wrap, ka));
    ok(blur(b, W, H, 1, wrap, kb));
    ok(blur(mixed, W, H, 1, wrap, out));
    for (int i = 0; i < W * H; i++) near(out[i], 0.5 * ka[i] - 2 * kb[i], 1e-6);
    ok(blur(moved, W, H, 1, wrap, out));
    for (int i = 0; i < W * H; i++) assert_true(out[(i / W + 2) % H * W + (i % W + 3) % W] == ka[i]);
}

/* Wider than the pieces that a row is cut into; strides; one thread and three. */
static void wide_pictures(void **state) {
    (void)state;
    enum { WIDE = 5000 };
    float *sharp = calloc(3 * WIDE, sizeof *sharp), *one = calloc(3 * WIDE, sizeof *one),
          *three = calloc(3 * WIDE, sizeof *three), *packed = calloc(3 * WIDE, sizeof *packed);
    assert_true(sharp && one && three && packed);
    fill(sharp, 3 * WIDE, 3);
    const dipper_blur_options o = {.struct_size = sizeof o,
                                   .border = DIPPER_BORDER_REPLICATE,
                                   .noise = DIPPER_NOISE_POISSON,
                                   .noise_level = 300,
                                   .seed = 9};
    ok(blur(sharp, WIDE, 3, 1, (dipper_blur_options){.border = DIPPER_BORDER_REPLICATE}, one));
    for (int i = 0; i < 3 * WIDE; i++)
        near(one[i], reference(sharp, WIDE, 3, i / WIDE, i % WIDE, DIPPER_BORDER_REPLICATE), 1e-6);
    ok(blur(sharp, WIDE, 3, 1, o, one));
    dipper_context *first = context, *parallel = NULL;
    dipper_context_options options;
    dipper_context_options_init(&options);
    options.threads = 3;
    options.device = "ref";
    ok(dipper_context_create(&options, &parallel));
    context = parallel;
    ok(blur(sharp, WIDE, 3, 1, o, three));
    context = first;
    dipper_context_destroy(&parallel);
    assert_memory_equal(one, three, 3 * WIDE * sizeof *one);
    for (int i = 0; i < 3 * WIDE; i++) packed[i % WIDE * 3 + i / WIDE] = sharp[i]; /* columns first, in place */
    dipper_image view = {packed, WIDE, 3, 1, 3, 1, 3 * WIDE};
    ok(dipper_blur(context, &view, kernel, KW, KH, &o, &view));
    for (int i = 0; i < 3 * WIDE; i++) assert_true(packed[i % WIDE * 3 + i / WIDE] == one[i]);
    free(sharp);
    free(one);
    free(three);
    free(packed);
}

static void bad_blurs(void **state) {
    (void)state;
    float sharp[W * H] = {0}, out[W * H], k[4] = {1, 0, 0, 0};
    dipper_image in = dipper_image_view(sharp, W, H, 1), result = dipper_image_view(out, W, H, 1);
    const dipper_blur_options valid = {.border = DIPPER_BORDER_VALID};
    fails(blur(sharp, 4, H, 1, valid, out), DIPPER_ERROR_INPUT, "4 x 9 px is smaller than the PSF of 5 x 3");
    fails(dipper_blur(context, &in, kernel, KW, KH, NULL, &result), DIPPER_ERROR_ARGUMENT, "must be 9 x 7");
    fails(dipper_blur(context, &in, k, 2, 2, NULL, &result), DIPPER_ERROR_ARGUMENT, "sides must be odd");
    k[0] = -1;
    fails(dipper_blur(context, &in, k, 3, 1, NULL, &result), DIPPER_ERROR_INPUT, "x=0, y=0 is -1");
    k[0] = 0;
    fails(dipper_blur(context, &in, k, 3, 1, NULL, &result), DIPPER_ERROR_INPUT, "zero everywhere");
    const dipper_blur_options noises[] = {{.noise = DIPPER_NOISE_GAUSSIAN, .noise_level = -1},
                                          {.noise = DIPPER_NOISE_UNIFORM, .noise_level = NAN},
                                          {.noise = DIPPER_NOISE_POISSON, .noise_level = 0}};
    for (int i = 0; i < 3; i++) fails(blur(sharp, W, H, 1, noises[i], out), DIPPER_ERROR_ARGUMENT, "noise level is");
    sharp[5] = 1e6F;
    fails(blur(sharp, W, H, 1, (dipper_blur_options){.noise = DIPPER_NOISE_POISSON, .noise_level = 1e6}, out),
          DIPPER_ERROR_INPUT, "Poisson noise of 1e+06");
    sharp[W + 2] = INFINITY;
    fails(blur(sharp, W, H, 1, valid, out), DIPPER_ERROR_INPUT, "x=2, y=1");
}

/* ---- Noise ---- */

enum { SIDE = 512, SAMPLES = 3 * SIDE * SIDE };

/* Noise on a constant colour picture, which the PSF leaves alone. */
static float *noisy(double constant, dipper_noise noise, double level, int saturate, uint64_t seed) {
    float *data = malloc(SAMPLES * sizeof *data);
    assert_non_null(data);
    for (int i = 0; i < SAMPLES; i++) data[i] = (float)constant;
    dipper_image view = dipper_image_view(data, SIDE, SIDE, 3);
    const dipper_blur_options o = {.struct_size = sizeof o,
                                   .border = DIPPER_BORDER_WRAP,
                                   .noise = noise,
                                   .noise_level = level,
                                   .saturate = saturate,
                                   .seed = seed};
    const float one = 1;
    ok(dipper_blur(context, &view, &one, 1, 1, &o, &view));
    return data;
}

/* Mean and variance within five standard errors; excess: of the kurtosis of the law over the normal's. */
static void expect_moments(const float *data, double mean, double variance, double excess) {
    double sum = 0, squares = 0;
    for (int i = 0; i < SAMPLES; i++) sum += data[i] - mean;
    const double shift = sum / SAMPLES;
    for (int i = 0; i < SAMPLES; i++) squares += (data[i] - mean - shift) * (data[i] - mean - shift);
    near(shift, 0, 5 * sqrt(variance / SAMPLES));
    near(squares / SAMPLES, variance, 5 * variance * sqrt((2 + excess) / SAMPLES));
}

static void noise_moments(void **state) {
    (void)state;
    float *gaussian = noisy(0.5, DIPPER_NOISE_GAUSSIAN, 0.1, 0, 1),
          *uniform = noisy(0.5, DIPPER_NOISE_UNIFORM, 0.1, 0, 1);
    expect_moments(gaussian, 0.5, 0.01, 0);
    expect_moments(uniform, 0.55, 0.01 / 12, -1.2);
    int within = 0, two_sigma = 0;
    for (int i = 0; i < SAMPLES; i++) {
        within += uniform[i] >= 0.5F && uniform[i] <= 0.6F;
        two_sigma += fabs(gaussian[i] - 0.5) < 0.2;
    }
    assert_int_equal(within, SAMPLES);
    near(two_sigma / (double)SAMPLES, 0.954500, 5 * sqrt(0.9545 * 0.0455 / SAMPLES));
    free(gaussian);
    free(uniform);
}

static void poisson_moments(void **state) {
    (void)state;
    static const double photons[] = {0.01, 0.7, 9.9, 10.1, 40, 1000, 1e6};
    for (size_t i = 0; i < sizeof photons / sizeof *photons; i++) {
        const double peak = 2 * photons[i];
        float *data = noisy(0.5, DIPPER_NOISE_POISSON, peak, 0, i);
        expect_moments(data, 0.5, 0.5 / peak, 1 / photons[i]); /* 1e6: rounding to float adds nothing that shows */
        for (int k = 0; k < SAMPLES && photons[i] < 2000; k++)
            near(data[k] * peak, round(data[k] * peak), 1e-3); /* whole photons */
        free(data);
    }
    float *dark = noisy(-1, DIPPER_NOISE_POISSON, 100, 0, 1);
    for (int k = 0; k < SAMPLES; k++) assert_true(dark[k] == 0);
    free(dark);
}

/* The law itself on both sides of the change of method: chi-squared of counts against k! probabilities. */
static void poisson_law(void **state) {
    (void)state;
    enum { BINS = 60, COUNT = 400000 };
    static const double means[] = {3, 9.99, 10, 25};
    for (size_t m = 0; m < sizeof means / sizeof *means; m++) {
        const dp_philox_key key = dp_philox_key_make(m, DP_STREAM_TEST);
        double seen[BINS] = {0}, p = exp(-means[m]), chi2 = 0;
        int used = 0;
        for (int i = 0; i < COUNT; i++) {
            const int k = (int)dp_poisson(key, (uint64_t)i, means[m]);
            seen[k < BINS ? k : BINS - 1]++;
        }
        for (int k = 0; k < BINS; p *= means[m] / ++k) {
            if (p * COUNT < 10) continue;
            chi2 += (seen[k] - p * COUNT) * (seen[k] - p * COUNT) / (p * COUNT);
            used++;
        }
        near(chi2, used, 5 * sqrt(2.0 * used));
    }
}

static void noise_streams(void **state) {
    (void)state;
    float *a = noisy(0.5, DIPPER_NOISE_GAUSSIAN, 0.5, 0, 1), *b = noisy(0.5, DIPPER_NOISE_GAUSSIAN, 0.5, 0, 2),
          *clipped = noisy(0.5, DIPPER_NOISE_GAUSSIAN, 0.5, 1, 1);
    double ab = 0, channels = 0;
    for (int i = 0; i < SAMPLES; i++) {
        ab += (a[i] - 0.5) * (b[i] - 0.5) / 0.25;
        channels += (a[i] - 0.5) * (a[(i + SIDE * SIDE) % SAMPLES] - 0.5) / 0.25;
        assert_true(clipped[i] == fminf(1, fmaxf(0, a[i])));
    }
    near(ab / SAMPLES, 0, 5 / sqrt(SAMPLES));
    near(channels / SAMPLES, 0, 5 / sqrt(SAMPLES));
    free(a);
    free(b);
    free(clipped);
}

static int start(void **state) {
    (void)state;
    dipper_context_options options;
    dipper_context_options_init(&options);
    options.threads = 1;
    options.device = "ref";
    return dipper_context_create(&options, &context) != DIPPER_OK;
}

static int stop(void **state) {
    (void)state;
    dipper_context_destroy(&context);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_border),
        cmocka_unit_test(impulse_gives_psf),
        cmocka_unit_test(linear_and_shift_invariant),
        cmocka_unit_test(wide_pictures),
        cmocka_unit_test(bad_blurs),
        cmocka_unit_test(noise_moments),
        cmocka_unit_test(poisson_moments),
        cmocka_unit_test(poisson_law),
        cmocka_unit_test(noise_streams),
    };
    return cmocka_run_group_tests_name("simulate", tests, start, stop);
}
