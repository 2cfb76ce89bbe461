/* The sliding average of a run's pictures, against the same numbers by definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bid/average.h"

enum { COUNT = 3, MOST = 200 };

static float value(long t, int i) { /* settles while it wobbles, about different levels */
    return 0.2f * (float)(i + 1) + expf(-0.1f * (float)t) + 0.05f * sinf(1.7f * (float)t + (float)i);
}

/* Mean and variance of value i over the pictures [from, to). */
static double by_definition(long from, long to, int i, double *variance) {
    double mean = 0;
    *variance = 0;
    for (long t = from; t < to; t++) mean += (double)value(t, i) / (double)(to - from);
    for (long t = from; t < to; t++) *variance += pow((double)value(t, i) - mean, 2) / (double)(to - from);
    return mean;
}

static void check(const dp_average *a, long from, long to) {
    float mean[COUNT], deviation[COUNT];
    double all = 0;
    assert_true(dp_average_read(a, mean, deviation));
    for (int i = 0; i < COUNT; i++) {
        double variance;
        const double expected = by_definition(from, to, i, &variance);
        if (fabs((double)mean[i] - expected) > 1e-6)
            fail_msg("pictures %ld to %ld: mean %g, expected %g", from, to, (double)mean[i], expected);
        if (fabs((double)deviation[i] - sqrt(variance)) > 1e-5)
            fail_msg("pictures %ld to %ld: deviation %g, expected %g", from, to, (double)deviation[i], sqrt(variance));
        all += variance / COUNT;
    }
    assert_true(fabs(dp_average_variance(a) - all) < 1e-6);
}

static dp_average *after(long window, long total, long added) {
    dp_diag diag = {0};
    dp_average *a = NULL;
    assert_int_equal(dp_average_open(COUNT, window, total, &diag, &a), DIPPER_OK);
    for (long t = 0; t < added; t++) {
        float picture[COUNT];
        for (int i = 0; i < COUNT; i++) picture[i] = value(t, i);
        dp_average_add(a, picture);
    }
    return a;
}

/* At the planned end: exactly the window, whatever divides what. */
static void test_exact_at_the_end(void **state) {
    static const long cases[][2] = {{1, 1}, {1, 7}, {50, 200}, {50, 137}, {7, 100}, {100, 200}, {12, 31}, {60, 121}};
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const long window = cases[k][0], total = cases[k][1];
        dp_average *a = after(window, total, total);
        check(a, total - window, total);
        assert_true(dp_average_whole(a));
        dp_average_close(a);
    }
}

/* Before it: all pictures since a block began, at least the window less a block, never from the first half. */
static void test_between(void **state) {
    (void)state;
    for (long added = 1; added <= MOST; added++) {
        dp_average *a = after(50, MOST, added);
        if (added >= 120) check(a, added / 10 * 10 - 50, added);
        dp_average_close(a);
    }
}

static void test_later_half_only(void **state) {
    (void)state;
    dp_average *a = after(50, 100, 60); /* blocks of 10: three of them lie in the later half */
    check(a, 30, 60);
    dp_average_close(a);
    a = after(50, 100, 5);
    float mean[COUNT];
    assert_false(dp_average_read(a, mean, NULL)); /* the only block began at the start */
    dp_average_close(a);
}

static void test_whole(void **state) {
    (void)state;
    for (long added = 0; added <= 60; added++) {
        dp_average *a = after(20, 62, added); /* blocks of 4, the first of 2: whole ones end at 22, 26 ... */
        assert_int_equal(dp_average_whole(a), added >= 22 && (added - 2) % 4 == 0);
        dp_average_close(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_at_the_end),
        cmocka_unit_test(test_between),
        cmocka_unit_test(test_later_half_only),
        cmocka_unit_test(test_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
