/* What a verdict measures: autocorrelations, smear, ringing, residuals, shapes of PSFs, each against its definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "image/blur.h"
#include "metric/artefacts.h"
#include "metric/lags.h"
#include "metric/psf_shape.h"
#include "metric/quality.h"
#include "metric/steepness.h"

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static dp_image make(int width, int height) {
    dp_image image;
    assert_int_equal(dp_image_create(width, height, 1, NULL, &image), DIPPER_OK);
    return image;
}

static dp_image noise(int width, int height, float sigma) {
    dp_image image = make(width, height);
    for (int i = 0; i < width * height; i++) {
        float z[4];
        dp_philox_normal4(dp_philox_key_make(3, DP_STREAM_TEST), 0, (uint64_t)i / 4, z);
        image.data[i] = 0.5F + sigma * z[i % 4];
    }
    return image;
}

/* Rectangles of random size and brightness, one over the other. */
static dp_image blocks(int width, int height) {
    dp_image image = make(width, height);
    for (int n = 0; n < 200; n++) {
        float u[4], v[4];
        dp_philox_uniform4(dp_philox_key_make(7, DP_STREAM_TEST), 0, (uint64_t)n, u);
        dp_philox_uniform4(dp_philox_key_make(7, DP_STREAM_TEST), 1, (uint64_t)n, v);
        const int left = (int)(u[0] * (float)width), top = (int)(u[1] * (float)height);
        for (int y = top; y < height && y < top + 3 + (int)(15 * v[0]); y++)
            for (int x = left; x < width && x < left + 3 + (int)(15 * v[1]); x++) image.data[y * width + x] = u[2];
    }
    return image;
}

/* ---- Lags ---- */

static double lag_by_hand(const dp_image *x, int dy, int dx) {
    double sum = 0, count = 0;
    for (int i = 0; i + 1 < x->height; i++)
        for (int j = 0; j + 1 < x->width; j++) {
            const int y = i + dy, c = j + dx;
            if (y < 0 || c < 0 || y + 1 >= x->height || c + 1 >= x->width) continue;
            const float *a = dp_image_row(x, 0, i) + j, *b = dp_image_row(x, 0, y) + c;
            sum += (double)(a[1] - a[0]) * (b[1] - b[0]) + (double)(a[x->width] - a[0]) * (b[x->width] - b[0]);
            count++;
        }
    return sum / count;
}

static void lags_by_hand(void **state) {
    (void)state;
    dp_image x = blocks(41, 33);
    dp_lags lags;
    assert_int_equal(dp_lags_create(5, NULL, &lags), DIPPER_OK);
    assert_int_equal(dp_gradient_lags(&x, 0, 2, NULL, &lags), DIPPER_OK);
    for (int dy = -5; dy <= 5; dy++)
        for (int dx = -5; dx <= 5; dx++) near(dp_lag(&lags, dy, dx), lag_by_hand(&x, dy, dx), 1e-6);
    dp_lags_free(&lags);
    dp_image_free(&x);
}

/* What is left of white noise when its share is taken off. */
static void noise_is_taken_off(void **state) {
    (void)state;
    dp_image x = noise(300, 300, 0.1F);
    dp_lags lags;
    assert_int_equal(dp_lags_create(4, NULL, &lags), DIPPER_OK);
    assert_int_equal(dp_gradient_lags(&x, 0, 1, NULL, &lags), DIPPER_OK);
    near(dp_lag(&lags, 0, 0), 0.04, 0.001);
    near(dp_lag(&lags, 0, 1), -0.01, 0.001);
    near(dp_lag(&lags, -1, 0), -0.01, 0.001);
    assert_int_equal(dp_gradient_lags(&x, 0.1, 1, NULL, &lags), DIPPER_OK);
    for (int dy = 0; dy <= 4; dy++)
        for (int dx = -4; dx <= 4; dx++)
            if (dy + abs(dx) != 2 || dy == 0 || dx == 0) near(dp_lag(&lags, dy, dx), 0, 0.001);
    dp_lags_free(&lags);
    dp_image_free(&x);
}

static void psf_lags_by_hand(void **state) {
    (void)state;
    const float psf[3 * 3] = {0.5F, 0, 0, 0, 0, 0, 0, 0.25F, 0.25F}; /* (0, 0), (2, 1), (2, 2) */
    dp_lags lags;
    assert_int_equal(dp_lags_create(3, NULL, &lags), DIPPER_OK);
    dp_psf_lags(psf, 3, 3, &lags);
    near(dp_lag(&lags, 0, 0), 0.375, 1e-9);
    near(dp_lag(&lags, 0, -1), 0.0625, 1e-9);
    near(dp_lag(&lags, 2, 1), 0.125, 1e-9);
    near(dp_lag(&lags, -2, -2), 0.125, 1e-9);
    near(dp_lag(&lags, 1, 0), 0, 1e-9);
    dp_lags_free(&lags);
}

/* A diagonal streak of n px in a window (15, 15), downwards to the right, or to the left. */
static void streak(float *psf, int n, int to_the_left) {
    memset(psf, 0, 225 * sizeof *psf);
    for (int i = -n / 2; i <= n / 2; i++) psf[(7 + i) * 15 + 7 + (to_the_left ? -i : i)] = 1 / (float)(n / 2 * 2 + 1);
}

static dp_image blurred_by(const dp_image *sharp, const float *psf) {
    dp_image out = make(sharp->width - 14, sharp->height - 14);
    dp_plane_blur(sharp->data, sharp->height, sharp->width, psf, 15, 15, 1, out.data);
    return out;
}

/* The PSF that blurred the picture matches it, its mirror image does not. */
static void a_psf_matches_its_picture(void **state) {
    (void)state;
    float psf[225], other[225];
    streak(psf, 9, 0);
    streak(other, 9, 1);
    dp_image sharp = blocks(200, 200), x = blurred_by(&sharp, psf);
    dp_lags seen, own, foreign;
    assert_int_equal(dp_lags_create(12, NULL, &seen) || dp_lags_create(12, NULL, &own) ||
                         dp_lags_create(12, NULL, &foreign),
                     DIPPER_OK);
    assert_int_equal(dp_gradient_lags(&x, 0, 1, NULL, &seen), DIPPER_OK);
    dp_psf_lags(psf, 15, 15, &own);
    dp_psf_lags(other, 15, 15, &foreign);
    near(dp_lags_match(&own, &own), 1, 1e-9);
    assert_true(dp_lags_match(&seen, &own) > 0.3);
    assert_true(dp_lags_match(&seen, &foreign) < 0.1);
    near(dp_lags_echo(&own).highest, dp_lag(&own, 3, 3) / dp_lag(&own, 0, 0), 1e-9);
    assert_int_equal(dp_gradient_lags(&sharp, 0, 1, NULL, &seen), DIPPER_OK);
    assert_true(dp_lags_match(&seen, &own) < 0.1);
    dp_lags_free(&seen);
    dp_lags_free(&own);
    dp_lags_free(&foreign);
    dp_image_free(&sharp);
    dp_image_free(&x);
}

/* ---- Smear ---- */

static void smear_of_an_edge(void **state) {
    (void)state;
    dp_image x = make(80, 80);
    for (int width = 1; width <= 12; width += 3) { /* a ramp of `width` steps, along x */
        for (int i = 0; i < 80 * 80; i++) x.data[i] = (float)fmin(fmax((i % 80 - 40.0) / width, 0), 1);
        near(dp_smear(&x, 3, 0), width > 3 ? 1 - 3.0 / width : 0, 0.02 + (width > 3 ? 0 : 1e-9));
        for (int i = 0; i < 80 * 80; i++) x.data[i] = (float)fmin(fmax((i / 80 - 40.0) / width, 0), 1);
        near(dp_smear(&x, 3, 0), width > 3 ? 1 - 3.0 / width : 0, 0.02);
    }
    memset(x.data, 0, 80 * 80 * sizeof *x.data);
    near(dp_smear(&x, 3, 0), 0, 0);
    dp_image_free(&x);
}

static void noise_does_not_sharpen(void **state) {
    (void)state;
    dp_image n = noise(200, 200, 0.02F), x = make(200, 200);
    for (int i = 0; i < 200 * 200; i++) {
        x.data[i] = (float)(0.3 * sin(i % 200 / 6.0));
        n.data[i] += x.data[i];
    }
    const double clean = dp_smear(&x, 3, 0);
    near(clean, cos(3 / 6.0), 0.02);
    near(dp_smear(&n, 3, 0.02), clean, 0.02);
    assert_true(dp_smear(&n, 3, 0) < clean - 0.1);
    dp_image_free(&n);
    dp_image_free(&x);
}

/* ---- Artefacts ---- */

static void ringing_in_calm_places(void **state) {
    (void)state;
    dp_image blurred = make(90, 60), result = make(90, 60);
    double ratio;
    for (int i = 0; i < 90 * 60; i++) { /* calm on the left: a faint ramp; busy on the right */
        const int x = i % 90;
        blurred.data[i] = x < 40 ? 0.001F * (float)x : (float)(x % 2);
        result.data[i] = blurred.data[i];
    }
    assert_int_equal(dp_calm_ringing(&result, &blurred, 7, 7, NULL, &ratio), DIPPER_OK);
    near(ratio, 1, 1e-3);
    for (int i = 0; i < 90 * 60; i++)
        if (i % 90 < 40) result.data[i] *= 5;
    assert_int_equal(dp_calm_ringing(&result, &blurred, 7, 7, NULL, &ratio), DIPPER_OK);
    near(ratio, 5, 0.1);
    assert_int_equal(dp_calm_ringing(&result, &blurred, 61, 7, NULL, &ratio), DIPPER_OK);
    assert_true(isnan(ratio));
    dp_image_free(&blurred);
    dp_image_free(&result);
}

static void residual_bound_to_edges(void **state) {
    (void)state;
    dp_image result = blocks(60, 50), bound = make(58, 48), free_one = noise(58, 48, 0.1F);
    for (int y = 0; y < 48; y++)
        for (int x = 0; x < 58; x++) {
            const float *at = dp_image_row(&result, 0, y + 1) + x + 1;
            bound.data[y * 58 + x] = (y % 2 ? -0.1F : 0.1F) * (fabsf(at[1] - at[0]) + fabsf(at[60] - at[0]));
        }
    near(dp_residual_bond(&bound, &result, 3, 3), 1, 1e-6);
    near(dp_residual_bond(&free_one, &result, 3, 3), 0, 0.06);
    dp_image_free(&result);
    dp_image_free(&bound);
    dp_image_free(&free_one);
}

static void clipped_pixels_do_not_count(void **state) {
    (void)state;
    dp_image blurred = make(20, 20), residual = make(18, 18);
    for (int i = 0; i < 400; i++) blurred.data[i] = i % 20 < 10 ? 0.5F : 1;
    for (int i = 0; i < 324; i++) residual.data[i] = i % 18 < 9 ? 0.1F : 3;
    near(dp_rms(&residual), sqrt((0.01 + 9) / 2), 1e-5);
    near(dp_residual_unclip(&residual, &blurred, 3, 3), 0.1, 1e-6);
    near(dp_rms(&residual), 0.1 / sqrt(2), 1e-6);
    dp_image_free(&blurred);
    dp_image_free(&residual);
}

static void beyond_the_range(void **state) {
    (void)state;
    dp_image blurred = blocks(40, 40), result = blocks(40, 40);
    near(dp_beyond_range(&result, &blurred, 0.01), 0, 0);
    for (int i = 0; i < 160; i++) result.data[i] = i % 2 ? -0.5F : 1.5F;
    near(dp_beyond_range(&result, &blurred, 0.01), 0.1, 1e-9);
    dp_image_free(&blurred);
    dp_image_free(&result);
}

/* ---- PSFs ---- */

static void shapes(void **state) {
    (void)state;
    float psf[9 * 9] = {0};
    dp_psf_shape s;
    psf[4 * 9 + 4] = 1;
    assert_int_equal(dp_psf_shape_measure(psf, 9, 9, NULL, &s), DIPPER_OK);
    near(s.radius, 0, 1e-9);
    near(s.peak, 1, 1e-9);
    assert_int_equal(s.width * 100 + s.height, 101);
    psf[4 * 9] = psf[4 * 9 + 8] = 1; /* three islands in a row, two of them at the border */
    psf[0] = 0.03F;                  /* haze */
    assert_int_equal(dp_psf_shape_measure(psf, 9, 9, NULL, &s), DIPPER_OK);
    near(s.peak, 1 / 3.03, 1e-6);
    near(s.haze, 0.03 / 3.03, 1e-6);
    near(s.islands, 2 / 3.0, 1e-6);
    near(s.border, 2.03 / 3.03, 1e-6);
    near(s.radius, sqrt(32 / 3.0), 0.1);
    assert_int_equal(s.width * 100 + s.height, 901);
}

/* Squares of 40 px: steps have a steepness of 1 along rows, columns and (a diagonal step is sqrt 2 px long) 0.71; a box
 * of 5 px across makes edges of a fifth, whichever the others are. Too small, too noisy or flat: not known. */
static void steepness_of_edges(void **state) {
    (void)state;
    dp_image image = make(200, 180), wide = make(204, 180), small = make(30, 20);
    const float box[5] = {0.2F, 0.2F, 0.2F, 0.2F, 0.2F};
    double value;
    for (int i = 0; i < 204 * 180; i++) wide.data[i] = i % 204 / 40 % 2 == i / 204 / 40 % 2 ? 0.9F : 0.1F;
    for (int y = 0; y < 180; y++) memcpy(dp_image_row(&image, 0, y), dp_image_row(&wide, 0, y), 200 * sizeof(float));
    assert_int_equal(dp_steepness(&image, 0, NULL, &value), DIPPER_OK);
    near(value, sqrt(0.5), 1e-3);
    assert_int_equal(dp_steepness(&image, 0.2, NULL, &value), DIPPER_OK);
    assert_true(isnan(value));
    dp_plane_blur(wide.data, 180, 204, box, 1, 5, 1, image.data);
    assert_int_equal(dp_steepness(&image, 0, NULL, &value), DIPPER_OK);
    near(value, 0.2, 1e-3);
    assert_int_equal(dp_steepness(&small, 0, NULL, &value), DIPPER_OK);
    assert_true(isnan(value));
    dp_image_free(&image);
    dp_image_free(&wide);
    dp_image_free(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lags_by_hand),
                                       cmocka_unit_test(noise_is_taken_off),
                                       cmocka_unit_test(psf_lags_by_hand),
                                       cmocka_unit_test(a_psf_matches_its_picture),
                                       cmocka_unit_test(smear_of_an_edge),
                                       cmocka_unit_test(noise_does_not_sharpen),
                                       cmocka_unit_test(ringing_in_calm_places),
                                       cmocka_unit_test(residual_bound_to_edges),
                                       cmocka_unit_test(clipped_pixels_do_not_count),
                                       cmocka_unit_test(beyond_the_range),
                                       cmocka_unit_test(steepness_of_edges),
                                       cmocka_unit_test(shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
