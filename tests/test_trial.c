/* Trials of figures: stopped anywhere, they go on as if they had not been. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/trial.h"

enum { SIDE = 40, STEPS = 9 };

static char folder[] = "/tmp/dipper-trial.XXXXXX";
static dipper_context *context;
static float picture[SIDE * SIDE];
static const figure_picture given = {picture, SIDE, SIDE, "waves"};
static const char *const network[] = {"channels", "8",      "skip_channels", "4", "depth", "2",
                                      "psf",      "direct", "iterations",    "9", "final", "network",
                                      "scales",   "1",      "restarts",      "1", NULL};

typedef struct diary {
    double loss[STEPS], image[STEPS], weights[STEPS];
    long iterations;
    int looks;
} diary;

static int fails_at; /* the step at which look() ends the run; 0: none */

/* What a figure might keep: the loss of each step, every other picture, every third step's weights. */
static dipper_status write_diary(const trial *t, trial_view *view, const dipper_solver_info *info, void *user) {
    diary *d = user;
    static float image[SIDE * SIDE];
    const long i = info->iteration - 1;
    (void)t;
    assert_int_equal(i, d->looks++);
    d->loss[i] = info->loss;
    if (info->iteration == fails_at) return DIPPER_ERROR_INTERNAL;
    d->iterations = info->iterations;
    if (i % 2 == 0) {
        IO_TRY(trial_image(view, image));
        for (int p = 0; p < SIDE * SIDE; p++) d->image[i] += (double)image[p] * (p + 1);
    }
    if (i % 3 == 0) {
        float *w = malloc(trial_weight_count(view) * sizeof *w);
        assert_non_null(w);
        const dipper_status status = trial_weights(view, w);
        for (size_t p = 0; p < trial_weight_count(view); p++) d->weights[i] += (double)w[p] * (double)(p + 1);
        free(w);
        if (status) return status;
    }
    return DIPPER_OK;
}

static int stop_after(void *user) {
    return (*(int *)user)-- <= 0;
}

static dipper_status run(const char *name, int steps, uint64_t seed, diary *d, io_error *error) {
    int trials = 0;
    const figure_job job = {.context = context,
                            .name = name,
                            .trials = &trials,
                            .folder = folder,
                            .stop = stop_after,
                            .user = &steps,
                            .error = error};
    const trial t = {.recipe = "fast",
                     .fields = network,
                     .given = &given,
                     .psf_side = 5,
                     .seed = seed,
                     .seed_weights = DIPPER_SEED_SAME,
                     .seed_input = DIPPER_SEED_SAME,
                     .look = write_diary,
                     .user = d};
    *d = (diary){.looks = 0};
    *error = (io_error){""};
    const dipper_status status = trial_run(&job, &t);
    assert_int_equal(trials, 1);
    if (!status) trial_forget(&job);
    return status;
}

/* The file of looks that is there; ends the test if there is none. */
static void find_looks(char *path, size_t size, const char *name) {
    char pattern[200];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/%s_state/0-*.looks", folder, name);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    snprintf(path, size, "%s", found.gl_pathv[0]);
    globfree(&found);
}

static void stopped_anywhere_is_the_same(void **state) {
    (void)state;
    diary whole, parts;
    io_error error;
    char path[200];
    assert_int_equal(run("whole", 100, 1, &whole, &error), DIPPER_OK);
    assert_int_equal(whole.looks, STEPS);
    assert_true(whole.loss[0] != whole.loss[STEPS - 1]);
    snprintf(path, sizeof path, "%s/whole_state", folder);
    assert_int_not_equal(access(path, F_OK), 0); /* forgotten */
    for (int first = 0; first <= STEPS; first++) {
        int done = 0;
        for (int steps = first; run("parts", steps, 1, &parts, &error) != DIPPER_OK; steps = 2) {
            assert_int_equal(error.text[0] != '\0', 1);
            assert_true(done++ < STEPS);
        }
        assert_memory_equal(&whole, &parts, sizeof whole);
    }
}

static void other_settings_begin_anew(void **state) {
    (void)state;
    diary other, after;
    io_error error;
    assert_int_equal(run("whole", 100, 2, &other, &error), DIPPER_OK);
    assert_int_equal(run("anew", 5, 1, &after, &error), DIPPER_ERROR_CANCELLED);
    assert_int_equal(run("anew", 100, 2, &after, &error), DIPPER_OK);
    assert_memory_equal(&other, &after, sizeof other);
    /* Killed before it kept a state of its own: what it looked at is not taken for the first one's. */
    assert_int_equal(run("killed", 5, 2, &after, &error), DIPPER_ERROR_CANCELLED);
    fails_at = 6;
    assert_int_equal(run("killed", 100, 1, &after, &error), DIPPER_ERROR_INTERNAL);
    fails_at = 0;
    assert_int_equal(run("killed", 100, 2, &after, &error), DIPPER_OK);
    assert_memory_equal(&other, &after, sizeof other);
}

static void damage_is_told(void **state) {
    (void)state;
    diary d;
    io_error error;
    char path[200];
    assert_int_equal(run("damaged", 5, 1, &d, &error), DIPPER_ERROR_CANCELLED);
    find_looks(path, sizeof path, "damaged");
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(run("damaged", 100, 1, &d, &error), DIPPER_ERROR_INPUT);
    assert_non_null(strstr(error.text, ".looks: damaged; the same command begins it anew"));
    assert_int_equal(run("damaged", 100, 1, &d, &error), DIPPER_OK);
    assert_int_equal(d.looks, STEPS);
}

static int open_all(void **state) {
    (void)state;
    for (int i = 0; i < SIDE * SIDE; i++) picture[i] = 0.3F + 0.2F * (float)((i / 7 % 2) ^ (i / SIDE / 5 % 2));
    return !mkdtemp(folder) || dipper_context_create(NULL, &context) != DIPPER_OK;
}

static int close_all(void **state) {
    (void)state;
    char command[100];
    dipper_context_destroy(&context);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped_anywhere_is_the_same),
        cmocka_unit_test(other_settings_begin_anew),
        cmocka_unit_test(damage_is_told),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
