/* The rules that end a run, on outputs whose course is known: a false early calm, learning, then the noise is learned.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "bid/stopping.h"

enum { COUNT = 400, PLANNED = 1000, CALM = 60, LEARNED = 400 };
static const float SIGMA = 0.1f;

typedef struct course {
    float clean[COUNT], given[COUNT], out[COUNT];
} course;

static float normal(uint64_t draw, int i) {
    float four[4];
    dp_philox_normal4(dp_philox_key_make(1, DP_STREAM_PERTURB), draw, (uint64_t)i / 4, four);
    return four[i % 4];
}

static void begin(course *c) {
    for (int i = 0; i < COUNT; i++) {
        c->clean[i] = 0.5f + 0.3f * sinf(0.05f * (float)i);
        c->given[i] = c->clean[i] + SIGMA * normal(0, i);
    }
}

/* Iteration t: at first a constant grey that hardly moves; then the clean picture comes nearer, with less and less
 * unrest; from LEARNED on noise enters, with growing unrest. */
static const float *output(course *c, long t) {
    const float learned = t < CALM ? 0 : 1 - expf(-(float)(t - CALM) / 60);
    const float noise = t < LEARNED ? 0 : 1 - expf(-(float)(t - LEARNED) / 300);
    const float unrest = t < CALM ? 1e-4f : 0.02f * expf(-(float)(t - CALM) / 100) + 0.001f + 0.02f * noise;
    for (int i = 0; i < COUNT; i++)
        c->out[i] = 0.5f + learned * (c->clean[i] - 0.5f) + noise * (c->given[i] - c->clean[i]) +
                    unrest * normal(1 + (uint64_t)t, i);
    return c->out;
}

static double weighted_mean_square(const float *a, const float *b, const float *weight) {
    double sum = 0, count = 0;
    for (int i = 0; i < COUNT; i++) {
        if (weight != NULL && weight[i] == 0) continue;
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
        count++;
    }
    return count > 0 ? sum / count : 0;
}

static double mean_square(const float *a, const float *b) {
    return weighted_mean_square(a, b, NULL);
}

/* Runs until a rule ends it; *ended gets the iterations done, result (may be NULL) what is to be the result. */
static dp_stop run(double noise, long patience, double from, const float *weight, long *ended, float *result) {
    static course c;
    dp_recipe r = {.average = 50, .stop_noise = noise, .stop_patience = (int)patience, .stop_from = from};
    dp_stopping_data data = {
        .iterations = PLANNED, .latent = COUNT, .seen = COUNT, .given = c.given, .weight = weight, .plane = COUNT};
    dp_diag diag = {0};
    dp_stopping *s;
    dp_stop stop = DP_STOP_NOT;
    begin(&c);
    data.noise_sigma = sqrt(weighted_mean_square(c.given, c.clean, weight));
    assert_int_equal(dp_stopping_open(&r, &data, &diag, &s), DIPPER_OK);
    assert_int_equal(dp_stopping_sees(s), noise > 0);
    for (*ended = 0; *ended < PLANNED && stop == DP_STOP_NOT; ++*ended) {
        const float *out = output(&c, *ended);
        stop = dp_stopping_add(s, out, noise > 0 ? out : NULL);
    }
    if (result != NULL) assert_true(dp_stopping_read(s, result));
    dp_stopping_close(s);
    return stop;
}

static void test_noise(void **state) {
    static course c;
    float result[COUNT];
    long ended;
    (void)state;
    begin(&c);
    assert_int_equal(run(0.98, 0, 0, NULL, &ended, result), DP_STOP_NOISE);
    assert_true(ended > CALM + 100 && ended < LEARNED + 150);
    assert_true(mean_square(result, c.clean) < 0.02 * SIGMA * SIGMA);
    assert_int_equal(run(0, 0, 0, NULL, &ended, result), DP_STOP_NOT); /* no rule: all the noise is learned */
    assert_int_equal(ended, PLANNED);
    assert_true(mean_square(result, c.clean) > 0.5 * SIGMA * SIGMA);
}

/* Pixels that are not compared do not count: half of them are far away, and the rule holds on the others. */
static void test_noise_of_compared_pixels(void **state) {
    float weight[COUNT];
    long all, half;
    (void)state;
    for (int i = 0; i < COUNT; i++) weight[i] = i % 2 ? 1 : 0;
    assert_int_equal(run(0.98, 0, 0, NULL, &all, NULL), DP_STOP_NOISE);
    assert_int_equal(run(0.98, 0, 0, weight, &half, NULL), DP_STOP_NOISE);
    assert_true(labs(all - half) < 150);
    memset(weight, 0, sizeof weight); /* nothing is compared: nothing is left unexplained */
    assert_int_equal(run(0.98, 0, 0.3, weight, &all, NULL), DP_STOP_NOISE);
    assert_true(all >= 300 && all < 310);
}

static void test_variance(void **state) {
    static course c;
    float result[COUNT];
    long ended;
    (void)state;
    begin(&c);
    assert_int_equal(run(0, 200, CALM + 60, NULL, &ended, result), DP_STOP_VARIANCE);
    assert_true(ended > LEARNED && ended < LEARNED + 300);
    assert_true(mean_square(result, c.clean) < 0.05 * SIGMA * SIGMA);
}

/* Without stop_from the calm beginning is taken for the minimum (the false early dip that METHODS reports). */
static void test_false_early_dip(void **state) {
    static course c;
    float result[COUNT];
    long ended;
    (void)state;
    begin(&c);
    assert_int_equal(run(0, 200, 0, NULL, &ended, result), DP_STOP_VARIANCE);
    assert_true(ended < LEARNED);
    assert_true(mean_square(result, c.clean) > SIGMA * SIGMA);
}

static void test_no_average(void **state) {
    dp_recipe r = {.average = 0};
    dp_stopping_data data = {.iterations = 10, .latent = COUNT};
    dp_diag diag = {0};
    dp_stopping *s;
    float picture[COUNT] = {0};
    (void)state;
    assert_int_equal(dp_stopping_open(&r, &data, &diag, &s), DIPPER_OK);
    assert_null(s);
    assert_int_equal(dp_stopping_add(s, picture, NULL), DP_STOP_NOT);
    assert_false(dp_stopping_read(s, picture));
    dp_stopping_close(s);
}

/* A run shorter than the window: its later half is averaged. */
static void test_short_run(void **state) {
    dp_recipe r = {.average = 50};
    dp_stopping_data data = {.iterations = 7, .latent = 1};
    dp_diag diag = {0};
    dp_stopping *s;
    float mean, deviation;
    (void)state;
    assert_int_equal(dp_stopping_open(&r, &data, &diag, &s), DIPPER_OK);
    for (int t = 1; t <= 7; t++) {
        const float picture = (float)t;
        assert_int_equal(dp_stopping_add(s, &picture, NULL), DP_STOP_NOT);
    }
    assert_true(dp_stopping_deviation(s, &mean, &deviation));
    assert_true(fabsf(mean - 5.5f) < 1e-6f); /* of 4, 5, 6, 7 */
    assert_true(fabsf(deviation - sqrtf(1.25f)) < 1e-6f);
    dp_stopping_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise),      cmocka_unit_test(test_noise_of_compared_pixels),
        cmocka_unit_test(test_variance),   cmocka_unit_test(test_false_early_dip),
        cmocka_unit_test(test_no_average), cmocka_unit_test(test_short_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
