/* One picture: read, restore, write. SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include "cli/checkpoint.h"
#include "cli/stop.h"
#include "io/output.h"
#include "io/psf_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>

/* ---- Errors ---- */

dipper_status job_library_failed(job *j, dipper_status status) {
    const char *text = dipper_context_message(j->settings->context);
    if (!text[0]) text = dipper_status_text(status);
    io_fail(&j->error, status, "%s: %s", j->input, text);
    dipper_context_clear(j->settings->context);
    return status;
}

dipper_status job_no_memory(job *j) {
    return io_fail(&j->error, DIPPER_ERROR_MEMORY, "%s: no memory for its %d x %d pixels", j->input, j->picture->width,
                   j->picture->height);
}

/* ---- Before the run ---- */

static int finds_psf(const job_settings *s) {
    return s->estimate || s->automatic || (!s->nonblind && s->task.task == DIPPER_TASK_DEBLUR && !s->task.psf);
}

static dipper_status check_outputs(job *j) {
    int overwrite = j->settings->overwrite;
    IO_TRY(picture_check_output(j->names->image, overwrite, &j->error));
    if (finds_psf(j->settings)) IO_TRY(output_check(j->names->psf_npy, overwrite, &j->error));
    if (finds_psf(j->settings) && io_have_vips()) IO_TRY(output_check(j->names->psf_png, overwrite, &j->error));
    if (io_have_json()) IO_TRY(output_check(j->names->record, overwrite, &j->error));
    if (!j->names->deviation_npy[0]) return DIPPER_OK;
    IO_TRY(output_check(j->names->deviation_npy, overwrite, &j->error));
    return io_have_vips() ? output_check(j->names->deviation_png, overwrite, &j->error) : DIPPER_OK;
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
    IO_TRY(check_outputs(j));
    IO_TRY(j->manner->prepare(j));
    j->planes = malloc((size_t)p->width * (size_t)p->height * (size_t)p->channels * sizeof *j->planes);
    return j->planes ? DIPPER_OK : job_no_memory(j);
}

/* ---- The run ---- */

int job_watch(job *j, const dipper_progress *progress) {
    const job_settings *s = j->settings;
    console_progress(s->console, progress);
    if (j->end == END_SNAPSHOT) return 1;
    if (s->max_seconds > 0 && progress->seconds - j->seconds_before >= s->max_seconds) j->end = END_TIME;
    if (stop_requested()) j->end = END_SIGNAL;
    return j->end != END_DONE;
}

static dipper_status run(job *j) {
    console_begin(j->settings->console, path_base(j->input));
    if (stop_requested()) return io_fail(&j->error, DIPPER_ERROR_CANCELLED, "%s: stopped before the run", j->input);
    return j->manner->run(j);
}

/* ---- After the run ---- */

static void fill_record(const job *j, run_record *r) {
    const job_settings *s = j->settings;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    *r = (run_record){.status = j->result->status, .message = j->error.text, .argc = s->argc, .argv = s->argv};
    r->started = j->date;
    r->input = j->input;
    r->recipe_name = s->recipe_name;
    r->seed = s->seed;
    r->device = dipper_context_device(s->context);
    r->threads = dipper_context_threads(s->context);
    r->build = dipper_build_text();
    r->noise_from = s->noise_sigma >= 0 ? "user" : "estimate";
    r->weight = r->exponent = NAN;
    r->seconds_total = wall_seconds() - j->started;
    r->memory_peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
    r->clipped_pixels = r->resumed_at = -1;
    j->manner->describe(j, r);
    if (!j->picture) return;
    r->width = j->result->width;
    r->height = j->result->height;
    r->channels = j->picture->channels;
    r->alpha = j->picture->alpha != NULL;
    r->depth = depth_text(j->picture->depth);
    r->notes = j->notes;
    r->verdict = j->judged ? &j->verdict : NULL;
}

static void fill_results(const job *j, run_record *r) {
    r->output = j->names->image;
    r->psf_npy = j->psf ? j->names->psf_npy : NULL;
    r->psf_png = j->psf && io_have_vips() ? j->names->psf_png : NULL;
    r->record = io_have_json() ? j->names->record : NULL;
    r->uncertainty_npy = j->deviation ? j->names->deviation_npy : NULL;
    r->uncertainty_png = j->deviation && io_have_vips() ? j->names->deviation_png : NULL;
    r->output_width = j->picture->width;
    r->output_height = j->picture->height;
    r->clipped_pixels = (int64_t)j->report.clipped;
    r->psf_width = j->psf_width;
    r->psf_height = j->psf_height;
}

static dipper_status write_psf(job *j) {
    int overwrite = j->settings->overwrite;
    if (!j->psf) return DIPPER_OK;
    IO_TRY(psf_write_npy(j->psf, j->psf_width, j->psf_height, j->names->psf_npy, overwrite, &j->error));
    if (!io_have_vips()) return DIPPER_OK;
    return psf_write_picture(j->psf, j->psf_width, j->psf_height, j->names->psf_png, overwrite, &j->error);
}

/* As it is for programs; for eyes divided by its maximum. */
static dipper_status write_deviation(job *j) {
    io_picture *p = j->deviation;
    if (!p) return DIPPER_OK;
    const size_t n = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    const int overwrite = j->settings->overwrite;
    float largest = 0;
    IO_TRY(picture_write(p, p->data, j->names->deviation_npy, overwrite, NULL, &j->error));
    if (!io_have_vips()) return DIPPER_OK;
    for (size_t i = 0; i < n; i++) largest = fmaxf(largest, p->data[i]);
    for (size_t i = 0; i < n && largest > 0; i++) p->data[i] /= largest;
    p->depth = IO_DEPTH_U8;
    return picture_write(p, p->data, j->names->deviation_png, overwrite, NULL, &j->error);
}

/* A picture that is kept as it was is not compressed once more. */
static dipper_status write_picture(job *j) {
    const int same_type = strcasecmp(path_extension(j->input), path_extension(j->names->image)) == 0;
    if (!j->automatic.sharp || !same_type)
        return picture_write(j->picture, j->planes, j->names->image, j->settings->overwrite, &j->report, &j->error);
    j->report.depth = j->picture->depth;
    return output_copy(j->input, j->names->image, j->settings->overwrite, &j->error);
}

static dipper_status write_results(job *j) {
    console *c = j->settings->console;
    IO_TRY(write_picture(j));
    if (j->report.note[0]) console_note(c, "%s: %s", j->names->image, j->report.note);
    if (j->report.clipped)
        console_note(c, "%s: %zu of %zu pixels were outside of the range of %s samples and are clipped",
                     j->names->image, j->report.clipped, (size_t)j->picture->width * (size_t)j->picture->height,
                     depth_text(j->report.depth));
    snprintf(j->notes, sizeof j->notes, "%s%s%s", j->picture->note,
             j->picture->note[0] && j->report.note[0] ? "; " : "", j->report.note);
    IO_TRY(write_psf(j));
    return write_deviation(j);
}

static void print_names(const run_record *r) {
    puts(r->output);
    if (r->psf_npy) puts(r->psf_npy);
    if (r->psf_png) puts(r->psf_png);
    if (r->uncertainty_npy) puts(r->uncertainty_npy);
    if (r->uncertainty_png) puts(r->uncertainty_png);
    if (r->record) puts(r->record);
}

/* What was stopped early is no result to judge. */
static int is_judged(const job *j) {
    return j->settings->judge && j->psf && j->result->status != DIPPER_ERROR_CANCELLED;
}

static dipper_status finish(job *j) {
    run_record record;
    dipper_status status = DIPPER_OK;
    IO_TRY(write_results(j));
    if (is_judged(j)) job_judge(j);
    j->manner->explain(j);
    job_say_verdict(j);
    dipper_context_clear(j->settings->context);
    fill_record(j, &record);
    fill_results(j, &record);
    j->result->iterations = record.iterations_done;
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
    fill_record(j, &record);
    (void)record_print(&record, stdout, &ignored);
    fflush(stdout);
}

static void clean_up(job *j) {
    dipper_solver_destroy(&j->solver);
    picture_destroy(&j->picture);
    picture_destroy(&j->deviation);
    free(j->planes);
    free(j->psf);
}

dipper_status job_run(const job_settings *settings, const char *input, const job_names *names, job_result *result) {
    job j = {.settings = settings,
             .input = input,
             .names = names,
             .result = result,
             .started = wall_seconds(),
             .resumed_at = -1};
    j.manner = settings->automatic  ? &job_automatic
               : settings->estimate ? &job_classical
               : settings->nonblind ? &job_nonblind
                                    : &job_solve;
    time_t now = time(NULL);
    struct tm utc;
    *result = (job_result){0};
    if (gmtime_r(&now, &utc)) strftime(j.date, sizeof j.date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    dipper_status status = prepare(&j);
    if (!status) status = run(&j);
    if (!status) status = finish(&j);
    if (!status && result->status != DIPPER_ERROR_CANCELLED) checkpoint_remove(&j);
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
