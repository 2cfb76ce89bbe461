/* Solver creation, scoring and analysis with the n-th allocation failing, for every n: the right status, and (under
 * AddressSanitizer) no leak. The library allocates through aligned_alloc alone, which this program replaces. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dipper/dipper.h"

static long countdown = -1; /* allocations until one fails; negative: never */

void *aligned_alloc(size_t alignment, size_t size) {
    void *p = NULL;
    if (countdown >= 0 && countdown-- == 0) return NULL;
    return posix_memalign(&p, alignment, size) == 0 ? p : NULL;
}

static dipper_status create_and_destroy(const char *method, long fail_at) {
    float p[24 * 20];
    dipper_context *c = NULL;
    dipper_recipe *r = NULL;
    dipper_solver *s = NULL;
    for (int i = 0; i < 24 * 20; i++) p[i] = (float)(i % 7) * 0.1f;
    dipper_image view = dipper_image_view(p, 24, 20, 1);
    dipper_solver_options o;
    dipper_solver_options_init(&o);
    o.psf_width = o.psf_height = 5;
    countdown = fail_at;
    dipper_status status = dipper_context_create(NULL, &c);
    if (status == DIPPER_OK) status = dipper_recipe_create(c, method, &r);
    if (status == DIPPER_OK) status = dipper_recipe_set(c, r, "channels", "8");
    if (status == DIPPER_OK) status = dipper_solver_create(c, &view, r, &o, &s);
    countdown = -1;
    assert_true(status == DIPPER_OK || s == NULL);
    dipper_solver_destroy(&s);
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
    return status;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    static const char *const methods[] = {"fast", "selfdeblur", "vdip-extreme", "wdip", "deblur-inr"};
    for (int m = 0; m < 4; m++) {
        long n = 0;
        dipper_status status;
        while ((status = create_and_destroy(methods[m], n)) != DIPPER_OK) {
            assert_int_equal(status, DIPPER_ERROR_MEMORY);
            assert_true(++n < 100000);
        }
        assert_true(n > 20); /* the failure really was injected */
    }
}

/* All measures of a picture in colour, as large as the protocol lai reduces it before SSIM. */
static dipper_status score(float *p, long fail_at) {
    enum { W = 420, H = 416 };
    const float psf[9] = {0, 0, 0, 0.5F, 0.5F, 0, 0, 0, 0};
    dipper_context *c = NULL;
    dipper_image view = dipper_image_view(p, W, H, 3);
    dipper_score_options o;
    dipper_score found = {.struct_size = sizeof found};
    dipper_quality quality = {.struct_size = sizeof quality};
    dipper_score_options_init(&o);
    o.protocol = "lai";
    o.blurred = o.oracle = &view;
    countdown = fail_at;
    dipper_status status = dipper_context_create(NULL, &c);
    if (status == DIPPER_OK) status = dipper_score_result(c, &view, &view, &o, &found);
    if (status == DIPPER_OK) status = dipper_quality_measure(c, &view, &view, psf, 3, 3, &quality);
    countdown = -1;
    dipper_context_destroy(&c);
    return status;
}

static void every_allocation_of_a_score_may_fail(void **state) {
    (void)state;
    float *p = calloc(420 * 416 * 3, sizeof *p);
    assert_non_null(p);
    long n = 0;
    dipper_status status;
    while ((status = score(p, n)) != DIPPER_OK) {
        assert_int_equal(status, DIPPER_ERROR_MEMORY);
        assert_true(++n < 1000);
    }
    assert_true(n > 20);
    free(p);
}

static dipper_status analyse(float *p, dipper_noise_method method, long fail_at) {
    dipper_context *c = NULL;
    dipper_image view = dipper_image_view(p, 80, 80, 3);
    dipper_noise_level level = {.struct_size = sizeof level};
    dipper_gradient_prior prior = {.struct_size = sizeof prior};
    dipper_region region = {.struct_size = sizeof region};
    countdown = fail_at;
    dipper_status status = dipper_context_create(NULL, &c);
    if (status == DIPPER_OK) status = dipper_noise_estimate(c, &view, method, &level);
    if (status == DIPPER_OK) status = dipper_gradients_fit(c, &view, &prior, NULL);
    if (status == DIPPER_OK) status = dipper_region_choose(c, &view, 40, 40, 5, 5, &region);
    countdown = -1;
    dipper_context_destroy(&c);
    return status;
}

static void every_allocation_of_an_analysis_may_fail(void **state) {
    (void)state;
    static float p[80 * 80 * 3];
    for (int i = 0; i < 80 * 80 * 3; i++) p[i] = (float)(i % 11 + i / 8 % 8) * 0.05f;
    for (int method = DIPPER_NOISE_AUTO; method <= DIPPER_NOISE_BY_PATCHES; method++) {
        long n = 0;
        dipper_status status;
        while ((status = analyse(p, (dipper_noise_method)method, n)) != DIPPER_OK) {
            assert_int_equal(status, DIPPER_ERROR_MEMORY);
            assert_true(++n < 1000);
        }
        assert_true(n > 5);
    }
}

static dipper_status judge(float *p, int second_opinions, long fail_at) {
    const float psf[9] = {0, 0, 0, 0.5F, 0.5F, 0, 0, 0, 0};
    dipper_context *c = NULL;
    dipper_image view = dipper_image_view(p, 100, 100, 3);
    dipper_verdict_options o;
    dipper_verdict found = {.struct_size = sizeof found};
    dipper_context_options one;
    dipper_context_options_init(&one);
    one.threads = 1;
    dipper_verdict_options_init(&o);
    o.second_opinions = second_opinions;
    countdown = fail_at;
    dipper_status status = dipper_context_create(&one, &c);
    if (status == DIPPER_OK) status = dipper_verdict_judge(c, &view, &view, psf, 3, 3, &o, &found);
    countdown = -1;
    assert_true(status != DIPPER_OK || found.level != DIPPER_VERDICT_NONE);
    dipper_context_destroy(&c);
    return status;
}

/* Second opinions make thousands: some of them. */
static void every_allocation_of_a_verdict_may_fail(void **state) {
    (void)state;
    static float p[100 * 100 * 3];
    for (int i = 0; i < 100 * 100 * 3; i++) p[i] = (float)(i % 100 / 9 * 7 % 11 + i / 1300 % 5) * 0.05f;
    for (int opinions = 0; opinions < 2; opinions++) {
        long n = 0;
        dipper_status status;
        while ((status = judge(p, opinions, n)) != DIPPER_OK) {
            assert_int_equal(status, DIPPER_ERROR_MEMORY);
            n += opinions ? 211 : 1;
            assert_true(n < 100000);
        }
        assert_true(n > 20);
    }
}

#if defined(DP_WITH_FFTW)
static dipper_status estimate(const dipper_estimate_method *method, long fail_at) {
    float p[24 * 20], psf[25];
    dipper_context *c = NULL;
    dipper_estimate_options o;
    double settings[DIPPER_ESTIMATE_SETTINGS_MAX];
    for (int i = 0; i < DIPPER_ESTIMATE_SETTINGS_MAX; i++) settings[i] = NAN;
    for (int i = 0; i < method->setting_count; i++)
        if (strcmp(method->settings[i].name, "iterations") == 0) settings[i] = 1;
    for (int i = 0; i < 24 * 20; i++) p[i] = (float)(i * 29 % 31) / 31;
    dipper_image view = dipper_image_view(p, 24, 20, 1);
    dipper_estimate_options_init(&o);
    o.method = method->name;
    o.psf_width = o.psf_height = 5;
    o.noise_sigma = 0;
    o.settings = settings;
    countdown = fail_at;
    dipper_status status = dipper_context_create(NULL, &c);
    if (status == DIPPER_OK) status = dipper_estimate_psf(c, &view, &o, psf);
    countdown = -1;
    dipper_context_destroy(&c);
    return status;
}

static void every_allocation_of_an_estimate_may_fail(void **state) {
    (void)state;
    dipper_estimate_method m;
    for (int i = 0; dipper_estimate_method_at(i, &m) == DIPPER_OK; i++) {
        long n = 0;
        dipper_status status;
        while ((status = estimate(&m, n)) != DIPPER_OK) {
            assert_int_equal(status, DIPPER_ERROR_MEMORY);
            assert_true(++n < 10000);
        }
        assert_true(n > 20);
    }
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_allocation_of_a_score_may_fail),
        cmocka_unit_test(every_allocation_of_an_analysis_may_fail),
        cmocka_unit_test(every_allocation_of_a_verdict_may_fail),
#if defined(DP_WITH_FFTW)
        cmocka_unit_test(every_allocation_of_an_estimate_may_fail),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
