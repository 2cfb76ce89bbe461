/* What the parts of the report share. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_REPORT_INNER_H
#define DIPPER_STUDY_REPORT_INNER_H

#include "study/report.h"
#include "study/summary.h"
#include "study/svg.h"

typedef struct report_case {
    const study_result *const *runs; /* by group, then seed */
    int count;
    int number;      /* in the order of names, from 1: its anchor */
    double worst_db; /* -infinity: a run without a result; NaN: nothing but the oracle */
} report_case;

typedef struct report_suite {
    int number;                  /* from 1 */
    const study_summary *groups; /* a series of the charts each */
    int group_count;
    const study_result **runs; /* by case */
    int run_count;
    report_case *cases; /* by name */
    int case_count;
    int mixed_psf, mixed_protocols; /* the methods differ in these: labels say them */
} report_suite;

enum { REPORT_LABEL_MAX = 768 };

int report_is_oracle(const study_result *run);
/* "fast, tv=0.1, PSF 31x31" */
void report_label(const report_suite *suite, int group, char out[REPORT_LABEL_MAX]);
/* Its number among the methods, the oracle left out. */
int report_series(const report_suite *suite, int group);
svg_marker report_marker(const report_suite *suite, int group);
int report_group_of(const report_suite *suite, const study_result *run);

/* report_style.c */
void report_style(page *p);

/* report_table.c */
void report_summary(page *p, const report_suite *suite);
void report_numbers(page *p, const report_suite *suite, const report_case *one);

/* report_chart.c */
void report_scatter(page *p, const report_suite *suite);
void report_case_chart(page *p, const report_suite *suite);

/* report_case.c */
typedef struct report_pictures {
    const char *folder; /* of the results */
    int side;           /* of pictures on the page, at most, px */
    int have_png;       /* this build can make them */
    page missing;       /* list of files, as <li> */
    int missing_count;
} report_pictures;

/* How many pictures the case will show. */
int report_case_pictures(const report_suite *suite, const report_case *one);
dipper_status report_case_block(page *p, const report_suite *suite, const report_case *one, report_pictures *pictures,
                                io_error *error);

#endif
