/* The choice of a region on scenes where the right one is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "dipper/dipper.h"
#include "image/region.h"

enum { W = 320, H = 240, N = W * H, SIDE = 80, PSF = 9 };
static float scene[N];

static void clear(float value) {
    for (int i = 0; i < N; i++) scene[i] = value;
}

/* Disks with an edge 6 px wide: change in every direction that a PSF of 9 px leaves. */
static void disks(int left, int top, int side, double contrast) {
    for (int y = top; y < top + side; y++)
        for (int x = left; x < left + side; x++) {
            const double dx = (x - left) % 40 - 19.5, dy = (y - top) % 40 - 19.5;
            const double edge = fmin(1, fmax(0, (14 - sqrt(dx * dx + dy * dy)) / 6 + 0.5));
            scene[y * W + x] = (float)(0.3 + contrast * edge);
        }
}

static dp_region chosen(double sigma) {
    const dp_image image = {W, H, 1, scene};
    dp_region r;
    assert_int_equal(dp_region_choose(&image, SIDE, SIDE, PSF, PSF, sigma, NULL, &r), DIPPER_OK);
    assert_true(r.width == SIDE && r.height == SIDE);
    assert_true(r.x >= 0 && r.y >= 0 && r.x + SIDE <= W && r.y + SIDE <= H);
    return r;
}

/* px that the region shares with the square at (left, top), as a share of it */
static double overlap(const dp_region *r, int left, int top) {
    const int w = SIDE - abs(r->x - left), h = SIDE - abs(r->y - top);
    return w > 0 && h > 0 ? (double)w * h / (SIDE * SIDE) : 0;
}

static void expect_at(int left, int top, double sigma) {
    const dp_region r = chosen(sigma);
    assert_true(r.score > 0);
    if (overlap(&r, left, top) < 0.7) fail_msg("chose (%d, %d) instead of (%d, %d)", r.x, r.y, left, top);
}

static void the_only_texture_is_found(void **state) {
    (void)state;
    const int corners[4][2] = {{0, 0}, {W - SIDE, 0}, {0, H - SIDE}, {W - SIDE, H - SIDE}};
    for (int i = 0; i < 4; i++) {
        clear(0.3F);
        disks(corners[i][0], corners[i][1], SIDE, 0.4);
        expect_at(corners[i][0], corners[i][1], 0);
    }
}

static void one_direction_is_not_enough(void **state) {
    (void)state;
    clear(0.3F);
    disks(0, 0, SIDE, 0.3);
    for (int y = 120; y < 240; y++) /* stronger edges, but upright all */
        for (int x = 160; x < 320; x++) scene[y * W + x] = (float)(0.5 + 0.4 * fmin(1, fmax(-1, 3 * sin(x * 0.16))));
    expect_at(0, 0, 0);
}

static void fine_texture_is_not_for_large_psfs(void **state) {
    (void)state;
    clear(0.3F);
    disks(0, 0, SIDE, 0.3);
    for (int y = 120; y < 240; y++) /* checks of 3 px: more change, gone after the blur */
        for (int x = 160; x < 320; x++) scene[y * W + x] = (x / 3 + y / 3) % 2 ? 0.8F : 0.2F;
    expect_at(0, 0, 0);
}

static void saturated_blobs_are_avoided(void **state) {
    (void)state;
    clear(0.3F);
    disks(0, 0, SIDE, 0.3);
    disks(W - SIDE, H - SIDE, SIDE, 1.5); /* lights: far stronger, and cut off */
    for (int i = 0; i < N; i++) scene[i] = fminf(1, scene[i]);
    expect_at(0, 0, 0);
}

static void add_noise(float sigma) {
    const dp_philox_key key = dp_philox_key_make(1, DP_STREAM_TEST);
    for (int i = 0; i < N; i += 4) {
        float random[4];
        dp_philox_normal4(key, 0, (uint64_t)i / 4, random);
        for (int k = 0; k < 4; k++) scene[i + k] += sigma * random[k];
    }
}

static void noise_is_not_texture(void **state) {
    (void)state;
    clear(0.3F);
    disks(0, 0, SIDE, 0.3);
    add_noise(0.03F);
    expect_at(0, 0, 0.03);
    const double disks_score = chosen(0.03).score;
    clear(0.3F);
    add_noise(0.03F);
    assert_true(chosen(0.03).score < 0.02 * disks_score);
}

/* Turned pictures: the same choice, turned. */
static void mirrors(void **state) {
    (void)state;
    static float other[N];
    clear(0.3F);
    disks(64, 40, 120, 0.2);
    disks(80, 48, SIDE, 0.4);
    const dp_region before = chosen(0);
    memcpy(other, scene, sizeof other);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) scene[y * W + x] = other[(H - 1 - y) * W + W - 1 - x];
    const dp_region after = chosen(0);
    assert_int_equal(after.x, W - SIDE - before.x);
    assert_int_equal(after.y, H - SIDE - before.y);
}

/* ---- The exported function ---- */

static dipper_region ask(int w, int h, int width, int height, int psf) {
    dipper_context *c = NULL;
    dipper_region r = {.struct_size = sizeof r};
    const dipper_image view = dipper_image_view(scene, w, h, 1);
    assert_int_equal(dipper_context_create(NULL, &c), DIPPER_OK);
    assert_int_equal(dipper_region_choose(c, &view, width, height, psf, psf, &r), DIPPER_OK);
    dipper_context_destroy(&c);
    return r;
}

static void small_pictures_are_taken_whole(void **state) {
    (void)state;
    clear(0.3F);
    disks(0, 0, 200, 0.3);
    dipper_region r = ask(W, H, 1000, 64, 15);
    assert_true(r.x == 0 && r.width == W && r.height == 64);
    r = ask(3, 2, 256, 256, 31);
    assert_true(r.x == 0 && r.y == 0 && r.width == 3 && r.height == 2);
    r = ask(1, 1, 1, 1, 1);
    assert_true(r.width == 1 && r.height == 1 && r.score == 0);
    r = ask(W, H, 1, 1, 101);
    assert_true(r.width == 1 && r.height == 1);
}

static void nothing_to_choose_from(void **state) {
    (void)state;
    const float values[] = {0, 0.25F, 1};
    for (int i = 0; i < 3; i++) {
        clear(values[i]);
        const dipper_region r = ask(W, H, SIDE, SIDE, PSF);
        assert_true(r.score == 0 && r.x == (W - SIDE) / 2 && r.y == (H - SIDE) / 2);
    }
}

static void the_same_each_time(void **state) {
    (void)state;
    clear(0.3F);
    for (int y = 0; y + 40 <= H; y += 40) disks(0, y, 40, 0.2);
    for (int x = 40; x + 40 <= W; x += 40) /* equal everywhere: the first one wins */
        for (int y = 0; y + 40 <= H; y += 40) disks(x, y, 40, 0.2);
    const dipper_region first = ask(W, H, SIDE, SIDE, PSF), second = ask(W, H, SIDE, SIDE, PSF);
    assert_memory_equal(&first, &second, sizeof first);
    for (int i = 0; i < N; i++) scene[i] *= 1e30F; /* no value of the picture is too large */
    assert_true(isfinite(ask(W, H, SIDE, SIDE, PSF).score));
}

static void says_what_cannot_be(void **state) {
    (void)state;
    dipper_context *c = NULL;
    dipper_region r = {.struct_size = sizeof r};
    const dipper_image view = dipper_image_view(scene, W, H, 1);
    clear(0.5F);
    assert_int_equal(dipper_context_create(NULL, &c), DIPPER_OK);
    assert_int_equal(dipper_region_choose(NULL, &view, 9, 9, 3, 3, &r), DIPPER_ERROR_ARGUMENT);
    assert_int_equal(dipper_region_choose(c, NULL, 9, 9, 3, 3, &r), DIPPER_ERROR_ARGUMENT);
    assert_int_equal(dipper_region_choose(c, &view, 0, 9, 3, 3, &r), DIPPER_ERROR_ARGUMENT);
    assert_int_equal(dipper_region_choose(c, &view, 9, 9, 3, 5000, &r), DIPPER_ERROR_ARGUMENT);
    scene[7] = INFINITY;
    dipper_context_clear(c);
    assert_int_equal(dipper_region_choose(c, &view, 9, 9, 3, 3, &r), DIPPER_ERROR_INPUT);
    assert_non_null(strstr(dipper_context_message(c), "x=7"));
    dipper_context_destroy(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_only_texture_is_found),
                                       cmocka_unit_test(one_direction_is_not_enough),
                                       cmocka_unit_test(fine_texture_is_not_for_large_psfs),
                                       cmocka_unit_test(saturated_blobs_are_avoided),
                                       cmocka_unit_test(noise_is_not_texture),
                                       cmocka_unit_test(mirrors),
                                       cmocka_unit_test(small_pictures_are_taken_whole),
                                       cmocka_unit_test(nothing_to_choose_from),
                                       cmocka_unit_test(the_same_each_time),
                                       cmocka_unit_test(says_what_cannot_be)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
