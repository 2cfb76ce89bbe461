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
#include "metric/quality.h"

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static dp_image pattern(int width, int height, int seed, double amplitude) {
    dp_image image;
    assert_int_equal(dp_image_create(width, height, 1, NULL, &image), DIPPER_OK);
    for (int i = 0; i < width * height; i++) {
        const double x = i % width, y = i / width;
        image.data[i] = (float)(0.5 + 0.3 * sin(0.2 * x + 0.05 * y) + amplitude * cos(0.7 * x - 1.1 * y) +
                                ((int64_t)i * 7919 + seed * 104729) % 1009 / 1009.0 * 0.1);
    }
    return image;
}

static void psnr_by_hand(void **state) {
    (void)state;
    dp_image a = pattern(40, 33, 1, 0.1), b = pattern(40, 33, 2, 0.05), c = pattern(40, 33, 1, 0.1);
    double sum = 0;
    for (int i = 0; i < 40 * 33; i++) sum += pow((double)a.data[i] - b.data[i], 2);
    near(dp_psnr(dp_mse(&a, &b, 1), 1), -10 * log10(sum / (40 * 33)), 1e-9);
    near(dp_psnr(dp_mse(&a, &b, 2), 1), 25.408096033672063, 1e-6); /* NumPy */
    near(dp_psnr(dp_mse(&a, &b, 1), 255) - dp_psnr(dp_mse(&a, &b, 1), 1), 20 * log10(255), 1e-9);
    assert_true(isinf(dp_psnr(dp_mse(&a, &c, 1), 1)) && dp_psnr(dp_mse(&a, &c, 1), 1) > 0);
    dp_image_free(&a);
    dp_image_free(&b);
    dp_image_free(&c);
}

static double ssim_of(const dp_image *a, const dp_image *b, double peak, int threads) {
    double ssim;
    assert_int_equal(dp_ssim(a, b, peak, threads, NULL, &ssim), DIPPER_OK);
    return ssim;
}

/* The number: skimage.metrics.structural_similarity(a, b, gaussian_weights=True, sigma=1.5,
 * use_sample_covariance=False, data_range=1) of these patterns in double (tests/golden/make_ssim.py). */
static void ssim_as_skimage(void **state) {
    (void)state;
    dp_image a = pattern(40, 33, 1, 0.1), b = pattern(40, 33, 2, 0.05), small = pattern(10, 33, 1, 0.1);
    near(ssim_of(&a, &b, 1, 1), 0.815215001201766, 1e-6);
    near(ssim_of(&a, &a, 1, 1), 1, 1e-12);
    assert_true(isnan(ssim_of(&small, &small, 1, 1)));
    for (int i = 0; i < 40 * 33; i++) a.data[i] *= 255, b.data[i] *= 255;
    near(ssim_of(&a, &b, 255, 1), 0.815215001201766, 1e-6);
    dp_image_free(&a);
    dp_image_free(&b);
    dp_image_free(&small);
}

/* Means of 3 x 3 px about (0, 0), (0, 3) ..., edges mirrored; and of 2 x 2 px from (0, 0) on. */
static void ssim_reduction(void **state) {
    (void)state;
    dp_image a, small;
    assert_int_equal(dp_image_create(5, 4, 1, NULL, &a), DIPPER_OK);
    for (int i = 0; i < 20; i++) a.data[i] = (float)i;
    assert_int_equal(dp_ssim_reduce(&a, 3, NULL, &small), DIPPER_OK);
    assert_true(small.width == 2 && small.height == 2);
    near(small.data[0], (4 * 0 + 2 * 1 + 2 * 5 + 6) / 9.0, 1e-6);
    near(small.data[1], (2 * (2 + 3 + 4) + 7 + 8 + 9) / 9.0, 1e-6);
    near(small.data[2], (2 * 10 + 11 + 2 * 15 + 16 + 2 * 15 + 16) / 9.0, 1e-6);
    dp_image_free(&small);
    assert_int_equal(dp_ssim_reduce(&a, 2, NULL, &small), DIPPER_OK);
    assert_true(small.width == 3 && small.height == 2);
    near(small.data[0], (0 + 1 + 5 + 6) / 4.0, 1e-6);
    near(small.data[5], (14 + 14 + 19 + 19) / 4.0, 1e-6);
    dp_image_free(&small);
    dp_image_free(&a);
    assert_int_equal(dp_ssim_auto_factor(225, 900), 1);
    assert_int_equal(dp_ssim_auto_factor(1000, 670), 3);
}

/* ---- Alignment ---- */

/* Pixel (y, x) of p shifted by (sy, sx), as the protocol says. */
static double bilinear(const dp_image *p, int c, double y, double x) {
    const int iy = (int)floor(y), ix = (int)floor(x);
    const double fy = y - iy, fx = x - ix;
    double sum = 0;
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++) {
            const double weight = (a ? fy : 1 - fy) * (b ? fx : 1 - fx);
            if (weight > 0) sum += weight * dp_image_row(p, c, iy + a)[ix + b];
        }
    return sum;
}

static double shifted_error(const dp_image *x, const dp_image *r, int crop, double sy, double sx) {
    double sum = 0;
    for (int c = 0; c < r->channels; c++)
        for (int i = crop; i < r->height - crop; i++)
            for (int j = crop; j < r->width - crop; j++) {
                const double d = bilinear(x, c, i + sy, j + sx) - dp_image_row(r, c, i)[j];
                sum += d * d;
            }
    return sum / ((r->height - 2 * crop) * (r->width - 2 * crop) * r->channels);
}

static dp_image cut(const dp_image *p, int border) {
    dp_image out;
    assert_int_equal(dp_image_crop(p, border, border, p->width - 2 * border, p->height - 2 * border, NULL, &out),
                     DIPPER_OK);
    return out;
}

/* The protocol: window of r less crop, x moved within range. */
static dp_shift align(const dp_image *x, const dp_image *r, int crop, int range, int threads, double *mse) {
    dp_image inner = cut(x, crop - range), window = cut(r, crop);
    dp_shift shift;
    assert_int_equal(dp_align(&inner, &window, range, threads, NULL, &shift), DIPPER_OK);
    assert_true(inner.width == window.width && inner.height == window.height);
    *mse = dp_mse(&inner, &window, 1);
    dp_image_free(&inner);
    dp_image_free(&window);
    return shift;
}

static void compare_with_all_shifts(const dp_image *x, const dp_image *r, int crop, int range) {
    double least = INFINITY, best_y = 0, best_x = 0, mse;
    for (int ky = -4 * range; ky <= 4 * range; ky++)
        for (int kx = -4 * range; kx <= 4 * range; kx++) {
            const double error = shifted_error(x, r, crop, 0.25 * ky, 0.25 * kx);
            if (error < least) {
                least = error;
                best_y = 0.25 * ky;
                best_x = 0.25 * kx;
            }
        }
    const dp_shift found = align(x, r, crop, range, 2, &mse);
    near(found.y, best_y, 0);
    near(found.x, best_x, 0);
    near(-10 * log10(mse), -10 * log10(least), 1e-5);
}

static dp_image moved(const dp_image *p, double sy, double sx, uint64_t seed) {
    dp_image out;
    const dp_philox_key key = dp_philox_key_make(seed, DP_STREAM_TEST);
    assert_int_equal(dp_image_create(p->width, p->height, p->channels, NULL, &out), DIPPER_OK);
    for (int i = 0; i < p->channels * p->height * p->width; i++) {
        float noise[4];
        const int x = i % p->width, y = i / p->width % p->height, c = i / p->width / p->height;
        dp_philox_normal4(key, 0, (uint64_t)i, noise);
        const double at_y = fmin(fmax(y + sy, 0), p->height - 1.001), at_x = fmin(fmax(x + sx, 0), p->width - 1.001);
        out.data[i] = (float)(bilinear(p, c, at_y, at_x) + 0.02 * noise[0]);
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

static void colour_has_one_shift(void **state) {
    (void)state;
    dp_image a, b;
    assert_int_equal(dp_image_create(29, 27, 3, NULL, &a), DIPPER_OK);
    for (int c = 0; c < 3; c++) {
        dp_image plane = pattern(29, 27, c, 0.05 + 0.05 * c);
        memcpy(dp_image_plane(&a, c), plane.data, sizeof(float) * 29 * 27);
        dp_image_free(&plane);
    }
    b = moved(&a, 1.3, -0.6, 4);
    compare_with_all_shifts(&a, &b, 3, 3);
    dp_image_free(&a);
    dp_image_free(&b);
}

static void alignment_finds_a_known_shift(void **state) {
    (void)state;
    dp_image a = pattern(90, 80, 1, 0.1), b = moved(&a, -4.25, 7.5, 3);
    double mse, other;
    const dp_shift found = align(&a, &b, 15, 10, 1, &mse), again = align(&a, &b, 15, 10, 3, &other);
    near(found.y, -4.25, 0);
    near(found.x, 7.5, 0);
    near(-10 * log10(mse), -20 * log10(0.02), 0.3);
    assert_true(again.y == found.y && again.x == found.x && other == mse);
    dp_image_free(&a);
    dp_image_free(&b);
}

/* Large enough for the threads to be used. */
static void threads_change_no_bit(void **state) {
    (void)state;
    dp_image a = pattern(1200, 901, 1, 0.1), b = pattern(1200, 901, 2, 0.05);
    double one, three;
    const dp_shift alone = align(&a, &b, 5, 1, 1, &one), shared = align(&a, &b, 5, 1, 3, &three);
    assert_true(alone.y == shared.y && alone.x == shared.x && one == three);
    assert_true(dp_mse(&a, &b, 1) == dp_mse(&a, &b, 3));
    assert_true(ssim_of(&a, &b, 1, 1) == ssim_of(&a, &b, 1, 3));
    assert_true(dp_whiteness(&a, 1) == dp_whiteness(&a, 3));
    dp_image_free(&a);
    dp_image_free(&b);
}

/* ---- Spectral norm ---- */

static void fill_rank_one(dp_image *a, double s, int seed) {
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++)
            a->data[y * a->width + x] += (float)(s * cos(y * 0.7 + seed) * sin(x * 1.3 + 2 * seed));
}

static void spectral_norm(void **state) {
    (void)state;
    dp_image a = {0}, zero = {0};
    double norm;
    assert_int_equal(dp_image_create(30, 20, 1, NULL, &a), DIPPER_OK);
    assert_int_equal(dp_image_create(30, 20, 1, NULL, &zero), DIPPER_OK);
    assert_int_equal(dp_spectral_norm(&a, &zero, NULL, &norm), DIPPER_OK);
    near(norm, 0, 0);
    for (int i = 0; i < 20; i++) a.data[i * 30 + (i * 7 + 3) % 30] = (float)(1 + i) / 20; /* singular values i/20 */
    assert_int_equal(dp_spectral_norm(&a, &zero, NULL, &norm), DIPPER_OK);
    near(norm, 1, 1e-9);
    memset(a.data, 0, sizeof(float) * 600);
    fill_rank_one(&a, 1, 1); /* |u| |v| */
    double u = 0, v = 0;
    for (int y = 0; y < 20; y++) u += pow(cos(y * 0.7 + 1), 2);
    for (int x = 0; x < 30; x++) v += pow(sin(x * 1.3 + 2), 2);
    assert_int_equal(dp_spectral_norm(&a, &zero, NULL, &norm), DIPPER_OK);
    near(norm, sqrt(u * v), 1e-6);
    dp_image_free(&a);
    dp_image_free(&zero);
    a = pattern(40, 33, 1, 0.1);
    zero = pattern(40, 33, 2, 0.05);
    assert_int_equal(dp_spectral_norm(&a, &zero, NULL, &norm), DIPPER_OK);
    near(norm, 0.9821532231025061, 1e-6); /* numpy.linalg.norm(a - b, 2), tests/golden/make_ssim.py */
    dp_image_free(&a);
    dp_image_free(&zero);
}

/* ---- Without the truth ---- */

static void gradients(void **state) {
    (void)state;
    dp_image a;
    double ratio, tv;
    assert_int_equal(dp_image_create(4, 3, 1, NULL, &a), DIPPER_OK);
    dp_gradient_measures(&a, &ratio, &tv);
    assert_true(isnan(ratio) && tv == 0);
    for (int y = 0; y < 3; y++) a.data[4 * y + 2] = a.data[4 * y + 3] = 2; /* one edge: 3 of 17 differences are 2 */
    dp_gradient_measures(&a, &ratio, &tv);
    near(tv, 6.0 / 12, 1e-12);
    near(ratio, 6 / sqrt(12.0 * 17), 1e-12);
    for (int i = 0; i < 12; i++) a.data[i] *= 10;
    dp_gradient_measures(&a, &ratio, &tv);
    near(ratio, 6 / sqrt(12.0 * 17), 1e-12);
    dp_image_free(&a);
}

/* A point and a one-sided PSF: convolution, not correlation. */
static void residual_of_a_point(void **state) {
    (void)state;
    const float psf[15] = {0, 0, 0, 0, 0, 0, 0, 0.5F, 0.25F, 0.125F, 0, 0, 0.125F, 0, 0};
    dp_image x, d, out;
    assert_int_equal(dp_image_create(9, 7, 1, NULL, &x), DIPPER_OK);
    assert_int_equal(dp_image_create(9, 7, 1, NULL, &d), DIPPER_OK);
    x.data[3 * 9 + 4] = 1;
    d.data[3 * 9 + 4] = 0.5F;
    d.data[3 * 9 + 5] = 0.25F;
    d.data[3 * 9 + 6] = 0.125F;
    d.data[4 * 9 + 4] = 0.125F;
    assert_int_equal(dp_residual(&x, &d, psf, 3, 5, 2, NULL, &out), DIPPER_OK);
    assert_true(out.width == 5 && out.height == 5);
    near(dp_rms(&out), 0, 0);
    dp_image_free(&out);
    d.data[0] = 5; /* outside of the valid part */
    d.data[1 * 9 + 2] = 1;
    assert_int_equal(dp_residual(&x, &d, psf, 3, 5, 1, NULL, &out), DIPPER_OK);
    near(out.data[0], 1, 0);
    near(dp_rms(&out), 0.2, 1e-9);
    dp_image_free(&out);
    assert_int_equal(dp_residual(&x, &d, psf, 15, 1, 1, NULL, &out), DIPPER_ERROR_INPUT);
    dp_image_free(&x);
    dp_image_free(&d);
}

/* Where the blurred picture ends its range, what lies beyond is no error; what lies within is. */
static void residual_at_the_ends_of_the_range(void **state) {
    (void)state;
    const float point[9] = {0, 0, 0, 0, 1, 0, 0, 0, 0}, seen[5] = {1, 1, 0, 0, 0.5F},
                is[5] = {1.5F, 0.75F, -1, 0.25F, 2};
    const float plain[5] = {-0.5F, 0.25F, 1, -0.25F, -1.5F}, bounded[5] = {0, 0.25F, 0, -0.25F, -1.5F};
    dp_image x, d, out;
    assert_int_equal(dp_image_create(7, 3, 1, NULL, &x), DIPPER_OK);
    assert_int_equal(dp_image_create(7, 3, 1, NULL, &d), DIPPER_OK);
    for (int i = 0; i < 5; i++) {
        x.data[7 + 1 + i] = is[i];
        d.data[7 + 1 + i] = seen[i];
    }
    assert_int_equal(dp_residual(&x, &d, point, 3, 3, 1, NULL, &out), DIPPER_OK);
    assert_memory_equal(out.data, plain, sizeof plain);
    dp_image_free(&out);
    assert_int_equal(dp_residual_bounded(&x, &d, point, 3, 3, 1, NULL, &out), DIPPER_OK);
    assert_memory_equal(out.data, bounded, sizeof bounded);
    dp_image_free(&out);
    d.data[0] = 1.25F; /* beyond the range: it has not been cut there, */
    d.data[1] = -0.5F; /* nor here */
    assert_int_equal(dp_residual_bounded(&x, &d, point, 3, 3, 1, NULL, &out), DIPPER_OK);
    assert_memory_equal(out.data, plain, sizeof plain);
    dp_image_free(&out);
    assert_int_equal(dp_residual_bounded(&x, &d, point, 9, 1, 1, NULL, &out), DIPPER_ERROR_INPUT);
    dp_image_free(&x);
    dp_image_free(&d);
}

static void whiteness(void **state) {
    (void)state;
    const dp_philox_key key = dp_philox_key_make(5, DP_STREAM_TEST);
    dp_image a, smooth;
    assert_int_equal(dp_image_create(120, 100, 1, NULL, &a), DIPPER_OK);
    near(dp_whiteness(&a, 1), 0, 0);
    for (int i = 0; i < 12000; i += 4) {
        dp_philox_normal4(key, 0, (uint64_t)(i / 4), a.data + i);
        for (int k = 0; k < 4; k++) a.data[i + k] += 7; /* the mean does not matter */
    }
    const double white = dp_whiteness(&a, 1);
    near(white, 361.0 / 12000, 0.01); /* 19 x 19 lags of variance 1/n each */
    assert_true(white == dp_whiteness(&a, 3));
    assert_int_equal(dp_ssim_reduce(&a, 1, NULL, &smooth), DIPPER_OK);
    for (int i = 1; i < 12000; i++) smooth.data[i] += a.data[i - 1]; /* autocorrelation 1, 2, 1 */
    near(dp_whiteness(&smooth, 1), 1.0 / 3, 0.03);
    for (int lag = 9; lag <= 10; lag++) { /* the last lag that counts, and the first that does not */
        for (int i = 10; i < 12000; i++) smooth.data[i] = a.data[i] + a.data[i - lag];
        near(dp_whiteness(&smooth, 1), lag == 9 ? 1.0 / 3 : 0, 0.05);
    }
    dp_image_free(&a);
    dp_image_free(&smooth);
}

static void psf_shape(void **state) {
    (void)state;
    const float a[15] = {0, 0, 0, 0, 0, 0, 2, 2, 4, 8, 0, 0, 0, 0, 0};
    near(dp_psf_entropy(a, 3, 5), 0.5 + 2 * 3.0 / 8 + 0.5, 1e-12);
    near(dp_psf_border_mass(a, 3, 5), 0.5, 1e-12);
    near(dp_psf_border_mass(a, 1, 15), 1, 1e-12);
}

/* ---- PSFs ---- */

static void psf_match(void **state) {
    (void)state;
    const float a[9] = {0, 0, 1, 0, 2, 0, 0, 3, 0}, turned[9] = {0, 3, 0, 0, 2, 0, 1, 0, 0}, none[9] = {0};
    float large[35] = {0}; /* 5 x 7, a elsewhere and twice as strong */
    for (int i = 0; i < 9; i++) large[(i / 3 + 2) * 7 + i % 3] = 2 * a[i];
    near(dp_psf_compare(a, 3, 3, a, 3, 3).correlation, 1, 1e-12);
    const dp_psf_match moved_there = dp_psf_compare(large, 5, 7, a, 3, 3), back = dp_psf_compare(a, 3, 3, large, 5, 7);
    near(moved_there.correlation, 1, 1e-12);
    near(back.correlation, 1, 1e-12);
    assert_true(moved_there.dy == 2 && moved_there.dx == 0 && back.dy == -2 && back.dx == 0);
    near(dp_psf_compare(a, 3, 3, turned, 3, 3).correlation, 12.0 / 14, 1e-12);
    near(dp_psf_compare(a, 3, 3, none, 3, 3).correlation, 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(psnr_by_hand),
        cmocka_unit_test(ssim_as_skimage),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(ssim_reduction),
        cmocka_unit_test(alignment_equals_exhaustive_search),
        cmocka_unit_test(colour_has_one_shift),
        cmocka_unit_test(alignment_finds_a_known_shift),
        cmocka_unit_test(spectral_norm),
        cmocka_unit_test(gradients),
        cmocka_unit_test(residual_of_a_point),
        cmocka_unit_test(residual_at_the_ends_of_the_range),
        cmocka_unit_test(whiteness),
        cmocka_unit_test(psf_shape),
        cmocka_unit_test(psf_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
