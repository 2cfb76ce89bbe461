/* Denoising, super-resolution and inpainting through the installed header, on a picture drawn here. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "dipper/dipper.h"
#include "image/resize.h"

enum { SIDE = 64, PIXELS = SIDE * SIDE, MOST = 3 * PIXELS };

static double bump(double x, double y, double cx, double cy, double r) { /* a disk with an edge of one pixel */
    return 1 / (1 + exp(4 * (hypot(x - cx, y - cy) - r)));
}

/* Disks, a slanted bar and a ramp; each channel its own colours. */
static void draw(float *p, int channels) {
    for (int i = 0; i < PIXELS * channels; i++) {
        const int c = i / PIXELS;
        const double y = i % PIXELS / SIDE, x = i % SIDE, bar = 1 / (1 + exp(3 * (fabs(0.6 * x - y + 14) - 4)));
        p[i] = (float)(0.2 + 0.003 * x + 0.4 * bump(x, y, 22, 18, 11) + (0.3 - 0.2 * c) * bump(x, y, 44, 42, 14) +
                       0.25 * bar * (1 - bump(x, y, 44, 42, 14)));
    }
}

static double mean_square(const float *a, const float *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return sum / n;
}
static double gain_db(const float *before, const float *after, const float *truth, int n) {
    return 10 * log10(mean_square(before, truth, n) / mean_square(after, truth, n));
}

typedef struct fixture {
    dipper_context *context;
    dipper_recipe *recipe;
    dipper_solver_options options;
} fixture;

/* The recipe of that name with a network small enough for a test. */
static fixture begin(const char *recipe, dipper_task task, const char *iterations) {
    static const char *const settings[][2] = {
        {"channels", "16"}, {"skip_channels", "4"}, {"depth", "3"}, {"input_channels", "8"}, {"average", "100"}};
    fixture f = {0};
    dipper_context_options o;
    dipper_context_options_init(&o);
    o.threads = 1;
    assert_int_equal(dipper_context_create(&o, &f.context), DIPPER_OK);
    assert_int_equal(dipper_recipe_create(f.context, recipe, &f.recipe), DIPPER_OK);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        assert_int_equal(dipper_recipe_set(f.context, f.recipe, settings[i][0], settings[i][1]), DIPPER_OK);
    assert_int_equal(dipper_recipe_set(f.context, f.recipe, "iterations", iterations), DIPPER_OK);
    dipper_solver_options_init(&f.options);
    f.options.task = task;
    return f;
}

static void end(fixture *f) {
    dipper_recipe_destroy(&f->recipe);
    dipper_context_destroy(&f->context);
}

/* Runs to the end; stopped (may be NULL) gets the rule that ended the run. */
static void solve(fixture *f, dipper_image *in, float *out, const char **stopped) {
    dipper_solver *s = NULL;
    dipper_solver_info info = {.struct_size = sizeof info};
    int width, height, channels;
    long left = 1;
    assert_int_equal(dipper_solver_create(f->context, in, f->recipe, &f->options, &s), DIPPER_OK);
    dipper_solver_image_size(s, &width, &height, &channels);
    assert_int_equal(width, SIDE);
    assert_int_equal(height, SIDE);
    assert_int_equal(channels, in->channels);
    while (left > 0) assert_int_equal(dipper_solver_step(s, 100, &left), DIPPER_OK);
    dipper_image view = dipper_image_view(out, width, height, channels);
    assert_int_equal(dipper_solver_get_image(s, &view), DIPPER_OK);
    assert_int_equal(dipper_solver_get_info(s, &info), DIPPER_OK);
    if (stopped != NULL) *stopped = info.stopped_by;
    dipper_solver_destroy(&s);
}

static void refused(fixture *f, dipper_image *in, dipper_status status, const char *why) {
    dipper_solver *s = NULL;
    assert_int_equal(dipper_solver_create(f->context, in, f->recipe, &f->options, &s), status);
    assert_null(s);
    if (!strstr(dipper_context_message(f->context), why))
        fail_msg("'%s' does not say '%s'", dipper_context_message(f->context), why);
    dipper_context_clear(f->context);
}

/* Colour, noise of 0.1 (20 dB): at least 7 dB better, and ended by the noise. */
static void denoise_takes_the_noise(void **state) {
    static float clean[MOST], in[MOST], out[MOST];
    const char *stopped;
    (void)state;
    fixture f = begin("denoise", DIPPER_TASK_DENOISE, "1500");
    draw(clean, 3);
    for (int i = 0; i < MOST; i += 4) {
        float n[4];
        dp_philox_normal4(dp_philox_key_make(5, DP_STREAM_PERTURB), 0, (uint64_t)i / 4, n);
        for (int j = 0; j < 4; j++) in[i + j] = clean[i + j] + 0.1f * n[j];
    }
    dipper_image view = dipper_image_view(in, SIDE, SIDE, 3);
    solve(&f, &view, out, &stopped);
    const double gain = gain_db(in, out, clean, MOST);
    print_message("denoise: %.1f dB better, stopped by %s\n", gain, stopped);
    assert_true(gain > 7);
    assert_string_equal(stopped, "noise");
    end(&f);
}

/* Grey, twice as large: better than enlarging by Lanczos interpolation; the result made smaller is what was given. */
static void superres_adds_detail(void **state) {
    static float sharp[PIXELS], in[PIXELS / 4], out[PIXELS], enlarged[PIXELS], again[PIXELS / 4];
    dp_diag diag = {0};
    (void)state;
    fixture f = begin("superres", DIPPER_TASK_SUPERRES, "700");
    f.options.factor = 2;
    draw(sharp, 1);
    assert_int_equal(
        dp_plane_resize(sharp, SIDE, SIDE, 0, DP_FILTER_LANCZOS3, DP_OUTSIDE_NEAREST, &diag, in, SIDE / 2, SIDE / 2),
        DIPPER_OK);
    assert_int_equal(
        dp_plane_resize(in, SIDE / 2, SIDE / 2, 0, DP_FILTER_LANCZOS3, DP_OUTSIDE_NEAREST, &diag, enlarged, SIDE, SIDE),
        DIPPER_OK);
    dipper_image view = dipper_image_view(in, SIDE / 2, SIDE / 2, 1);
    solve(&f, &view, out, NULL);
    assert_int_equal(
        dp_plane_resize(out, SIDE, SIDE, 0, DP_FILTER_LANCZOS3, DP_OUTSIDE_NEAREST, &diag, again, SIDE / 2, SIDE / 2),
        DIPPER_OK);
    const double residual = sqrt(mean_square(again, in, PIXELS / 4));
    print_message("superres: %.2f dB better, residual %.5f\n", gain_db(enlarged, out, sharp, PIXELS), residual);
    assert_true(gain_db(enlarged, out, sharp, PIXELS) > 0.5);
    assert_true(residual < 0.0005);
    for (int x = 3; x < 8; x += 4) {
        f.options.factor = x;
        refused(&f, &view, DIPPER_ERROR_ARGUMENT, "is not 2, 4 or 8");
    }
    end(&f);
}

/* Bars and dots are missing: known pixels are kept to the bit, the others are near the truth. */
static void inpaint_fills_in(void **state) {
    static float whole[MOST], in[MOST], out[MOST], mask[PIXELS], none[PIXELS];
    double error = 0, missing = 0;
    (void)state;
    fixture f = begin("inpaint", DIPPER_TASK_INPAINT, "600");
    draw(whole, 3);
    for (int i = 0; i < PIXELS; i++) mask[i] = i / SIDE % 16 < 3 || (i % SIDE * 7 + i / SIDE * 13) % 11 == 0 ? 0 : 0.5f;
    for (int i = 0; i < MOST; i++) in[i] = mask[i % PIXELS] != 0 ? whole[i] : 1; /* what stands there does not matter */
    dipper_image view = dipper_image_view(in, SIDE, SIDE, 3);
    f.options.mask = mask;
    solve(&f, &view, out, NULL);
    for (int i = 0; i < MOST; i++) {
        if (mask[i % PIXELS] != 0) {
            assert_true(out[i] == in[i]);
            continue;
        }
        error += (double)(out[i] - whole[i]) * (double)(out[i] - whole[i]);
        missing++;
    }
    print_message("inpaint: missing pixels are off by %.4f\n", sqrt(error / missing));
    assert_true(sqrt(error / missing) < 0.05);

    f.options.mask = none;
    refused(&f, &view, DIPPER_ERROR_INPUT, "no pixel is known");
    f.options.mask = NULL;
    refused(&f, &view, DIPPER_ERROR_ARGUMENT, "needs a mask");
    for (int i = 0; i < PIXELS; i++) none[i] = 1;
    f.options.mask = none;
    refused(&f, &view, DIPPER_ERROR_INPUT, "every pixel is known");
    f.options.mask = mask;
    static const char *const contradictions[][2] = {
        {"loss", "mse:0.5,ssim"}, {"loss", "mse"},       {"colour", "luma"}, {"colour", "rgb"},
        {"back_project", "1"},    {"back_project", "0"}, {"final", "sparse"}};
    for (int i = 0; i < 7; i += 2) {
        static const char *const why[] = {"set loss=mse", "set colour=rgb", "set back_project=0", "set final=network"};
        assert_int_equal(dipper_recipe_set(f.context, f.recipe, contradictions[i][0], contradictions[i][1]), DIPPER_OK);
        refused(&f, &view, DIPPER_ERROR_ARGUMENT, why[i / 2]);
        if (i < 6)
            assert_int_equal(dipper_recipe_set(f.context, f.recipe, contradictions[i + 1][0], contradictions[i + 1][1]),
                             DIPPER_OK);
    }
    end(&f);
}

static void same_seed_same_bits(void **state) {
    static float in[MOST], a[MOST], b[MOST], mask[PIXELS];
    (void)state;
    draw(in, 3);
    for (int i = 0; i < PIXELS; i++) mask[i] = i % 5 ? 1 : 0;
    dipper_image whole = dipper_image_view(in, SIDE, SIDE, 3), quarter = dipper_image_view(in, SIDE / 4, SIDE / 4, 3);
    static const struct {
        const char *recipe;
        dipper_task task;
    } tasks[] = {
        {"denoise", DIPPER_TASK_DENOISE}, {"superres", DIPPER_TASK_SUPERRES}, {"inpaint", DIPPER_TASK_INPAINT}};
    for (size_t k = 0; k < 3; k++) {
        fixture f = begin(tasks[k].recipe, tasks[k].task, "5");
        f.options.mask = mask;
        dipper_image *given = tasks[k].task == DIPPER_TASK_SUPERRES ? &quarter : &whole;
        solve(&f, given, a, NULL);
        solve(&f, given, b, NULL);
        assert_memory_equal(a, b, sizeof a);
        f.options.seed = 1;
        solve(&f, given, b, NULL);
        assert_memory_not_equal(a, b, sizeof a);
        end(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(denoise_takes_the_noise),
        cmocka_unit_test(superres_adds_detail),
        cmocka_unit_test(inpaint_fills_in),
        cmocka_unit_test(same_seed_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
