/* Charts of the report. SPDX-License-Identifier: Apache-2.0 */
#include "study/report_inner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHART_WIDTH = 560, ROWS_PER_CHART = 40, LABEL_CHARACTERS = 28 };

static const svg_marker blurred_marker = {SVG_BAR, SVG_GREY}, oracle_marker = {SVG_RING, SVG_GREY};

typedef struct span {
    double low, high;
} span;

static const span nothing = {(double)INFINITY, -(double)INFINITY};

static void widen(span *s, double value) {
    if (!isfinite(value)) return;
    s->low = fmin(s->low, value);
    s->high = fmax(s->high, value);
}

static void legend_item(page *p, svg_marker marker, const char *text) {
    page_add(p, "<li>");
    svg_sample(p, marker);
    page_add(p, " %s</li>", text);
}

static void legend(page *p, const report_suite *suite, int with_oracle) {
    char label[REPORT_LABEL_MAX];
    for (int i = 0; i < suite->group_count; i++) {
        if (!with_oracle && report_is_oracle(suite->groups[i].first)) continue;
        report_label(suite, i, label);
        legend_item(p, report_marker(suite, i), label);
    }
}

/* ---- ISNR over PSNR-NB ---- */

static int has_point(const study_result *run) {
    return !run->failed && isfinite(run->psnr_nb_db) && isfinite(run->isnr_db);
}

static void scatter_point(page *p, const report_suite *suite, const svg_plot *plot, int group,
                          const study_result *run) {
    char label[REPORT_LABEL_MAX], title[REPORT_LABEL_MAX + RESULT_NAME_MAX + 100];
    report_label(suite, group, label);
    snprintf(title, sizeof title, "%s: %s, seed %ju: ISNR %.2f dB, PSNR-NB %.2f dB", run->name, label,
             (uintmax_t)run->seed, run->isnr_db, run->psnr_nb_db);
    svg_point(p, report_marker(suite, group), svg_x(plot, run->psnr_nb_db), svg_y(plot, run->isnr_db), title);
}

void report_scatter(page *p, const report_suite *suite) {
    span x = nothing, y = {0, 0}; /* nothing gained is always to be seen */
    int shown = 0;
    for (int i = 0; i < suite->run_count; i++) {
        if (!has_point(suite->runs[i])) continue;
        widen(&x, suite->runs[i]->psnr_nb_db);
        widen(&y, suite->runs[i]->isnr_db);
        shown++;
    }
    if (!shown) return;
    svg_plot plot = {
        64, 12, CHART_WIDTH - 64 - 16, 380, svg_axis_make(x.low, x.high, 8), svg_axis_make(y.low, y.high, 8)};
    page_add(p, "<figure class=\"plot\"><figcaption>ISNR over PSNR-NB: one mark for each run</figcaption>\n<ul "
                "class=\"legend\">");
    legend(p, suite, 1);
    page_add(p, "</ul>\n");
    svg_begin(p, CHART_WIDTH, plot.top + plot.height + 50, "Scatter plot of ISNR over PSNR-NB");
    svg_x_axis(p, &plot, "PSNR-NB, dB: result against blurred picture");
    svg_y_axis(p, &plot, "ISNR, dB");
    for (int g = 0; g < suite->group_count; g++)
        for (int i = 0; i < suite->groups[g].runs; i++)
            if (has_point(suite->groups[g].first + i)) scatter_point(p, suite, &plot, g, suite->groups[g].first + i);
    svg_end(p);
    page_add(p, "<p class=\"note\">Below the line at 0 a run is worse than its input. Far to the right a method has "
                "hardly changed the picture.");
    if (shown < suite->run_count)
        page_add(p, " %d of %d runs have no such numbers and are not shown.", suite->run_count - shown,
                 suite->run_count);
    page_add(p, "</p></figure>\n");
}

/* ---- PSNR of each case ---- */

/* The name, cut between characters of UTF-8 when it is too long. */
static void short_name(const char *name, char out[RESULT_NAME_MAX + 4]) {
    int characters = 0, bytes = 0;
    for (; name[bytes]; bytes++) {
        if (((unsigned char)name[bytes] & 0xC0) == 0x80) continue;
        if (++characters > LABEL_CHARACTERS) break;
    }
    snprintf(out, RESULT_NAME_MAX + 4, "%.*s%s", bytes, name, name[bytes] ? "…" : "");
}

static double label_width(const report_suite *suite) {
    size_t longest = 4;
    for (int i = 0; i < suite->case_count; i++) {
        size_t length = strlen(suite->cases[i].runs[0]->name);
        longest = length > longest ? length : longest;
    }
    return 7.0 * (double)(longest < LABEL_CHARACTERS ? longest : LABEL_CHARACTERS) + 20;
}

static span psnr_span(const report_suite *suite) {
    span s = nothing;
    for (int i = 0; i < suite->run_count; i++) {
        const study_result *run = suite->runs[i];
        widen(&s, run->psnr_blurred_db);
        widen(&s, run->oracle_psnr_db);
        if (!run->failed) widen(&s, run->psnr_db);
    }
    return s;
}

typedef struct lanes { /* of a row: one for each method, so that their marks do not hide each other */
    int count;
    double height; /* of the row */
} lanes;

static lanes lanes_of(const report_suite *suite) {
    lanes l = {0};
    for (int i = 0; i < suite->group_count; i++) l.count += !report_is_oracle(suite->groups[i].first);
    l.height = 12 + 9.0 * (l.count > 0 ? l.count : 1);
    return l;
}

static void case_label(page *p, const report_suite *suite, const report_case *one, double x, double y) {
    char name[RESULT_NAME_MAX + 4];
    short_name(one->runs[0]->name, name);
    page_add(p, "<a href=\"#s%d-c%d\"><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s<title>%s</title></text></a>\n",
             suite->number, one->number, x, y, name, one->runs[0]->name);
}

static void reference(page *p, svg_marker marker, const svg_plot *plot, double y, double value, const char *what,
                      const char *name) {
    char title[RESULT_NAME_MAX + 80];
    if (!isfinite(value)) return;
    snprintf(title, sizeof title, "%s: %s, %.2f dB", name, what, value);
    svg_point(p, marker, svg_x(plot, value), y, title);
}

static void run_mark(page *p, const report_suite *suite, const svg_plot *plot, const study_result *run, double y) {
    char label[REPORT_LABEL_MAX], title[REPORT_LABEL_MAX + RESULT_NAME_MAX + 60];
    int group = report_group_of(suite, run);
    if (run->failed || !isfinite(run->psnr_db)) return;
    report_label(suite, group, label);
    snprintf(title, sizeof title, "%s: %s, seed %ju: %.2f dB", run->name, label, (uintmax_t)run->seed, run->psnr_db);
    svg_point(p, report_marker(suite, group), svg_x(plot, run->psnr_db), y, title);
}

/* The first value known of the case's runs. */
static double known(const report_case *one, size_t offset) {
    for (int i = 0; i < one->count; i++) {
        double value = *(const double *)((const char *)one->runs[i] + offset);
        if (isfinite(value)) return value;
    }
    return (double)NAN;
}

static void case_row(page *p, const report_suite *suite, const report_case *one, const svg_plot *plot, double middle,
                     const lanes *l) {
    const char *name = one->runs[0]->name;
    double oracle = known(one, offsetof(study_result, oracle_psnr_db));
    page_add(p, "<line class=\"row\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", plot->left, middle,
             plot->left + plot->width, middle);
    case_label(p, suite, one, plot->left - 10, middle + 4);
    reference(p, blurred_marker, plot, middle, known(one, offsetof(study_result, psnr_blurred_db)), "blurred", name);
    for (int i = 0; i < one->count; i++) {
        const study_result *run = one->runs[i];
        int group = report_group_of(suite, run);
        if (report_is_oracle(run)) {
            if (isnan(oracle)) oracle = run->psnr_db;
            continue;
        }
        run_mark(p, suite, plot, run, middle + 9.0 * (report_series(suite, group) - (l->count - 1) / 2.0));
    }
    reference(p, oracle_marker, plot, middle, oracle, "oracle", name);
}

static void case_rows(page *p, const report_suite *suite, int first, int count, const svg_axis *axis) {
    lanes l = lanes_of(suite);
    double left = label_width(suite);
    svg_plot plot = {.left = left, .top = 6, .width = CHART_WIDTH - left - 16, .height = l.height * count, .x = *axis};
    svg_begin(p, CHART_WIDTH, plot.top + plot.height + 50, "PSNR of each case");
    svg_x_axis(p, &plot, "PSNR, dB");
    for (int i = 0; i < count; i++)
        case_row(p, suite, &suite->cases[first + i], &plot, plot.top + l.height * (i + 0.5), &l);
    svg_end(p);
}

void report_case_chart(page *p, const report_suite *suite) {
    span s = psnr_span(suite);
    if (s.low > s.high) return;
    svg_axis axis = svg_axis_make(s.low, s.high, 8);
    page_add(p, "<figure class=\"plot\"><figcaption>PSNR of each case: one mark for each seed</figcaption>\n"
                "<ul class=\"legend\">");
    legend_item(p, blurred_marker, "blurred");
    legend(p, suite, 0);
    legend_item(p, oracle_marker, "oracle (true PSF)");
    page_add(p, "</ul>\n");
    for (int first = 0; first < suite->case_count; first += ROWS_PER_CHART) {
        int left = suite->case_count - first;
        case_rows(p, suite, first, left < ROWS_PER_CHART ? left : ROWS_PER_CHART, &axis);
    }
    page_add(p, "</figure>\n");
}
