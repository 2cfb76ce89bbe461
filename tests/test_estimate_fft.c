/* Kernel estimation: PSFs recovered from pictures blurred here, sub-steps by their objectives, sizes, failures. */
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
#include "deconv/estimate.h"
#include "deconv/kernel_fft.h"
#include "deconv/latent_fft.h"
#include "dipper/dipper.h"
#include "image/blur.h"
#include "image/extreme.h"
#include "image/psf.h"

static dp_backend *be;

static int open_backend(void **state) {
    (void)state;
    return dp_backend_open("cpu", 2, NULL, &be) != DIPPER_OK;
}

static int close_backend(void **state) {
    (void)state;
    dp_backend_close(&be);
    return 0;
}

/* Rectangles and discs of random size and brightness, one over the other, and a little noise. (h, w), free it. */
static float *make_scene(int h, int w) {
    const dp_philox_key key = dp_philox_key_make(7, DP_STREAM_TEST);
    float *x = calloc((size_t)h * (size_t)w, sizeof *x);
    assert_non_null(x);
    for (int n = 0; n < 150; n++) {
        float u[4], v[4];
        dp_philox_uniform4(key, 0, (uint64_t)n, u);
        dp_philox_uniform4(key, 1, (uint64_t)n, v);
        const float size = 3 + 20 * v[0], cy = u[0] * (float)h, cx = u[1] * (float)w, wide = 3 + 20 * v[1];
        for (int i = 0; i < h; i++)
            for (int j = 0; j < w; j++) {
                const float dy = (float)i - cy, dx = (float)j - cx;
                const bool inside = n % 2 ? dy * dy + dx * dx < size * size : fabsf(dy) < size && fabsf(dx) < wide;
                if (inside) x[i * w + j] = 0.1F + 0.8F * u[2];
            }
    }
    return x;
}

/* The scene seen through psf: (h, w), free it. */
static float *make_blurred(int h, int w, const float *psf, int kh, int kw) {
    float *scene = make_scene(h + kh - 1, w + kw - 1), *out = calloc((size_t)h * (size_t)w, sizeof *out);
    assert_non_null(out);
    dp_plane_blur(scene, h + kh - 1, w + kw - 1, psf, kh, kw, 1, out);
    free(scene);
    return out;
}

/* At the best whole-pixel shift: a PSF is only defined up to one. */
static double correlation(const float *a, const float *b, int kh, int kw) {
    dipper_context *c;
    dipper_psf_match match = {.struct_size = sizeof match};
    assert_int_equal(dipper_context_create(NULL, &c), DIPPER_OK);
    assert_int_equal(dipper_psf_compare(c, a, kw, kh, b, kw, kh, &match), DIPPER_OK);
    dipper_context_destroy(&c);
    return match.correlation;
}

static dp_estimate make_job(const char *name, const float *blurred, int h, int w, int kh, int kw) {
    dp_estimate job = dp_estimate_defaults(dp_estimator_find(name));
    job.be = be;
    job.blurred = blurred;
    job.h = h;
    job.w = w;
    job.kh = kh;
    job.kw = kw;
    return job;
}

/* A hook that no symmetry leaves as it is. */
static void make_hook(float *psf, int kh, int kw) {
    memset(psf, 0, (size_t)kh * (size_t)kw * sizeof *psf);
    for (int i = 1; i < kh - 1; i++) psf[i * kw + kw / 2] = 1;
    for (int j = kw / 2; j < kw - 1; j++) psf[(kh - 2) * kw + j] = 0.7F;
    dp_psf_normalise(psf, kh, kw);
}

static void recovers(const char *name, int h, int w, int kh, int kw, double bound) {
    float psf[31 * 31], found[31 * 31], scratch[31 * 31];
    int dy, dx;
    make_hook(psf, kh, kw);
    dp_psf_centre(psf, kh, kw, DP_PSF_ZERO, scratch, &dy, &dx);
    float *blurred = make_blurred(h, w, psf, kh, kw);
    const dp_estimate job = make_job(name, blurred, h, w, kh, kw);
    assert_int_equal(dp_estimate_run(&job, NULL, found, NULL), DIPPER_OK);
    const double c = correlation(psf, found, kh, kw);
    if (!(c > bound)) fail_msg("%s, %d x %d px, PSF %d x %d: correlation %.3f", name, w, h, kw, kh, c);
    free(blurred);
}

/* map-l1l2 is the least robust: it finds the first PSF with faint false parts, at the weight that suits photographs,
 * and takes the second scene for sharp (docs/methods/classical.md). */
static void finds_known_psfs(void **state) {
    (void)state;
    for (int i = 0; i < dp_estimator_count(); i++) {
        const char *name = dp_estimator_at(i)->name;
        const bool robust = strcmp(name, "map-l1l2") != 0;
        recovers(name, 160, 160, 11, 11, robust ? 0.9 : 0.7);
        if (robust) recovers(name, 131, 180, 9, 17, 0.75);
    }
}

static int keep_first(int done, int of, void *user) {
    double *first = user;
    if (*first < 0) *first = (double)done / of;
    return 0;
}

/* A PSF that is known at half the size is where the finer scales begin, and only they are run. */
static void begins_with_a_psf(void **state) {
    (void)state;
    enum { SIDE = 17, HALF = 9, H = 150 };
    float psf[SIDE * SIDE], scratch[SIDE * SIDE], half[HALF * HALF], found[3][SIDE * SIDE];
    double first[3] = {-1, -1, -1}, likeness[3];
    int dy, dx;
    make_hook(psf, SIDE, SIDE);
    dp_psf_centre(psf, SIDE, SIDE, DP_PSF_ZERO, scratch, &dy, &dx);
    float *blurred = make_blurred(H, H, psf, SIDE, SIDE);
    dp_estimate job = make_job("map-l0", blurred, H, H, SIDE, SIDE);
    assert_int_equal(dp_psf_resample(psf, SIDE, SIDE, 0.5, NULL, half, HALF, HALF), DIPPER_OK);
    job.setting[dp_estimator_setting(job.estimator, "iterations")] = 1;
    job.start_kh = job.start_kw = HALF;
    job.start_scale = 0.5;
    job.progress = keep_first;
    for (int i = 0; i < 3; i++) { /* from nothing, the right one, a wrong one */
        if (i == 2) dp_psf_rotate180(half, HALF, HALF);
        job.start = i > 0 ? half : NULL;
        job.user = &first[i];
        assert_int_equal(dp_estimate_run(&job, NULL, found[i], NULL), DIPPER_OK);
        likeness[i] = correlation(psf, found[i], SIDE, SIDE);
    }
    assert_true(first[0] < 0.1 && first[1] > 0.4 && first[2] > 0.4);
    if (!(likeness[1] > likeness[0] && likeness[1] > likeness[2] + 0.03))
        fail_msg("correlation %.3f, without a start %.3f, from a wrong one %.3f", likeness[1], likeness[0],
                 likeness[2]);
    free(blurred);
}

/* Any size, odd or even, wide or high, down to a picture as large as the PSF: a PSF, centred, and no NaN. */
static void any_size(void **state) {
    (void)state;
    static const int sizes[][4] = {{7, 7, 7, 7}, {9, 40, 3, 21}, {33, 8, 15, 3}, {24, 31, 5, 9}};
    float psf[31 * 31];
    const float one[9] = {0, 0, 0, 0, 1, 0, 0, 0, 0};
    for (int n = 0; n < 4; n++)
        for (int i = 0; i < dp_estimator_count(); i++) {
            const int *s = sizes[n];
            float *picture = make_blurred(s[0], s[1], one, 3, 3);
            const dp_estimate job = make_job(dp_estimator_at(i)->name, picture, s[0], s[1], s[2], s[3]);
            double sum = 0, dy, dx;
            picture[3] += 0.5F; /* not constant */
            assert_int_equal(dp_estimate_run(&job, NULL, psf, NULL), DIPPER_OK);
            for (int k = 0; k < s[2] * s[3]; k++) {
                assert_true(psf[k] >= 0);
                sum += psf[k];
            }
            assert_true(fabs(sum - 1) < 1e-4);
            dp_psf_centroid(psf, s[2], s[3], &dy, &dx);
            assert_true(fabs(dy) < 1 && fabs(dx) < 1); /* half a pixel, and what the window cut */
            free(picture);
        }
}

/* sum over valid pixels and both directions of (k (*) g - d)^2, and the gradients' energy times ridge |k|^2. */
static double objective(const float *g[2], const float *d[2], int h, int w, const float *psf, int kh, int kw,
                        double ridge) {
    double sum = 0, energy = 0, length = 0;
    for (int n = 0; n < 2; n++)
        for (int i = 0; i < h * w; i++) energy += (double)g[n][i] * g[n][i];
    for (int i = 0; i < kh * kw; i++) length += (double)psf[i] * psf[i];
    for (int y = kh / 2; y < h - kh / 2 - 1; y++)
        for (int x = kw / 2; x < w - kw / 2 - 1; x++)
            for (int n = 0; n < 2; n++) {
                double v = -d[n][y * w + x];
                for (int i = 0; i < kh; i++)
                    for (int j = 0; j < kw; j++)
                        v += (double)psf[i * kw + j] * g[n][(y + kh / 2 - i) * w + x + kw / 2 - j];
                sum += v * v;
            }
    return sum + ridge * energy * length;
}

enum { KH = 30, KW = 37, KN = KH * KW };

/* |k (*) x - d|^2 + beta |grad x - t|^2 + weight * number of pixels where t is not 0, on the periodic grid. */
static double split_objective(const dp_latent *l, double beta, double weight) {
    const int n0 = l->grid->n0, n1 = l->grid->n1;
    float *seen = dp_grid_plane(l->grid);
    double sum = 0;
    dp_grid_blur(l->grid, l->x, false, seen);
    for (int y = 0; y < n0; y++)
        for (int x = 0; x < n1; x++) {
            const int i = y * n1 + x, right = y * n1 + (x + 1) % n1, below = (y + 1) % n0 * n1 + x;
            const double r = seen[i] - l->d[i], a = l->x[right] - l->x[i] - l->tx[i],
                         b = l->x[below] - l->x[i] - l->ty[i];
            sum += r * r + beta * (a * a + b * b) + (l->tx[i] != 0 || l->ty[i] != 0 ? weight : 0);
        }
    dp_free(seen);
    return sum;
}

/* x is the minimum for the differences that are wanted: no direction leads down, and opposite ones lead up alike. Fails
 * if K' or the adjoint of the differences is wrong, as the step solves the normal equations with both. */
static void is_minimum(const dp_latent *l, double beta, double weight) {
    const dp_philox_key key = dp_philox_key_make(3, DP_STREAM_TEST);
    const double here = split_objective(l, beta, weight);
    const size_t width = (size_t)l->grid->n1;
    float *x = dp_grid_plane(l->grid);
    memcpy(x, l->x, l->grid->count * sizeof *x);
    for (int n = 0; n < 4; n++) {
        double rise[2];
        for (int back = 0; back < 2; back++) {
            const float step = back ? 0.01F : -0.01F;
            for (size_t i = 0; i < l->grid->count; i++) {
                float random[4];
                dp_philox_normal4(key, (uint64_t)n, i, random);
                l->x[i] = x[i] + step * random[0];
                if (n == 2) l->x[i] += step;                                           /* the mean as well */
                if (n == 3) l->x[i] = x[i] + (i < width || i % width == 0 ? step : 0); /* the grid's ends */
            }
            rise[back] = split_objective(l, beta, weight) - here;
            assert_true(rise[back] > 0);
        }
        assert_true(fabs(rise[1] - rise[0]) < 0.01 * (rise[1] + rise[0]));
    }
    memcpy(l->x, x, l->grid->count * sizeof *x);
    dp_free(x);
}

/* The differences that are wanted are those of x where they are worth their price, also around the grid's ends. */
static void wants_differences(const dp_latent *l, const float *x, float least) {
    const int n0 = l->grid->n0, n1 = l->grid->n1;
    for (int i = 0; i < n0; i++)
        for (int j = 0; j < n1; j++) {
            const float here = x[i * n1 + j], a = x[i * n1 + (j + 1) % n1] - here, b = x[(i + 1) % n0 * n1 + j] - here;
            const bool keep = a * a + b * b >= least;
            assert_true(l->tx[i * n1 + j] == (keep ? a : 0) && l->ty[i * n1 + j] == (keep ? b : 0));
        }
}

/* MAP's latent step: with the penalty held, no step of the splitting raises its objective; the first ones lower it. */
static void latent_step(void **state) {
    (void)state;
    enum { SH = 5, SW = 7, STEPS = 8 };
    const dp_latent_prior prior = {.weight = 0.003};
    const double betas[] = {0.01, 0.3, 20};
    float psf[SH * SW], latent[KN];
    make_hook(psf, SH, SW);
    float *blurred = make_blurred(KH, KW, psf, SH, SW);
    const dp_estimate job = make_job("map-l0", blurred, KH, KW, SH, SW);
    dp_scale scale = {.h = KH,
                      .w = KW,
                      .kh = SH,
                      .kw = SW,
                      .scales = 1,
                      .scale = 1,
                      .blurred = blurred,
                      .latent = latent,
                      .psf = psf};
    for (int b = 0; b < 3; b++) {
        dp_latent *l;
        assert_int_equal(dp_latent_create(&job, &scale, false, NULL, &l), DIPPER_OK);
        assert_int_equal(dp_latent_rebuild(l, &scale, betas[b], NULL), DIPPER_OK); /* t = 0 */
        memcpy(l->x, l->d, l->grid->count * sizeof *l->x);                         /* as the method begins */
        const double first = split_objective(l, betas[b], prior.weight);
        double before = first;
        float *x = dp_grid_plane(l->grid);
        for (int n = 0; n < STEPS; n++) {
            memcpy(x, l->x, l->grid->count * sizeof *x);
            dp_latent_step(l, &prior, betas[b]);
            wants_differences(l, x, (float)(prior.weight / betas[b]));
            const double after = split_objective(l, betas[b], prior.weight);
            assert_true(after <= before * (1 + 1e-5));
            before = after;
        }
        assert_true(before < 0.999 * first);
        is_minimum(l, betas[b], prior.weight);
        dp_free(x);
        dp_latent_destroy(&l);
    }
    free(blurred);
}

/* A sharp picture was blurred by a point, and nearly a point is found (0.9 of the mass within a pixel, 9 px told). */
static void point_stays(void **state) {
    (void)state;
    enum { H = 96, W = 120, S = 9 };
    static const char *const names[] = {"map-l0", "dark-channel", "extreme-channel"};
    float point[1] = {1}, psf[S * S];
    float *sharp = make_blurred(H, W, point, 1, 1);
    for (int n = 0; n < 3; n++) {
        const dp_estimate job = make_job(names[n], sharp, H, W, S, S);
        assert_int_equal(dp_estimate_run(&job, NULL, psf, NULL), DIPPER_OK);
        double near = 0; /* mass within a pixel of the centre */
        for (int i = 0; i < 9; i++) near += (double)psf[(S / 2 - 1 + i / 3) * S + S / 2 - 1 + i % 3];
        assert_true(near > 0.8);
    }
    free(sharp);
}

/* From the latent picture itself: the true PSF. And from a wrong PSF the objective falls (the PSF step divides by the
 * sum at its end, so that what is compared is free of it: the true sum is 1). */
static void psf_step(void **state) {
    (void)state;
    enum { SH = 5, SW = 7 };
    float psf[SH * SW], found[SH * SW], gx[KN], gy[KN], bx[KN], by[KN];
    make_hook(psf, SH, SW);
    float *scene = make_scene(KH + SH - 1, KW + SW - 1), latent[KN];
    float *blurred = make_blurred(KH, KW, psf, SH, SW);
    for (int y = 0; y < KH; y++)
        memcpy(latent + y * KW, scene + (y + SH / 2) * (KW + SW - 1) + SW / 2, KW * sizeof *latent);
    const dp_estimate job = make_job("map-l0", blurred, KH, KW, SH, SW);
    dp_scale scale = {.h = KH, .w = KW, .kh = SH, .kw = SW, .scales = 1, .scale = 1, .blurred = blurred, .psf = found};
    dp_kernel *kernel;
    assert_int_equal(dp_kernel_create(&job, &scale, NULL, &kernel), DIPPER_OK);
    dp_differences(latent, KH, KW, gx, gy);
    dp_differences(blurred, KH, KW, bx, by);
    const float *g[2] = {gx, gy}, *d[2] = {bx, by};
    for (int i = 0; i < SH * SW; i++) found[i] = 1.0F / (SH * SW);
    double before = objective(g, d, KH, KW, found, SH, SW, 1e-6);
    for (int n = 0; n < 6; n++) {
        assert_int_equal(dp_kernel_run(kernel, gx, gy, 1e-6, found, NULL), DIPPER_OK);
        const double after = objective(g, d, KH, KW, found, SH, SW, 1e-6);
        assert_true(after <= before * 1.001 + 1e-5);
        before = after;
    }
    assert_true(correlation(psf, found, SH, SW) > 0.995);
    dp_kernel_destroy(&kernel);
    free(scene);
    free(blurred);
}

/* The slope that the PSF step follows against differences of the objective, at a PSF that explains nothing: the
 * correlations are the adjoint of the convolution over the pixels that count. */
static void psf_slope(void **state) {
    (void)state;
    enum { SH = 5, SW = 7 };
    static const double ridge = 0.05, step = 1e-3;
    float psf[SH * SW], slope[SH * SW], gx[KN], gy[KN], bx[KN], by[KN];
    make_hook(psf, SH, SW);
    float *sharp = make_scene(KH, KW), *blurred = make_blurred(KH, KW, psf, SH, SW);
    const dp_estimate job = make_job("map-l0", blurred, KH, KW, SH, SW);
    dp_scale scale = {.h = KH, .w = KW, .kh = SH, .kw = SW, .scales = 1, .scale = 1, .blurred = blurred, .psf = psf};
    dp_kernel *kernel;
    assert_int_equal(dp_kernel_create(&job, &scale, NULL, &kernel), DIPPER_OK);
    dp_differences(sharp, KH, KW, gx, gy);
    dp_differences(blurred, KH, KW, bx, by);
    const float *g[2] = {gx, gy}, *d[2] = {bx, by};
    dp_kernel_slope(kernel, gx, gy, ridge, psf, slope);
    double most = 0, error = 0;
    for (int i = 0; i < SH * SW; i++) {
        const float here = psf[i];
        psf[i] = here + (float)step;
        const double more = objective(g, d, KH, KW, psf, SH, SW, ridge), above = psf[i];
        psf[i] = here - (float)step;
        const double expected = (more - objective(g, d, KH, KW, psf, SH, SW, ridge)) / (above - psf[i]);
        psf[i] = here;
        most = fmax(most, fabs(expected));
        error = fmax(error, fabs(expected - slope[i]));
    }
    print_message("slope at most %g, off by %g\n", most, error);
    assert_true(most > 0.1 && error < 1e-4 * most);
    dp_kernel_destroy(&kernel);
    free(sharp);
    free(blurred);
}

/* Against the plain search, for windows smaller and larger than the picture. */
static void extremes_are_found(void **state) {
    (void)state;
    enum { H = 13, W = 10 };
    float x[H * W], value[H * W];
    int index[H * W], *scratch = calloc(dp_extreme_scratch(H, W), sizeof *scratch);
    for (int i = 0; i < H * W; i++) x[i] = (float)(i * 7919 % 101);
    for (int t = 0; t < 8; t++) {
        const int radius = t / 2 * 3;
        dp_plane_extreme(x, H, W, radius, t % 2, value, index, scratch);
        for (int i = 0; i < H * W; i++) {
            float best = x[i];
            for (int y = 0; y < H; y++)
                for (int c = 0; c < W; c++)
                    if (abs(y - i / W) <= radius && abs(c - i % W) <= radius)
                        best = t % 2 ? fmaxf(best, x[y * W + c]) : fminf(best, x[y * W + c]);
            assert_true(value[i] == best && x[index[i]] == best);
            assert_true(abs(index[i] / W - i / W) <= radius && abs(index[i] % W - i % W) <= radius);
        }
    }
    free(scratch);
}

/* ---- The public call ---- */

static int stop_at_once(const dipper_progress *progress, void *user) {
    (void)user;
    assert_non_null(progress->stage);
    assert_string_equal(progress->note, "");
    return progress->iteration > 0;
}

static dipper_status estimate(const float *picture, int w, int h, dipper_estimate_options *o) {
    dipper_context *c;
    dipper_image view = dipper_image_view((float *)picture, w, h, 1);
    float psf[9 * 9] = {-1};
    assert_int_equal(dipper_context_create(NULL, &c), DIPPER_OK);
    const dipper_status status = dipper_estimate_psf(c, &view, o, psf);
    if (status) assert_true(psf[0] == -1 && dipper_context_message(c)[0]);
    for (int i = 0; !status && i < o->psf_width * o->psf_height; i++) assert_true(psf[i] >= 0 && psf[i] <= 1);
    dipper_context_destroy(&c);
    return status;
}

static void bad_input_is_refused(void **state) {
    (void)state;
    enum { W = 40, H = 36 };
    float p[W * H] = {0};
    dipper_estimate_options o;
    dipper_estimate_options_init(&o);
    o.psf_width = o.psf_height = 9;
    assert_int_equal(estimate(p, W, H, &o), DIPPER_ERROR_INPUT); /* constant */
    for (int i = 0; i < 25; i++) p[(10 + i / 5) * W + 12 + i % 5] = 1;
    assert_int_equal(estimate(p, W, H, &o), DIPPER_OK); /* one saturated blob */
    o.noise_sigma = 10;
    assert_int_equal(estimate(p, W, H, &o), DIPPER_ERROR_INPUT); /* noise above the signal */
    o.noise_sigma = -1;
    o.progress = stop_at_once;
    assert_int_equal(estimate(p, W, H, &o), DIPPER_ERROR_CANCELLED);
    o.progress = NULL;
    o.width = 20;
    o.height = 20;
    o.x = 21;
    assert_int_equal(estimate(p, W, H, &o), DIPPER_ERROR_ARGUMENT); /* beyond the border */
    o.x = 5;
    o.y = 3;
    assert_int_equal(estimate(p, W, H, &o), DIPPER_OK);
    o.psf_width = 8;
    assert_int_equal(estimate(p, W, H, &o), DIPPER_ERROR_ARGUMENT); /* even */
    o.psf_width = 9;
    o.method = "none";
    assert_int_equal(estimate(p, W, H, &o), DIPPER_ERROR_ARGUMENT);
    o.method = "map-l0";
    o.memory_bytes = 1000;
    assert_int_equal(estimate(p, W, H, &o), DIPPER_ERROR_MEMORY);
    p[7 * W + 9] = NAN;
    o.memory_bytes = 0;
    assert_int_equal(estimate(p, W, H, &o), DIPPER_ERROR_INPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_known_psfs),   cmocka_unit_test(any_size),
                                       cmocka_unit_test(psf_step),           cmocka_unit_test(psf_slope),
                                       cmocka_unit_test(latent_step),        cmocka_unit_test(point_stays),
                                       cmocka_unit_test(extremes_are_found), cmocka_unit_test(bad_input_is_refused),
                                       cmocka_unit_test(begins_with_a_psf)};
    return cmocka_run_group_tests(tests, open_backend, close_backend);
}
