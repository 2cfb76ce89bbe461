/* Pictures and numbers of a case. SPDX-License-Identifier: Apache-2.0 */
#include "study/report_inner.h"

#include "io/psf_file.h"
#include "study/plate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 6, DETAIL_SIDE = 64, ENLARGED = 256, PSF_ENLARGED = 160 };

/* ---- Which runs are shown ---- */

typedef struct choice {                        /* of a method's runs in a case */
    const study_result *median, *best, *worst; /* best and worst: NULL if they are the median */
} choice;

static double rank(const study_result *run) {
    return run->failed || isnan(run->psnr_db) ? -(double)INFINITY : run->psnr_db;
}

/* Runs above `run`; those that are equal come in their order. */
static int place_of(const study_result *const *runs, int count, int run) {
    int place = 0;
    for (int i = 0; i < count; i++)
        place += rank(runs[i]) > rank(runs[run]) || (rank(runs[i]) == rank(runs[run]) && i < run);
    return place;
}

static choice choose(const study_result *const *runs, int count) {
    choice c = {0};
    for (int i = 0; i < count; i++) {
        int place = place_of(runs, count, i);
        if (place == count / 2)
            c.median = runs[i];
        else if (place == 0)
            c.best = runs[i];
        else if (place == count - 1)
            c.worst = runs[i];
    }
    return c;
}

/* Length of the row of runs of the same method that begins at `first`. */
static int group_length(const report_case *one, int first) {
    int length = 1;
    while (first + length < one->count && study_same_group(one->runs[first], one->runs[first + length])) length++;
    return length;
}

int report_case_pictures(const report_suite *suite, const report_case *one) {
    int count = 2;
    (void)suite;
    for (int i = 0; i < one->count; i += group_length(one, i)) {
        int runs = group_length(one, i);
        count += runs < 3 ? runs : 3;
    }
    return count;
}

/* ---- Files ---- */

static void say_missing(report_pictures *pictures, const io_error *why) {
    page_add(&pictures->missing, "<li>%s</li>\n", why->text);
    pictures->missing_count++;
}

static dipper_status full_path(const report_pictures *pictures, const char *name, char *out, io_error *error) {
    return name[0] == '/' ? path_print(out, error, "%s", name)
                          : path_print(out, error, "%s/%s", pictures->folder, name);
}

/* What a case and its runs show. Where something cannot be read it stays empty. */
typedef struct shown {
    plate picture;
    float *psf;
    int psf_width, psf_height;
} shown;

static void shown_free(shown *s) {
    plate_free(&s->picture);
    free(s->psf);
    *s = (shown){0};
}

/* Memory is the only failure; files that cannot be read are listed. */
static dipper_status settle(dipper_status status, report_pictures *pictures, const io_error *why, io_error *error) {
    if (status == DIPPER_ERROR_MEMORY) return io_fail(error, status, "%s", why->text);
    if (status) say_missing(pictures, why);
    return DIPPER_OK;
}

static dipper_status load_picture(const char *name, report_pictures *pictures, plate *out, io_error *error) {
    char path[IO_PATH_MAX];
    io_error why = {""};
    if (!name[0] || !pictures->have_png) return DIPPER_OK;
    dipper_status status = full_path(pictures, name, path, &why);
    if (!status) status = plate_read(path, out, &why);
    return settle(status, pictures, &why, error);
}

static dipper_status load_psf(const char *name, int rotate, report_pictures *pictures, shown *out, io_error *error) {
    char path[IO_PATH_MAX];
    io_error why = {""};
    if (!name[0] || !pictures->have_png) return DIPPER_OK;
    dipper_status status = full_path(pictures, name, path, &why);
    if (!status) status = psf_read(path, rotate, &out->psf, &out->psf_width, &out->psf_height, &why);
    return settle(status, pictures, &why, error);
}

static dipper_status load_run(const study_result *run, report_pictures *pictures, shown *out, io_error *error) {
    if (run->failed) return DIPPER_OK;
    IO_TRY(load_picture(run->result_file, pictures, &out->picture, error));
    return load_psf(run->psf_npy_file, 0, pictures, out, error);
}

/* ---- One column: picture, detail, PSF ---- */

typedef struct frame { /* the same for all columns of a case */
    int width, height; /* of the truth, or of the blurred picture without it */
    int x, y, side;    /* the detail, in its coordinates */
    int canvas;        /* side that holds every PSF */
} frame;

static void empty(page *p, const char *kind, const char *what) {
    page_add(p, "<div class=\"%s empty\">%s</div>", kind, what);
}

/* Where the detail is, as a box over the picture. */
static void detail_box(page *p, const plate *picture, int x, int y, int side) {
    page_add(p, "<span class=\"box\" style=\"left:%.2f%%;top:%.2f%%;width:%.2f%%;height:%.2f%%\"></span>",
             100.0 * x / picture->width, 100.0 * y / picture->height, 100.0 * side / picture->width,
             100.0 * side / picture->height);
}

static int within(int value, int low, int high) {
    return value > high ? high : value < low ? low : value;
}

/* The picture and its detail. Pictures of another size have the same middle; shift: as found by the score. */
static dipper_status put_picture(page *p, const plate *picture, const frame *f, const double shift[2],
                                 const report_pictures *pictures, const char *name, io_error *error) {
    plate small = {0}, detail = {0};
    char text[RESULT_NAME_MAX + 40];
    int side = within(f->side, 1, within(picture->width, 1, picture->height));
    int x = f->x + (picture->width - f->width) / 2 + (int)lround(isfinite(shift[0]) ? shift[0] : 0);
    int y = f->y + (picture->height - f->height) / 2 + (int)lround(isfinite(shift[1]) ? shift[1] : 0);
    x = within(x, 0, picture->width - side);
    y = within(y, 0, picture->height - side);
    dipper_status status = plate_shrink(picture, pictures->side, &small, error);
    if (!status) status = plate_cut(picture, x, y, side, within(ENLARGED / side, 1, ENLARGED), &detail, error);
    page_add(p, "<div class=\"whole\">");
    if (!status) status = plate_put(p, &small, name, error);
    detail_box(p, picture, x, y, side);
    page_add(p, "</div><div class=\"detail\">");
    snprintf(text, sizeof text, "%s, detail", name);
    if (!status) status = plate_put(p, &detail, text, error);
    page_add(p, "</div>");
    plate_free(&small);
    plate_free(&detail);
    return status;
}

static dipper_status put_psf(page *p, const shown *s, const frame *f, const char *name, io_error *error) {
    plate enlarged = {0};
    char text[RESULT_NAME_MAX + 40];
    snprintf(text, sizeof text, "%s, PSF", name);
    dipper_status status = plate_psf(s->psf, s->psf_width, s->psf_height, f->canvas,
                                     within(PSF_ENLARGED / f->canvas, 1, PSF_ENLARGED), &enlarged, error);
    page_add(p, "<div class=\"psf\">");
    if (!status) status = plate_put(p, &enlarged, text, error);
    page_add(p, "</div>");
    plate_free(&enlarged);
    return status;
}

/* The caption is written before. */
static dipper_status put_column(page *p, const shown *s, const frame *f, const double shift[2],
                                const report_pictures *pictures, const char *name, io_error *error) {
    if (s->picture.data)
        IO_TRY(put_picture(p, &s->picture, f, shift, pictures, name, error));
    else
        empty(p, "whole", pictures->have_png ? "no picture" : "");
    if (s->psf) IO_TRY(put_psf(p, s, f, name, error));
    return DIPPER_OK;
}

/* ---- A case ---- */

typedef struct block {
    const report_suite *suite;
    const report_case *one;
    report_pictures *pictures;
    frame frame;
    shown blurred, truth; /* the true PSF is with the truth */
    const study_result **chosen;
    shown *results; /* of the chosen runs */
    int count;      /* of them; the medians come first */
    int medians;
} block;

static void add_run(block *b, const study_result *run) {
    if (run) b->chosen[b->count++] = run;
}

static dipper_status choose_runs(block *b, io_error *error) {
    size_t room = (size_t)b->one->count;
    b->chosen = calloc(room, sizeof *b->chosen);
    b->results = calloc(room, sizeof *b->results);
    if (!b->chosen || !b->results) return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for the page");
    for (int i = 0; i < b->one->count; i += group_length(b->one, i))
        add_run(b, choose(b->one->runs + i, group_length(b->one, i)).median);
    b->medians = b->count;
    for (int i = 0; i < b->one->count; i += group_length(b->one, i)) {
        choice c = choose(b->one->runs + i, group_length(b->one, i));
        add_run(b, c.best);
        add_run(b, c.worst);
    }
    return DIPPER_OK;
}

static dipper_status load(block *b, io_error *error) {
    const study_result *first = b->one->runs[0];
    IO_TRY(load_picture(first->blurred_file, b->pictures, &b->blurred.picture, error));
    IO_TRY(load_picture(first->truth_file, b->pictures, &b->truth.picture, error));
    IO_TRY(load_psf(first->true_psf_file, first->true_psf_rotated, b->pictures, &b->truth, error));
    for (int i = 0; i < b->count; i++) IO_TRY(load_run(b->chosen[i], b->pictures, &b->results[i], error));
    return DIPPER_OK;
}

static int psf_side(const shown *s) {
    return s->psf_width > s->psf_height ? s->psf_width : s->psf_height;
}

static dipper_status find_frame(block *b, io_error *error) {
    const plate *guide = b->truth.picture.data ? &b->truth.picture : &b->blurred.picture;
    frame *f = &b->frame;
    f->canvas = psf_side(&b->truth);
    for (int i = 0; i < b->count; i++) f->canvas = (int)fmax(f->canvas, psf_side(&b->results[i]));
    f->width = guide->width;
    f->height = guide->height;
    f->side = within(within(guide->width, 0, guide->height) / 3, 16, DETAIL_SIDE);
    if (!guide->data) return DIPPER_OK;
    return plate_find_detail(guide, b->one->runs[0]->crop, f->side, &f->x, &f->y, error);
}

static void put_psnr(page *p, double psnr_db, int bad) {
    page_add(p, "<b class=\"%s\">", bad ? "bad" : "");
    page_number(p, psnr_db, 2);
    page_add(p, " dB</b>");
}

static dipper_status put_reference(page *p, const block *b, const shown *s, const char *name, double psnr_db,
                                   io_error *error) {
    static const double none[2] = {0, 0};
    page_add(p, "<figure class=\"view\"><figcaption>%s<span>", name);
    if (isfinite(psnr_db)) put_psnr(p, psnr_db, 0);
    page_add(p, "&nbsp;</span></figcaption>");
    IO_TRY(put_column(p, s, &b->frame, none, b->pictures, name, error));
    page_add(p, "</figure>\n");
    return DIPPER_OK;
}

/* "seed 2, median of 3" */
static void say_rank(page *p, const block *b, const study_result *run) {
    int first = 0;
    while (!study_same_group(b->one->runs[first], run)) first++;
    int length = group_length(b->one, first);
    choice c = choose(b->one->runs + first, length);
    page_add(p, "seed %ju", (uintmax_t)run->seed);
    if (length < 2) return;
    int lowest = run == c.worst || (run == c.median && !c.worst);
    page_add(p, ", %s of %d", run == c.best ? "best" : lowest ? "worst" : "median", length);
}

static dipper_status put_run(page *p, const block *b, int index, io_error *error) {
    const study_result *run = b->chosen[index];
    const double shift[2] = {run->shift_x, run->shift_y};
    int group = report_group_of(b->suite, run);
    char label[REPORT_LABEL_MAX];
    report_label(b->suite, group, label);
    page_add(p, "<figure class=\"view\"><figcaption>");
    svg_sample(p, report_marker(b->suite, group));
    page_add(p, " %s<span>", label);
    if (!run->failed) put_psnr(p, run->psnr_db, study_is_failure(run));
    say_rank(p, b, run);
    page_add(p, "</span></figcaption>");
    if (run->failed)
        page_add(p, "<div class=\"whole empty\">no result: %s</div>", run->message);
    else
        IO_TRY(put_column(p, &b->results[index], &b->frame, shift, b->pictures, run->method, error));
    page_add(p, "</figure>\n");
    return DIPPER_OK;
}

static dipper_status put_views(page *p, const block *b, int first, int end, io_error *error) {
    const study_result *run = b->one->runs[0];
    page_add(p, "<div class=\"views\" style=\"--n:%d\">\n",
             b->medians + 2 < MOST_COLUMNS ? b->medians + 2 : MOST_COLUMNS);
    if (first == 0) IO_TRY(put_reference(p, b, &b->blurred, "blurred", run->psnr_blurred_db, error));
    for (int i = first; i < end; i++) IO_TRY(put_run(p, b, i, error));
    if (first == 0) IO_TRY(put_reference(p, b, &b->truth, "ground truth", (double)NAN, error));
    page_add(p, "</div>\n");
    return DIPPER_OK;
}

static dipper_status fill(page *p, block *b, io_error *error) {
    IO_TRY(choose_runs(b, error));
    IO_TRY(load(b, error));
    IO_TRY(find_frame(b, error));
    IO_TRY(put_views(p, b, 0, b->medians, error));
    if (b->count == b->medians) return DIPPER_OK;
    page_add(p, "<details class=\"seeds\"><summary>other seeds: best and worst</summary>\n");
    IO_TRY(put_views(p, b, b->medians, b->count, error));
    page_add(p, "</details>\n");
    return DIPPER_OK;
}

dipper_status report_case_block(page *p, const report_suite *suite, const report_case *one, report_pictures *pictures,
                                io_error *error) {
    block b = {.suite = suite, .one = one, .pictures = pictures};
    page_add(p, "<section class=\"case\" id=\"s%d-c%d\">\n<h3><a href=\"#s%d-c%d\">%s</a></h3>\n", suite->number,
             one->number, suite->number, one->number, one->runs[0]->name);
    dipper_status status = fill(p, &b, error);
    report_numbers(p, suite, one);
    page_add(p, "</section>\n");
    shown_free(&b.blurred);
    shown_free(&b.truth);
    for (int i = 0; i < b.count; i++) shown_free(&b.results[i]);
    free(b.chosen);
    free(b.results);
    return status;
}
