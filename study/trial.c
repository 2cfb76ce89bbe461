/* A run of the solver that is looked at after each step. SPDX-License-Identifier: Apache-2.0 */
#include "study/trial.h"

#include "study/files.h"
#include "study/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static dipper_status set_fields(dipper_context *c, dipper_recipe *recipe, const char *const *fields) {
    dipper_status status = DIPPER_OK;
    for (int i = 0; fields && fields[i] && !status; i += 2)
        status = dipper_recipe_set(c, recipe, fields[i], fields[i + 1]);
    return status;
}

static dipper_status make(const trial *t, dipper_context *c, dipper_recipe **recipe, dipper_solver **solver) {
    dipper_solver_options o;
    const dipper_image given = figure_view(t->given);
    dipper_image truth;
    dipper_status status = dipper_recipe_create(c, t->recipe, recipe);
    if (!status) status = set_fields(c, *recipe, t->fields);
    if (!status) status = set_fields(c, *recipe, t->more);
    if (status) return status;
    dipper_solver_options_init(&o);
    o.task = t->task;
    o.psf_width = o.psf_height = t->psf_side;
    o.seed = t->seed;
    o.recover = 0; /* which would go back, and be looked at twice */
    o.seed_weights = t->seed_weights;
    o.seed_input = t->seed_input;
    if (t->truth) {
        truth = figure_view(t->truth);
        o.truth = &truth;
    }
    return dipper_solver_create(c, &given, *recipe, &o, solver);
}

/* ---- What is looked at ---- */

typedef struct look_head { /* in the file of looks, before the bytes of a picture or of weights */
    int64_t iteration;
    uint64_t bytes;
} look_head;

struct trial_view {
    const figure_job *job;
    const trial *t;
    dipper_context *context;
    dipper_solver *solver;
    long iteration;
    int again; /* an earlier process did this step: what it saw is read */
    FILE *looks;
    char path[IO_PATH_MAX]; /* of these */
    study_resume resume;
};

static dipper_status damaged(trial_view *v) {
    study_resume_end(&v->resume);
    return io_fail(v->job->error, DIPPER_ERROR_INPUT, "%s: damaged; the same command begins it anew", v->path);
}

static dipper_status see_again(trial_view *v, void *to, size_t bytes) {
    look_head h;
    if (fread(&h, sizeof h, 1, v->looks) != 1 || h.iteration != v->iteration || h.bytes != bytes) return damaged(v);
    return fread(to, 1, bytes, v->looks) == bytes ? DIPPER_OK : damaged(v);
}

static dipper_status cannot_write(trial_view *v) {
    return io_fail(v->job->error, DIPPER_ERROR_OUTPUT, "%s: cannot be written: %s", v->path, strerror(errno));
}

static dipper_status keep(trial_view *v, const void *from, size_t bytes) {
    const look_head h = {v->iteration, bytes};
    if (fwrite(&h, sizeof h, 1, v->looks) != 1 || fwrite(from, 1, bytes, v->looks) != bytes) return cannot_write(v);
    return DIPPER_OK;
}

dipper_status trial_image(trial_view *v, float *picture) {
    const figure_picture *like = v->t->given;
    const size_t bytes = (size_t)like->width * (size_t)like->height * sizeof *picture;
    if (v->again) return see_again(v, picture, bytes);
    dipper_image out = dipper_image_view(picture, like->width, like->height, 1);
    IO_TRY(figure_failed(v->job, v->context, dipper_solver_get_image(v->solver, &out)));
    return keep(v, picture, bytes);
}

dipper_status trial_weights(trial_view *v, float *weights) {
    const size_t bytes = trial_weight_count(v) * sizeof *weights;
    if (v->again) return see_again(v, weights, bytes);
    IO_TRY(figure_failed(v->job, v->context, dipper_solver_get_weights(v->solver, weights)));
    return keep(v, weights, bytes);
}

size_t trial_weight_count(const trial_view *v) {
    return dipper_solver_weight_count(v->solver);
}

dipper_solver *trial_solver(trial_view *v) {
    return v->solver;
}

/* ---- The state ---- */

/* What was looked at first: a state never knows of steps that are not there. A device whose state cannot be kept
 * (ref64) does without. */
static dipper_status save(trial_view *v) {
    io_error why = {""};
    if (fflush(v->looks) || fsync(fileno(v->looks))) return cannot_write(v);
    const dipper_status status = study_resume_save(&v->resume, v->solver, &why);
    return status == DIPPER_OK || status == DIPPER_ERROR_ARGUMENT ? DIPPER_OK
                                                                  : io_fail(v->job->error, status, "%s", why.text);
}

static dipper_status state_folder(const figure_job *job, char *folder) {
    return path_print(folder, job->error, "%s/%s_state", job->folder, job->name);
}

/* FNV-1a: runs on another device, or with other threads, have other bits. */
static unsigned device_hash(const dipper_context *c) {
    unsigned hash = 2166136261U;
    for (const char *p = dipper_context_device(c); *p; p++) hash = (hash ^ (unsigned char)*p) * 16777619U;
    return (hash ^ (unsigned)dipper_context_threads(c)) * 16777619U;
}

static dipper_status name_files(trial_view *v, int number) {
    char folder[IO_PATH_MAX], id[40];
    snprintf(id, sizeof id, "%d-%08x", number, device_hash(v->context));
    IO_TRY(state_folder(v->job, folder));
    IO_TRY(study_make_folder(folder, v->job->error));
    IO_TRY(study_resume_begin(&v->resume, v->context, folder, id, v->job->error));
    return path_print(v->path, v->job->error, "%s/%s.looks", folder, id);
}

static dipper_status open_looks(trial_view *v) {
    const int file = open(v->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    v->looks = file >= 0 ? fdopen(file, "r+b") : NULL;
    if (!v->looks) {
        const dipper_status status = cannot_write(v);
        if (file >= 0) close(file);
        return status;
    }
    if (flock(file, LOCK_EX | LOCK_NB) == 0) return DIPPER_OK;
    return io_fail(v->job->error, DIPPER_ERROR_OUTPUT, "%s: another process is making this figure", v->path);
}

static dipper_status show_again(trial_view *v, const dipper_solver_info *now) {
    dipper_solver_info info = *now;
    double *losses = malloc((size_t)now->loss_count * sizeof *losses + 1);
    if (!losses) return figure_no_memory(v->job);
    memcpy(losses, now->losses, (size_t)now->loss_count * sizeof *losses); /* theirs are gone with the next call */
    dipper_status status = now->loss_count < now->iteration ? damaged(v) : DIPPER_OK;
    info.losses = losses;
    v->again = 1;
    for (long i = 1; i <= now->iteration && !status; i++) {
        v->iteration = info.iteration = info.loss_count = i;
        info.loss = losses[i - 1];
        status = v->t->look(v->t, v, &info, v->t->user);
    }
    v->again = 0;
    free(losses);
    return status;
}

/* From reading to writing. Later looks are of steps that are done again, and are written over. */
static dipper_status go_on_from(trial_view *v) {
    return fseek(v->looks, 0, SEEK_CUR) ? cannot_write(v) : DIPPER_OK;
}

/* A state that is of other settings or another version, damaged, or not wanted is none, and goes. */
static dipper_status resume(trial_view *v, dipper_recipe **recipe) {
    dipper_solver_info info = {.struct_size = sizeof info};
    int usable = 1;
    if (v->job->again) study_resume_end(&v->resume);
    if (!path_exists(v->resume.path)) return go_on_from(v);
    study_resume_load(&v->resume, v->solver, &usable);
    if (!usable) {
        dipper_solver_destroy(&v->solver);
        dipper_recipe_destroy(recipe);
        IO_TRY(figure_failed(v->job, v->context, make(v->t, v->context, recipe, &v->solver)));
        return go_on_from(v);
    }
    IO_TRY(figure_failed(v->job, v->context, dipper_solver_get_info(v->solver, &info)));
    IO_TRY(show_again(v, &info));
    return go_on_from(v);
}

/* ---- The steps ---- */

static dipper_status steps(trial_view *v) {
    const figure_job *job = v->job;
    dipper_solver_info info = {.struct_size = sizeof info};
    long left = 1;
    while (left > 0) {
        if (job->stop(job->user)) {
            if (v->iteration > 0) IO_TRY(save(v));
            return io_fail(job->error, DIPPER_ERROR_CANCELLED, "stopped by a signal");
        }
        IO_TRY(figure_failed(job, v->context, dipper_solver_step(v->solver, 1, &left)));
        IO_TRY(figure_failed(job, v->context, dipper_solver_get_info(v->solver, &info)));
        v->iteration = info.iteration;
        IO_TRY(v->t->look(v->t, v, &info, v->t->user));
        if (left == 1 || (left > 1 && study_resume_is_due(&v->resume))) IO_TRY(save(v)); /* an ended run has no state */
    }
    return DIPPER_OK;
}

dipper_status trial_run(const figure_job *job, const trial *t) {
    trial_view v = {.job = job, .t = t, .context = t->context ? t->context : job->context};
    dipper_recipe *recipe = NULL;
    dipper_status status = name_files(&v, (*job->trials)++);
    if (!status) status = open_looks(&v);
    if (!status) status = figure_failed(job, v.context, make(t, v.context, &recipe, &v.solver));
    if (!status) status = resume(&v, &recipe);
    if (!status) status = steps(&v);
    if (v.looks && fclose(v.looks) && !status) status = cannot_write(&v);
    dipper_solver_destroy(&v.solver);
    dipper_recipe_destroy(&recipe);
    return status;
}

void trial_forget(const figure_job *job) {
    io_error ignored = {""};
    const figure_job quiet = {.folder = job->folder, .name = job->name, .error = &ignored};
    char folder[IO_PATH_MAX], path[IO_PATH_MAX];
    study_names names;
    if (state_folder(&quiet, folder) || !path_is_directory(folder) || study_names_read(folder, &names, &ignored))
        return;
    for (int i = 0; i < names.count; i++) {
        const char *name = names.items[i];
        if (!path_has_extension(name, "checkpoint") && !path_has_extension(name, "looks")) continue;
        if (!path_print(path, &ignored, "%s/%s", folder, name)) unlink(path);
    }
    study_names_free(&names);
    rmdir(folder);
}
