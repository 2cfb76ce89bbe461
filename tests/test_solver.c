/* over 500 lines: one program for all that a caller sees of the solver.
 * The solver through the installed header: same seed, same bits; cancel, divergence, bad input; colour; a delta. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "backends.h"
#include "dipper/dipper.h"

enum { SIDE = 40, PIXELS = SIDE * SIDE };

static dipper_context *open_context(const char *device) {
    dipper_context_options options;
    dipper_context *c = NULL;
    dipper_context_options_init(&options);
    options.device = device;
    options.threads = 2;
    assert_int_equal(dipper_context_create(&options, &c), DIPPER_OK);
    return c;
}

/* Disks and a ramp: something with edges, each channel different. */
static void draw(float *p, int channels) {
    for (int i = 0; i < PIXELS * channels; i++) {
        const int c = i / PIXELS, y = i % PIXELS / SIDE, x = i % SIDE;
        const float a = hypotf((float)x - 14, (float)y - 12), b = hypotf((float)x - 28, (float)y - 25);
        p[i] = 0.3f + 0.005f * (float)x + (a < 7 ? 0.3f : 0) - (b < 9 ? 0.2f : 0) + 0.02f * (float)c * (float)(y % 5);
    }
}

/* A recipe small enough for a test. */
static dipper_recipe *small_recipe(dipper_context *c, const char *name) {
    const char *const settings[][2] = {{"channels", "8"},
                                       {"skip_channels", "4"},
                                       {"depth", "2"},
                                       {"iterations", "20"},
                                       {"pretrain", strncmp(name, "vdip", 4) == 0 ? "7" : "0"}};
    dipper_recipe *r = NULL;
    assert_int_equal(dipper_recipe_create(c, name, &r), DIPPER_OK);
    for (int i = 0; i < 5; i++) assert_int_equal(dipper_recipe_set(c, r, settings[i][0], settings[i][1]), DIPPER_OK);
    return r;
}

static dipper_solver *make(dipper_context *c, const dipper_recipe *r, dipper_image *image, uint64_t seed, int psf,
                           dipper_progress_fn progress, void *user) {
    dipper_solver_options o;
    dipper_solver *s = NULL;
    dipper_solver_options_init(&o);
    o.psf_width = o.psf_height = psf;
    o.seed = seed;
    o.progress = progress;
    o.user = user;
    assert_int_equal(dipper_solver_create(c, image, r, &o, &s), DIPPER_OK);
    return s;
}

static void run(dipper_context *c, const char *recipe, uint64_t seed, int channels, float *out, float *psf) {
    float picture[3 * PIXELS];
    draw(picture, channels);
    dipper_image view = dipper_image_view(picture, SIDE, SIDE, channels);
    dipper_image result = dipper_image_view(out, SIDE, SIDE, channels);
    dipper_recipe *r = small_recipe(c, recipe);
    dipper_solver *s = make(c, r, &view, seed, 5, NULL, NULL);
    long left = 1;
    while (left > 0) assert_int_equal(dipper_solver_step(s, 7, &left), DIPPER_OK);
    assert_int_equal(dipper_solver_get_image(s, &result), DIPPER_OK);
    assert_int_equal(dipper_solver_get_psf(s, psf), DIPPER_OK);
    dipper_solver_destroy(&s);
    dipper_recipe_destroy(&r);
}

static void same_seed_same_bits(void **state) {
    static const char *const recipes[] = {"fast",        "selfdeblur",   "simplersdb", "simplersdb-0.99", "vdip-std",
                                          "vdip-sparse", "vdip-extreme", "wdip",       "deblur-inr"};
    (void)state;
    dipper_context *c = open_context(test_device());
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        float a[PIXELS], b[PIXELS], other[PIXELS], psf_a[101], psf_b[101];
        run(c, recipes[i], 3, 1, a, psf_a);
        run(c, recipes[i], 3, 1, b, psf_b);
        run(c, recipes[i], 4, 1, other, psf_b);
        assert_memory_equal(a, b, sizeof a);
        assert_memory_not_equal(a, other, sizeof a);
    }
    dipper_context_destroy(&c);
}

static void psf_sums_to_one(void **state) {
    (void)state;
    dipper_context *c = open_context(test_device());
    float out[PIXELS], psf[49] = {0};
    double sum = 0;
    run(c, "fast", 0, 1, out, psf);
    for (int i = 0; i < 49; i++) {
        assert_true(psf[i] >= 0);
        sum += (double)psf[i];
    }
    assert_true(fabs(sum - 1) < 1e-5);
    dipper_context_destroy(&c);
}

static void chroma_is_kept(void **state) {
    (void)state;
    dipper_context *c = open_context(test_device());
    float in[3 * PIXELS], out[3 * PIXELS], psf[101];
    draw(in, 3);
    run(c, "fast", 0, 3, out, psf);
    double luma_change = 0;
    for (int i = 0; i < PIXELS; i++) {
        const float red = in[i] - in[PIXELS + i], blue = in[2 * PIXELS + i] - in[PIXELS + i];
        assert_true(fabsf(out[i] - out[PIXELS + i] - red) < 1e-5f);
        assert_true(fabsf(out[2 * PIXELS + i] - out[PIXELS + i] - blue) < 1e-5f);
        luma_change = fmax(luma_change, fabs((double)out[i] - (double)in[i]));
    }
    assert_true(luma_change > 1e-3);
    dipper_context_destroy(&c);
}

/* With a PSF of one pixel there is nothing to undo. */
static void delta_changes_nothing(void **state) {
    (void)state;
    dipper_context *c = open_context(test_device());
    float in[PIXELS], out[PIXELS], psf;
    draw(in, 1);
    dipper_image view = dipper_image_view(in, SIDE, SIDE, 1), result = dipper_image_view(out, SIDE, SIDE, 1);
    dipper_recipe *r = small_recipe(c, "fast");
    dipper_solver *s = make(c, r, &view, 0, 1, NULL, NULL);
    assert_int_equal(dipper_recipe_set(c, r, "channels", "4"), DIPPER_OK); /* the solver keeps its own copy */
    assert_int_equal(dipper_solver_step(s, 1000, NULL), DIPPER_OK);
    assert_int_equal(dipper_solver_get_image(s, &result), DIPPER_OK);
    assert_int_equal(dipper_solver_get_psf(s, &psf), DIPPER_OK);
    assert_true(fabsf(psf - 1) < 1e-6f);
    for (int i = 0; i < PIXELS; i++) assert_true(fabsf(out[i] - in[i]) < 0.02f);
    dipper_solver_destroy(&s);
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
}

static int stop_at_five(const dipper_progress *p, void *user) {
    *(long *)user = p->iteration;
    assert_true(p->seconds_left >= 0);
    return p->iteration >= 5;
}

static void cancel_leaves_a_result(void **state) {
    (void)state;
    dipper_context *c = open_context(test_device());
    float in[PIXELS], out[PIXELS];
    long seen = 0, left = 0;
    draw(in, 1);
    dipper_image view = dipper_image_view(in, SIDE, SIDE, 1), result = dipper_image_view(out, SIDE, SIDE, 1);
    dipper_recipe *r = small_recipe(c, "fast");
    dipper_solver *s = make(c, r, &view, 0, 5, stop_at_five, &seen);
    assert_int_equal(dipper_solver_step(s, 1000, &left), DIPPER_ERROR_CANCELLED);
    assert_int_equal(seen, 5);
    assert_true(left > 0);
    assert_int_equal(dipper_solver_get_image(s, &result), DIPPER_OK);
    for (int i = 0; i < PIXELS; i++) assert_true(isfinite(out[i]));
    dipper_solver_destroy(&s);
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
}

/* Squares of 1e25 are infinite in float: the first loss already is. */
static void divergence_names_the_iteration(void **state) {
    (void)state;
    dipper_context *c = open_context(test_device());
    float in[PIXELS], out[PIXELS];
    draw(in, 1);
    for (int i = 0; i < PIXELS; i++) in[i] *= 1e25f;
    dipper_image view = dipper_image_view(in, SIDE, SIDE, 1), result = dipper_image_view(out, SIDE, SIDE, 1);
    dipper_recipe *r = small_recipe(c, "selfdeblur");
    dipper_solver *s = make(c, r, &view, 0, 5, NULL, NULL);
    assert_int_equal(dipper_solver_step(s, 10, NULL), DIPPER_ERROR_DIVERGED);
    assert_non_null(strstr(dipper_context_message(c), "iteration 1 "));
    assert_int_equal(dipper_solver_get_image(s, &result), DIPPER_OK);
    for (int i = 0; i < PIXELS; i++) assert_true(isfinite(out[i]));
    dipper_solver_destroy(&s);
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
}

/* Steps to the end; the picture goes to out, unless that is NULL. */
static dipper_status finish(dipper_context *c, const dipper_recipe *r, const dipper_solver_options *o,
                            dipper_image *picture, float *out, float *psf) {
    dipper_solver *s = NULL;
    dipper_image result = dipper_image_view(out, picture->width, picture->height, picture->channels);
    dipper_context_clear(c);
    dipper_status status = dipper_solver_create(c, picture, r, o, &s);
    if (status == DIPPER_OK) status = dipper_solver_step(s, 100000, NULL);
    if (status == DIPPER_OK && out != NULL) assert_int_equal(dipper_solver_get_image(s, &result), DIPPER_OK);
    if (status == DIPPER_OK && psf != NULL) assert_int_equal(dipper_solver_get_psf(s, psf), DIPPER_OK);
    dipper_solver_destroy(&s);
    return status;
}

static void set(dipper_context *c, dipper_recipe *r, const char *field, const char *value) {
    assert_int_equal(dipper_recipe_set(c, r, field, value), DIPPER_OK);
}

static double mean_square(const float *a, const float *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sum / n;
}

/* Every channel comes from the network, not the chroma given as with luma; and the last step restores each. */
static void colour_is_restored(void **state) {
    (void)state;
    dipper_context *c = open_context(test_device());
    float in[3 * PIXELS], out[3 * PIXELS], want[3 * PIXELS], psf[9], change = 0;
    draw(in, 3);
    dipper_image view = dipper_image_view(in, SIDE, SIDE, 3), wanted = dipper_image_view(want, SIDE, SIDE, 3);
    dipper_recipe *r = small_recipe(c, "selfdeblur");
    dipper_sparse_options sparse;
    dipper_solver_options o;
    dipper_sparse_options_init(&sparse);
    dipper_solver_options_init(&o);
    o.psf_width = o.psf_height = 3;
    o.noise_sigma = sparse.noise_sigma = 0.01;
    set(c, r, "colour", "rgb");
    set(c, r, "iterations", "150");
    assert_int_equal(finish(c, r, &o, &view, out, NULL), DIPPER_OK);
    for (int p = 0; p < PIXELS; p++) change = fmaxf(change, fabsf(out[p] - out[PIXELS + p] - in[p] + in[PIXELS + p]));
    assert_true(change > 1e-4f);
    assert_true(mean_square(in, out, 3 * PIXELS) < 0.01);
    set(c, r, "iterations", "5");
    set(c, r, "final", "sparse");
    assert_int_equal(finish(c, r, &o, &view, out, psf), DIPPER_OK);
    assert_int_equal(dipper_deconvolve_sparse(c, &view, psf, 3, 3, &sparse, &wanted), DIPPER_OK);
    assert_true(mean_square(out, want, 3 * PIXELS) < 1e-8);
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
}

/* The network fits the picture first and the noise later. */
static void denoising_needs_no_psf(void **state) {
    (void)state;
    dipper_context *c = open_context(test_device());
    float clean[PIXELS], in[PIXELS], out[PIXELS], psf = 0;
    draw(clean, 1);
    uint32_t random = 1;
    for (int i = 0; i < PIXELS; i++) {
        random = random * 1664525u + 1013904223u;
        in[i] = clean[i] + 0.3f * ((float)(random >> 8) / 0x1p24f - 0.5f);
    }
    dipper_image view = dipper_image_view(in, SIDE, SIDE, 1);
    dipper_recipe *r = small_recipe(c, "selfdeblur");
    dipper_solver_options o;
    dipper_solver_options_init(&o); /* a PSF of 31 px would be too large for this picture */
    o.task = DIPPER_TASK_DENOISE;
    set(c, r, "loss", "mse");
    set(c, r, "iterations", "50");
    set(c, r, "average", "10");
    assert_int_equal(finish(c, r, &o, &view, out, &psf), DIPPER_OK);
    assert_true(psf == 1);
    assert_true(mean_square(out, clean, PIXELS) < 0.5 * mean_square(in, clean, PIXELS));
    set(c, r, "final", "sparse");
    assert_int_equal(finish(c, r, &o, &view, NULL, NULL), DIPPER_ERROR_ARGUMENT);
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
}

/* The PSF told is used, is returned with sum 1, and moves nothing, though its centroid is not in the middle. */
static void known_psf_is_kept(void **state) {
    (void)state;
    dipper_context *c = open_context(test_device());
    float in[PIXELS], out[PIXELS], psf[15], given[15] = {[9] = 3, [14] = 1};
    draw(in, 1);
    dipper_image view = dipper_image_view(in, SIDE, SIDE, 1);
    dipper_recipe *r = small_recipe(c, "selfdeblur");
    dipper_solver_options o;
    dipper_solver_options_init(&o);
    o.psf_width = 5;
    o.psf_height = 3;
    set(c, r, "psf", "fixed");
    set(c, r, "scales", "0.5,1");
    set(c, r, "iterations", "50,150");
    assert_int_equal(finish(c, r, &o, &view, NULL, NULL), DIPPER_ERROR_ARGUMENT);
    o.psf = given;
    assert_int_equal(finish(c, r, &o, &view, out, psf), DIPPER_OK);
    for (int i = 0; i < 15; i++) assert_true(psf[i] == given[i] / 4);
    float seen[PIXELS] = {0}; /* the result blurred again is the picture given, away from the border */
    double error = 0, moved = 0;
    for (int y = 2; y < SIDE - 2; y++)
        for (int x = 3; x < SIDE - 3; x++) {
            const int i = y * SIDE + x; /* element (1, 4) brings the light of 2 px to the left, (2, 4) also of 1 up */
            seen[i] = 0.75f * out[i - 2] + 0.25f * out[i - SIDE - 2];
            error += fabs((double)seen[i] - (double)in[i]);
            moved += fabs((double)out[i] - (double)in[i]);
        }
    assert_true(error < 0.7 * moved);
    given[3] = -1;
    assert_int_equal(finish(c, r, &o, &view, NULL, NULL), DIPPER_ERROR_INPUT);
    set(c, r, "psf", "direct");
    assert_int_equal(finish(c, r, &o, &view, NULL, NULL), DIPPER_ERROR_ARGUMENT);
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
}

/* Moments are shares up to 1 and iterations above, and the losses follow the list. */
static void losses_follow_the_list(void **state) {
    static const char *const lists[] = {"mse:0.5,ssim", "mse:10,ssim", "ssim:0.5,mse"};
    double losses[3][20];
    (void)state;
    dipper_context *c = open_context(test_device());
    float in[PIXELS];
    draw(in, 1);
    dipper_image view = dipper_image_view(in, SIDE, SIDE, 1);
    for (int i = 0; i < 3; i++) {
        dipper_recipe *r = small_recipe(c, "selfdeblur");
        dipper_solver_info info = {.struct_size = sizeof info};
        set(c, r, "loss", lists[i]);
        dipper_solver *s = make(c, r, &view, 0, 5, NULL, NULL);
        assert_int_equal(dipper_solver_step(s, 100, NULL), DIPPER_OK);
        assert_int_equal(dipper_solver_get_info(s, &info), DIPPER_OK);
        assert_int_equal(info.loss_count, 20);
        memcpy(losses[i], info.losses, sizeof losses[i]);
        dipper_solver_destroy(&s);
        dipper_recipe_destroy(&r);
    }
    assert_memory_equal(losses[0], losses[1], sizeof losses[0]);
    assert_true(losses[0][9] < 0.1 && losses[0][10] > 0.1); /* 1-SSIM is far larger than MSE here */
    assert_true(losses[2][9] > 0.1 && losses[2][10] < 0.1);
    dipper_context_destroy(&c);
}

static dipper_status try_create(dipper_context *c, const dipper_recipe *r, float *pixels, int w, int h, int psf) {
    dipper_image view = dipper_image_view(pixels, w, h, 1);
    dipper_solver_options o;
    dipper_solver *s = NULL;
    dipper_solver_options_init(&o);
    o.psf_width = o.psf_height = psf;
    dipper_context_clear(c);
    const dipper_status status = dipper_solver_create(c, &view, r, &o, &s);
    assert_true((s == NULL) == (status != DIPPER_OK));
    assert_true(status == DIPPER_OK || strlen(dipper_context_message(c)) > 10);
    dipper_solver_destroy(&s);
    return status;
}

static void bad_input_is_refused(void **state) {
    (void)state;
    dipper_context *c = open_context(test_device());
    float p[PIXELS];
    dipper_recipe *r = small_recipe(c, "fast");
    draw(p, 1);
    assert_int_equal(try_create(c, r, p, SIDE, SIDE, 5), DIPPER_OK);
    assert_int_equal(try_create(c, r, p, SIDE, SIDE, 4), DIPPER_ERROR_ARGUMENT);
    assert_int_equal(try_create(c, r, p, SIDE, SIDE, 103), DIPPER_ERROR_ARGUMENT);
    assert_int_equal(try_create(c, r, p, SIDE, SIDE, 41), DIPPER_ERROR_INPUT);
    assert_int_equal(try_create(c, r, p, 1, 1, 1), DIPPER_ERROR_INPUT);
    p[SIDE + 3] = NAN;
    assert_int_equal(try_create(c, r, p, SIDE, SIDE, 5), DIPPER_ERROR_INPUT);
    assert_non_null(strstr(dipper_context_message(c), "x=3, y=1"));
    for (int i = 0; i < PIXELS; i++) p[i] = 0.5f;
    assert_int_equal(try_create(c, r, p, SIDE, SIDE, 5), DIPPER_ERROR_INPUT);
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
}

/* Each pair is refused by a message that names both. */
static void contradictions_are_named(void **state) {
    static const char *const pairs[][4] = {
        {"restarts", "2", "scales", "1"},       {"psf", "fixed", "final", "blend"},
        {"psf", "fixed", "psf_start", "delta"}, {"psf", "siren", "psf_start", "delta"},
        {"psf", "fixed", "guide", "0.001"},     {"guide", "0.001", "centre_every", "10"},
        {"loss", "elbo", "output", "mean"},     {"output", "mean-std", "loss", "ssim"},
        {"prior", "sparse", "loss", "ssim"},    {"pretrain", "0", "pretrain_target", "truth"},
        {"average", "0", "stop_noise", "1"},    {"average", "0", "stop_patience", "5"}};
    (void)state;
    dipper_context *c = open_context(test_device());
    float p[PIXELS];
    draw(p, 1);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        dipper_recipe *r = small_recipe(c, "selfdeblur");
        set(c, r, pairs[i][0], pairs[i][1]);
        set(c, r, pairs[i][2], pairs[i][3]);
        assert_int_equal(try_create(c, r, p, SIDE, SIDE, 5), DIPPER_ERROR_ARGUMENT);
        assert_non_null(strstr(dipper_context_message(c), pairs[i][0]));
        assert_non_null(strstr(dipper_context_message(c), pairs[i][2]));
        dipper_recipe_destroy(&r);
    }
    dipper_recipe *r = small_recipe(c, "selfdeblur");
    dipper_context_clear(c);
    assert_int_equal(dipper_recipe_set(c, r, "iteratoins", "5"), DIPPER_ERROR_ARGUMENT);
    assert_non_null(strstr(dipper_context_message(c), "'iterations'"));
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
}

/* The PSF before the first steps (learning rate 0): what was asked for, at every kind that can start elsewhere. */
static void psf_starts_where_it_is_told(void **state) {
    static const char *const kinds[] = {"direct", "fcn"};
    static const char *const starts[] = {"constant", "random", "delta", "file"};
    const float file[15] = {[6] = 1, [7] = 3, [8] = 2, [2] = 2};
    (void)state;
    dipper_context *c = open_context(test_device());
    float p[PIXELS];
    draw(p, 1);
    dipper_image view = dipper_image_view(p, SIDE, SIDE, 1);
    for (int i = 0; i < 8; i++) {
        float psf[15], most = 0;
        dipper_recipe *r = small_recipe(c, "selfdeblur");
        dipper_solver_options o;
        dipper_solver_options_init(&o);
        o.psf_width = 5;
        o.psf_height = 3;
        set(c, r, "psf", kinds[i / 4]);
        set(c, r, "psf_start", starts[i % 4]);
        set(c, r, "lr_psf", "0");
        set(c, r, "iterations", "1");
        if (i % 4 == 3) assert_int_equal(finish(c, r, &o, &view, NULL, psf), DIPPER_ERROR_ARGUMENT);
        if (i % 4 == 3) o.psf = file;
        assert_int_equal(finish(c, r, &o, &view, NULL, psf), DIPPER_OK);
        for (int k = 0; k < 15; k++) most = fmaxf(most, psf[k]);
        if (i % 4 == 0) assert_true(fabsf(most - 1.0f / 15) < 1e-6f);
        if (i % 4 == 1) assert_true(most > 1.2f / 15 && most < 0.8f);
        if (i % 4 == 2) assert_true(psf[7] > 0.985f);
        if (i % 4 == 3)
            for (int k = 0; k < 15; k++) assert_true(fabsf(psf[k] - file[k] / 8) < 0.006f);
        dipper_recipe_destroy(&r);
    }
    dipper_context_destroy(&c);
}

/* Each source of chance alone changes the result; the one seed stands for both where they are not told. */
static void seeds_are_separate(void **state) {
    static const uint64_t seeds[][3] = {{3, DIPPER_SEED_SAME, DIPPER_SEED_SAME}, {3, 3, 3}, {3, 4, 3}, {3, 3, 4}};
    float out[4][PIXELS], p[PIXELS];
    (void)state;
    dipper_context *c = open_context(test_device());
    draw(p, 1);
    dipper_image view = dipper_image_view(p, SIDE, SIDE, 1);
    for (int i = 0; i < 4; i++) {
        dipper_recipe *r = small_recipe(c, "selfdeblur");
        dipper_solver_options o;
        dipper_solver_options_init(&o);
        o.psf_width = o.psf_height = 3;
        o.seed = seeds[i][0];
        o.seed_weights = seeds[i][1];
        o.seed_input = seeds[i][2];
        set(c, r, "iterations", "3");
        assert_int_equal(finish(c, r, &o, &view, out[i], NULL), DIPPER_OK);
        dipper_recipe_destroy(&r);
    }
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    assert_memory_not_equal(out[0], out[2], sizeof out[0]);
    assert_memory_not_equal(out[0], out[3], sizeof out[0]);
    assert_memory_not_equal(out[2], out[3], sizeof out[0]);
    dipper_context_destroy(&c);
}

/* With alpha = 0 the network learns its target, blurred or true, before the first iteration; a truth without use, a
 * wish without truth, and another size are refused. */
static void pretraining_fits_its_target(void **state) {
    (void)state;
    dipper_context *c = open_context(test_device());
    float p[PIXELS], truth[PIXELS], out[PIXELS];
    draw(truth, 1);
    for (int i = 0; i < PIXELS; i++) p[i] = 0.5f * (truth[i] + truth[i % SIDE > 4 ? i - 5 : i]);
    dipper_image view = dipper_image_view(p, SIDE, SIDE, 1), true_view = dipper_image_view(truth, SIDE, SIDE, 1);
    dipper_recipe *r = small_recipe(c, "selfdeblur");
    dipper_solver_options o;
    dipper_solver_options_init(&o);
    o.psf_width = 7;
    o.psf_height = 3;
    set(c, r, "iterations", "1");
    set(c, r, "pretrain", "300");
    set(c, r, "pretrain_alpha", "0");
    set(c, r, "lr_psf", "0");
    set(c, r, "psf_start", "constant"); /* so that nothing is moved */
    assert_int_equal(finish(c, r, &o, &view, out, NULL), DIPPER_OK);
    assert_true(mean_square(out, p, PIXELS) < 0.5 * mean_square(out, truth, PIXELS));
    o.truth = &true_view;
    assert_int_equal(finish(c, r, &o, &view, NULL, NULL), DIPPER_ERROR_ARGUMENT);
    set(c, r, "pretrain_target", "truth");
    assert_int_equal(finish(c, r, &o, &view, out, NULL), DIPPER_OK);
    assert_true(mean_square(out, truth, PIXELS) < 0.5 * mean_square(out, p, PIXELS));
    true_view.width--;
    assert_int_equal(finish(c, r, &o, &view, NULL, NULL), DIPPER_ERROR_INPUT);
    o.truth = NULL;
    assert_int_equal(finish(c, r, &o, &view, NULL, NULL), DIPPER_ERROR_ARGUMENT);
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
}

/* Over averaged outputs, or of a posterior; not before the last scale, and not where there is none. */
static void uncertainty_is_a_deviation(void **state) {
    static const char *const recipes[] = {"selfdeblur", "vdip-sparse"};
    (void)state;
    dipper_context *c = open_context(test_device());
    float p[PIXELS], deviation[PIXELS];
    draw(p, 1);
    dipper_image view = dipper_image_view(p, SIDE, SIDE, 1), out = dipper_image_view(deviation, SIDE, SIDE, 1);
    for (int i = 0; i < 2; i++) {
        dipper_recipe *r = small_recipe(c, recipes[i]);
        double sum = 0;
        dipper_solver *none = make(c, r, &view, 0, 5, NULL, NULL);
        assert_int_equal(dipper_solver_get_uncertainty(none, &out), DIPPER_ERROR_ARGUMENT);
        assert_int_equal(dipper_solver_step(none, 1000, NULL), DIPPER_OK);
        if (i == 0) assert_int_equal(dipper_solver_get_uncertainty(none, &out), DIPPER_ERROR_ARGUMENT);
        if (i == 0) set(c, r, "average", "8");
        dipper_solver *s = make(c, r, &view, 0, 5, NULL, NULL);
        assert_int_equal(dipper_solver_step(s, 1000, NULL), DIPPER_OK);
        assert_int_equal(dipper_solver_get_uncertainty(s, &out), DIPPER_OK);
        for (int k = 0; k < PIXELS; k++) {
            assert_true(deviation[k] >= 0 && deviation[k] < 1);
            sum += (double)deviation[k];
        }
        assert_true(sum > 0);
        dipper_solver_destroy(&none);
        dipper_solver_destroy(&s);
        dipper_recipe_destroy(&r);
    }
    dipper_context_destroy(&c);
}

static void recipe_fields_are_checked(void **state) {
    static const char *const bad[][2] = {
        {"channels", "0"},   {"channels", "3.5"},  {"channels", "many"},   {"lr_image", "-1"}, {"lr_image", "nan"},
        {"loss", "mse:0.5"}, {"loss", "mse,ssim"}, {"loss", "mse:0,ssim"}, {"loss", "mae"},    {"loss", "mse:x,ssim"},
        {"psf", "round"},    {"scales", "1,,2"},   {"scales", "0"},        {"nonsense", "1"},  {"keep_moments", "2"}};
    (void)state;
    dipper_context *c = open_context("ref");
    dipper_recipe *r = NULL;
    dipper_field f;
    assert_int_equal(dipper_recipe_create(c, "none", &r), DIPPER_ERROR_ARGUMENT);
    assert_null(r);
    assert_int_equal(dipper_recipe_create(c, "fast", &r), DIPPER_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(dipper_recipe_set(c, r, bad[i][0], bad[i][1]), DIPPER_ERROR_ARGUMENT);
    for (int i = 0; i < dipper_recipe_field_count(); i++) { /* what is written can be read */
        assert_int_equal(dipper_recipe_field(r, i, &f), DIPPER_OK);
        assert_int_equal(dipper_recipe_set(c, r, f.name, f.value), DIPPER_OK);
    }
    dipper_recipe_destroy(&r);
    dipper_context_destroy(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_bits),
        cmocka_unit_test(psf_sums_to_one),
        cmocka_unit_test(chroma_is_kept),
        cmocka_unit_test(delta_changes_nothing),
        cmocka_unit_test(cancel_leaves_a_result),
        cmocka_unit_test(divergence_names_the_iteration),
        cmocka_unit_test(colour_is_restored),
        cmocka_unit_test(denoising_needs_no_psf),
        cmocka_unit_test(known_psf_is_kept),
        cmocka_unit_test(losses_follow_the_list),
        cmocka_unit_test(contradictions_are_named),
        cmocka_unit_test(psf_starts_where_it_is_told),
        cmocka_unit_test(seeds_are_separate),
        cmocka_unit_test(pretraining_fits_its_target),
        cmocka_unit_test(uncertainty_is_a_deviation),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(recipe_fields_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
