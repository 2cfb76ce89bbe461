/* Single ops against PyTorch (tests/golden/make_parts.py), on every back end: the losses of VDIP as they are published,
 * with detached weights, and losses of colour pictures. In float the bound is that of the op in checkop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "backend/backend.h"
#include "golden.h"

enum { C = 3, H = 40, W = 43, KH = 7, KW = 5, HX = H + KH - 1, WX = W + KW - 1, MAX_BUFFERS = 16 };

typedef struct machine {
    dp_backend *be;
    const golden *gold;
    void *buffer[MAX_BUFFERS];
    int buffers;
    double bound;
} machine;

static void *room(machine *m, size_t bytes) {
    assert_true(m->buffers < MAX_BUFFERS);
    void *p = m->be->vt->alloc(m->be, bytes);
    assert_non_null(p);
    return m->buffer[m->buffers++] = p;
}

static void *fresh(machine *m, dp_shape shape) {
    return room(m, dp_backend_bytes(m->be, shape));
}

static void *input(machine *m, const char *name) {
    size_t n = 0;
    const float *values = find(m->gold, "", name, &n);
    void *p = fresh(m, dp_vector((int)n));
    m->be->vt->upload(m->be, dp_vector((int)n), p, values);
    return p;
}

static void run(machine *m, const dp_op *op, void *const *args) {
    dp_diag diag = {0};
    dp_plan *plan = NULL;
    size_t bytes = 0;
    if (m->be->vt->plan_new(m->be, op, &diag, &plan, &bytes) != DIPPER_OK) fail_msg("%s", diag.text);
    m->be->vt->plan_run(plan, args, room(m, bytes));
    m->be->vt->plan_free(plan);
}

static void expect(const machine *m, const void *buffer, const char *name) {
    size_t n = 0;
    const float *want = find(m->gold, "", name, &n);
    float *got = dp_alloc(n, sizeof *got), most = 0;
    m->be->vt->download(m->be, dp_vector((int)n), got, buffer);
    for (size_t i = 0; i < n; i++) most = fmaxf(most, fabsf(want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= m->bound * (double)most))
            fail_msg("%s: %s[%zu] is %.8g, PyTorch %.8g (largest %g)", m->be->detail, name, i, (double)got[i],
                     (double)want[i], (double)most);
    dp_free(got);
}

/* Runs `part` on every back end. */
static void on_all(void (*part)(machine *m), double bound) {
    static const char *const names[] = {"ref64", "ref", "cpu"};
    golden *gold = load("parts");
    for (int i = 0; i < 3; i++) {
        dp_diag diag = {0};
        machine m = {.gold = gold, .bound = i == 0 ? 1e-6 : bound};
        assert_int_equal(dp_backend_open(names[i], 2, &diag, &m.be), DIPPER_OK);
        part(&m);
        for (int b = 0; b < m.buffers; b++) m.be->vt->release(m.be, m.buffer[b]);
        dp_backend_close(&m.be);
    }
    unload(gold);
}

static const dp_shape latent = {C, HX, WX, DP_PLANAR}, seen = {C, H, W, DP_PLANAR};
static float one = 1;

/* -EXP of a sample: blur, squared error of derivatives, adjoint of the blur. */
static void likelihood(machine *m) {
    const dp_op forward = {.kind = DP_BLUR_FWD, .x = latent, .y = seen, .blur = {KH, KW}};
    const dp_op loss = {.kind = DP_DERIVATIVES, .x = seen, .y = seen, .loss = {.order = {0.5f, 0.5f, 0.125f}}};
    float weight = (float)(H * W) / (HX * WX); /* EXP is divided by the size of the latent picture */
    dp_op backward = forward;
    backward.kind = DP_BLUR_BWD;
    void *x = input(m, "sample"), *psf = input(m, "psf"), *data = input(m, "data");
    void *y = fresh(m, seen), *dy = fresh(m, seen), *value = fresh(m, dp_vector(1));
    void *dx = fresh(m, latent), *dpsf = fresh(m, dp_vector(KH * KW));
    run(m, &forward, (void *[]){x, psf, y});
    run(m, &loss, (void *[]){y, data, &weight, value, dy});
    run(m, &backward, (void *[]){x, psf, dy, dx, dpsf});
    expect(m, value, "exp");
    expect(m, dx, "exp.dx");
    expect(m, dpsf, "exp.dpsf");
}

static void log_of_deviation(machine *m) {
    const dp_op op = {.kind = DP_MEAN_LOG, .x = latent, .y = latent};
    void *value = fresh(m, dp_vector(1)), *dx = fresh(m, latent);
    run(m, &op, (void *[]){input(m, "std"), &one, value, dx});
    expect(m, value, "log");
    expect(m, dx, "log.dx");
}

static void sparse(machine *m) {
    const dp_op op = {.kind = DP_SPARSE_PRIOR, .x = latent, .y = latent};
    void *value = fresh(m, dp_vector(1)), *de = fresh(m, latent), *ds = fresh(m, latent);
    run(m, &op, (void *[]){input(m, "mean"), input(m, "std"), &one, value, de, ds});
    expect(m, value, "sparse");
    expect(m, de, "sparse.dmean");
    expect(m, ds, "sparse.dstd");
}

static void extreme(machine *m) {
    const dp_op op = {.kind = DP_EXTREME_PRIOR, .x = latent, .y = latent, .loss = {.window = 35}};
    void *value = fresh(m, dp_vector(1)), *de = fresh(m, latent), *ds = fresh(m, latent);
    run(m, &op, (void *[]){input(m, "mean"), input(m, "std"), input(m, "noise"), &one, value, de, ds});
    expect(m, value, "extreme");
    expect(m, de, "extreme.dmean");
    expect(m, ds, "extreme.dstd");
}

static void colour(machine *m) {
    const dp_op ssim = {.kind = DP_SSIM, .x = seen, .y = seen}, mse = {.kind = DP_MSE, .x = seen, .y = seen};
    void *x = input(m, "seen"), *data = input(m, "data"), *value = fresh(m, dp_vector(1)), *dx = fresh(m, seen);
    run(m, &ssim, (void *[]){x, data, &one, value, dx});
    expect(m, value, "ssim");
    expect(m, dx, "ssim.dx");
    run(m, &mse, (void *[]){x, data, NULL, &one, value, dx, NULL});
    expect(m, value, "mse");
    expect(m, dx, "mse.dx");
}

static void fewer_pixels(machine *m) {
    const dp_op forward = {
        .kind = DP_DOWNSAMPLE_FWD, .x = dp_planar(2, 40, 56), .y = dp_planar(2, 10, 14), .down = {4, 2}};
    dp_op backward = forward;
    backward.kind = DP_DOWNSAMPLE_BWD;
    void *y = fresh(m, forward.y), *dx = fresh(m, forward.x);
    run(m, &forward, (void *[]){input(m, "large"), y});
    run(m, &backward, (void *[]){input(m, "weights"), dx});
    expect(m, y, "small");
    expect(m, dx, "small.dx");
}

static void wiener_image(machine *m) {
    const dp_op op = {.kind = DP_WIENER, .x = seen, .y = latent, .wiener = {KH, KW, 0.025f}};
    dp_op backward = op;
    backward.kind = DP_WIENER_BWD;
    void *y = fresh(m, latent), *dpsf = fresh(m, dp_vector(KH * KW)), *data = input(m, "data"), *psf = input(m, "psf");
    run(m, &op, (void *[]){data, psf, y});
    run(m, &backward, (void *[]){data, psf, input(m, "mean"), dpsf});
    expect(m, y, "wiener");
    expect(m, dpsf, "wiener.dpsf");
}

static void vdip_likelihood(void **state) {
    (void)state;
    on_all(likelihood, 2e-5);
}

static void vdip_priors(void **state) {
    (void)state;
    on_all(log_of_deviation, 1e-5);
    on_all(sparse, 1e-5);
    on_all(extreme, 1e-4);
}

static void losses_of_colour_pictures(void **state) {
    (void)state;
    on_all(colour, 1e-4);
}

static void down_sampling(void **state) {
    (void)state;
    on_all(fewer_pixels, 1e-5);
}

static void wiener_filter(void **state) {
    (void)state;
    on_all(wiener_image, 1e-5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vdip_likelihood), cmocka_unit_test(vdip_priors),   cmocka_unit_test(losses_of_colour_pictures),
        cmocka_unit_test(down_sampling),   cmocka_unit_test(wiener_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
