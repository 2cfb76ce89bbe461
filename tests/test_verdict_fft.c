/* Verdicts on scenes drawn here: what is right is ok, each way to fail gives its reason; what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "bid/verdict.h"
#include "dipper/dipper.h"

enum { SIDE = 180, WINDOW = 15 };

static dipper_context *context;

static int open_context(void **state) {
    dipper_context_options o;
    (void)state;
    dipper_context_options_init(&o);
    o.threads = 1;
    return dipper_context_create(&o, &context) != DIPPER_OK;
}

static int close_context(void **state) {
    (void)state;
    dipper_context_destroy(&context);
    return 0;
}

/* ---- Scenes ---- */

typedef struct picture {
    float data[SIDE * SIDE];
} picture;

static dipper_image view(picture *p) {
    return dipper_image_view(p->data, SIDE, SIDE, 1);
}

/* Rectangles and discs of random size and brightness, one over the other; values from 0.1 to 0.1 + range. */
static picture *make_scene(float range) {
    const dp_philox_key key = dp_philox_key_make(11, DP_STREAM_TEST);
    picture *p = calloc(1, sizeof *p);
    assert_non_null(p);
    for (int n = 0; n < 160; n++) {
        float u[4], v[4];
        dp_philox_uniform4(key, 0, (uint64_t)n, u);
        dp_philox_uniform4(key, 1, (uint64_t)n, v);
        const float size = 3 + 16 * v[0], cy = u[0] * SIDE, cx = u[1] * SIDE, wide = 3 + 16 * v[1];
        for (int i = 0; i < SIDE * SIDE; i++) {
            const float dy = (float)(i / SIDE) - cy, dx = (float)(i % SIDE) - cx;
            const bool inside = n % 2 ? dy * dy + dx * dx < size * size : fabsf(dy) < size && fabsf(dx) < wide;
            if (inside) p->data[i] = 0.1F + range * u[2];
        }
    }
    return p;
}

/* A streak with a hook; the other one is its mirror image, turned. */
static void make_psf(float *psf, int other) {
    memset(psf, 0, WINDOW * WINDOW * sizeof *psf);
    for (int i = -5; i <= 5; i++) {
        const int y = i, x = i < 2 ? i / 2 : 3 * (i - 1);
        if (abs(x) > 6) continue;
        psf[other ? (7 - x) * WINDOW + 7 - y / 2 : (7 + y) * WINDOW + 7 + x] += 1.0F / 11;
    }
}

static picture *blur(picture *sharp, const float *psf, double noise) {
    dipper_blur_options o;
    picture *p = calloc(1, sizeof *p);
    assert_non_null(p);
    dipper_blur_options_init(&o);
    o.border = DIPPER_BORDER_REFLECT;
    o.noise = DIPPER_NOISE_GAUSSIAN;
    o.noise_level = noise;
    o.saturate = 1;
    dipper_image from = view(sharp), to = view(p);
    assert_int_equal(dipper_blur(context, &from, psf, WINDOW, WINDOW, &o, &to), DIPPER_OK);
    return p;
}

static dipper_verdict judge(picture *blurred, picture *result, const float *psf, int side, int second_opinions) {
    dipper_verdict_options o;
    dipper_verdict v = {.struct_size = sizeof v};
    const dipper_image b = view(blurred), r = view(result);
    dipper_verdict_options_init(&o);
    o.second_opinions = second_opinions;
    assert_int_equal(dipper_verdict_judge(context, &b, &r, psf, side, side, &o, &v), DIPPER_OK);
    print_message("%s, risk %.3f, reasons %#x\n", dipper_verdict_level_name(v.level), v.probability, v.reasons);
    return v;
}

/* Restores with the PSF, and judges that. */
static dipper_verdict restore(picture *blurred, const float *psf, int side, int second_opinions) {
    dipper_deconvolve_options o;
    picture *result = calloc(1, sizeof *result);
    assert_non_null(result);
    const dipper_image from = view(blurred);
    dipper_image to = view(result);
    dipper_deconvolve_options_init(&o);
    o.method = "hyperlaplacian";
    assert_int_equal(dipper_deconvolve(context, &from, psf, side, side, &o, &to), DIPPER_OK);
    const dipper_verdict v = judge(blurred, result, psf, side, second_opinions);
    free(result);
    return v;
}

static const float point[3 * 3] = {0, 0, 0, 0, 1, 0, 0, 0, 0};

/* ---- What is right, what is wrong ---- */

static void the_true_psf_is_ok(void **state) {
    (void)state;
    float psf[WINDOW * WINDOW];
    make_psf(psf, 0);
    picture *scene = make_scene(0.8F), *blurred = blur(scene, psf, 0.005);
    for (int opinions = 0; opinions < 2; opinions++) {
        const dipper_verdict v = restore(blurred, psf, WINDOW, opinions);
        assert_int_not_equal(v.level, DIPPER_VERDICT_FAILED);
        assert_true(v.probability < 0.4);
        assert_int_equal(v.second_opinions, opinions);
        assert_int_equal(v.sharp, 0);
        assert_int_equal(v.reasons & (DIPPER_REASON_NO_BLUR | DIPPER_REASON_VARIES | DIPPER_REASON_ARTEFACTS |
                                      DIPPER_REASON_NOISE | DIPPER_REASON_TEXTURE | DIPPER_REASON_SATURATED),
                         0);
        assert_int_equal(v.width * 1000 + v.height, SIDE * 1000 + SIDE);
    }
    free(scene);
    free(blurred);
}

/* With a second hardly anything but what takes no time; that, too, in the same bits as without being asked. */
static void second_opinions_must_fit(void **state) {
    (void)state;
    static const double seconds[] = {1, 1000};
    float psf[WINDOW * WINDOW];
    make_psf(psf, 0);
    picture *scene = make_scene(0.8F), *blurred = blur(scene, psf, 0.005);
    const dipper_image b = view(blurred);
    const dipper_verdict without = judge(blurred, scene, psf, WINDOW, 0);
    for (int i = 0; i < 2; i++) {
        dipper_verdict_options o;
        dipper_verdict v = {.struct_size = sizeof v};
        const dipper_image r = view(scene);
        dipper_verdict_options_init(&o);
        o.max_seconds = seconds[i];
        assert_int_equal(dipper_verdict_judge(context, &b, &r, psf, WINDOW, WINDOW, &o, &v), DIPPER_OK);
        assert_int_equal(v.second_opinions, i);
        assert_true((v.probability == without.probability) == (i == 0));
        o.max_seconds = -1;
        assert_int_equal(dipper_verdict_judge(context, &b, &r, psf, WINDOW, WINDOW, &o, &v), DIPPER_ERROR_ARGUMENT);
        assert_string_equal(dipper_context_message(context), "seconds must be a number, not below 0");
    }
    free(scene);
    free(blurred);
}

static void a_foreign_psf_has_failed(void **state) {
    (void)state;
    float psf[WINDOW * WINDOW], other[WINDOW * WINDOW];
    make_psf(psf, 0);
    make_psf(other, 1);
    picture *scene = make_scene(0.8F), *blurred = blur(scene, psf, 0.005);
    const dipper_verdict v = restore(blurred, other, WINDOW, 1);
    assert_true(v.probability > 0.7);
    assert_true(v.reasons & DIPPER_REASON_DISPUTED);
    free(scene);
    free(blurred);
}

static void a_point_is_no_blur(void **state) {
    (void)state;
    float psf[WINDOW * WINDOW];
    make_psf(psf, 0);
    picture *scene = make_scene(0.8F), *blurred = blur(scene, psf, 0.002);
    const dipper_verdict v = restore(blurred, point, 3, 1);
    assert_true(v.reasons & DIPPER_REASON_NO_BLUR);
    assert_int_not_equal(v.level, DIPPER_VERDICT_OK);
    assert_int_equal(v.sharp, 0);
    free(scene);
    free(blurred);
}

static void a_sharp_picture_is_told(void **state) {
    (void)state;
    float psf[WINDOW * WINDOW];
    int sharp = -1;
    make_psf(psf, 0);
    picture *scene = make_scene(0.8F), *blurred = blur(scene, psf, 0.002);
    const dipper_verdict v = restore(scene, point, 3, 1);
    assert_int_equal(v.sharp, 1);
    assert_true(v.reasons & DIPPER_REASON_SHARP);
    assert_false(v.reasons & DIPPER_REASON_NO_BLUR);
    dipper_image seen = view(scene);
    assert_int_equal(dipper_verdict_is_sharp(context, &seen, point, 3, 3, -1, &sharp), DIPPER_OK);
    assert_int_equal(sharp, 1);
    seen = view(blurred);
    assert_int_equal(dipper_verdict_is_sharp(context, &seen, point, 3, 3, -1, &sharp), DIPPER_OK);
    assert_int_equal(sharp, 0);
    assert_int_equal(dipper_verdict_is_sharp(context, &seen, psf, WINDOW, WINDOW, -1, &sharp), DIPPER_OK);
    assert_int_equal(sharp, 0);
    assert_int_equal(dipper_verdict_is_sharp(context, &seen, NULL, 0, 0, -1, &sharp), DIPPER_OK);
    assert_int_equal(sharp, 0);
    seen = view(scene);
    assert_int_equal(dipper_verdict_is_sharp(context, &seen, NULL, 0, 0, -1, &sharp), DIPPER_OK);
    assert_int_equal(sharp, 1); /* beyond doubt */
    for (int i = 0; i < SIDE * SIDE; i++) scene->data[i] = i % 500 == 0 ? 1 : 0.1F * scene->data[i];
    assert_int_equal(dipper_verdict_is_sharp(context, &seen, NULL, 0, 0, -1, &sharp), DIPPER_OK);
    assert_int_equal(sharp, 0); /* lamps at night: who knows */
    free(scene);
    free(blurred);
}

static void a_sharp_picture_that_is_kept_is_ok(void **state) {
    (void)state;
    picture *scene = make_scene(0.8F);
    const dipper_verdict v = judge(scene, scene, point, 3, 1);
    assert_int_equal(v.level, DIPPER_VERDICT_OK);
    assert_int_equal(v.reasons, DIPPER_REASON_SHARP);
    assert_true(v.sharp && v.probability < 0.1);
    free(scene);
}

/* The middle 7x7 px of a PSF of 11x11. */
static void a_small_window_cuts_off(void **state) {
    (void)state;
    float psf[WINDOW * WINDOW], cut[7 * 7];
    make_psf(psf, 0);
    for (int i = 0; i < 49; i++) cut[i] = psf[(i / 7 + 4) * WINDOW + i % 7 + 4];
    picture *scene = make_scene(0.8F), *blurred = blur(scene, psf, 0.002);
    const dipper_verdict v = restore(blurred, cut, 7, 1);
    assert_true(v.reasons & DIPPER_REASON_CUT_OFF);
    free(scene);
    free(blurred);
}

static void two_blurs_differ(void **state) {
    (void)state;
    float psf[WINDOW * WINDOW], other[WINDOW * WINDOW];
    make_psf(psf, 0);
    make_psf(other, 1);
    picture *scene = make_scene(0.8F), *left = blur(scene, psf, 0.002), *right = blur(scene, other, 0.002);
    for (int i = 0; i < SIDE * SIDE; i++)
        if (i % SIDE >= SIDE / 2) left->data[i] = right->data[i];
    const dipper_verdict v = restore(left, psf, WINDOW, 1);
    assert_true(v.reasons & DIPPER_REASON_VARIES);
    assert_int_not_equal(v.level, DIPPER_VERDICT_OK);
    free(scene);
    free(left);
    free(right);
}

static void noise_saturation_and_flatness(void **state) {
    (void)state;
    float psf[WINDOW * WINDOW];
    make_psf(psf, 0);
    picture *scene = make_scene(0.8F), *faint = make_scene(0.004F);
    picture *noisy = blur(scene, psf, 0.2), *flat = blur(faint, psf, 0.01);
    assert_true(restore(noisy, psf, WINDOW, 0).reasons & DIPPER_REASON_NOISE);
    assert_true(restore(flat, psf, WINDOW, 0).reasons & DIPPER_REASON_TEXTURE);
    for (int i = 0; i < SIDE * SIDE; i++) scene->data[i] *= 2;
    picture *bright = blur(scene, psf, 0.002);
    assert_true(restore(bright, psf, WINDOW, 0).reasons & DIPPER_REASON_SATURATED);
    free(scene);
    free(faint);
    free(noisy);
    free(flat);
    free(bright);
}

/* ---- The rest ---- */

static void same_bits_for_any_threads(void **state) {
    (void)state;
    float psf[WINDOW * WINDOW];
    make_psf(psf, 0);
    picture *scene = make_scene(0.8F), *blurred = blur(scene, psf, 0.005);
    const dipper_verdict one = judge(blurred, scene, psf, WINDOW, 1);
    dipper_context *before = context;
    dipper_context_options o;
    dipper_context_options_init(&o);
    o.threads = 2;
    assert_int_equal(dipper_context_create(&o, &context), DIPPER_OK);
    const dipper_verdict two = judge(blurred, scene, psf, WINDOW, 1);
    assert_memory_equal(one.evidence, two.evidence, (size_t)one.evidence_count * sizeof *one.evidence);
    dipper_context_destroy(&context);
    context = before;
    free(scene);
    free(blurred);
}

/* What is not known counts as the mean; the level follows the risk. */
static void levels_follow_the_risk(void **state) {
    (void)state;
    dp_evidence e;
    for (int i = 0; i < DP_EVIDENCE_COUNT; i++) e.value[i] = NAN;
    const double unknown = dp_verdict_probability(&e);
    assert_true(unknown > 0.3 && unknown < 0.9);
    assert_int_equal(dp_verdict_level(&e), DIPPER_VERDICT_DOUBTFUL);
    assert_int_equal(dp_verdict_reasons(&e), 0);
    e.value[DP_EVIDENCE_agree_map] = e.value[DP_EVIDENCE_agree_vb] = e.value[DP_EVIDENCE_match] = 0;
    e.value[DP_EVIDENCE_whiteness] = 0;
    e.value[DP_EVIDENCE_islands] = e.value[DP_EVIDENCE_echo_high] = 1;
    assert_true(dp_verdict_probability(&e) > unknown + 0.1);
    e.value[DP_EVIDENCE_beyond] = 1;
    e.value[DP_EVIDENCE_bond] = 1;
    e.value[DP_EVIDENCE_echo] = 0;
    assert_int_equal(dp_verdict_level(&e), DIPPER_VERDICT_FAILED);
}

static int stop(const dipper_progress *progress, void *user) {
    assert_string_equal(progress->stage, "verdict");
    return ++*(int *)user == 2;
}

static void what_is_refused(void **state) {
    (void)state;
    picture *p = make_scene(0.8F);
    dipper_image all = view(p), small = dipper_image_view(p->data, 60, 60, 1);
    dipper_verdict v = {.struct_size = sizeof v};
    dipper_verdict_options o;
    int calls = 0;
    dipper_verdict_options_init(&o);
    assert_int_equal(dipper_verdict_judge(context, &all, &small, point, 3, 3, NULL, &v), DIPPER_ERROR_INPUT);
    dipper_context_clear(context);
    assert_int_equal(dipper_verdict_judge(context, &all, &all, point, 4, 2, NULL, &v), DIPPER_ERROR_ARGUMENT);
    dipper_context_clear(context);
    v.struct_size = 1;
    assert_int_equal(dipper_verdict_judge(context, &all, &all, point, 3, 3, NULL, &v), DIPPER_ERROR_ARGUMENT);
    dipper_context_clear(context);
    v.struct_size = sizeof v;
    o.progress = stop;
    o.user = &calls;
    picture *changed = malloc(sizeof *changed); /* a sharp picture that is kept needs no second opinion */
    assert_non_null(changed);
    *changed = *p;
    changed->data[SIDE] += 0.1F;
    const dipper_image other = view(changed);
    assert_int_equal(dipper_verdict_judge(context, &all, &other, point, 3, 3, &o, &v), DIPPER_ERROR_CANCELLED);
    assert_int_equal(calls, 2);
    free(changed);
    dipper_context_clear(context);
    assert_int_equal(dipper_verdict_judge(context, &small, &small, point, 3, 3, NULL, &v), DIPPER_OK);
    assert_int_equal(v.level, DIPPER_VERDICT_NONE); /* too small to tell */
    assert_true(isnan(v.probability) && v.reasons == 0);
    p->data[7] = NAN;
    assert_int_equal(dipper_verdict_judge(context, &all, &all, point, 3, 3, NULL, &v), DIPPER_ERROR_INPUT);
    assert_non_null(strstr(dipper_context_message(context), "x=7, y=0"));
    dipper_context_clear(context);
    free(p);
}

static void names(void **state) {
    (void)state;
    dipper_verdict_reason reason;
    unsigned seen = 0;
    for (int i = 0; i < dipper_verdict_reason_count(); i++) {
        assert_int_equal(dipper_verdict_reason_at(i, &reason), DIPPER_OK);
        assert_true(reason.name[0] && reason.text[0] && reason.advice[0] && !(seen & reason.bit));
        seen |= reason.bit;
    }
    assert_int_equal(seen, 2 * DIPPER_REASON_DISPUTED - 1);
    assert_int_equal(dipper_verdict_reason_at(dipper_verdict_reason_count(), &reason), DIPPER_ERROR_ARGUMENT);
    assert_string_equal(dipper_verdict_level_name(DIPPER_VERDICT_DOUBTFUL), "doubtful");
    assert_string_equal(dipper_verdict_evidence_name(0), "noise");
    assert_null(dipper_verdict_evidence_name(DP_EVIDENCE_COUNT));
}

/* What bench/verdict_fit.py says of some of its rows, with and without second opinions. */
static void model_is_the_fitted_one(void **state) {
    (void)state;
    static const struct {
        double probability, quick;
        dp_evidence evidence;
    } rows[] = {
#define ROW(probability, quick, ...) {probability, quick, {{__VA_ARGS__}}},
#include "golden/verdict_rows.def"
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dp_evidence evidence = rows[i].evidence;
        assert_true(fabs(dp_verdict_probability(&evidence) - rows[i].probability) < 2e-6);
        for (int k = DP_EVIDENCE_QUICK; k < DP_EVIDENCE_COUNT; k++) evidence.value[k] = NAN;
        assert_true(fabs(dp_verdict_probability(&evidence) - rows[i].quick) < 2e-6);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(model_is_the_fitted_one),
                                       cmocka_unit_test(the_true_psf_is_ok),
                                       cmocka_unit_test(second_opinions_must_fit),
                                       cmocka_unit_test(a_foreign_psf_has_failed),
                                       cmocka_unit_test(a_point_is_no_blur),
                                       cmocka_unit_test(a_sharp_picture_is_told),
                                       cmocka_unit_test(a_sharp_picture_that_is_kept_is_ok),
                                       cmocka_unit_test(a_small_window_cuts_off),
                                       cmocka_unit_test(two_blurs_differ),
                                       cmocka_unit_test(noise_saturation_and_flatness),
                                       cmocka_unit_test(same_bits_for_any_threads),
                                       cmocka_unit_test(levels_follow_the_risk),
                                       cmocka_unit_test(what_is_refused),
                                       cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, open_context, close_context);
}
