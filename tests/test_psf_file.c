/* PSFs in files: every format there and back, what is refused and where. SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/image_file.h"
#include "io/output.h"
#include "io/psf_file.h"

static char folder[] = "/tmp/dipper-psf-XXXXXX";

static const char *in_folder(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *text_file(const char *name, const char *text) {
    const char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* Reads `path`, which must hold these values (not yet divided by their sum) within a relative tolerance. */
static void expect_psf(const char *path, int rotate, int width, int height, const float *wanted, double tolerance) {
    float *psf;
    int w, h;
    double sum = 0;
    io_error e = {""};
    if (psf_read(path, rotate, &psf, &w, &h, &e)) fail_msg("%s", e.text);
    assert_int_equal(w, width);
    assert_int_equal(h, height);
    for (int i = 0; i < w * h; i++) sum += (double)wanted[i];
    for (int i = 0; i < w * h; i++)
        if (!(fabs((double)psf[i] - (double)wanted[i] / sum) <= tolerance))
            fail_msg("%s: value %d is %g, not %g", path, i, (double)psf[i], (double)wanted[i] / sum);
    free(psf);
}

static void refused(const char *path, const char *what) {
    float *psf;
    int w, h;
    io_error e = {""};
    assert_int_equal(psf_read(path, 0, &psf, &w, &h, &e), DIPPER_ERROR_INPUT);
    assert_null(psf);
    if (!strstr(e.text, what) || !strstr(e.text, path)) fail_msg("'%s' does not say '%s'", e.text, what);
}

static const float one_sided[] = {0, 0.5f, 0.25f, 0, 0, 0.125f, 0, 0, 0.0625f},
                   turned[] = {0.0625f, 0, 0, 0.125f, 0, 0, 0.25f, 0.5f, 0};

static void round_trips(void **state) {
    (void)state;
    static const char *const names[] = {"k.npy", "k.txt", "k.tif", "k.fits", "k.png"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        io_error e = {""};
        const char *path = in_folder(names[i]);
        if (i >= 2 && !io_have_vips()) {
            assert_int_equal(psf_write(one_sided, 3, 3, path, 0, &e), DIPPER_ERROR_OUTPUT);
            continue;
        }
        if (psf_write(one_sided, 3, 3, path, 0, &e)) fail_msg("%s", e.text);
        double tolerance = i == 4 ? 1e-5 : 1e-7; /* 16 bit */
        expect_psf(path, 0, 3, 3, one_sided, tolerance);
        expect_psf(path, 1, 3, 3, turned, tolerance);
        assert_int_equal(psf_write(one_sided, 3, 3, path, 0, &e), DIPPER_ERROR_OUTPUT);
        assert_non_null(strstr(e.text, "exists already"));
    }
}

static void text_forms(void **state) {
    (void)state;
    const float wanted[] = {1, 2, 3, 4, 5, 6, 7, 8, 90};
    expect_psf(text_file("a.txt", "1 2 3\n4 5 6\n7 8 90\n"), 0, 3, 3, wanted, 1e-7);
    expect_psf(text_file("b.csv", "# x\n\n1,2, 3\r\n4;5;6\r\n\t7e0 +8 9e1 # end"), 0, 3, 3, wanted, 1e-7);
    expect_psf(text_file("plain", "1,2,3,\n4,5,6,\n7,8,90,\n"), 0, 3, 3, wanted, 1e-7);
    refused(text_file("c.txt", "1 2 3\n4 five 6\n"), "line 2, number 2: 'five'");
    refused(text_file("d.txt", "1 2 3\n\n4 5\n"), "line 3 has 2 numbers");
    refused(text_file("e.txt", "# nothing\n"), "holds no numbers");
    refused(text_file("f.txt", "1x 2\n"), "'1x' is not a number");
    refused(text_file("g.txt", ""), "holds no numbers");
}

static void bad_values(void **state) {
    (void)state;
    const float wanted[] = {0, 1, 1};
    refused(text_file("n.txt", "1 2 3\n4 nan 6\n1 1 1\n"), "x 1, y 1 (from 0) is NaN");
    refused(text_file("i.txt", "1 2 inf\n"), "x 2, y 0 (from 0) is infinite");
    refused(text_file("m.txt", "1 2 3\n1 -0.5 1\n1 1 1"), "x 1, y 1 (from 0) is -0.5; a PSF is never negative");
    refused(text_file("z.txt", "0 0 0\n"), "zero everywhere");
    refused(text_file("y.txt", "-1 -1 -1\n"), "x 0, y 0 (from 0) is -1");
    expect_psf(text_file("r.txt", "-1e-9 1 1\n"), 0, 3, 1, wanted, 1e-7);
    refused(in_folder("missing.npy"), "No such file");
    refused(folder, "is a directory");
}

/* The centre of n values, n even, is n/2 - 1: a delta there stays a delta in the middle. */
static void even_sides(void **state) {
    (void)state;
    const float wide[] = {0, 0, 1, 0, 0}, both[] = {0, 0, 0, 0, 1, 3, 0, 2, 4}, back[] = {4, 2, 0, 3, 1, 0, 0, 0, 0};
    psf_origin origin;
    float *psf;
    int w, h;
    io_error e = {""};
    expect_psf(text_file("a.txt", "0 1 0 0"), 0, 5, 1, wide, 0);
    expect_psf(text_file("b.txt", "1 3\n2 4"), 0, 3, 3, both, 1e-7);
    expect_psf(in_folder("b.txt"), 1, 3, 3, back, 1e-7);
    assert_int_equal(psf_read_noted(in_folder("b.txt"), 0, &psf, &w, &h, &origin, &e), DIPPER_OK);
    assert_true(origin.width == 2 && origin.height == 2 && origin.sum == 10);
    assert_string_equal(origin.note, "even sides of 2 x 2 px got zeros on the left and above");
    free(psf);
}

static void large(void **state) {
    (void)state;
    static float psf[1001];
    const float wanted[] = {1, 0, 3};
    io_error e = {""};
    psf[499] = 1;
    psf[501] = 3;
    assert_int_equal(psf_write(psf, 1001, 1, in_folder("large.npy"), 0, &e), DIPPER_OK);
    expect_psf(in_folder("large.npy"), 0, 3, 1, wanted, 1e-7);
    psf[449] = 1;
    assert_int_equal(psf_write(psf, 1001, 1, in_folder("large.npy"), 1, &e), DIPPER_OK);
    refused(in_folder("large.npy"), "1001 x 1 px is too large, the limit is 101 x 101");
    psf[449] = 0;
    psf[450] = 1;
    assert_int_equal(psf_write(psf, 1001, 1, in_folder("large.npy"), 1, &e), DIPPER_OK);
    float *got;
    int w, h;
    assert_int_equal(psf_read(in_folder("large.npy"), 0, &got, &w, &h, &e), DIPPER_OK);
    assert_int_equal(w, 101);
    assert_true(got[0] == 0.2f);
    free(got);
}

/* Equal channels are a PSF, others are not; pictures for eyes are not. */
static void pictures(void **state) {
    (void)state;
    io_picture *p;
    io_error e = {""};
    const float wanted[] = {1, 2, 3};
    assert_int_equal(picture_create(3, 1, 3, IO_DEPTH_F32, &p, &e), DIPPER_OK);
    for (int i = 0; i < 9; i++) p->data[i] = (float)(i % 3 + 1);
    assert_int_equal(picture_write(p, p->data, in_folder("rgb.npy"), 0, NULL, &e), DIPPER_OK);
    expect_psf(in_folder("rgb.npy"), 0, 3, 1, wanted, 1e-7);
    p->data[4] = 9;
    assert_int_equal(picture_write(p, p->data, in_folder("rgb.npy"), 1, NULL, &e), DIPPER_OK);
    picture_destroy(&p);
    refused(in_folder("rgb.npy"), "colour picture (first at x 1, y 0)");
    assert_int_equal(psf_write(one_sided, 3, 3, in_folder("k.jpg"), 0, &e), DIPPER_ERROR_OUTPUT);
    assert_non_null(strstr(e.text, "k.jpg: this type of file is not written for a PSF"));
    if (!io_have_vips()) return;
    assert_int_equal(psf_write_picture(one_sided, 3, 3, in_folder("eyes.png"), 0, &e), DIPPER_OK);
    refused(in_folder("eyes.png"), "made for eyes");
}

static void outputs(void **state) {
    (void)state;
    io_error e = {""};
    assert_int_equal(psf_check_output(in_folder("new.txt"), 0, &e), DIPPER_OK);
    assert_int_equal(psf_check_output(text_file("old.txt", "1"), 0, &e), DIPPER_ERROR_OUTPUT);
    io_error f = {""};
    assert_int_equal(psf_check_output(in_folder("old.txt"), 1, &f), DIPPER_OK);
    assert_int_equal(psf_check_output(in_folder("nowhere/k.txt"), 1, &f), DIPPER_ERROR_OUTPUT);
    io_error g = {""};
    assert_int_equal(psf_check_output(folder, 1, &g), DIPPER_ERROR_OUTPUT);
    assert_non_null(strstr(g.text, "is a directory"));
}

static int start(void **state) {
    (void)state;
    io_error e = {""};
    return !mkdtemp(folder) || io_init("test_psf_file", &e) != DIPPER_OK;
}

static int stop(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    io_shutdown();
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips), cmocka_unit_test(text_forms), cmocka_unit_test(bad_values),
        cmocka_unit_test(even_sides),  cmocka_unit_test(large),      cmocka_unit_test(pictures),
        cmocka_unit_test(outputs),
    };
    return cmocka_run_group_tests_name("psf_file", tests, start, stop);
}
