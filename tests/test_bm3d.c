/* Denoising by block matching: how much noise goes, and what must not matter. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "boxes.h"
#include "image/blur.h"
#include "image/bm3d.h"
#include "simulate/noise.h"

enum { SIDE = 120, COUNT = SIDE * SIDE, RADIUS = 6, WIDTH = 2 * RADIUS + 1 };

static const double sigma = 0.05;
static float clean[COUNT], noisy[COUNT], out[COUNT], other[COUNT];

/* Boxes, and a weave on one half. */
static int setup(void **state) {
    (void)state;
    draw_boxes(clean, SIDE);
    for (int i = 0; i < COUNT; i++)
        if (i % SIDE > SIDE / 2) clean[i] += 0.05F * (float)(sin(0.9 * (i % SIDE)) * sin(0.7 * (double)(i / SIDE)));
    memcpy(noisy, clean, sizeof noisy);
    dp_image image = {SIDE, SIDE, 1, noisy};
    return dp_noise_add(&image, DIPPER_NOISE_GAUSSIAN, sigma, 1, 1, NULL) == DIPPER_OK ? 0 : -1;
}

static double psnr(const float *a, const float *b, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return -10 * log10(sum / count);
}

static void denoise(const float *picture, int h, int w, double s, int threads, float *result) {
    assert_int_equal(dp_bm3d(picture, h, w, s, threads, NULL, result), DIPPER_OK);
}

/* The best of Gaussian blurs of `picture`, in decibels. */
static double blurred_psnr(const float *picture) {
    static float padded[(SIDE + 2 * RADIUS) * (SIDE + 2 * RADIUS)];
    double best = 0;
    dp_plane_pad(picture, SIDE, SIDE, RADIUS, RADIUS, RADIUS, RADIUS, DP_BORDER_REFLECT, padded);
    for (double width = 0.4; width < 2; width += 0.1) {
        float psf[WIDTH * WIDTH];
        for (int i = 0; i < WIDTH * WIDTH; i++) {
            const double y = i / WIDTH - RADIUS, x = i % WIDTH - RADIUS;
            psf[i] = (float)exp(-(y * y + x * x) / (2 * width * width));
        }
        assert_true(dp_psf_normalise(psf, WIDTH, WIDTH));
        dp_plane_blur(padded, SIDE + 2 * RADIUS, SIDE + 2 * RADIUS, psf, WIDTH, WIDTH, 1, other);
        best = fmax(best, psnr(other, clean, COUNT));
    }
    return best;
}

static void removes_noise(void **state) {
    (void)state;
    denoise(noisy, SIDE, SIDE, sigma, 1, out);
    const double before = psnr(noisy, clean, COUNT), after = psnr(out, clean, COUNT), blur = blurred_psnr(noisy);
    assert_true(after > before + 7);
    assert_true(after > blur + 3);
}

/* More or less noise than there is: smoother, or less changed. */
static void sigma_is_a_strength(void **state) {
    (void)state;
    double last = 1e9;
    for (double s = sigma / 4; s < 4 * sigma; s *= 2) {
        denoise(noisy, SIDE, SIDE, s, 1, out);
        const double like = psnr(out, noisy, COUNT);
        assert_true(like < last);
        last = like;
    }
}

static void same_bits_for_any_threads(void **state) {
    (void)state;
    denoise(noisy, SIDE, SIDE, sigma, 1, out);
    denoise(noisy, SIDE, SIDE, sigma, 3, other);
    assert_memory_equal(out, other, sizeof out);
}

/* Apart from the few blocks and coefficients that rounding moves across a limit. */
static void level_does_not_matter(void **state) {
    (void)state;
    static float lifted[COUNT];
    int moved = 0;
    denoise(noisy, SIDE, SIDE, sigma, 1, out);
    for (int i = 0; i < COUNT; i++) lifted[i] = noisy[i] + 0.3F;
    denoise(lifted, SIDE, SIDE, sigma, 1, other);
    for (int i = 0; i < COUNT; i++) {
        const float off = fabsf(other[i] - out[i] - 0.3F);
        moved += off > 1e-4F;
        assert_true(off < 1e-3F);
    }
    assert_true(moved < COUNT / 100);
}

static void constants_stay(void **state) {
    (void)state;
    static const float values[] = {0, 0.37F, 1, -0.2F};
    for (int k = 0; k < 4; k++) {
        float flat[30 * 20], result[30 * 20];
        for (int i = 0; i < 30 * 20; i++) flat[i] = values[k];
        denoise(flat, 30, 20, sigma, 1, result);
        for (int i = 0; i < 30 * 20; i++) assert_true(fabsf(result[i] - values[k]) < 4e-6F);
    }
}

static void copies_without_noise(void **state) {
    (void)state;
    static const double none[] = {0, -1, (double)NAN};
    for (int k = 0; k < 3; k++) {
        memset(out, 0, sizeof out);
        denoise(noisy, SIDE, SIDE, none[k], 1, out);
        assert_memory_equal(out, noisy, sizeof out);
    }
    denoise(noisy, SIDE, SIDE, 1e-30, 1, out); /* its square is below all floats */
    for (int i = 0; i < COUNT; i++) assert_true(fabsf(out[i] - noisy[i]) < 1e-5F);
}

/* Any size; below the block's, a copy. What lies behind the picture stays as it is. */
static void odd_sizes(void **state) {
    (void)state;
    static const int sizes[][2] = {{41, 67}, {67, 41}, {8, 8}, {9, 110}, {59, 8}, {5, 30}, {30, 7}, {1, 1}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const int h = sizes[k][0], w = sizes[k][1], count = h * w;
        float sharp[67 * 41], rough[67 * 41], result[67 * 41 + 1];
        for (int i = 0; i < count; i++) {
            const int at = (i / w + 20) * SIDE + i % w;
            sharp[i] = clean[at];
            rough[i] = noisy[at];
        }
        result[count] = 7;
        denoise(rough, h, w, sigma, 3, result);
        assert_true(result[count] == 7);
        if (h < 8 || w < 8)
            assert_memory_equal(result, rough, (size_t)count * sizeof *result);
        else
            assert_true(psnr(result, sharp, count) > psnr(rough, sharp, count) + 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removes_noise),
        cmocka_unit_test(sigma_is_a_strength),
        cmocka_unit_test(same_bits_for_any_threads),
        cmocka_unit_test(level_does_not_matter),
        cmocka_unit_test(constants_stay),
        cmocka_unit_test(copies_without_noise),
        cmocka_unit_test(odd_sizes),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
