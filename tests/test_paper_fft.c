/* Print on white paper: recognised, restored within 0 to 1, and its PSF refined. */
#include <string.h>

#include "bid/paper_fft.h"
#include "boxes.h"
#include "cpu.h"
#include "deconv/nonblind.h"
#include "image/blur.h"
#include "metric/metric.h"

enum { PSF = BENT_LINE, SHARP = 174, SIDE = SHARP - PSF + 1, COUNT = SIDE * SIDE, LINE = 12, WORD = 9 };

/* Strokes on a white page, nearly black and grey. */
static void draw_page(float *plane) {
    unsigned seed = 3;
    for (int i = 0; i < SHARP * SHARP; i++) plane[i] = 1;
    for (int y = 6; y + LINE < SHARP; y += LINE)
        for (int x = 6; x + WORD < SHARP; x += WORD) {
            seed = seed * 1664525U + 1013904223U;
            const int kind = (int)(seed >> 16) % 6, from = (int)(seed >> 20) % 4;
            for (int i = 0; i < 7 && kind > 0; i++)
                for (int j = 0; j < 6; j++)
                    if ((kind & 1 && i == from) || (kind & 2 && j == from) || (kind & 4 && i == j))
                        plane[(y + i) * SHARP + x + j] = kind == 5 ? 0.5F : 0.1F;
        }
}

/* As a camera sees it, rounded to 8 bits. sharp (SIDE, SIDE): what of the scene is seen. */
static dp_image see(void (*draw)(float *plane), const float *psf, float *sharp) {
    static float scene[SHARP * SHARP];
    dp_image blurred = {0};
    draw(scene);
    assert_int_equal(dp_image_create(SIDE, SIDE, 1, &diag, &blurred), DIPPER_OK);
    dp_plane_blur(scene, SHARP, SHARP, psf, PSF, PSF, 1, blurred.data);
    for (int i = 0; i < COUNT; i++) {
        blurred.data[i] = (float)(int)(255 * blurred.data[i] + 0.5F) / 255;
        sharp[i] = scene[(i / SIDE + PSF / 2) * SHARP + i % SIDE + PSF / 2];
    }
    return blurred;
}

static void draw_scene(float *plane) {
    draw_boxes(plane, SHARP);
}

/* By night. */
static void draw_dark(float *plane) {
    draw_boxes(plane, SHARP);
    for (int i = 0; i < SHARP * SHARP; i++) plane[i] *= 0.5F;
}

static void paper_is_recognised(void **state) {
    (void)state;
    static float sharp[COUNT];
    float psf[PSF * PSF];
    draw_bent_line(psf);
    dp_image page = see(draw_page, psf, sharp), scene = see(draw_scene, psf, sharp), dark = see(draw_dark, psf, sharp);
    assert_true(dp_is_paper(&page));
    for (int i = 0; i < COUNT; i++) page.data[i] *= 0.95F; /* grey paper */
    assert_false(dp_is_paper(&page));
    assert_false(dp_is_paper(&scene));
    assert_false(dp_is_paper(&dark));
    for (int i = 0; i < COUNT / 5; i++) dark.data[i] = 1; /* lamps */
    assert_false(dp_is_paper(&dark));
    dp_image_free(&page);
    dp_image_free(&scene);
    dp_image_free(&dark);
}

/* Where nearly all is white or black the constraint holds and helps. */
static void box_constraint(void **state) {
    (void)state;
    static const char *const names[] = {"hyperlaplacian", "tv"};
    static float sharp[COUNT];
    float psf[PSF * PSF];
    draw_bent_line(psf);
    dp_image page = see(draw_page, psf, sharp);
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        double errors[2];
        for (int box = 0; box < 2; box++) {
            dp_image restored = {0};
            dp_nonblind job = dp_nonblind_defaults(dp_method_find(names[m]), be, 0);
            job.psf = psf;
            job.kh = job.kw = PSF;
            job.weight = dp_paper_weight(0);
            job.saturation = 0.99F;
            job.box = box;
            job.iterations = 100;
            assert_int_equal(dp_image_copy(&page, &diag, &restored), DIPPER_OK);
            assert_int_equal(job.method->run(&job, &restored, &diag), DIPPER_OK);
            errors[box] = squared_error(restored.data, sharp, COUNT);
            int outside = 0;
            for (int i = 0; i < COUNT; i++) outside += restored.data[i] < -0.05F || restored.data[i] > 1.05F;
            if (box) assert_true(outside < COUNT / 100);
            dp_image_free(&restored);
        }
        print_message("%s: %.3g, with the box %.3g\n", names[m], errors[0], errors[1]);
        assert_true(errors[1] < 0.8 * errors[0]);
    }
    dp_image_free(&page);
}

/* What an estimator would find: too wide, and without its end. */
static void spoil(const float *psf, float *spoiled) {
    static const float wide[9] = {1 / 16.F, 2 / 16.F, 1 / 16.F, 2 / 16.F, 4 / 16.F,
                                  2 / 16.F, 1 / 16.F, 2 / 16.F, 1 / 16.F};
    float padded[(PSF + 2) * (PSF + 2)];
    dp_plane_pad(psf, PSF, PSF, 1, 1, 1, 1, DP_BORDER_REPLICATE, padded);
    dp_plane_blur(padded, PSF + 2, PSF + 2, wide, 3, 3, 1, spoiled);
    for (int i = 0; i < 4 * PSF; i++) spoiled[i] *= 0.3F;
    (void)dp_psf_normalise(spoiled, PSF, PSF);
}

static bool enough(double took, void *user) {
    assert_true(took > 0);
    ++*(int *)user;
    return false;
}

static void psf_is_refined(void **state) {
    (void)state;
    static float sharp[COUNT];
    float psf[PSF * PSF], spoiled[PSF * PSF], found[PSF * PSF];
    bool refined;
    int rounds = 0;
    draw_bent_line(psf);
    spoil(psf, spoiled);
    dp_image page = see(draw_page, psf, sharp);
    dp_paper job = {.be = be, .plane = &page, .noise_sigma = 0.001, .side = PSF, .window = PSF - 2};
    memcpy(found, spoiled, sizeof found);
    assert_int_equal(dp_paper_refine(&job, found, &refined, &diag), DIPPER_OK);
    const double before = dp_psf_compare(spoiled, PSF, PSF, psf, PSF, PSF).correlation,
                 after = dp_psf_compare(found, PSF, PSF, psf, PSF, PSF).correlation;
    print_message("likeness %.3f -> %.3f\n", before, after);
    assert_true(refined);
    assert_true(before < 0.95 && after > 0.98);
    job.goes_on = enough;
    job.user = &rounds;
    memcpy(found, spoiled, sizeof found);
    assert_int_equal(dp_paper_refine(&job, found, &refined, &diag), DIPPER_OK);
    assert_int_equal(rounds, 1);
    dp_image_free(&page);
}

/* Taken for paper, but it is not: nothing is white, so that what is nearly white is taken for what it is not. */
static void other_pictures_keep_theirs(void **state) {
    (void)state;
    static float sharp[COUNT];
    float psf[PSF * PSF], found[PSF * PSF];
    bool refined;
    draw_bent_line(psf);
    dp_image scene = see(draw_scene, psf, sharp);
    const dp_paper job = {.be = be, .plane = &scene, .noise_sigma = 0.001, .side = PSF, .window = PSF};
    memcpy(found, psf, sizeof found);
    assert_int_equal(dp_paper_refine(&job, found, &refined, &diag), DIPPER_OK);
    assert_false(refined);
    assert_memory_equal(found, psf, sizeof found);
    dp_image_free(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(paper_is_recognised), cmocka_unit_test(box_constraint),
                                       cmocka_unit_test(psf_is_refined), cmocka_unit_test(other_pictures_keep_theirs)};
    return cmocka_run_group_tests(tests, start, stop);
}
