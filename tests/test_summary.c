/* study: statistics over runs, against figures worked out by hand. SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "study/summary.h"

static study_result run_of(const char *method, const char *name, uint64_t seed, double psnr_db) {
    study_result r;
    study_result_init(&r);
    snprintf(r.suite, sizeof r.suite, "levin");
    snprintf(r.method, sizeof r.method, "%s", method);
    snprintf(r.name, sizeof r.name, "%s", name);
    snprintf(r.psf_told, sizeof r.psf_told, "own");
    r.seed = seed;
    r.psnr_db = psnr_db;
    r.psnr_blurred_db = 24;
    r.isnr_db = psnr_db - 24;
    r.seconds = 10 * (double)(seed + 1);
    r.memory_bytes = 1e6 * (double)(seed + 1);
    return r;
}

static void near(double value, double expected) {
    assert_true(fabs(value - expected) < 1e-9);
}

static void test_figures(void **state) {
    (void)state;
    study_result runs[] = {run_of("fast", "a", 0, 30), run_of("fast", "a", 1, 32), run_of("fast", "b", 0, 23),
                           run_of("fast", "b", 1, 29), run_of("fast", "c", 0, 28), run_of("slow", "a", 0, 31)};
    study_results results = {runs, 6, 0};
    study_summary *s = NULL;
    int count = 0;
    runs[4].psnr_blurred_db = 21;
    assert_int_equal(study_summarise(&results, &s, &count, NULL), DIPPER_OK);
    assert_int_equal(count, 2);
    assert_int_equal(s[0].runs, 5);
    assert_int_equal(s[0].cases, 3);
    near(s[0].mean_db, 28.4);
    near(s[0].median_db, 29);
    assert_ptr_equal(s[0].worst, &runs[2]);
    near(s[0].spread_db, sqrt((1 + 1 + 9 + 9) / 2.0)); /* c has one seed and says nothing */
    near(s[0].mean_blurred_db, 23);
    near(s[0].mean_isnr_db, (6 + 8 - 1 + 5 + 4) / 5.0);
    assert_true(isnan(s[0].mean_ssim));
    assert_int_equal(s[0].failures, 1);
    near(s[0].mean_seconds, 14);
    near(s[0].median_seconds, 10);
    near(s[0].largest_bytes, 2e6);
    assert_ptr_equal(s[1].first, &runs[5]);
    assert_true(isnan(s[1].spread_db)); /* a single seed */
    free(s);
}

static void test_even_count(void **state) {
    (void)state;
    study_result runs[] = {run_of("fast", "a", 0, 30), run_of("fast", "b", 0, 20), run_of("fast", "c", 0, 27),
                           run_of("fast", "d", 0, 26)};
    study_results results = {runs, 4, 0};
    study_summary *s = NULL;
    int count = 0;
    assert_int_equal(study_summarise(&results, &s, &count, NULL), DIPPER_OK);
    near(s[0].median_db, 26.5);
    free(s);
}

/* Runs without a result are failures and do not disturb the figures; infinity (equal pictures) is no spread. */
static void test_without_result(void **state) {
    (void)state;
    study_result runs[] = {run_of("fast", "a", 0, (double)NAN), run_of("fast", "a", 1, 27),
                           run_of("fast", "b", 0, (double)INFINITY), run_of("fast", "b", 1, 25)};
    study_results results = {runs, 4, 0};
    study_summary *s = NULL;
    int count = 0;
    runs[0].failed = 1;
    assert_int_equal(study_summarise(&results, &s, &count, NULL), DIPPER_OK);
    assert_int_equal(s[0].runs, 4);
    assert_int_equal(s[0].failures, 1);
    near(s[0].median_db, 27);
    assert_ptr_equal(s[0].worst, &runs[3]);
    assert_true(isnan(s[0].spread_db));
    free(s);
    results.count = 1;
    assert_int_equal(study_summarise(&results, &s, &count, NULL), DIPPER_OK);
    assert_null(s[0].worst);
    assert_true(isnan(s[0].mean_db) && isnan(s[0].median_db) && isnan(s[0].largest_bytes));
    free(s);
}

static void test_groups(void **state) {
    (void)state;
    study_result runs[] = {run_of("fast", "a", 0, 30), run_of("fast", "a", 0, 31), run_of("fast", "a", 0, 32)};
    study_results results = {runs, 3, 0};
    study_summary *s = NULL;
    int count = 0;
    snprintf(runs[1].psf_told, sizeof runs[1].psf_told, "31x31");
    snprintf(runs[2].psf_told, sizeof runs[2].psf_told, "31x31");
    snprintf(runs[2].settings, sizeof runs[2].settings, "tv=0.1");
    assert_int_equal(study_summarise(&results, &s, &count, NULL), DIPPER_OK);
    assert_int_equal(count, 3);
    free(s);
    results.count = 0;
    assert_int_equal(study_summarise(&results, &s, &count, NULL), DIPPER_OK);
    assert_int_equal(count, 0);
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_even_count),
        cmocka_unit_test(test_without_result),
        cmocka_unit_test(test_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
