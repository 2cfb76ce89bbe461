/* The ranking of restorations: the truth before what is wrong in one way each; ringing against its definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bid/rank_fft.h"
#include "boxes.h"
#include "image/blur.h"
#include "metric/lags.h"

enum { SIDE = BENT_LINE, SHARP = 150, SEEN = SHARP - SIDE + 1 };

static dp_diag diag;
static dp_image sharp, blurred;
static float psf[SIDE * SIDE], point[SIDE * SIDE];

static int start(void **state) {
    (void)state;
    static float scene[SHARP * SHARP];
    draw_boxes(scene, SHARP);
    draw_bent_line(psf);
    point[SIDE * SIDE / 2] = 1;
    if (dp_image_create(SEEN, SEEN, 1, &diag, &blurred) || dp_image_create(SEEN, SEEN, 1, &diag, &sharp)) return 1;
    dp_plane_blur(scene, SHARP, SHARP, psf, SIDE, SIDE, 1, blurred.data);
    for (int y = 0; y < SEEN; y++)
        memcpy(dp_image_row(&sharp, 0, y), scene + (y + SIDE / 2) * SHARP + SIDE / 2, SEEN * sizeof(float));
    return 0;
}

static int stop(void **state) {
    (void)state;
    dp_image_free(&sharp);
    dp_image_free(&blurred);
    return 0;
}

static dp_rank rank(const dp_image *restored, const dp_image *seen, const float *with) {
    dp_rank r;
    assert_int_equal(dp_rank_measure(restored, seen, with, SIDE, SIDE, 1, &diag, &r), DIPPER_OK);
    return r;
}

static void truth_is_best(void **state) {
    (void)state;
    const dp_rank truth = rank(&sharp, &blurred, psf), no_blur = rank(&blurred, &blurred, point),
                  unexplained = rank(&sharp, &blurred, point);
    assert_true(truth.l1_l2 < no_blur.l1_l2); /* no-blur explains all and is not sharp */
    assert_true(truth.log_rms < unexplained.log_rms && truth.score < unexplained.score);
}

/* Nothing is unexplained where the sensor's range ended. */
static void lights_are_explained(void **state) {
    (void)state;
    dp_image bright = {0}, clipped = {0};
    int lit = 0;
    assert_int_equal(dp_image_copy(&sharp, &diag, &bright), DIPPER_OK);
    assert_int_equal(dp_image_copy(&blurred, &diag, &clipped), DIPPER_OK);
    for (int i = 0; i < SEEN * SEEN; i++) {
        bright.data[i] *= 2;
        lit += clipped.data[i] > 0.5F;
        clipped.data[i] = fminf(2 * clipped.data[i], 1);
    }
    assert_true(lit > SEEN * SEEN / 10);
    assert_true(rank(&bright, &clipped, psf).log_rms < log(1e-5));
    dp_image_free(&bright);
    dp_image_free(&clipped);
}

/* A picture and half of its copy, taken off at a distance, as a wrong PSF leaves it. */
static void rings_cost(void **state) {
    (void)state;
    dp_image ringing = {0};
    assert_int_equal(dp_image_copy(&sharp, &diag, &ringing), DIPPER_OK);
    for (int y = 0; y < SEEN; y++)
        for (int x = 9; x < SEEN; x++)
            dp_image_row(&ringing, 0, y)[x] -= 0.3F * (dp_image_row(&sharp, 0, y)[x - 9] - 0.5F);
    const dp_rank truth = rank(&sharp, &sharp, point), wrong = rank(&ringing, &ringing, point); /* all explained */
    assert_true(truth.log_rms == wrong.log_rms && truth.whiteness == wrong.whiteness);
    assert_true(wrong.ringing > 1.5 * truth.ringing);
    assert_true(wrong.score - wrong.l1_l2 > truth.score - truth.l1_l2 + 0.01);
    dp_image_free(&ringing);
}

/* The transforms give what the sums over pixels give. */
static void ringing_is_the_lowest_lag(void **state) {
    (void)state;
    dp_image parts[2] = {{0}};
    assert_int_equal(dp_image_crop(&sharp, 0, 0, SEEN, SEEN, &diag, &parts[0]), DIPPER_OK);
    assert_int_equal(dp_image_crop(&sharp, 11, 5, 61, 97, &diag, &parts[1]), DIPPER_OK);
    for (int i = 0; i < 2; i++) {
        const int least = parts[i].width < parts[i].height ? parts[i].width : parts[i].height;
        dp_lags lags = {0};
        dp_rank r;
        assert_int_equal(dp_lags_create(least / 3 < 50 ? least / 3 : 50, &diag, &lags), DIPPER_OK);
        assert_int_equal(dp_gradient_lags(&parts[i], 0, 1, &diag, &lags), DIPPER_OK);
        assert_int_equal(dp_rank_measure(&parts[i], &parts[i], psf, SIDE, SIDE, 1, &diag, &r), DIPPER_OK);
        assert_true(r.ringing > 0.01);
        assert_true(fabs(r.ringing + dp_lags_echo(&lags).lowest) < 1e-4);
        dp_lags_free(&lags);
        dp_image_free(&parts[i]);
    }
}

/* A PSF larger than the picture leaves no pixel to judge by; a constant picture has no score. */
static void what_cannot_be_judged(void **state) {
    (void)state;
    dp_image small = {0}, flat = {0};
    dp_rank r;
    assert_int_equal(dp_image_create(10, 40, 1, &diag, &small), DIPPER_OK);
    assert_int_equal(dp_rank_measure(&small, &small, psf, SIDE, SIDE, 1, &diag, &r), DIPPER_ERROR_INPUT);
    assert_int_equal(dp_image_create(SEEN, SEEN, 1, &diag, &flat), DIPPER_OK);
    assert_true(isinf(rank(&flat, &blurred, psf).score));
    dp_image_free(&small);
    dp_image_free(&flat);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth_is_best),
        cmocka_unit_test(lights_are_explained),
        cmocka_unit_test(rings_cost),
        cmocka_unit_test(ringing_is_the_lowest_lag),
        cmocka_unit_test(what_cannot_be_judged),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
