/* Broken results: the rules, and runs that are broken on purpose by learning rates no one would choose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "bid/watch.h"
#include "dipper/dipper.h"

enum { SIDE = 40, PIXELS = SIDE * SIDE, PSF = 9 };

/* ---- The rules ---- */

static void rules_see_what_is_broken(void **state) {
    (void)state;
    float given[4] = {0, 1, 0.2f, 0.7f}, fine[4] = {0.4f, 0.5f, 0.6f, 0.5f}, black[4] = {0}, nan[4] = {NAN, 0, 1, 0};
    float spread[5] = {0.3f, 0.2f, 0.2f, 0.2f, 0.1f}, delta[5] = {0, 0, 0.99f, 0.01f, 0}, flat[5],
          shape[5] = {0.7f, 0.3f};
    dp_watch w;
    for (int i = 0; i < 5; i++) flat[i] = 0.2f;
    dp_watch_begin(&w, given, 4, flat, 5);
    assert_int_equal(dp_watch_look(&w, fine, 4, flat, 5), DP_TROUBLE_NONE); /* it never had a shape */
    assert_int_equal(dp_watch_look(&w, fine, 4, spread, 5), DP_TROUBLE_NONE);
    assert_int_equal(dp_watch_look(&w, black, 4, spread, 5), DP_TROUBLE_CONSTANT);
    assert_int_equal(dp_watch_look(&w, nan, 4, spread, 5), DP_TROUBLE_CONSTANT);
    assert_int_equal(dp_watch_look(&w, fine, 4, delta, 5), DP_TROUBLE_DELTA);
    assert_int_equal(dp_watch_look(&w, fine, 4, shape, 5), DP_TROUBLE_NONE);
    assert_int_equal(dp_watch_look(&w, fine, 4, flat, 5), DP_TROUBLE_FLAT);
    dp_watch_begin(&w, given, 4, shape, 5); /* sharp from the start, so one pixel may be right */
    assert_int_equal(dp_watch_look(&w, fine, 4, delta, 5), DP_TROUBLE_NONE);
    dp_watch_begin(&w, given, 4, delta, 1); /* no PSF is looked for */
    assert_int_equal(dp_watch_look(&w, fine, 4, delta + 2, 1), DP_TROUBLE_NONE);
    for (int i = 0; i <= DP_TROUBLE_FLAT; i++) assert_true((i == 0) == (dp_trouble_text((dp_trouble)i)[0] == '\0'));
}

/* ---- Runs ---- */

typedef struct outcome {
    dipper_status status;
    dipper_solver_info info;
    int notes;
    char note[256];
    float picture[PIXELS], psf[PSF * PSF];
    double scale;
} outcome;

static int on_progress(const dipper_progress *p, void *user) {
    outcome *o = user;
    if (p->note[0] == '\0') return 0;
    o->notes++;
    strncpy(o->note, p->note, sizeof o->note - 1);
    return 0;
}

static float sharp(int x, int y) {
    const float a = hypotf((float)x - 14, (float)y - 12), b = hypotf((float)x - 28, (float)y - 25);
    return 0.3f + 0.005f * (float)x + (a < 7 ? 0.3f : 0) - (b < 9 ? 0.2f : 0) + 0.1f * (float)(y % 5 == 0);
}

/* Blurred over 7 px, so that a PSF of one pixel is wrong. */
static void draw(float *p, double scale) {
    for (int i = 0; i < PIXELS; i++) {
        p[i] = 0;
        for (int k = -3; k <= 3; k++) p[i] += sharp(i % SIDE + k, i / SIDE + k) / 7 * (float)scale;
    }
}

/* settings: "field=value" up to NULL, on a small selfdeblur. */
static void run(const char *const *settings, int recover, double scale, outcome *out) {
    dipper_context *c = NULL;
    dipper_context_options co;
    dipper_recipe *r = NULL;
    dipper_solver *s = NULL;
    dipper_solver_options o;
    float in[PIXELS];
    memset(out, 0, sizeof *out);
    draw(in, scale);
    dipper_image view = dipper_image_view(in, SIDE, SIDE, 1), result = dipper_image_view(out->picture, SIDE, SIDE, 1);
    dipper_context_options_init(&co);
    co.device = "cpu";
    co.threads = 2;
    assert_int_equal(dipper_context_create(&co, &c), DIPPER_OK);
    assert_int_equal(dipper_recipe_create(c, "selfdeblur", &r), DIPPER_OK);
    for (; *settings != NULL; settings++) {
        char field[64];
        const char *equals = strchr(*settings, '=');
        memcpy(field, *settings, (size_t)(equals - *settings));
        field[equals - *settings] = '\0';
        assert_int_equal(dipper_recipe_set(c, r, field, equals + 1), DIPPER_OK);
    }
    dipper_solver_options_init(&o);
    o.psf_width = o.psf_height = PSF;
    o.recover = recover;
    o.progress = on_progress;
    o.user = out;
    assert_int_equal(dipper_solver_create(c, &view, r, &o, &s), DIPPER_OK);
    out->status = dipper_solver_step(s, 100000, NULL);
    assert_int_equal(dipper_solver_get_image(s, &result), DIPPER_OK);
    assert_int_equal(dipper_solver_get_psf(s, out->psf), DIPPER_OK);
    out->info.struct_size = sizeof out->info;
    assert_int_equal(dipper_solver_get_info(s, &out->info), DIPPER_OK);
    dipper_solver_destroy(&s);
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
}

#define SMALL "channels=8", "skip_channels=4", "depth=2"

/* Both kinds of failure are found, named, and undone by slower steps; the same again gives the same bits. */
static void recovers(const char *const *settings, const char *name) {
    outcome a, b, left;
    run(settings, 1, 1, &a);
    run(settings, 1, 1, &b);
    run(settings, 0, 1, &left);
    assert_int_equal(a.status, DIPPER_OK);
    assert_true(a.info.recoveries >= 1 && a.info.recoveries <= 2);
    assert_int_equal(a.info.recoveries, a.notes);
    assert_non_null(strstr(a.note, name));
    assert_string_equal(a.info.trouble, "");
    assert_int_equal(a.info.iteration, a.info.iterations);
    assert_memory_equal(a.picture, b.picture, sizeof a.picture);
    assert_memory_equal(a.psf, b.psf, sizeof a.psf);
    assert_int_equal(left.info.recoveries, 0);
    assert_non_null(strstr(left.info.trouble, name));
}

static void a_constant_picture_is_undone(void **state) {
    static const char *const settings[] = {SMALL, "iterations=200", "loss=ssim", "lr_image=10", "beta1_image=0", NULL};
    (void)state;
    recovers(settings, "picture became constant");
}

static void a_collapsed_psf_is_undone(void **state) {
    static const char *const settings[] = {SMALL, "iterations=100", "loss=mse", "psf=direct", "lr_psf=10", NULL};
    (void)state;
    recovers(settings, "collapsed");
}

/* Nothing helps against a picture whose squares are infinite: twice back, then the run ends. */
static void nan_ends_the_run_after_two(void **state) {
    static const char *const settings[] = {SMALL, "iterations=30", NULL};
    (void)state;
    outcome o;
    run(settings, 1, 1e25, &o);
    assert_int_equal(o.status, DIPPER_ERROR_DIVERGED);
    assert_int_equal(o.info.recoveries, 2);
    assert_non_null(strstr(o.info.trouble, "NaN"));
    for (int i = 0; i < PIXELS; i++) assert_true(isfinite(o.picture[i]));
}

/* Also short runs, small pictures, and all that a recipe may start from. */
static void healthy_runs_are_left_alone(void **state) {
    static const char *const settings[][8] = {
        {SMALL, "iterations=20", NULL},
        {SMALL, "iterations=200", NULL},
        {SMALL, "iterations=60", "psf=direct", "lr_psf=0.05", "loss=ssim", NULL},
        {SMALL, "iterations=60", "psf=direct", "lr_psf=0.05", "psf_start=delta", NULL},
        {SMALL, "iterations=60", "psf=direct", "lr_psf=0.05", "psf_start=random", NULL},
        {SMALL, "iterations=30,30", "scales=0.5,1", "psf=direct", "lr_psf=0.05", NULL},
        {SMALL, "iterations=30", "psf_start=constant", "input=fourier", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        outcome o;
        run(settings[i], 1, 1, &o);
        assert_int_equal(o.status, DIPPER_OK);
        assert_int_equal(o.info.recoveries, 0);
        assert_int_equal(o.info.skipped_steps, 0);
        assert_string_equal(o.info.trouble, "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_see_what_is_broken),    cmocka_unit_test(a_constant_picture_is_undone),
        cmocka_unit_test(a_collapsed_psf_is_undone),   cmocka_unit_test(nan_ends_the_run_after_two),
        cmocka_unit_test(healthy_runs_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
