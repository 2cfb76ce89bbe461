/* The graph's derived backward pass: central differences in double on the reference back end, and every back end
 * against it. Networks chosen so that concatenation happens both as views and by copies, with non-local blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "backends.h"
#include "base/memory.h"
#include "nn/graph_inner.h"
#include "nn/network.h"

typedef struct model {
    dp_backend *be;
    dp_params *image, *psf;
    dp_graph *g;
    void *arena;
    dp_value input, target, latent, z;
    int mse, ssim;
} model;

typedef struct config {
    int h, w, kh, kw, channels, skip, scales, nonlocal;
    bool fcn;
} config;

enum { PSF_INPUTS = 12, HIDDEN = 20 };

static void fill(dp_graph *g, dp_value v, unsigned seed) {
    const size_t n = dp_count(dp_graph_shape(g, v));
    float *x = dp_alloc(n, sizeof *x);
    for (size_t i = 0; i < n; i += 4) {
        float u[4];
        dp_philox_uniform4(dp_philox_key_make(seed, DP_STREAM_TEST), 0, i / 4, u);
        for (size_t j = i; j < i + 4 && j < n; j++) x[j] = u[j - i];
    }
    dp_graph_write(g, v, x);
    dp_free(x);
}

static model make(const char *backend, const config *c) {
    model m = {.z = -1};
    dp_diag diag = {0};
    assert_int_equal(dp_backend_open(backend, 2, &diag, &m.be), DIPPER_OK);
    assert_int_equal(dp_params_new(m.be, &diag, &m.image), DIPPER_OK);
    assert_int_equal(dp_params_new(m.be, &diag, &m.psf), DIPPER_OK);
    assert_int_equal(dp_graph_new(m.be, &diag, &m.g), DIPPER_OK);
    const dp_skip_config net = {1, c->channels, c->skip, c->scales, c->nonlocal};
    m.input = dp_graph_input(m.g, dp_feature(3, c->h + c->kh - 1, c->w + c->kw - 1));
    m.target = dp_graph_input(m.g, dp_planar(1, c->h, c->w));
    m.latent = dp_build_skip(m.g, m.image, m.input, &net);
    if (c->fcn) m.z = dp_graph_input(m.g, dp_vector(PSF_INPUTS));
    const dp_value psf = c->fcn ? dp_build_fcn_psf(m.g, m.psf, m.z, HIDDEN, c->kh, c->kw)
                                : dp_build_direct_psf(m.g, m.psf, c->kh, c->kw);
    const dp_value blurred = dp_graph_blur(m.g, m.latent, psf, c->kh, c->kw);
    m.mse = dp_graph_loss(m.g, DP_MSE, blurred, m.target, 3.0f);
    m.ssim = dp_graph_loss(m.g, DP_SSIM, blurred, m.target, 0.7f);
    (void)dp_graph_loss(m.g, DP_TV, m.latent, -1, 0.3f);
    assert_int_equal(dp_graph_compile(m.g, &diag), DIPPER_OK);
    assert_int_equal(dp_params_alloc(m.image, &diag), DIPPER_OK);
    assert_int_equal(dp_params_alloc(m.psf, &diag), DIPPER_OK);
    m.arena = m.be->vt->alloc(m.be, dp_graph_arena_bytes(m.g));
    assert_non_null(m.arena);
    dp_graph_bind(m.g, m.arena);
    assert_int_equal(dp_params_init(m.image, dp_philox_key_make(1, DP_STREAM_WEIGHTS), &diag), DIPPER_OK);
    assert_int_equal(dp_params_init(m.psf, dp_philox_key_make(2, DP_STREAM_PSF), &diag), DIPPER_OK);
    fill(m.g, m.input, 3);
    fill(m.g, m.target, 4);
    if (m.z >= 0) fill(m.g, m.z, 5);
    return m;
}

static void drop(model *m) {
    dp_graph_free(m->g);
    dp_params_free(m->image);
    dp_params_free(m->psf);
    m->be->vt->release(m->be, m->arena);
    dp_backend_close(&m->be);
}

/* A gamma of 0 (non-local blocks at the start) would hide what lies before it. */
static void wake_nonlocal(model *m) {
    for (int i = 0; i < dp_params_count(m->image); i++) {
        float gamma[64];
        char name[64];
        snprintf(name, sizeof name, "scale%d.nonlocal.norm.weight", i);
        const int p = dp_params_find(m->image, name);
        if (p < 0) continue;
        for (size_t j = 0; j < dp_params_size(m->image, p); j++) gamma[j] = 0.5f + 0.01f * (float)j;
        dp_params_write(m->image, DP_PARAM_VALUE, p, gamma);
    }
}

static double exact_loss(const model *m) { /* the reference in double keeps its scalars in host memory */
    double sum = 0;
    for (int i = 0; i < m->g->losses; i++)
        if (m->g->loss[i].on) sum += *(double *)m->g->tensor[m->g->loss[i].scalar].address;
    return sum;
}

static void check_differences(model *m, dp_params *ps, double bound) {
    for (int i = 0; i < dp_params_count(ps); i++) {
        const size_t n = dp_params_size(ps, i), at = n / 3;
        double *value = (double *)dp_params_at(ps, DP_PARAM_VALUE, i) + at;
        const double before = *value, h = 1e-6;
        dp_graph_run(m->g);
        const double gradient = ((double *)dp_params_at(ps, DP_PARAM_GRAD, i))[at];
        *value = before + h;
        dp_graph_run(m->g);
        const double above = exact_loss(m);
        *value = before - h;
        dp_graph_run(m->g);
        const double below = exact_loss(m);
        *value = before;
        const double difference = (above - below) / (2 * h);
        if (fabs(difference - gradient) > bound * (1e-2 + fabs(difference)))
            fail_msg("%s[%zu]: gradient %.9g, difference %.9g", dp_params_name(ps, i), at, gradient, difference);
    }
}

static const config configs[] = {
    {21, 18, 5, 7, 8, 16, 2, 9, true}, /* views */
    {14, 17, 3, 5, 6, 5, 3, 1, false}, /* copies, non-local blocks, odd channel counts */
    {24, 23, 7, 3, 16, 4, 2, 0, true}, /* copies where blocks hold 8 or 16 channels */
};
enum { CONFIGS = sizeof configs / sizeof *configs };

static void gradients_equal_differences(void **state) {
    (void)state;
    for (int i = 0; i < CONFIGS; i++) {
        for (int losses = 1; losses < 4; losses++) {
            model m = make("ref64", &configs[i]);
            wake_nonlocal(&m);
            dp_graph_loss_enable(m.g, m.mse, (losses & 1) != 0);
            dp_graph_loss_enable(m.g, m.ssim, (losses & 2) != 0);
            check_differences(&m, m.image, 1e-5);
            check_differences(&m, m.psf, 1e-5);
            drop(&m);
        }
    }
}

/* Largest difference of all gradients, in units of the set's largest gradient. */
static double compare(const dp_params *a, const dp_params *b) {
    double most = 0, scale = 1e-12;
    for (int i = 0; i < dp_params_count(a); i++) {
        const size_t n = dp_params_size(a, i);
        float *x = dp_alloc(n, sizeof *x), *y = dp_alloc(n, sizeof *y);
        dp_params_read(a, DP_PARAM_GRAD, i, x);
        dp_params_read(b, DP_PARAM_GRAD, i, y);
        for (size_t j = 0; j < n; j++) {
            most = fmax(most, fabs((double)x[j] - (double)y[j]));
            scale = fmax(scale, fabs((double)x[j]));
        }
        dp_free(x);
        dp_free(y);
    }
    return most / scale;
}

static void back_ends_agree(void **state) {
    const char *names[3];
    const int backends = test_backends(names);
    (void)state;
    for (int i = 0; i < CONFIGS; i++) {
        model exact = make("ref64", &configs[i]);
        wake_nonlocal(&exact);
        dp_graph_run(exact.g);
        for (int j = 0; j < backends; j++) {
            model m = make(names[j], &configs[i]);
            wake_nonlocal(&m);
            dp_graph_run(m.g);
            dp_graph_run(m.g); /* the second run finds memory used before, and is recorded where that can be */
            dp_graph_run(m.g);
            assert_true(fabs(dp_graph_loss_sum(m.g) - exact_loss(&exact)) < 1e-5);
            const double image = compare(exact.image, m.image), psf = compare(exact.psf, m.psf);
            if (image > 1e-3 || psf > 1e-3) fail_msg("%s, network %d: %g, %g", names[j], i, image, psf);
            drop(&m);
        }
        drop(&exact);
    }
}

static void perturbation_is_fresh_and_repeatable(void **state) {
    (void)state;
    model m = make("cpu", &configs[0]);
    dp_graph *g;
    dp_diag diag = {0};
    float first[24], second[24], again[24];
    assert_int_equal(dp_graph_new(m.be, &diag, &g), DIPPER_OK);
    const dp_value x = dp_graph_input(g, dp_planar(1, 4, 6));
    const dp_value y = dp_graph_perturb(g, x, dp_philox_key_make(7, DP_STREAM_PERTURB), DP_NORMAL, 0.5f);
    dp_graph_keep(g, y);
    assert_int_equal(dp_graph_compile(g, &diag), DIPPER_OK);
    void *arena = m.be->vt->alloc(m.be, dp_graph_arena_bytes(g));
    dp_graph_bind(g, arena);
    dp_graph_run(g);
    dp_graph_read(g, y, first);
    dp_graph_run(g);
    dp_graph_read(g, y, second);
    dp_graph_set_counter(g, 0);
    dp_graph_run(g);
    dp_graph_read(g, y, again);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, second, sizeof first);
    m.be->vt->release(m.be, arena);
    dp_graph_free(g);
    drop(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_equal_differences),
        cmocka_unit_test(back_ends_agree),
        cmocka_unit_test(perturbation_is_fresh_and_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
