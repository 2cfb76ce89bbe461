/* Figures of chance: how far runs part that differ in rounding or in random numbers alone. SPDX-License-Identifier:
 * Apache-2.0 */
#include "study/figure_list.h"
#include "study/figure_parts.h"
#include "study/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- stochastic-device ---- */

enum { LOOKS = 40, MOST_DEVICES = 8 };

typedef struct device_watch {
    const figure_job *job;
    float *picture, *frames; /* frames: of the first device, LOOKS pictures */
    int first;
    long every;
    double last; /* root mean square difference from the first at the last look */
    chart *c;
    int series;
} device_watch;

static dipper_status watch_device(const trial *t, trial_view *view, const dipper_solver_info *info, void *user) {
    device_watch *w = user;
    const size_t n = (size_t)t->given->width * (size_t)t->given->height;
    const long look = info->iteration / w->every - 1;
    double squares = 0;
    if (info->iteration % w->every != 0 || look < 0 || look >= LOOKS) return DIPPER_OK;
    IO_TRY(trial_image(view, w->picture));
    float *frame = w->frames + n * (size_t)look;
    if (w->first) memcpy(frame, w->picture, n * sizeof *frame);
    for (size_t i = 0; i < n; i++) squares += pow((double)w->picture[i] - (double)frame[i], 2);
    w->last = sqrt(squares / (double)n);
    if (!w->first && w->last > 0) chart_add_point(w->c, w->series, (double)info->iteration, log10(w->last));
    return DIPPER_OK;
}

typedef struct device {
    char name[64];
    const char *device;
    int threads;
    double db, difference; /* at the end */
} device;

/* Back ends may be built without their device being there. */
static int is_here(const char *name) {
    dipper_context_options o;
    dipper_context *context = NULL;
    dipper_context_options_init(&o);
    o.device = name;
    const int here = dipper_context_create(&o, &context) == DIPPER_OK;
    dipper_context_destroy(&context);
    return here;
}

/* cpu with one and two threads, and what else there is; plain C computes a small network only. */
static int list_devices(const figure_job *job, device *list) {
    int count = 0;
    for (int i = 0; dipper_device_name(i) && count < MOST_DEVICES - 1; i++) {
        const char *name = dipper_device_name(i);
        if (!strcmp(name, "ref64") || (job->full && !strcmp(name, "ref")) || !is_here(name)) continue;
        for (int threads = 1; threads <= (strcmp(name, "cpu") ? 1 : 2); threads++) {
            list[count] = (device){.device = name, .threads = threads};
            snprintf(list[count].name, sizeof list[count].name, "%.16s, %d thread%s", name, threads,
                     threads > 1 ? "s" : "");
            count++;
        }
    }
    return count;
}

static dipper_status run_device(const figure_job *job, const figure_case *c, device *d, device_watch *w) {
    static const char *const small[] = {"channels", "8", "skip_channels", "4", "depth", "3", "iterations", "400", NULL};
    dipper_context_options o;
    dipper_context *context = NULL;
    dipper_score score;
    dipper_context_options_init(&o);
    o.device = d->device;
    o.threads = d->threads;
    dipper_status status = dipper_context_create(&o, &context);
    if (status) return io_fail(job->error, status, "device '%s': %s", d->device, dipper_status_text(status));
    const trial t = {.recipe = "simplersdb",
                     .fields = job->full ? figure_network(job) : small,
                     .given = &c->blurred,
                     .context = context,
                     .look = watch_device,
                     .user = w,
                     .seed_weights = DIPPER_SEED_SAME,
                     .seed_input = DIPPER_SEED_SAME,
                     .psf_side = c->psf_width};
    w->every = (job->full ? figure_iterations(job) : 400) / LOOKS;
    if (!w->first) w->series = chart_add_series(w->c, d->name, 0);
    status = trial_run(job, &t);
    if (!status) status = figure_score(job, w->picture, c, &score);
    dipper_context_destroy(&context);
    if (status) return status;
    d->db = score.psnr_db;
    d->difference = w->last;
    return DIPPER_OK;
}

static void tell_devices(const device *list, int count, figure_output *out) {
    double low = list[0].db, high = list[0].db;
    page_add(&out->text,
             "# The same seed on different devices\n\nSimplerSDB with seed 0. Differences are root mean squares "
             "between the pictures and that of the first device, at the end.\n\n| device | difference | PSNR-GT |\n"
             "|---|---|---|\n");
    for (int i = 0; i < count; i++) {
        page_add(&out->text, "| %s | %.2g | %.2f |\n", list[i].name, list[i].difference, list[i].db);
        low = fmin(low, list[i].db);
        high = fmax(high, list[i].db);
    }
    page_add(&out->text,
             "\nThe random numbers are the same everywhere; sums are rounded in another order. At the end that is "
             "worth %.2f dB of PSNR-GT between the worst and the best.\n",
             high - low);
}

dipper_status figure_stochastic_device(const figure_job *job, figure_output *out) {
    const dipper_psf_options psf = figure_bar(job);
    figure_case c = {0};
    device list[MOST_DEVICES];
    chart chart_ = {.title = "Difference from the run on one thread",
                    .x_name = "iteration",
                    .y_name = "log10 of the RMS difference"};
    device_watch w = {.job = job, .c = &chart_, .first = 1};
    const int count = list_devices(job, list);
    dipper_status status = figure_case_make(job, 0, &psf, 0.005, &c);
    const size_t n = (size_t)c.blurred.width * (size_t)c.blurred.height;
    w.picture = calloc(n + 1, sizeof *w.picture);
    w.frames = calloc(n * LOOKS + 1, sizeof *w.frames);
    if (!status && (!w.picture || !w.frames)) status = figure_no_memory(job);
    for (int i = 0; i < count && !status; i++) {
        status = run_device(job, &c, &list[i], &w);
        w.first = 0;
    }
    if (!status) {
        drawing_add_chart(&out->drawing, &chart_);
        figure_csv_chart(&out->csv, &chart_);
        tell_devices(list, count, out);
    }
    free(w.picture);
    free(w.frames);
    chart_free(&chart_);
    figure_case_free(&c);
    return status;
}

/* ---- stochastic-start ---- */

typedef struct end_watch {
    const figure_job *job;
    float *picture;
} end_watch;

static dipper_status watch_end(const trial *t, trial_view *view, const dipper_solver_info *info, void *user) {
    const end_watch *w = user;
    (void)t;
    return info->iteration < info->iterations ? DIPPER_OK : trial_image(view, w->picture);
}

typedef struct spread { /* of PSNR-GT */
    double sum, squares, low, high;
    int count;
} spread;

static void add(spread *s, double db) {
    s->low = s->count ? fmin(s->low, db) : db;
    s->high = s->count ? fmax(s->high, db) : db;
    s->sum += db;
    s->squares += db * db;
    s->count++;
}

static double deviation(const spread *s) {
    const double mean = s->sum / s->count;
    return s->count > 1 ? sqrt(fmax(0, s->squares - s->count * mean * mean) / (s->count - 1)) : 0;
}

static dipper_status run_start(const figure_job *job, const figure_case *c, uint64_t weights, uint64_t input,
                               float *picture, dipper_score *score) {
    end_watch w = {job, picture};
    const trial t = {.recipe = "simplersdb",
                     .fields = figure_network(job),
                     .given = &c->blurred,
                     .look = watch_end,
                     .user = &w,
                     .seed_weights = weights,
                     .seed_input = input,
                     .psf_side = c->psf_width};
    IO_TRY(trial_run(job, &t));
    return figure_score(job, picture, c, score);
}

static void tell_starts(const spread s[2], double blurred_db, int same, figure_output *out) {
    static const char *const names[2] = {"weights", "input"};
    page_add(
        &out->text,
        "# Chance in the start\n\nSimplerSDB on one picture (blurred: %.2f dB); one source of chance at a time has "
        "other seeds, everything else stays.\n\n| other | runs | PSNR-GT, mean | deviation | worst | best |\n"
        "|---|---|---|---|---|---|\n",
        blurred_db);
    for (int k = 0; k < 2; k++)
        page_add(&out->text, "| %s | %d | %.2f | %.2f | %.2f | %.2f |\n", names[k], s[k].count, s[k].sum / s[k].count,
                 deviation(&s[k]), s[k].low, s[k].high);
    page_add(
        &out->text,
        "\nThe same seeds once more: %s bits. Other weights spread the results by %.2f dB, other inputs by %.2f dB "
        "(standard deviations).\n",
        same ? "the same" : "OTHER", deviation(&s[0]), deviation(&s[1]));
}

static dipper_status run_all(const figure_job *job, const figure_case *c, float *pictures, chart *marks,
                             figure_output *out) {
    const size_t n = (size_t)c->blurred.width * (size_t)c->blurred.height;
    spread s[2] = {{0}};
    dipper_score score, first, blurred;
    IO_TRY(figure_score(job, c->blurred.data, c, &blurred));
    IO_TRY(run_start(job, c, 0, 0, pictures, &first));
    IO_TRY(run_start(job, c, 0, 0, pictures + n, &score));
    const int same = !memcmp(pictures, pictures + n, n * sizeof *pictures);
    for (int k = 0; k < 2; k++) {
        const int series = chart_add_series(marks, k == 0 ? "other weights" : "other input", 1);
        for (int i = 0; i < job->seeds; i++) {
            score = first;
            if (i > 0) IO_TRY(run_start(job, c, k == 0 ? (uint64_t)i : 0, k == 0 ? 0 : (uint64_t)i, pictures, &score));
            chart_add_point(marks, series, score.psnr_nb_db, score.isnr_db);
            add(&s[k], score.psnr_db);
        }
    }
    drawing_add_chart(&out->drawing, marks);
    figure_csv_chart(&out->csv, marks);
    tell_starts(s, blurred.psnr_db, same, out);
    return DIPPER_OK;
}

dipper_status figure_stochastic_start(const figure_job *job, figure_output *out) {
    const dipper_psf_options psf = figure_bar(job);
    figure_case c = {0};
    chart marks = {.title = "Ends of runs with other random numbers",
                   .x_name = "PSNR-NB, dB: result against blurred picture",
                   .y_name = "ISNR, dB"};
    dipper_status status = figure_case_make(job, 0, &psf, 0.005, &c);
    float *pictures = calloc(2 * (size_t)c.blurred.width * (size_t)c.blurred.height + 1, sizeof *pictures);
    if (!status && !pictures) status = figure_no_memory(job);
    if (!status) status = run_all(job, &c, pictures, &marks, out);
    free(pictures);
    chart_free(&marks);
    figure_case_free(&c);
    return status;
}
