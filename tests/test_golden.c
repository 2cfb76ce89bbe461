/* Against PyTorch, for the same weights and inputs (tests/golden/README.md): outputs, every gradient, and 20 steps of
 * SelfDeblur. Bounds: in double 1e-5; in float 1e-3 where the loop itself does not amplify rounding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "backends.h"
#include "golden.h"
#include "nn/graph.h"
#include "nn/network.h"

/* ---- A model with PyTorch's weights ---- */

typedef struct model {
    dp_backend *be;
    dp_params *image, *psf_params;
    dp_graph *g;
    void *arena;
    dp_value latent, psf;
    int mse, ssim;
} model;

enum { HIDDEN = 48, KH = 7, KW = 9, Z = 200 };

static void put_weights(const golden *gold, dp_params *ps) {
    for (int i = 0; i < dp_params_count(ps); i++) {
        size_t n;
        const float *w = find(gold, "", dp_params_name(ps, i), &n);
        assert_int_equal(n, dp_params_size(ps, i));
        dp_params_write(ps, DP_PARAM_VALUE, i, w);
    }
}

static void finish(model *m, dp_value input, const char *input_name, dp_value z, const golden *gold) {
    dp_diag diag = {0};
    dp_graph_keep(m->g, m->latent);
    dp_graph_keep(m->g, m->psf);
    assert_int_equal(dp_graph_compile(m->g, &diag), DIPPER_OK);
    assert_int_equal(dp_params_alloc(m->image, &diag), DIPPER_OK);
    assert_int_equal(dp_params_alloc(m->psf_params, &diag), DIPPER_OK);
    m->arena = m->be->vt->alloc(m->be, dp_graph_arena_bytes(m->g));
    assert_non_null(m->arena);
    dp_graph_bind(m->g, m->arena);
    dp_graph_write(m->g, input, find(gold, "", input_name, NULL));
    dp_graph_write(m->g, z, find(gold, "", "fcn.input", NULL));
    put_weights(gold, m->image);
    put_weights(gold, m->psf_params);
}

static model begin(const char *backend) {
    model m = {0};
    dp_diag diag = {0};
    assert_int_equal(dp_backend_open(backend, 2, &diag, &m.be), DIPPER_OK);
    assert_int_equal(dp_params_new(m.be, &diag, &m.image), DIPPER_OK);
    assert_int_equal(dp_params_new(m.be, &diag, &m.psf_params), DIPPER_OK);
    assert_int_equal(dp_graph_new(m.be, &diag, &m.g), DIPPER_OK);
    return m;
}

static void drop(model *m) {
    dp_graph_free(m->g);
    dp_params_free(m->image);
    dp_params_free(m->psf_params);
    m->be->vt->release(m->be, m->arena);
    dp_backend_close(&m->be);
}

/* ---- Comparing ---- */

static void expect_close(const char *what, const float *got, const float *want, size_t n, double bound, double floor) {
    double scale = floor, most = 0;
    for (size_t i = 0; i < n; i++) scale = fmax(scale, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)got[i] - (double)want[i]));
    if (!(most <= bound * scale)) fail_msg("%s: off by %.3g of its largest", what, most / scale);
}

static void expect_tensor(const model *m, dp_value v, const float *want, double bound) {
    const size_t n = dp_count(dp_graph_shape(m->g, v));
    float *got = dp_alloc(n, sizeof *got);
    dp_graph_read(m->g, v, got);
    expect_close("output", got, want, n, bound, 0);
    dp_free(got);
}

/* Gradients here are 1e-3 to 1e-2; those of biases before a normalisation are 0 but for rounding, 2e-7 in float. */
static const double GRADIENT_FLOOR = 1e-3;

static void expect_gradients(const golden *gold, const dp_params *ps, double bound) {
    for (int i = 0; i < dp_params_count(ps); i++) {
        const size_t n = dp_params_size(ps, i);
        float *got = dp_alloc(n, sizeof *got);
        dp_params_read(ps, DP_PARAM_GRAD, i, got);
        expect_close(dp_params_name(ps, i), got, find(gold, "grad.", dp_params_name(ps, i), NULL), n, bound,
                     GRADIENT_FLOOR);
        dp_free(got);
    }
}

static void one_pass(const char *backend, double bound) {
    golden *gold = load("network");
    model m = begin(backend);
    const dp_value x = dp_graph_input(m.g, dp_feature(8, 37, 41)), z = dp_graph_input(m.g, dp_vector(Z));
    const dp_value target = dp_graph_input(m.g, dp_planar(1, 37, 41));
    const dp_value psf_target = dp_graph_input(m.g, dp_vector(KH * KW));
    const dp_skip_config net = {1, 16, 4, 3, 2};
    m.latent = dp_build_skip(m.g, m.image, x, &net);
    m.psf = dp_build_fcn_psf(m.g, m.psf_params, z, HIDDEN, KH, KW);
    (void)dp_graph_loss(m.g, DP_MSE, m.latent, target, 1.0f);
    (void)dp_graph_loss(m.g, DP_MSE, m.psf, psf_target, 1.0f);
    finish(&m, x, "input", z, gold);
    dp_graph_write(m.g, target, find(gold, "", "target", NULL));
    dp_graph_write(m.g, psf_target, find(gold, "", "fcn.target", NULL));
    dp_graph_run(m.g);
    expect_tensor(&m, m.latent, find(gold, "", "output", NULL), bound);
    expect_tensor(&m, m.psf, find(gold, "", "fcn.output", NULL), bound);
    expect_gradients(gold, m.image, bound);
    expect_gradients(gold, m.psf_params, bound);
    drop(&m);
    unload(gold);
}

/* The first `steps` losses of a curve; lr of the picture and eps are Adam's. */
static void follow(const char *backend, const char *file, int scales, double lr, double eps, int steps, bool gradients,
                   double bound) {
    golden *gold = load(file);
    model m = begin(backend);
    const dp_value x = dp_graph_input(m.g, dp_feature(8, 54, 60)), z = dp_graph_input(m.g, dp_vector(Z));
    const dp_value target = dp_graph_input(m.g, dp_planar(1, 48, 52));
    const dp_skip_config net = {1, 16, 16, scales, 2};
    m.latent = dp_build_skip(m.g, m.image, x, &net);
    m.psf = dp_build_fcn_psf(m.g, m.psf_params, z, HIDDEN, KH, KW);
    const dp_value blurred = dp_graph_blur(m.g, m.latent, m.psf, KH, KW);
    m.mse = dp_graph_loss(m.g, DP_MSE, blurred, target, 1.0f);
    m.ssim = dp_graph_loss(m.g, DP_SSIM, blurred, target, 1.0f);
    finish(&m, x, "input", z, gold);
    dp_graph_write(m.g, target, find(gold, "", "blurred", NULL));
    const float *losses = find(gold, "", "losses", NULL);
    for (int t = 0; t < steps; t++) {
        const dp_adam_step image = {lr, 0.9, 0.999, eps, t + 1}, psf = {1e-4, 0.9, 0.999, eps, t + 1};
        dp_graph_loss_enable(m.g, m.mse, t < 10);
        dp_graph_loss_enable(m.g, m.ssim, t >= 10);
        dp_graph_run(m.g);
        if (t == 0 && gradients) expect_gradients(gold, m.image, bound);
        if (t == 0 && gradients) expect_gradients(gold, m.psf_params, bound);
        const double loss = dp_graph_loss_sum(m.g);
        if (!(fabs(loss - (double)losses[t]) <= bound * fabs((double)losses[t])))
            fail_msg("%s %s, step %d: loss %.7g, PyTorch %.7g", backend, file, t, loss, (double)losses[t]);
        dp_params_adam(m.image, &image);
        dp_params_adam(m.psf_params, &psf);
    }
    drop(&m);
    unload(gold);
}

static void network_equals_pytorch(void **state) {
    (void)state;
    const char *names[3];
    const int backends = test_backends(names);
    one_pass("ref64", 1e-5);
    for (int i = 1; i < backends; i++) one_pass(names[i], 1e-3);
}

static void curve_in_double_equals_pytorch(void **state) {
    (void)state;
    follow("ref64", "curve", 3, 1e-2, 1e-8, 20, true, 1e-5);
    follow("ref64", "smooth", 3, 5e-4, 1e-4, 20, false, 1e-5);
    follow("ref64", "deep", 5, 1e-2, 1e-8, 20, false, 1e-5);
}

/* With lr = 1e-2 and eps = 1e-8 the loop turns rounding into full steps, in PyTorch's float as well (tests/golden/
 * README.md): all 20 losses are compared for a calmer setting, the first four for SelfDeblur's own. */
static void curve_in_float_equals_pytorch(void **state) {
    const char *names[3];
    const int backends = test_backends(names);
    (void)state;
    for (int i = 0; i < backends; i++) {
        follow(names[i], "smooth", 3, 5e-4, 1e-4, 20, false, 1e-3);
        follow(names[i], "curve", 3, 1e-2, 1e-8, 4, true, 1e-3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_equals_pytorch),
        cmocka_unit_test(curve_in_double_equals_pytorch),
        cmocka_unit_test(curve_in_float_equals_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
