/* Tables of the report. SPDX-License-Identifier: Apache-2.0 */
#include "study/report_inner.h"

#include <math.h>
#include <string.h>

static void cell(page *p, double value, int decimals) {
    page_add(p, "<td>");
    page_number(p, value, decimals);
    page_add(p, "</td>");
}

static int time_decimals(double seconds) {
    return seconds < 10 ? 1 : 0;
}

static int case_number(const report_suite *suite, const study_result *run) {
    for (int i = 0; i < suite->case_count; i++)
        if (strcmp(suite->cases[i].runs[0]->name, run->name) == 0) return suite->cases[i].number;
    return 0;
}

static void worst_cell(page *p, const report_suite *suite, const study_summary *g) {
    if (!g->worst) {
        page_add(p, "<td>–</td><td class=\"text\"></td>");
        return;
    }
    cell(p, g->worst->psnr_db, 2);
    page_add(p, "<td class=\"text\"><a href=\"#s%d-c%d\">%s</a>", suite->number, case_number(suite, g->worst),
             g->worst->name);
    if (g->runs > g->cases) page_add(p, ", seed %ju", (uintmax_t)g->worst->seed);
    page_add(p, "</td>");
}

static void summary_row(page *p, const report_suite *suite, int index) {
    const study_summary *g = &suite->groups[index];
    page_add(p, "<tr><th scope=\"row\">");
    svg_sample(p, report_marker(suite, index));
    page_add(p, " %s", g->first->method);
    if (g->first->settings[0]) page_add(p, "<span class=\"settings\">%s</span>", g->first->settings);
    if (suite->mixed_protocols) page_add(p, "<span class=\"settings\">protocol %s</span>", g->first->protocol);
    page_add(p, "</th><td>%s</td><td>%d</td><td>%d</td>", g->first->psf_told, g->cases, g->runs);
    cell(p, g->mean_db, 2);
    cell(p, g->median_db, 2);
    worst_cell(p, suite, g);
    cell(p, g->spread_db, 2);
    page_add(p, "<td class=\"%s\">%d</td>", g->failures ? "bad" : "", g->failures);
    if (g->verdicts[0] || g->verdicts[1] || g->verdicts[2])
        page_add(p, "<td>%d / %d / %d</td>", g->verdicts[0], g->verdicts[1], g->verdicts[2]);
    else
        page_add(p, "<td>–</td>");
    cell(p, g->mean_blurred_db, 2);
    cell(p, g->mean_isnr_db, 2);
    cell(p, g->mean_ssim, 3);
    cell(p, g->median_seconds, time_decimals(g->median_seconds));
    cell(p, g->largest_bytes / 1e6, 0);
    page_add(p, "</tr>\n");
}

void report_summary(page *p, const report_suite *suite) {
    page_add(p, "<div class=\"wide\"><table>\n<thead><tr><th rowspan=\"2\" class=\"text\">method</th>"
                "<th rowspan=\"2\">PSF told</th><th rowspan=\"2\">cases</th><th rowspan=\"2\">runs</th>"
                "<th colspan=\"5\" class=\"over\">PSNR, dB</th><th rowspan=\"2\">failures</th>"
                "<th rowspan=\"2\">verdicts</th>"
                "<th rowspan=\"2\">blurred, dB</th><th rowspan=\"2\">ISNR, dB</th><th rowspan=\"2\">SSIM</th>"
                "<th rowspan=\"2\">time, s</th><th rowspan=\"2\">memory, MB</th></tr>\n"
                "<tr><th>mean</th><th>median</th><th>worst</th><th class=\"text\">which is</th>"
                "<th>spread</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < suite->group_count; i++) summary_row(p, suite, i);
    page_add(
        p,
        "</tbody></table></div>\n"
        "<p class=\"note\">Spread: over seeds, the standard deviation within a case, pooled over the cases. Failures: "
        "runs without a result, or with a PSNR below the blurred picture’s. "
        "Verdicts: ok / doubtful / failed, found without the truth. Blurred, ISNR and SSIM are "
        "means, time is the median, memory the largest.</p>\n");
}

static void number_row(page *p, const report_suite *suite, const study_result *run) {
    int group = report_group_of(suite, run);
    char label[REPORT_LABEL_MAX];
    report_label(suite, group, label);
    page_add(p, "<tr class=\"%s\"><th scope=\"row\">", study_is_failure(run) ? "bad" : "");
    svg_sample(p, report_marker(suite, group));
    page_add(p, " %s</th><td>%ju</td>", label, (uintmax_t)run->seed);
    if (run->failed) {
        page_add(p, "<td colspan=\"10\" class=\"text\">no result: %s</td></tr>\n", run->message);
        return;
    }
    cell(p, run->psnr_db, 2);
    cell(p, run->isnr_db, 2);
    cell(p, run->psnr_nb_db, 2);
    cell(p, run->ssim, 3);
    cell(p, run->error_ratio, 2);
    cell(p, run->psf_correlation, 3);
    page_add(p, "<td>");
    page_number(p, run->shift_x, 2);
    page_add(p, ", ");
    page_number(p, run->shift_y, 2);
    page_add(p, "</td><td>%d × %d</td>", run->psf_width, run->psf_height);
    cell(p, run->seconds, time_decimals(run->seconds));
    page_add(p, "<td class=\"text\">%s</td></tr>\n", run->verdict[0] ? run->verdict : "–");
}

void report_numbers(page *p, const report_suite *suite, const report_case *one) {
    page_add(p, "<div class=\"wide\"><table class=\"small\">\n<thead><tr><th class=\"text\">method</th><th>seed</th>"
                "<th>PSNR, dB</th><th>ISNR, dB</th><th>PSNR-NB, dB</th><th>SSIM</th><th>error ratio</th>"
                "<th>PSF correlation</th><th>shift x, y, px</th><th>PSF told</th><th>time, s</th>"
                "<th class=\"text\">verdict</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < one->count; i++) number_row(p, suite, one->runs[i]);
    page_add(p, "</tbody></table></div>\n");
}
