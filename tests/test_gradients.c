/* Gradient histograms and their fits on distributions that are known. */
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
#include "metric/gradients.h"

enum { W = 400, H = 300 };

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static double uniform(uint64_t i) { /* in (0, 1] */
    float random[4];
    dp_philox_uniform4(dp_philox_key_make(7, DP_STREAM_TEST), 0, i / 4, random);
    return random[i % 4];
}

/* Generalised Gaussian variate of scale 1: |g|^a is a gamma variate of shape 1/a (shape 2: a = 1/2, the sum of two
 * exponential ones; shape 1: Laplace; shape 1/2: Gauss). */
static double variate(double a, uint64_t i) {
    const double sign = uniform(8 * i) < 0.5 ? -1 : 1, e = -log(uniform(8 * i + 1));
    if (a == 0.5) {
        const double gamma = e - log(uniform(8 * i + 2));
        return sign * gamma * gamma;
    }
    if (a == 1) return sign * e;
    return sign * sqrt(e) * fabs(cos(3.14159265358979323846 * uniform(8 * i + 2))); /* Box and Muller */
}

/* A picture of one row whose differences are drawn; rounded to multiples of step. */
static dp_image drawn(double a, double scale, double step, float *data, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
        data[i] = (float)(step > 0 ? step * round(sum / step) : sum);
        sum += scale * variate(a, (uint64_t)i);
    }
    return (dp_image){n, 1, 1, data};
}

static dp_gradient_fit fitted(const dp_image *image, double exponent) {
    static dp_gradients g;
    assert_int_equal(dp_gradients_count(image, NULL, &g), DIPPER_OK);
    return dp_gradients_fit(&g, exponent);
}

static void known_distributions_are_recovered(void **state) {
    (void)state;
    static float data[W * H];
    const double exponents[] = {0.5, 1, 2};
    for (int i = 0; i < 3; i++) {
        const double a = exponents[i], s = i == 0 ? 0.004 : 0.05;
        const dp_image image = drawn(a, s, 0, data, W * H);
        const dp_gradient_fit fit = fitted(&image, 0), told = fitted(&image, a);
        near(fit.exponent, a, 0.03 * a);
        near(log(fit.scale / s), 0, i == 0 ? 0.15 : 0.03);
        near(log(told.scale / s), 0, 0.03);
        assert_true(fit.log_likelihood >= told.log_likelihood - 1e-9);
        /* E ln p of the distribution itself: ln(a / (2 s Gamma(1/a))) - 1/a */
        near(told.log_likelihood, log(a / (2 * s * tgamma(1 / a))) - 1 / a, 0.02);
    }
}

/* Steps of 8 bit: most gradients of the peaked distribution become 0, which the fit must not take for a peak. */
static void rounding_does_not_matter(void **state) {
    (void)state;
    static float data[W * H];
    const dp_image image = drawn(1, 1.5 / 255, 1.0 / 255, data, W * H);
    for (int i = 0; i < W * H; i++) assert_true(isfinite(data[i]));
    const dp_gradient_fit fit = fitted(&image, 0);
    near(fit.exponent, 1, 0.15); /* rounding of both ends adds noise of a sixth of a step squared */
    assert_true(fitted(&image, 1).log_likelihood > fitted(&image, 2).log_likelihood);
}

static void counts_by_hand(void **state) {
    (void)state;
    float data[6] = {0, 10.0F / 255, 13.0F / 255, 10.0F / 255, 10.0F / 255, 252.9F / 255};
    static dp_gradients g;
    data[5] = 1;
    data[0] = 2.0F / 255;
    const dp_image image = {3, 2, 1, data}; /* 1 is clipped */
    assert_int_equal(dp_gradients_count(&image, NULL, &g), DIPPER_OK);
    near(g.width, 1.0 / 255, 1e-9);
    near(g.total, 5, 0);
    near(g.count[DP_GRADIENT_REACH + 8], 2, 0); /* 2 to 10, right and down */
    near(g.count[DP_GRADIENT_REACH + 3], 1, 0);
    near(g.count[DP_GRADIENT_REACH], 2, 0);
    near(g.last, 8, 0);
}

/* The density of the fit, added up over the bins, is 1. */
static void densities_add_up(void **state) {
    (void)state;
    const dp_gradient_fit fit = {.exponent = 0.7, .scale = 0.01};
    double sum = 0;
    for (int i = -400000; i <= 400000; i++) sum += exp(dp_gradient_log_density(&fit, (i + 0.5) * 1e-6)) * 1e-6;
    near(sum, 1, 1e-3);
}

static void scales_with_the_picture(void **state) {
    (void)state;
    static float data[W * H];
    dp_image image = drawn(1, 0.01, 0, data, W * H);
    const dp_gradient_fit before = fitted(&image, 0);
    for (int i = 0; i < W * H; i++) data[i] *= 1000;
    const dp_gradient_fit after = fitted(&image, 0);
    near(after.exponent, before.exponent, 2e-3);
    near(after.scale / before.scale, 1000, 2);
}

static void refuses_what_has_no_gradients(void **state) {
    (void)state;
    float data[6] = {1, 0.995F, 1, 1, 1, 0.3F};
    static dp_gradients g;
    dp_diag diag = {0};
    dp_image image = {1, 1, 1, data};
    assert_int_equal(dp_gradients_count(&image, &diag, &g), DIPPER_ERROR_INPUT);
    image = (dp_image){3, 2, 1, data};
    assert_int_equal(dp_gradients_count(&image, NULL, &g), DIPPER_ERROR_INPUT); /* all but one are clipped */
    for (int i = 0; i < 6; i++) data[i] = 0.5F;
    dp_diag_clear(&diag);
    assert_int_equal(dp_gradients_count(&image, &diag, &g), DIPPER_ERROR_INPUT);
    assert_non_null(strstr(diag.text, "constant"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_distributions_are_recovered),
                                       cmocka_unit_test(rounding_does_not_matter),
                                       cmocka_unit_test(counts_by_hand),
                                       cmocka_unit_test(densities_add_up),
                                       cmocka_unit_test(scales_with_the_picture),
                                       cmocka_unit_test(refuses_what_has_no_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
