/* What dipper score found, as a table and as JSON. SPDX-License-Identifier: Apache-2.0 */
#include "cli/score_table.h"

#include "io/facts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const channel_names[] = {"luma", "rgb", "studio luma"};

typedef enum row_rules { BY_PROTOCOL, WHOLE_LUMA, VALID_LUMA, OF_PSF } row_rules;

typedef struct row {
    const char *label, *unit, *key;
    int decimals;
    int asked; /* what it needs was given */
    double value;
    row_rules rules;
} row;

enum { ROWS = 17 };

static void make_rows(const score_found *f, row rows[ROWS]) {
    const int gt = f->gt != NULL, blurred = gt && f->blurred, oracle = blurred && f->psf_gt, psf = f->psf != NULL;
    const int residual = psf && f->blurred, match = psf && f->psf_gt;
    const dipper_score *s = &f->score;
    const dipper_quality *q = &f->quality;
    const row all[ROWS] = {
        {"PSNR-GT", "dB", "psnr_db", 2, gt, s->psnr_db, BY_PROTOCOL},
        {"SSIM", "", "ssim", 4, gt, s->ssim, BY_PROTOCOL},
        {"mean squared error", "", "mse", 8, gt, s->mse, BY_PROTOCOL},
        {"PSNR-GT of the blurred", "dB", "psnr_blurred_db", 2, blurred, s->psnr_blurred_db, BY_PROTOCOL},
        {"ISNR", "dB", "isnr_db", 2, blurred, s->isnr_db, BY_PROTOCOL},
        {"PSNR-NB", "dB", "psnr_nb_db", 2, blurred, s->psnr_nb_db, BY_PROTOCOL},
        {"PSNR-GT with true PSF", "dB", "oracle_psnr_db", 2, oracle, s->oracle_psnr_db, BY_PROTOCOL},
        {"error ratio", "", "error_ratio", 3, oracle, s->error_ratio, BY_PROTOCOL},
        {"spectral ratio", "", "spectral_ratio", 3, oracle, s->spectral_ratio, BY_PROTOCOL},
        {"gradient l1/l2", "", "gradient_l1_l2", 4, 1, q->gradient_l1_l2, WHOLE_LUMA},
        {"total variation", "", "total_variation", 5, 1, q->total_variation, WHOLE_LUMA},
        {"residual RMS", "", "residual_rms", 6, residual, q->residual_rms, VALID_LUMA},
        {"residual whiteness", "", "residual_whiteness", 4, residual, q->residual_whiteness, VALID_LUMA},
        {"PSF entropy", "bits", "psf_entropy", 3, psf, q->psf_entropy, OF_PSF},
        {"PSF mass at border", "", "psf_border_mass", 4, psf, q->psf_border_mass, OF_PSF},
        {"PSF correlation", "", "psf_correlation", 4, match, f->match.correlation, OF_PSF},
        {"PSF squared error", "", "psf_squared_error", 6, match, f->match.squared_error, OF_PSF},
    };
    for (int i = 0; i < ROWS; i++) rows[i] = all[i];
}

/* ---- Text ---- */

static void print_rules(const score_found *f, row_rules rules) {
    const dipper_score *s = &f->score;
    const char *luma = f->grey ? "grey" : "luma";
    char crop[16], search[32];
    switch (rules) {
    case BY_PROTOCOL:
        snprintf(crop, sizeof crop, "%d px", s->crop);
        snprintf(search, sizeof search, s->range > 0 ? "+-%d px by 0.25" : "none", s->range);
        printf("  %-8s  %-16s  %-11s  %s\n", crop, search, f->grey ? "grey" : channel_names[s->channel],
               s->clip ? "yes" : "no");
        break;
    case WHOLE_LUMA:
        printf("  %-8s  %-16s  %-11s  %s\n", "0 px", "none", luma, "no");
        break;
    case VALID_LUMA:
        printf("  %-8s  %-16s  %-11s  %s\n", "PSF / 2", "none", luma, "no");
        break;
    case OF_PSF:
        putchar('\n');
        break;
    }
}

static void print_row(const score_found *f, const row *r) {
    char value[40] = "undefined"; /* SSIM of less than 11 x 11 px, gradients of a constant picture ... */
    if (!r->asked) return;
    if (!isnan(r->value)) snprintf(value, sizeof value, "%.*f", r->decimals, r->value);
    printf("%-22s  %12s %-4s", r->label, value, r->unit);
    print_rules(f, r->rules);
}

static void print_head(const score_found *f) {
    const dipper_score *s = &f->score;
    printf("result      %s\n", f->result);
    if (f->gt) {
        printf("truth       %s\nprotocol    %s, peak %g\n", f->gt, f->protocol, f->peak);
        printf("compared    %d x %d px, the result at shift (%g, %g) px\n", s->width, s->height, s->shift_x,
               s->shift_y);
        if (s->ssim_reduction > 1) printf("SSIM        of means of %d x %d px\n", s->ssim_reduction, s->ssim_reduction);
    }
    if (f->psf && f->psf_gt) printf("PSF         compared at shift (%d, %d) px\n", f->match.shift_x, f->match.shift_y);
    printf("\n%-22s  %12s %-4s  %-8s  %-16s  %-11s  %s\n", "measure", "value", "", "crop", "search", "channel",
           "result clipped");
}

void score_print_table(const score_found *found) {
    row rows[ROWS];
    make_rows(found, rows);
    print_head(found);
    for (int i = 0; i < ROWS; i++) print_row(found, &rows[i]);
}

/* ---- JSON ---- */

dipper_status score_print_json(const score_found *found, io_error *error) {
    const double truth = found->gt ? 0 : NAN, match = found->psf && found->psf_gt ? 0 : NAN; /* added: null or itself */
    const dipper_score *s = &found->score;
    row rows[ROWS];
    io_fact facts[] = {
        {"dipper", IO_FACT_TEXT, DIPPER_VERSION_STRING, 0},
        {"result", IO_FACT_TEXT, found->result, 0},
        {"gt", IO_FACT_TEXT, found->gt, 0},
        {"blurred", IO_FACT_TEXT, found->blurred, 0},
        {"psf", IO_FACT_TEXT, found->psf, 0},
        {"psf_gt", IO_FACT_TEXT, found->psf_gt, 0},
        {"protocol", IO_FACT_TEXT, found->gt ? found->protocol : NULL, 0},
        {"peak", IO_FACT_REAL, NULL, found->peak + truth},
        {"crop", IO_FACT_INT, NULL, s->crop + truth},
        {"range", IO_FACT_INT, NULL, s->range + truth},
        {"channel", IO_FACT_TEXT, found->gt ? channel_names[s->channel] : NULL, 0},
        {"clip", IO_FACT_BOOL, NULL, s->clip + truth},
        {"width", IO_FACT_INT, NULL, s->width + truth},
        {"height", IO_FACT_INT, NULL, s->height + truth},
        {"ssim_reduction", IO_FACT_INT, NULL, s->ssim_reduction + truth},
        {"shift_x", IO_FACT_REAL, NULL, s->shift_x + truth},
        {"shift_y", IO_FACT_REAL, NULL, s->shift_y + truth},
        {"psf_shift_x", IO_FACT_INT, NULL, found->match.shift_x + match},
        {"psf_shift_y", IO_FACT_INT, NULL, found->match.shift_y + match},
    };
    enum { FACTS = sizeof facts / sizeof *facts };
    io_fact all[FACTS + ROWS];
    make_rows(found, rows);
    memcpy(all, facts, sizeof facts);
    for (int i = 0; i < ROWS; i++)
        all[FACTS + i] = (io_fact){rows[i].key, IO_FACT_REAL, NULL, rows[i].asked ? rows[i].value : NAN};
    return facts_print(all, FACTS + ROWS, stdout, error);
}
