/* PSFs from a few numbers, and what is said of a PSF. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dipper/dipper.h"

static dipper_context *context;

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static void ok(dipper_status status) {
    if (status) fail_msg("%s", dipper_context_message(context));
}

static void fails(dipper_status status, dipper_status expected, const char *what) {
    assert_int_equal(status, expected);
    if (!strstr(dipper_context_message(context), what))
        fail_msg("'%s' does not say '%s'", dipper_context_message(context), what);
    dipper_context_clear(context);
}

typedef struct psf {
    int width, height;
    float v[101 * 101];
} psf;

static psf make(dipper_psf_options o) {
    psf k = {0};
    o.struct_size = sizeof o;
    ok(dipper_psf_make(context, &o, &k.width, &k.height, NULL));
    ok(dipper_psf_make(context, &o, NULL, NULL, k.v));
    return k;
}

static dipper_psf_info describe(const psf *k) {
    dipper_psf_info info = {.struct_size = sizeof info};
    ok(dipper_psf_describe(context, k->v, k->width, k->height, &info));
    return info;
}

static const dipper_psf_options shapes[] = {
    {.kind = DIPPER_PSF_DELTA},
    {.kind = DIPPER_PSF_DELTA, .width = 7, .height = 3},
    {.kind = DIPPER_PSF_GAUSSIAN, .sigma = 1.7},
    {.kind = DIPPER_PSF_GAUSSIAN, .sigma = 20, .width = 9, .height = 11},
    {.kind = DIPPER_PSF_DISK, .radius = 0.3},
    {.kind = DIPPER_PSF_DISK, .radius = 4.2},
    {.kind = DIPPER_PSF_MOTION, .length = 1},
    {.kind = DIPPER_PSF_MOTION, .length = 12.5, .angle = 33},
    {.kind = DIPPER_PSF_MOTION, .length = 100, .angle = -90},
    {.kind = DIPPER_PSF_MOTION, .length = 30, .angle = 200, .curve = 90},
    {.kind = DIPPER_PSF_MOTION, .length = 30, .angle = 20, .curve = -360},
    {.kind = DIPPER_PSF_RANDOM_MOTION, .length = 30, .seed = 5},
    {.kind = DIPPER_PSF_RANDOM_MOTION, .width = 31, .height = 21, .seed = 6},
};

static void every_psf_is_one(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const psf k = make(shapes[i]);
        const dipper_psf_info info = describe(&k);
        assert_true(k.width % 2 == 1 && k.height % 2 == 1);
        near(info.sum, 1, 1e-6);
        near(info.centroid_x, 0, 1e-4); /* far within half a pixel */
        near(info.centroid_y, 0, 1e-4);
        const psf again = make(shapes[i]);
        assert_memory_equal(&k, &again, sizeof k);
    }
}

static void expect_symmetric(const psf *k, int flip_x, int flip_y) {
    for (int y = 0; y < k->height; y++)
        for (int x = 0; x < k->width; x++)
            near(k->v[y * k->width + x],
                 k->v[(flip_y ? k->height - 1 - y : y) * k->width + (flip_x ? k->width - 1 - x : x)], 1e-7);
}

static void symmetric_psfs(void **state) {
    (void)state;
    const psf gaussian = make(shapes[2]), disk = make(shapes[5]), line = make(shapes[7]);
    const psf arc = make((dipper_psf_options){.kind = DIPPER_PSF_MOTION, .length = 20, .curve = 90});
    expect_symmetric(&gaussian, 1, 0);
    expect_symmetric(&gaussian, 0, 1);
    expect_symmetric(&disk, 1, 0);
    expect_symmetric(&disk, 0, 1);
    expect_symmetric(&line, 1, 1); /* about its centre, not about the axes */
    expect_symmetric(&arc, 1, 0);
    for (int i = 0; i < disk.width * disk.height; i++) /* about the diagonal */
        near(disk.v[i], disk.v[i % disk.width * disk.width + i / disk.width], 1e-7);
}

static void delta_and_gaussian(void **state) {
    (void)state;
    const psf delta = make(shapes[1]), g = make(shapes[2]);
    assert_true(delta.width == 7 && delta.height == 3 && delta.v[1 * 7 + 3] == 1);
    assert_int_equal(g.width, 15); /* 2 ceil(4 * 1.7) + 1 */
    near(g.v[7 * 15 + 8] / g.v[7 * 15 + 7], exp(-1 / (2 * 1.7 * 1.7)), 1e-6);
    near(g.v[5 * 15 + 10] / g.v[7 * 15 + 7], exp(-13 / (2 * 1.7 * 1.7)), 1e-6);
    double variance = 0;
    for (int i = 0; i < 15 * 15; i++) variance += (double)g.v[i] * (i % 15 - 7) * (i % 15 - 7);
    near(variance, 1.7 * 1.7, 0.01);
}

/* Shares by counting 1000 x 1000 points in a pixel. */
static double share_of_disk(double radius, int x, int y) {
    int inside = 0;
    for (int i = 0; i < 1000000; i++) {
        const double u = x - 0.5 + (i % 1000 + 0.5) / 1000, v = y - 0.5 + (i / 1000 + 0.5) / 1000;
        inside += u * u + v * v <= radius * radius;
    }
    return inside * 1e-6;
}

static void disk_area(void **state) {
    (void)state;
    const double r = 2.3, pi = 3.14159265358979;
    const psf k = make((dipper_psf_options){.kind = DIPPER_PSF_DISK, .radius = r});
    assert_true(k.width == 5 && k.height == 5);
    near(k.v[2 * 5 + 2], 1 / (pi * r * r), 1e-7);
    for (int i = 0; i < 25; i++) near(k.v[i], share_of_disk(r, i % 5 - 2, i / 5 - 2) / (pi * r * r), 1e-4);
    const psf small = make((dipper_psf_options){.kind = DIPPER_PSF_DISK, .radius = 0.55});
    assert_int_equal(small.width, 3);
    near(small.v[1] / small.v[4], share_of_disk(0.55, 1, 0) / share_of_disk(0.55, 0, 0), 1e-3);
    assert_true(small.v[0] == 0);
}

/* 3 px at 30 degrees; the numbers: NumPy, the mean of bilinear shares over 10^6 points of the line. */
static void motion_golden(void **state) {
    (void)state;
    static const double golden[3 * 5] = {0.000000, 0.000000, 0.037037, 0.138546, 0.011917, 0.005293, 0.151794, 0.310826,
                                         0.151794, 0.005293, 0.011917, 0.138546, 0.037037, 0.000000, 0.000000};
    const psf k = make((dipper_psf_options){.kind = DIPPER_PSF_MOTION, .length = 3, .angle = 30});
    assert_true(k.width == 5 && k.height == 3);
    for (int i = 0; i < 15; i++) near(k.v[i], golden[i], 2e-4);
}

static double mass(const psf *k, int x_sign, int y_sign) {
    double sum = 0;
    for (int i = 0; i < k->width * k->height; i++) {
        const int x = i % k->width - k->width / 2, y = i / k->width - k->height / 2;
        if (x * x_sign > 0 && y * y_sign > 0) sum += k->v[i];
    }
    return sum;
}

/* Counter-clockwise as seen: 45 degrees runs from the lower left to the upper right. */
static void motion_direction(void **state) {
    (void)state;
    const psf up = make((dipper_psf_options){.kind = DIPPER_PSF_MOTION, .length = 15, .angle = 45});
    assert_true(mass(&up, 1, -1) > 0.4 && mass(&up, -1, 1) > 0.4 && mass(&up, 1, 1) < 0.01);
    const psf level = make((dipper_psf_options){.kind = DIPPER_PSF_MOTION, .length = 9}),
              upright = make((dipper_psf_options){.kind = DIPPER_PSF_MOTION, .length = 9, .angle = 90});
    assert_true(level.width == 11 && level.height == 1 && upright.width == 1 && upright.height == 11);
    for (int x = 2; x <= 8; x++) near(level.v[x], 1.0 / 9, 1e-6);
    /* turning left while running to the right: the ends lie above the middle */
    const psf arc = make((dipper_psf_options){.kind = DIPPER_PSF_MOTION, .length = 20, .curve = 120});
    double middle = 0, end = 0;
    for (int y = 0; y < arc.height; y++) {
        if (arc.v[y * arc.width + arc.width / 2] > arc.v[(int)middle * arc.width + arc.width / 2]) middle = y;
        if (arc.v[y * arc.width + 1] > arc.v[(int)end * arc.width + 1]) end = y;
    }
    assert_true(end < middle);
    const psf ring = make(shapes[10]);
    near(ring.width / 2, ceil(30 / (2 * 3.14159265)), 0); /* a circle of that perimeter */
}

static void random_motion(void **state) {
    (void)state;
    const psf a = make(shapes[11]), same = make(shapes[11]), fit = make(shapes[12]);
    dipper_psf_options other = shapes[11];
    other.seed = 7;
    const psf b = make(other);
    assert_memory_equal(&a, &same, sizeof a);
    assert_true(memcmp(&a, &b, sizeof a) != 0);
    assert_true(fit.width == 31 && fit.height == 21);
    const dipper_psf_info info = describe(&fit);
    assert_true(info.support_width >= 29 || info.support_height >= 19); /* it reaches two sides of a window */
    assert_true(info.entropy > 3);
}

static void bad_psf_options(void **state) {
    (void)state;
    static const struct {
        dipper_psf_options o;
        const char *what;
    } bad[] = {
        {{.kind = DIPPER_PSF_DELTA, .width = 4}, "width of the PSF is 4 px, but must be odd"},
        {{.kind = DIPPER_PSF_DELTA, .height = 103}, "height of the PSF is 103 px"},
        {{.kind = DIPPER_PSF_DELTA, .height = -1}, "height of the PSF is -1 px"},
        {{.kind = DIPPER_PSF_GAUSSIAN}, "standard deviation (px) is 0"},
        {{.kind = DIPPER_PSF_GAUSSIAN, .sigma = NAN}, "standard deviation (px) is nan"},
        {{.kind = DIPPER_PSF_GAUSSIAN, .sigma = 20}, "more than the 101 x 101 px"},
        {{.kind = DIPPER_PSF_DISK, .radius = -1}, "radius (px) is -1"},
        {{.kind = DIPPER_PSF_DISK, .radius = 9, .width = 5}, "5 x 19 px does not hold this; it needs 19 x 19"},
        {{.kind = DIPPER_PSF_DISK, .radius = 60}, "more than the 101 x 101 px"},
        {{.kind = DIPPER_PSF_MOTION}, "length of the motion (px) is 0"},
        {{.kind = DIPPER_PSF_MOTION, .length = 300}, "more than the 101 x 101 px"},
        {{.kind = DIPPER_PSF_MOTION, .length = 5, .curve = 400}, "curve of the motion (degrees) is 400"},
        {{.kind = DIPPER_PSF_MOTION, .length = 5, .angle = INFINITY}, "angle of the motion (degrees) is inf"},
        {{.kind = DIPPER_PSF_RANDOM_MOTION, .width = 31}, "length of the random motion (px) is 0"},
        {{.kind = DIPPER_PSF_RANDOM_MOTION, .length = 200, .width = 5, .height = 5}, "does not hold this"},
        {{.kind = (dipper_psf_kind)99}, "unknown kind of PSF (99)"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        dipper_psf_options o = bad[i].o;
        int w = -7, h = -7;
        o.struct_size = sizeof o;
        fails(dipper_psf_make(context, &o, &w, &h, NULL), DIPPER_ERROR_ARGUMENT, bad[i].what);
        assert_true(w == -7 && h == -7);
    }
}

static void describe_a_psf(void **state) {
    (void)state;
    float k[3 * 5] = {0};
    dipper_psf_info info = {.struct_size = sizeof info};
    k[1 * 5 + 2] = 2;
    k[1 * 5 + 3] = 1;
    k[2 * 5 + 2] = 1;
    k[0] = 0.01F; /* below 1 % of the maximum */
    ok(dipper_psf_describe(context, k, 5, 3, &info));
    near(info.sum, 4.01, 1e-6);
    near(info.maximum, 2, 0);
    near(info.centroid_x, (1 - 0.02) / 4.01, 1e-6);
    near(info.centroid_y, (1 - 0.01) / 4.01, 1e-6);
    assert_true(info.support_x == 2 && info.support_y == 1 && info.support_width == 2 && info.support_height == 2);
    near(info.border_mass, 1.01 / 4.01, 1e-6);
    k[0] = 0;
    ok(dipper_psf_describe(context, k, 5, 3, &info));
    near(info.entropy, 1.5, 1e-6);
    k[7] = -1;
    fails(dipper_psf_describe(context, k, 5, 3, &info), DIPPER_ERROR_INPUT, "x=2, y=1 is -1");
    memset(k, 0, sizeof k);
    fails(dipper_psf_describe(context, k, 5, 3, &info), DIPPER_ERROR_INPUT, "zero everywhere");
}

static int start(void **state) {
    (void)state;
    dipper_context_options options;
    dipper_context_options_init(&options);
    options.threads = 1;
    options.device = "ref";
    return dipper_context_create(&options, &context) != DIPPER_OK;
}

static int stop(void **state) {
    (void)state;
    dipper_context_destroy(&context);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_psf_is_one), cmocka_unit_test(symmetric_psfs),  cmocka_unit_test(delta_and_gaussian),
        cmocka_unit_test(disk_area),        cmocka_unit_test(motion_golden),   cmocka_unit_test(motion_direction),
        cmocka_unit_test(random_motion),    cmocka_unit_test(bad_psf_options), cmocka_unit_test(describe_a_psf),
    };
    return cmocka_run_group_tests_name("psf_make", tests, start, stop);
}
