/* A run that is saved, destroyed, made anew and loaded at any step ends with the bits of one that was not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "bid/rescue.h"
#include "dipper/dipper.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE, MOST_LOSSES = 400, MOST_FIELDS = 12 };

typedef struct setup { /* a run; fields: "name", "value", ... NULL */
    const char *recipe;
    const char *fields[2 * MOST_FIELDS + 1];
    dipper_task task;
    int channels, uncertainty, truth;
} setup;

typedef struct outcome {
    float image[3 * 4 * PIXELS], deviation[3 * 4 * PIXELS], psf[101 * 101];
    double losses[MOST_LOSSES];
    dipper_solver_info info;
    char stopped_by[16], trouble[64];
} outcome;

static dipper_context *open_context(const char *device) {
    dipper_context_options options;
    dipper_context *c = NULL;
    dipper_context_options_init(&options);
    options.device = device;
    options.threads = 1;
    assert_int_equal(dipper_context_create(&options, &c), DIPPER_OK);
    return c;
}

static void draw(float *p, int channels, float shade) {
    for (int i = 0; i < PIXELS * channels; i++) {
        const int c = i / PIXELS, y = i % PIXELS / SIDE, x = i % SIDE;
        const int disk = (x - 11) * (x - 11) + (y - 10) * (y - 10)<36, bar = x> 20 && x < 24;
        p[i] = shade + 0.005f * (float)x + (disk ? 0.3f : 0) - (bar ? 0.2f : 0) + 0.02f * (float)c * (float)(y % 5);
    }
}

static dipper_recipe *make_recipe(dipper_context *c, const setup *s) {
    static const char *const small[][2] = {{"channels", "4"}, {"skip_channels", "2"}, {"depth", "2"}};
    dipper_recipe *r = NULL;
    assert_int_equal(dipper_recipe_create(c, s->recipe, &r), DIPPER_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(dipper_recipe_set(c, r, small[i][0], small[i][1]), DIPPER_OK);
    for (int i = 0; s->fields[i] != NULL; i += 2)
        if (dipper_recipe_set(c, r, s->fields[i], s->fields[i + 1])) fail_msg("%s", dipper_context_message(c));
    return r;
}

static dipper_solver *make_solver(dipper_context *c, const setup *s, uint64_t seed, float shade) {
    float picture[3 * PIXELS], truth[3 * PIXELS], mask[PIXELS];
    dipper_solver_options o;
    dipper_solver *solver = NULL;
    dipper_recipe *r = make_recipe(c, s);
    draw(picture, s->channels, shade);
    draw(truth, s->channels, 0.4f);
    for (int i = 0; i < PIXELS; i++) mask[i] = i % 7 ? 1 : 0;
    dipper_image view = dipper_image_view(picture, SIDE, SIDE, s->channels);
    dipper_image target = dipper_image_view(truth, SIDE, SIDE, s->channels);
    dipper_solver_options_init(&o);
    o.task = s->task;
    o.factor = 2;
    o.seed = seed;
    o.psf_width = o.psf_height = 5;
    if (s->task == DIPPER_TASK_INPAINT) o.mask = mask;
    if (s->truth) o.truth = &target;
    if (dipper_solver_create(c, &view, r, &o, &solver)) fail_msg("%s: %s", s->recipe, dipper_context_message(c));
    dipper_recipe_destroy(&r);
    return solver;
}

static void finish(dipper_solver *solver, const setup *s, outcome *out) {
    long left = 1;
    int width, height, channels;
    memset(out, 0, sizeof *out);
    while (left > 0) assert_int_equal(dipper_solver_step(solver, 50, &left), DIPPER_OK);
    dipper_solver_image_size(solver, &width, &height, &channels);
    dipper_image image = dipper_image_view(out->image, width, height, channels);
    assert_int_equal(dipper_solver_get_image(solver, &image), DIPPER_OK);
    assert_int_equal(dipper_solver_get_psf(solver, out->psf), DIPPER_OK);
    if (s->uncertainty) {
        dipper_image deviation = dipper_image_view(out->deviation, width, height, 1);
        assert_int_equal(dipper_solver_get_uncertainty(solver, &deviation), DIPPER_OK);
    }
    out->info.struct_size = sizeof out->info;
    assert_int_equal(dipper_solver_get_info(solver, &out->info), DIPPER_OK);
    assert_in_range(out->info.loss_count, 1, MOST_LOSSES);
    memcpy(out->losses, out->info.losses, (size_t)out->info.loss_count * sizeof *out->losses);
    snprintf(out->stopped_by, sizeof out->stopped_by, "%s", out->info.stopped_by);
    snprintf(out->trouble, sizeof out->trouble, "%s", out->info.trouble);
    out->info.losses = NULL; /* what differs between two runs that are equal */
    out->info.stopped_by = out->info.trouble = NULL;
    out->info.seconds = 0;
}

static void *save(dipper_context *c, dipper_solver *solver, size_t *size) {
    *size = dipper_solver_save_size(solver);
    void *bytes = malloc(*size);
    assert_non_null(bytes);
    if (dipper_solver_save(solver, bytes, *size)) fail_msg("%s", dipper_context_message(c));
    return bytes;
}

/* Stops after `step` steps and, if again > 0, once more after so many further ones. */
static void interrupted(dipper_context *c, const setup *s, long step, long again, outcome *out) {
    const long cuts[] = {step, again};
    dipper_solver *solver = make_solver(c, s, 7, 0.3f);
    for (int i = 0; i < 2 && (i == 0 || again > 0); i++) {
        long left;
        size_t size;
        assert_int_equal(dipper_solver_step(solver, cuts[i], &left), DIPPER_OK);
        if (left == 0) break;
        void *bytes = save(c, solver, &size);
        dipper_solver_destroy(&solver);
        solver = make_solver(c, s, 7, 0.3f);
        if (dipper_solver_load(solver, bytes, size)) fail_msg("%s", dipper_context_message(c));
        free(bytes);
    }
    finish(solver, s, out);
    dipper_solver_destroy(&solver);
}

static void compare(const setup *s, long step, const outcome *a, const outcome *b) {
    if (memcmp(a->losses, b->losses, sizeof a->losses) != 0)
        for (int i = 0; i < MOST_LOSSES; i++)
            if (a->losses[i] != b->losses[i])
                fail_msg("%s cut after %ld: loss %d is %.17g, not %.17g", s->recipe, step, i, b->losses[i],
                         a->losses[i]);
    if (memcmp(a, b, sizeof *a) != 0) fail_msg("%s cut after %ld: another result", s->recipe, step);
}

static void check_setup(const char *device, const setup *s, long stride) {
    static outcome whole, parts;
    dipper_context *c = open_context(device);
    dipper_solver *solver = make_solver(c, s, 7, 0.3f);
    finish(solver, s, &whole);
    dipper_solver_destroy(&solver);
    for (long step = 0; step < whole.info.iteration; step += stride) {
        interrupted(c, s, step, step % 4 == 1 ? 1 + step % 9 : 0, &parts);
        compare(s, step, &whole, &parts);
    }
    dipper_context_destroy(&c);
}

static const setup scales = {"fast",
                             {"iterations", "6,8,12", "restarts", "3", "average", "5", "centre_every", "3", "perturb",
                              "0.01", "final", "blend", NULL},
                             .channels = 3,
                             .uncertainty = 1};

static void scales_restarts_averages_centring(void **state) {
    (void)state;
    check_setup("cpu", &scales, 1);
}

/* Which start is the best one depends on the weights drawn: some of these are won by a middle one. */
static void starts(void **state) {
    static const char *const weights[] = {"4", "5", "6", "7"};
    setup s = {"fast",
               {"scales", "0.5,1", "iterations", "5,3", "restarts", "5", "average", "0", "final", "blend", "channels",
                "", NULL},
               .channels = 1};
    (void)state;
    for (int i = 0; i < 4; i++) {
        s.fields[11] = weights[i];
        check_setup("cpu", &s, 1);
    }
}

/* A rule ends the iterations, and the last step is still to come. */
static void between_rule_and_last_step(void **state) {
    static const setup ends = {"fast",
                               {"scales", "1", "iterations", "40", "restarts", "1", "average", "5", "stop_noise", "100",
                                "stop_from", "10", "loss", "mse", NULL},
                               .channels = 1};
    (void)state;
    check_setup("cpu", &ends, 1);
}

/* What a watch has seen, which the runs above hardly depend on. */
static void what_was_seen(void **state) {
    dp_rescue a = {.recoveries = 2, .skipped = 5, .in_a_row = 3, .trouble = DP_TROUBLE_DELTA}, b = {0};
    unsigned char bytes[256];
    (void)state;
    a.watch = (dp_watch){.contrast = 0.25, .had_shape = true, .began_sharp = true};
    dp_archive to = {.mode = DP_ARCHIVE_SAVE, .to = bytes, .size = sizeof bytes};
    dp_rescue_archive(&a, NULL, NULL, &to);
    dp_archive from = {.mode = DP_ARCHIVE_LOAD, .from = bytes, .size = to.at};
    dp_rescue_archive(&b, NULL, NULL, &from);
    assert_false(from.broken);
    assert_int_equal(b.recoveries, 2);
    assert_int_equal(b.skipped, 5);
    assert_int_equal(b.in_a_row, 3);
    assert_int_equal(b.trouble, DP_TROUBLE_DELTA);
    assert_true(b.watch.contrast == 0.25 && b.watch.had_shape && b.watch.began_sharp);
}

static void time_goes_on(void **state) {
    (void)state;
    size_t size;
    dipper_solver_info before = {.struct_size = sizeof before}, after = {.struct_size = sizeof after};
    dipper_context *c = open_context("cpu");
    dipper_solver *solver = make_solver(c, &scales, 7, 0.3f);
    assert_int_equal(dipper_solver_step(solver, 9, NULL), DIPPER_OK);
    assert_int_equal(dipper_solver_get_info(solver, &before), DIPPER_OK);
    assert_true(before.seconds > 0);
    void *bytes = save(c, solver, &size);
    dipper_solver *other = make_solver(c, &scales, 7, 0.3f);
    assert_int_equal(dipper_solver_load(other, bytes, size), DIPPER_OK);
    assert_int_equal(dipper_solver_get_info(other, &after), DIPPER_OK);
    assert_true(before.seconds == after.seconds && before.iteration == after.iteration && before.loss == after.loss);
    free(bytes);
    dipper_solver_destroy(&other);
    dipper_solver_destroy(&solver);
    dipper_context_destroy(&c);
}

static void every_recipe(void **state) {
    static const setup setups[] = {
        {"selfdeblur", {"iterations", "20", NULL}, .channels = 1},
        {"simplersdb", {"iterations", "20", "pretrain", "6", NULL}, .channels = 1},
        {"simplersdb",
         {"iterations", "12", "pretrain", "6", "pretrain_target", "truth", NULL},
         .channels = 1,
         .truth = 1},
        {"vdip-sparse", {"iterations", "20", "pretrain", "7", NULL}, .channels = 1, .uncertainty = 1},
        {"vdip-extreme", {"iterations", "20", "pretrain", "5", NULL}, .channels = 1, .uncertainty = 1},
        {"vdip-std", {"iterations", "20", "pretrain", "5", NULL}, .channels = 1, .uncertainty = 1},
        {"wdip", {"iterations", "20", NULL}, .channels = 1},
        {"wdip", {"scales", "0.5,1", "iterations", "10,10", "psf", "direct", "keep_moments", "1", NULL}, .channels = 1},
        {"deblur-inr",
         {"iterations", "12,14", "scales", "0.5,1", "centre_every", "1", "centre_until", "1", "lr_psf", "0.003",
          "psf_margin", "2", NULL},
         .channels = 1},
        {"selfdeblur", {"iterations", "15", "psf_start", "random", "nonlocal_from", "0", NULL}, .channels = 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) check_setup("cpu", &setups[i], 3);
}

static void every_task(void **state) {
    static const setup setups[] = {
        {"denoise",
         {"iterations", "30", "average", "10", "stop_noise", "4", "stop_from", "12", NULL},
         DIPPER_TASK_DENOISE,
         1,
         0,
         0},
        {"denoise",
         {"iterations", "60", "average", "5", "stop_noise", "0", "stop_patience", "5", NULL},
         DIPPER_TASK_DENOISE,
         1,
         0,
         0},
        {"superres", {"iterations", "12", NULL}, DIPPER_TASK_SUPERRES, 3, 0, 0},
        {"inpaint", {"iterations", "12", NULL}, DIPPER_TASK_INPAINT, 1, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) check_setup("cpu", &setups[i], 2);
}

/* A rate so high that the PSF breaks: the run goes back, on both sides of the cut. */
static void recoveries(void **state) {
    static const setup breaks = {
        "simplersdb", {"iterations", "60", "lr_psf", "9", "psf", "direct", NULL}, .channels = 1};
    static outcome whole;
    (void)state;
    dipper_context *c = open_context("cpu");
    dipper_solver *solver = make_solver(c, &breaks, 7, 0.3f);
    finish(solver, &breaks, &whole);
    assert_true(whole.info.recoveries > 0); /* or the test shows nothing */
    dipper_solver_destroy(&solver);
    dipper_context_destroy(&c);
    check_setup("cpu", &breaks, 1);
}

static void the_plain_back_end_too(void **state) {
    (void)state;
    check_setup("ref", &scales, 7);
}

/* ---- What is refused ---- */

static void expect_refusal(dipper_context *c, dipper_solver *solver, const void *bytes, size_t size, const char *text) {
    assert_int_equal(dipper_solver_load(solver, bytes, size), DIPPER_ERROR_INPUT);
    if (strstr(dipper_context_message(c), text) == NULL) fail_msg("'%s' lacks '%s'", dipper_context_message(c), text);
    dipper_context_clear(c);
}

static void damage_is_seen(void **state) {
    (void)state;
    size_t size;
    dipper_context *c = open_context("cpu");
    dipper_solver *solver = make_solver(c, &scales, 7, 0.3f);
    assert_int_equal(dipper_solver_step(solver, 20, NULL), DIPPER_OK);
    unsigned char *bytes = save(c, solver, &size);
    for (size_t at = 64; at < size; at += at < 600 ? 1 : 9973) {
        bytes[at] ^= 0x10;
        expect_refusal(c, solver, bytes, size, "damaged");
        bytes[at] ^= 0x10;
    }
    expect_refusal(c, solver, bytes, size - 8, "cut off");
    expect_refusal(c, solver, bytes, 10, "cut off");
    bytes[0] ^= 1;
    expect_refusal(c, solver, bytes, size, "none");
    bytes[0] ^= 1;
    bytes[16] ^= 1; /* of the version */
    expect_refusal(c, solver, bytes, size, "was made by Dipper");
    free(bytes);
    dipper_solver_destroy(&solver);
    dipper_context_destroy(&c);
}

/* The checksum is right, the numbers are not: refused, and nothing outside of the arrays is touched. */
static void impossible_states_are_refused(void **state) {
    (void)state;
    size_t size;
    dipper_context *c = open_context("cpu");
    dipper_solver *solver = make_solver(c, &scales, 7, 0.3f);
    assert_int_equal(dipper_solver_step(solver, 20, NULL), DIPPER_OK);
    unsigned char *bytes = save(c, solver, &size);
    for (size_t at = 64; at < 64 + 12 * 8; at += 8) {
        const int64_t wild = INT64_C(-77777777777);
        unsigned char kept[8];
        uint64_t sum;
        if (at == 64 + 9 * 8) continue; /* a factor */
        memcpy(kept, bytes + at, 8);
        memcpy(bytes + at, &wild, 8);
        sum = dp_hash(DP_HASH_BEGIN, bytes, size - 8);
        memcpy(bytes + size - 8, &sum, 8);
        dipper_solver *fresh = make_solver(c, &scales, 7, 0.3f);
        expect_refusal(c, fresh, bytes, size, "no run can have");
        dipper_solver_destroy(&fresh);
        memcpy(bytes + at, kept, 8);
    }
    free(bytes);
    dipper_solver_destroy(&solver);
    dipper_context_destroy(&c);
}

/* A place later in the run would write more losses than there is room for. */
static void counters_that_contradict_are_refused(void **state) {
    (void)state;
    size_t size;
    dipper_context *c = open_context("cpu");
    dipper_solver *solver = make_solver(c, &scales, 7, 0.3f);
    assert_int_equal(dipper_solver_step(solver, 20, NULL), DIPPER_OK);
    unsigned char *bytes = save(c, solver, &size);
    int64_t iteration;
    const size_t at = 64 + 11 * 8;
    memcpy(&iteration, bytes + at, 8);
    assert_int_equal(iteration, 20); /* or it is another number */
    iteration++;
    memcpy(bytes + at, &iteration, 8);
    const uint64_t sum = dp_hash(DP_HASH_BEGIN, bytes, size - 8);
    memcpy(bytes + size - 8, &sum, 8);
    dipper_solver *fresh = make_solver(c, &scales, 7, 0.3f);
    expect_refusal(c, fresh, bytes, size, "no run can have");
    dipper_solver_destroy(&fresh);
    free(bytes);
    dipper_solver_destroy(&solver);
    dipper_context_destroy(&c);
}

static void other_runs_are_refused(void **state) {
    (void)state;
    size_t size;
    setup other = scales;
    dipper_context *c = open_context("cpu");
    dipper_solver *solver = make_solver(c, &scales, 7, 0.3f), *wrong;
    assert_int_equal(dipper_solver_step(solver, 3, NULL), DIPPER_OK);
    void *bytes = save(c, solver, &size);
    wrong = make_solver(c, &scales, 8, 0.3f);
    expect_refusal(c, wrong, bytes, size, "another seed");
    dipper_solver_destroy(&wrong);
    wrong = make_solver(c, &scales, 7, 0.31f);
    expect_refusal(c, wrong, bytes, size, "another picture");
    dipper_solver_destroy(&wrong);
    other.fields[1] = "6,8,13";
    wrong = make_solver(c, &other, 7, 0.3f);
    expect_refusal(c, wrong, bytes, size, "another recipe");
    dipper_solver_destroy(&wrong);
    free(bytes);
    dipper_solver_destroy(&solver);
    dipper_context_destroy(&c);
}

static void what_cannot_be_saved(void **state) {
    static const setup quick = {"selfdeblur", {"iterations", "2", NULL}, .channels = 1};
    static outcome out;
    (void)state;
    unsigned char byte = 0;
    dipper_context *c = open_context("cpu");
    dipper_solver *solver = make_solver(c, &quick, 0, 0.3f);
    assert_int_equal(dipper_solver_save(solver, &byte, 1), DIPPER_ERROR_ARGUMENT);
    dipper_context_clear(c);
    finish(solver, &quick, &out);
    assert_int_equal(dipper_solver_save(solver, &byte, 1), DIPPER_ERROR_ARGUMENT);
    assert_non_null(strstr(dipper_context_message(c), "has ended"));
    dipper_solver_destroy(&solver);
    dipper_context_destroy(&c);
    c = open_context("ref64");
    solver = make_solver(c, &quick, 0, 0.3f);
    assert_int_equal(dipper_solver_save(solver, &byte, 1), DIPPER_ERROR_ARGUMENT);
    assert_non_null(strstr(dipper_context_message(c), "ref64"));
    dipper_solver_destroy(&solver);
    dipper_context_destroy(&c);
}

/* Published vectors of FNV-1a. */
static void hashes(void **state) {
    (void)state;
    assert_true(dp_hash(DP_HASH_BEGIN, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(dp_hash(dp_hash(DP_HASH_BEGIN, "foo", 3), "bar", 3) == UINT64_C(0x85944171f73967e8));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_restarts_averages_centring),
        cmocka_unit_test(starts),
        cmocka_unit_test(between_rule_and_last_step),
        cmocka_unit_test(what_was_seen),
        cmocka_unit_test(time_goes_on),
        cmocka_unit_test(every_recipe),
        cmocka_unit_test(every_task),
        cmocka_unit_test(recoveries),
        cmocka_unit_test(the_plain_back_end_too),
        cmocka_unit_test(damage_is_seen),
        cmocka_unit_test(impossible_states_are_refused),
        cmocka_unit_test(counters_that_contradict_are_refused),
        cmocka_unit_test(other_runs_are_refused),
        cmocka_unit_test(what_cannot_be_saved),
        cmocka_unit_test(hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
