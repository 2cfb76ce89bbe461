/* Transforms of planes of any size against their definition in double, back again, and the sizes that are good. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fourier/fourier.h"

static float number(size_t i) { /* some plane */
    return (float)((i * 2654435761U >> 8) % 1000) / 500 - 1;
}

/* The element (u, v) of the spectrum, as the definition says. */
static double complex defined(const float *plane, int rows, int columns, int u, int v) {
    const double turn = 2 * acos(-1);
    double complex sum = 0;
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++) {
            const double angle = turn * ((double)u * y / rows + (double)v * x / columns);
            sum += (double)plane[y * columns + x] * (cos(angle) - sin(angle) * I);
        }
    return sum;
}

static void check(int rows, int columns, int threads) {
    const size_t n = (size_t)rows * (size_t)columns;
    dp_fft *f = NULL;
    assert_int_equal(dp_fft_create(rows, columns, threads, NULL, &f), DIPPER_OK);
    assert_true(f->stride >= (size_t)columns / 2 + 1 && f->stride % DP_FFT_COLUMNS == 0);
    float *plane = dp_alloc(n, sizeof *plane), *back = dp_alloc(n, sizeof *back);
    float complex *spectrum = dp_alloc(f->size, sizeof *spectrum);
    assert_true(plane != NULL && back != NULL && spectrum != NULL);
    for (size_t i = 0; i < n; i++) plane[i] = number(i);
    for (size_t i = 0; i < f->size; i++) spectrum[i] = NAN;
    dp_fft_forward(f, plane, spectrum);
    for (int u = 0; u < rows; u++)
        for (int v = 0; v < (int)f->stride; v++) {
            const double complex expected = v <= columns / 2 ? defined(plane, rows, columns, u, v) : 0;
            const double error = cabs((double complex)spectrum[(size_t)u * f->stride + (size_t)v] - expected);
            if (!(error < 2e-5 * sqrt((double)n)))
                fail_msg("%d x %d, %d threads: element (%d, %d) is off by %g", rows, columns, threads, u, v, error);
        }
    dp_fft_backward(f, spectrum, back);
    for (size_t i = 0; i < n; i++) assert_true(fabsf(back[i] - plane[i]) < 1e-5F);
    dp_free(plane);
    dp_free(back);
    dp_free(spectrum);
    dp_fft_destroy(&f);
    assert_null(f);
}

static void transforms_are_what_they_should_be(void **state) {
    static const int sizes[][2] = {{1, 1}, {2, 3}, {5, 6}, {7, 9}, {8, 8}, {12, 20}, {13, 34}, {31, 16}, {40, 48}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int threads = 1; threads <= 3; threads++) check(sizes[i][0], sizes[i][1], threads);
}

/* Each thread has a room of its own, and the last rows that fill no vector. */
static void threads_change_no_bit(void **state) {
    enum { ROWS = 70, COLUMNS = 90 };
    static float plane[ROWS * COLUMNS];
    float complex *spectrum[2];
    size_t bytes = 0;
    (void)state;
    for (size_t i = 0; i < ROWS * COLUMNS; i++) plane[i] = number(i);
    for (int i = 0; i < 2; i++) {
        dp_fft *f = NULL;
        assert_int_equal(dp_fft_create(ROWS, COLUMNS, i == 0 ? 1 : 4, NULL, &f), DIPPER_OK);
        bytes = f->size * sizeof **spectrum;
        spectrum[i] = dp_alloc(f->size, sizeof **spectrum);
        assert_non_null(spectrum[i]);
        dp_fft_forward(f, plane, spectrum[i]);
        if (i == 1) f->threads = 2; /* lowered */
        dp_fft_backward(f, spectrum[i], plane);
        dp_fft_forward(f, plane, spectrum[i]);
        dp_fft_destroy(&f);
        for (size_t k = 0; k < ROWS * COLUMNS; k++) plane[k] = number(k);
    }
    assert_memory_equal(spectrum[0], spectrum[1], bytes);
    for (int i = 0; i < 2; i++) dp_free(spectrum[i]);
}

static void good_sizes_are_near(void **state) {
    (void)state;
    for (int n = 1; n <= 5000; n++) {
        const int good = dp_fft_good_size(n);
        assert_true(good >= n && good % 8 == 0);
        assert_true(good <= 1.34 * n + 15);
        assert_int_equal(dp_fft_good_size(good), good);
    }
    assert_int_equal(dp_fft_good_size(257), 320); /* no 280, no 288 */
    assert_int_equal(dp_fft_good_size(321), 384); /* no 336, no 360 */
    assert_int_equal(dp_fft_good_size(385), 400);
    assert_int_equal(dp_fft_good_size(401), 512); /* no 448, no 480 */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transforms_are_what_they_should_be),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(good_sizes_are_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
