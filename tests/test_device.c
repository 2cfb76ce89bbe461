/* Names of devices with their options, and what is said of those that cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "backends.h"
#include "dipper/dipper.h"

static void expect_refused(const char *name, const char *text) {
    dp_backend *be;
    dp_diag diag = {0};
    assert_int_equal(dp_backend_open(name, 1, &diag, &be), DIPPER_ERROR_DEVICE);
    assert_null(be);
    if (strstr(diag.text, text) == NULL) fail_msg("%s: '%s' does not say '%s'", name, diag.text, text);
}

static void wrong_names_are_refused(void **state) {
    (void)state;
    expect_refused("abacus", "there are: auto");
    expect_refused("cpu/bf16", "takes no number and no precision");
    expect_refused("ref:1", "takes no number and no precision");
    expect_refused("cpux", "unknown device");
}

static void a_gpu_has_number_and_precision(void **state) {
    const char *names[3];
    dp_backend *be;
    (void)state;
    if (test_backends(names) < 3) skip();
    expect_refused("cuda:77", "no GPU number 77");
    expect_refused("cuda/f16", "cuda[:number]");
    expect_refused("cuda:0x", "cuda[:number]");
    assert_int_equal(dp_backend_open("cuda:0/bf16", 1, NULL, &be), DIPPER_OK);
    assert_int_equal(be->feature_size, 2);
    assert_non_null(strstr(be->detail, "bf16"));
    dp_backend_close(&be);
}

static void auto_says_why_it_took_no_gpu(void **state) {
    const int knows_gpus = strcmp(dp_backend_name(0), "cuda") == 0;
    dp_backend *be, *gpu;
    dp_diag diag = {0};
    (void)state;
    assert_int_equal(dp_backend_open("auto", 1, NULL, &be), DIPPER_OK);
    const int has_gpu = knows_gpus && dp_backend_open("cuda", 1, &diag, &gpu) == DIPPER_OK;
    assert_string_equal(be->vt->name, has_gpu ? "cuda" : "cpu");
    assert_int_equal(strncmp(be->passed_over, diag.text, sizeof be->passed_over - 1), 0);
    assert_int_equal(*be->passed_over != '\0', knows_gpus && !has_gpu);
    if (has_gpu) dp_backend_close(&gpu);
    dp_backend_close(&be);
}

static void the_reason_is_told_without_a_context(void **state) {
    dipper_context_options options;
    dipper_context *context;
    char why[100] = "";
    (void)state;
    dipper_context_options_init(&options);
    options.device = "abacus";
    options.why = why;
    options.why_size = sizeof why;
    assert_int_equal(dipper_context_create(&options, &context), DIPPER_ERROR_DEVICE);
    assert_non_null(strstr(why, "abacus"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_names_are_refused),
        cmocka_unit_test(a_gpu_has_number_and_precision),
        cmocka_unit_test(auto_says_why_it_took_no_gpu),
        cmocka_unit_test(the_reason_is_told_without_a_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
