/* 20 steps of whole recipes against PyTorch (tests/golden/make_recipes.py): the stage as the solver runs it, with its
 * losses, weights, schedules and draws; only the networks are smaller, and their first weights PyTorch's. In double all
 * steps; in float the first ones, before the loop turns rounding into full steps (tests/golden/README.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "backends.h"
#include "base/memory.h"
#include "bid/stage.h"
#include "golden.h"

enum { STEPS = 20, H = 32, W = 34, KH = 7, KW = 9 };

typedef struct model {
    dp_backend *be;
    dp_recipe recipe;
    dp_problem problem;
    dp_params *image;
    dp_stage stage;
    void *arena;
    dp_diag diag;
} model;

static void set(model *m, const char *field, const char *value) {
    if (dp_recipe_set(&m->recipe, field, value, &m->diag) != DIPPER_OK) fail_msg("%s", m->diag.text);
}

static void make_recipe(model *m, const char *name, const char *const (*settings)[2]) {
    static const char *const small[][2] = {{"channels", "8"}, {"skip_channels", "4"}, {"depth", "2"},
                                           {"scales", "1"},   {"psf_hidden", "48"},   {"nonlocal_from", "10"},
                                           {"perturb", "0"},  {"iterations", "20"}};
    assert_int_equal(dp_recipe_init(name, &m->diag, &m->recipe), DIPPER_OK);
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) set(m, small[i][0], small[i][1]);
    for (; (*settings)[0] != NULL; settings++) set(m, (*settings)[0], (*settings)[1]);
    assert_int_equal(dp_recipe_check(&m->recipe, &m->diag), DIPPER_OK);
}

static void put_weights(const golden *gold, const char *prefix, dp_params *ps) {
    for (int i = 0; i < dp_params_count(ps); i++) {
        size_t n;
        const float *w = find(gold, prefix, dp_params_name(ps, i), &n);
        assert_int_equal(n, dp_params_size(ps, i));
        dp_params_write(ps, DP_PARAM_VALUE, i, w);
    }
}

static model begin(const char *backend, const golden *gold, const char *prefix, const char *name, int channels,
                   const char *const (*settings)[2]) {
    model m = {0};
    dipper_solver_options options = {.task = DIPPER_TASK_DEBLUR, .psf_width = KW, .psf_height = KH};
    dp_image picture = {0};
    make_recipe(&m, name, settings);
    assert_int_equal(dp_backend_open(backend, 2, &m.diag, &m.be), DIPPER_OK);
    assert_int_equal(dp_image_create(W, H, channels, &m.diag, &picture), DIPPER_OK);
    memcpy(picture.data, find(gold, prefix, "blurred", NULL), (size_t)(channels * H * W) * sizeof(float));
    if (dp_problem_open(&m.problem, &picture, &m.recipe, &options, &m.diag) != DIPPER_OK) fail_msg("%s", m.diag.text);
    dp_image_free(&picture);
    return m;
}

static void start(model *m, const golden *gold, const char *prefix) {
    const dp_seeds seeds = {0};
    assert_int_equal(dp_params_new(m->be, &m->diag, &m->image), DIPPER_OK);
    if (dp_stage_open(&m->stage, m->be, &m->recipe, 0, &m->problem, NULL, &seeds, m->image, &m->diag) != DIPPER_OK)
        fail_msg("%s", m->diag.text);
    assert_int_equal(dp_params_alloc(m->image, &m->diag), DIPPER_OK);
    m->arena = m->be->vt->alloc(m->be, dp_graph_arena_bytes(m->stage.graph));
    assert_non_null(m->arena);
    assert_int_equal(dp_stage_begin(&m->stage, &m->recipe, m->arena, NULL, NULL, &m->diag), DIPPER_OK);
    put_weights(gold, prefix, m->image);
    put_weights(gold, prefix, m->stage.psf.params);
    if (m->recipe.input == DP_INPUT_NOISE)
        dp_graph_write(m->stage.graph, m->stage.input, find(gold, prefix, "input", NULL));
    if (m->stage.psf.z >= 0) dp_graph_write(m->stage.graph, m->stage.psf.z, find(gold, prefix, "fcn.input", NULL));
}

static void drop(model *m) {
    dp_stage_close(&m->stage);
    dp_params_free(m->image);
    dp_problem_close(&m->problem);
    m->be->vt->release(m->be, m->arena);
    dp_backend_close(&m->be);
}

/* What the solver does between iterations: Adam's moments begin afresh after pre-training, the PSF is centred. */
static void between(model *m, dp_turn *turn) {
    float scratch[2 * KH * KW];
    turn->t++;
    turn->image_t++;
    turn->psf_t++;
    if (m->recipe.centre_every > 0) dp_psf_net_centre(&m->stage.psf, scratch);
    if (turn->t != 0) return;
    dp_params_reset_moments(m->image);
    dp_params_reset_moments(m->stage.psf.params);
    turn->image_t = turn->psf_t = 0;
}

/* Runs begun ahead must be made again after this, with the same draws: they are begun in between with another weight.
 */
static void change_and_restore(model *m) {
    const size_t n = dp_params_size(m->image, 0);
    float *weights = dp_alloc(2 * n, sizeof *weights);
    dp_params_read(m->image, DP_PARAM_VALUE, 0, weights);
    for (size_t i = 0; i < n; i++) weights[n + i] = weights[i] + 1;
    dp_params_write(m->image, DP_PARAM_VALUE, 0, weights + n);
    const long t = m->stage.ahead.t;
    if (m->stage.ahead.begun) {
        dp_graph_set_counter(m->stage.graph, m->stage.ahead.counter);
        dp_stage_go_ahead(&m->stage, &m->recipe, m->image, t);
    }
    dp_params_write(m->image, DP_PARAM_VALUE, 0, weights);
    dp_free(weights);
}

static void follow(const char *backend, const char *name, int channels, const char *const (*settings)[2], int steps,
                   double bound) {
    char prefix[40];
    golden *gold = load("recipes");
    snprintf(prefix, sizeof prefix, "%s/", name);
    model m = begin(backend, gold, prefix, name, channels, settings);
    start(&m, gold, prefix);
    const int pretrain = m.recipe.pretrain;
    const float *losses = find(gold, prefix, "losses", NULL);
    dp_turn turn = {.t = -pretrain, .rate = 1};
    for (int i = 0; i < steps; i++) {
        bool skipped;
        const double loss = dp_stage_iterate(&m.stage, &m.recipe, m.image, &turn, &skipped);
        assert_false(skipped);
        if (!(fabs(loss - (double)losses[i]) <= bound * fabs((double)losses[i])))
            fail_msg("%s %s, step %d: loss %.8g, PyTorch %.8g", backend, name, i - pretrain, loss, (double)losses[i]);
        assert_int_equal(dp_graph_counter(m.stage.graph),
                         (uint64_t)i + 1); /* each iteration one draw, made again or not */
        if (m.recipe.centre_every == 0) dp_stage_go_ahead(&m.stage, &m.recipe, m.image, turn.t + 1);
        if (i == 1) change_and_restore(&m);
        between(&m, &turn);
    }
    drop(&m);
    unload(gold);
}

static const char *const nothing[][2] = {{NULL, NULL}};
static const char *const short_pretraining[][2] = {{"pretrain", "5"}, {NULL, NULL}};

static void follow_in_float(const char *name, int channels, const char *const (*settings)[2]) {
    const char *names[3];
    const int backends = test_backends(names);
    for (int i = 1; i < backends; i++) follow(names[i], name, channels, settings, 4, 1e-3);
}

static void vdip_equals_pytorch(void **state) {
    (void)state;
    follow("ref64", "vdip-sparse", 3, short_pretraining, 5 + STEPS, 1e-5);
    follow_in_float("vdip-sparse", 3, short_pretraining);
}

static void wdip_equals_pytorch(void **state) {
    (void)state;
    follow("ref64", "wdip", 1, nothing, STEPS, 1e-5);
    follow_in_float("wdip", 1, nothing);
}

static void siren_equals_pytorch(void **state) {
    (void)state;
    follow("ref64", "deblur-inr", 1, nothing, STEPS, 1e-5);
    follow_in_float("deblur-inr", 1, nothing);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vdip_equals_pytorch),
        cmocka_unit_test(wdip_equals_pytorch),
        cmocka_unit_test(siren_equals_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
