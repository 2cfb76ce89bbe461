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

static void put_group(const study_summary *s, FILE *stream) {
    fprintf(stream, "%-12s %4d", s->first->method, s->runs);
    put_number(stream, 6, 2, s->mean_db);
    put_number(stream, 6, 2, s->median_db);
    put_number(stream, 6, 2, s->worst ? s->worst->psnr_db : (double)NAN);
    put_number(stream, 6, 2, s->spread_db);
    put_number(stream, 7, 2, s->mean_blurred_db);
    put_number(stream, 6, 4, s->mean_ssim);
    fprintf(stream, " %8d", s->failures);
    put_number(stream, 7, 1, s->median_seconds);
    put_number(stream, 6, 0, s->largest_bytes / 1e6);
    fputs("  ", stream);
    if (s->worst) fprintf(stream, "%s seed %llu", s->worst->name, (unsigned long long)s->worst->seed);
    fprintf(stream, "; PSF %s%s%s\n", s->first->psf_told, s->first->settings[0] ? "; " : "", s->first->settings);
}

dipper_status study_table_print(const study_results *results, const char *suite, FILE *stream, io_error *error) {
    study_summary *groups = NULL;
    int count = 0;
    dipper_status status = study_summarise(results, &groups, &count, error);
    const char *protocol = "";
    for (int i = 0; i < count; i++) {
        const study_result *first = groups[i].first;
        if (strcmp(first->suite, suite) != 0) continue;
        if (strcmp(protocol, first->protocol) != 0)
            fprintf(stream, "%s, protocol %s, PSNR-GT in dB\n%-12s %4s %6s %6s %6s %6s %7s %6s %8s %7s %6s  %s\n",
                    suite, first->protocol, "method", "runs", "mean", "median", "worst", "spread", "blurred", "SSIM",
                    "failures", "seconds", "MB", "worst case; PSF told; settings");
        protocol = first->protocol;
        put_group(&groups[i], stream);
    }
    free(groups);
    return status;
}
