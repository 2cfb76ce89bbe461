/* study: the page's texts and numbers, axes of charts, small pictures. SPDX-License-Identifier: Apache-2.0 */
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

#include "study/page.h"
#include "study/plate.h"
#include "study/svg.h"

/* ---- Page ---- */

static void expect_text(page *p, const char *text) {
    assert_string_equal(p->text, text);
    page_free(p);
}

static void test_escape(void **state) {
    (void)state;
    page p = {0};
    page_add(&p, "<b title=\"%s\">%d %% %05.1f %ju %s</b>", "a\"'&<>", -3, 2.25, (uintmax_t)UINT64_MAX,
             "%s\x01\n\x7fé");
    expect_text(&p, "<b title=\"a&quot;&#39;&amp;&lt;&gt;\">-3 % 002.2 18446744073709551615 %s   é</b>");
    page_markup(&p, "<i>%s</i>");
    expect_text(&p, "<i>%s</i>");
    page_add(&p, "%.1f", 1.7e308); /* longer than any other number */
    assert_int_equal(p.length, 311);
    page_free(&p);
}

static void test_growth(void **state) {
    (void)state;
    page p = {0}, q = {0};
    for (int i = 0; i < 20000; i++) page_add(&p, "%d<", i % 10);
    assert_int_equal(p.length, 40000);
    assert_int_equal(strlen(p.text), 40000);
    page_add(&q, "end");
    page_append(&p, &q);
    assert_null(q.text);
    page_append(&p, &q); /* nothing */
    assert_string_equal(p.text + 39996, "8<9<end");
    page_free(&p);
}

static void test_number(void **state) {
    (void)state;
    page p = {0};
    const double values[] = {1.005, -1.25, -0.001, 0, 31.999, (double)NAN, (double)INFINITY, -(double)INFINITY};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        page_number(&p, values[i], 2);
        page_markup(&p, " ");
    }
    expect_text(&p, "1.00 −1.25 0.00 0.00 32.00 – ∞ −∞ ");
}

/* RFC 4648, section 10 */
static void test_base64(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        page p = {0};
        page_base64(&p, (const unsigned char *)pairs[i][0], strlen(pairs[i][0]));
        expect_text(&p, pairs[i][1]);
    }
    page p = {0};
    page_base64(&p, (const unsigned char *)"\xff\xfe\xfb", 3);
    expect_text(&p, "//77");
}

static void test_write(void **state) {
    (void)state;
    char folder[] = "/tmp/dipper-page-XXXXXX", path[64], text[16] = "";
    page p = {0};
    io_error error = {""};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.html", folder);
    page_add(&p, "<p>");
    assert_int_equal(page_write(&p, path, 0, &error), DIPPER_OK);
    assert_int_equal(page_write(&p, path, 0, &error), DIPPER_ERROR_OUTPUT);
    assert_int_equal(page_write(&p, path, 1, &error), DIPPER_OK);
    p.failed = 1; /* no memory on the way: nothing is written */
    assert_int_equal(page_write(&p, path, 1, &error), DIPPER_ERROR_MEMORY);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text, file), 3);
    fclose(file);
    assert_int_equal(remove(path), 0);
    assert_int_equal(rmdir(folder), 0);
    page_free(&p);
}

/* ---- Axes ---- */

static void expect_axis(double low, double high, int ticks, const char *numbers) {
    svg_axis axis = svg_axis_make(low, high, ticks);
    page p = {0};
    for (int i = 0; i < svg_axis_ticks(&axis); i++) {
        page_number(&p, svg_axis_tick(&axis, i), axis.decimals);
        page_markup(&p, " ");
    }
    assert_true(axis.low <= low && axis.high >= high);
    expect_text(&p, numbers);
}

static void test_axis(void **state) {
    (void)state;
    expect_axis(0, 10, 5, "0 2 4 6 8 10 ");
    expect_axis(16.3, 27.8, 8, "16 18 20 22 24 26 28 ");
    expect_axis(-0.4, 0.3, 8, "−0.4 −0.3 −0.2 −0.1 0.0 0.1 0.2 0.3 ");
    expect_axis(22.31, 22.38, 8, "22.31 22.32 22.33 22.34 22.35 22.36 22.37 22.38 ");
    expect_axis(0, 0.7, 7, "0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 ");
    expect_axis(-3, 1234, 5, "−500 0 500 1000 1500 ");
    expect_axis(25, 25, 5, "24.4 24.6 24.8 25.0 25.2 25.4 25.6 ");
    expect_axis(0, 0, 2, "−0.5 0.0 0.5 ");
}

static void test_place(void **state) {
    (void)state;
    svg_plot plot = {100, 10, 200, 50, svg_axis_make(0, 10, 5), svg_axis_make(-1, 1, 2)};
    assert_true(fabs(svg_x(&plot, 0) - 100) < 1e-9);
    assert_true(fabs(svg_x(&plot, 10) - 300) < 1e-9);
    assert_true(fabs(svg_y(&plot, -1) - 60) < 1e-9); /* upwards */
    assert_true(fabs(svg_y(&plot, 1) - 10) < 1e-9);
}

/* The first seven differ in shape as well as in colour; all 49 pairs are used before one comes again. */
static void test_markers(void **state) {
    (void)state;
    for (int a = 0; a < 49; a++)
        for (int b = 0; b < a; b++) {
            svg_marker m = svg_marker_of(a), n = svg_marker_of(b);
            assert_true(m.shape != n.shape || m.colour != n.colour);
            if (a < 7) assert_true(m.shape != n.shape && m.colour != n.colour);
        }
}

/* ---- Plates ---- */

static plate ramp(int width, int height) {
    plate p = {malloc((size_t)(width * height) * sizeof(float)), width, height, 1};
    for (int i = 0; i < width * height; i++) p.data[i] = (float)i;
    return p;
}

static void expect_plate(plate *p, int width, int height, const float *values) {
    assert_int_equal(p->width, width);
    assert_int_equal(p->height, height);
    for (int i = 0; i < width * height; i++) assert_true(fabsf(p->data[i] - values[i]) < 1e-6f);
    plate_free(p);
}

static void test_shrink_and_cut(void **state) {
    (void)state;
    plate p = ramp(5, 3), q = {0};
    assert_int_equal(plate_shrink(&p, 5, &q, NULL), DIPPER_OK);
    expect_plate(&q, 5, 3, p.data);
    assert_int_equal(plate_shrink(&p, 3, &q, NULL), DIPPER_OK);
    expect_plate(&q, 3, 2, (float[]){3, 5, 6.5f, 10.5f, 12.5f, 14});
    assert_int_equal(plate_cut(&p, 1, 1, 2, 1, &q, NULL), DIPPER_OK);
    expect_plate(&q, 2, 2, (float[]){6, 7, 11, 12});
    assert_int_equal(plate_cut(&p, 9, -4, 1, 2, &q, NULL), DIPPER_OK); /* moved inside; each pixel 2 x 2 */
    expect_plate(&q, 2, 2, (float[]){4, 4, 4, 4});
    assert_int_equal(plate_cut(&p, 0, 0, 4, 1, &q, NULL), DIPPER_OK); /* less high than that */
    expect_plate(&q, 4, 3, (float[]){0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13});
    plate_free(&p);
}

static void test_psf_plate(void **state) {
    (void)state;
    const float psf[] = {0, 0.25f, 0.5f};
    plate q = {0};
    assert_int_equal(plate_psf(psf, 3, 1, 3, 1, &q, NULL), DIPPER_OK);
    expect_plate(&q, 3, 3, (float[]){0, 0, 0, 0, 0.5f, 1, 0, 0, 0});
    assert_int_equal(plate_psf(psf, 3, 1, 5, 1, &q, NULL), DIPPER_OK);
    assert_true(q.data[2 * 5 + 3] == 1 && q.data[2 * 5 + 2] == 0.5f);
    plate_free(&q);
}

static void test_detail(void **state) {
    (void)state;
    plate p = ramp(40, 30);
    int x = -1, y = -1;
    memset(p.data, 0, 40 * 30 * sizeof *p.data);
    for (int v = 12; v < 18; v++)
        for (int u = 20; u < 26; u++) p.data[v * 40 + u] = (float)((u + v) % 2); /* 6 x 6 of checkers */
    p.data[1] = 100;                                                             /* in the part that is cropped */
    assert_int_equal(plate_find_detail(&p, 5, 8, &x, &y, NULL), DIPPER_OK);
    assert_true(x >= 18 && x <= 20 && y >= 10 && y <= 12);
    assert_int_equal(plate_find_detail(&p, 0, 8, &x, &y, NULL), DIPPER_OK);
    assert_true(x <= 1 && y == 0);
    assert_int_equal(plate_find_detail(&p, 100, 64, &x, &y, NULL), DIPPER_OK); /* more than there is */
    assert_true(x == 0 && y == 0);
    plate_free(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),    cmocka_unit_test(test_growth),  cmocka_unit_test(test_number),
        cmocka_unit_test(test_base64),    cmocka_unit_test(test_write),   cmocka_unit_test(test_axis),
        cmocka_unit_test(test_place),     cmocka_unit_test(test_markers), cmocka_unit_test(test_shrink_and_cut),
        cmocka_unit_test(test_psf_plate), cmocka_unit_test(test_detail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
