/* The automatic mode's search: softness, windows, the wide picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bid/search_fft.h"
#include "boxes.h"
#include "cpu.h"
#include "deconv/soften_fft.h"
#include "image/blur.h"
#include "image/psf.h"
#include "metric/metric.h"

enum { SIDE = BENT_LINE, SHARP = 150, BLURRED = SHARP - SIDE + 1, REACH = 3, GAUSS = 2 * REACH + 1 };

/* What a camera with that softness sees through the PSF. */
static dp_image see(const float *psf, double softness, float *sharp) {
    static float padded[SHARP + 2 * REACH][SHARP + 2 * REACH];
    float gauss[GAUSS * GAUSS];
    dp_image blurred = {0};
    draw_boxes(sharp, SHARP);
    assert_int_equal(dp_image_create(BLURRED, BLURRED, 1, &diag, &blurred), DIPPER_OK);
    if (softness > 0) {
        for (int i = 0; i < GAUSS * GAUSS; i++)
            gauss[i] =
                (float)exp(-((i / GAUSS - REACH) * (i / GAUSS - REACH) + (i % GAUSS - REACH) * (i % GAUSS - REACH)) /
                           (2 * softness * softness));
        (void)dp_psf_normalise(gauss, GAUSS, GAUSS);
        dp_plane_pad(sharp, SHARP, SHARP, REACH, REACH, REACH, REACH, DP_BORDER_REPLICATE, padded[0]);
        dp_plane_blur(padded[0], SHARP + 2 * REACH, SHARP + 2 * REACH, gauss, GAUSS, GAUSS, 1, sharp);
    }
    dp_plane_blur(sharp, SHARP, SHARP, psf, SIDE, SIDE, 1, blurred.data);
    return blurred;
}

static double correlation(const float *a, const float *b, int n) {
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

static dp_search search_in(const dp_image *blurred) {
    static const dp_variant variant = {.method = "map-l0"};
    dp_search s = {.be = be, .luma = blurred, .noise_sigma = 0.001, .blurred = true, .variant = &variant};
    dp_search_windows(&s);
    return s;
}

static void windows_suit_the_picture(void **state) {
    (void)state;
    dp_image small = {.width = 40, .height = 300, .channels = 1}, large = {.width = 500, .height = 450, .channels = 1},
             larger = {.width = 900, .height = 800, .channels = 1};
    dp_search s = {.luma = &small};
    dp_search_windows(&s);
    assert_int_equal(s.windows[s.window_count - 1], 9);
    assert_int_equal(s.side, 9);
    s.luma = &large;
    dp_search_windows(&s);
    assert_int_equal(s.side, 101);
    for (int i = 0; i < s.window_count; i++) assert_int_equal(s.windows[i] % 2, 1);
    s.luma = &small;
    s.wide = &larger; /* large windows are left to it */
    dp_search_windows(&s);
    assert_int_equal(s.windows[s.window_count - 1], 9);
    assert_int_equal(s.side, 101);
    s.told = 23;
    dp_search_windows(&s);
    assert_int_equal(s.window_count, 1);
    assert_int_equal(s.side, 23);
    assert_null(s.wide); /* it is for large ones */
    s.told = 61;
    s.wide = &larger;
    dp_search_windows(&s);
    assert_int_equal(s.side, 61);
    assert_true(s.wide == &larger);
}

/* Its windows are `count`, the first and the last of them as said. */
static void narrows_to(const dp_image *picture, const dp_image *wide, int extent, int count, int first, int last) {
    dp_search s = {.luma = picture, .wide = wide};
    dp_search_windows(&s);
    const int side = s.side;
    dp_search_narrow(&s, extent);
    assert_int_equal(s.window_count, count);
    assert_int_equal(s.windows[0], first);
    assert_int_equal(s.windows[count - 1], last);
    assert_int_equal(s.side, side); /* PSFs stay as large */
    assert_null(s.wide);
}

static void windows_nearby(void **state) {
    (void)state;
    dp_image picture = {.width = 500, .height = 450, .channels = 1}, small = {.width = 40, .height = 40, .channels = 1},
             wide = {.width = 900, .height = 800, .channels = 1};
    narrows_to(&picture, &wide, 19, 3, 13, 27);
    narrows_to(&picture, &wide, 25, 3, 19, 37);
    narrows_to(&picture, &wide, 7, 2, 7, 9);
    narrows_to(&picture, &wide, 101, 2, 71, 101);
    narrows_to(&picture, &wide, 55, 3, 51, 101); /* from the wide picture: none of the list */
    narrows_to(&small, NULL, 75, 2, 7, 9);
}

/* A picture that is soft: the refitted PSF is nearer to the truth than the one that takes the softness for blur. */
static void softening_finds_the_narrower_psf(void **state) {
    (void)state;
    static float psf[SIDE * SIDE], found[SIDE * SIDE], softer[SIDE * SIDE], sharp[SHARP * SHARP];
    draw_bent_line(psf);
    dp_image blurred = see(psf, 0.6, sharp);
    float *latent = malloc(BLURRED * BLURRED * sizeof *latent);
    dp_estimate job = dp_estimate_defaults(dp_estimator_find("map-l0"));
    job.be = be;
    job.blurred = blurred.data;
    job.h = job.w = BLURRED;
    job.kh = job.kw = SIDE;
    job.noise_sigma = 0.001;
    assert_non_null(latent);
    assert_int_equal(dp_estimate_run(&job, &diag, found, latent), DIPPER_OK);
    memcpy(softer, found, sizeof found);
    assert_int_equal(dp_soften(&job, latent, 0.6, &diag, softer), DIPPER_OK);
    float most = 0, before = 0;
    double sum = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        most = fmaxf(most, softer[i]);
        before = fmaxf(before, found[i]);
        sum += softer[i];
        assert_true(softer[i] >= 0);
    }
    assert_true(fabs(sum - 1) < 1e-5);
    assert_true(most > 1.1F * before);
    free(latent);
    dp_image_free(&blurred);
}

static void search_finds_psf_and_softness(void **state) {
    (void)state;
    static float psf[SIDE * SIDE], sharp[SHARP * SHARP], inner[SIDE * SIDE];
    draw_bent_line(psf);
    for (int soft = 0; soft < 2; soft++) {
        dp_image blurred = see(psf, soft ? 0.6 : 0, sharp);
        dp_search s = search_in(&blurred);
        dp_candidate best = {.psf = calloc((size_t)s.side * (size_t)s.side, sizeof(float))};
        assert_non_null(best.psf);
        assert_true(s.side > SIDE);
        assert_int_equal(dp_search_run(&s, &diag, &best), DIPPER_OK);
        double closest = 0; /* PSFs are known up to a shift */
        for (int dy = -2; dy <= 2; dy++)
            for (int dx = -2; dx <= 2; dx++) {
                const int at = (s.side - SIDE) / 2;
                for (int y = 0; y < SIDE; y++)
                    memcpy(inner + y * SIDE, best.psf + (y + at + dy) * s.side + at + dx, SIDE * sizeof *inner);
                closest = fmax(closest, correlation(inner, psf, SIDE * SIDE));
            }
        assert_true(closest > 0.85);
        if (soft)
            assert_true(best.softness > 0);
        else
            assert_true(best.softness < 0.5);
        free(best.psf);
        dp_image_free(&blurred);
    }
}

static int count(int done, int of, void *user) {
    assert_true(done <= of);
    *(int *)user = done;
    return 0;
}

/* The best one's agreement is that with the next larger window. */
static void search_asks_the_next_window(void **state) {
    (void)state;
    static float psf[SIDE * SIDE], sharp[SHARP * SHARP];
    draw_bent_line(psf);
    dp_image blurred = see(psf, 0, sharp);
    dp_search s = search_in(&blurred);
    int done = 0;
    s.progress = count;
    s.user = &done;
    dp_candidate best = {.psf = calloc((size_t)s.side * (size_t)s.side, sizeof(float))};
    assert_non_null(best.psf);
    assert_int_equal(dp_search_run(&s, &diag, &best), DIPPER_OK);
    assert_int_equal(done, s.window_count + 3);
    assert_int_equal(best.tried, done);
    assert_true(best.agreement > 0.85 && best.agreement <= 1 + 1e-6);
    s.told = best.window; /* nothing to agree with */
    dp_search_windows(&s);
    assert_int_equal(dp_search_run(&s, &diag, &best), DIPPER_OK);
    assert_true(best.agreement == 0);
    free(best.psf);
    dp_image_free(&blurred);
}

static int after_one(int done, int of, void *user) {
    (void)of;
    *(int *)user = done;
    return 1;
}

static bool three_fit(double took, double next, void *user) {
    assert_true(took > 0 && next >= took);
    return ++*(int *)user < 3;
}

/* By the caller, or because there is no time for another one: what there is is the result. */
static void search_can_be_stopped(void **state) {
    (void)state;
    static float psf[SIDE * SIDE], sharp[SHARP * SHARP];
    draw_bent_line(psf);
    dp_image blurred = see(psf, 0, sharp);
    for (int hurried = 0; hurried < 2; hurried++) {
        dp_search s = search_in(&blurred);
        int asked = 0;
        if (hurried)
            s.fits = three_fit;
        else
            s.progress = after_one;
        s.user = &asked;
        dp_candidate best = {.psf = calloc((size_t)s.side * (size_t)s.side, sizeof(float))};
        assert_non_null(best.psf);
        assert_int_equal(dp_search_run(&s, &diag, &best), DIPPER_OK);
        assert_int_equal(asked, hurried ? 3 : 1);
        assert_int_equal(best.tried, hurried ? 3 : 1);
        assert_true(best.window > 0 && isfinite(best.score) && best.softness == 0);
        if (!hurried) assert_int_equal(best.window, s.windows[s.window_count / 2]); /* from the middle outwards */
        free(best.psf);
    }
    dp_image_free(&blurred);
}

/* With one thread and with several the same bits. */
static void threads_change_nothing(void **state) {
    (void)state;
    static float psf[SIDE * SIDE], sharp[SHARP * SHARP], *found[2];
    dp_candidate best[2] = {{0}};
    draw_bent_line(psf);
    dp_image blurred = see(psf, 0.5, sharp);
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        dp_backend *own = NULL;
        assert_int_equal(dp_backend_open("cpu", i ? 3 : 1, &diag, &own), DIPPER_OK);
        dp_search s = search_in(&blurred);
        s.be = own;
        n = (size_t)s.side * (size_t)s.side;
        best[i].psf = found[i] = calloc(n, sizeof(float));
        assert_non_null(found[i]);
        assert_int_equal(dp_search_run(&s, &diag, &best[i]), DIPPER_OK);
        dp_backend_close(&own);
    }
    assert_memory_equal(found[0], found[1], n * sizeof(float));
    assert_true(best[0].score == best[1].score && best[0].agreement == best[1].agreement);
    free(found[0]);
    free(found[1]);
    dp_image_free(&blurred);
}

/* The finer scales take three times as long as a candidate of the halved picture. */
static bool no_finer_scales(double took, double next, void *user) {
    (void)user;
    return next < 2.5 * took;
}

/* A PSF too large for the part: the halved wide picture has it, and adds detail if there is time. */
static void large_psfs_are_found_in_the_wide_picture(void **state) {
    (void)state;
    enum { LARGE = 2 * SIDE + 1, SCENE = 260, SEEN = SCENE - LARGE + 1, PART = 100 };
    static float small[SIDE * SIDE], psf[LARGE * LARGE], sharp[SCENE * SCENE];
    dp_image wide = {0}, part = {0};
    draw_bent_line(small);
    draw_boxes(sharp, SCENE);
    assert_int_equal(dp_psf_resample(small, SIDE, SIDE, 2, &diag, psf, LARGE, LARGE), DIPPER_OK);
    assert_int_equal(dp_image_create(SEEN, SEEN, 1, &diag, &wide), DIPPER_OK);
    dp_plane_blur(sharp, SCENE, SCENE, psf, LARGE, LARGE, 1, wide.data);
    assert_int_equal(dp_image_crop(&wide, 60, 60, PART, PART, &diag, &part), DIPPER_OK);
    static const dp_variant coarse[] = {{.method = "vb"}, {"map-l0", {{"weight", 0.003}}}, {.method = NULL}};
    double likeness[2];
    for (int hurried = 0; hurried < 2; hurried++) {
        dp_search s = search_in(&part);
        int n = 0;
        s.wide = &wide;
        s.coarse = coarse;
        s.progress = count;
        s.fits = hurried ? no_finer_scales : NULL;
        s.user = &n;
        dp_search_windows(&s);
        assert_true(s.windows[s.window_count - 1] < LARGE && s.side > LARGE);
        dp_candidate best = {.psf = calloc((size_t)s.side * (size_t)s.side, sizeof(float))};
        assert_non_null(best.psf);
        assert_int_equal(dp_search_run(&s, &diag, &best), DIPPER_OK);
        likeness[hurried] = dp_psf_compare(best.psf, s.side, s.side, psf, LARGE, LARGE).correlation;
        double sum = 0;
        for (int i = 0; i < s.side * s.side; i++) sum += best.psf[i];
        assert_true(fabs(sum - 1) < 1e-4 && isfinite(best.score) && best.agreement > 0);
        assert_true(hurried || best.window > SIDE);
        free(best.psf);
    }
    if (!(likeness[0] > 0.985 && likeness[1] > 0.7))
        fail_msg("likeness %.3f, in a hurry %.3f", likeness[0], likeness[1]);
    dp_image_free(&part);
    dp_image_free(&wide);
}

/* By night: black but for what is lit, and that beyond what a sensor can hold. */
static void draw_night(float *sharp) {
    const float dark = 0.85F, bright = 40;
    draw_boxes(sharp, SHARP);
    for (int i = 0; i < SHARP * SHARP; i++) sharp[i] = bright * fmaxf(sharp[i] - dark, 0);
}

/* A point explains what is lit, whose borders are steep where the sensor's range ends. It does not win if the picture
 * is known to be blurred. */
static void lights_are_no_sign_of_sharpness(void **state) {
    (void)state;
    static float psf[SIDE * SIDE], sharp[SHARP * SHARP];
    dp_image blurred = {0};
    double likeness[2];
    draw_bent_line(psf);
    draw_night(sharp);
    assert_int_equal(dp_image_create(BLURRED, BLURRED, 1, &diag, &blurred), DIPPER_OK);
    dp_plane_blur(sharp, SHARP, SHARP, psf, SIDE, SIDE, 1, blurred.data);
    for (int i = 0; i < BLURRED * BLURRED; i++) blurred.data[i] = fminf(blurred.data[i], 1);
    for (int known = 0; known < 2; known++) {
        dp_search s = search_in(&blurred);
        s.blurred = known;
        dp_candidate best = {.psf = calloc((size_t)s.side * (size_t)s.side, sizeof(float))};
        assert_non_null(best.psf);
        assert_int_equal(dp_search_run(&s, &diag, &best), DIPPER_OK);
        likeness[known] = dp_psf_compare(best.psf, s.side, s.side, psf, SIDE, SIDE).correlation;
        free(best.psf);
    }
    if (!(likeness[0] < 0.8 && likeness[1] > 0.95)) fail_msg("likeness %.3f, known %.3f", likeness[0], likeness[1]);
    dp_image_free(&blurred);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_suit_the_picture),
        cmocka_unit_test(windows_nearby),
        cmocka_unit_test(softening_finds_the_narrower_psf),
        cmocka_unit_test(search_finds_psf_and_softness),
        cmocka_unit_test(search_asks_the_next_window),
        cmocka_unit_test(search_can_be_stopped),
        cmocka_unit_test(large_psfs_are_found_in_the_wide_picture),
        cmocka_unit_test(lights_are_no_sign_of_sharpness),
        cmocka_unit_test(threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
