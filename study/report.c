/* The report: what is in it, in which order. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "study/report_inner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Pictures are made smaller, but not below SIDE_LEAST, so that all together have no more pixels than this. */
enum { PIXEL_BUDGET = 1 << 24, SIDE_MOST = 512, SIDE_LEAST = 128 };

/* ---- Series ---- */

int report_is_oracle(const study_result *run) {
    return strcmp(run->method, "oracle") == 0;
}

int report_series(const report_suite *suite, int group) {
    int series = 0;
    for (int i = 0; i < group; i++) series += !report_is_oracle(suite->groups[i].first);
    return series;
}

svg_marker report_marker(const report_suite *suite, int group) {
    if (report_is_oracle(suite->groups[group].first)) return (svg_marker){SVG_RING, SVG_GREY};
    return svg_marker_of(report_series(suite, group));
}

int report_group_of(const report_suite *suite, const study_result *run) {
    int group = 0;
    while (group < suite->group_count - 1 && !study_same_group(suite->groups[group].first, run)) group++;
    return group;
}

void report_label(const report_suite *suite, int group, char out[REPORT_LABEL_MAX]) {
    const study_result *run = suite->groups[group].first;
    int psf = suite->mixed_psf && !report_is_oracle(run), own = strcmp(run->psf_told, "own") == 0;
    snprintf(out, REPORT_LABEL_MAX, "%s%s%s%s%s%s%s%s", run->method, run->settings[0] ? ", " : "", run->settings,
             psf ? ", " : "", psf ? own ? "own PSF size" : "PSF " : "", psf && !own ? run->psf_told : "",
             suite->mixed_protocols ? ", protocol " : "", suite->mixed_protocols ? run->protocol : "");
}

/* ---- Suites and cases ---- */

/* By name; runs of a case stay in the order of the results: by group, then seed. */
static int compare_runs(const void *left, const void *right) {
    const study_result *a = *(const study_result *const *)left, *b = *(const study_result *const *)right;
    int order = strcmp(a->name, b->name);
    return order ? order : (a > b) - (a < b);
}

static double worst_of(const report_case *one) {
    double worst = (double)NAN;
    for (int i = 0; i < one->count; i++)
        if (!report_is_oracle(one->runs[i]))
            worst = fmin(worst, one->runs[i]->failed ? -(double)INFINITY : one->runs[i]->psnr_db);
    return worst;
}

static void split_cases(report_suite *suite) {
    for (int i = 0; i < suite->run_count; i += suite->cases[suite->case_count - 1].count) {
        report_case *one = &suite->cases[suite->case_count++];
        *one = (report_case){.runs = suite->runs + i, .number = suite->case_count};
        while (i + one->count < suite->run_count && !strcmp(one->runs[one->count]->name, one->runs[0]->name))
            one->count++;
        one->worst_db = worst_of(one);
    }
}

static void suite_free(report_suite *suite) {
    free(suite->runs);
    free(suite->cases);
    *suite = (report_suite){0};
}

/* The groups that follow groups[0] in the same suite belong to it. */
static dipper_status suite_make(int number, const study_summary *groups, int left, report_suite *out, io_error *error) {
    report_suite s = {.number = number, .groups = groups};
    const char *told = NULL;
    for (; s.group_count < left; s.group_count++) {
        const study_result *first = groups[s.group_count].first;
        if (strcmp(first->suite, groups[0].first->suite) != 0) break;
        s.run_count += groups[s.group_count].runs;
        s.mixed_protocols |= strcmp(first->protocol, groups[0].first->protocol) != 0;
        if (report_is_oracle(first)) continue;
        s.mixed_psf |= told && strcmp(told, first->psf_told) != 0;
        told = first->psf_told;
    }
    s.runs = calloc((size_t)s.run_count, sizeof *s.runs);
    s.cases = calloc((size_t)s.run_count, sizeof *s.cases);
    *out = s;
    if (!s.runs || !s.cases) return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for the page");
    for (int i = 0; i < s.run_count; i++) s.runs[i] = groups[0].first + i;
    qsort(s.runs, (size_t)s.run_count, sizeof *s.runs, compare_runs);
    split_cases(out);
    return DIPPER_OK;
}

/* ---- Parts of the page ---- */

/* "Levin: 15 px cropped ..."; every text once. */
static void put_protocol(page *p, const study_result *r) {
    static const char *const channels[] = {[DIPPER_CHANNEL_LUMA] = "luma",
                                           [DIPPER_CHANNEL_RGB] = "all colour channels",
                                           [DIPPER_CHANNEL_STUDIO] = "luma in studio range"};
    page_add(p, "protocol %s: ", r->protocol);
    if (r->crop > 0) page_add(p, "%d px cropped off each side, ", r->crop);
    if (r->range > 0)
        page_add(p, "aligned within ±%d px, ", r->range);
    else
        page_add(p, "not aligned, ");
    page_add(p, "%s, %s", channels[r->channel >= 0 && r->channel <= DIPPER_CHANNEL_STUDIO ? r->channel : 0],
             r->clip ? "clipped to the data range" : "not clipped");
}

static int same_protocol(const study_result *a, const study_result *b) {
    return !strcmp(a->protocol, b->protocol) && a->crop == b->crop && a->range == b->range &&
           a->channel == b->channel && a->clip == b->clip;
}

static int same_device(const study_result *a, const study_result *b) {
    return !strcmp(a->device, b->device) && a->threads == b->threads;
}

/* Runs without a result were not scored, and have no protocol. */
static int has_protocol(const study_result *run) {
    return run->protocol[0] != '\0';
}
static int has_device(const study_result *run) {
    return run->device[0] != '\0';
}
static void put_device(page *p, const study_result *run) {
    page_add(p, "%s, %d thread%s", run->device, run->threads, run->threads == 1 ? "" : "s");
}

typedef struct fact {
    int (*known)(const study_result *run);
    int (*same)(const study_result *a, const study_result *b);
    void (*put)(page *p, const study_result *run);
} fact;

/* What the runs say, each different answer once. */
static void put_fact(page *p, const study_result *const *runs, int count, const fact *f) {
    int said = 0;
    for (int i = 0; i < count; i++) {
        int before = 0;
        if (!f->known(runs[i])) continue;
        while (before < i && !(f->known(runs[before]) && f->same(runs[before], runs[i]))) before++;
        if (before < i) continue;
        if (said++) page_add(p, "; ");
        f->put(p, runs[i]);
    }
    if (!said) page_add(p, "–");
}

static const fact protocol_fact = {has_protocol, same_protocol, put_protocol};
static const fact device_fact = {has_device, same_device, put_device};

static void put_index(page *p, const report_suite *suite) {
    if (suite->case_count < 2) return;
    page_add(p, "<details class=\"names\"><summary>Cases by name</summary><ul class=\"index\">\n");
    for (int i = 0; i < suite->case_count; i++)
        page_add(p, "<li><a href=\"#s%d-c%d\">%s</a></li>\n", suite->number, suite->cases[i].number,
                 suite->cases[i].runs[0]->name);
    page_add(p, "</ul></details>\n");
}

/* Without a result first, with nothing but the oracle last. */
static int compare_worst(const void *left, const void *right) {
    const report_case *a = *(const report_case *const *)left, *b = *(const report_case *const *)right;
    double x = isnan(a->worst_db) ? (double)INFINITY : a->worst_db,
           y = isnan(b->worst_db) ? (double)INFINITY : b->worst_db;
    return x != y ? (x > y) - (x < y) : a->number - b->number;
}

static dipper_status put_cases(page *p, const report_suite *suite, int by_name, report_pictures *pictures,
                               io_error *error) {
    const report_case **order = malloc((size_t)suite->case_count * sizeof *order);
    dipper_status status = DIPPER_OK;
    if (!order) return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for the page");
    for (int i = 0; i < suite->case_count; i++) order[i] = &suite->cases[i];
    if (!by_name) qsort(order, (size_t)suite->case_count, sizeof *order, compare_worst);
    page_add(p, "<h2>Cases of %s%s</h2>\n", suite->groups[0].first->suite,
             by_name ? "" : ", those with the lowest PSNR first");
    page_markup(p,
                "<p class=\"note\">The box shows where the enlarged detail is, the strongest one of the ground truth; "
                "in results it is moved by the shift that the score found. PSFs are divided by their maximum and "
                "have the same scale; the true one is under the ground truth.</p>\n");
    put_index(p, suite);
    for (int i = 0; i < suite->case_count && !status; i++)
        status = report_case_block(p, suite, order[i], pictures, error);
    free(order);
    return status;
}

static void put_suite(page *p, const report_suite *suite) {
    page_add(p, "<h2>%s</h2>\n<p class=\"soft\">%d cases, %d runs; ", suite->groups[0].first->suite, suite->case_count,
             suite->run_count);
    put_fact(p, (const study_result *const *)suite->runs, suite->run_count, &protocol_fact);
    page_add(p, "</p>\n");
    report_summary(p, suite);
    page_markup(p, "<div class=\"plots\">\n");
    report_scatter(p, suite);
    report_case_chart(p, suite);
    page_markup(p, "</div>\n");
}

/* ---- The whole ---- */

typedef struct report {
    study_results results;
    study_summary *groups;
    int group_count;
    report_suite *suites;
    int suite_count;
    report_pictures pictures;
    page head, body;
} report;

static dipper_status load(report *r, const char *folder, io_error *error) {
    IO_TRY(study_results_load(folder, &r->results, error));
    int others = r->results.other_versions;
    if (r->results.count == 0)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: holds no results of Dipper %s (%d of other versions)", folder,
                       DIPPER_VERSION_STRING, others);
    IO_TRY(study_summarise(&r->results, &r->groups, &r->group_count, error));
    r->suites = calloc((size_t)r->group_count, sizeof *r->suites);
    if (!r->suites) return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for the page");
    for (int i = 0; i < r->group_count; i += r->suites[r->suite_count - 1].group_count) {
        report_suite *suite = &r->suites[r->suite_count++];
        IO_TRY(suite_make(r->suite_count, r->groups + i, r->group_count - i, suite, error));
    }
    return DIPPER_OK;
}

static void choose_side(report *r) {
    double count = 0;
    for (int s = 0; s < r->suite_count; s++)
        for (int i = 0; i < r->suites[s].case_count; i++)
            count += report_case_pictures(&r->suites[s], &r->suites[s].cases[i]);
    r->pictures.side = (int)fmax(SIDE_LEAST, fmin(SIDE_MOST, sqrt(PIXEL_BUDGET / count)));
}

static void put_names(page *p, const report *r) {
    for (int i = 0; i < r->suite_count; i++) page_add(p, "%s%s", i ? ", " : "", r->suites[i].groups[0].first->suite);
}

static void put_facts(page *p, const report *r) {
    char date[40];
    struct tm utc;
    time_t now = time(NULL);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", gmtime_r(&now, &utc));
    page_add(p,
             "<dl class=\"facts\"><dt>Version</dt><dd>Dipper %s</dd><dt>Page made</dt><dd>%s</dd><dt>Device</dt><dd>",
             DIPPER_VERSION_STRING, date);
    for (int i = 0; i < r->suite_count; i++) {
        if (i) page_add(p, "; ");
        put_fact(p, (const study_result *const *)r->suites[i].runs, r->suites[i].run_count, &device_fact);
    }
    page_add(p, "</dd></dl>\n");
}

static void put_notices(page *p, report *r) {
    if (r->results.other_versions)
        page_add(p, "<p class=\"notice\">%d result%s of other versions of Dipper left out.</p>\n",
                 r->results.other_versions, r->results.other_versions == 1 ? " is" : "s are");
    if (!r->pictures.have_png)
        page_markup(p, "<p class=\"notice\">Without pictures: this build of Dipper has no libvips.</p>\n");
    if (!r->pictures.missing_count) return;
    page_add(p, "<details class=\"missing\"><summary>%d file%s missing or cannot be read</summary><ul>\n",
             r->pictures.missing_count, r->pictures.missing_count == 1 ? " is" : "s are");
    page_append(p, &r->pictures.missing);
    page_markup(p, "</ul></details>\n");
}

/* Nothing but what is in the page may be shown, and no script at all may run: the browser is told so. */
static void put_head(page *p, report *r) {
    page_markup(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                   "style-src 'unsafe-inline'\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Dipper: ");
    put_names(p, r);
    page_markup(p, "</title>\n");
    report_style(p);
    page_markup(p, "</head>\n<body>\n");
    svg_shapes(p);
    page_markup(p, "<h1>Benchmark ");
    put_names(p, r);
    page_markup(p, "</h1>\n");
    put_facts(p, r);
    put_notices(p, r);
}

/* The head tells what was missing, so it is made last. */
static dipper_status compose(report *r, int by_name, io_error *error) {
    for (int i = 0; i < r->suite_count; i++) {
        put_suite(&r->body, &r->suites[i]);
        IO_TRY(put_cases(&r->body, &r->suites[i], by_name, &r->pictures, error));
    }
    put_head(&r->head, r);
    page_append(&r->head, &r->body);
    page_markup(&r->head, "</body>\n</html>\n");
    return DIPPER_OK;
}

static void report_free(report *r) {
    for (int i = 0; i < r->suite_count; i++) suite_free(&r->suites[i]);
    free(r->suites);
    free(r->groups);
    study_results_free(&r->results);
    page_free(&r->pictures.missing);
    page_free(&r->head);
    page_free(&r->body);
}

static void say_outcome(const report *r, study_report_outcome *out) {
    *out = (study_report_outcome){
        .runs = r->results.count, .missing = r->pictures.missing_count, .other_versions = r->results.other_versions};
    for (int i = 0; i < r->suite_count; i++) out->cases += r->suites[i].case_count;
}

dipper_status study_report_write(const char *folder, const char *path, const study_report_options *options,
                                 study_report_outcome *outcome, io_error *error) {
    report r = {.pictures = {.folder = folder, .have_png = io_have_vips()}};
    dipper_status status = load(&r, folder, error);
    if (!status) choose_side(&r);
    if (!status) status = compose(&r, options->by_name, error);
    if (!status) status = page_write(&r.head, path, options->overwrite, error);
    say_outcome(&r, outcome);
    report_free(&r);
    return status;
}
