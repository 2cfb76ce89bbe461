/* Pictures between reading and writing: cropped, and through JPEG. SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/image_file.h"

enum { W = 7, H = 5 };

static io_picture *picture(int width, int height, int channels) {
    io_picture *p;
    io_error e = {""};
    assert_int_equal(picture_create(width, height, channels, IO_DEPTH_F32, &p, &e), DIPPER_OK);
    return p;
}

static void crop_moves_all_planes(void **state) {
    (void)state;
    io_picture *p = picture(W, H, 3);
    p->alpha = malloc(W * H * sizeof *p->alpha);
    assert_non_null(p->alpha);
    for (int i = 0; i < 3 * W * H; i++) p->data[i] = (float)i;
    for (int i = 0; i < W * H; i++) p->alpha[i] = (float)-i;
    picture_crop(p, 0, 0, W, H);
    assert_true(p->data[3 * W * H - 1] == 3 * W * H - 1);
    picture_crop(p, 2, 1, 4, 3);
    assert_int_equal(p->width, 4);
    assert_int_equal(p->height, 3);
    for (int i = 0; i < 4 * 3; i++) {
        const int at = (i / 4 + 1) * W + i % 4 + 2;
        for (int c = 0; c < 3; c++) assert_true(p->data[c * 12 + i] == (float)(c * W * H + at));
        assert_true(p->alpha[i] == (float)-at);
    }
    picture_destroy(&p);
}

/* Root mean square of what compression of this quality changes in a smooth picture that leaves [0, 1] in a corner. */
static double change(int channels, int quality) {
    enum { SIDE = 64 };
    io_picture *p = picture(SIDE, SIDE, channels);
    io_error e = {""};
    double sum = 0;
    float *planes = malloc((size_t)(channels * SIDE * SIDE) * sizeof *planes);
    assert_non_null(planes);
    for (int i = 0; i < channels * SIDE * SIDE; i++)
        planes[i] = p->data[i] = (float)(0.5 + 0.4 * sin(0.2 * (i % SIDE) + 0.1 * (i / SIDE)));
    planes[0] = 9;
    p->jpeg_quality = quality;
    const dipper_status status = picture_through_jpeg(p, planes, &e);
    if (!io_have_vips()) {
        assert_int_equal(status, DIPPER_ERROR_ARGUMENT);
        sum = NAN;
    } else if (status) {
        fail_msg("%s", e.text);
    }
    assert_true(!io_have_vips() || (planes[0] >= 0 && planes[0] <= 1));
    for (int i = 0; i < channels * SIDE * SIDE; i++)
        if (i % SIDE > 15 || i / SIDE % SIDE > 15) sum += pow((double)planes[i] - (double)p->data[i], 2);
    free(planes);
    picture_destroy(&p);
    return sqrt(sum / (channels * SIDE * SIDE));
}

static void jpeg_loses_by_quality(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        const double fine = change(channels, 95), coarse = change(channels, 5);
        if (!io_have_vips()) {
            assert_true(isnan(fine));
            continue;
        }
        assert_true(fine > 1e-4 && fine < 0.01);
        assert_true(coarse > 2 * fine && coarse < 0.2);
    }
}

static void jpeg_names(void **state) {
    (void)state;
    assert_true(picture_is_jpeg("a.jpg") && picture_is_jpeg("b/c.JPEG"));
    assert_false(picture_is_jpeg("a.png") || picture_is_jpeg("jpg") || picture_is_jpeg("a.xyz"));
}

static int start(void **state) {
    (void)state;
    io_error e = {""};
    return io_init("test_picture", &e) != DIPPER_OK;
}

static int stop(void **state) {
    (void)state;
    io_shutdown();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crop_moves_all_planes),
        cmocka_unit_test(jpeg_loses_by_quality),
        cmocka_unit_test(jpeg_names),
    };
    return cmocka_run_group_tests_name("picture", tests, start, stop);
}
