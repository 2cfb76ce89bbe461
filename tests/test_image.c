/* Pictures, colour, resampling, PSF helpers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "image/colour.h"
#include "image/image.h"
#include "image/psf.h"
#include "image/resize.h"

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static void near_all(const float *values, const double *expected, int n, double tolerance) {
    for (int i = 0; i < n; i++) near(values[i], expected[i], tolerance);
}

static dp_image image_of(int width, int height, int channels, const float *values) {
    dp_image image;
    assert_int_equal(dp_image_create(width, height, channels, NULL, &image), DIPPER_OK);
    memcpy(image.data, values, sizeof(float) * (size_t)width * (size_t)height * (size_t)channels);
    return image;
}

/* ---- image.h ---- */

static void refuses_senseless_sizes(void **state) {
    (void)state;
    dp_image image = {1, 1, 1, NULL};
    dp_diag diag = {0};
    assert_int_equal(dp_image_create(0, 5, 1, &diag, &image), DIPPER_ERROR_INTERNAL);
    assert_null(image.data);
    dp_diag_clear(&diag);
    assert_int_equal(dp_image_create(INT32_MAX, INT32_MAX, INT32_MAX, &diag, &image), DIPPER_ERROR_MEMORY);
    assert_string_not_equal(diag.text, "");
    dp_image_free(&image);
    dp_image_free(NULL);
}

static void views_with_strides(void **state) {
    (void)state;
    float interleaved[2 * 3 * 3]; /* 2 rows, 3 columns, RGBRGB... */
    for (int i = 0; i < 18; i++) interleaved[i] = (float)i;
    dipper_image view = {interleaved + 9, 3, 2, 3, 3, -9, 1}; /* bottom row first */
    dp_image image;
    assert_int_equal(dp_image_from_view(&view, NULL, &image), DIPPER_OK);
    near(*dp_image_row(&image, 0, 0), 9, 0);
    near(dp_image_row(&image, 2, 1)[1], 5, 0);
    memset(interleaved, 0, sizeof interleaved);
    assert_int_equal(dp_image_to_view(&image, NULL, &view), DIPPER_OK);
    for (int i = 0; i < 18; i++) near(interleaved[i], i, 0);
    view.width = 2;
    assert_int_equal(dp_image_to_view(&image, NULL, &view), DIPPER_ERROR_ARGUMENT);
    dp_image_free(&image);
    view.channels = 4;
    assert_int_equal(dp_image_from_view(&view, NULL, &image), DIPPER_ERROR_ARGUMENT);
    view = (dipper_image){NULL, 3, 2, 1, 1, 3, 6};
    assert_int_equal(dp_image_from_view(&view, NULL, &image), DIPPER_ERROR_ARGUMENT);
}

static void crops_and_pads(void **state) {
    (void)state;
    dp_image image = image_of(3, 2, 1, (float[]){1, 2, 3, 4, 5, 6}), out;
    assert_int_equal(dp_image_crop(&image, 1, 1, 2, 1, NULL, &out), DIPPER_OK);
    near_all(out.data, (double[]){5, 6}, 2, 0);
    dp_image_free(&out);
    assert_int_equal(dp_image_crop(&image, 2, 0, 2, 1, NULL, &out), DIPPER_ERROR_INTERNAL);
    assert_int_equal(dp_image_pad(&image, 1, 0, 2, 1, DP_BORDER_REPLICATE, NULL, &out), DIPPER_OK);
    near_all(out.data, (double[]){1, 1, 2, 3, 3, 3, 4, 4, 5, 6, 6, 6, 4, 4, 5, 6, 6, 6}, 18, 0);
    dp_image_free(&out);
    assert_int_equal(dp_image_pad(&image, 5, 1, 0, 0, DP_BORDER_REFLECT, NULL, &out), DIPPER_OK);
    near_all(out.data, (double[]){5, 4, 5, 6, 5, 4, 5, 6}, 8, 0);
    near_all(out.data + 8, (double[]){2, 1, 2, 3, 2, 1, 2, 3}, 8, 0);
    dp_image_free(&out);
    dp_image_free(&image);
}

static void shifts_with_replicated_edges(void **state) {
    (void)state;
    const float src[6] = {1, 2, 3, 4, 5, 6};
    float dst[6];
    dp_plane_shift(src, 2, 3, 1, -1, dst);
    near_all(dst, (double[]){2, 3, 3, 2, 3, 3}, 6, 0);
}

static void finds_bad_and_dull_pictures(void **state) {
    (void)state;
    dp_image image = image_of(3, 2, 2, (float[]){1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2});
    int c = -1, y = -1, x = -1;
    assert_false(dp_image_find_nonfinite(&image, &c, &y, &x));
    assert_true(dp_image_is_constant(&image));
    image.data[10] = NAN;
    image.data[11] = INFINITY;
    assert_true(dp_image_find_nonfinite(&image, &c, &y, &x));
    assert_int_equal(c, 1);
    assert_int_equal(y, 1);
    assert_int_equal(x, 1);
    image.data[10] = 2.5F;
    image.data[11] = 2;
    assert_false(dp_image_is_constant(&image));
    dp_image_free(&image);
}

/* ---- colour.h ---- */

static void luma_and_chroma(void **state) {
    (void)state;
    dp_image image = image_of(4, 1, 3, (float[]){1, 0, 0, 0.2F, 0, 1, 0, 0.5F, 0, 0, 1, 0.9F}), copy, other;
    float luma[4], dark[4] = {0.1F, 0.2F, 0.3F, 0.4F};
    dp_luma(&image, luma);
    near_all(luma, (double[]){0.299, 0.587, 0.114, 0.2 * 0.299 + 0.5 * 0.587 + 0.9 * 0.114}, 4, 1e-6);
    assert_int_equal(dp_image_copy(&image, NULL, &copy), DIPPER_OK);
    dp_rgb_to_ycbcr(&copy);
    near(dp_image_plane(&copy, 2)[0], 0.5, 1e-6); /* Cr of pure red */
    near(dp_image_plane(&copy, 1)[2], 0.5, 1e-6); /* Cb of pure blue */
    assert_int_equal(dp_image_copy(&copy, NULL, &other), DIPPER_OK);
    dp_ycbcr_to_rgb(&other);
    for (int i = 0; i < 12; i++) near(other.data[i], image.data[i], 1e-6);
    memcpy(copy.data, dark, sizeof dark); /* another Y, the same Cb, Cr */
    dp_ycbcr_to_rgb(&copy);
    dp_replace_luma(&image, dark);
    for (int i = 0; i < 12; i++) near(image.data[i], copy.data[i], 1e-6);
    dp_image_free(&image);
    dp_image_free(&copy);
    dp_image_free(&other);
}

/* ---- resize.h ---- */

static void resize_row(const float *src, int n, dp_filter filter, float *dst, int no) {
    assert_int_equal(dp_plane_resize(src, 1, n, 0, filter, DP_OUTSIDE_NEAREST, NULL, dst, 1, no), DIPPER_OK);
}

static void resizes_small_rows_as_by_hand(void **state) {
    (void)state;
    float dst[8];
    resize_row((float[]){1, 2, 3, 4, 5}, 5, DP_FILTER_BOX, dst, 2);
    near_all(dst, (double[]){1.8, 4.2}, 2, 1e-6);
    resize_row((float[]){0, 1}, 2, DP_FILTER_TRIANGLE, dst, 4);
    near_all(dst, (double[]){0, 0.25, 0.75, 1}, 4, 1e-6);
    resize_row((float[]){0, 0, 8, 0, 0, 0, 0, 0}, 8, DP_FILTER_TRIANGLE, dst, 4); /* weights 1 3 3 1 over 8 */
    near_all(dst, (double[]){8.0 / 7, 3, 0, 0}, 4, 1e-5);
}

static void resize_keeps_what_it_must(void **state) {
    (void)state;
    const dp_filter filters[] = {DP_FILTER_BOX, DP_FILTER_TRIANGLE, DP_FILTER_LANCZOS3};
    dp_image ramp, out;
    assert_int_equal(dp_image_create(61, 47, 1, NULL, &ramp), DIPPER_OK);
    for (int i = 0; i < 61 * 47; i++) ramp.data[i] = (float)(i % 61) + 0.5F * (float)(i / 61);
    for (int f = 0; f < 3; f++) {
        assert_int_equal(dp_image_resize(&ramp, 61, 47, filters[f], NULL, &out), DIPPER_OK);
        for (int i = 0; i < 61 * 47; i++) near(out.data[i], ramp.data[i], 1e-4);
        dp_image_free(&out);
        assert_int_equal(dp_image_resize(&ramp, 15, 12, filters[f], NULL, &out), DIPPER_OK);
        for (int y = 4; y < 8; y++) /* away from the border a ramp stays a ramp, its centre the centre */
            for (int x = 4; x < 11; x++)
                near(out.data[y * 15 + x], ((x + 0.5) * 61 / 15 - 0.5) + 0.5 * ((y + 0.5) * 47 / 12 - 0.5), 0.05);
        dp_image_free(&out);
    }
    dp_image_free(&ramp);
}

/* ---- psf.h ---- */

static void normalises_or_refuses(void **state) {
    (void)state;
    float psf[3] = {1, 2, 1}, none[3] = {0}, bad[3] = {1, NAN, 1};
    assert_true(dp_psf_normalise(psf, 1, 3));
    near_all(psf, (double[]){0.25, 0.5, 0.25}, 3, 0);
    assert_false(dp_psf_normalise(none, 1, 3));
    assert_false(dp_psf_normalise(bad, 1, 3));
    near(bad[0], 1, 0);
}

/* Valid convolution, straight from the definition. x (h+kh-1, w+kw-1) -> y (h, w) */
static void convolve(const float *x, const float *psf, int kh, int kw, int h, int w, double *y) {
    for (int i = 0; i < h * w; i++) {
        y[i] = 0;
        for (int a = 0; a < kh; a++)
            for (int b = 0; b < kw; b++)
                y[i] += (double)psf[a * kw + b] * x[(i / w + kh - 1 - a) * (w + kw - 1) + i % w + kw - 1 - b];
    }
}

static void centres_psf_and_picture_together(void **state) {
    (void)state;
    enum { K = 7, H = 9, W = 10, LH = H + K - 1, LW = W + K - 1 };
    float psf[K * K] = {0}, scratch[K * K], x[LH * LW], moved[LH * LW];
    double before[H * W], after[H * W], dy, dx;
    int shift_y, shift_x;
    psf[0 * K + 1] = 0.25F; /* one-sided: centroid (-2.25, -1.5) */
    psf[1 * K + 2] = 0.5F;
    psf[1 * K + 1] = 0.25F;
    for (int i = 0; i < LH * LW; i++) x[i] = (float)((i * 37) % 101) / 101;
    convolve(x, psf, K, K, H, W, before);
    dp_psf_centre(psf, K, K, DP_PSF_ROLL, scratch, &shift_y, &shift_x);
    assert_int_equal(shift_y, 2);
    assert_true(shift_x == 1 || shift_x == 2);
    dp_psf_centroid(psf, K, K, &dy, &dx);
    assert_true(fabs(dy) <= 0.5 && fabs(dx) <= 0.5);
    dp_plane_shift(x, LH, LW, -shift_y, -shift_x, moved);
    convolve(moved, psf, K, K, H, W, after);
    for (int y = 0; y < H - 2; y++) /* the last rows and columns see the replicated edge */
        for (int i = 0; i < W - 2; i++) near(after[y * W + i], before[y * W + i], 1e-6);
}

static void shifts_psf(void **state) {
    (void)state;
    const float src[3] = {1, 2, 3};
    float dst[3];
    dp_psf_shift(src, 1, 3, 0, 1, DP_PSF_ROLL, dst);
    near_all(dst, (double[]){3, 1, 2}, 3, 0);
    dp_psf_shift(src, 1, 3, 0, -2, DP_PSF_ZERO, dst);
    near_all(dst, (double[]){3, 0, 0}, 3, 0);
    dp_psf_shift(src, 1, 3, 1, 0, DP_PSF_ZERO, dst);
    near_all(dst, (double[]){0, 0, 0}, 3, 0);
}

static void places_psf(void **state) {
    (void)state;
    const float src[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    float dst[25];
    dp_psf_place(src, 3, dst, 5);
    near_all(dst, (double[]){0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 4, 5, 6, 0, 0, 7, 8, 9, 0, 0, 0, 0, 0, 0}, 25, 0);
    dp_psf_place(src, 3, dst, 1);
    near_all(dst, (double[]){5}, 1, 0);
}

static void cuts_faint_values_and_small_islands(void **state) {
    (void)state;
    /* an island of 40 held together by a diagonal, one of 3, one of 1, and faint dirt */
    float psf[25] = {20, 0, 0, 0, 3, 0, 20, 0, 0, 0, 0, 0, 0.2F, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0.2F};
    int scratch[25];
    const double cut = dp_psf_cut(psf, 5, 5, 0.03, 0.04, scratch);
    near(cut, 1.4 / 44.4, 1e-6);
    near(psf[0], 20.0 / 43, 1e-6);
    near(psf[6], 20.0 / 43, 1e-6);
    near(psf[4], 3.0 / 43, 1e-6);
    near(psf[12] + psf[20] + psf[24], 0, 0);
    near(dp_psf_cut(psf, 5, 5, 0, 0, scratch), 0, 1e-6);
    float none[4] = {0};
    near(dp_psf_cut(none, 2, 2, 0.5, 0.5, scratch), 0, 0);
    float equal[3] = {1, 0, 1}; /* no island reaches 60 %: the heaviest stays */
    dp_psf_cut(equal, 1, 3, 0, 0.6, scratch);
    near(equal[0] + equal[2], 1, 0);
    float ring[25] = {0}; /* a U whose arms meet only at the bottom is one island */
    for (int i = 0; i < 5; i++) ring[i * 5] = ring[i * 5 + 4] = ring[20 + i] = 1;
    near(dp_psf_cut(ring, 5, 5, 0, 0.9, scratch), 0, 1e-6);
}

static void keeps_bodies_with_their_soft_edges(void **state) {
    (void)state;
    /* a body of 40 with two faint neighbours, which stay; an island of 3 and dirt away from it go */
    const float psf[25] = {20, 1, 0, 0, 3, 0, 20, 0, 0, 0, 0, 0, 0.5F, 0, 0.5F, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0.5F};
    float out[25];
    int scratch[25];
    dp_psf_keep_bodies(psf, 5, 5, 0.1, 0.1, scratch, out);
    near(out[0], 20 / 41.5, 1e-6);
    near(out[1], 1 / 41.5, 1e-6);
    near(out[6], 20 / 41.5, 1e-6);
    near(out[12], 0.5 / 41.5, 1e-6);
    near(out[4] + out[14] + out[20] + out[24], 0, 0);
    dp_psf_keep_bodies(psf, 5, 5, 0.1, 0.05, scratch, out); /* 3 of 43 is island enough */
    near(out[4], 3 / 44.5, 1e-6);
    near(psf[20], 1, 0);
}

static double psf_width(const float *psf, int n) { /* standard deviation along x */
    double sum = 0;
    for (int i = 0; i < n * n; i++) sum += psf[i] * (i % n - n / 2) * (i % n - n / 2);
    return sqrt(sum);
}

static void resamples_psf(void **state) {
    (void)state;
    enum { N = 31 };
    float psf[N * N], out[N * N];
    double dy, dx;
    for (int i = 0; i < N * N; i++) {
        const double y = i / N - N / 2 - 2, x = i % N - N / 2 + 1;
        psf[i] = (float)exp(-(x * x + y * y) / 18);
    }
    assert_true(dp_psf_normalise(psf, N, N));
    const double scales[] = {0.25, 0.5, 0.70710678};
    for (int i = 0; i < 3; i++) {
        const int n = dp_psf_scaled_size(N, scales[i]);
        assert_int_equal(n % 2, 1);
        assert_int_equal(dp_psf_resample(psf, N, N, scales[i], NULL, out, n, n), DIPPER_OK);
        dp_psf_centroid(out, n, n, &dy, &dx);
        near(dy, 2 * scales[i], 0.05);
        near(dx, -scales[i], 0.05);
        double sum = 0;
        for (int j = 0; j < n * n; j++) sum += out[j];
        near(sum, 1, 1e-5);
    }
    assert_int_equal(dp_psf_resample(psf, N, N, 1, NULL, out, N, N), DIPPER_OK);
    for (int i = 0; i < N * N; i++) near(out[i], psf[i], 1e-6);
    for (int i = 0; i < N * N; i++) psf[i] = (float)exp(-(pow(i / N - N / 2, 2) + pow(i % N - N / 2, 2)) / 18);
    assert_int_equal(dp_psf_resample(psf, N, N, 0.5, NULL, out, 17, 17), DIPPER_OK);
    near(psf_width(out, 17), sqrt(1.5 * 1.5 + 1.0 / 6), 0.1); /* the triangle adds its own variance, 1/6 */
    memset(psf, 0, sizeof psf);
    assert_int_equal(dp_psf_resample(psf, N, N, 0.5, NULL, out, 17, 17), DIPPER_ERROR_INTERNAL);
}

static void sizes_and_turns(void **state) {
    (void)state;
    assert_int_equal(dp_psf_scaled_size(31, 0.5), 17);
    assert_int_equal(dp_psf_scaled_size(31, 0.25), 9);
    assert_int_equal(dp_psf_scaled_size(17, 1), 17);
    assert_int_equal(dp_psf_scaled_size(5, 0.25), 3);
    float psf[6] = {1, 2, 3, 4, 5, 6};
    dp_psf_rotate180(psf, 2, 3);
    near_all(psf, (double[]){6, 5, 4, 3, 2, 1}, 6, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_senseless_sizes),
        cmocka_unit_test(views_with_strides),
        cmocka_unit_test(crops_and_pads),
        cmocka_unit_test(shifts_with_replicated_edges),
        cmocka_unit_test(finds_bad_and_dull_pictures),
        cmocka_unit_test(luma_and_chroma),
        cmocka_unit_test(resizes_small_rows_as_by_hand),
        cmocka_unit_test(resize_keeps_what_it_must),
        cmocka_unit_test(normalises_or_refuses),
        cmocka_unit_test(centres_psf_and_picture_together),
        cmocka_unit_test(shifts_psf),
        cmocka_unit_test(places_psf),
        cmocka_unit_test(cuts_faint_values_and_small_islands),
        cmocka_unit_test(keeps_bodies_with_their_soft_edges),
        cmocka_unit_test(resamples_psf),
        cmocka_unit_test(sizes_and_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
