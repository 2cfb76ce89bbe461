/* Statistics over runs. SPDX-License-Identifier: Apache-2.0 */
#include "study/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int study_is_failure(const study_result *run) {
    return run->failed || run->psnr_db < run->psnr_blurred_db;
}

int study_same_group(const study_result *a, const study_result *b) {
    return !strcmp(a->suite, b->suite) && !strcmp(a->method, b->method) && !strcmp(a->settings, b->settings) &&
           !strcmp(a->psf_told, b->psf_told) && !strcmp(a->protocol, b->protocol);
}

typedef struct mean {
    double sum;
    int count;
} mean;

static void take(mean *m, double value) {
    if (isnan(value)) return;
    m->sum += value;
    m->count++;
}

static double value_of(mean m) {
    return m.count ? m.sum / m.count : (double)NAN;
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* values[count] is sorted on the way; an even count: the mean of the two in the middle. */
static double median(double *values, int count) {
    if (!count) return (double)NAN;
    qsort(values, (size_t)count, sizeof *values, ascending);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* Runs of the same case stand in a row. */
static int case_length(const study_result *run, const study_result *end) {
    int length = 1;
    while (run + length < end && !strcmp(run[length].name, run->name)) length++;
    return length;
}

/* Adds the squared deviations of a case's runs, and the degrees of freedom. */
static void add_spread(const study_result *runs, int count, mean *squares) {
    mean m = {0};
    for (int i = 0; i < count; i++)
        if (!runs[i].failed && isfinite(runs[i].psnr_db)) take(&m, runs[i].psnr_db);
    if (m.count < 2) return;
    for (int i = 0; i < count; i++)
        if (!runs[i].failed && isfinite(runs[i].psnr_db)) squares->sum += pow(runs[i].psnr_db - value_of(m), 2);
    squares->count += m.count - 1;
}

static void measure_cases(study_summary *s) {
    mean squares = {0}, blurred = {0};
    const study_result *end = s->first + s->runs;
    for (const study_result *run = s->first; run < end; s->cases++) {
        int length = case_length(run, end);
        add_spread(run, length, &squares);
        take(&blurred, run->psnr_blurred_db);
        run += length;
    }
    s->spread_db = sqrt(value_of(squares));
    s->mean_blurred_db = value_of(blurred);
}

static void count_verdict(study_summary *s, const study_result *run) {
    static const char *const levels[] = {"ok", "doubtful", "failed"};
    for (int i = 0; i < 3; i++) s->verdicts[i] += !strcmp(run->verdict, levels[i]);
}

/* values[runs] is room to sort in. */
static void measure_runs(study_summary *s, double *values) {
    mean psnr = {0}, isnr = {0}, ssim = {0}, seconds = {0};
    s->largest_bytes = (double)NAN;
    for (const study_result *run = s->first; run < s->first + s->runs; run++) {
        s->failures += study_is_failure(run);
        count_verdict(s, run);
        if (run->failed) continue;
        if (!isnan(run->psnr_db)) values[psnr.count] = run->psnr_db;
        if (!isnan(run->psnr_db) && (!s->worst || run->psnr_db < s->worst->psnr_db)) s->worst = run;
        take(&psnr, run->psnr_db);
        take(&isnr, run->isnr_db);
        take(&ssim, run->ssim);
        take(&seconds, run->seconds);
        s->largest_bytes = fmax(s->largest_bytes, run->memory_bytes);
    }
    s->mean_db = value_of(psnr);
    s->median_db = median(values, psnr.count);
    s->mean_isnr_db = value_of(isnr);
    s->mean_ssim = value_of(ssim);
    s->mean_seconds = value_of(seconds);
    seconds.count = 0;
    for (const study_result *run = s->first; run < s->first + s->runs; run++)
        if (!run->failed && !isnan(run->seconds)) values[seconds.count++] = run->seconds;
    s->median_seconds = median(values, seconds.count);
}

dipper_status study_summarise(const study_results *results, study_summary **out, int *count, io_error *error) {
    size_t runs = (size_t)results->count;
    double *values = malloc((runs + 1) * sizeof *values);
    *count = 0;
    *out = calloc(runs + 1, sizeof **out);
    if (!values || !*out) {
        free(values);
        return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for the statistics of %d runs", results->count);
    }
    for (int i = 0; i < results->count; i += (*out)[*count - 1].runs) {
        study_summary *s = &(*out)[(*count)++];
        s->first = &results->items[i];
        while (i + s->runs < results->count && study_same_group(s->first, s->first + s->runs)) s->runs++;
        measure_cases(s);
        measure_runs(s, values);
    }
    free(values);
    return DIPPER_OK;
}
