/* Measures: against scikit-image for SSIM, against the definition for the rest. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "metric/metric.h"

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static dp_image pattern(int width, int height, int seed, double amplitude) {
    dp_image image;
    assert_int_equal(dp_image_create(width, height, 1, NULL, &image), DIPPER_OK);
    for (int i = 0; i < width * height; i++) {
        const double x = i % width, y = i / width;
        image.data[i] = (float)(0.5 + 0.3 * sin(0.2 * x + 0.05 * y) + amplitude * cos(0.7 * x - 1.1 * y) +
                                (i * 7919 + seed * 104729) % 1009 / 1009.0 * 0.1);
    }
    return image;
}

static void psnr_and_isnr(void **state) {
    (void)state;
    dp_image a = pattern(40, 33, 1, 0.1), b = pattern(40, 33, 2, 0.05), c = pattern(40, 33, 1, 0.1);
    near(dp_psnr(&a, &b, 1), 25.408096033672063, 1e-4); /* NumPy */
    near(dp_psnr(&a, &b, 255) - dp_psnr(&a, &b, 1), 20 * log10(255), 1e-9);
    assert_true(isinf(dp_psnr(&a, &c, 1)) && dp_psnr(&a, &c, 1) > 0);
    for (int i = 0; i < 40 * 33; i++) c.data[i] += 0.1F;
    near(dp_mse(&a, &c), 0.01, 1e-6);
    near(dp_psnr(&a, &c, 1), 20, 1e-4);
    near(dp_isnr(&c, &b, &a), 20 - 25.408096033672063, 1e-4);
    dp_image_free(&a);
    dp_image_free(&b);
    dp_image_free(&c);
}

/* The number: skimage.metrics.structural_similarity(a, b, gaussian_weights=True, sigma=1.5,
 * use_sample_covariance=False, data_range=1) of these patterns in double. */
static void ssim_as_skimage(void **state) {
    (void)state;
    dp_image a = pattern(40, 33, 1, 0.1), b = pattern(40, 33, 2, 0.05), small = pattern(10, 33, 1, 0.1);
    double ssim;
    assert_int_equal(dp_ssim(&a, &b, NULL, &ssim), DIPPER_OK);
    near(ssim, 0.815215001201766, 1e-6);
    assert_int_equal(dp_ssim(&a, &a, NULL, &ssim), DIPPER_OK);
    near(ssim, 1, 1e-12);
    assert_int_equal(dp_ssim(&small, &small, NULL, &ssim), DIPPER_ERROR_INPUT);
    dp_image_free(&a);
    dp_image_free(&b);
    dp_image_free(&small);
}

/* ---- Alignment ---- */

/* Pixel (y, x) of p shifted by (sy, sx), as the protocol says. */
static double bilinear(const dp_image *p, double y, double x) {
    const int iy = (int)floor(y), ix = (int)floor(x);
    const double fy = y - iy, fx = x - ix;
    double sum = 0;
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++) {
            const double weight = (a ? fy : 1 - fy) * (b ? fx : 1 - fx);
            if (weight > 0) sum += weight * dp_image_row(p, 0, iy + a)[ix + b];
        }
    return sum;
}

static double shifted_error(const dp_image *x, const dp_image *r, int crop, double sy, double sx) {
    double sum = 0;
    for (int i = crop; i < r->height - crop; i++)
        for (int j = crop; j < r->width - crop; j++) {
            const double d = bilinear(x, i + sy, j + sx) - dp_image_row(r, 0, i)[j];
            sum += d * d;
        }
    return sum / ((r->height - 2 * crop) * (r->width - 2 * crop));
}

static void compare_with_all_shifts(const dp_image *x, const dp_image *r, int crop, int range) {
    dp_alignment found;
    double least = INFINITY, best_y = 0, best_x = 0;
    for (int ky = -4 * range; ky <= 4 * range; ky++)
        for (int kx = -4 * range; kx <= 4 * range; kx++) {
            const double error = shifted_error(x, r, crop, 0.25 * ky, 0.25 * kx);
            if (error < least) {
                least = error;
                best_y = 0.25 * ky;
                best_x = 0.25 * kx;
            }
        }
    assert_int_equal(dp_align(x, r, crop, range, NULL, &found), DIPPER_OK);
    near(found.shift_y, best_y, 0);
    near(found.shift_x, best_x, 0);
    near(found.psnr_db, -10 * log10(least), 1e-4);
}

static dp_image moved(const dp_image *p, double sy, double sx, uint64_t seed) {
    dp_image out;
    const dp_philox_key key = dp_philox_key_make(seed, DP_STREAM_TEST);
    assert_int_equal(dp_image_create(p->width, p->height, 1, NULL, &out), DIPPER_OK);
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            float noise[4];
            dp_philox_normal4(key, 0, (uint64_t)(y * p->width + x), noise);
            const double at_y = fmin(fmax(y + sy, 0), p->height - 1.001),
                         at_x = fmin(fmax(x + sx, 0), p->width - 1.001);
            dp_image_row(&out, 0, y)[x] = (float)(bilinear(p, at_y, at_x) + 0.02 * noise[0]);
        }
    return out;
}

static void alignment_equals_exhaustive_search(void **state) {
    (void)state;
    const double shifts[][2] = {{0, 0}, {0.25, -0.5}, {-1.6, 2.1}, {3, 3}, {-3, 2.75}, {5, 0.1}, {-2.5, -7}};
    for (int i = 0; i < 7; i++) {
        dp_image a = pattern(31 + i, 28, i, 0.05), b = moved(&a, shifts[i][0], shifts[i][1], (uint64_t)i);
        compare_with_all_shifts(&a, &b, 3 + i % 3, 3); /* crop = range too, and shifts out of range */
        compare_with_all_shifts(&a, &b, 4, 0);
        dp_image_free(&a);
        dp_image_free(&b);
    }
}

static void alignment_finds_a_known_shift(void **state) {
    (void)state;
    dp_image a = pattern(90, 80, 1, 0.1), b = moved(&a, -4.25, 7.5, 3);
    dp_alignment found;
    assert_int_equal(dp_align(&a, &b, 15, 10, NULL, &found), DIPPER_OK);
    near(found.shift_y, -4.25, 0);
    near(found.shift_x, 7.5, 0);
    near(found.psnr_db, -20 * log10(0.02), 0.3);
    assert_true(found.ssim > 0.8 && found.ssim < 1);
    dp_image_free(&a);
    dp_image_free(&b);
}

static void alignment_refuses_nonsense(void **state) {
    (void)state;
    dp_image a = pattern(40, 33, 1, 0.1), b = pattern(33, 40, 1, 0.1);
    dp_alignment found;
    assert_int_equal(dp_align(&a, &b, 5, 2, NULL, &found), DIPPER_ERROR_INPUT);
    assert_int_equal(dp_align(&a, &a, 12, 2, NULL, &found), DIPPER_ERROR_INPUT);
    assert_int_equal(dp_align(&a, &a, 1000000000, 2, NULL, &found), DIPPER_ERROR_INPUT);
    assert_int_equal(dp_align(&a, &a, -1, 2, NULL, &found), DIPPER_ERROR_ARGUMENT);
    assert_int_equal(dp_align(&a, &a, 11, 10, NULL, &found), DIPPER_OK); /* 11 rows are left */
    assert_true(isinf(found.psnr_db));
    dp_image_free(&a);
    dp_image_free(&b);
}

/* ---- PSFs ---- */

static void psf_similarity(void **state) {
    (void)state;
    const float a[9] = {0, 0, 1, 0, 2, 0, 0, 3, 0}, turned[9] = {0, 3, 0, 0, 2, 0, 1, 0, 0}, none[9] = {0};
    float large[35] = {0}; /* 5 x 7, a elsewhere and twice as strong */
    for (int i = 0; i < 9; i++) large[(i / 3 + 2) * 7 + i % 3] = 2 * a[i];
    near(dp_psf_similarity(a, 3, 3, a, 3, 3), 1, 1e-12);
    near(dp_psf_similarity(a, 3, 3, large, 5, 7), 1, 1e-12);
    near(dp_psf_similarity(large, 5, 7, a, 3, 3), 1, 1e-12);
    near(dp_psf_similarity(a, 3, 3, turned, 3, 3), 12.0 / 14, 1e-12);
    near(dp_psf_similarity(a, 3, 3, none, 3, 3), 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(psnr_and_isnr),
        cmocka_unit_test(ssim_as_skimage),
        cmocka_unit_test(alignment_equals_exhaustive_search),
        cmocka_unit_test(alignment_finds_a_known_shift),
        cmocka_unit_test(alignment_refuses_nonsense),
        cmocka_unit_test(psf_similarity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
