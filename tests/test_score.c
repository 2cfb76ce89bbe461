/* Scores and measures through the public functions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dipper/dipper.h"

static dipper_context *context;

static int open_context(void **state) {
    (void)state;
    dipper_context_options options;
    dipper_context_options_init(&options);
    options.device = "ref";
    return dipper_context_create(&options, &context) != DIPPER_OK;
}
static int close_context(void **state) {
    (void)state;
    dipper_context_destroy(&context);
    return 0;
}

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static double scene(double x, double y, int channel) {
    return 0.5 + 0.2 * sin(0.23 * x + 0.05 * y + channel) + 0.2 * cos(0.11 * x - 0.31 * y) +
           0.05 * sin(1.1 * x * (1 + channel));
}

/* A picture of the scene seen from (x, y), with something added that is no shift. */
static dipper_image picture(int width, int height, int channels, double x0, double y0, double dirt) {
    float *data = malloc(sizeof *data * (size_t)(width * height * channels));
    assert_non_null(data);
    for (int i = 0; i < width * height * channels; i++) {
        const int x = i % width, y = i / width % height, c = i / width / height;
        data[i] = (float)(scene(x + x0, y + y0, c) + dirt * ((i % 1009 * 7919 + 11) % 1009 / 1009.0 - 0.5));
    }
    return dipper_image_view(data, width, height, channels);
}

static dipper_score score(const dipper_image *x, const dipper_image *truth, const char *protocol) {
    dipper_score_options o;
    dipper_score out = {.struct_size = sizeof out};
    dipper_score_options_init(&o);
    o.protocol = protocol;
    if (dipper_score_result(context, x, truth, &o, &out) != DIPPER_OK) fail_msg("%s", dipper_context_message(context));
    return out;
}

static void plain_is_the_whole_picture(void **state) {
    (void)state;
    dipper_image a = picture(50, 40, 3, 0, 0, 0), b = picture(50, 40, 3, 0, 0, 0.1);
    double sum = 0, psnr;
    for (int i = 0; i < 6000; i++) sum += pow((double)a.data[i] - b.data[i], 2);
    const dipper_score s = score(&b, &a, "plain");
    near(s.mse, sum / 6000, 1e-15);
    near(s.psnr_db, -10 * log10(sum / 6000), 1e-9);
    assert_int_equal(dipper_psnr(context, &b, &a, 1, &psnr), DIPPER_OK);
    near(psnr, s.psnr_db, 0);
    assert_true(s.crop == 0 && s.range == 0 && s.channel == DIPPER_CHANNEL_RGB && s.clip == 0);
    assert_true(s.width == 50 && s.height == 40 && s.ssim_reduction == 1 && s.ssim < 1);
    assert_true(isnan(s.psnr_blurred_db) && isnan(s.isnr_db) && isnan(s.psnr_nb_db) && isnan(s.error_ratio));
    const dipper_score same = score(&a, &a, "plain");
    assert_true(isinf(same.psnr_db) && same.psnr_db > 0);
    near(same.ssim, 1, 1e-12);
    free(a.data);
    free(b.data);
}

static void levin_finds_the_shift(void **state) {
    (void)state;
    dipper_image a = picture(120, 90, 1, 0, 0, 0), b = picture(120, 90, 1, 3, -6.5, 0.02);
    const dipper_score s = score(&a, &b, "levin"), t = score(&b, &a, "levin");
    near(s.shift_x, 3, 0);
    near(s.shift_y, -6.5, 0);
    near(t.shift_x, -3, 0);
    near(t.shift_y, 6.5, 0);
    assert_true(s.psnr_db > 40 && s.crop == 15 && s.range == 10 && s.width == 90 && s.height == 60);
    for (int i = 0; i < 120 * 90; i++) a.data[i] = b.data[i] > 0.6F ? 2 : b.data[i], b.data[i] = fminf(b.data[i], 1);
    assert_true(score(&a, &b, "plain").mse > 2 * score(&a, &b, "levin").mse); /* clipped */
    free(a.data);
    free(b.data);
}

/* Studio luma is 219/255 of luma (and 16/255); SSIM of 600 px is that of means of 2 x 2. */
static void lai_is_as_the_script(void **state) {
    (void)state;
    dipper_image a = picture(550, 540, 3, 0, 0, 0), b = picture(550, 540, 3, 0, 0, 0.1);
    const dipper_score lai = score(&b, &a, "lai"), levin = score(&b, &a, "levin");
    near(lai.psnr_db - levin.psnr_db, 20 * log10(255.0 / 219), 1e-4);
    assert_true(lai.ssim_reduction == 2 && lai.channel == DIPPER_CHANNEL_STUDIO && lai.ssim > levin.ssim);
    dipper_image grey_a = dipper_image_view(a.data, 550, 540, 1), grey_b = dipper_image_view(b.data, 550, 540, 1);
    near(score(&grey_b, &grey_a, "lai").psnr_db, score(&grey_b, &grey_a, "levin").psnr_db, 0);
    free(a.data);
    free(b.data);
}

static void against_blurred_and_oracle(void **state) {
    (void)state;
    dipper_image truth = picture(60, 50, 1, 0, 0, 0), x = picture(60, 50, 1, 0, 0, 0.05);
    dipper_image blurred = picture(60, 50, 1, 0, 0, 0.2), oracle = picture(60, 50, 1, 0, 0, 0.025);
    dipper_score_options o;
    dipper_score out = {.struct_size = sizeof out};
    dipper_score_options_init(&o);
    o.blurred = &blurred;
    o.oracle = &oracle;
    assert_int_equal(dipper_score_result(context, &x, &truth, &o, &out), DIPPER_OK);
    near(out.psnr_blurred_db, score(&blurred, &truth, "plain").psnr_db, 1e-12);
    near(out.isnr_db, 20 * log10(4), 1e-4);
    near(out.psnr_nb_db, score(&x, &blurred, "plain").psnr_db, 1e-12);
    near(out.oracle_psnr_db, out.psnr_db + 20 * log10(2), 1e-4);
    near(out.error_ratio, 4, 1e-4); /* squared errors */
    near(out.spectral_ratio, 2, 1e-4);
    free(truth.data);
    free(x.data);
    free(blurred.data);
    free(oracle.data);
}

static void options_change_the_protocol(void **state) {
    (void)state;
    dipper_image a = picture(60, 50, 3, 0, 0, 0), b = picture(60, 50, 3, 0, 0, 0.1);
    dipper_score_options o;
    dipper_score out = {.struct_size = sizeof out};
    dipper_score_options_init(&o);
    o.protocol = "levin";
    o.crop = 4;
    assert_int_equal(dipper_score_result(context, &a, &b, &o, &out), DIPPER_OK);
    assert_true(out.crop == 4 && out.range == 4 && out.width == 52);
    o.range = 2;
    o.channel = DIPPER_CHANNEL_RGB;
    o.clip = 0;
    assert_int_equal(dipper_score_result(context, &a, &b, &o, &out), DIPPER_OK);
    assert_true(out.range == 2 && out.channel == DIPPER_CHANNEL_RGB && out.clip == 0);
    near(out.shift_x, 0, 0);
    for (int i = 0; i < 9000; i++) a.data[i] *= 200, b.data[i] *= 200;
    const double one = out.psnr_db;
    o.peak = 200;
    assert_int_equal(dipper_score_result(context, &a, &b, &o, &out), DIPPER_OK);
    near(out.psnr_db, one, 1e-5);
    free(a.data);
    free(b.data);
}

static dipper_status refuse(const dipper_image *x, const dipper_image *truth, const char *protocol, int crop, int range,
                            const char *words) {
    dipper_score_options o;
    dipper_score out = {.struct_size = sizeof out};
    dipper_score_options_init(&o);
    o.protocol = protocol;
    o.crop = crop;
    o.range = range;
    dipper_context_clear(context);
    const dipper_status status = dipper_score_result(context, x, truth, &o, &out);
    if (strstr(dipper_context_message(context), words) == NULL) fail_msg("%s", dipper_context_message(context));
    dipper_context_clear(context);
    return status;
}

static void nonsense_is_refused(void **state) {
    (void)state;
    dipper_image a = picture(40, 30, 3, 0, 0, 0), b = picture(30, 40, 3, 0, 0, 0), grey = picture(40, 30, 1, 0, 0, 0);
    assert_int_equal(refuse(&b, &a, "plain", -1, -1, "30 x 40"), DIPPER_ERROR_INPUT);
    assert_int_equal(refuse(&grey, &a, "plain", -1, -1, "grey"), DIPPER_ERROR_INPUT);
    assert_int_equal(refuse(&grey, &a, "lai", 3, -1, "grey"), DIPPER_ERROR_INPUT);
    assert_int_equal(refuse(&grey, &a, "levin", 3, -1, ""), DIPPER_OK);
    assert_int_equal(refuse(&a, &a, "levin", -1, -1, "nothing is left"), DIPPER_ERROR_INPUT);
    assert_int_equal(refuse(&a, &a, "plain", 15, -1, "nothing is left"), DIPPER_ERROR_INPUT);
    assert_int_equal(refuse(&a, &a, "plain", 2000000000, -1, "nothing is left"), DIPPER_ERROR_INPUT);
    assert_int_equal(refuse(&a, &a, "plain", 14, -1, ""), DIPPER_OK);
    assert_int_equal(refuse(&a, &a, "plain", 3, 4, "crop"), DIPPER_ERROR_ARGUMENT);
    assert_int_equal(refuse(&a, &a, "sun", -1, -1, "plain, levin, lai"), DIPPER_ERROR_ARGUMENT);
    assert_int_equal(refuse(&a, &a, "plain", -2, -1, "range"), DIPPER_ERROR_ARGUMENT);
    assert_int_equal(refuse(&a, NULL, "plain", -1, -1, "NULL"), DIPPER_ERROR_ARGUMENT);
    grey.data[7] = NAN;
    assert_int_equal(refuse(&grey, &grey, "plain", -1, -1, "NaN"), DIPPER_ERROR_INPUT);
    free(a.data);
    free(b.data);
    free(grey.data);
}

static void quality_without_the_truth(void **state) {
    (void)state;
    const float psf[9] = {0, 0, 0, 0, 1, 0, 0, 0, 0};
    dipper_image x = picture(40, 30, 3, 0, 0, 0.1), d = picture(40, 30, 3, 0, 0, 0);
    dipper_quality q = {.struct_size = sizeof q};
    assert_int_equal(dipper_quality_measure(context, &x, NULL, NULL, 0, 0, &q), DIPPER_OK);
    assert_true(q.gradient_l1_l2 > 0 && q.gradient_l1_l2 < 1 && q.total_variation > 0);
    assert_true(isnan(q.residual_rms) && isnan(q.residual_whiteness) && isnan(q.psf_entropy));
    assert_int_equal(dipper_quality_measure(context, &x, &d, psf, 3, 3, &q), DIPPER_OK);
    double sum = 0;
    for (int y = 1; y < 29; y++)
        for (int i = 1; i < 39; i++) {
            double luma = 0;
            static const double weight[3] = {0.299, 0.587, 0.114};
            for (int c = 0; c < 3; c++)
                luma += weight[c] * ((double)d.data[(c * 30 + y) * 40 + i] - x.data[(c * 30 + y) * 40 + i]);
            sum += luma * luma;
        }
    near(q.residual_rms, sqrt(sum / (28 * 38)), 1e-7);
    near(q.psf_entropy, 0, 0);
    near(q.psf_border_mass, 0, 0);
    d.height = 29;
    assert_int_equal(dipper_quality_measure(context, &x, &d, psf, 3, 3, &q), DIPPER_ERROR_INPUT);
    dipper_context_clear(context);
    const float bad[9] = {-1, 2};
    assert_int_equal(dipper_quality_measure(context, &x, NULL, bad, 3, 3, &q), DIPPER_ERROR_INPUT);
    dipper_context_clear(context);
    free(x.data);
    free(d.data);
}

static void psf_compare(void **state) {
    (void)state;
    const float a[9] = {0, 1, 0, 0, 2, 1, 0, 0, 0}, zero[9] = {0}, negative[9] = {1, -1};
    float b[35] = {0}; /* 5 x 7: a about (1, 4) instead of (2, 3), three times as strong */
    for (int i = 0; i < 9; i++) b[i / 3 * 7 + i % 3 + 3] = 3 * a[i];
    dipper_psf_match m = {.struct_size = sizeof m};
    assert_int_equal(dipper_psf_compare(context, a, 3, 3, a, 3, 3, &m), DIPPER_OK);
    near(m.correlation, 1, 1e-12);
    near(m.squared_error, 0, 1e-12);
    assert_true(m.shift_x == 0 && m.shift_y == 0);
    assert_int_equal(dipper_psf_compare(context, b, 7, 5, a, 3, 3, &m), DIPPER_OK);
    near(m.correlation, 1, 1e-12);
    assert_true(m.shift_x == 1 && m.shift_y == -1);
    const float point[1] = {5};
    assert_int_equal(dipper_psf_compare(context, a, 3, 3, point, 1, 1, &m), DIPPER_OK);
    near(m.correlation, 2 / sqrt(6), 1e-12);
    near(m.squared_error, (1 + 4 + 1) / 16.0, 1e-7); /* (0.25, 0.5, 0.25) against (0, 1, 0) */
    assert_int_equal(dipper_psf_compare(context, a, 3, 3, zero, 3, 3, &m), DIPPER_ERROR_INPUT);
    assert_int_equal(dipper_psf_compare(context, negative, 3, 3, a, 3, 3, &m), DIPPER_ERROR_INPUT);
    dipper_context_clear(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_is_the_whole_picture),  cmocka_unit_test(levin_finds_the_shift),
        cmocka_unit_test(lai_is_as_the_script),        cmocka_unit_test(against_blurred_and_oracle),
        cmocka_unit_test(options_change_the_protocol), cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(quality_without_the_truth),   cmocka_unit_test(psf_compare),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
