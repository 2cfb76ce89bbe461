/* Variations of a PSF: each undoes an error that estimates have. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bid/variation.h"
#include "boxes.h"
#include "image/blur.h"
#include "metric/metric.h"

enum { SIDE = BENT_LINE, COUNT = SIDE * SIDE };

static double distance(const float *a, const float *b) {
    double sum = 0;
    for (int i = 0; i < COUNT; i++) sum += fabs((double)a[i] - b[i]);
    return sum;
}

/* Values of two heights with soft edges. */
static void draw(float *psf) {
    static const float soft[9] = {0.02F, 0.08F, 0.02F, 0.08F, 0.6F, 0.08F, 0.02F, 0.08F, 0.02F};
    float line[COUNT], padded[(SIDE + 2) * (SIDE + 2)];
    draw_bent_line(line);
    dp_plane_pad(line, SIDE, SIDE, 1, 1, 1, 1, DP_BORDER_REPLICATE, padded);
    dp_plane_blur(padded, SIDE + 2, SIDE + 2, soft, 3, 3, 1, psf);
    (void)dp_psf_normalise(psf, SIDE, SIDE);
}

static void spoil(const float *psf, int how, float *out) {
    static const float wide[9] = {0.01F, 0.04F, 0.01F, 0.04F, 0.8F, 0.04F, 0.01F, 0.04F, 0.01F};
    float padded[(SIDE + 2) * (SIDE + 2)];
    memcpy(out, psf, COUNT * sizeof *out);
    if (how == 0) /* haze of up to a fourteenth of the brightest */
        for (int i = 0; i < SIDE * 3; i++) out[i] += (float)((i * 7 + i / SIDE) % 3) * 0.0015F;
    if (how == 1) out[2] += 0.003F; /* a crumb */
    if (how == 2 || how == 3)
        for (int i = 0; i < COUNT; i++) out[i] = powf(psf[i], how == 2 ? 1 / 0.93F : 1 / 1.08F);
    if (how == 4) {
        dp_plane_pad(psf, SIDE, SIDE, 1, 1, 1, 1, DP_BORDER_REPLICATE, padded);
        dp_plane_blur(padded, SIDE + 2, SIDE + 2, wide, 3, 3, 1, out);
    }
    assert_true(dp_psf_normalise(out, SIDE, SIDE));
}

static void each_undoes_its_error(void **state) {
    (void)state;
    static const double left[DP_VARIATIONS] = {0.35, 0.35, 0.01, 0.01, 0.6};
    float psf[COUNT], spoilt[COUNT], out[COUNT];
    int scratch[COUNT];
    draw(psf);
    for (int i = 0; i < DP_VARIATIONS; i++) {
        double sum = 0;
        spoil(psf, i, spoilt);
        assert_true(dp_psf_vary(i, spoilt, SIDE, scratch, out));
        for (int j = 0; j < COUNT; j++) sum += out[j];
        print_message("variation %d: %.4f -> %.4f\n", i, distance(spoilt, psf), distance(out, psf));
        assert_true(distance(out, psf) < left[i] * distance(spoilt, psf));
        assert_float_equal(sum, 1, 1e-5);
    }
}

/* The faint end of a path, at 0.07 of the brightest: the first one takes it for haze, the second one keeps it. */
static void the_second_is_milder(void **state) {
    (void)state;
    float psf[COUNT] = {0}, out[COUNT];
    int scratch[COUNT];
    for (int i = 0; i < 5; i++) psf[7 * SIDE + 1 + i] = 1;
    for (int i = 6; i < 14; i++) psf[7 * SIDE + i] = 0.07F;
    assert_true(dp_psf_normalise(psf, SIDE, SIDE));
    assert_true(dp_psf_vary(0, psf, SIDE, scratch, out));
    assert_true(out[7 * SIDE + 12] == 0);
    assert_false(dp_psf_vary(1, psf, SIDE, scratch, out));
    for (int i = 0; i < 3 * SIDE; i++) psf[i] = 0.004F; /* true haze, a fiftieth, in all a tenth of the mass */
    assert_true(dp_psf_normalise(psf, SIDE, SIDE));
    assert_true(dp_psf_vary(1, psf, SIDE, scratch, out));
    assert_true(out[7] == 0 && out[7 * SIDE + 12] > 0);
}

/* There is nothing to take away from a PSF without crumbs, and nothing at all to change in a point. */
static void says_when_nothing_changes(void **state) {
    (void)state;
    float psf[COUNT] = {0}, out[COUNT];
    int scratch[COUNT];
    draw_bent_line(psf);
    for (int i = 0; i < DP_VARIATION_CRUMBS; i++) assert_false(dp_psf_vary(i, psf, SIDE, scratch, out));
    psf[2] = 0.001F; /* hardly anything */
    for (int i = 0; i < DP_VARIATION_CRUMBS; i++) assert_false(dp_psf_vary(i, psf, SIDE, scratch, out));
    memset(psf, 0, sizeof psf);
    psf[COUNT / 2] = 1;
    for (int i = 0; i < DP_VARIATIONS; i++) assert_false(dp_psf_vary(i, psf, SIDE, scratch, out));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_undoes_its_error), cmocka_unit_test(the_second_is_milder),
                                       cmocka_unit_test(says_when_nothing_changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
