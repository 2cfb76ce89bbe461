/* The table that ends a benchmark. SPDX-License-Identifier: Apache-2.0 */
#include "study/table.h"

#include "study/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "-" for what is not known. */
static void put_number(FILE *stream, int width, int decimals, double value) {
    if (isnan(value))
        fprintf(stream, " %*s", width, "-");
    else
        fprintf(stream, " %*.*f", width, decimals, value);
}

/* ok/doubtful/failed; "-" if nobody judged. */
static void put_verdicts(const study_summary *s, FILE *stream) {
    char text[40] = "-";
    if (s->verdicts[0] || s->verdicts[1] || s->verdicts[2])
        snprintf(text, sizeof text, "%d/%d/%d", s->verdicts[0], s->verdicts[1], s->verdicts[2]);
    fprintf(stream, " %8s", text);
}

static void put_group(const study_summary *s, int widest, FILE *stream) {
    fprintf(stream, "%-*s %4d", widest, s->first->method, s->runs);
    put_number(stream, 6, 2, s->mean_db);
    put_number(stream, 6, 2, s->median_db);
    put_number(stream, 6, 2, s->worst ? s->worst->psnr_db : (double)NAN);
    put_number(stream, 6, 2, s->spread_db);
    put_number(stream, 7, 2, s->mean_blurred_db);
    put_number(stream, 6, 4, s->mean_ssim);
    fprintf(stream, " %8d", s->failures);
    put_verdicts(s, stream);
    put_number(stream, 7, 1, s->median_seconds);
    put_number(stream, 6, 0, s->largest_bytes / 1e6);
    fputs("  ", stream);
    if (s->worst) fprintf(stream, "%s seed %llu; ", s->worst->name, (unsigned long long)s->worst->seed);
    fprintf(stream, "PSF %s%s%s\n", s->first->psf_told, s->first->settings[0] ? "; " : "", s->first->settings);
}

static void put_title(const char *suite, const char *protocol, int widest, FILE *stream) {
    fprintf(stream, "%s, protocol %s, PSNR-GT in dB\n", suite, protocol);
    fprintf(stream, "%-*s %4s %6s %6s %6s %6s %7s %6s %8s %8s %7s %6s  %s\n", widest, "method", "runs", "mean",
            "median", "worst", "spread", "blurred", "SSIM", "failures", "verdicts", "seconds", "MB",
            "worst case; PSF told; settings");
}

/* Groups are sorted by method first: the lines of each protocol are picked, in the order of their first ones. */
static void put_protocol(const study_summary *groups, int count, const study_result *title, FILE *stream) {
    int widest = (int)strlen("method");
    for (int pass = 0; pass < 2; pass++) {
        if (pass) put_title(title->suite, title->protocol, widest, stream);
        for (int i = 0; i < count; i++) {
            const study_result *first = groups[i].first;
            if (strcmp(first->suite, title->suite) != 0 || strcmp(first->protocol, title->protocol) != 0) continue;
            if (pass)
                put_group(&groups[i], widest, stream);
            else if ((int)strlen(first->method) > widest)
                widest = (int)strlen(first->method);
        }
    }
}

/* Whether an earlier group of the suite has the same protocol. */
static int is_printed(const study_summary *groups, int i) {
    for (int k = 0; k < i; k++)
        if (!strcmp(groups[k].first->suite, groups[i].first->suite) &&
            !strcmp(groups[k].first->protocol, groups[i].first->protocol))
            return 1;
    return 0;
}

dipper_status study_table_print(const study_results *results, const char *suite, FILE *stream, io_error *error) {
    study_summary *groups = NULL;
    int count = 0;
    dipper_status status = study_summarise(results, &groups, &count, error);
    for (int i = 0; i < count; i++)
        if (!strcmp(groups[i].first->suite, suite) && !is_printed(groups, i))
            put_protocol(groups, count, groups[i].first, stream);
    free(groups);
    return status;
}
