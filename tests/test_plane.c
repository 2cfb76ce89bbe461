/* In which plane of a colour picture the blur is looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "bid/plane.h"
#include "boxes.h"
#include "image/colour.h"

enum { SIDE = 120, COUNT = SIDE * SIDE };

static dp_diag diag;

/* Boxes in all channels. */
static dp_image boxes(int channels) {
    dp_image picture = {0};
    assert_int_equal(dp_image_create(SIDE, SIDE, channels, &diag, &picture), DIPPER_OK);
    for (int c = 0; c < channels; c++) draw_boxes(dp_image_plane(&picture, c), SIDE);
    return picture;
}

/* One box on a plain ground: what is printed in a colour that this channel shows. */
static void draw_one_box(float *plane) {
    for (int i = 0; i < COUNT; i++)
        plane[i] = i / SIDE > 40 && i / SIDE < 80 && i % SIDE > 30 && i % SIDE < 90 ? 0.2F : 0.9F;
}

static void expect(const dp_image *picture, const char *wanted, const float *values) {
    const char *name;
    dp_image out;
    assert_int_equal(dp_plane_choose(picture, &diag, &out, &name), DIPPER_OK);
    assert_string_equal(name, wanted);
    assert_int_equal(out.channels, 1);
    assert_memory_equal(out.data, values, COUNT * sizeof *values);
    dp_image_free(&out);
}

static void sparsest_channel(void **state) {
    (void)state;
    static const char *const names[] = {"red", "green", "blue"};
    for (int c = 0; c < 3; c++) {
        dp_image picture = boxes(3);
        draw_one_box(dp_image_plane(&picture, c));
        expect(&picture, names[c], dp_image_plane(&picture, c));
        dp_image_free(&picture);
    }
}

/* The sparser of two, wherever it stands. */
static void sparsest_of_several(void **state) {
    (void)state;
    for (int first = 0; first < 2; first++) {
        dp_image picture = boxes(3);
        float *plain = dp_image_plane(&picture, first ? 0 : 2), *busy = dp_image_plane(&picture, first ? 2 : 0);
        draw_one_box(plain);
        draw_one_box(busy);
        for (int i = 0; i < COUNT; i += 7) busy[i] -= 0.1F;
        expect(&picture, first ? "red" : "blue", plain);
        dp_image_free(&picture);
    }
}

/* A channel that is clipped where the luma is not is none to look in; white paper is white in all. */
static void not_a_clipped_one(void **state) {
    (void)state;
    for (int paper = 0; paper < 2; paper++) {
        dp_image picture = boxes(3);
        float *plane[3];
        for (int c = 0; c < 3; c++) plane[c] = dp_image_plane(&picture, c);
        draw_one_box(plane[0]);
        draw_one_box(plane[2]);
        for (int i = 0; i < COUNT; i += 7) plane[2][i] -= 0.1F;
        for (int i = 0; i < COUNT; i++) {
            if (plane[0][i] < 0.5F) continue;
            plane[0][i] = 1;
            for (int c = 1; c < 3 && paper; c++) plane[c][i] = i % 23 > 0 ? 1 : 0.6F;
        }
        expect(&picture, paper ? "red" : "blue", plane[paper ? 0 : 2]);
        dp_image_free(&picture);
    }
}

/* Nothing is clearly sparser: equal channels, a channel with nothing in it, a grey picture. */
static void luma_otherwise(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        dp_image picture = boxes(kind == 2 ? 1 : 3), luma;
        for (int i = 0; i < COUNT && kind == 1; i++) dp_image_plane(&picture, 2)[i] = 0.5F;
        assert_int_equal(dp_luma_image(&picture, &diag, &luma), DIPPER_OK);
        expect(&picture, "luma", luma.data);
        dp_image_free(&luma);
        dp_image_free(&picture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sparsest_channel),
        cmocka_unit_test(sparsest_of_several),
        cmocka_unit_test(not_a_clipped_one),
        cmocka_unit_test(luma_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
