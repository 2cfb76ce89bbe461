/* Non-blind deconvolution where data are missing, or tell nothing: masks, constant pictures, lights, noise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "dipper/dipper.h"
#include "image/fill.h"

enum { W = 61, H = 53, K = 7, N = W * H };

static float sharp[N], blurred[N], out[N], psf[K * K];

static void make(double noise) {
    const dp_philox_key key = dp_philox_key_make(9, DP_STREAM_TEST);
    for (int i = 0; i < K * K; i++) psf[i] = i / K == i % K ? 1.0F / K : 0;
    for (int i = 0; i < N; i++) {
        float random[4];
        double sum = 0;
        for (int a = -K / 2; a <= K / 2; a++) {
            const int y = i / W - a, x = i % W - a;
            const float value = 0.2F + (float)((x + 26) / 13 % 2) * 0.4F + (float)((y + 34) / 17 % 2) * 0.2F;
            sum += value / K;
            if (a == 0) sharp[i] = value;
        }
        dp_philox_normal4(key, 0, (uint64_t)i, random);
        blurred[i] = (float)(sum + noise * random[0]);
    }
}

static dipper_status restore(const char *method, const dipper_image *mask, char *text, size_t size) {
    dipper_context *c;
    dipper_context_options options;
    dipper_deconvolve_options o;
    dipper_context_options_init(&options);
    options.threads = 1;
    assert_int_equal(dipper_context_create(&options, &c), DIPPER_OK);
    dipper_deconvolve_options_init(&o);
    o.method = method;
    o.mask = mask;
    dipper_image a = dipper_image_view(blurred, W, H, 1), b = dipper_image_view(out, W, H, 1);
    const dipper_status status = dipper_deconvolve(c, &a, psf, K, K, &o, &b);
    if (text != NULL) strncpy(text, dipper_context_message(c), size - 1);
    dipper_context_destroy(&c);
    return status;
}

static double psnr(const float *a) {
    double sum = 0;
    for (int i = 0; i < N; i++) sum += ((double)a[i] - sharp[i]) * ((double)a[i] - sharp[i]);
    return -10 * log10(sum / N);
}

static const dipper_deconvolve_method *method_at(int i) { /* NULL: no more */
    static dipper_deconvolve_method m;
    return dipper_deconvolve_method_at(i, &m) == DIPPER_OK ? &m : NULL;
}

/* A tenth of the pixels is wrong. With a mask they do not matter, whatever stands there. */
static void masked_pixels_do_not_count(void **state) {
    (void)state;
    static float mask[N], first[N];
    make(0.005);
    for (int i = 0; i < N; i++)
        mask[i] = i * 37 % 101 < 10 || (i / W > 20 && i / W < 26 && i % W > 30 && i % W < 36) ? 0 : 0.5F;
    dipper_image view = dipper_image_view(mask, W, H, 1);
    const double before = psnr(blurred);
    const dipper_deconvolve_method *m;
    for (int i = 0; (m = method_at(i)) != NULL; i++) {
        if (!m->available || !m->bounds) continue;
        for (int p = 0; p < N; p++)
            if (mask[p] == 0) blurred[p] = (float)(p % 2);
        assert_int_equal(restore(m->name, NULL, NULL, 0), DIPPER_OK);
        const double believed = psnr(out);
        assert_int_equal(restore(m->name, &view, NULL, 0), DIPPER_OK);
        memcpy(first, out, sizeof out);
        print_message("%s: blurred %.2f, masked %.2f, believed %.2f dB\n", m->name, before, psnr(out), believed);
        assert_true(psnr(out) > before + 1 && psnr(out) > believed + 2);
        for (int p = 0; p < N; p++)
            if (mask[p] == 0) blurred[p] = 0.3F;
        assert_int_equal(restore(m->name, &view, NULL, 0), DIPPER_OK); /* the noise is another, the rest the same */
        assert_true(fabs(psnr(out) - psnr(first)) < 2.5);
    }
}

static void bad_masks_are_refused(void **state) {
    (void)state;
    static float mask[N];
    char text[600] = "";
    dipper_image view = dipper_image_view(mask, W, H, 1);
    make(0);
    assert_int_equal(restore("sparse", &view, text, sizeof text), DIPPER_ERROR_INPUT);
    assert_non_null(strstr(text, "0 everywhere"));
    view = dipper_image_view(mask, W - 1, H, 1);
    assert_int_equal(restore("sparse", &view, text, sizeof text), DIPPER_ERROR_INPUT);
    assert_non_null(strstr(text, "60 x 53"));
    assert_non_null(strstr(text, "61 x 53"));
    const dipper_deconvolve_method *m;
    view = dipper_image_view(mask, W, H, 1);
    mask[5] = 1;
    for (int i = 0; (m = method_at(i)) != NULL; i++)
        if (m->available && !m->bounds)
            assert_int_equal(restore(m->name, &view, text, sizeof text), DIPPER_ERROR_ARGUMENT);
}

static void neighbours_fill(void **state) {
    (void)state;
    float plane[15] = {1, 9, 9, 4, 4, 1, 9, 9, 4, 4, 1, 9, 9, 4, 4};
    const unsigned char mask[15] = {1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1};
    assert_int_equal(dp_plane_fill(plane, mask, 3, 5, NULL), DIPPER_OK);
    for (int y = 0; y < 3; y++) {
        assert_true(fabs(plane[5 * y + 1] - 2) < 1e-6 && fabs(plane[5 * y + 2] - 3) < 1e-6);
        assert_true(plane[5 * y] == 1 && plane[5 * y + 4] == 4);
    }
}

/* Smallest and largest value of the result. */
static void range(const char *name, double low, double high) {
    for (int i = 0; i < N; i++)
        if (!(out[i] >= low && out[i] <= high)) fail_msg("%s: %g at %d", name, (double)out[i], i);
}

static void pictures_that_tell_nothing(void **state) {
    (void)state;
    const dipper_deconvolve_method *m;
    for (int i = 0; (m = method_at(i)) != NULL; i++) {
        if (!m->available) continue;
        make(0);
        for (int p = 0; p < N; p++) blurred[p] = 0.3F; /* constant */
        assert_int_equal(restore(m->name, NULL, NULL, 0), DIPPER_OK);
        range(m->name, 0.297, 0.303);
        for (int p = 0; p < N; p++) blurred[p] = 0; /* black */
        assert_int_equal(restore(m->name, NULL, NULL, 0), DIPPER_OK);
        range(m->name, -1e-4, 1e-4);
        for (int p = 0; p < N; p++) blurred[p] = 1; /* white: all saturated */
        assert_int_equal(restore(m->name, NULL, NULL, 0), DIPPER_OK);
        range(m->name, 0.9, 1.2);
        for (int p = 0; p < N; p++) {
            float sum = 0;
            for (int a = -K / 2; a <= K / 2; a++) {
                const int y = p / W - a - 26, x = p % W - a - 30;
                sum += y * y + x * x < 80 ? 5 : 0.1F;
            }
            blurred[p] = fminf(sum / K, 1);
        }
        assert_int_equal(restore(m->name, NULL, NULL, 0), DIPPER_OK); /* a single saturated blob */
        range(m->name, m->bounds ? -0.3 : -4, 20);                    /* wiener cannot know, and rings */
    }
}

/* Noise of 0.3 on contrasts of 0.2: what comes out is nearer to the truth than what went in. */
static void noise_above_the_signal(void **state) {
    (void)state;
    const dipper_deconvolve_method *m;
    make(0.3);
    const double before = psnr(blurred);
    for (int i = 0; (m = method_at(i)) != NULL; i++) {
        if (!m->available) continue;
        assert_int_equal(restore(m->name, NULL, NULL, 0), DIPPER_OK);
        print_message("%s: %.2f dB -> %.2f dB\n", m->name, before, psnr(out));
        assert_true(psnr(out) > before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masked_pixels_do_not_count),
        cmocka_unit_test(bad_masks_are_refused),
        cmocka_unit_test(neighbours_fill),
        cmocka_unit_test(pictures_that_tell_nothing),
        cmocka_unit_test(noise_above_the_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
