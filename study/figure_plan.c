/* Figures by a plan: its files, and what its results show. SPDX-License-Identifier: Apache-2.0 */
#include "study/figure.h"

#include "io/image_file.h"
#include "study/csv.h"
#include "study/files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The files ---- */

/* Names in plans and of files: letters, digits, '_', '-' and '.'. */
static void make_plain(char *name) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    while (*(name += strspn(name, plain))) *name = '_';
}

enum { SMALLEST = 64 }; /* px a side: what scores crop, and a PSF */

/* Alone in NAME_sharp/PICTURE, as a plan takes all pictures of its folder; PICTURE into name[size]. */
static dipper_status write_sharp(const figure_job *job, const figure *f, char *name, size_t size) {
    char path[IO_PATH_MAX], folder[IO_PATH_MAX];
    int width, height;
    figure_picture p;
    io_picture *like = NULL;
    figure_size(job, &width, &height);
    dipper_status status = figure_sharp(job, 0, width, height, &p);
    if (!status && (p.width < SMALLEST || p.height < SMALLEST))
        status = io_fail(job->error, DIPPER_ERROR_INPUT, "%s: a picture of %d x %d pixels is too small for this figure",
                         p.name, p.width, p.height);
    make_plain(p.name);
    snprintf(name, size, "%s", p.name);
    if (!status) status = path_print(folder, job->error, "%s/%s_sharp", job->folder, f->name);
    if (!status) status = study_make_folder(folder, job->error);
    if (!status) status = path_print(folder, job->error, "%s/%s_sharp/%s", job->folder, f->name, p.name);
    if (!status) status = study_make_folder(folder, job->error);
    if (!status) status = path_print(path, job->error, "%s/%s.%s", folder, p.name, io_have_vips() ? "png" : "npy");
    if (!status) status = picture_create(p.width, p.height, 1, IO_DEPTH_U8, &like, job->error);
    if (!status) status = picture_write(like, p.data, path, 1, NULL, job->error);
    picture_destroy(&like);
    free(p.data);
    return status;
}

dipper_status figure_plan_path(const figure_job *job, const figure *f, char *path) {
    return path_print(path, job->error, "%s/%s.plan.json", job->folder, f->name);
}

dipper_status figure_plan_write(const figure_job *job, const figure *f) {
    char path[IO_PATH_MAX], picture[64];
    const figure_runs *r = job->full ? &f->plan->full : &f->plan->small;
    page p = {0};
    IO_TRY(write_sharp(job, f, picture, sizeof picture));
    IO_TRY(figure_plan_path(job, f, path));
    page_add(&p, "{\"results\": \"%s_runs\",\n \"data\": {\"suite\": \"made\", \"dir\": \"%s_sharp/%s\", \"psfs\": ",
             f->name, f->name, picture);
    page_markup(&p, r->psfs);
    page_markup(&p, ", \"noise\": [0.005]},\n \"recipes\": ");
    page_markup(&p, r->recipes);
    page_markup(&p, ",\n \"fields\": {");
    page_markup(&p, r->fields);
    page_add(&p, "},\n \"seeds\": %d}\n", job->seeds);
    const dipper_status status = page_write(&p, path, 1, job->error);
    page_free(&p);
    return status;
}

/* ---- Groups of runs: the same method and settings ---- */

typedef struct group {
    const study_result *first; /* `runs` of them in a row, that have a result */
    int runs, failures;        /* failures: no result, or worse than the blurred picture */
    double isnr, nb;           /* means */
    double deviation;          /* of ISNR over seeds within a case, pooled */
    double x;                  /* on the axis */
    char label[CHART_NAME_MAX];
} group;

typedef struct groups {
    group *items;
    int count;
} groups;

static int is_same(const study_result *a, const study_result *b) {
    return !strcmp(a->method, b->method) && !strcmp(a->settings, b->settings);
}

static int is_scored(const study_result *r) {
    return !r->failed && isfinite(r->isnr_db) && isfinite(r->psnr_nb_db);
}

/* Standard deviation over the seeds of each case. */
static double pooled(const study_result *runs, int count) {
    double squares = 0;
    int free_ones = 0;
    for (int i = 0; i < count;) {
        double sum = 0, sum2 = 0;
        int n = 0, k = i;
        for (; k < count && !strcmp(runs[k].name, runs[i].name); k++) {
            if (!is_scored(&runs[k])) continue;
            sum += runs[k].isnr_db;
            sum2 += runs[k].isnr_db * runs[k].isnr_db;
            n++;
        }
        if (n > 1) squares += fmax(0, sum2 - sum * sum / n);
        if (n > 1) free_ones += n - 1;
        i = k;
    }
    return free_ones ? sqrt(squares / free_ones) : (double)NAN;
}

static void measure(group *g) {
    int scored = 0;
    for (int i = 0; i < g->runs; i++) {
        const study_result *r = &g->first[i];
        g->failures += !is_scored(r) || r->isnr_db < 0;
        if (!is_scored(r)) continue;
        g->isnr += r->isnr_db;
        g->nb += r->psnr_nb_db;
        scored++;
    }
    g->isnr = scored ? g->isnr / scored : (double)NAN;
    g->nb = scored ? g->nb / scored : (double)NAN;
    g->deviation = pooled(g->first, g->runs);
}

/* Whether the settings of every group have the word [text, text + length). */
static int is_common(const groups *all, const char *text, size_t length) {
    for (int i = 0; i < all->count; i++) {
        int found = 0;
        for (const char *at = all->items[i].first->settings; *at && !found; at += strspn(at, " ")) {
            const size_t n = strcspn(at, " ");
            found = n == length && !strncmp(at, text, n);
            at += n;
        }
        if (!found) return 0;
    }
    return 1;
}

/* The method, and those of its settings that not all have. */
static void name_group(const groups *all, group *g) {
    size_t used = (size_t)snprintf(g->label, sizeof g->label, "%.60s", g->first->method);
    for (const char *at = g->first->settings; *at; at += strspn(at, " ")) {
        const size_t n = strcspn(at, " ");
        if (!is_common(all, at, n) && used + n + 2 < sizeof g->label)
            used += (size_t)snprintf(g->label + used, sizeof g->label - used, " %.*s", (int)n, at);
        at += n;
    }
}

/* The field's value: changed in this run, or the recipe's own. */
static double value_of(const figure_job *job, const group *g, const char *name) {
    const size_t length = strlen(name);
    dipper_recipe *recipe = NULL;
    dipper_field field;
    double value = (double)NAN;
    for (const char *at = g->first->settings; *at; at += strspn(at, " ")) {
        if (!strncmp(at, name, length) && at[length] == '=') return strtod(at + length + 1, NULL);
        at += strcspn(at, " ");
    }
    if (dipper_recipe_create(job->context, g->first->method, &recipe)) dipper_context_clear(job->context);
    for (int i = 0; recipe && i < dipper_recipe_field_count(); i++)
        if (!dipper_recipe_field(recipe, i, &field) && !strcmp(field.name, name)) value = strtod(field.value, NULL);
    dipper_recipe_destroy(&recipe);
    return value;
}

static int by_x(const void *left, const void *right) {
    const group *a = left, *b = right;
    return a->x < b->x ? -1 : a->x > b->x;
}

static dipper_status find_groups(const figure_job *job, const figure_plan *plan, const study_results *results,
                                 groups *all) {
    all->items = calloc((size_t)results->count + 1, sizeof *all->items);
    if (!all->items) return figure_no_memory(job);
    for (int i = 0; i < results->count; i++) {
        const study_result *r = &results->items[i];
        if (!all->count || !is_same(r, all->items[all->count - 1].first))
            all->items[all->count++] = (group){.first = r};
        all->items[all->count - 1].runs++;
    }
    for (int i = 0; i < all->count; i++) {
        group *g = &all->items[i];
        const double value = plan->field ? value_of(job, g, plan->field) : i;
        measure(g);
        name_group(all, g);
        g->x = !plan->field ? value : log10(plan->reversed ? 1 - value : value);
    }
    qsort(all->items, (size_t)all->count, sizeof *all->items, by_x);
    return DIPPER_OK;
}

/* ---- What is drawn ---- */

static void draw_scatter(const groups *all, figure_output *out) {
    chart c = {.title = "Runs", .x_name = "PSNR-NB, dB: result against blurred picture", .y_name = "ISNR, dB"};
    for (int i = 0; i < all->count; i++) {
        const group *g = &all->items[i];
        const int s = chart_add_series(&c, g->label, 1);
        for (int k = 0; k < g->runs; k++)
            if (is_scored(&g->first[k])) chart_add_point(&c, s, g->first[k].psnr_nb_db, g->first[k].isnr_db);
    }
    drawing_add_chart(&out->drawing, &c);
    figure_csv_chart(&out->csv, &c);
    chart_free(&c);
}

static void draw_along(const figure_plan *plan, const groups *all, int blurred, figure_output *out) {
    chart c = {.title = blurred ? "Distance from the blurred picture" : "What is gained",
               .x_name = plan->axis,
               .y_name = blurred ? "PSNR-NB, dB" : "ISNR, dB"};
    const int mean = chart_add_series(&c, "mean", 0), runs = chart_add_series(&c, "a run", 1);
    for (int i = 0; i < all->count; i++) {
        const group *g = &all->items[i];
        chart_add_point(&c, mean, g->x, blurred ? g->nb : g->isnr);
        for (int k = 0; k < g->runs; k++)
            if (is_scored(&g->first[k]))
                chart_add_point(&c, runs, g->x, blurred ? g->first[k].psnr_nb_db : g->first[k].isnr_db);
    }
    drawing_add_chart(&out->drawing, &c);
    figure_csv_chart(&out->csv, &c);
    chart_free(&c);
}

/* ---- What is said ---- */

static const group *best_of(const groups *all, int worst) {
    const group *best = NULL;
    for (int i = 0; i < all->count; i++) {
        const group *g = &all->items[i];
        if (isfinite(g->isnr) && (!best || (worst ? g->isnr < best->isnr : g->isnr > best->isnr))) best = g;
    }
    return best;
}

/* Kendall's tau of PSNR-NB (or ISNR) and the axis. */
static double order(const groups *all, int blurred) {
    int agree = 0, pairs = 0;
    for (int i = 0; i < all->count; i++)
        for (int k = i + 1; k < all->count; k++) {
            const double d = blurred ? all->items[k].nb - all->items[i].nb : all->items[k].isnr - all->items[i].isnr;
            if (!isfinite(d)) continue;
            agree += d > 0 ? 1 : -1;
            pairs++;
        }
    return pairs ? (double)agree / pairs : 0;
}

static double mean_blurred(const study_results *results) {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < results->count; i++) {
        if (!isfinite(results->items[i].psnr_blurred_db)) continue;
        sum += results->items[i].psnr_blurred_db;
        count++;
    }
    return count ? sum / count : (double)NAN;
}

static void tell_table(const figure *f, const groups *all, const study_results *results, figure_output *out) {
    page_add(&out->text, "# %s: ", f->name);
    page_markup(&out->text, f->summary); /* as it is: this is no HTML */
    page_add(&out->text, "\n\n%d runs; PSNR-GT of the blurred pictures ", results->count);
    page_number(&out->text, mean_blurred(results), 2);
    page_markup(&out->text, " dB on average.\n\n");
    page_markup(&out->text, "| runs of | | ISNR, mean | deviation over seeds | PSNR-NB, mean | failures |\n"
                            "|---|---|---|---|---|---|\n");
    for (int i = 0; i < all->count; i++) {
        const group *g = &all->items[i];
        page_add(&out->text, "| %s | %d | ", g->label, g->runs);
        page_number(&out->text, g->isnr, 2);
        page_markup(&out->text, " | ");
        page_number(&out->text, g->deviation, 2);
        page_markup(&out->text, " | ");
        page_number(&out->text, g->nb, 2);
        page_add(&out->text, " | %d |\n", g->failures);
    }
    page_markup(&out->text, "\nA failure is a run without a result, or one further from the truth than the blurred "
                            "picture. High PSNR-NB: the method has changed little.\n");
}

static void tell_findings(const figure_plan *plan, const groups *all, figure_output *out) {
    const group *best = best_of(all, 0), *worst = best_of(all, 1);
    if (!best) return;
    page_add(&out->text, "\nBest on average: %s, ISNR %.2f dB; worst: %s, %.2f dB.", best->label, best->isnr,
             worst->label, worst->isnr);
    if (isfinite(best->deviation))
        page_add(&out->text, " Seeds alone spread the best one by %.2f dB (standard deviation).", best->deviation);
    if (plan->field) {
        const double gain = order(all, 0), nb = order(all, 1);
        page_add(&out->text, "\n\nAlong the axis ISNR %s (Kendall's tau of the means %.2f) and PSNR-NB %s (%.2f).",
                 gain > 0.6    ? "rises"
                 : gain < -0.6 ? "falls"
                               : "does neither rise nor fall throughout",
                 gain,
                 nb > 0.6    ? "rises"
                 : nb < -0.6 ? "falls"
                             : "does neither rise nor fall throughout",
                 nb);
    }
    page_markup(&out->text, "\n");
}

dipper_status figure_plan_draw(const figure_job *job, const figure *f, const study_results *results,
                               figure_output *out) {
    groups all = {0};
    const dipper_status status = find_groups(job, f->plan, results, &all);
    if (!status) {
        if (f->plan->field) draw_along(f->plan, &all, 0, out);
        if (f->plan->field) draw_along(f->plan, &all, 1, out);
        draw_scatter(&all, out);
        tell_table(f, &all, results, out);
        tell_findings(f->plan, &all, out);
    }
    free(all.items);
    return status;
}
