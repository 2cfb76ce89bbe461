/* Figures: their table, spectra, charts, and what is said of the runs of a plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/contour.h"
#include "study/figure.h"
#include "study/plan.h"
#include "study/spectrum.h"

static void names_are_found(void **state) {
    (void)state;
    for (int i = 0; i < figure_count(); i++) {
        const figure *f = figure_at(i);
        assert_ptr_equal(figure_find(f->name), f);
        assert_true(f->seeds >= 1 && f->summary[0]);
        assert_true((f->make == NULL) != (f->plan == NULL));
    }
    assert_null(figure_find("no-such"));
}

/* ---- Spectra ---- */

enum { WIDTH = 48, HEIGHT = 40 };

/* A wave of each band: cycles a pixel, roughly the band's middle. */
static void add_wave(float *p, double frequency, double size) {
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        p[i] += (float)(size * cos(6.283185307179586 * frequency * (i % WIDTH * 0.6 + i / WIDTH * 0.8)));
}

static void bands_of_waves(void **state) {
    (void)state;
    static float wanted[WIDTH * HEIGHT], part[WIDTH * HEIGHT];
    spectrum a, b;
    double share[SPECTRUM_BANDS];
    io_error error = {""};
    for (int i = 0; i < WIDTH * HEIGHT; i++) wanted[i] = part[i] = 0.5f;
    for (int band = 1; band < SPECTRUM_BANDS; band++) {
        const double f = 0.5 * (spectrum_edges[band] + spectrum_edges[band + 1]);
        add_wave(wanted, f, 0.1);
        if (band < 3) add_wave(part, f, band == 1 ? 0.1 : 0.05);
    }
    assert_int_equal(spectrum_make(wanted, WIDTH, HEIGHT, &a, &error), DIPPER_OK);
    assert_int_equal(spectrum_make(part, WIDTH, HEIGHT, &b, &error), DIPPER_OK);
    spectrum_compare(&a, &a, share);
    for (int band = 0; band < SPECTRUM_BANDS; band++) assert_true(fabs(share[band] - 1) < 1e-9);
    spectrum_compare(&b, &a, share);
    assert_true(fabs(share[1] - 1) < 0.1);
    assert_true(fabs(share[2] - 0.5) < 0.1);
    assert_true(fabs(share[3]) < 0.1 && fabs(share[4]) < 0.1);
    spectrum_free(&a);
    spectrum_free(&b);
}

/* Parseval: the sum of squares of a transform without scale is count times that of the windowed picture. */
static void energy_is_kept(void **state) {
    (void)state;
    static float p[WIDTH * HEIGHT];
    spectrum s;
    io_error error = {""};
    double energy = 0, direct = 0, mean = 0;
    for (int i = 0; i < WIDTH * HEIGHT; i++) p[i] = (float)((i * 7919) % 101) / 101;
    for (int i = 0; i < WIDTH * HEIGHT; i++) mean += (double)p[i] / (WIDTH * HEIGHT);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        const double wx = 0.5 - 0.5 * cos(6.283185307179586 * (i % WIDTH + 0.5) / WIDTH);
        const double wy = 0.5 - 0.5 * cos(6.283185307179586 * (i / WIDTH + 0.5) / HEIGHT);
        direct += pow(((double)p[i] - mean) * wx * wy, 2);
    }
    assert_int_equal(spectrum_make(p, WIDTH, HEIGHT, &s, &error), DIPPER_OK);
    for (int i = 0; i < WIDTH * HEIGHT; i++) energy += s.re[i] * s.re[i] + s.im[i] * s.im[i];
    assert_true(fabs(energy / (WIDTH * HEIGHT) / direct - 1) < 1e-9);
    spectrum_free(&s);
}

/* ---- Charts ---- */

static void charts_hold_their_points(void **state) {
    (void)state;
    chart c = {.title = "a <b>", .x_name = "x", .y_name = "y"};
    drawing d = {0};
    page svg = {0}, csv = {0};
    io_error error = {""};
    const int line = chart_add_series(&c, "one \"two\"", 0), marks = chart_add_series(&c, "marks", 1);
    for (int i = 0; i < 200; i++) chart_add_point(&c, line, i, i % 2 ? i : -i);
    chart_add_point(&c, line, 200, (double)NAN);
    chart_add_point(&c, marks, 3, 4);
    drawing_add_chart(&d, &c);
    assert_int_equal(drawing_finish(&d, "title", &svg, &error), DIPPER_OK);
    assert_non_null(strstr(svg.text, "a &lt;b&gt;"));
    assert_null(strstr(svg.text, "nan"));
    figure_csv_chart(&csv, &c);
    assert_non_null(strstr(csv.text, "\"a <b>\",\"one \"\"two\"\"\",199,199\n"));
    assert_non_null(strstr(csv.text, "\"marks\",3,4\n"));
    page_free(&svg);
    page_free(&csv);
    drawing_free(&d);
    chart_free(&c);
}

/* On a cone every point of the line of height r is r away from the tip. */
static void lines_of_a_cone(void **state) {
    (void)state;
    enum { N = 41 };
    static double heights[N * N];
    chart c = {0};
    int points = 0;
    for (int i = 0; i < N * N; i++) heights[i] = hypot((i % N - 20) / 10.0, (i / N - 20) / 5.0);
    const contour_grid grid = {heights, N, -2, 2, -4, 4};
    const int s = chart_add_series(&c, "r = 1.2", 0);
    contour_add(&c, s, &grid, 1.2);
    for (int i = 0; i < c.series[0].count; i++) {
        if (isnan(c.series[0].x[i])) continue;
        assert_true(fabs(hypot(c.series[0].x[i], c.series[0].y[i]) - 1.2) < 0.02);
        points++;
    }
    assert_true(points > 60);
    chart_free(&c);
}

/* ---- Runs of a plan ---- */

static study_result run_of(const char *settings, uint64_t seed, double isnr, double nb) {
    study_result r;
    study_result_init(&r);
    snprintf(r.method, sizeof r.method, "simplersdb");
    snprintf(r.settings, sizeof r.settings, "%s", settings);
    snprintf(r.name, sizeof r.name, "scene0_bar");
    r.seed = seed;
    r.isnr_db = isnr;
    r.psnr_nb_db = nb;
    r.psnr_blurred_db = 20;
    return r;
}

static int never(void *user) {
    (void)user;
    return 0;
}

static void runs_are_told_as_they_are(void **state) {
    (void)state;
    study_result items[6] = {
        run_of("channels=8 lr_psf=0.001", 0, 1, 40),
        run_of("channels=8 lr_psf=0.001", 1, 2, 38),
        run_of("channels=8 lr_psf=0.1", 0, 5, 25),
        run_of("channels=8 lr_psf=0.1", 1, 7, 27),
        run_of("channels=8", 0, 3, 30), /* the recipe's own rate, between the two */
        run_of("channels=8", 1, -1, 31),
    };
    const study_results results = {.items = items, .count = 6};
    io_error error = {""};
    figure_job job = {.stop = never, .error = &error, .seeds = 2};
    figure_output out = {0};
    assert_int_equal(dipper_context_create(NULL, &job.context), DIPPER_OK);
    assert_int_equal(figure_plan_draw(&job, figure_find("psf-rate"), &results, &out), DIPPER_OK);
    assert_non_null(strstr(out.text.text, "| simplersdb lr_psf=0.001 | 2 | 1.50 | 0.71 | 39.00 | 0 |"));
    assert_non_null(strstr(out.text.text, "| simplersdb | 2 | 1.00 | 2.83 | 30.50 | 1 |"));
    assert_non_null(strstr(out.text.text, "Best on average: simplersdb lr_psf=0.1, ISNR 6.00 dB; worst: simplersdb, "));
    assert_non_null(strstr(out.text.text, "PSNR-NB falls (-1.00)"));
    assert_non_null(
        strstr(out.text.text, "ISNR does neither rise nor fall throughout (Kendall's tau of the means 0.33)"));
    assert_null(strstr(out.text.text, "channels")); /* common to all */
    assert_non_null(strstr(out.csv.text, "\"What is gained\",\"mean\",-3,1.5\n"));
    assert_non_null(strstr(out.csv.text, "\"What is gained\",\"mean\",-1,6\n"));
    figure_free(&out);
    dipper_context_destroy(&job.context);
}

static void failed_runs_are_failures(void **state) {
    (void)state;
    study_result items[2] = {run_of("", 0, 4, 30), run_of("", 1, 0, 0)};
    items[1].failed = 1;
    items[1].isnr_db = items[1].psnr_nb_db = (double)NAN;
    const study_results results = {.items = items, .count = 2};
    io_error error = {""};
    figure_job job = {.stop = never, .error = &error, .seeds = 2};
    figure_output out = {0};
    assert_int_equal(dipper_context_create(NULL, &job.context), DIPPER_OK);
    assert_int_equal(figure_plan_draw(&job, figure_find("comparison"), &results, &out), DIPPER_OK);
    assert_non_null(strstr(out.text.text, "| simplersdb | 2 | 4.00 | – | 30.00 | 1 |"));
    figure_free(&out);
    dipper_context_destroy(&job.context);
}

/* A folder may hold runs of another picture, scale or number of seeds. */
static void runs_of_others_are_left_out(void **state) {
    (void)state;
    study_run runs[2] = {{.id = "b"}, {.id = "d"}};
    study_result items[4] = {{.id = "a"}, {.id = "b"}, {.id = "c"}, {.id = "d"}};
    const study_plan plan = {.runs = runs, .run_count = 2};
    study_results results = {.items = items, .count = 4};
    study_plan_keep(&plan, &results);
    assert_int_equal(results.count, 2);
    assert_string_equal(items[0].id, "b");
    assert_string_equal(items[1].id, "d");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),          cmocka_unit_test(bands_of_waves),
        cmocka_unit_test(energy_is_kept),           cmocka_unit_test(charts_hold_their_points),
        cmocka_unit_test(lines_of_a_cone),          cmocka_unit_test(runs_are_told_as_they_are),
        cmocka_unit_test(failed_runs_are_failures), cmocka_unit_test(runs_of_others_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
