/* The loss around the present weights: it is the loss, it changes nothing, and directions are as long as filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dipper/dipper.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE };

static dipper_solver *make(dipper_context *c, const char *perturb) {
    const char *const fields[][2] = {
        {"channels", "8"}, {"skip_channels", "4"}, {"depth", "2"}, {"iterations", "12"}, {"perturb", perturb}};
    float picture[PIXELS];
    dipper_recipe *r = NULL;
    dipper_solver *s = NULL;
    dipper_solver_options o;
    for (int i = 0; i < PIXELS; i++) picture[i] = 0.2f + 0.6f * (float)((i % SIDE > 12) != (i / SIDE > 17));
    dipper_image view = dipper_image_view(picture, SIDE, SIDE, 1);
    assert_int_equal(dipper_recipe_create(c, "simplersdb", &r), DIPPER_OK);
    for (int i = 0; i < 5; i++) assert_int_equal(dipper_recipe_set(c, r, fields[i][0], fields[i][1]), DIPPER_OK);
    dipper_solver_options_init(&o);
    o.psf_width = o.psf_height = 5;
    assert_int_equal(dipper_solver_create(c, &view, r, &o, &s), DIPPER_OK);
    dipper_recipe_destroy(&r);
    return s;
}

static dipper_context *open_context(void) {
    dipper_context_options o;
    dipper_context *c = NULL;
    dipper_context_options_init(&o);
    o.threads = 1;
    assert_int_equal(dipper_context_create(&o, &c), DIPPER_OK);
    return c;
}

/* Without perturbation, the loss at the weights before a step is what that step reports. */
static void it_is_the_loss(void **state) {
    (void)state;
    dipper_context *c = open_context();
    dipper_solver *s = make(c, "0");
    float *weights = malloc(dipper_solver_weight_count(s) * sizeof *weights);
    dipper_solver_info info = {.struct_size = sizeof info};
    double loss = 0;
    assert_non_null(weights);
    assert_int_equal(dipper_solver_get_weights(s, weights), DIPPER_OK);
    assert_int_equal(dipper_solver_loss_at(s, weights, &loss), DIPPER_ERROR_ARGUMENT); /* nothing has begun */
    dipper_context_clear(c);
    assert_int_equal(dipper_solver_step(s, 5, NULL), DIPPER_OK);
    assert_int_equal(dipper_solver_get_weights(s, weights), DIPPER_OK);
    assert_int_equal(dipper_solver_loss_at(s, weights, &loss), DIPPER_OK);
    assert_int_equal(dipper_solver_step(s, 1, NULL), DIPPER_OK);
    assert_int_equal(dipper_solver_get_info(s, &info), DIPPER_OK);
    assert_true(loss == info.loss);
    free(weights);
    dipper_solver_destroy(&s);
    dipper_context_destroy(&c);
}

static void finish(dipper_solver *s, float *image) {
    dipper_image out = dipper_image_view(image, SIDE, SIDE, 1);
    assert_int_equal(dipper_solver_step(s, 100, NULL), DIPPER_OK);
    assert_int_equal(dipper_solver_get_image(s, &out), DIPPER_OK);
}

static void looking_changes_nothing(void **state) {
    (void)state;
    float plain[PIXELS], looked[PIXELS];
    dipper_context *c = open_context();
    dipper_solver *s = make(c, "0.01");
    finish(s, plain);
    dipper_solver_destroy(&s);
    s = make(c, "0.01");
    const size_t n = dipper_solver_weight_count(s);
    float *weights = malloc(n * sizeof *weights);
    double loss, again;
    assert_non_null(weights);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(dipper_solver_step(s, 1, NULL), DIPPER_OK);
        assert_int_equal(dipper_solver_draw_direction(s, 3, weights), DIPPER_OK);
        assert_int_equal(dipper_solver_loss_at(s, weights, &loss), DIPPER_OK);
        assert_int_equal(dipper_solver_loss_at(s, weights, &again), DIPPER_OK);
        assert_true(loss == again && loss > 0);
    }
    finish(s, looked);
    assert_memory_equal(plain, looked, sizeof plain);
    free(weights);
    dipper_solver_destroy(&s);
    dipper_context_destroy(&c);
}

/* The first convolution's filters: 8 input channels, 3 x 3; wherever they lie, the whole is as long as the weights are
 * without biases and normalisations, and no two seeds are alike. */
static void directions_are_as_long_as_filters(void **state) {
    (void)state;
    dipper_context *c = open_context();
    dipper_solver *s = make(c, "0");
    const size_t n = dipper_solver_weight_count(s);
    float *w = malloc(n * sizeof *w), *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    double weights = 0, direction = 0, product = 0, other = 0;
    size_t zeros = 0;
    assert_true(w && a && b);
    assert_int_equal(dipper_solver_get_weights(s, w), DIPPER_OK);
    assert_int_equal(dipper_solver_draw_direction(s, 1, a), DIPPER_OK);
    assert_int_equal(dipper_solver_draw_direction(s, 2, b), DIPPER_OK);
    for (size_t i = 0; i < n; i++) {
        zeros += a[i] == 0 && w[i] != 0;
        if (a[i] != 0) weights += (double)w[i] * (double)w[i];
        direction += (double)a[i] * (double)a[i];
        other += (double)b[i] * (double)b[i];
        product += (double)a[i] * (double)b[i];
    }
    assert_true(fabs(direction / weights - 1) < 1e-4 && fabs(other / weights - 1) < 1e-4);
    assert_true(fabs(product) < 0.2 * direction);
    assert_true(zeros > 0 && zeros < n / 4); /* biases, normalisations */
    free(w);
    free(a);
    free(b);
    dipper_solver_destroy(&s);
    dipper_context_destroy(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_loss),
        cmocka_unit_test(looking_changes_nothing),
        cmocka_unit_test(directions_are_as_long_as_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
