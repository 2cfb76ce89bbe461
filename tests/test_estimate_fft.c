/* Kernel estimation: PSFs recovered from pictures blurred here, sub-steps by their objectives, sizes, failures. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "deconv/estimate.h"
#include "image/blur.h"
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

static double correlation(const float *a, const float *b, int n) {
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
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

static void recovers(const char *name, int h, int w, int kh, int kw) {
    float psf[31 * 31], found[31 * 31], scratch[31 * 31];
    int dy, dx;
    make_hook(psf, kh, kw);
    dp_psf_centre(psf, kh, kw, DP_PSF_ZERO, scratch, &dy, &dx);
    float *blurred = make_blurred(h, w, psf, kh, kw);
    const dp_estimate job = make_job(name, blurred, h, w, kh, kw);
    assert_int_equal(dp_estimate_run(&job, NULL, found, NULL), DIPPER_OK);
    const double c = correlation(psf, found, kh * kw);
    if (!(c > 0.9)) fail_msg("%s, %d x %d px, PSF %d x %d: correlation %.3f", name, w, h, kw, kh, c);
    free(blurred);
}

static void finds_known_psfs(void **state) {
    (void)state;
    for (int i = 0; i < dp_estimator_count(); i++) {
        const char *name = dp_estimator_at(i)->name;
        recovers(name, 160, 160, 11, 11);
        recovers(name, 131, 180, 9, 17);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_known_psfs)};
    return cmocka_run_group_tests(tests, open_backend, close_backend);
}
