/* Figures of a network alone, fitted to a picture without any blur in between. SPDX-License-Identifier: Apache-2.0 */
#include "study/figure_list.h"
#include "study/figure_parts.h"
#include "study/spectrum.h"
#include "study/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No perturbation, no averages, no end before the last iteration. */
static const char *const plain_fit[] = {"perturb", "0",    "average", "0",  "stop_noise", "0", "stop_patience",
                                        "0",       "loss", "mse",     "tv", "0",          NULL};

/* ---- learning-speed ---- */

enum { KINDS = 3 };
static const char *const kinds[KINDS] = {"sharp", "blurred", "broken"};

typedef struct losses {
    double *sum; /* of log10 of the loss divided by the picture's variance, at each iteration */
    long count;
    double variance;
} losses;

static double variance(const figure_picture *p) {
    const size_t n = (size_t)p->width * (size_t)p->height;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)p->data[i];
        squares += (double)p->data[i] * (double)p->data[i];
    }
    return squares / (double)n - sum / (double)n * (sum / (double)n);
}

static dipper_status keep_loss(const trial *t, trial_view *view, const dipper_solver_info *info, void *user) {
    losses *l = user;
    (void)t, (void)view;
    if (info->iteration >= 1 && info->iteration <= l->count)
        l->sum[info->iteration - 1] += log10(info->loss / l->variance);
    return DIPPER_OK;
}

static dipper_status fit(const figure_job *job, const figure_picture *p, int seed, losses *l) {
    const trial t = {.recipe = "denoise",
                     .fields = figure_network(job),
                     .more = plain_fit,
                     .task = DIPPER_TASK_DENOISE,
                     .given = p,
                     .seed = (uint64_t)seed,
                     .look = keep_loss,
                     .user = l,
                     TRIAL_USUAL};
    l->variance = variance(p);
    return trial_run(job, &t);
}

static dipper_status fit_seed(const figure_job *job, int seed, losses all[KINDS], figure_output *out) {
    const dipper_psf_options psf = figure_shake(job);
    figure_case c = {0};
    figure_picture broken = {0};
    dipper_status status = figure_case_make(job, job->data ? 0 : seed, &psf, 0, &c);
    if (!status) status = figure_break(job, &c, &broken);
    const figure_picture *const pictures[KINDS] = {&c.truth, &c.blurred, &broken};
    for (int k = 0; k < KINDS && !status; k++) status = fit(job, pictures[k], seed, &all[k]);
    const drawing_picture row[] = {figure_show(&c.truth, kinds[0]), figure_show(&c.blurred, kinds[1]),
                                   figure_show(&broken, kinds[2])};
    if (!status && seed == 0) status = drawing_add_pictures(&out->drawing, row, KINDS, job->full ? 1 : 2, job->error);
    free(broken.data);
    figure_case_free(&c);
    return status;
}

/* The first iteration at which the mean is below; -1: never. */
static long reaches(const losses *l, double level, int seeds) {
    for (long i = 0; i < l->count; i++)
        if (l->sum[i] / seeds < level) return i + 1;
    return -1;
}

static void tell_speed(const figure_job *job, const losses all[KINDS], figure_output *out) {
    page_add(&out->text,
             "# How fast a network learns\n\nThe mean squared error divided by the picture's variance, mean of the "
             "logarithm over %d seeds%s.\n\n| picture | half-way | 1 %% of the variance at iteration | at the end |\n"
             "|---|---|---|---|\n",
             job->seeds, job->data ? "" : " (a scene each)");
    for (int k = 0; k < KINDS; k++) {
        const long when = reaches(&all[k], -2, job->seeds), last = all[k].count - 1;
        page_add(&out->text, "| %s | %.2g | %s", kinds[k], pow(10, all[k].sum[last / 2] / job->seeds),
                 when < 0 ? "never" : "");
        if (when >= 0) page_add(&out->text, "%d", (int)when);
        page_add(&out->text, " | %.2g |\n", pow(10, all[k].sum[last] / job->seeds));
    }
    const long last = all[0].count - 1;
    const double blurred = (all[0].sum[last] - all[1].sum[last]) / job->seeds;
    const double broken = (all[2].sum[last] - all[0].sum[last]) / job->seeds;
    page_add(
        &out->text,
        "\nAt the end the blurred picture's error is %.1f times %s than the sharp one's, and the broken one's "
        "%.1f times %s. %s\n",
        pow(10, fabs(blurred)), blurred > 0 ? "smaller" : "larger", pow(10, fabs(broken)),
        broken > 0 ? "larger" : "smaller",
        blurred > 0 && broken > 0
            ? "So the network prefers blurred to sharp, and sharp to broken: it keeps artefacts out, and by itself "
              "does nothing against blur."
            : "The order is not blurred, sharp, broken here.");
}

dipper_status figure_learning_speed(const figure_job *job, figure_output *out) {
    losses all[KINDS] = {{0}};
    chart c = {
        .title = "Fitting a network to three pictures", .x_name = "iteration", .y_name = "log10 of MSE / variance"};
    dipper_status status = DIPPER_OK;
    for (int k = 0; k < KINDS; k++) {
        all[k].count = figure_iterations(job);
        all[k].sum = calloc((size_t)all[k].count, sizeof *all[k].sum);
        if (!all[k].sum) status = figure_no_memory(job);
    }
    for (int seed = 0; seed < job->seeds && !status; seed++) status = fit_seed(job, seed, all, out);
    for (int k = 0; k < KINDS && !status; k++) {
        const int s = chart_add_series(&c, kinds[k], 0);
        for (long i = 0; i < all[k].count; i++) chart_add_point(&c, s, (double)i + 1, all[k].sum[i] / job->seeds);
    }
    if (!status) {
        drawing_add_chart(&out->drawing, &c);
        figure_csv_chart(&out->csv, &c);
        tell_speed(job, all, out);
    }
    for (int k = 0; k < KINDS; k++) free(all[k].sum);
    chart_free(&c);
    return status;
}

/* ---- spectrum ---- */

enum { LOOKS = 60 };

typedef struct bands_watch {
    const figure_job *job;
    spectrum wanted;
    float *picture;
    double sum[LOOKS][SPECTRUM_BANDS]; /* over seeds */
    long at[LOOKS];                    /* iterations: evenly spaced in their logarithm */
    int next;
} bands_watch;

static dipper_status watch_bands(const trial *t, trial_view *view, const dipper_solver_info *info, void *user) {
    bands_watch *w = user;
    spectrum now;
    double share[SPECTRUM_BANDS];
    if (w->next == LOOKS || info->iteration < w->at[w->next]) return DIPPER_OK;
    IO_TRY(trial_image(view, w->picture));
    IO_TRY(spectrum_make(w->picture, t->given->width, t->given->height, &now, w->job->error));
    spectrum_compare(&now, &w->wanted, share);
    spectrum_free(&now);
    for (int b = 0; b < SPECTRUM_BANDS; b++) w->sum[w->next][b] += share[b];
    w->next++;
    return DIPPER_OK;
}

static dipper_status spectrum_seed(const figure_job *job, int seed, bands_watch *w) {
    int width, height;
    figure_picture p = {0};
    figure_size(job, &width, &height);
    dipper_status status = figure_sharp(job, job->data ? 0 : seed, width, height, &p);
    if (!status) status = spectrum_make(p.data, p.width, p.height, &w->wanted, job->error);
    w->picture = malloc((size_t)width * (size_t)height * sizeof *w->picture);
    if (!status && !w->picture) status = figure_no_memory(job);
    const trial t = {.recipe = "denoise",
                     .fields = figure_network(job),
                     .more = plain_fit,
                     .task = DIPPER_TASK_DENOISE,
                     .given = &p,
                     .seed = (uint64_t)seed,
                     .look = watch_bands,
                     .user = w,
                     TRIAL_USUAL};
    w->next = 0;
    if (!status) status = trial_run(job, &t);
    spectrum_free(&w->wanted);
    free(w->picture);
    free(p.data);
    return status;
}

/* Looks are at whole iterations, each later than the one before. */
static void plan_looks(const figure_job *job, bands_watch *w) {
    const double last = (double)figure_iterations(job);
    for (int i = 0; i < LOOKS; i++) {
        const long wanted = lround(pow(last, i / (LOOKS - 1.0)));
        w->at[i] = i > 0 && wanted <= w->at[i - 1] ? w->at[i - 1] + 1 : wanted;
    }
}

static void tell_spectrum(const figure_job *job, const bands_watch *w, figure_output *out) {
    long before = 0;
    int rising = 1;
    page_add(&out->text,
             "# What is learned when\n\nShare of the picture's spectrum that the network's output has, by frequency; "
             "mean over %d seeds.\n\n| cycles a pixel | half is there at iteration | at the end |\n|---|---|---|\n",
             job->seeds);
    for (int b = 0; b < SPECTRUM_BANDS; b++) {
        long when = 0;
        for (int i = 0; i < LOOKS && !when; i++)
            if (w->sum[i][b] / job->seeds >= 0.5) when = w->at[i];
        page_add(&out->text, "| %.2f to %.2f | ", spectrum_edges[b], spectrum_edges[b + 1]);
        if (when)
            page_add(&out->text, "%d", (int)when);
        else
            page_markup(&out->text, "never");
        page_add(&out->text, " | %.2f |\n", w->sum[LOOKS - 1][b] / job->seeds);
        const long moment = when ? when : w->at[LOOKS - 1] + 1;
        rising &= moment >= before;
        before = moment;
    }
    page_markup(&out->text, rising ? "\nThe coarse comes first, the fine last: the order is that of the frequencies.\n"
                                   : "\nThe order is not that of the frequencies throughout.\n");
}

dipper_status figure_spectrum(const figure_job *job, figure_output *out) {
    bands_watch w = {.job = job};
    char name[CHART_NAME_MAX];
    dipper_status status = DIPPER_OK;
    chart c = {.title = "Spectrum of the network's picture",
               .x_name = "log10 of the iteration",
               .y_name = "share that is there"};
    plan_looks(job, &w);
    for (int seed = 0; seed < job->seeds && !status; seed++) status = spectrum_seed(job, seed, &w);
    for (int b = 0; b < SPECTRUM_BANDS && !status; b++) {
        snprintf(name, sizeof name, "%.2f to %.2f cycles a pixel", spectrum_edges[b], spectrum_edges[b + 1]);
        const int s = chart_add_series(&c, name, 0);
        for (int i = 0; i < LOOKS; i++) chart_add_point(&c, s, log10((double)w.at[i]), w.sum[i][b] / job->seeds);
    }
    if (!status) {
        drawing_add_chart(&out->drawing, &c);
        figure_csv_chart(&out->csv, &c);
        tell_spectrum(job, &w, out);
    }
    chart_free(&c);
    return status;
}
