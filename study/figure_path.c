/* The figure of the starting point: the path of a run from several starts. SPDX-License-Identifier: Apache-2.0 */
#include "study/figure_list.h"
#include "study/figure_parts.h"
#include "study/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STARTS = 4, STILLS = 4, CURVE_POINTS = 60 };

typedef struct start_kind {
    const char *name;
    const char *const fields[10];
    int truth;
} start_kind;

/* SimplerSDB, one PSF value a pixel. Pre-training: a tenth of the iterations, as the talk's 500 of 5000. */
static const start_kind starts[STARTS] = {
    {"constant PSF", {"psf_start", "constant", NULL}, 0},
    {"random PSF", {"psf_start", "random", NULL}, 0},
    {"pre-trained to the blurred picture", {"psf_start", "constant", "pretrain_target", "blurred", NULL}, 0},
    {"pre-trained to the truth", {"psf_start", "constant", "pretrain_target", "truth", NULL}, 1},
};

typedef struct path_watch {
    const figure_job *job;
    const figure_case *c;
    chart *gt, *nb;
    int series;
    int drawn; /* this run is: curves and stills */
    long next;
    float *picture, *stills; /* STILLS of them */
    int taken;
    double gt_db, nb_db; /* last */
} path_watch;

static dipper_status watch_path(const trial *t, trial_view *view, const dipper_solver_info *info, void *user) {
    path_watch *w = user;
    const size_t n = (size_t)t->given->width * (size_t)t->given->height;
    static const double moments[STILLS] = {0.03, 0.15, 0.4, 1};
    dipper_score s;
    if ((info->iteration < w->next || !w->drawn) && info->iteration < info->iterations) return DIPPER_OK;
    w->next = info->iteration + (info->iterations > CURVE_POINTS ? info->iterations / CURVE_POINTS : 1);
    IO_TRY(trial_image(view, w->picture));
    IO_TRY(figure_score(w->job, w->picture, w->c, &s));
    if (w->drawn) chart_add_point(w->gt, w->series, (double)info->iteration, s.psnr_db);
    if (w->drawn) chart_add_point(w->nb, w->series, (double)info->iteration, s.psnr_nb_db);
    w->gt_db = s.psnr_db;
    w->nb_db = s.psnr_nb_db;
    while (w->taken < STILLS && (double)info->iteration >= moments[w->taken] * (double)info->iterations)
        memcpy(w->stills + n * (size_t)w->taken++, w->picture, n * sizeof *w->picture);
    return DIPPER_OK;
}

static dipper_status run_start(const figure_job *job, const start_kind *kind, int seed, path_watch *w) {
    char pretrain[24];
    const char *more[16] = {0};
    int k = 0;
    snprintf(pretrain, sizeof pretrain, "%ld", figure_iterations(job) / 10);
    for (; kind->fields[k]; k++) more[k] = kind->fields[k];
    if (k > 2) {
        more[k++] = "pretrain";
        more[k] = pretrain;
    }
    const trial t = {.recipe = "simplersdb",
                     .fields = figure_network(job),
                     .more = more,
                     .given = &w->c->blurred,
                     .truth = kind->truth ? &w->c->truth : NULL,
                     .seed = (uint64_t)seed,
                     .look = watch_path,
                     .user = w,
                     .seed_weights = DIPPER_SEED_SAME,
                     .seed_input = DIPPER_SEED_SAME,
                     .psf_side = w->c->psf_width};
    if (w->drawn) w->series = chart_add_series(w->gt, kind->name, 0);
    if (w->drawn) (void)chart_add_series(w->nb, kind->name, 0);
    w->taken = 0;
    w->next = 1;
    return trial_run(job, &t);
}

static dipper_status draw_stills(const figure_job *job, const start_kind *kind, const path_watch *w,
                                 figure_output *out) {
    const figure_picture *like = &w->c->blurred;
    const size_t n = (size_t)like->width * (size_t)like->height;
    static const char *const moments[STILLS] = {"3 %", "15 %", "40 %", "the end"};
    char names[STILLS][CHART_NAME_MAX];
    drawing_picture row[STILLS];
    for (int i = 0; i < STILLS; i++) {
        snprintf(names[i], sizeof names[i], "%s%s%s", i == 0 ? kind->name : "", i == 0 ? ", " : "", moments[i]);
        row[i] = (drawing_picture){w->stills + n * (size_t)i, like->width, like->height, names[i]};
    }
    return drawing_add_pictures(&out->drawing, row, STILLS, job->full ? 1 : 2, job->error);
}

typedef struct ends {       /* of one start, over seeds */
    double gt, nb, squares; /* sums; squares: of gt */
} ends;

static double mean(const figure_job *job, double sum) {
    return sum / job->seeds;
}

static double deviation(const figure_job *job, const ends *e) {
    const double left = e->squares - e->gt * e->gt / job->seeds;
    return job->seeds > 1 ? sqrt(fmax(0, left) / (job->seeds - 1)) : (double)NAN;
}

static void tell_difference(const figure_job *job, const ends *e, const ends *from, const char *what, page *text) {
    const double by = mean(job, e->gt - from->gt), chance = hypot(deviation(job, e), deviation(job, from));
    page_add(text, "%s ends %.2f dB %s than a constant PSF without pre-training", what, fabs(by),
             by < 0 ? "lower" : "higher");
    if (isfinite(chance))
        page_add(text, " (%s chance: %.2f dB)",
                 fabs(by) > 2 * chance / sqrt((double)job->seeds) ? "more than" : "within", chance);
    page_markup(text, ". ");
}

static void tell_start(const figure_job *job, const ends e[STARTS], double blurred_db, figure_output *out) {
    page_add(&out->text,
             "# Where a run starts\n\nSimplerSDB from four starts, %d seeds; the blurred picture has PSNR-GT %.2f "
             "dB.\n\n| start | PSNR-GT, mean | deviation | ISNR | PSNR-NB |\n|---|---|---|---|---|\n",
             job->seeds, blurred_db);
    for (int i = 0; i < STARTS; i++) {
        page_add(&out->text, "| %s | %.2f | ", starts[i].name, mean(job, e[i].gt));
        page_number(&out->text, deviation(job, &e[i]), 2);
        page_add(&out->text, " | %.2f | %.2f |\n", mean(job, e[i].gt) - blurred_db, mean(job, e[i].nb));
    }
    page_markup(&out->text, "\n");
    tell_difference(job, &e[1], &e[0], "A random PSF", &out->text);
    tell_difference(job, &e[2], &e[0], "Pre-training to the blurred picture", &out->text);
    tell_difference(job, &e[3], &e[0], "Pre-training to the truth", &out->text);
    page_markup(&out->text, "\n");
}

/* The curves and pictures are those of seed 0. */
static dipper_status run_starts(const figure_job *job, path_watch *w, figure_output *out) {
    ends e[STARTS] = {{0}};
    dipper_score blurred;
    IO_TRY(figure_score(job, w->c->blurred.data, w->c, &blurred));
    const drawing_picture row[] = {figure_show(&w->c->truth, "truth"), figure_show(&w->c->blurred, "blurred")};
    IO_TRY(drawing_add_pictures(&out->drawing, row, 2, job->full ? 1 : 2, job->error));
    for (int seed = 0; seed < job->seeds; seed++)
        for (int i = 0; i < STARTS; i++) {
            w->drawn = seed == 0;
            IO_TRY(run_start(job, &starts[i], seed, w));
            if (w->drawn) IO_TRY(draw_stills(job, &starts[i], w, out));
            e[i].gt += w->gt_db;
            e[i].nb += w->nb_db;
            e[i].squares += w->gt_db * w->gt_db;
        }
    drawing_add_chart(&out->drawing, w->gt);
    drawing_add_chart(&out->drawing, w->nb);
    figure_csv_chart(&out->csv, w->gt);
    figure_csv_chart(&out->csv, w->nb);
    tell_start(job, e, blurred.psnr_db, out);
    return DIPPER_OK;
}

dipper_status figure_start(const figure_job *job, figure_output *out) {
    const dipper_psf_options psf = figure_bar(job);
    figure_case c = {0};
    chart gt = {.title = "Distance from the truth", .x_name = "iteration", .y_name = "PSNR-GT, dB"};
    chart nb = {.title = "Distance from the blurred picture", .x_name = "iteration", .y_name = "PSNR-NB, dB"};
    path_watch w = {.job = job, .c = &c, .gt = &gt, .nb = &nb};
    dipper_status status = figure_case_make(job, 0, &psf, 0.005, &c);
    const size_t n = (size_t)c.blurred.width * (size_t)c.blurred.height;
    w.picture = calloc(n + 1, sizeof *w.picture);
    w.stills = calloc(n * STILLS + 1, sizeof *w.stills);
    if (!status && (!w.picture || !w.stills)) status = figure_no_memory(job);
    if (!status) status = run_starts(job, &w, out);
    free(w.picture);
    free(w.stills);
    chart_free(&gt);
    chart_free(&nb);
    figure_case_free(&c);
    return status;
}
