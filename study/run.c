/* One run: read, restore, score, write. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "study/run.h"

#include "io/image_file.h"
#include "io/psf_file.h"
#include "study/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct worker {
    dipper_context *context;
    const char *folder;
    const study_run *run;
    study_watch *watch;
    io_error *error;
    io_picture *blurred, *truth;
    float *true_psf; /* NULL: not known */
    int true_width, true_height;
    float *oracle; /* float planes of the oracle's result; NULL: there is none */
    dipper_solver *solver;
    study_resume resume;
    float *planes; /* the result: channels x height x width */
    float *psf;    /* found, or the true one of the oracle */
    int psf_width, psf_height;
    study_result result;
} worker;

const char *study_psf_told(const study_set *set, const study_method *method) {
    if (!method) return "own";
    return set->psf_width == 0 && study_method_preset(method->name) >= 0 ? "auto" : set->psf_told;
}

const char *study_run_method(const study_run *run) {
    return run->method ? run->method->name : "oracle";
}

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The library does not know names of files. */
static dipper_status library(worker *w, dipper_status status) {
    if (status) {
        const char *text = dipper_context_message(w->context);
        io_fail(w->error, status, "%s: %s", w->run->c->blurred_file, text[0] ? text : dipper_status_text(status));
    }
    return status;
}

static dipper_status no_memory(worker *w) {
    return io_fail(w->error, DIPPER_ERROR_MEMORY, "%s: no memory for its %d x %d pixels", w->run->c->blurred_file,
                   w->blurred->width, w->blurred->height);
}

static dipper_image result_view(const worker *w) {
    return dipper_image_view(w->planes, w->blurred->width, w->blurred->height, w->blurred->channels);
}

/* ---- Reading ---- */

/* Where a run of the oracle keeps its result unrounded, for the scores of other runs. */
static dipper_status oracle_path(const worker *w, const char *id, char *out) {
    return path_print(out, w->error, "%s/pictures/%s_float.npy", w->folder, id);
}

static dipper_status read_oracle(worker *w) {
    char path[IO_PATH_MAX];
    io_picture *oracle = NULL;
    if (!w->run->oracle_id[0]) return DIPPER_OK;
    IO_TRY(oracle_path(w, w->run->oracle_id, path));
    if (!path_exists(path)) return DIPPER_OK; /* its run failed */
    IO_TRY(picture_read(path, &oracle, w->error));
    const io_picture *b = w->blurred;
    int same = oracle->width == b->width && oracle->height == b->height && oracle->channels == b->channels;
    if (same) {
        w->oracle = oracle->data;
        oracle->data = NULL;
    }
    picture_destroy(&oracle);
    return same ? DIPPER_OK
                : io_fail(w->error, DIPPER_ERROR_INPUT, "%s: differs in size from the blurred picture", path);
}

static dipper_status read_files(worker *w) {
    const study_case *c = w->run->c;
    IO_TRY(picture_read(c->blurred_file, &w->blurred, w->error));
    IO_TRY(picture_read(c->truth_file, &w->truth, w->error));
    if (c->true_psf_file[0])
        IO_TRY(
            psf_read(c->true_psf_file, c->true_psf_rotated, &w->true_psf, &w->true_width, &w->true_height, w->error));
    const io_picture *b = w->blurred;
    w->planes = malloc((size_t)b->width * (size_t)b->height * (size_t)b->channels * sizeof *w->planes);
    if (!w->planes) return no_memory(w);
    return read_oracle(w);
}

/* ---- Restoring ---- */

/* A study's pre-training may look at the truth; nothing else does. */
static int looks_at_truth(const dipper_recipe *recipe) {
    dipper_field field;
    for (int i = 0; i < dipper_recipe_field_count(); i++)
        if (!dipper_recipe_field(recipe, i, &field) && !strcmp(field.name, "pretrain_target"))
            return !strcmp(field.value, "truth");
    return 0;
}

static dipper_status make_solver(worker *w) {
    dipper_solver_options options;
    dipper_solver_info info = {.struct_size = sizeof info};
    dipper_image blurred = picture_view(w->blurred), truth = picture_view(w->truth);
    dipper_solver_options_init(&options);
    if (looks_at_truth(w->run->method->recipe)) options.truth = &truth;
    options.psf_width = w->result.psf_width;
    options.psf_height = w->result.psf_height;
    options.seed = w->run->seed;
    options.progress = w->watch->progress;
    options.user = w->watch->user;
    IO_TRY(library(w, dipper_solver_create(w->context, &blurred, w->run->method->recipe, &options, &w->solver)));
    IO_TRY(library(w, dipper_solver_get_info(w->solver, &info)));
    w->watch->memory_bytes = (double)info.memory_bytes;
    return DIPPER_OK;
}

/* From where an earlier attempt was stopped, if one was. */
static dipper_status open_solver(worker *w) {
    char folder[IO_PATH_MAX];
    int usable;
    IO_TRY(path_print(folder, w->error, "%s/runs", w->folder));
    IO_TRY(study_resume_begin(&w->resume, w->context, folder, w->run->id, w->error));
    IO_TRY(make_solver(w));
    study_resume_load(&w->resume, w->solver, &usable);
    if (usable) return DIPPER_OK;
    dipper_solver_destroy(&w->solver);
    return make_solver(w);
}

static dipper_status step_to_end(worker *w) {
    const dipper_status status = study_resume_steps(&w->resume, w->solver, w->error);
    if (status == DIPPER_ERROR_CANCELLED) return io_fail(w->error, status, "stopped");
    return library(w, status);
}

static dipper_status restore(worker *w) {
    dipper_solver_info info = {.struct_size = sizeof info};
    dipper_image out = result_view(w);
    const double begin = seconds_now();
    IO_TRY(open_solver(w));
    IO_TRY(library(w, dipper_solver_get_info(w->solver, &info)));
    const double before = info.seconds;
    IO_TRY(step_to_end(w));
    w->result.seconds = before + seconds_now() - begin;
    dipper_solver_psf_size(w->solver, &w->psf_width, &w->psf_height);
    w->psf = malloc((size_t)w->psf_width * (size_t)w->psf_height * sizeof *w->psf);
    if (!w->psf) return no_memory(w);
    IO_TRY(library(w, dipper_solver_get_image(w->solver, &out)));
    IO_TRY(library(w, dipper_solver_get_psf(w->solver, w->psf)));
    IO_TRY(library(w, dipper_solver_get_info(w->solver, &info)));
    w->result.memory_bytes = (double)info.memory_bytes;
    return DIPPER_OK;
}

/* A classical method: the PSF, then the picture by a non-blind one. */
static dipper_status restore_classical(worker *w) {
    dipper_image blurred = picture_view(w->blurred), out = result_view(w);
    dipper_estimate_options options;
    dipper_estimate_info info = {.struct_size = sizeof info};
    dipper_deconvolve_info after = {.struct_size = sizeof after};
    dipper_deconvolve_options step;
    const double begin = seconds_now();
    dipper_estimate_options_init(&options);
    dipper_deconvolve_options_init(&step);
    options.method = w->run->method->name;
    options.settings = w->run->method->values;
    step.method = w->run->method->nonblind[0] ? w->run->method->nonblind : STUDY_NONBLIND;
    options.psf_width = w->psf_width = w->result.psf_width;
    options.psf_height = w->psf_height = w->result.psf_height;
    options.progress = step.progress = w->watch->progress;
    options.user = step.user = w->watch->user;
    options.info = &info;
    step.info = &after;
    w->psf = malloc((size_t)w->psf_width * (size_t)w->psf_height * sizeof *w->psf);
    if (!w->psf) return no_memory(w);
    IO_TRY(library(w, dipper_estimate_psf(w->context, &blurred, &options, w->psf)));
    IO_TRY(library(w, dipper_deconvolve(w->context, &blurred, w->psf, w->psf_width, w->psf_height, &step, &out)));
    w->result.seconds = seconds_now() - begin;
    w->result.memory_bytes = (double)(after.memory_bytes > info.memory_bytes ? after.memory_bytes : info.memory_bytes);
    return DIPPER_OK;
}

static dipper_status restore_automatically(worker *w) {
    dipper_image blurred = picture_view(w->blurred), out = result_view(w);
    dipper_auto_options options;
    dipper_auto_info info = {.struct_size = sizeof info};
    const double begin = seconds_now();
    dipper_auto_options_init(&options);
    options.preset = (dipper_preset)study_method_preset(w->run->method->name);
    options.psf_window = w->result.psf_width > w->result.psf_height ? w->result.psf_width : w->result.psf_height;
    options.seed = w->run->seed;
    options.progress = w->watch->progress;
    options.user = w->watch->user;
    w->psf = malloc((size_t)DIPPER_AUTO_PSF_MOST * DIPPER_AUTO_PSF_MOST * sizeof *w->psf);
    if (!w->psf) return no_memory(w);
    IO_TRY(library(w, dipper_auto_deblur(w->context, &blurred, &options, &out, w->psf, &info)));
    w->psf_width = info.psf_width;
    w->psf_height = info.psf_height;
    w->result.seconds = seconds_now() - begin;
    w->result.memory_bytes = (double)info.memory_bytes;
    return DIPPER_OK;
}

/* The last step of the recipes with the true PSF. */
static dipper_status restore_oracle(worker *w) {
    dipper_image blurred = picture_view(w->blurred), out = result_view(w);
    const double begin = seconds_now();
    IO_TRY(library(
        w, dipper_deconvolve_sparse(w->context, &blurred, w->true_psf, w->true_width, w->true_height, NULL, &out)));
    w->result.seconds = seconds_now() - begin;
    w->psf = w->true_psf;
    w->psf_width = w->true_width;
    w->psf_height = w->true_height;
    return DIPPER_OK;
}

/* ---- Scoring ---- */

static dipper_status compare(worker *w, const dipper_image *image, dipper_score *score) {
    dipper_score_options options;
    const io_picture *b = w->blurred;
    dipper_image truth = picture_view(w->truth), blurred = picture_view(w->blurred);
    dipper_image oracle = dipper_image_view(w->oracle, b->width, b->height, b->channels);
    dipper_score_options_init(&options);
    options.protocol = w->run->set->protocol;
    options.blurred = &blurred;
    options.oracle = w->oracle ? &oracle : NULL;
    *score = (dipper_score){.struct_size = sizeof *score};
    return library(w, dipper_score_result(w->context, image, &truth, &options, score));
}

/* A picture that cannot be scored need not be restored. */
static dipper_status check_scoring(worker *w) {
    dipper_score score;
    dipper_image blurred = picture_view(w->blurred);
    return compare(w, &blurred, &score);
}

static void keep_score(study_result *r, const dipper_score *s) {
    r->crop = s->crop;
    r->range = s->range;
    r->channel = s->channel;
    r->clip = s->clip;
    r->psnr_db = s->psnr_db;
    r->ssim = s->ssim;
    r->psnr_blurred_db = s->psnr_blurred_db;
    r->isnr_db = s->isnr_db;
    r->psnr_nb_db = s->psnr_nb_db;
    r->shift_x = s->shift_x;
    r->shift_y = s->shift_y;
    r->oracle_psnr_db = s->oracle_psnr_db;
    r->error_ratio = s->error_ratio;
    r->spectral_ratio = s->spectral_ratio;
}

/* Without the truth; the oracle is not on trial. */
static dipper_status judge(worker *w) {
    dipper_verdict v = {.struct_size = sizeof v};
    dipper_verdict_options quick;
    const dipper_image image = result_view(w), blurred = picture_view(w->blurred);
    if (!w->run->method) return DIPPER_OK;
    dipper_verdict_options_init(&quick);
    quick.second_opinions = 0;
    IO_TRY(library(
        w, dipper_verdict_judge(w->context, &blurred, &image, w->psf, w->psf_width, w->psf_height, &quick, &v)));
    snprintf(w->result.verdict, sizeof w->result.verdict, "%s", dipper_verdict_level_name(v.level));
    w->result.failure_probability = v.probability;
    return DIPPER_OK;
}

static dipper_status score(worker *w) {
    dipper_score s;
    dipper_psf_match match = {.struct_size = sizeof match};
    study_result *r = &w->result;
    dipper_image image = result_view(w), blurred = picture_view(w->blurred);
    IO_TRY(compare(w, &image, &s));
    keep_score(r, &s);
    IO_TRY(library(
        w, dipper_quality_measure(w->context, &image, &blurred, w->psf, w->psf_width, w->psf_height, &r->quality)));
    if (!w->true_psf || !w->run->method) return DIPPER_OK;
    IO_TRY(library(w, dipper_psf_compare(w->context, w->psf, w->psf_width, w->psf_height, w->true_psf, w->true_width,
                                         w->true_height, &match)));
    r->psf_correlation = match.correlation;
    r->psf_squared_error = match.squared_error;
    return DIPPER_OK;
}

/* ---- Writing ---- */

static dipper_status write_pictures(worker *w) {
    char path[IO_PATH_MAX];
    const char *id = w->run->id, *folder = w->folder;
    study_result *r = &w->result;
    IO_TRY(path_print(r->result_file, w->error, "pictures/%s.%s", id, io_have_vips() ? "png" : "npy"));
    IO_TRY(path_print(path, w->error, "%s/%s", folder, r->result_file));
    IO_TRY(picture_write(w->blurred, w->planes, path, 1, NULL, w->error));
    if (!w->run->method) {
        io_picture unrounded = *w->blurred;
        unrounded.depth = IO_DEPTH_F32;
        IO_TRY(oracle_path(w, id, path));
        return picture_write(&unrounded, w->planes, path, 1, NULL, w->error);
    }
    IO_TRY(path_print(r->psf_npy_file, w->error, "pictures/%s_psf.npy", id));
    IO_TRY(path_print(path, w->error, "%s/%s", folder, r->psf_npy_file));
    IO_TRY(psf_write_npy(w->psf, w->psf_width, w->psf_height, path, 1, w->error));
    if (!io_have_vips()) return DIPPER_OK;
    IO_TRY(path_print(r->psf_png_file, w->error, "pictures/%s_psf.png", id));
    IO_TRY(path_print(path, w->error, "%s/%s", folder, r->psf_png_file));
    return psf_write_picture(w->psf, w->psf_width, w->psf_height, path, 1, w->error);
}

static void copy(char *to, size_t size, const char *from) {
    size_t length = strlen(from);
    if (length >= size) length = size - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

static void begin_result(worker *w) {
    study_result *r = &w->result;
    const study_case *c = w->run->c;
    study_result_init(r);
    copy(r->id, sizeof r->id, w->run->id);
    copy(r->version, sizeof r->version, DIPPER_VERSION_STRING);
    copy(r->suite, sizeof r->suite, w->run->set->name);
    copy(r->name, sizeof r->name, c->name);
    copy(r->picture, sizeof r->picture, c->picture);
    copy(r->kernel, sizeof r->kernel, c->kernel);
    copy(r->method, sizeof r->method, study_run_method(w->run));
    copy(r->settings, sizeof r->settings, w->run->method ? w->run->method->settings : "");
    copy(r->psf_told, sizeof r->psf_told, study_psf_told(w->run->set, w->run->method));
    copy(r->protocol, sizeof r->protocol, w->run->set->protocol);
    copy(r->device, sizeof r->device, dipper_context_device(w->context));
    copy(r->blurred_file, sizeof r->blurred_file, c->blurred_file);
    copy(r->truth_file, sizeof r->truth_file, c->truth_file);
    copy(r->true_psf_file, sizeof r->true_psf_file, c->true_psf_file);
    r->true_psf_rotated = c->true_psf_rotated;
    r->seed = w->run->seed;
    r->threads = dipper_context_threads(w->context);
}

/* The solver wants odd sides. */
static void tell_psf_size(worker *w) {
    const study_set *set = w->run->set;
    int own = !w->run->method || set->psf_width == 0;
    if (own && w->run->method && study_method_preset(w->run->method->name) >= 0) return; /* finds it */
    w->result.psf_width = own ? w->true_width | 1 : set->psf_width;
    w->result.psf_height = own ? w->true_height | 1 : set->psf_height;
}

static dipper_status work(worker *w) {
    IO_TRY(read_files(w));
    tell_psf_size(w);
    IO_TRY(check_scoring(w));
    const study_method *m = w->run->method;
    IO_TRY(!m                                  ? restore_oracle(w)
           : m->recipe                         ? restore(w)
           : study_method_preset(m->name) >= 0 ? restore_automatically(w)
                                               : restore_classical(w));
    IO_TRY(score(w));
    IO_TRY(judge(w));
    return write_pictures(w);
}

static dipper_status write_failure(worker *w) {
    const study_result done = w->result;
    begin_result(w);
    w->result.psf_width = done.psf_width;
    w->result.psf_height = done.psf_height;
    w->result.failed = 1;
    copy(w->result.message, sizeof w->result.message, w->error->text);
    io_error why = {""};
    if (!study_result_write(&w->result, w->folder, &why)) return DIPPER_OK;
    *w->error = why;
    return DIPPER_ERROR_OUTPUT;
}

static void clean_up(worker *w) {
    dipper_solver_destroy(&w->solver);
    if (w->psf != w->true_psf) free(w->psf);
    free(w->true_psf);
    free(w->oracle);
    free(w->planes);
    picture_destroy(&w->blurred);
    picture_destroy(&w->truth);
}

dipper_status study_run_do(dipper_context *context, const char *folder, const study_run *run, study_watch *watch,
                           io_error *error) {
    worker w = {.context = context, .folder = folder, .run = run, .watch = watch, .error = error};
    begin_result(&w);
    dipper_status status = work(&w);
    if (!status)
        status = study_result_write(&w.result, folder, error);
    else if ((status == DIPPER_ERROR_INPUT || status == DIPPER_ERROR_DIVERGED) && write_failure(&w))
        status = DIPPER_ERROR_OUTPUT;
    if (!status || status == DIPPER_ERROR_INPUT || status == DIPPER_ERROR_DIVERGED) study_resume_end(&w.resume);
    clean_up(&w);
    return status;
}
