/* What the CUDA back end asks of cuDNN, without a GPU: cuDNN plans for one that is described to it (an H200). Prints
 * how long the plans of a recipe take, on one thread and on two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cuda/dnn.h"
#include "base/clock.h"
#include "bid/stage.h"

static const char h200[] =
    "{\"deviceName\":\"NVIDIA H200\",\"cudaDeviceId\":0,\"deviceVer\":900,\"driverVer\":13000,\"pciDeviceId\":0,"
    "\"isTccDriver\":0,\"supportCoopLaunch\":1,\"multiProcessorCount\":132,\"warpSize\":32,\"maxThreadsPerBlock\":1024,"
    "\"maxThreadsPerSM\":2048,\"maxCtasPerSM\":32,\"maxBlockSize\":[1024,1024,64],"
    "\"maxGridSize\":[2147483647,65535,65535],\"regsPerBlock\":65536,\"maxRegistersPerSM\":65536,"
    "\"maxSharedMemoryPerBlock\":49152,\"maxSharedMemoryPerBlockOptin\":232448,\"reservedSharedMemoryPerBlock\":1024,"
    "\"totalGlobalMem\":150754820096,\"l2CacheSize\":62914560,\"smClockRateKHz\":1980000,\"memClockRateKHz\":3201000}";

static void must(dipper_status status) {
    assert_int_equal(status, DIPPER_OK);
}

/* ---- The ops of a recipe's networks, at all its scales ---- */

enum { MOST_OPS = 2000 };

typedef struct heard {
    dp_op op[MOST_OPS];
    const dp_op *at[MOST_OPS];
    int n;
} heard;

static heard *listener;

static void listen(dp_backend *be, int n, const dp_op *const *ops) {
    (void)be;
    for (int i = 0; i < n && listener->n < MOST_OPS; i++) {
        listener->op[listener->n] = *ops[i];
        listener->at[listener->n] = &listener->op[listener->n];
        listener->n++;
    }
}

static void hear(const char *name, int side, int psf, heard *out) {
    enum { MOST_SCALES = 8 };
    dp_diag diag = {0};
    dp_recipe recipe;
    dp_backend *be = NULL;
    dp_params *params = NULL;
    dp_problem problem = {0};
    dp_image picture = {0};
    dp_stage stage[MOST_SCALES];
    const dp_seeds seeds = {0};
    const dipper_solver_options options = {.struct_size = sizeof options, .psf_width = psf, .psf_height = psf};
    must(dp_recipe_init(name, &diag, &recipe));
    must(dp_image_create(side, side, 1, &diag, &picture));
    for (int i = 0; i < side * side; i++) picture.data[i] = (float)(i % 7) / 7;
    must(dp_backend_open("ref", 1, &diag, &be));
    const dp_backend_vtable *own = be->vt;
    dp_backend_vtable listening = *own;
    listening.expect = listen;
    be->vt = &listening;
    listener = out;
    out->n = 0;
    must(dp_params_new(be, &diag, &params));
    must(dp_problem_open(&problem, &picture, &recipe, &options, &diag));
    assert_true(recipe.scales.count <= MOST_SCALES);
    for (int i = 0; i < recipe.scales.count; i++)
        must(dp_stage_open(&stage[i], be, &recipe, i, &problem, i > 0 ? &stage[0] : NULL, &seeds, params, &diag));
    for (int i = recipe.scales.count - 1; i >= 0; i--) dp_stage_close(&stage[i]);
    dp_problem_close(&problem);
    dp_params_free(params);
    be->vt = own;
    dp_backend_close(&be);
    dp_image_free(&picture);
    assert_true(out->n > 0 && out->n < MOST_OPS);
}

/* ---- Planning them ---- */

static const dp_cuda_kernel *kernel_of(const dp_op *op) {
    return op->kind == DP_CONV_FWD           ? &dp_cuda_conv_fwd
           : op->kind == DP_CONV_BWD_DATA    ? &dp_cuda_conv_bwd_data
           : op->kind == DP_CONV_BWD_WEIGHTS ? &dp_cuda_conv_bwd_weights
                                             : NULL;
}

static void open_described(dp_cuda *gpu, dp_cuda_precision precision, int threads) {
    *gpu = (dp_cuda){.precision = precision, .processors = 132};
    gpu->base = (dp_backend){.vt = &dp_backend_cuda, .threads = threads, .block = 1, .border = 1};
    gpu->base.element_size = sizeof(float);
    gpu->base.feature_size = precision == DP_CUDA_BF16 ? 2 : sizeof(float);
    must(dp_cuda_dnn_describe(gpu, h200, NULL));
}

static void close_described(dp_cuda *gpu) {
    dp_cuda_conv_forget(gpu);
    dp_cuda_dnn_close(gpu);
}

/* Plans all; the workspaces' sizes go to bytes[ops->n]. Returns the seconds it took. */
static double plan_all(const heard *ops, dp_cuda_precision precision, int threads, size_t *bytes) {
    dp_cuda gpu;
    open_described(&gpu, precision, threads);
    const double begun = dp_seconds();
    dp_cuda_conv_expect(&gpu.base, ops->n, ops->at);
    assert_non_null(gpu.known);
    const struct dp_cuda_known *last = gpu.known;
    for (int i = 0; i < ops->n; i++) {
        const dp_cuda_kernel *kernel = kernel_of(ops->at[i]);
        dp_cuda_plan plan = {.op = *ops->at[i], .be = &gpu};
        dp_diag diag = {0};
        bytes[i] = 0;
        if (kernel == NULL) continue;
        if (kernel->prepare(&plan, &diag, &bytes[i]) != DIPPER_OK) fail_msg("%s", diag.text);
        kernel->drop(&plan);
    }
    const double seconds = dp_seconds() - begun;
    assert_ptr_equal(gpu.known, last); /* all of them had been expected */
    close_described(&gpu);
    return seconds;
}

static void check_recipe(const char *name, int side, int psf) {
    static const char *const precision_names[] = {"f32", "tf32", "bf16"};
    const size_t most = (size_t)1 << 30;
    heard *ops = malloc(sizeof *ops);
    size_t *one = calloc(MOST_OPS, sizeof *one), *two = calloc(MOST_OPS, sizeof *two);
    assert_non_null(ops);
    assert_non_null(one);
    assert_non_null(two);
    hear(name, side, psf, ops);
    for (int p = DP_CUDA_F32; p <= DP_CUDA_BF16; p++) {
        const double seconds_one = plan_all(ops, (dp_cuda_precision)p, 1, one);
        const double seconds_two = plan_all(ops, (dp_cuda_precision)p, 2, two);
        for (int i = 0; i < ops->n; i++) {
            assert_int_equal(one[i], two[i]);
            assert_true(one[i] < most);
        }
        print_message("PLANS %s %d %s %.3f %.3f\n", name, side, precision_names[p], seconds_one, seconds_two);
    }
    free(ops);
    free(one);
    free(two);
}

static void test_the_recipes_have_plans(void **state) {
    static const char *const names[] = {"fast", "selfdeblur", "simplersdb", "vdip-sparse", "wdip", "deblur-inr"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) check_recipe(names[i], 255, 17);
}

static void test_a_large_picture_has_plans(void **state) {
    (void)state;
    check_recipe("fast", 801, 75);
}

static void test_what_cannot_be_planned_is_named(void **state) {
    (void)state;
    dp_cuda gpu;
    dp_diag diag = {0};
    void *plan = NULL;
    open_described(&gpu, DP_CUDA_TF32, 1);
    const dp_cuda_conv nothing = {.kind = DP_CONV_FWD,
                                  .c = 8,
                                  .h = 10,
                                  .w = 10,
                                  .o = 0,
                                  .oh = 10,
                                  .ow = 10,
                                  .k = 3,
                                  .stride = 1,
                                  .pad = 1,
                                  .precision = DP_CUDA_TF32};
    assert_int_equal(dp_cuda_dnn_begin(&gpu, &nothing, &diag, &plan), DIPPER_ERROR_DEVICE);
    assert_null(plan);
    assert_non_null(strstr(diag.text, "8 x 10 x 10"));
    close_described(&gpu);
}

static void test_a_description_is_checked(void **state) {
    (void)state;
    dp_cuda gpu = {.precision = DP_CUDA_TF32};
    dp_diag diag = {0};
    assert_int_equal(dp_cuda_dnn_describe(&gpu, "{}", &diag), DIPPER_ERROR_DEVICE);
    assert_non_null(strstr(diag.text, "cuDNN"));
    dp_cuda_dnn_close(&gpu);
}

int main(void) {
    enum { SKIPPED = 77 };
    int major = 0, minor = 0;
    char version[32];
    dp_cuda_dnn_version(version);
    if (sscanf(version, "cuDNN %d.%d", &major, &minor) != 2 || (major == 9 && minor < 11)) {
        print_message("skipped: %s reads no descriptions of GPUs\n", version);
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_recipes_have_plans),
        cmocka_unit_test(test_a_large_picture_has_plans),
        cmocka_unit_test(test_what_cannot_be_planned_is_named),
        cmocka_unit_test(test_a_description_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
