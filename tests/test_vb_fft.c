/* Variational Bayes: its prior, both steps against direct solutions in double, the free energy, PSFs found in scenes
 * drawn here, sizes and pictures without information, cancelling, memory that runs out. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "deconv/vb_fft.h"
#include "image/blur.h"
#include "image/psf.h"
#include "metric/metric.h"

static long countdown = -1; /* allocations of the library until one fails; negative: never */

void *aligned_alloc(size_t alignment, size_t size) {
    void *p = NULL;
    if (countdown >= 0 && countdown-- == 0) return NULL;
    return posix_memalign(&p, alignment, size) == 0 ? p : NULL;
}

static dp_backend *be;

static int open_backend(void **state) {
    (void)state;
    return dp_backend_open("cpu", 1, NULL, &be) != DIPPER_OK;
}

static int close_backend(void **state) {
    (void)state;
    dp_backend_close(&be);
    return 0;
}

static double uniform(uint64_t draw, uint64_t i) {
    float u[4];
    dp_philox_uniform4(dp_philox_key_make(11, DP_STREAM_TEST), draw, i, u);
    return u[0];
}

/* ---- The prior ---- */

static void weight_is_the_slope_of_the_bound(void **state) {
    (void)state;
    static dp_vb_prior prior;
    for (int kind = DP_VB_MIXTURE; kind <= DP_VB_ARD; kind++) {
        dp_vb_prior_init(&prior, (dp_vb_kind)kind);
        double before = INFINITY;
        for (double e = 1e-9; e < 4; e *= 1.37) {
            const double exact = dp_vb_weight_exact((dp_vb_kind)kind, e), step = 1e-4 * e;
            const double up = dp_vb_bound((dp_vb_kind)kind, e + step), down = dp_vb_bound((dp_vb_kind)kind, e - step);
            assert_true(fabs((up - down) / step - exact) < 1e-3 * exact + 1e-4); /* 2 (up - down) / (2 step) */
            assert_true(fabs(dp_vb_weight(&prior, (float)e) - exact) < 5e-4 * exact);
            assert_true(exact <= before); /* the bound is concave: the weights' parabola lies above it */
            before = exact;
        }
        assert_true(isfinite(dp_vb_weight(&prior, 0)) && dp_vb_weight(&prior, 1e30F) > 0);
    }
}

/* ---- The PSF's quadratic problem ---- */

/* A x = b, n <= 81, in place, by elimination with pivots; false if singular. */
static bool eliminate(double *a, double *b, int n) {
    for (int c = 0; c < n; c++) {
        int pivot = c;
        for (int r = c + 1; r < n; r++)
            if (fabs(a[r * n + c]) > fabs(a[pivot * n + c])) pivot = r;
        if (fabs(a[pivot * n + c]) < 1e-14) return false;
        for (int k = 0; k < n && pivot != c; k++) {
            const double t = a[c * n + k];
            a[c * n + k] = a[pivot * n + k];
            a[pivot * n + k] = t;
        }
        const double t = b[c];
        b[c] = b[pivot];
        b[pivot] = pivot == c ? b[c] : t;
        for (int r = 0; r < n; r++) {
            const double m = r == c ? 0 : a[r * n + c] / a[c * n + c];
            for (int k = c; k < n && r != c; k++) a[r * n + k] -= m * a[c * n + k];
            b[r] -= m * b[c];
        }
    }
    for (int c = 0; c < n; c++) b[c] /= a[c * n + c];
    return true;
}

enum { SIDE = 3, TAPS = SIDE * SIDE };

static double objective(const double *matrix, const double *gradient, const double *k, const float *k0) {
    double sum = 0;
    for (int i = 0; i < TAPS; i++) {
        sum -= gradient[i] * (k[i] - (double)k0[i]);
        for (int j = 0; j < TAPS; j++)
            sum += 0.5 * (k[i] - (double)k0[i]) * matrix[i * TAPS + j] * (k[j] - (double)k0[j]);
    }
    return sum;
}

/* Every set of elements that may differ from 0: the best solution among those without negative ones. */
static double brute_force(const double *matrix, const double *gradient, const float *k0, double *best) {
    double least = INFINITY;
    for (int set = 0; set < 1 << TAPS; set++) {
        double a[TAPS * TAPS], b[TAPS], k[TAPS] = {0};
        int index[TAPS], n = 0;
        bool good = true;
        for (int i = 0; i < TAPS; i++)
            if (set >> i & 1) index[n++] = i;
        for (int i = 0; i < n; i++) {
            b[i] = gradient[index[i]];
            for (int j = 0; j < TAPS; j++) b[i] += matrix[index[i] * TAPS + j] * (double)k0[j];
            for (int j = 0; j < n; j++) a[i * n + j] = matrix[index[i] * TAPS + index[j]];
        }
        if (!eliminate(a, b, n)) continue;
        for (int i = 0; i < n; i++) {
            k[index[i]] = b[i];
            good = good && b[i] >= 0;
        }
        const double f = objective(matrix, gradient, k, k0);
        if (!good || f >= least) continue;
        least = f;
        memcpy(best, k, sizeof k);
    }
    return least;
}

static void psf_step_equals_brute_force(void **state) {
    (void)state;
    for (uint64_t trial = 0; trial < 5; trial++) {
        dp_quadratic *q = NULL;
        double matrix[TAPS * TAPS], gradient[TAPS], best[TAPS] = {0};
        float k0[TAPS], k[TAPS], signal[8 * 8], widest = 0;
        assert_int_equal(dp_quadratic_create(SIDE, SIDE, NULL, &q), DIPPER_OK);
        for (int i = 0; i < 64; i++) signal[i] = (float)uniform(trial, (uint64_t)i) - 0.5F;
        for (int i = -2; i <= 2; i++) /* an autocorrelation */
            for (int j = -2; j <= 2; j++) {
                float sum = 0;
                for (int y = 0; y < 8; y++)
                    for (int x = 0; x < 8; x++)
                        sum += signal[y * 8 + x] * signal[(y + i + 8) % 8 * 8 + (x + j + 8) % 8];
                q->lags[(i + 2) * 5 + j + 2] = sum;
            }
        for (int i = 0; i < TAPS; i++) {
            k0[i] = k[i] = 1.0F / TAPS;
            q->diagonal[i] = (float)uniform(trial, 100 + (uint64_t)i);
            q->gradient[i] = 3 * (float)uniform(trial, 200 + (uint64_t)i) - 1.5F;
            gradient[i] = q->gradient[i];
            for (int j = 0; j < TAPS; j++)
                matrix[i * TAPS + j] = (double)q->lags[(i / 3 - j / 3 + 2) * 5 + i % 3 - j % 3 + 2] +
                                       (i == j ? (double)q->diagonal[i] : 0);
        }
        brute_force(matrix, gradient, k0, best);
        dp_quadratic_run(q, 5000, 0, k);
        int zeros = 0;
        for (int i = 0; i < TAPS; i++) {
            widest = fmaxf(widest, fabsf(k[i] - (float)best[i]));
            zeros += best[i] == 0;
        }
        assert_true(zeros > 0 && zeros < TAPS);
        assert_true(widest < 1e-4F);
        dp_quadratic_destroy(&q);
    }
}

/* ---- Scenes ---- */

/* Dead leaves: discs of random brightness over each other, many small ones. (h, w), free it. */
static float *make_scene(int h, int w) {
    float *x = calloc((size_t)h * (size_t)w, sizeof *x);
    assert_non_null(x);
    for (uint64_t n = 0; n < 300; n++) {
        const double r = 4 / sqrt(uniform(1, n) + 0.002), cy = uniform(2, n) * h, cx = uniform(3, n) * w;
        for (int i = 0; i < h; i++)
            for (int j = 0; j < w; j++)
                if ((i - cy) * (i - cy) + (j - cx) * (j - cx) < r * r)
                    x[i * w + j] = (float)(0.1 + 0.8 * uniform(4, n));
    }
    return x;
}

static float *make_blurred(int h, int w, const float *psf, int kh, int kw, double noise) {
    float *scene = make_scene(h + kh - 1, w + kw - 1), *out = calloc((size_t)h * (size_t)w, sizeof *out);
    assert_non_null(out);
    dp_plane_blur(scene, h + kh - 1, w + kw - 1, psf, kh, kw, 1, out);
    for (int i = 0; i < h * w; i++) {
        float z[4];
        dp_philox_normal4(dp_philox_key_make(12, DP_STREAM_TEST), 0, (uint64_t)i, z);
        out[i] += (float)noise * z[0];
    }
    free(scene);
    return out;
}

/* An L that no symmetry leaves as it is. */
static void make_psf(float *psf, int kh, int kw) {
    memset(psf, 0, (size_t)kh * (size_t)kw * sizeof *psf);
    for (int i = 1; i < kh - 1; i++) psf[i * kw + kw / 3] = 1;
    for (int j = kw / 3; j < kw - 1; j++) psf[(kh - 2) * kw + j] = 0.6F;
    dp_psf_normalise(psf, kh, kw);
}

static dp_estimate make_job(const float *blurred, int h, int w, int kh, int kw) {
    dp_estimate job = dp_estimate_defaults(dp_estimator_find("vb"));
    job.be = be;
    job.blurred = blurred;
    job.h = h;
    job.w = w;
    job.kh = kh;
    job.kw = kw;
    return job;
}

static dp_vb *make_vb(const dp_estimate *job, float *psf) {
    const dp_scale scale = {
        .h = job->h, .w = job->w, .kh = job->kh, .kw = job->kw, .blurred = job->blurred, .psf = psf};
    dp_vb *vb = NULL;
    assert_int_equal(dp_vb_create(job, &scale, NULL, &vb), DIPPER_OK);
    return vb;
}

static void set(dp_estimate *job, const char *name, double value) {
    const int i = dp_estimator_setting(job->estimator, name);
    assert_true(i >= 0);
    job->setting[i] = value;
}

/* ---- The step of the latent gradients ---- */

static void latent_step_equals_direct_solution(void **state) {
    (void)state;
    enum { H = 6, W = 5, K = 3, LATENT = (H + K - 2) * (W + K - 2) }; /* gradients (5, 4), latent (7, 6) */
    enum { GH = H - 1, GW = W - 1, LW = GW + K - 1 };
    static double a[LATENT * LATENT], b[LATENT], energy[LATENT];
    float blurred[H * W], psf[K * K] = {0.1F, 0.3F, 0, 0, 0.2F, 0.05F, 0, 0.15F, 0.2F};
    const double eta2 = 0.05 * 0.05;
    double square = 0;
    for (int i = 0; i < H * W; i++) blurred[i] = (float)uniform(20, (uint64_t)i);
    const dp_estimate job = make_job(blurred, H, W, K, K);
    dp_vb *vb = make_vb(&job, psf);
    for (int y = 0; y < GH; y++)
        for (int x = 0; x < GW; x++) {
            const double value = (double)blurred[y * W + x + 1] - blurred[y * W + x];
            square += value * value / (GH * GW);
            for (int s = 0; s < K * K; s++) { /* true convolution: pixel (y, x) sees latent (y + 2 - i, x + 2 - j) */
                const int p = (y + K - 1 - s / K) * LW + x + K - 1 - s % K;
                b[p] += psf[s] * value;
                energy[p] += (double)psf[s] * psf[s];
                for (int t = 0; t < K * K; t++)
                    a[p * LATENT + (y + K - 1 - t / K) * LW + x + K - 1 - t % K] += (double)psf[s] * psf[t];
            }
        }
    for (int i = 0; i < LATENT; i++) a[i * LATENT + i] += eta2 * 10 / square;
    assert_true(eliminate(a, b, LATENT));
    dp_vb_find_latent(vb, sqrt(eta2), 200);
    for (int i = 0; i < LATENT; i++) {
        const size_t at = (size_t)(i / LW) * (size_t)vb->grid->n1 + (size_t)(i % LW);
        assert_true(fabs(vb->x[0][at] - b[i]) < 1e-5);
        const double variance = 1 / (energy[i] / eta2 + 10 / square);
        assert_true(fabs(vb->c[0][at] - variance) < 1e-5 * variance);
    }
    dp_vb_destroy(&vb);
}

/* With eta held, each step of an iteration lowers the free energy (up to the rounding of floats), for both priors and
 * any number of steps of conjugate gradients. */
static void steps_lower_the_free_energy(void **state) {
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        float psf[9 * 7];
        const double eta = variant < 2 ? 0.03 : 0.005;
        make_psf(psf, 9, 7);
        float *blurred = make_blurred(45, 52, psf, 9, 7, 0.003);
        dp_estimate job = make_job(blurred, 45, 52, 9, 7);
        set(&job, "ard", variant % 2);
        for (int i = 0; i < 9 * 7; i++) psf[i] = 1.0F / (9 * 7);
        dp_vb *vb = make_vb(&job, psf);
        dp_vb_find_latent(vb, eta, 2);
        double before = dp_vb_free_energy(vb, eta);
        const double first = before;
        for (int n = 0; n < 12; n++) {
            assert_int_equal(dp_vb_find_psf(vb, NULL), DIPPER_OK);
            const double psf_energy = dp_vb_free_energy(vb, eta);
            dp_vb_find_latent(vb, eta, 1 + n % 3);
            const double latent_energy = dp_vb_free_energy(vb, eta);
            if (!(psf_energy <= before + 1e-6 * fabs(before)) ||
                !(latent_energy <= psf_energy + 1e-6 * fabs(psf_energy)))
                fail_msg("variant %d, iteration %d: %.9g, PSF %.9g, latent %.9g", variant, n, before, psf_energy,
                         latent_energy);
            before = latent_energy;
        }
        assert_true(before < first - 1e-3 * fabs(first));
        dp_vb_destroy(&vb);
        free(blurred);
    }
}

/* ---- The whole ---- */

static void recovers(int h, int w, int kh, int kw, double noise, double ard, double bound) {
    float psf[31 * 31], found[31 * 31];
    make_psf(psf, kh, kw);
    float *blurred = make_blurred(h, w, psf, kh, kw, noise);
    dp_estimate job = make_job(blurred, h, w, kh, kw);
    job.noise_sigma = noise;
    set(&job, "ard", ard);
    assert_int_equal(dp_estimate_run(&job, NULL, found, NULL), DIPPER_OK);
    const double c = dp_psf_compare(psf, kh, kw, found, kh, kw).correlation;
    if (!(c > bound)) fail_msg("%d x %d, PSF %d x %d, noise %g, ard %g: correlation %.3f", w, h, kw, kh, noise, ard, c);
    free(blurred);
}

static void finds_psfs(void **state) {
    (void)state;
    recovers(160, 160, 13, 13, 0.001, 0, 0.85);
    recovers(160, 160, 13, 13, 0.001, 1, 0.85);
    recovers(143, 170, 9, 17, 0.005, 0, 0.8);
}

/* Whatever the picture: a PSF, or one clear error. */
static void holds(const float *picture, int h, int w, int kh, int kw, double noise) {
    float psf[31 * 31];
    double sum = 0;
    dp_diag diag = {0};
    dp_estimate job = make_job(picture, h, w, kh, kw);
    job.noise_sigma = noise;
    const dipper_status status = dp_estimate_run(&job, &diag, psf, NULL);
    if (status != DIPPER_OK) {
        assert_int_equal(status, DIPPER_ERROR_DIVERGED);
        assert_true(strlen(diag.text) > 10);
        return;
    }
    for (int i = 0; i < kh * kw; i++) {
        assert_true(psf[i] >= 0);
        sum += psf[i];
    }
    assert_true(fabs(sum - 1) < 1e-4);
}

static void any_picture_gives_a_psf_or_an_error(void **state) {
    (void)state;
    enum { N = 64 };
    float noise[N * N], flat[N * N], blob[N * N];
    for (int i = 0; i < N * N; i++) {
        float z[4];
        dp_philox_normal4(dp_philox_key_make(13, DP_STREAM_TEST), 0, (uint64_t)i, z);
        noise[i] = 0.5F + 0.3F * z[0];
        flat[i] = 0.5F;
        blob[i] = abs(i / N - 30) < 3 && abs(i % N - 20) < 3 ? 1 : 0;
    }
    holds(noise, N, N, 9, 9, 0.3);
    holds(flat, N, N, 9, 9, 0);
    flat[N * 20 + 20] = 0.500001F;
    holds(flat, N, N, 9, 9, 0);
    holds(blob, N, N, 9, 9, 0);
    holds(noise, 7, 9, 3, 5, 0.1);
    holds(noise, 5, 3, 5, 3, 0.1);
    holds(noise, 3, 40, 3, 31, 0.1);
    holds(noise, 31, 31, 31, 31, 0);
}

static int stop_at_half(int done, int of, void *user) {
    ++*(int *)user;
    return 2 * done >= of;
}

static void can_be_cancelled(void **state) {
    (void)state;
    float psf[7 * 7], found[7 * 7];
    int calls = 0;
    make_psf(psf, 7, 7);
    float *blurred = make_blurred(40, 44, psf, 7, 7, 0);
    dp_estimate job = make_job(blurred, 40, 44, 7, 7);
    job.progress = stop_at_half;
    job.user = &calls;
    assert_int_equal(dp_estimate_run(&job, NULL, found, NULL), DIPPER_ERROR_CANCELLED);
    assert_true(calls > 10);
    free(blurred);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    float psf[7 * 5], found[7 * 5];
    make_psf(psf, 7, 5);
    float *blurred = make_blurred(24, 20, psf, 7, 5, 0);
    dp_estimate job = make_job(blurred, 24, 20, 7, 5);
    set(&job, "iterations", 2);
    long n = 0;
    for (;; n++) {
        dp_diag diag = {0};
        countdown = n;
        const dipper_status status = dp_estimate_run(&job, &diag, found, NULL);
        countdown = -1;
        if (status == DIPPER_OK) break;
        assert_int_equal(status, DIPPER_ERROR_MEMORY);
        assert_true(strlen(diag.text) > 10 && n < 10000);
    }
    assert_true(n > 60); /* the failure really was injected, at each scale */
    free(blurred);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(weight_is_the_slope_of_the_bound),
                                       cmocka_unit_test(psf_step_equals_brute_force),
                                       cmocka_unit_test(latent_step_equals_direct_solution),
                                       cmocka_unit_test(steps_lower_the_free_energy),
                                       cmocka_unit_test(finds_psfs),
                                       cmocka_unit_test(any_picture_gives_a_psf_or_an_error),
                                       cmocka_unit_test(can_be_cancelled),
                                       cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, open_backend, close_backend);
}
