/* Noise levels: both estimators on known noise of several kinds, and the exported function. */
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
#include "image/clip.h"
#include "image/noise.h"
#include "simulate/noise.h"

enum { W = 240, H = 201, N = W * H };

typedef dipper_status (*estimator)(const float *plane, int height, int width, dp_diag *diag, double *sigma);
static const estimator estimators[] = {dp_noise_by_highpass, dp_noise_by_patches};

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static double found_by(int method, const float *plane, int height, int width) {
    double sigma = -1;
    assert_int_equal(estimators[method](plane, height, width, NULL, &sigma), DIPPER_OK);
    return sigma;
}

/* ---- Scenes ---- */

static double smooth_at(double y, double x) { /* as blurred pictures are; in [0.2, 0.8] */
    return 0.5 + 0.15 * sin(0.35 * x + 0.1 * y) + 0.15 * cos(0.3 * y - 0.0002 * x * x);
}

static double sharp_at(int y, int x) { /* smooth on the left, bricks and a fine weave on the right */
    if (x < W * 2 / 5) return smooth_at(0.2 * y, 0.1 * x);
    return 0.5 + ((x / 9 + y / 7) % 2 ? 0.2 : -0.2) + 0.1 * sin(2.1 * x) * sin(1.7 * y);
}

static void add_noise(float *plane, double sigma, uint64_t seed) {
    dp_image image = {W, H, 1, plane};
    assert_int_equal(dp_noise_add(&image, DIPPER_NOISE_GAUSSIAN, sigma, seed, 1, NULL), DIPPER_OK);
}

static void draw_smooth(float *plane) {
    for (int i = 0; i < N; i++) plane[i] = (float)smooth_at(i / W, i % W);
}

static void draw_sharp(float *plane) {
    for (int i = 0; i < N; i++) plane[i] = (float)sharp_at(i / W, i % W);
}

static void to_8_bit(float *plane) {
    for (int i = 0; i < N; i++) plane[i] = roundf(255 * fminf(1, fmaxf(0, plane[i]))) / 255;
}

/* ---- Both estimators ---- */

static const double sigmas[] = {0.001, 0.003, 0.01, 0.03, 0.1};
enum { SIGMAS = sizeof sigmas / sizeof *sigmas };

static void smooth_pictures(void **state) {
    (void)state;
    static float plane[N];
    for (int rounded = 0; rounded < 2; rounded++)
        for (int method = 0; method < 2; method++)
            for (int i = 0; i < SIGMAS; i++) {
                const double truth = sqrt(sigmas[i] * sigmas[i] + rounded / (255.0 * 255.0 * 12));
                draw_smooth(plane);
                add_noise(plane, sigmas[i], (uint64_t)i + 1);
                if (rounded) to_8_bit(plane);
                near(found_by(method, plane, H, W) / truth, 1, 0.1);
            }
}

static void sharp_pictures_by_patches(void **state) {
    (void)state;
    static float plane[N];
    for (int i = 1; i < SIGMAS; i++) {
        draw_sharp(plane);
        add_noise(plane, sigmas[i], (uint64_t)i + 20);
        near(found_by(1, plane, H, W) / sigmas[i], 1, 0.1);
    }
}

/* Above a noise floor that texture explains as well, more noise gives a larger estimate. */
static void grows_with_the_noise(void **state) {
    (void)state;
    static float plane[N];
    for (int method = 0; method < 2; method++)
        for (double sigma = 0.001, last = 0; sigma < 0.2; sigma *= 1.5) {
            draw_sharp(plane);
            add_noise(plane, sigma, 3);
            const double now = found_by(method, plane, H, W);
            assert_true(now > last);
            last = now;
        }
}

/* a v + b: the estimate of a picture in other units. */
static void follows_the_units(void **state) {
    (void)state;
    static float plane[N], other[N];
    draw_sharp(plane);
    add_noise(plane, 0.02, 5);
    for (int i = 0; i < N; i++) other[i] = 1024 * plane[i] - 64;
    for (int method = 0; method < 2; method++)
        near(found_by(method, other, H, W) / (1024 * found_by(method, plane, H, W)), 1, 1e-3);
}

static void clipped_places_are_left_out(void **state) {
    (void)state;
    static float plane[N];
    for (int i = 0; i < N; i++) { /* half of it beyond the range, where the noise is cut */
        const int x = i % W;
        plane[i] = (float)(x < W / 4 ? 1.02 : x < W / 2 ? -0.03 : 0.5 + 0.2 * sin(0.1 * x));
    }
    add_noise(plane, 0.05, 8);
    for (int i = 0; i < N; i++) plane[i] = fminf(1, fmaxf(0, plane[i]));
    for (int method = 0; method < 2; method++) near(found_by(method, plane, H, W) / 0.05, 1, 0.06);
}

static void flat_places_are_left_out(void **state) {
    (void)state;
    static float plane[N];
    draw_smooth(plane);
    add_noise(plane, 0.02, 9);
    for (int i = 0; i < N * 2 / 5; i++) plane[i] = 0.3F; /* painted over */
    for (int method = 0; method < 2; method++) near(found_by(method, plane, H, W) / 0.02, 1, 0.1);
}

/* The noise of photons changes over the picture: the estimate lies between the least and the largest. */
static void photons(void **state) {
    (void)state;
    static float plane[N];
    draw_smooth(plane);
    dp_image image = {W, H, 1, plane};
    assert_int_equal(dp_noise_add(&image, DIPPER_NOISE_POISSON, 2000, 4, 1, NULL), DIPPER_OK);
    for (int method = 0; method < 2; method++) {
        const double sigma = found_by(method, plane, H, W);
        assert_true(sigma > sqrt(0.2 / 2000) && sigma < sqrt(0.8 / 2000));
    }
}

/* ---- JPEG ---- */

/* The luminance table of ITU-T T.81, annex K.1. */
static const int jpeg_table[64] = {16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
                                   14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
                                   18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
                                   49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};

static void dct(double b[8][8], bool back) {
    double out[8][8] = {{0}}, basis[8][8];
    for (int k = 0; k < 8; k++)
        for (int n = 0; n < 8; n++)
            basis[k][n] = (k ? 0.5 : sqrt(0.125)) * cos((2 * n + 1) * k * 3.14159265358979323846 / 16);
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++)
            out[i / 8][i % 8] += b[j / 8][j % 8] * (back ? basis[j / 8][i / 8] * basis[j % 8][i % 8]
                                                         : basis[i / 8][j / 8] * basis[i % 8][j % 8]);
    memcpy(b, out, sizeof out);
}

/* Quality 75: half of the table. Whole blocks only. */
static void through_jpeg(float *plane) {
    for (int y = 0; y + 8 <= H; y += 8)
        for (int x = 0; x + 8 <= W; x += 8) {
            double b[8][8];
            for (int i = 0; i < 64; i++) b[i / 8][i % 8] = 255.0 * plane[(y + i / 8) * W + x + i % 8] - 128;
            dct(b, false);
            for (int i = 0; i < 64; i++) {
                const double q = (jpeg_table[i] + 1) / 2;
                b[i / 8][i % 8] = q * round(b[i / 8][i % 8] / q);
            }
            dct(b, true);
            for (int i = 0; i < 64; i++) plane[(y + i / 8) * W + x + i % 8] = (float)((b[i / 8][i % 8] + 128) / 255);
        }
}

static dipper_noise_level level_of(float *plane, dipper_noise_method method) {
    dipper_context *c = NULL;
    dipper_noise_level level = {.struct_size = sizeof level};
    const dipper_image view = dipper_image_view(plane, W, H / 8 * 8, 1);
    assert_int_equal(dipper_context_create(NULL, &c), DIPPER_OK);
    assert_int_equal(dipper_noise_estimate(c, &view, method, &level), DIPPER_OK);
    dipper_context_destroy(&c);
    return level;
}

/* JPEG takes fine noise away: the estimate lies, and the one at half the size is near to what was there before. */
static void jpeg_shows_at_half_the_size(void **state) {
    (void)state;
    static float plane[N];
    for (int i = 0; i < N; i++) plane[i] = (float)smooth_at(0.3 * (i / W), 0.3 * (i % W));
    add_noise(plane, 0.02, 6);
    const dipper_noise_level before = level_of(plane, DIPPER_NOISE_BY_PATCHES);
    near(before.jpeg_grid, 1, 0.1);
    near(before.sigma, 0.02, 0.001);
    near(before.coarse, 0.02, 0.0025);
    through_jpeg(plane);
    assert_true(level_of(plane, DIPPER_NOISE_BY_HIGHPASS).sigma < 0.5 * 0.02);
    assert_true(level_of(plane, DIPPER_NOISE_BY_PATCHES).sigma < 0.5 * 0.02);
    near(level_of(plane, DIPPER_NOISE_AUTO).sigma, 0.02, 0.004);
    assert_true(level_of(plane, DIPPER_NOISE_AUTO).jpeg_grid > 1.5);
    near(level_of(plane, DIPPER_NOISE_BY_PATCHES).coarse, 0.02, 0.004);
}

static void halves(void **state) {
    (void)state;
    const float plane[15] = {0.25F, 0.75F, 0.25F, 0.75F, 9e-9F, 0.5F, 0.5F, 1,
                             0.25F, 0.1F,  0.1F,  0.1F,  0.1F,  0.1F, 0.1F};
    float half[2];
    dp_noise_halve(plane, 3, 5, half);
    near(half[0], 0.5, 0);
    near(half[1], 1, 0); /* a clipped value spoils the mean */
}

static void finds_the_ends_of_the_range(void **state) {
    (void)state;
    const float cut[3] = {0, 0.5F, 1}, inside[3] = {0.1F, 0.5F, 0.98F}, beyond[3] = {-1, 0, 1.5F};
    dp_clip clip = dp_clip_find(cut, 3);
    assert_true(dp_clipped(clip, 0) && dp_clipped(clip, 0.995F) && !dp_clipped(clip, 0.98F));
    clip = dp_clip_find(inside, 3);
    assert_false(dp_clipped(clip, 0.1F) || dp_clipped(clip, 0.98F));
    clip = dp_clip_find(beyond, 3);
    assert_false(dp_clipped(clip, -1) || dp_clipped(clip, 1) || dp_clipped(clip, 1.5F));
}

/* ---- The exported function ---- */

static void colour_is_the_mean_of_squares(void **state) {
    (void)state;
    static float three[3 * N];
    dipper_context *c = NULL;
    const double truth[3] = {0.01, 0.02, 0.03};
    for (int i = 0; i < 3; i++) {
        draw_smooth(three + (ptrdiff_t)i * N);
        add_noise(three + (ptrdiff_t)i * N, truth[i], (uint64_t)i);
    }
    assert_int_equal(dipper_context_create(NULL, &c), DIPPER_OK);
    const dipper_image view = dipper_image_view(three, W, H, 3);
    for (int method = 0; method < 3; method++) {
        dipper_noise_level level = {.struct_size = sizeof level};
        assert_int_equal(dipper_noise_estimate(c, &view, method, &level), DIPPER_OK);
        near(level.sigma, sqrt(0.0014 / 3), 0.001);
        near(level.coarse, sqrt(0.0014 / 3), 0.003);
        near(level.clipped, 0, 0);
    }
    dipper_context_destroy(&c);
}

static void says_what_cannot_be(void **state) {
    (void)state;
    static float plane[N];
    dipper_context *c = NULL;
    dipper_noise_level level = {.struct_size = sizeof level};
    dipper_image view = dipper_image_view(plane, W, H, 1);
    assert_int_equal(dipper_context_create(NULL, &c), DIPPER_OK);
    assert_int_equal(dipper_noise_estimate(NULL, &view, 0, &level), DIPPER_ERROR_ARGUMENT);
    assert_int_equal(dipper_noise_estimate(c, NULL, 0, &level), DIPPER_ERROR_ARGUMENT);
    assert_int_equal(dipper_noise_estimate(c, &view, 3, &level), DIPPER_ERROR_ARGUMENT);
    level.struct_size = 1;
    assert_int_equal(dipper_noise_estimate(c, &view, 0, &level), DIPPER_ERROR_ARGUMENT);
    level.struct_size = sizeof level;
    dipper_context_clear(c);
    plane[3 * W + 5] = NAN;
    assert_int_equal(dipper_noise_estimate(c, &view, 0, &level), DIPPER_ERROR_INPUT);
    assert_non_null(strstr(dipper_context_message(c), "x=5, y=3"));
    dipper_context_destroy(&c);
}

static void check_silent(dipper_context *c, float *plane, int width, int height) {
    const dipper_image view = dipper_image_view(plane, width, height, 1);
    for (int method = 0; method < 3; method++) {
        dipper_noise_level level = {.struct_size = sizeof level};
        assert_int_equal(dipper_noise_estimate(c, &view, method, &level), DIPPER_OK);
        near(level.sigma, 0, 0);
        near(level.coarse, 0, 0);
    }
}

/* Constant, black, saturated, tiny: nothing to tell the noise from. */
static void nothing_to_tell_from(void **state) {
    (void)state;
    static float plane[N];
    dipper_context *c = NULL;
    assert_int_equal(dipper_context_create(NULL, &c), DIPPER_OK);
    check_silent(c, plane, W, H);
    for (int i = 0; i < N; i++) plane[i] = 0.1F;
    check_silent(c, plane, W, H);
    for (int i = 0; i < N; i++) plane[i] = i % 3 ? 1.0F : 0.993F;
    check_silent(c, plane, W, H);
    draw_sharp(plane);
    add_noise(plane, 0.02, 1);
    for (int side = 1; side < 5; side++) check_silent(c, plane, side, 4);
    dipper_context_destroy(&c);
}

/* Values as large as floats go: a finite number comes out. */
static void huge_values(void **state) {
    (void)state;
    static float plane[N];
    draw_sharp(plane);
    add_noise(plane, 0.02, 1);
    for (int i = 0; i < N; i++) plane[i] = 1e37F * (plane[i] - 0.5F);
    for (int method = 0; method < 2; method++) {
        const double sigma = found_by(method, plane, H, W);
        assert_true(isfinite(sigma) && sigma > 1e35 && sigma < 1e37);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(smooth_pictures),
                                       cmocka_unit_test(sharp_pictures_by_patches),
                                       cmocka_unit_test(grows_with_the_noise),
                                       cmocka_unit_test(follows_the_units),
                                       cmocka_unit_test(clipped_places_are_left_out),
                                       cmocka_unit_test(flat_places_are_left_out),
                                       cmocka_unit_test(photons),
                                       cmocka_unit_test(jpeg_shows_at_half_the_size),
                                       cmocka_unit_test(halves),
                                       cmocka_unit_test(finds_the_ends_of_the_range),
                                       cmocka_unit_test(colour_is_the_mean_of_squares),
                                       cmocka_unit_test(says_what_cannot_be),
                                       cmocka_unit_test(nothing_to_tell_from),
                                       cmocka_unit_test(huge_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
