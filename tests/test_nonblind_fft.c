/* Non-blind deconvolution: operators by their adjoints, formulas against NumPy and against slow solvers written here,
 * methods by restoring what was blurred. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/philox.h"
#include "deconv/grid_fft.h"
#include "deconv/shrink.h"
#include "dipper/dipper.h"

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static dipper_context *open_context(int threads) {
    dipper_context_options options;
    dipper_context *c;
    dipper_context_options_init(&options);
    options.threads = threads;
    assert_int_equal(dipper_context_create(&options, &c), DIPPER_OK);
    return c;
}

static dipper_deconvolve_options method(const char *name) {
    dipper_deconvolve_options o;
    dipper_deconvolve_options_init(&o);
    o.method = name;
    return o;
}

static void restore(dipper_context *c, float *in, int w, int h, int channels, const float *psf, int kw, int kh,
                    const dipper_deconvolve_options *o, float *out) {
    dipper_image a = dipper_image_view(in, w, h, channels), b = dipper_image_view(out, w, h, channels);
    if (dipper_deconvolve(c, &a, psf, kw, kh, o, &b) != DIPPER_OK) fail_msg("%s", dipper_context_message(c));
}

/* ---- Small periodic problems: 9 x 7 pixels, a PSF of 3 x 5 that is not symmetric ---- */

enum { SH = 9, SW = 7, SN = SH * SW, SKH = 3, SKW = 5 };
static const int some[6] = {0, 10, 20, 31, 44, 62};

static void make_small(float *d, float *psf) {
    for (int i = 0; i < SN; i++) d[i] = (float)(i * 29 % 31) / 31;
    for (int i = 0; i < SKH * SKW; i++) psf[i] = (float)(1 + i * 5 % 7);
}

/* Values by NumPy: fft2 of the PSF with its centre at the origin; Wiener: conj(K) D / (|K|^2 + w (4 sin^2(pi u/9) +
 * 4 sin^2(pi v/7))^(e/2)), the mean kept; Richardson-Lucy: three iterations from x = 0.5. */
static void equals_numpy(void **state) {
    (void)state;
    static const double expected[3][6] = {{0.391724, 2.177563, -0.743290, 0.886677, 0.552811, 0.485393},
                                          {0.403299, 1.424732, -0.248208, 0.724048, 0.574196, 0.549129},
                                          {0.350337, 1.039953, 0.223624, 0.539393, 0.507364, 0.481908}};
    static const char *const names[3] = {"wiener", "wiener", "rl"};
    dipper_context *c = open_context(1);
    float d[SN], psf[SKH * SKW], out[SN];
    make_small(d, psf);
    for (int t = 0; t < 3; t++) {
        dipper_deconvolve_options o = method(names[t]);
        o.edges = "wrap";
        if (t < 2) {
            o.exponent = t == 0 ? 2 : 0;
            o.weight = t == 0 ? 0.01 : 0.1;
        } else {
            o.iterations = 3;
        }
        restore(c, d, SW, SH, 1, psf, SKW, SKH, &o, out);
        for (int i = 0; i < 6; i++) near(out[some[i]], expected[t][i], 2e-5);
    }
    dipper_context_destroy(&c);
}

static void blur_has_its_adjoint(void **state) {
    (void)state;
    float d[SN], psf[SKH * SKW];
    dp_backend *be;
    make_small(d, psf);
    assert_int_equal(dp_backend_open("cpu", 2, NULL, &be), DIPPER_OK);
    for (int edges = DP_EDGES_LATENT; edges <= DP_EDGES_WRAP; edges++) {
        const dp_nonblind job = {.be = be, .psf = psf, .kh = SKH, .kw = SKW, .edges = (dp_edges)edges};
        dp_grid *g;
        assert_int_equal(dp_grid_create(&job, 13, 11, NULL, &g), DIPPER_OK);
        float *x = dp_grid_plane(g), *y = dp_grid_plane(g), *kx = dp_grid_plane(g), *ky = dp_grid_plane(g);
        double a = 0, b = 0, first = 0;
        for (size_t i = 0; i < g->count; i++) {
            x[i] = (float)(i * 37 % 41) / 41 - 0.5F;
            y[i] = (float)(i * 23 % 43) / 43 - 0.5F;
        }
        dp_grid_blur(g, x, false, kx);
        dp_grid_blur(g, y, true, ky);
        for (size_t i = 0; i < g->count; i++) {
            a += (double)kx[i] * y[i];
            b += (double)x[i] * ky[i];
        }
        near(a, b, 1e-4 * fabs(a));
        for (int i = 0; i < SKH; i++) /* the pixel (4, 5) by the definition of a convolution */
            for (int j = 0; j < SKW; j++)
                first += (double)psf[i * SKW + j] * x[(4 - i + SKH / 2) * g->n1 + 5 - j + SKW / 2];
        near(kx[4 * g->n1 + 5], first, 1e-4);
        dp_free(x), dp_free(y), dp_free(kx), dp_free(ky);
        dp_grid_destroy(&g);
    }
    dp_backend_close(&be);
}

/* ---- The scalar problem ---- */

/* |v|^a, and below the floor the quadratic that touches it. */
static double cost(double v, double t, double a) {
    const double floor = DP_SHRINK_FLOOR, size = fabs(v), touch = pow(floor, a);
    const double prior = size > floor ? pow(size, a) : touch + 0.5 * a * touch * (size * size / (floor * floor) - 1);
    return prior + 0.5 * (v - t) * (v - t);
}

static void shrink_minimises(void **state) {
    (void)state;
    static const double exponents[] = {0.5, 2.0 / 3, 0.8, 1, 1.5, 2};
    static dp_shrink s;
    for (int e = 0; e < 6; e++) {
        const double a = exponents[e];
        dp_shrink_init(&s, a);
        for (int i = -1200; i <= 1200; i += i < -400 || i >= 400 ? 37 : 1) { /* beyond the table as well */
            const double t = i * 0.07 + 1e-3;
            float v = (float)(0.02 * t);
            dp_shrink_many(&s, 0.02F, &v, 1);
            const double found = cost(v / 0.02, t, a);
            double best = cost(0, t, a);
            for (int k = 0; k <= 2000; k++) best = fmin(best, cost(t * k / 2000, t, a));
            if (!(found <= best + 2e-5)) fail_msg("exponent %g, t %g: cost %g, least %g", a, t, found, best);
        }
    }
}

/* ---- Against slow solvers ---- */

/* Denoising by total variation, (x - d)^2 + weight |Dx|, periodic: projected gradient of the dual (Chambolle 2004). */
static void chambolle(const float *d, double weight, double *x) {
    double px[SN] = {0}, py[SN] = {0};
    for (int n = 0; n < 4000; n++) {
        for (int i = 0; i < SN; i++) {
            const int y = i / SW, j = i % SW, left = y * SW + (j + SW - 1) % SW, up = (y + SH - 1) % SH * SW + j;
            x[i] = d[i] + 0.5 * weight * (px[i] - px[left] + py[i] - py[up]);
        }
        for (int i = 0; i < SN; i++) {
            const int y = i / SW, j = i % SW, right = y * SW + (j + 1) % SW, down = (y + 1) % SH * SW + j;
            const double step = 0.25 / weight;
            px[i] += step * (x[right] - x[i]);
            py[i] += step * (x[down] - x[i]);
            const double size = fmax(1, hypot(px[i], py[i]));
            px[i] /= size;
            py[i] /= size;
        }
    }
}

static void tv_is_chambolles(void **state) {
    (void)state;
    float d[SN], unused[SKH * SKW], out[SN];
    double expected[SN];
    const float delta = 1;
    dipper_context *c = open_context(1);
    dipper_deconvolve_options o = method("tv");
    make_small(d, unused);
    o.edges = "wrap";
    o.weight = 0.2;
    o.saturation = 0;
    o.iterations = 3000;
    chambolle(d, o.weight, expected);
    restore(c, d, SW, SH, 1, &delta, 1, 1, &o, out);
    for (int i = 0; i < SN; i++) near(out[i], expected[i], 2e-3);
    dipper_context_destroy(&c);
}

/* ---- A scene of flat shapes, blurred; odd sizes ---- */

enum { H = 73, W = 65, KH = 9, KW = 11, LH = H + KH - 1, LW = W + KW - 1, N = H * W };

typedef struct scene {
    float sharp[3 * N], blurred[3 * N], psf[KH * KW], out[3 * N];
} scene;

static float shape(int y, int x, int channel) {
    const int r2 = (x - 40) * (x - 40) + (y - 30) * (y - 30);
    return 0.2F + (float)((x / 13 + y / 17 + channel) % 3) * 0.2F + (r2 < 200 ? 0.3F : 0);
}

/* lights: a few small ones of 4, clipped at 1 after the blur */
static void make_scene(scene *s, double noise, bool lights) {
    const dp_philox_key key = dp_philox_key_make(5, DP_STREAM_TEST);
    memset(s->psf, 0, sizeof s->psf);
    for (int i = 0; i < 8; i++) s->psf[i * KW + i] = (float)(8 - i) / 44; /* one-sided: a turned PSF would show */
    for (int i = 0; i < 4; i++) s->psf[7 * KW + 7 + i] += 2.0F / 44;
    for (int i = 0; i < 3 * N; i++) {
        const int c = i / N, y = i % N / W, x = i % W;
        double sum = 0;
        float random[4];
        for (int a = 0; a < KH; a++)
            for (int b = 0; b < KW; b++) {
                const int v = y + KH - 1 - a, u = x + KW - 1 - b;
                const bool light = lights && v % 24 < 3 && u % 24 < 3;
                sum += (double)s->psf[a * KW + b] * (light ? 4 : shape(v, u, c));
            }
        dp_philox_normal4(key, 0, (uint64_t)i, random);
        s->sharp[i] = lights && (y + KH / 2) % 24 < 3 && (x + KW / 2) % 24 < 3 ? 1 : shape(y + KH / 2, x + KW / 2, c);
        s->blurred[i] = (float)sum + (float)noise * random[0];
        if (lights) s->blurred[i] = fminf(s->blurred[i], 1);
    }
}

static double psnr(const float *a, const float *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
        const double e = fmin(fmax((double)a[i], 0), 1) - b[i];
        sum += e * e;
    }
    return -10 * log10(sum / n);
}

/* Noise 0.01. Least gains in dB; measured: 17.0, 16.0, 14.1, 5.1, 11.9, 7.2. A broken border, a turned PSF or a lost
 * prior costs more than the margin. */
static void methods_restore(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double least;
    } rows[] = {{"sparse", 15}, {"hyperlaplacian", 14}, {"tv", 12}, {"rl", 4}, {"rl-tv", 10}, {"wiener", 5.5}};
    static scene s;
    static float again[3 * N];
    dipper_context *one = open_context(1), *two = open_context(2);
    assert_int_equal(dipper_deconvolve_method_count(), 6);
    make_scene(&s, 0.01, false);
    const double before = psnr(s.blurred, s.sharp, 3 * N);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dipper_deconvolve_options o = method(rows[i].name);
        dipper_deconvolve_info info = {.struct_size = sizeof info};
        o.info = &info;
        restore(one, s.blurred, W, H, 3, s.psf, KW, KH, &o, s.out);
        const double gain = psnr(s.out, s.sharp, 3 * N) - before;
        print_message("%s: %.2f dB, gain %.2f\n", rows[i].name, before + gain, gain);
        if (!(gain >= rows[i].least)) fail_msg("%s: gain %.2f dB, %g wanted", rows[i].name, gain, rows[i].least);
        near(info.noise_sigma, 0.01, 0.002);
        assert_int_equal(info.saturated, 0);
        restore(two, s.blurred, W, H, 3, s.psf, KW, KH, &o, again);
        assert_memory_equal(s.out, again, sizeof again);
    }
    dipper_context_destroy(&one);
    dipper_context_destroy(&two);
}

/* The weight that wiener finds is about as good as the best that is given, whatever the noise, and with a PSF that is
 * not quite right: measured 0.5 dB less, then 0.0, 0.1 and 0.1 more. */
static void wiener_finds_its_weight(void **state) {
    (void)state;
    static scene s;
    static const struct {
        double noise, above; /* dB above the best given weight, at least */
        bool wrong;          /* the PSF */
    } rows[] = {{0, -0.8, false}, {0.01, -0.2, false}, {0.05, -0.2, false}, {0.001, 0, true}};
    dipper_context *c = open_context(1);
    for (int n = 0; n < 4; n++) {
        double best = 0;
        dipper_deconvolve_options o = method("wiener");
        make_scene(&s, rows[n].noise, false);
        for (int i = 0; rows[n].wrong && i < 5; i++) s.psf[(i + 2) * KW + i] += 0.03F;
        restore(c, s.blurred, W, H, 3, s.psf, KW, KH, &o, s.out);
        const double found = psnr(s.out, s.sharp, 3 * N);
        for (o.weight = 3e-4; o.weight < 1; o.weight *= 3) {
            restore(c, s.blurred, W, H, 3, s.psf, KW, KH, &o, s.out);
            best = fmax(best, psnr(s.out, s.sharp, 3 * N));
        }
        print_message("wiener, noise %g: %.2f dB, best given weight %.2f\n", rows[n].noise, found, best);
        assert_true(found > best + rows[n].above);
    }
    dipper_context_destroy(&c);
}

/* The quadratic prior has one solution, whoever finds it: splitting with u and v, or conjugate gradients. Only
 * towards the border they differ (0.03), as differences wrap around on the grid. */
static void quadratic_is_the_same(void **state) {
    (void)state;
    static scene s;
    static float other[N];
    dipper_context *c = open_context(2);
    dipper_deconvolve_options a = method("hyperlaplacian"), b = method("sparse");
    make_scene(&s, 0.01, false);
    a.exponent = b.exponent = 2;
    a.weight = b.weight = 0.1;
    a.iterations = 300;
    b.inner = 200;
    restore(c, s.blurred, W, H, 1, s.psf, KW, KH, &a, s.out);
    restore(c, s.blurred, W, H, 1, s.psf, KW, KH, &b, other);
    for (int y = 25; y < H - 25; y++)
        for (int x = 25; x < W - 25; x++) near(s.out[y * W + x], other[y * W + x], 2e-3);
    dipper_context_destroy(&c);
}

/* Without blur and noise nothing is to be done. */
static void delta_returns_the_picture(void **state) {
    (void)state;
    static scene s;
    dipper_context *c = open_context(1);
    make_scene(&s, 0, false);
    for (int i = 0; i < dipper_deconvolve_method_count(); i++) {
        dipper_deconvolve_method m;
        assert_int_equal(dipper_deconvolve_method_at(i, &m), DIPPER_OK);
        float delta[KH * KW] = {0};
        dipper_deconvolve_options o = method(m.name);
        delta[KH / 2 * KW + KW / 2] = 3; /* is divided by its sum */
        o.noise_sigma = 0;
        if (m.weighted) o.weight = 1e-6;
        restore(c, s.sharp, W, H, 3, delta, KW, KH, &o, s.out);
        if (!(psnr(s.out, s.sharp, 3 * N) > 55)) fail_msg("%s: %g dB", m.name, psnr(s.out, s.sharp, 3 * N));
    }
    dipper_context_destroy(&c);
}

/* Clipped lights ring when they are believed. */
static void saturated_pixels_are_bounds(void **state) {
    (void)state;
    static const char *const names[] = {"sparse", "hyperlaplacian", "tv", "rl", "rl-tv"};
    static scene s;
    dipper_context *c = open_context(2);
    make_scene(&s, 0.002, true);
    for (int i = 0; i < 5; i++) {
        dipper_deconvolve_options o = method(names[i]);
        dipper_deconvolve_info info = {.struct_size = sizeof info};
        o.info = &info;
        o.noise_sigma = 0.005;
        if (strcmp(names[i], "rl") == 0) o.iterations = 60;
        restore(c, s.blurred, W, H, 1, s.psf, KW, KH, &o, s.out);
        const double bound = psnr(s.out, s.sharp, N);
        assert_true(info.saturated > 50 && info.saturation == (double)0.99F);
        o.saturation = 0;
        restore(c, s.blurred, W, H, 1, s.psf, KW, KH, &o, s.out);
        const double believed = psnr(s.out, s.sharp, N);
        print_message("%s: %.2f dB, %.2f if saturated pixels are believed\n", names[i], bound, believed);
        if (!(bound > believed + 0.5)) fail_msg("%s: %g dB, believed %g dB", names[i], bound, believed);
    }
    dipper_context_destroy(&c);
}

/* ---- What is refused, and stopping ---- */

static void refused(dipper_status expected, const char *what, const dipper_deconvolve_options *o, float value, int kw) {
    static float picture[SN], out[SN];
    float psf[121 * 3], *middle = psf;
    dipper_context *c = open_context(1);
    for (int i = 0; i < SN; i++) picture[i] = (float)(i % 5) / 5;
    for (int i = 0; i < 121 * 3; i++) middle[i] = value;
    dipper_image a = dipper_image_view(picture, SW, SH, 1), b = dipper_image_view(out, SW, SH, 1);
    assert_int_equal(dipper_deconvolve(c, &a, psf, kw, 3, o, &b), expected);
    if (strstr(dipper_context_message(c), what) == NULL) fail_msg("'%s' lacks '%s'", dipper_context_message(c), what);
    dipper_context_destroy(&c);
}

static int stop(const dipper_progress *p, void *user) {
    ++*(int *)user;
    assert_true(p->iteration <= p->iterations);
    return p->iteration >= 3;
}

static void bad_input_is_refused(void **state) {
    (void)state;
    dipper_deconvolve_options o = method("tv");
    refused(DIPPER_ERROR_INPUT, "negative", &o, -1, 3);
    refused(DIPPER_ERROR_INPUT, "zero everywhere", &o, 0, 3);
    refused(DIPPER_ERROR_INPUT, "smaller than the PSF of 9 x 3", &o, 1, 9);
    refused(DIPPER_ERROR_ARGUMENT, "odd", &o, 1, 4);
    refused(DIPPER_ERROR_ARGUMENT, "odd", &o, 1, 121);
    o.exponent = 1;
    refused(DIPPER_ERROR_ARGUMENT, "has none", &o, 1, 3);
    o = method("hyperlaplacian");
    o.exponent = 2.5;
    refused(DIPPER_ERROR_ARGUMENT, "at most 2", &o, 1, 3);
    o = method("rl");
    o.weight = 1;
    refused(DIPPER_ERROR_ARGUMENT, "no prior", &o, 1, 3);
    o = method("wiener");
    o.iterations = 3;
    refused(DIPPER_ERROR_ARGUMENT, "no iterations", &o, 1, 3);
    o = method("sparse");
    o.edges = "wrap";
    refused(DIPPER_ERROR_ARGUMENT, "method sparse has auto|latent", &o, 1, 3);
    o = method("blind");
    refused(DIPPER_ERROR_ARGUMENT, "no method", &o, 1, 3);
    o = method("tv");
    o.memory_bytes = 1000;
    refused(DIPPER_ERROR_MEMORY, "smallest tile", &o, 1, 3);
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"tv", "rl-tv", "hyperlaplacian"};
        int calls = 0;
        o = method(names[i]);
        o.progress = stop;
        o.user = &calls;
        refused(DIPPER_ERROR_CANCELLED, "asked to stop", &o, 1, 3);
        assert_int_equal(calls, 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_numpy),
        cmocka_unit_test(blur_has_its_adjoint),
        cmocka_unit_test(shrink_minimises),
        cmocka_unit_test(tv_is_chambolles),
        cmocka_unit_test(methods_restore),
        cmocka_unit_test(wiener_finds_its_weight),
        cmocka_unit_test(quadratic_is_the_same),
        cmocka_unit_test(delta_returns_the_picture),
        cmocka_unit_test(saturated_pixels_are_bounds),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
