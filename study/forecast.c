/* Forecasts of time. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "study/forecast.h"

#include "io/image_file.h"
#include "io/psf_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct forecast {
    dipper_context *context;
    const study_plan *plan;
    double *pixels; /* of each set's cases, in the mean */
    double *cost;   /* methods x sets: seconds a pixel; NaN: not known */
    int (*stop)(void *);
    void *user;
    study_forecast *out;
    io_error *error;
} forecast;

static double *cost_of(const forecast *f, int method, int set) {
    return &f->cost[(size_t)method * (size_t)f->plan->set_count + (size_t)set];
}

/* What a made case will be blurred from stands for it while it is not there. */
static const char *picture_of(const study_case *c) {
    return c->sharp_file[0] && !path_exists(c->blurred_file) ? c->sharp_file : c->blurred_file;
}

/* ---- Sizes ---- */

static dipper_status measure_sizes(forecast *f) {
    enum { SAMPLES = 20 };
    for (int s = 0; s < f->plan->set_count; s++) {
        const study_cases *cases = &f->plan->sets[s].cases;
        const int count = cases->count < SAMPLES ? cases->count : SAMPLES;
        for (int i = 0; i < count; i++) {
            io_picture *picture = NULL;
            IO_TRY(picture_read(picture_of(&cases->items[(long)i * cases->count / count]), &picture, f->error));
            f->pixels[s] += (double)picture->width * picture->height / count;
            picture_destroy(&picture);
        }
    }
    return DIPPER_OK;
}

/* ---- What results tell ---- */

static void use_results(forecast *f, const study_results *results) {
    for (int m = 0; m < f->plan->method_count; m++)
        for (int s = 0; s < f->plan->set_count; s++) {
            const study_method *method = &f->plan->methods[m];
            double sum = 0;
            int count = 0;
            for (int i = 0; i < results->count; i++) {
                const study_result *r = &results->items[i];
                if (r->failed || isnan(r->seconds) || strcmp(r->suite, f->plan->sets[s].name) != 0 ||
                    strcmp(r->method, method->name) != 0 || strcmp(r->settings, method->settings) != 0)
                    continue;
                sum += r->seconds;
                count++;
            }
            if (count) *cost_of(f, m, s) = sum / count / f->pixels[s];
        }
}

/* ---- Trials ---- */

typedef struct trial {
    forecast *f;
    double seconds; /* of the whole run, as far as is known */
} trial;

static int on_trial(const dipper_progress *p, void *user) {
    enum { ITERATIONS = 4 };
    const double enough = 0.3, long_enough = 2;
    trial *t = user;
    t->seconds = p->seconds + p->seconds_left;
    if (p->iteration >= ITERATIONS && p->seconds > enough) return 1;
    return (p->iteration > 1 && p->seconds > long_enough) || t->f->stop(t->f->user);
}

static dipper_status psf_size(forecast *f, const study_set *set, const study_case *c, dipper_solver_options *o) {
    float *psf = NULL;
    o->psf_width = set->psf_width;
    o->psf_height = set->psf_height;
    if (set->psf_width || !path_exists(c->true_psf_file)) return DIPPER_OK;
    dipper_status status =
        psf_read(c->true_psf_file, c->true_psf_rotated, &psf, &o->psf_width, &o->psf_height, f->error);
    free(psf);
    return status;
}

static dipper_status run_trial(forecast *f, const study_case *c, dipper_image *image, const study_method *method,
                               dipper_solver_options *options, trial *t) {
    dipper_solver *solver = NULL;
    dipper_solver_info info = {.struct_size = sizeof info};
    options->progress = on_trial;
    options->user = t;
    dipper_status status = dipper_solver_create(f->context, image, method->recipe, options, &solver);
    if (!status) status = dipper_solver_step(solver, 1000, NULL);
    if (status == DIPPER_ERROR_CANCELLED) status = DIPPER_OK; /* by on_trial */
    if (!status) status = dipper_solver_get_info(solver, &info);
    if (status)
        io_fail(f->error, status, "%s, %s %s: %s", picture_of(c), method->name, method->settings,
                dipper_context_message(f->context));
    f->out->memory_bytes = fmax(f->out->memory_bytes, (double)info.memory_bytes);
    dipper_solver_destroy(&solver);
    return status;
}

static dipper_status try_method(forecast *f, int m, int s) {
    const study_set *set = &f->plan->sets[s];
    const study_case *c = &set->cases.items[0];
    dipper_solver_options options;
    trial t = {.f = f};
    io_picture *picture = NULL;
    dipper_solver_options_init(&options);
    IO_TRY(psf_size(f, set, c, &options));
    if (!options.psf_width) options.psf_width = options.psf_height = 31;
    IO_TRY(picture_read(picture_of(c), &picture, f->error));
    dipper_image image = picture_view(picture);
    const double pixels = (double)picture->width * picture->height;
    dipper_status status = run_trial(f, c, &image, &f->plan->methods[m], &options, &t);
    picture_destroy(&picture);
    if (!status) *cost_of(f, m, s) = t.seconds / pixels;
    return status;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static dipper_status try_sets(forecast *f, int m, double deadline) {
    for (int s = 0; s < f->plan->set_count; s++) {
        if (!isnan(*cost_of(f, m, s)) || (f->out->tried && now() > deadline)) continue;
        IO_TRY(try_method(f, m, s));
        if (f->stop(f->user)) return io_fail(f->error, DIPPER_ERROR_CANCELLED, "stopped");
        f->out->tried++;
    }
    return DIPPER_OK;
}

/* In strides over the methods, as the time may not suffice for all. */
static dipper_status try_methods(forecast *f, double most_seconds) {
    const double deadline = now() + most_seconds;
    const int count = f->plan->method_count, stride = (int)ceil(sqrt(count));
    for (int first = 0; first < stride; first++)
        for (int m = first; m < count; m += stride) IO_TRY(try_sets(f, m, deadline));
    return DIPPER_OK;
}

/* ---- The sum ---- */

static void add_up(const forecast *f, const unsigned char *to_do) {
    double sum = 0, usual = 0;
    int count = 0;
    for (int i = 0; i < f->plan->method_count * f->plan->set_count; i++)
        if (!isnan(f->cost[i])) {
            sum += f->cost[i];
            count++;
        }
    if (count) usual = sum / count;
    for (int i = 0; i < f->plan->run_count; i++) {
        const study_run *run = &f->plan->runs[i];
        if (!to_do[i] || !run->method) continue;
        const int s = (int)(run->set - f->plan->sets);
        const double cost = *cost_of(f, (int)(run->method - f->plan->methods), s);
        f->out->seconds += (isnan(cost) ? usual : cost) * f->pixels[s];
    }
}

static dipper_status make(forecast *f, const char *folder, const unsigned char *to_do, double most_seconds) {
    char runs[IO_PATH_MAX];
    study_results results = {0};
    io_error ignored = {""};
    IO_TRY(measure_sizes(f));
    if (!path_print(runs, &ignored, "%s/runs", folder) && path_is_directory(runs)) {
        dipper_status status = study_results_load(folder, &results, f->error);
        if (!status) use_results(f, &results);
        study_results_free(&results);
        IO_TRY(status);
    }
    for (int i = 0; i < f->plan->method_count * f->plan->set_count; i++) f->out->known += !isnan(f->cost[i]);
    IO_TRY(try_methods(f, most_seconds));
    add_up(f, to_do);
    return DIPPER_OK;
}

dipper_status study_forecast_make(dipper_context *context, const study_plan *plan, const char *folder,
                                  const unsigned char *to_do, double most_seconds, int (*stop)(void *), void *user,
                                  study_forecast *out, io_error *error) {
    forecast f = {.context = context, .plan = plan, .stop = stop, .user = user, .out = out, .error = error};
    const size_t cells = (size_t)plan->method_count * (size_t)plan->set_count;
    *out = (study_forecast){0};
    f.pixels = calloc((size_t)plan->set_count + 1, sizeof *f.pixels);
    f.cost = malloc((cells + 1) * sizeof *f.cost);
    dipper_status status = DIPPER_ERROR_MEMORY;
    if (f.pixels && f.cost) {
        for (size_t i = 0; i < cells; i++) f.cost[i] = (double)NAN;
        status = make(&f, folder, to_do, most_seconds);
    } else {
        io_fail(error, status, "no memory for a forecast");
    }
    free(f.pixels);
    free(f.cost);
    return status;
}
