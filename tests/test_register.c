/* Pictures of one scene that differ by a fraction of a pixel. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "image/register.h"

enum { H = 90, W = 110 };

static dp_diag diag;

/* Waves up to 0.3 cycles per pixel, so that every place between the pixels is known. */
static double scene(double y, double x) {
    return 0.5 + 0.2 * sin(0.31 * y + 0.12 * x) + 0.1 * sin(0.9 * x - 0.4 * y) + 0.1 * cos(1.3 * y + 1.2 * x) +
           0.05 * sin(1.8 * y);
}

/* Its content moved down by dy and right by dx. */
static dp_image see(double dy, double dx) {
    dp_image image = {0};
    assert_int_equal(dp_image_create(W, H, 1, &diag, &image), DIPPER_OK);
    for (int i = 0; i < H * W; i++) image.data[i] = (float)scene(i / W - dy, i % W - dx);
    return image;
}

static double furthest(const dp_image *a, const dp_image *b, int border) {
    double most = 0;
    for (int y = border; y < H - border; y++)
        for (int x = border; x < W - border; x++)
            most = fmax(most, fabs((double)a->data[y * W + x] - b->data[y * W + x]));
    return most;
}

static void moves_by_fractions(void **state) {
    (void)state;
    static const double moves[][2] = {{0, 0}, {0.5, 0}, {0, -0.25}, {-0.7, 0.4}, {3, -2}, {2.6, 3.9}};
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        dp_image still = see(0, 0), wanted = see(moves[i][0], moves[i][1]), moved = see(0, 0);
        assert_int_equal(dp_plane_move(still.data, H, W, moves[i][0], moves[i][1], 2, &diag, moved.data), DIPPER_OK);
        const double error = furthest(&moved, &wanted, 9);
        if (error > 0.01) fail_msg("moved by %g, %g: wrong by %g", moves[i][0], moves[i][1], error);
        dp_image_free(&still);
        dp_image_free(&wanted);
        dp_image_free(&moved);
    }
}

static void finds_the_move(void **state) {
    (void)state;
    static const double moves[][2] = {{0, 0}, {0.5, 0.5}, {-0.13, 0.87}, {1.6, -1.3}, {2.2, 2.2}};
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        dp_image still = see(0, 0), wanted = see(moves[i][0], moves[i][1]);
        dp_registration at;
        assert_int_equal(dp_register(&still, &wanted, 1, &diag, &at), DIPPER_OK);
        if (!(fabs(at.dy - moves[i][0]) < 0.02 && fabs(at.dx - moves[i][1]) < 0.02 && at.rms < 2e-3))
            fail_msg("%g, %g found as %g, %g, rms %g", moves[i][0], moves[i][1], at.dy, at.dx, at.rms);
        dp_image_free(&still);
        dp_image_free(&wanted);
    }
}

/* Where nothing tells the move, and where there is none, the caller is not told that it was found. */
static void says_what_does_not_fit(void **state) {
    (void)state;
    dp_image still = see(0, 0), flat = see(0, 0), other = see(0, 0);
    dp_registration at;
    for (int i = 0; i < H * W; i++) {
        flat.data[i] = 0.25F;
        other.data[i] = (float)scene(i % W, 2 * (i / W));
    }
    assert_int_equal(dp_register(&flat, &still, 1, &diag, &at), DIPPER_OK);
    assert_true(isinf(at.rms));
    assert_int_equal(dp_register(&other, &still, 1, &diag, &at), DIPPER_OK);
    assert_true(at.rms > 0.05);
    dp_image_free(&still);
    dp_image_free(&flat);
    dp_image_free(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(moves_by_fractions), cmocka_unit_test(finds_the_move),
                                       cmocka_unit_test(says_what_does_not_fit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
