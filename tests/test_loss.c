/* Losses of a graph: any set may be on, on any values, with weights that change between runs. Gradients against central
 * differences in double on the reference back end, every back end against it; what no loss that is on depends on has
 * the gradient 0 even where it had another before. The graph has the parts of VDIP and W-DIP: a mean and a deviation as
 * slices of one output, a sample of both, a PSF that is a SIREN and another one of free logits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "backends.h"
#include "base/memory.h"
#include "nn/graph_inner.h"

enum { H = 10, W = 8, KH = 3, KW = 5, HX = H + KH - 1, WX = W + KW - 1, UNITS = 6, LOSSES = 14, SETS = 160 };

typedef struct model {
    dp_backend *be;
    dp_params *ps;
    dp_graph *g;
    void *arena;
    dp_value input, coordinates, target, mask, small, fixed;
} model;

static void write_uniform(dp_graph *g, dp_value v, unsigned seed) {
    const size_t n = dp_count(dp_graph_shape(g, v));
    float *x = dp_alloc(n + 3, sizeof *x);
    for (size_t i = 0; i < n; i += 4) dp_philox_uniform4(dp_philox_key_make(seed, DP_STREAM_TEST), 0, i / 4, x + i);
    dp_graph_write(g, v, x);
    dp_free(x);
}

static dp_value conv(model *m, const char *weight, const char *bias, dp_value x, int c_out, dp_layout out) {
    const size_t c_in = (size_t)dp_graph_shape(m->g, x).c;
    const dp_value w = dp_graph_param(m->g, m->ps, weight, dp_vector((int)c_in * c_out), (dp_init){.bound = 0.5f});
    const dp_value b = dp_graph_param(m->g, m->ps, bias, dp_vector(c_out), (dp_init){.bound = 0.5f});
    return dp_graph_conv(m->g, x, w, b, c_out, 1, 1, out);
}

static void build(model *m) {
    dp_graph *g = m->g;
    m->input = dp_graph_input(g, dp_feature(3, HX, WX));
    m->coordinates = dp_graph_input(g, dp_feature(2, KH, KW));
    m->target = dp_graph_input(g, dp_planar(1, H, W));
    m->mask = dp_graph_input(g, dp_planar(1, HX, WX));
    m->small = dp_graph_input(g, dp_planar(1, HX / 2, WX / 2));
    m->fixed = dp_graph_input(g, dp_vector(KH * KW));
    const dp_value both = dp_graph_act(g, conv(m, "w", "b", m->input, 2, DP_PLANAR), DP_SIGMOID);
    const dp_value mean = dp_graph_slice(g, both, 0, 1), deviation = dp_graph_slice(g, both, 1, 1);
    const dp_value noise = dp_graph_noise(g, dp_planar(1, HX, WX), dp_philox_key_make(1, DP_STREAM_SAMPLE), DP_NORMAL);
    const dp_value sample = dp_graph_muladd(g, mean, noise, deviation);
    const dp_value unit = dp_graph_sine(g, conv(m, "w1", "b1", m->coordinates, UNITS, DP_FEATURE), 3);
    const dp_value psf = dp_graph_softmax(g, conv(m, "w2", "b2", unit, 1, DP_PLANAR));
    const dp_value logits = dp_graph_param(g, m->ps, "logits", dp_vector(KH * KW), (dp_init){.bound = 1});
    const dp_value other = dp_graph_softmax(g, logits);
    (void)dp_graph_loss(g, DP_MSE, dp_graph_blur(g, sample, psf, KH, KW), m->target, 0.5f);
    (void)dp_graph_loss(g, DP_SSIM, dp_graph_blur(g, mean, psf, KH, KW), m->target, 1.5f);
    (void)dp_graph_loss(g, DP_TV, mean, -1, 0.1f);
    (void)dp_graph_loss_mse(g, mean, -1, 0.1f, m->mask, 1.0f);
    (void)dp_graph_loss_mse(g, deviation, -1, 0, -1, -2.0f);
    (void)dp_graph_loss_mse(g, psf, other, 0, -1, 30.0f);
    (void)dp_graph_loss_mse(g, logits, -1, 0.3f, -1, 0.2f);
    (void)dp_graph_loss(g, DP_DERIVATIVES, dp_graph_blur(g, sample, other, KH, KW), m->target, 1.0f);
    (void)dp_graph_loss(g, DP_MEAN_LOG, deviation, -1, -0.1f);
    (void)dp_graph_loss_sparse(g, mean, deviation, 0.1f);
    (void)dp_graph_loss_extreme(g, mean, deviation, noise, 0.1f);
    (void)dp_graph_loss(g, DP_MSE, dp_graph_downsample(g, mean, 2, 2), m->small, 1.0f);
    (void)dp_graph_loss(g, DP_MSE, mean, dp_graph_wiener(g, m->target, m->fixed, KH, KW, 0.025f), 1.0f);
    (void)dp_graph_loss(g, DP_MSE, mean, dp_graph_wiener(g, m->target, other, KH, KW, 0.025f), 1.0f);
}

static model make(const char *backend) {
    model m = {0};
    dp_diag diag = {0};
    assert_int_equal(dp_backend_open(backend, 2, &diag, &m.be), DIPPER_OK);
    assert_int_equal(dp_params_new(m.be, &diag, &m.ps), DIPPER_OK);
    assert_int_equal(dp_graph_new(m.be, &diag, &m.g), DIPPER_OK);
    build(&m);
    if (dp_graph_compile(m.g, &diag) != DIPPER_OK) fail_msg("%s", diag.text);
    assert_int_equal(dp_params_alloc(m.ps, &diag), DIPPER_OK);
    m.arena = m.be->vt->alloc(m.be, dp_graph_arena_bytes(m.g));
    dp_graph_bind(m.g, m.arena);
    assert_int_equal(dp_params_init(m.ps, dp_philox_key_make(1, DP_STREAM_WEIGHTS), &diag), DIPPER_OK);
    write_uniform(m.g, m.input, 3);
    write_uniform(m.g, m.coordinates, 4);
    write_uniform(m.g, m.target, 5);
    write_uniform(m.g, m.mask, 6);
    write_uniform(m.g, m.small, 7);
    write_uniform(m.g, m.fixed, 8);
    return m;
}

static void drop(model *m) {
    dp_graph_free(m->g);
    dp_params_free(m->ps);
    m->be->vt->release(m->be, m->arena);
    dp_backend_close(&m->be);
}

static void run(model *m) { /* always with the same sample */
    dp_graph_set_counter(m->g, 7);
    dp_graph_run(m->g);
}

static double exact_loss(model *m) {
    double sum = 0;
    run(m);
    for (int i = 0; i < m->g->losses; i++)
        if (m->g->loss[i].on) sum += *(double *)m->g->tensor[m->g->loss[i].scalar].address;
    return sum;
}

static void enable(model *m, unsigned set) {
    for (int i = 0; i < LOSSES; i++) dp_graph_loss_enable(m->g, i, (set >> i & 1) != 0);
}

static void check_differences(model *m, unsigned set) {
    for (int p = 0; p < dp_params_count(m->ps); p++) {
        const size_t at = dp_params_size(m->ps, p) / 2;
        double *value = (double *)dp_params_at(m->ps, DP_PARAM_VALUE, p) + at;
        const double before = *value, h = 1e-5;
        run(m);
        const double gradient = ((double *)dp_params_at(m->ps, DP_PARAM_GRAD, p))[at];
        *value = before + h;
        const double above = exact_loss(m);
        *value = before - h;
        const double below = exact_loss(m);
        *value = before;
        const double difference = (above - below) / (2 * h);
        if (fabs(difference - gradient) > 1e-8 + 1e-5 * fabs(difference))
            fail_msg("losses %#x, %s[%zu]: gradient %.9g, difference %.9g", set, dp_params_name(m->ps, p), at, gradient,
                     difference);
    }
}

static void any_set_has_its_gradient(void **state) {
    (void)state;
    model m = make("ref64");
    for (unsigned i = 0; i < SETS; i++) {
        const unsigned set = i * 853u % (1u << LOSSES); /* neighbours in this order have little in common */
        enable(&m, set);
        check_differences(&m, set);
    }
    drop(&m);
}

static void weights_change_between_runs(void **state) {
    (void)state;
    model m = make("ref64");
    enable(&m, 1u << 5 | 1u << 6);
    const double before = exact_loss(&m), value = dp_graph_loss_value(m.g, 5);
    dp_graph_loss_weight(m.g, 5, -15);
    assert_true(fabs(exact_loss(&m) - (before - 1.5 * value)) < 1e-6);
    check_differences(&m, 1u << 5 | 1u << 6);
    drop(&m);
}

/* Gradients of the two back ends, in units of the largest of each parameter. */
static void compare(const model *exact, const model *m, unsigned set, const char *name) {
    for (int p = 0; p < dp_params_count(m->ps); p++) {
        float want[64], got[64], scale = 1e-4f; /* the SIREN's last bias has none */
        const size_t n = dp_params_size(m->ps, p);
        assert_true(n <= 64);
        dp_params_read(exact->ps, DP_PARAM_GRAD, p, want);
        dp_params_read(m->ps, DP_PARAM_GRAD, p, got);
        for (size_t i = 0; i < n; i++) scale = fmaxf(scale, fabsf(want[i]));
        for (size_t i = 0; i < n; i++)
            if (!(fabsf(want[i] - got[i]) <= 1e-3f * scale))
                fail_msg("%s, losses %#x, %s[%zu]: %g, exactly %g", name, set, dp_params_name(m->ps, p), i,
                         (double)got[i], (double)want[i]);
    }
}

static void back_ends_agree(void **state) {
    const char *names[3];
    const int backends = test_backends(names);
    (void)state;
    model exact = make("ref64");
    for (int b = 0; b < backends; b++) {
        model m = make(names[b]);
        for (unsigned i = 0; i < SETS; i += 3) {
            const unsigned set = i * 853u % (1u << LOSSES);
            enable(&exact, set);
            enable(&m, set);
            const double want = exact_loss(&exact);
            run(&m);
            run(&m);
            run(&m);
            assert_true(fabs(dp_graph_loss_sum(m.g) - want) < 1e-5);
            compare(&exact, &m, set, names[b]);
        }
        drop(&m);
    }
    drop(&exact);
}

static void only_what_is_needed_runs(void **state) {
    (void)state;
    model m = make("ref64");
    enable(&m, 1u << 2); /* TV of the mean: no sample, no PSF, no blur */
    run(&m);
    for (int i = 0; i < dp_graph_step_count(m.g); i++) {
        const dp_op_kind kind = dp_graph_step_op(m.g, i)->kind;
        if (kind == DP_BLUR_FWD || kind == DP_BLUR_BWD || kind == DP_RANDOM || kind == DP_SOFTMAX_FWD)
            assert_false(dp_graph_step_on(m.g, i));
        if (kind == DP_TV || kind == DP_CONV_BWD_WEIGHTS)
            assert_true(dp_graph_step_on(m.g, i) == (kind == DP_TV || dp_graph_step_op(m.g, i)->x.c == 3));
    }
    drop(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_set_has_its_gradient),
        cmocka_unit_test(weights_change_between_runs),
        cmocka_unit_test(back_ends_agree),
        cmocka_unit_test(only_what_is_needed_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
