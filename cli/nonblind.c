/* One picture, its PSF known. SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include "cli/nonblind.h"

#include "cli/job_inner.h"
#include "cli/psf_source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Options ---- */

static int usage(const char *option, const char *text, const char *why) {
    return options_refuse("deblur", option, text, why);
}

static int find(const char *name, dipper_deconvolve_method *out) {
    for (int i = 0; dipper_deconvolve_method_at(i, out) == DIPPER_OK; i++)
        if (strcmp(out->name, name) == 0) return 1;
    return 0;
}

int nonblind_is_known(const char *method) {
    dipper_deconvolve_method unused;
    return find(method, &unused);
}

static int unknown(const char *command, const char *name) {
    dipper_deconvolve_method m;
    fprintf(stderr, "dipper %s: '%s' is no non-blind method; there are", command, name);
    for (int i = 0; dipper_deconvolve_method_at(i, &m) == DIPPER_OK; i++)
        fprintf(stderr, "%s %s", i ? "," : "", m.name);
    fputc('\n', stderr);
    return DIPPER_ERROR_ARGUMENT;
}

int nonblind_check(const char *command, const char *option, const char *method) {
    dipper_deconvolve_method m;
    if (!find(method, &m)) return unknown(command, method);
    if (m.available) return 0;
    return options_refuse(command, option, method, "needs FFTW, which this build lacks; sparse does without");
}

/* `word` (may be NULL) leaves the default; *out is only set by a number in [minimum, maximum]. */
static int number(const char *option, const char *text, const char *word, double minimum, double maximum, double *out) {
    double value;
    char why[96];
    if (!text || (word && strcmp(text, word) == 0)) return 0;
    if (parse_real(text, &value) && value >= minimum && value <= maximum) {
        *out = value;
        return 0;
    }
    snprintf(why, sizeof why, "is not %s%sa number from %g to %g", word ? word : "", word ? " or " : "", minimum,
             maximum);
    return usage(option, text, why);
}

/* Half of the machine's memory, so that the picture and other programs have the rest. */
size_t nonblind_usual_memory(void) {
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (size_t)pages / 2 * (size_t)bytes : 0;
}

static int read_options(const nonblind_options *o, dipper_deconvolve_options *out) {
    dipper_deconvolve_method m;
    double iterations = 0;
    dipper_deconvolve_options_init(out);
    out->method = o->method;
    out->edges = o->edges;
    int code = nonblind_check("deblur", "--method", o->method);
    if (code) return code;
    find(o->method, &m);
    if (o->iterations && m.iterations == 0) return usage("--iterations", o->iterations, "this method has none");
    if (o->weight && !m.weighted) return usage("--weight", o->weight, "this method has no prior and takes none");
    if (o->exponent && !m.exponent_help[0]) return usage("--exponent", o->exponent, "this method has none");
    if (strcmp(o->edges, "auto") != 0 && !strstr(m.edges, o->edges))
        return usage("--edges", o->edges,
                     "this method cannot do that; it has auto and those of docs/methods/nonblind.md");
    if (o->box && !m.box) return usage("--box", NULL, "only hyperlaplacian and tv can keep to 0 to 1");
    code = number("--iterations", o->iterations, NULL, 1, 1000000, &iterations);
    if (!code) code = number("--weight", o->weight, "auto", 0, 1e6, &out->weight);
    if (!code) code = number("--exponent", o->exponent, NULL, m.bounds ? 0.01 : 0, m.bounds ? 2 : 8, &out->exponent);
    if (!code) code = number("--saturation", o->saturation, "auto", 0, 1e6, &out->saturation);
    if (!code && iterations != floor(iterations)) code = usage("--iterations", o->iterations, "is not a whole number");
    out->iterations = (int)iterations;
    out->box = o->box;
    out->memory_bytes = o->max_memory ? (size_t)o->max_memory << 20 : nonblind_usual_memory();
    return code;
}

/* A pixel is known where any channel is not 0. */
static int read_mask(const char *path, console *c, job_nonblind_settings *out) {
    io_error error = {""};
    if (!path) return 0;
    const dipper_status status = picture_read(path, &out->mask, &error);
    if (status) {
        console_error(c, "%s", error.text);
        return (int)status;
    }
    const size_t n = (size_t)out->mask->width * (size_t)out->mask->height;
    for (int k = 1; k < out->mask->channels; k++)
        for (size_t i = 0; i < n; i++)
            if (out->mask->data[(size_t)k * n + i] != 0) out->mask->data[i] = 1;
    out->mask_file = path;
    out->mask_view = dipper_image_view(out->mask->data, out->mask->width, out->mask->height, 1);
    return 0;
}

int nonblind_open(const nonblind_options *o, dipper_context *context, console *c, job_nonblind_settings *out) {
    const psf_source source = {.file = o->psf, .rotate = o->rotate};
    psf_data psf = {0};
    int code = read_options(o, &out->options);
    if (!code) code = read_mask(o->mask, c, out);
    if (code || !o->psf) return code;
    code = psf_source_get("deblur", &source, context, c, &psf);
    out->psf_file = o->psf;
    out->psf = psf.values;
    out->psf_width = psf.width;
    out->psf_height = psf.height;
    return code;
}

void nonblind_close(job_nonblind_settings *s) {
    free(s->psf);
    s->psf = NULL;
    picture_destroy(&s->mask);
}

void nonblind_print(const job_nonblind_settings *s) {
    const dipper_deconvolve_options *o = &s->options;
    if (s->psf_file)
        printf("psf = %s\npsf-size = %dx%d\n", s->psf_file, s->psf_width, s->psf_height);
    else
        printf("nonblind = %s\n", o->method);
    printf("weight = %g\nexponent = %g\nedges = %s\nsaturation = %g\nbox = %d\niterations = %d\n", o->weight,
           o->exponent, o->edges, o->saturation, o->box, o->iterations);
    printf("mask = %s\n", s->mask_file ? s->mask_file : "");
    puts("# below 0, or 0 iterations: the method's own");
}

/* ---- The run ---- */

/* With the seconds of what came before. */
static int on_progress(const dipper_progress *progress, void *user) {
    job *j = user;
    dipper_progress all = *progress;
    all.seconds += j->seconds;
    return job_watch(j, &all);
}

static dipper_status check_mask(job *j) {
    const job_nonblind_settings *s = j->settings->nonblind;
    const io_picture *p = j->picture, *mask = s->mask;
    if (!mask || (mask->width == p->width && mask->height == p->height)) return DIPPER_OK;
    return io_fail(&j->error, DIPPER_ERROR_INPUT, "%s: a picture of %d x %d pixels, but the mask %s has %d x %d",
                   j->input, p->width, p->height, s->mask_file, mask->width, mask->height);
}

/* The centroid moves the picture: a far-off one is most often a PSF that was cut badly. */
static dipper_status prepare(job *j) {
    const job_nonblind_settings *s = j->settings->nonblind;
    dipper_psf_info info = {.struct_size = sizeof info};
    dipper_status status = dipper_psf_describe(j->settings->context, s->psf, s->psf_width, s->psf_height, &info);
    if (status) return job_library_failed(j, status);
    if (fabs(info.centroid_x) > 0.25 * s->psf_width || fabs(info.centroid_y) > 0.25 * s->psf_height)
        console_note(j->settings->console,
                     "%s: the PSF's centroid lies (%.1f, %.1f) px off its centre; the result is moved as much",
                     j->input, info.centroid_x, info.centroid_y);
    return check_mask(j);
}

static void say(const job *j) {
    console *c = j->settings->console;
    if (j->info.saturated)
        console_note(c,
                     "%s: %zu samples are %g or brighter and are taken as saturated (--saturation 0 if they are not)",
                     j->input, j->info.saturated, j->info.saturation);
    if (j->info.masked) console_note(c, "%s: %zu pixels are missing (--mask)", j->input, j->info.masked);
    console_detail(c, "%s: noise %.4g, weight %.4g, edges %s, tiles %d, %zu MB", j->input, j->info.noise_sigma,
                   j->info.weight, j->info.edges, j->info.tiles, j->info.memory_bytes >> 20);
}

dipper_status job_deconvolve(job *j, const float *psf, int width, int height) {
    const double begun = wall_seconds();
    const job_nonblind_settings *s = j->settings->nonblind;
    dipper_deconvolve_options options = s->options;
    dipper_image blurred = picture_view(j->picture), out = picture_view(j->picture);
    out = dipper_image_view(j->planes, out.width, out.height, out.channels);
    j->info.struct_size = sizeof j->info;
    options.noise_sigma = j->settings->noise_sigma;
    options.progress = on_progress;
    options.user = j;
    options.info = &j->info;
    options.mask = s->mask ? &s->mask_view : NULL;
    const dipper_status status = dipper_deconvolve(j->settings->context, &blurred, psf, width, height, &options, &out);
    console_end(j->settings->console);
    j->seconds += wall_seconds() - begun;
    if (j->info.memory_bytes > j->memory_bytes) j->memory_bytes = j->info.memory_bytes;
    j->result->status = status;
    if (status && status != DIPPER_ERROR_CANCELLED) return job_library_failed(j, status);
    j->psf_width = width;
    j->psf_height = height;
    say(j);
    return DIPPER_OK;
}

static dipper_status run(job *j) {
    const job_nonblind_settings *s = j->settings->nonblind;
    return job_deconvolve(j, s->psf, s->psf_width, s->psf_height);
}

void job_explain_deconvolution(job *j) {
    if (j->result->status != DIPPER_ERROR_CANCELLED) return;
    io_fail(&j->error, j->result->status, "%s: stopped by %s; the result so far is written", j->input,
            j->end == END_TIME ? "--max-time" : "a signal");
}

void job_describe_deconvolution(const job *j, run_record *r) {
    r->task = "deblur";
    r->noise_sigma = j->info.noise_sigma;
    r->weight = j->info.weight;
    r->exponent = j->info.exponent;
    r->edges = j->info.edges;
    r->mask = j->settings->nonblind->mask_file;
    r->masked = j->info.masked;
    r->tiles = j->info.tiles;
    r->saturated = j->info.saturated;
    r->iterations_done = r->iterations_planned = j->info.iterations;
    r->seconds_solver = j->seconds;
    r->memory_solver_bytes = j->memory_bytes;
}

static void describe(const job *j, run_record *r) {
    const job_nonblind_settings *s = j->settings->nonblind;
    job_describe_deconvolution(j, r);
    r->psf_width_told = s->psf_width;
    r->psf_height_told = s->psf_height;
    r->psf_input = s->psf_file;
    r->psf_size_from = "user";
}

const job_manner job_nonblind = {prepare, run, job_explain_deconvolution, describe};
