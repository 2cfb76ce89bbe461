/* One picture: read, restore, write. SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include "cli/job.h"

#include "cli/stop.h"
#include "io/image_file.h"
#include "io/output.h"
#include "io/psf_file.h"
#include "io/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PSF_DEFAULT = 31, PSF_LEAST = 3 };

typedef enum job_end { END_DONE, END_SIGNAL, END_TIME, END_SNAPSHOT } job_end;

typedef struct job {
    const job_settings *settings;
    const char *input;
    const job_names *names;
    job_result *result;
    io_picture *picture;
    dipper_solver *solver;
    int psf_width, psf_height; /* told to the solver */
    float *planes;             /* the result: channels x height x width */
    float *psf;
    double started; /* wall_seconds */
    char date[32];
    long last_snapshot;
    job_end end; /* why the callback stopped the run */
    io_written report;
    io_error error;
    char notes[sizeof((io_picture *)0)->note + sizeof((io_written *)0)->note + 4];
} job;

/* ---- Errors ---- */

/* The library does not know names of files. */
static dipper_status library_failed(job *j, dipper_status status) {
    const char *text = dipper_context_message(j->settings->context);
    if (!text[0]) text = dipper_status_text(status);
    io_fail(&j->error, status, "%s: %s", j->input, text);
    dipper_context_clear(j->settings->context);
    return status;
}

static dipper_status no_memory(job *j) {
    return io_fail(&j->error, DIPPER_ERROR_MEMORY, "%s: no memory for its %d x %d pixels", j->input, j->picture->width,
                   j->picture->height);
}

/* ---- Before the run ---- */

/* Until the size is estimated: 31 px, less for small pictures, which hold too little to find a large PSF. */
static dipper_status choose_psf_size(job *j) {
    const job_settings *s = j->settings;
    int width = j->picture->width, height = j->picture->height, shorter = width < height ? width : height;
    j->psf_width = s->psf_width;
    j->psf_height = s->psf_height;
    if (s->psf_width == 0) {
        int size = shorter / 2 % 2 ? shorter / 2 : shorter / 2 - 1;
        if (size > PSF_DEFAULT) size = PSF_DEFAULT;
        if (size < PSF_LEAST) size = PSF_LEAST;
        j->psf_width = j->psf_height = size;
        if (shorter >= size)
            console_note(s->console, "%s: PSF size taken as %d x %d px%s; give it with -k if you know it", j->input,
                         size, size, size < PSF_DEFAULT ? " for a picture this small" : "");
    }
    if (width >= j->psf_width && height >= j->psf_height) return DIPPER_OK;
    return io_fail(&j->error, DIPPER_ERROR_INPUT, "%s: a picture of %d x %d pixels is smaller than the PSF of %d x %d",
                   j->input, width, height, j->psf_width, j->psf_height);
}

static dipper_status check_outputs(job *j) {
    int overwrite = j->settings->overwrite;
    IO_TRY(picture_check_output(j->names->image, overwrite, &j->error));
    IO_TRY(output_check(j->names->psf_npy, overwrite, &j->error));
    if (io_have_vips()) IO_TRY(output_check(j->names->psf_png, overwrite, &j->error));
    if (io_have_json()) IO_TRY(output_check(j->names->record, overwrite, &j->error));
    return DIPPER_OK;
}

/* All that will be written, or the first hundred thousand of them. */
static dipper_status check_snapshots(job *j) {
    char path[IO_PATH_MAX];
    dipper_solver_info info = {.struct_size = sizeof info};
    long every = j->settings->snapshot_every;
    if (every == 0 || j->settings->overwrite) return DIPPER_OK;
    dipper_status status = dipper_solver_get_info(j->solver, &info);
    if (status) return library_failed(j, status);
    for (long i = every; i <= info.iterations && i / every <= 100000; i += every) {
        IO_TRY(names_snapshot(j->names, i, path, &j->error));
        if (path_exists(path))
            return io_fail(&j->error, DIPPER_ERROR_OUTPUT, "%s: exists already; use -f to overwrite it", path);
    }
    return DIPPER_OK;
}

static int on_progress(const dipper_progress *progress, void *user);

static dipper_status create_solver(job *j) {
    dipper_solver_options options;
    dipper_image blurred = picture_view(j->picture);
    dipper_solver_options_init(&options);
    options.psf_width = j->psf_width;
    options.psf_height = j->psf_height;
    options.seed = j->settings->seed;
    options.noise_sigma = j->settings->noise_sigma;
    options.progress = on_progress;
    options.user = j;
    dipper_status status =
        dipper_solver_create(j->settings->context, &blurred, j->settings->recipe, &options, &j->solver);
    return status ? library_failed(j, status) : DIPPER_OK;
}

/* Nothing is rescaled unasked, but the methods are tuned for pictures in [0, 1]. */
static void check_range(const job *j) {
    const io_picture *p = j->picture;
    size_t n = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    float low = p->data[0], high = p->data[0];
    for (size_t i = 1; i < n; i++) {
        low = p->data[i] < low ? p->data[i] : low;
        high = p->data[i] > high ? p->data[i] : high;
    }
    if (low < -0.5f || high > 2)
        console_note(j->settings->console,
                     "%s: values go from %g to %g and are not rescaled; the methods expect about 0 to 1", j->input,
                     (double)low, (double)high);
}

static dipper_status prepare(job *j) {
    IO_TRY(picture_read(j->input, &j->picture, &j->error));
    const io_picture *p = j->picture;
    j->result->width = p->width;
    j->result->height = p->height;
    if (p->note[0]) console_note(j->settings->console, "%s: %s", j->input, p->note);
    check_range(j);
    IO_TRY(choose_psf_size(j));
    IO_TRY(check_outputs(j));
    j->planes = malloc((size_t)p->width * (size_t)p->height * (size_t)p->channels * sizeof *j->planes);
    if (!j->planes) return no_memory(j);
    IO_TRY(create_solver(j));
    IO_TRY(check_snapshots(j));
    int width, height;
    dipper_solver_psf_size(j->solver, &width, &height);
    j->psf = malloc((size_t)width * (size_t)height * sizeof *j->psf);
    return j->psf ? DIPPER_OK : no_memory(j);
}

/* ---- The run ---- */

static dipper_status get_image(job *j) {
    dipper_image out = dipper_image_view(j->planes, j->picture->width, j->picture->height, j->picture->channels);
    return dipper_solver_get_image(j->solver, &out);
}

/* A snapshot that cannot be written ends the run: the disk is full, or the directory is gone. */
static void write_snapshot(job *j, long iteration) {
    char path[IO_PATH_MAX];
    dipper_status status = get_image(j);
    j->last_snapshot = iteration;
    if (status)
        library_failed(j, status);
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
    const job_settings *s = j->settings;
    console_progress(s->console, progress);
    if (s->snapshot_every && progress->iteration > j->last_snapshot && progress->iteration % s->snapshot_every == 0)
        write_snapshot(j, progress->iteration);
    if (s->max_seconds > 0 && progress->seconds >= s->max_seconds) j->end = END_TIME;
    if (stop_requested()) j->end = END_SIGNAL;
    return j->end != END_DONE;
}

/* DIPPER_OK also when the run ended early with a result that can be written; result->status tells. */
static dipper_status run(job *j) {
    long left = 1;
    dipper_status status = DIPPER_OK;
    console_begin(j->settings->console, path_base(j->input));
    if (stop_requested()) return io_fail(&j->error, DIPPER_ERROR_CANCELLED, "%s: stopped before the run", j->input);
    while (!status && left > 0) status = dipper_solver_step(j->solver, 1000, &left);
    console_end(j->settings->console);
    if (j->end == END_SNAPSHOT) return j->result->status;
    j->result->status = status;
    if (status == DIPPER_ERROR_CANCELLED || status == DIPPER_ERROR_DIVERGED) return DIPPER_OK;
    return status ? library_failed(j, status) : DIPPER_OK;
}

/* What is said of a run that ended early. */
static void explain_end(job *j, const dipper_solver_info *info) {
    const char *input = j->input;
    dipper_status status = j->result->status;
    if (status == DIPPER_ERROR_DIVERGED) {
        io_fail(&j->error, status,
                "%s: the loss became NaN or infinite at iteration %ld of %ld; the last good result is written, do not "
                "trust it; try a smaller learning rate or another --seed",
                input, info->iteration, info->iterations);
    } else if (status == DIPPER_ERROR_CANCELLED) {
        io_fail(&j->error, status, "%s: stopped by %s at iteration %ld of %ld; the result so far is written", input,
                j->end == END_TIME ? "--max-time" : "a signal", info->iteration, info->iterations);
    }
    dipper_context_clear(j->settings->context);
}

/* ---- After the run ---- */

static void fill_record(const job *j, const dipper_solver_info *info, run_record *r) {
    const job_settings *s = j->settings;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    *r = (run_record){.status = j->result->status, .message = j->error.text, .argc = s->argc, .argv = s->argv};
    r->started = j->date;
    r->input = j->input;
    r->recipe_name = s->recipe_name;
    r->recipe = s->recipe;
    r->seed = s->seed;
    r->device = dipper_context_device(s->context);
    r->threads = dipper_context_threads(s->context);
    r->build = dipper_build_text();
    r->psf_width_told = j->psf_width;
    r->psf_height_told = j->psf_height;
    r->psf_size_from = s->psf_width ? "user" : "default";
    r->noise_sigma = info->noise_sigma;
    r->noise_from = s->noise_sigma >= 0 ? "user" : "estimate";
    r->iterations_done = info->iteration;
    r->iterations_planned = info->iterations;
    r->loss = info->loss;
    r->losses = info->losses;
    r->loss_count = info->loss_count;
    r->seconds_total = wall_seconds() - j->started;
    r->seconds_solver = info->seconds;
    r->memory_solver_bytes = info->memory_bytes;
    r->memory_peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
    r->clipped_pixels = -1;
    if (!j->picture) return;
    r->width = j->picture->width;
    r->height = j->picture->height;
    r->channels = j->picture->channels;
    r->alpha = j->picture->alpha != NULL;
    r->depth = depth_text(j->picture->depth);
    r->notes = j->notes;
}

static void fill_results(const job *j, run_record *r) {
    r->output = j->names->image;
    r->psf_npy = j->names->psf_npy;
    r->psf_png = io_have_vips() ? j->names->psf_png : NULL;
    r->record = io_have_json() ? j->names->record : NULL;
    r->clipped_pixels = (int64_t)j->report.clipped;
    dipper_solver_psf_size(j->solver, &r->psf_width, &r->psf_height);
}

static dipper_status write_psf(job *j) {
    int width, height, overwrite = j->settings->overwrite;
    dipper_status status = dipper_solver_get_psf(j->solver, j->psf);
    if (status) return library_failed(j, status);
    dipper_solver_psf_size(j->solver, &width, &height);
    IO_TRY(psf_write_npy(j->psf, width, height, j->names->psf_npy, overwrite, &j->error));
    if (!io_have_vips()) return DIPPER_OK;
    return psf_write_picture(j->psf, width, height, j->names->psf_png, overwrite, &j->error);
}

static dipper_status write_results(job *j) {
    console *c = j->settings->console;
    dipper_status status = get_image(j);
    if (status) return library_failed(j, status);
    IO_TRY(picture_write(j->picture, j->planes, j->names->image, j->settings->overwrite, &j->report, &j->error));
    if (j->report.note[0]) console_note(c, "%s: %s", j->names->image, j->report.note);
    if (j->report.clipped)
        console_note(c, "%s: %zu of %zu pixels were outside of the range of %s samples and are clipped",
                     j->names->image, j->report.clipped, (size_t)j->picture->width * (size_t)j->picture->height,
                     depth_text(j->report.depth));
    snprintf(j->notes, sizeof j->notes, "%s%s%s", j->picture->note,
             j->picture->note[0] && j->report.note[0] ? "; " : "", j->report.note);
    return write_psf(j);
}

static void print_names(const run_record *r) {
    puts(r->output);
    puts(r->psf_npy);
    if (r->psf_png) puts(r->psf_png);
    if (r->record) puts(r->record);
}

static dipper_status finish(job *j) {
    run_record record;
    dipper_solver_info info = {.struct_size = sizeof info};
    dipper_status status = dipper_solver_get_info(j->solver, &info);
    if (status) return library_failed(j, status);
    j->result->iterations = info.iteration;
    IO_TRY(write_results(j));
    explain_end(j, &info);
    fill_record(j, &info, &record);
    fill_results(j, &record);
    io_error why = {""};
    if (record.record) status = record_write(&record, record.record, j->settings->overwrite, &why);
    if (!status) {
        j->result->written = 1;
        if (j->settings->json)
            status = record_print(&record, stdout, &why);
        else
            print_names(&record);
    }
    if (!status && (fflush(stdout) || ferror(stdout)))
        status = io_fail(&why, DIPPER_ERROR_OUTPUT, "standard output cannot be written to");
    if (status) j->error = why;
    return status;
}

/* With --json a picture that failed has a record on stdout as well. */
static void print_failure(const job *j) {
    run_record record;
    io_error ignored = {""};
    dipper_solver_info info = {.struct_size = sizeof info};
    if (j->solver && dipper_solver_get_info(j->solver, &info)) info = (dipper_solver_info){0};
    fill_record(j, &info, &record);
    (void)record_print(&record, stdout, &ignored);
    fflush(stdout);
}

static void clean_up(job *j) {
    dipper_solver_destroy(&j->solver);
    picture_destroy(&j->picture);
    free(j->planes);
    free(j->psf);
}

dipper_status job_run(const job_settings *settings, const char *input, const job_names *names, job_result *result) {
    job j = {.settings = settings, .input = input, .names = names, .result = result, .started = wall_seconds()};
    time_t now = time(NULL);
    struct tm utc;
    *result = (job_result){0};
    if (gmtime_r(&now, &utc)) strftime(j.date, sizeof j.date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    dipper_status status = prepare(&j);
    if (!status) status = run(&j);
    if (!status) status = finish(&j);
    if (status) result->status = status;
    result->seconds = wall_seconds() - j.started;
    snprintf(result->message, sizeof result->message, "%s", j.error.text);
    if (result->status)
        console_error(settings->console, "%s", result->message);
    else
        console_detail(settings->console, "%s: done, %ld iterations, %.1f s", input, result->iterations,
                       result->seconds);
    if (settings->json && !result->written) print_failure(&j);
    clean_up(&j);
    return result->status;
}
