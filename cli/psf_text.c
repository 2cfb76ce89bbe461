/* What dipper psf says about PSFs. SPDX-License-Identifier: Apache-2.0 */
#include "cli/psf_text.h"

#include "io/facts.h"

#include <stdio.h>

enum { CELLS = 38 }; /* of a drawing, in 80 columns */

/* The largest value of a block of the PSF: thin lines stay. */
static double block_maximum(const psf_data *p, int x0, int y0, int side) {
    double largest = 0;
    for (int y = y0; y < y0 + side && y < p->height; y++)
        for (int x = x0; x < x0 + side && x < p->width; x++) {
            const double v = (double)p->values[y * p->width + x];
            largest = v > largest ? v : largest;
        }
    return largest;
}

static void draw(const psf_data *p, double maximum) {
    static const char shades[] = " .:-=+*#%@";
    const int larger = p->width > p->height ? p->width : p->height, side = (larger + CELLS - 1) / CELLS;
    for (int y = 0; y < p->height; y += side) {
        fputs("  |", stdout);
        for (int x = 0; x < p->width; x += side) {
            const double share = block_maximum(p, x, y, side) / maximum;
            const char shade = shades[share < 0.01 ? 0 : 1 + (int)(share * 8.999)];
            putchar(shade);
            putchar(shade);
        }
        puts("|");
    }
    if (side > 1) printf("  each cell: the largest of %d x %d values\n", side, side);
}

/* Without a sign where nothing but rounding is left. */
static double tidy(double px) {
    return px > -5e-4 && px < 5e-4 ? 0 : px;
}

void psf_print(const psf_shown *s) {
    const dipper_psf_info *i = &s->info;
    printf("%s\n", s->path);
    printf("  size         %d x %d px", s->psf->width, s->psf->height);
    if (s->origin.width != s->psf->width || s->origin.height != s->psf->height)
        printf(" (%d x %d in the file)", s->origin.width, s->origin.height);
    printf("\n  sum          %.6g in the file; the rest is of the PSF divided by it\n", s->origin.sum);
    printf("  maximum      %.6g\n", i->maximum);
    printf("  centroid     x %+.3f, y %+.3f px from the centre\n", tidy(i->centroid_x), tidy(i->centroid_y));
    printf("  support      %d x %d px at x %d, y %d (above 1 %% of the maximum)\n", i->support_width, i->support_height,
           i->support_x, i->support_y);
    printf("  entropy      %.3f bits\n", i->entropy);
    printf("  border mass  %.4f\n", i->border_mass);
    draw(s->psf, i->maximum);
}

dipper_status psf_print_json(const psf_shown *s, io_error *error) {
    const dipper_psf_info *i = &s->info;
    const io_fact facts[] = {
        {"dipper", IO_FACT_TEXT, DIPPER_VERSION_STRING, 0},
        {"psf", IO_FACT_TEXT, s->path, 0},
        {"width", IO_FACT_INT, NULL, s->psf->width},
        {"height", IO_FACT_INT, NULL, s->psf->height},
        {"file_width", IO_FACT_INT, NULL, s->origin.width},
        {"file_height", IO_FACT_INT, NULL, s->origin.height},
        {"file_sum", IO_FACT_REAL, NULL, s->origin.sum},
        {"maximum", IO_FACT_REAL, NULL, i->maximum},
        {"centroid_x", IO_FACT_REAL, NULL, i->centroid_x},
        {"centroid_y", IO_FACT_REAL, NULL, i->centroid_y},
        {"support_x", IO_FACT_INT, NULL, i->support_x},
        {"support_y", IO_FACT_INT, NULL, i->support_y},
        {"support_width", IO_FACT_INT, NULL, i->support_width},
        {"support_height", IO_FACT_INT, NULL, i->support_height},
        {"entropy", IO_FACT_REAL, NULL, i->entropy},
        {"border_mass", IO_FACT_REAL, NULL, i->border_mass},
    };
    return facts_print(facts, sizeof facts / sizeof *facts, stdout, error);
}

void psf_match_print(const dipper_psf_match *m) {
    printf("correlation    %.6f\n", m->correlation);
    printf("squared error  %.6g\n", m->squared_error);
    printf("shift          x %+d, y %+d px\n", m->shift_x, m->shift_y);
}

dipper_status psf_match_print_json(const char *a, const char *b, const dipper_psf_match *m, io_error *error) {
    const io_fact facts[] = {
        {"dipper", IO_FACT_TEXT, DIPPER_VERSION_STRING, 0},
        {"a", IO_FACT_TEXT, a, 0},
        {"b", IO_FACT_TEXT, b, 0},
        {"correlation", IO_FACT_REAL, NULL, m->correlation},
        {"squared_error", IO_FACT_REAL, NULL, m->squared_error},
        {"shift_x", IO_FACT_INT, NULL, m->shift_x},
        {"shift_y", IO_FACT_INT, NULL, m->shift_y},
    };
    return facts_print(facts, sizeof facts / sizeof *facts, stdout, error);
}
