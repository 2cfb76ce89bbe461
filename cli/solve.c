/* One picture restored by a network: the solver, whatever the task. SPDX-License-Identifier: Apache-2.0 */
#include "cli/checkpoint.h"
#include "cli/library.h"
#include "cli/recipe_text.h"
#include "cli/stop.h"

#include <stdlib.h>

/* ---- Before the run ---- */

static const char *task_name(dipper_task task) {
    static const char *const names[] = {"deblur", "denoise", "superres", "inpaint"};
    return names[task];
}

dipper_status job_choose_psf_size(job *j) {
    const job_settings *s = j->settings;
    int width = j->picture->width, height = j->picture->height, shorter = width < height ? width : height;
    if (s->task.task != DIPPER_TASK_DEBLUR) return DIPPER_OK;
    j->psf_width_told = s->psf_width;
    j->psf_height_told = s->psf_height;
    if (s->psf_width == 0) {
        const int size = library_usual_psf_size(width, height);
        j->psf_width_told = j->psf_height_told = size;
        if (shorter >= size)
            console_note(s->console, "%s: PSF size taken as %d x %d px%s; give it with -k if you know it", j->input,
                         size, size, size < LIBRARY_PSF_SIZE ? " for a picture this small" : "");
    }
    if (width >= j->psf_width_told && height >= j->psf_height_told) return DIPPER_OK;
    return io_fail(&j->error, DIPPER_ERROR_INPUT, "%s: a picture of %d x %d pixels is smaller than the PSF of %d x %d",
                   j->input, width, height, j->psf_width_told, j->psf_height_told);
}

/* Known pixels of the mask: a plane of the picture's size for the library. */
static dipper_status take_mask(job *j, float **known) {
    const io_picture *mask = j->settings->task.mask, *p = j->picture;
    *known = NULL;
    if (!mask) return DIPPER_OK;
    const size_t plane = (size_t)mask->width * (size_t)mask->height;
    if (mask->width != p->width || mask->height != p->height)
        return io_fail(&j->error, DIPPER_ERROR_INPUT,
                       "%s: a picture of %d x %d pixels, and the mask %s has %d x %d; they must be of one size",
                       j->input, p->width, p->height, j->settings->task.mask_file, mask->width, mask->height);
    *known = calloc(plane, sizeof **known);
    if (!*known) return job_no_memory(j);
    for (size_t i = 0; i < plane * (size_t)mask->channels; i++)
        if (mask->data[i] != 0) (*known)[i % plane] = 1;
    return DIPPER_OK;
}

/* All that will be written, or the first hundred thousand of them. */
static dipper_status check_snapshots(job *j) {
    char path[IO_PATH_MAX];
    dipper_solver_info info = {.struct_size = sizeof info};
    long every = j->settings->snapshot_every;
    if (every == 0 || j->settings->overwrite) return DIPPER_OK;
    dipper_status status = dipper_solver_get_info(j->solver, &info);
    if (status) return job_library_failed(j, status);
    for (long i = every; i <= info.iterations && i / every <= 100000; i += every) {
        IO_TRY(names_snapshot(j->names, i, path, &j->error));
        if (path_exists(path))
            return io_fail(&j->error, DIPPER_ERROR_OUTPUT, "%s: exists already; use -f to overwrite it", path);
    }
    return DIPPER_OK;
}

static int on_progress(const dipper_progress *progress, void *user);

static dipper_status create_solver(job *j, const float *mask) {
    const job_settings *s = j->settings;
    dipper_solver_options options;
    dipper_image picture = picture_view(j->picture), truth;
    dipper_solver_options_init(&options);
    options.task = s->task.task;
    if (s->task.task == DIPPER_TASK_DEBLUR) {
        options.psf_width = j->psf_width_told;
        options.psf_height = j->psf_height_told;
        options.psf = s->task.psf;
    }
    if (s->task.factor) options.factor = s->task.factor;
    options.mask = mask;
    if (s->task.truth) {
        truth = picture_view(s->task.truth);
        options.truth = &truth;
    }
    options.seed = s->seed;
    options.seed_weights = s->seed_weights;
    options.seed_input = s->seed_input;
    options.recover = s->recover;
    options.noise_sigma = s->noise_sigma;
    options.progress = on_progress;
    options.user = j;
    const dipper_status status = dipper_solver_create(s->context, &picture, s->recipe, &options, &j->solver);
    return status ? job_library_failed(j, status) : DIPPER_OK;
}

static dipper_status prepare(job *j) {
    const job_task *task = &j->settings->task;
    float *mask;
    IO_TRY(job_choose_psf_size(j));
    dipper_status status = take_mask(j, &mask);
    if (!status) status = create_solver(j, mask);
    free(mask);
    if (!status) status = checkpoint_begin(j);
    if (!status) status = check_snapshots(j);
    if (!status && task->factor) status = picture_enlarge(j->picture, task->factor, &j->error);
    if (status || task->task != DIPPER_TASK_DEBLUR || task->psf_file) return status;
    dipper_solver_psf_size(j->solver, &j->psf_width, &j->psf_height);
    j->psf = malloc((size_t)j->psf_width * (size_t)j->psf_height * sizeof *j->psf);
    return j->psf ? DIPPER_OK : job_no_memory(j);
}

/* ---- The run ---- */

static dipper_status get_image(job *j) {
    dipper_image out = dipper_image_view(j->planes, j->picture->width, j->picture->height, j->picture->channels);
    return dipper_solver_get_image(j->solver, &out);
}

/* A run that was stopped early may have none yet; its other results are written. */
static dipper_status get_deviation(job *j) {
    const io_picture *p = j->picture;
    const int channels = recipe_has(j->settings->recipe, "colour", "rgb") ? p->channels : 1;
    if (!j->names->deviation_npy[0]) return DIPPER_OK;
    IO_TRY(picture_create(p->width, p->height, channels, IO_DEPTH_F32, &j->deviation, &j->error));
    dipper_image out = picture_view(j->deviation);
    const dipper_status status = dipper_solver_get_uncertainty(j->solver, &out);
    if (status == DIPPER_OK) return DIPPER_OK;
    picture_destroy(&j->deviation);
    if (status != DIPPER_ERROR_ARGUMENT) return job_library_failed(j, status);
    console_note(j->settings->console, "%s: no uncertainty is written: the run ended before there were outputs for it",
                 j->input);
    dipper_context_clear(j->settings->context);
    return DIPPER_OK;
}

/* A snapshot that cannot be written ends the run: the disk is full, or the directory is gone. */
static void write_snapshot(job *j, long iteration) {
    char path[IO_PATH_MAX];
    dipper_status status = get_image(j);
    j->last_snapshot = iteration;
    if (status)
        job_library_failed(j, status);
    else if (!(status = names_snapshot(j->names, iteration, path, &j->error)))
        status = picture_write(j->picture, j->planes, path, j->settings->overwrite, NULL, &j->error);
    if (status) {
        j->result->status = status;
        j->end = END_SNAPSHOT;
    } else {
        console_detail(j->settings->console, "%s: written", path);
    }
}

static int on_progress(const dipper_progress *progress, void *user) {
    job *j = user;
    const int every = j->settings->snapshot_every;
    if (every && progress->iteration > j->last_snapshot && progress->iteration % every == 0)
        write_snapshot(j, progress->iteration);
    if (progress->note[0]) console_note(j->settings->console, "%s: %s", j->input, progress->note);
    return job_watch(j, progress);
}

static dipper_status run(job *j) {
    long left = 1;
    dipper_status status = DIPPER_OK;
    while (!status && left > 0) {
        status = dipper_solver_step(j->solver, 1, &left);
        if (!status && left > 0) IO_TRY(checkpoint_write_if_due(j));
    }
    console_end(j->settings->console);
    if (status == DIPPER_ERROR_CANCELLED && j->end != END_SNAPSHOT) IO_TRY(checkpoint_write(j));
    if (j->end == END_SNAPSHOT) return j->result->status;
    j->result->status = status;
    if (status && status != DIPPER_ERROR_CANCELLED && status != DIPPER_ERROR_DIVERGED)
        return job_library_failed(j, status);
    status = get_image(j);
    if (!status) IO_TRY(get_deviation(j));
    if (!status && j->psf) status = dipper_solver_get_psf(j->solver, j->psf);
    return status ? job_library_failed(j, status) : DIPPER_OK;
}

/* ---- After the run ---- */

static void explain(job *j) {
    const job_settings *s = j->settings;
    const char *input = j->input;
    dipper_status status = j->result->status;
    dipper_solver_info info = {.struct_size = sizeof info};
    if (dipper_solver_get_info(j->solver, &info)) return;
    if (status == DIPPER_ERROR_DIVERGED) {
        io_fail(&j->error, status,
                "%s: the loss became NaN or infinite at iteration %ld of %ld; the last good result is written, do not "
                "trust it; try a smaller learning rate or another --seed",
                input, info.iteration, info.iterations);
    } else if (status == DIPPER_ERROR_CANCELLED) {
        io_fail(&j->error, status, "%s: stopped by %s at iteration %ld of %ld; the result so far is written%s%s", input,
                j->end == END_TIME ? "--max-time" : "a signal", info.iteration, info.iterations,
                s->checkpoint ? "; --resume -f goes on from " : "", s->checkpoint ? s->checkpoint : "");
    } else if (info.trouble[0]) {
        j->result->status = DIPPER_ERROR_DIVERGED;
        io_fail(&j->error, DIPPER_ERROR_DIVERGED,
                "%s: %s; the result is written, do not trust it; try a smaller learning rate or another --seed", input,
                info.trouble);
    }
}

static void describe(const job *j, run_record *r) {
    const job_settings *s = j->settings;
    dipper_solver_info info = {.struct_size = sizeof info};
    if (j->solver && dipper_solver_get_info(j->solver, &info)) info = (dipper_solver_info){0};
    r->recipe = s->recipe;
    r->task = task_name(s->task.task);
    r->factor = s->task.factor;
    r->mask = s->task.mask_file;
    r->truth = s->task.truth_file;
    r->psf_input = s->task.psf_file;
    r->stopped_by = info.stopped_by;
    r->psf_width_told = j->psf_width_told;
    r->psf_height_told = j->psf_height_told;
    r->psf_size_from = s->psf_width ? "user" : "default";
    r->noise_sigma = info.noise_sigma;
    r->iterations_done = info.iteration;
    r->iterations_planned = info.iterations;
    r->loss = info.loss;
    r->losses = info.losses;
    r->resumed_at = j->resumed_at;
    r->recoveries = info.recoveries;
    r->skipped_steps = info.skipped_steps;
    r->trouble = info.trouble;
    r->seed_weights = s->seed_weights != DIPPER_SEED_SAME ? s->seed_weights : s->seed;
    r->seed_input = s->seed_input != DIPPER_SEED_SAME ? s->seed_input : s->seed;
    r->psf_start = s->task.start_file;
    r->loss_count = info.loss_count;
    r->seconds_solver = info.seconds;
    r->memory_solver_bytes = info.memory_bytes;
}

const job_manner job_solve = {prepare, run, explain, describe};
