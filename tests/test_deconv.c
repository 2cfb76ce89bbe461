/* Sparse-prior deconvolution: the linear algebra against a dense solution, the model by restoring what was blurred. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "deconv/sparse.h"

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static dp_backend *open_backend(const char *name, int threads) {
    dp_backend *be = NULL;
    dp_diag diag = {0};
    if (dp_backend_open(name, threads, &diag, &be) != DIPPER_OK) fail_msg("%s", diag.text);
    return be;
}

/* y (h, w) = valid true convolution of x (h+kh-1, w+kw-1) */
static void convolve(const float *x, const float *psf, int kh, int kw, int h, int w, float *y) {
    for (int i = 0; i < h * w; i++) {
        double sum = 0;
        for (int a = 0; a < kh; a++)
            for (int b = 0; b < kw; b++)
                sum += (double)psf[a * kw + b] * x[(i / w + kh - 1 - a) * (w + kw - 1) + i % w + kw - 1 - b];
        y[i] = (float)sum;
    }
}

/* ---- Exponent 2: an ordinary least-squares problem ---- */

enum { SH = 5, SW = 6, SKH = 3, SKW = 5, SLH = SH + SKH - 1, SLW = SW + SKW - 1, SN = SLH * SLW };

static void add_square(double m[SN][SN + 1], const double row[SN], double weight, double target) {
    for (int i = 0; i < SN; i++) {
        for (int j = 0; j < SN; j++) m[i][j] += weight * row[i] * row[j];
        m[i][SN] += weight * row[i] * target;
    }
}

static void difference(double m[SN][SN + 1], int a, int b, double weight) {
    double row[SN] = {0};
    row[a] = -1;
    row[b] = 1;
    add_square(m, row, weight, 0);
}

static void normal_equations(double m[SN][SN + 1], const float *psf, const float *blurred, double weight) {
    memset(m, 0, sizeof(double) * SN * (SN + 1));
    for (int i = 0; i < SH * SW; i++) {
        double row[SN] = {0};
        for (int a = 0; a < SKH; a++)
            for (int b = 0; b < SKW; b++) row[(i / SW + SKH - 1 - a) * SLW + i % SW + SKW - 1 - b] = psf[a * SKW + b];
        add_square(m, row, 1, blurred[i]);
    }
    for (int i = 0; i < SN; i++) {
        if (i % SLW + 1 < SLW) difference(m, i, i + 1, weight);
        if (i / SLW + 1 < SLH) difference(m, i, i + SLW, weight);
    }
}

static void eliminate(double m[SN][SN + 1]) { /* positive definite: no pivoting */
    for (int k = 0; k < SN; k++)
        for (int i = 0; i < SN; i++) {
            if (i == k) continue;
            const double f = m[i][k] / m[k][k];
            for (int j = k; j <= SN; j++) m[i][j] -= f * m[k][j];
        }
}

static void exponent_two_is_least_squares(void **state) {
    (void)state;
    static double m[SN][SN + 1];
    float psf[SKH * SKW], blurred[SH * SW], out[SH * SW];
    double sum = 0;
    for (int i = 0; i < SKH * SKW; i++) sum += psf[i] = (float)(1 + (i * 5) % 7);
    for (int i = 0; i < SKH * SKW; i++) psf[i] = (float)(psf[i] / sum);
    for (int i = 0; i < SH * SW; i++) blurred[i] = (float)((i * 29) % 31) / 31;
    normal_equations(m, psf, blurred, 0.02);
    eliminate(m);
    dp_sparse *s;
    dp_backend *be = open_backend("ref", 1);
    dp_sparse_options options = {.weight = 0.02, .exponent = 2, .reweightings = 2, .cg_iterations = 200};
    assert_int_equal(dp_sparse_create(be, SH, SW, SKH, SKW, NULL, &s), DIPPER_OK);
    assert_int_equal(dp_sparse_run(s, psf, blurred, &options, NULL, out), DIPPER_OK);
    const float *latent = dp_sparse_latent(s);
    for (int i = 0; i < SN; i++) near(latent[i], m[i][SN] / m[i][i], 5e-4);
    for (int i = 0; i < SH * SW; i++) near(out[i], latent[(i / SW + SKH / 2) * SLW + i % SW + SKW / 2], 0);
    dp_sparse_destroy(&s);
    assert_null(s);
    dp_backend_close(&be);
}

/* ---- A picture of flat shapes, blurred ---- */

enum { H = 72, W = 64, KH = 9, KW = 11, LH = H + KH - 1, LW = W + KW - 1 };

typedef struct scene {
    float sharp[LH * LW], crop[H * W], blurred[H * W], psf[KH * KW], out[H * W];
} scene;

static void make_scene(scene *s, double noise) {
    memset(s->psf, 0, sizeof s->psf);
    for (int i = 0; i < 8; i++) s->psf[i * KW + i] = (float)(8 - i) / 44; /* one-sided: a turned PSF would show */
    for (int i = 0; i < 4; i++) s->psf[7 * KW + 7 + i] += 2.0F / 44;
    for (int i = 0; i < LH * LW; i++) {
        const int y = i / LW, x = i % LW;
        s->sharp[i] =
            0.2F + (x / 13 + y / 17) % 3 * 0.2F + ((x - 40) * (x - 40) + (y - 30) * (y - 30) < 200 ? 0.3F : 0);
    }
    convolve(s->sharp, s->psf, KH, KW, H, W, s->blurred);
    const dp_philox_key key = dp_philox_key_make(5, DP_STREAM_TEST);
    for (int i = 0; i < H * W; i++) {
        float random[4];
        dp_philox_normal4(key, 0, (uint64_t)i, random);
        s->blurred[i] += (float)noise * random[0];
        s->crop[i] = s->sharp[(i / W + KH / 2) * LW + i % W + KW / 2];
    }
}

static double psnr(const float *a, const float *b) {
    double sum = 0;
    for (int i = 0; i < H * W; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return -10 * log10(sum / (H * W));
}

static double restore(scene *s, const char *backend, int threads, const dp_sparse_options *options) {
    dp_backend *be = open_backend(backend, threads);
    dp_sparse *sparse;
    assert_int_equal(dp_sparse_create(be, H, W, KH, KW, NULL, &sparse), DIPPER_OK);
    assert_true(dp_sparse_bytes(sparse) > sizeof(float) * LH * LW);
    assert_int_equal(dp_sparse_run(sparse, s->psf, s->blurred, options, NULL, s->out), DIPPER_OK);
    dp_sparse_destroy(&sparse);
    dp_backend_close(&be);
    return psnr(s->out, s->crop);
}

static void restores_flat_shapes(void **state) {
    (void)state;
    static scene s;
    const double noises[] = {0, 0.005, 0.02}, least[] = {40, 33, 26};
    for (int i = 0; i < 3; i++) {
        make_scene(&s, noises[i]);
        dp_sparse_options options = dp_sparse_defaults();
        options.weight = dp_sparse_weight(noises[i]);
        const double before = psnr(s.blurred, s.crop), after = restore(&s, "cpu", 2, &options);
        print_message("noise %.3f: %.2f dB -> %.2f dB\n", noises[i], before, after);
        assert_true(before < 24 && after > least[i]);
    }
}

static void back_ends_and_threads_agree(void **state) {
    (void)state;
    static scene s, t;
    const dp_sparse_options options = {.weight = 1e-3, .exponent = 0.8, .reweightings = 2, .cg_iterations = 25};
    make_scene(&s, 0.005);
    t = s;
    restore(&s, "ref", 1, &options);
    restore(&t, "ref", 2, &options);
    assert_memory_equal(s.out, t.out, sizeof s.out); /* row sums: the number of threads does not matter */
    restore(&t, "cpu", 2, &options);
    for (int i = 0; i < H * W; i++) near(t.out[i], s.out[i], 2e-3);
    scene *again = &s;
    restore(again, "cpu", 2, &options);
    assert_memory_equal(again->out, t.out, sizeof t.out);
}

static void delta_and_constant_stay(void **state) {
    (void)state;
    static scene s;
    const dp_sparse_options options = {.weight = 1e-6, .exponent = 0.8, .reweightings = 3, .cg_iterations = 60};
    make_scene(&s, 0.01);
    memset(s.psf, 0, sizeof s.psf);
    s.psf[KH / 2 * KW + KW / 2] = 1;
    restore(&s, "cpu", 1, &options);
    assert_true(psnr(s.out, s.blurred) > 60);
    make_scene(&s, 0);
    for (int i = 0; i < H * W; i++) s.blurred[i] = 0.3F;
    restore(&s, "cpu", 1, &options);
    for (int i = 0; i < H * W; i++) near(s.out[i], 0.3, 1e-4);
}

/* ---- Stopping, failing ---- */

typedef struct watch {
    int calls, last, of, stop_at;
} watch;

static int look(int done, int of, void *user) {
    watch *w = user;
    assert_true(done > w->last && done <= of);
    w->last = done;
    w->of = of;
    return ++w->calls == w->stop_at;
}

static void reports_and_stops(void **state) {
    (void)state;
    static scene s;
    watch w = {0};
    dp_sparse_options options = {.weight = 1e-3, .exponent = 0.8, .reweightings = 2, .cg_iterations = 12};
    options.progress = look;
    options.user = &w;
    make_scene(&s, 0.01);
    restore(&s, "cpu", 1, &options);
    assert_int_equal(w.last, 24);
    assert_int_equal(w.of, 24);
    assert_true(w.calls >= 4);
    dp_backend *be = open_backend("cpu", 1);
    dp_sparse *sparse;
    w = (watch){.stop_at = 2};
    memset(s.out, 0xff, sizeof s.out);
    assert_int_equal(dp_sparse_create(be, H, W, KH, KW, NULL, &sparse), DIPPER_OK);
    assert_int_equal(dp_sparse_run(sparse, s.psf, s.blurred, &options, NULL, s.out), DIPPER_ERROR_CANCELLED);
    assert_int_equal(w.calls, 2);
    assert_true(psnr(s.out, s.crop) > psnr(s.blurred, s.crop)); /* what there is */
    dp_sparse_destroy(&sparse);
    dp_backend_close(&be);
}

static void bad_numbers_do_not_get_out(void **state) {
    (void)state;
    static scene s;
    dp_backend *be = open_backend("ref", 1);
    dp_sparse *sparse;
    dp_diag diag = {0};
    const dp_sparse_options options = dp_sparse_defaults();
    make_scene(&s, 0);
    s.psf[3] = NAN;
    assert_int_equal(dp_sparse_create(be, H, W, KH, KW, NULL, &sparse), DIPPER_OK);
    assert_int_equal(dp_sparse_run(sparse, s.psf, s.blurred, &options, &diag, s.out), DIPPER_ERROR_DIVERGED);
    for (int i = 0; i < H * W; i++) assert_true(isfinite(s.out[i]));
    memset(s.psf, 0, sizeof s.psf); /* without light nothing can be restored, but nothing breaks either */
    assert_int_equal(dp_sparse_run(sparse, s.psf, s.blurred, &options, NULL, s.out), DIPPER_OK);
    for (int i = 0; i < H * W; i++) assert_true(isfinite(s.out[i]));
    dp_sparse_destroy(&sparse);
    dp_sparse_destroy(&sparse);
    dp_backend_close(&be);
    be = open_backend("ref64", 1);
    assert_int_equal(dp_sparse_create(be, H, W, KH, KW, NULL, &sparse), DIPPER_ERROR_DEVICE);
    assert_null(sparse);
    dp_backend_close(&be);
}

static void weight_grows_with_noise(void **state) {
    (void)state;
    near(dp_sparse_weight(0.0013), 2.5e-4, 0.3e-4);
    near(dp_sparse_weight(0.02), 3.2e-3, 0.3e-3);
    for (double sigma = 0; sigma < 0.1; sigma += 0.001)
        assert_true(dp_sparse_weight(sigma + 0.001) > dp_sparse_weight(sigma));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponent_two_is_least_squares),
        cmocka_unit_test(restores_flat_shapes),
        cmocka_unit_test(back_ends_and_threads_agree),
        cmocka_unit_test(delta_and_constant_stay),
        cmocka_unit_test(reports_and_stops),
        cmocka_unit_test(bad_numbers_do_not_get_out),
        cmocka_unit_test(weight_grows_with_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
