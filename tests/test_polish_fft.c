/* The last touch: PSF and picture gain from denoising by similar blocks. */
#include <math.h>
#include <string.h>

#include "bid/polish_fft.h"
#include "boxes.h"
#include "cpu.h"
#include "deconv/nonblind.h"
#include "image/blur.h"
#include "metric/metric.h"
#include "metric/quality.h"

enum { PSF = BENT_LINE, SHARP = 174, SIDE = SHARP - PSF + 1, COUNT = SIDE * SIDE };

/* Boxes with a fine pattern, which is alike everywhere. Uniform noise of that standard deviation. */
static dp_image see(const float *psf, double sigma, float *sharp) {
    static float scene[SHARP * SHARP];
    unsigned seed = 5;
    dp_image blurred = {0};
    draw_boxes(scene, SHARP);
    for (int i = 0; i < SHARP * SHARP; i++)
        scene[i] += 0.06F * sinf(0.8F * (float)(i / SHARP) + 0.5F * (float)(i % SHARP));
    assert_int_equal(dp_image_create(SIDE, SIDE, 1, &diag, &blurred), DIPPER_OK);
    dp_plane_blur(scene, SHARP, SHARP, psf, PSF, PSF, 1, blurred.data);
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1664525U + 1013904223U;
        blurred.data[i] += (float)(sigma * sqrt(12) * ((double)seed / 4294967296.0 - 0.5));
        sharp[i] = scene[(i / SIDE + PSF / 2) * SHARP + i % SIDE + PSF / 2];
    }
    return blurred;
}

static dp_image restore(const dp_image *blurred, const float *psf, double sigma) {
    dp_image restored = {0};
    dp_nonblind job = dp_nonblind_defaults(dp_method_find("hyperlaplacian"), be, sigma);
    job.psf = psf;
    job.kh = job.kw = PSF;
    assert_int_equal(dp_image_copy(blurred, &diag, &restored), DIPPER_OK);
    assert_int_equal(job.method->run(&job, &restored, &diag), DIPPER_OK);
    return restored;
}

static double psnr(const dp_image *restored, const float *sharp) {
    return -10 * log10(squared_error(restored->data, sharp, COUNT));
}

/* A little too wide, as estimates are. */
static void widen(const float *psf, float *wide) {
    static const float blur[9] = {0, 0.1F, 0, 0.1F, 0.6F, 0.1F, 0, 0.1F, 0};
    float padded[(PSF + 2) * (PSF + 2)];
    dp_plane_pad(psf, PSF, PSF, 1, 1, 1, 1, DP_BORDER_REPLICATE, padded);
    dp_plane_blur(padded, PSF + 2, PSF + 2, blur, 3, 3, 1, wide);
}

static void picture_gains(void **state) {
    (void)state;
    static const double sigmas[] = {0.002, 0.01, 0.03}, gains[] = {0.4, 0.5, 0.3};
    static float sharp[COUNT];
    float psf[PSF * PSF], wide[PSF * PSF];
    draw_bent_line(psf);
    widen(psf, wide);
    for (size_t i = 0; i < sizeof sigmas / sizeof *sigmas; i++) {
        dp_image blurred = see(psf, sigmas[i], sharp), restored = restore(&blurred, wide, sigmas[i]);
        const dp_polish job = {.be = be, .blurred = &blurred, .noise_sigma = sigmas[i], .side = PSF};
        const double before = psnr(&restored, sharp);
        assert_int_equal(dp_polish_picture(&job, wide, &restored, &diag), DIPPER_OK);
        print_message("noise %g: %.2f -> %.2f dB\n", sigmas[i], before, psnr(&restored, sharp));
        assert_true(psnr(&restored, sharp) > before + gains[i]);
        dp_image_free(&blurred);
        dp_image_free(&restored);
    }
}

typedef struct counter {
    int asked, most;
} counter;

static bool goes_on(double took, void *user) {
    counter *c = user;
    assert_true(took > 0);
    return c->asked++ < c->most;
}

/* As many rounds as are allowed; each result is usable. */
static void rounds_can_be_cut_short(void **state) {
    (void)state;
    enum { MOST = DP_POLISH_ROUNDS };
    static float sharp[COUNT];
    float psf[PSF * PSF];
    double after[MOST + 1];
    draw_bent_line(psf);
    dp_image blurred = see(psf, 0.002, sharp);
    for (int most = 0; most <= MOST; most++) {
        counter c = {.most = most};
        const dp_polish job = {
            .be = be, .blurred = &blurred, .noise_sigma = 0.002, .side = PSF, .goes_on = goes_on, .user = &c};
        dp_image restored = restore(&blurred, psf, 0.002);
        const double before = psnr(&restored, sharp);
        assert_int_equal(dp_polish_picture(&job, psf, &restored, &diag), DIPPER_OK);
        assert_int_equal(c.asked, most < MOST ? most + 1 : MOST);
        after[most] = psnr(&restored, sharp);
        print_message("%d rounds: %.2f -> %.2f dB\n", most, before, after[most]);
        assert_true(after[most] > before);
        if (most > 0) assert_true(fabs(after[most] - after[most - 1]) > 1e-3);
        dp_image_free(&restored);
    }
    assert_true(after[MOST] > after[0] + 0.1);
    dp_image_free(&blurred);
}

static void psf_gains(void **state) {
    (void)state;
    static float sharp[COUNT];
    float psf[PSF * PSF], found[PSF * PSF];
    draw_bent_line(psf);
    widen(psf, found);
    const double before = dp_psf_compare(found, PSF, PSF, psf, PSF, PSF).correlation;
    dp_image blurred = see(psf, 0.002, sharp), restored = restore(&blurred, found, 0.002);
    const dp_polish job = {.be = be, .blurred = &blurred, .noise_sigma = 0.002, .side = PSF};
    assert_int_equal(dp_polish_psf(&job, &restored, found, &diag), DIPPER_OK);
    const double after = dp_psf_compare(found, PSF, PSF, psf, PSF, PSF).correlation;
    double sum = 0;
    for (int i = 0; i < PSF * PSF; i++) sum += found[i];
    print_message("likeness %.4f -> %.4f\n", before, after);
    assert_true(1 - after < 0.7 * (1 - before));
    assert_float_equal(sum, 1, 1e-5);
    dp_image_free(&blurred);
    dp_image_free(&restored);
}

/* Standard deviation of what is left as it is. */
static double left_over(const dp_image *restored, const dp_image *blurred, const float *psf) {
    dp_image residual = {0};
    double squares = 0;
    assert_int_equal(dp_residual(restored, blurred, psf, PSF, PSF, 1, &diag, &residual), DIPPER_OK);
    const size_t n = dp_image_plane_count(&residual);
    for (size_t i = 0; i < n; i++) squares += (double)residual.data[i] * residual.data[i];
    dp_image_free(&residual);
    return sqrt(squares / (double)n);
}

/* A PSF that is too wide, and one of another direction, leave more unexplained than the right one; and more than is
 * left over with the artefacts. */
static void right_psf_explains_more(void **state) {
    (void)state;
    static const double sigmas[] = {0.002, 0.01};
    static float sharp[COUNT];
    float psf[3][PSF * PSF];
    draw_bent_line(psf[0]);
    widen(psf[0], psf[1]);
    for (int i = 0; i < PSF * PSF; i++) psf[2][i] = psf[0][i / PSF + i % PSF * PSF];
    for (size_t i = 0; i < sizeof sigmas / sizeof *sigmas; i++) {
        dp_image blurred = see(psf[0], sigmas[i], sharp);
        const dp_polish job = {.be = be, .blurred = &blurred, .noise_sigma = sigmas[i], .side = PSF};
        double unexplained[3], with_artefacts[3];
        for (int k = 0; k < 3; k++) {
            dp_image restored = restore(&blurred, psf[k], sigmas[i]);
            assert_int_equal(dp_polish_unexplained(&job, psf[k], &restored, &unexplained[k], &diag), DIPPER_OK);
            with_artefacts[k] = left_over(&restored, &blurred, psf[k]);
            dp_image_free(&restored);
        }
        print_message("noise %g: right %.5f, too wide %.5f, transposed %.5f\n", sigmas[i], unexplained[0],
                      unexplained[1], unexplained[2]);
        assert_true(unexplained[1] > 1.02 * unexplained[0] && unexplained[2] > 1.2 * unexplained[0]);
        print_message("with artefacts %.5f, %.5f, %.5f\n", with_artefacts[0], with_artefacts[1], with_artefacts[2]);
        assert_true(unexplained[0] > 0.7 * sigmas[i]);
        assert_true(unexplained[1] > 1.05 * with_artefacts[1]);
        dp_image_free(&blurred);
    }
}

/* What is beyond the sensor's range is no error: it is neither taken off nor counted as unexplained. */
static void lights_stay_bright(void **state) {
    (void)state;
    static float sharp[COUNT];
    float psf[PSF * PSF];
    dp_image restored = {0};
    double unexplained, before = 0, after = 0;
    int lit = 0;
    draw_bent_line(psf);
    dp_image blurred = see(psf, 0.002, sharp);
    assert_int_equal(dp_image_create(SIDE, SIDE, 1, &diag, &restored), DIPPER_OK);
    for (int i = 0; i < COUNT; i++) {
        blurred.data[i] = fminf(1.6F * blurred.data[i], 1);
        restored.data[i] = sharp[i] *= 1.6F;
    }
    const dp_polish job = {.be = be, .blurred = &blurred, .noise_sigma = 0.002, .side = PSF};
    assert_int_equal(dp_polish_unexplained(&job, psf, &restored, &unexplained, &diag), DIPPER_OK);
    assert_int_equal(dp_polish_picture(&job, psf, &restored, &diag), DIPPER_OK);
    for (int i = 0; i < COUNT; i++) {
        if (blurred.data[i] < 1) continue;
        lit++;
        before += sharp[i];
        after += restored.data[i];
    }
    print_message("%d lit: mean %.3f -> %.3f, unexplained %.4f\n", lit, before / lit, after / lit, unexplained);
    assert_true(lit > COUNT / 20 && before / lit > 1.15);
    assert_true(fabs(after / lit - before / lit) < 0.01 && unexplained < 0.01);
    dp_image_free(&blurred);
    dp_image_free(&restored);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(picture_gains), cmocka_unit_test(rounds_can_be_cut_short),
                                       cmocka_unit_test(psf_gains), cmocka_unit_test(right_psf_explains_more),
                                       cmocka_unit_test(lights_stay_bright)};
    return cmocka_run_group_tests(tests, start, stop);
}
