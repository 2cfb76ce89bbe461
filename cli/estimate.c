/* dipper estimate: how a picture was blurred. SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/estimator.h"
#include "cli/options.h"
#include "cli/stop.h"
#include "io/image_file.h"
#include "io/output.h"
#include "io/psf_file.h"

#include <stdlib.h>
#include <string.h>

typedef struct estimate_options {
    const char *output, *psf_size, *method, *roi, *noise, *iterations, *progress;
    text_list set;
    int threads, max_memory, overwrite, quiet, verbose, help;
    double max_time;
} estimate_options;

#define AT(member) offsetof(estimate_options, member)

static const option_row rows[] = {
    {'o', "output", "FILE", OPTION_TEXT, AT(output), 0, 0, NULL,
     "the PSF, .npy or .png; the other one goes beside it (default: NAME_psf.npy and NAME_psf.png)"},
    {'k', "kernel-size", "SIZE", OPTION_TEXT, AT(psf_size), 0, 0, NULL,
     "width of the blur (PSF) in pixels, odd, or WxH, rather too large than too small; auto (default) takes 31"},
    {'m', "method", "NAME", OPTION_TEXT, AT(method), 0, 0, NULL, "default: map-l0 (dipper info lists them)"},
    {'n', "iterations", "N", OPTION_TEXT, AT(iterations), 0, 0, NULL, "per scale; default: the method's"},
    {0, "set", "FIELD=VALUE", OPTION_LIST, AT(set), 0, 0, NULL,
     "change a setting of the method; may be repeated (dipper info lists them)"},
    {0, "roi", ESTIMATOR_ROI, OPTION_TEXT, AT(roi), 0, 0, NULL, ESTIMATOR_ROI_HELP},
    {0, "noise", "SIGMA", OPTION_TEXT, AT(noise), 0, 0, NULL,
     "standard deviation of the noise, with pictures in 0 to 1; auto (default) estimates it"},
    {0, "max-memory", "MB", OPTION_INT, AT(max_memory), 0, 1000000000, NULL, "refuse what needs more; 0: no limit"},
    {0, "max-time", "SECONDS", OPTION_REAL, AT(max_time), 0, 1e9, NULL,
     "give up after so many seconds; 0 (default) is no limit"},
    {'j', "threads", "N", OPTION_INT, AT(threads), 0, 1024, NULL, "threads; 0 (default) is one for each core"},
    {0, "progress", "MODE", OPTION_CHOICE, AT(progress), 0, 0, "auto|plain|json|none",
     "auto (default): a bar on a terminal, else a line about every 2 s; plain, json (one object a line), none"},
    {'q', "quiet", NULL, OPTION_FLAG, AT(quiet), 0, 0, NULL, "say nothing but errors"},
    {'v', "verbose", NULL, OPTION_FLAG, AT(verbose), 0, 0, NULL, "say more"},
    {'f', "overwrite", NULL, OPTION_FLAG, AT(overwrite), 0, 0, NULL, "overwrite files that exist"},
    {'h', "help", NULL, OPTION_FLAG, AT(help), 0, 0, NULL, "print this"},
};

static const option_table table = {"estimate",
                                   "PICTURE",
                                   "Finds how a picture was blurred, by the classical methods, and writes the PSF.\n"
                                   "Prints the names of the files on stdout; dipper deblur --psf takes the first.",
                                   rows,
                                   sizeof rows / sizeof *rows,
                                   "Exit codes: 0 done, 2 usage, 3 input, 4 output, 5 memory, 8 stopped by time or\n"
                                   "signal (nothing is written). docs/methods/classical.md tells how the methods\n"
                                   "work and when they fail."};

typedef struct estimate_job {
    const estimate_options *options;
    console console;
    dipper_context *context;
    job_estimate_settings settings;
    io_picture *picture;
    job_names names;
    float *psf;
    io_error error;
    int timed_out;
} estimate_job;

static int usage(const char *option, const char *text, const char *why) {
    return options_refuse("estimate", option, text, why);
}

static int read_options(estimate_job *j, const char *input) {
    const estimate_options *o = j->options;
    dipper_estimate_options *e = &j->settings.options;
    const recipe_changes changes = {o->set.items, o->set.count, o->iterations};
    int code = estimator_open("estimate", o->method, &changes, o->roi, &j->settings);
    if (code) return code;
    const char *why = strcmp(o->psf_size, "auto") ? library_psf_size(o->psf_size, &e->psf_width, &e->psf_height) : NULL;
    if (why) return usage("--kernel-size", o->psf_size, why);
    if (strcmp(o->noise, "auto") != 0 && (!parse_real(o->noise, &e->noise_sigma) || e->noise_sigma < 0))
        return usage("--noise", o->noise, "is not auto or a number from 0 upwards");
    e->memory_bytes = (size_t)o->max_memory << 20;
    const names_request request = {NULL, 0, o->output, NULL, {"", "_deblurred"}};
    return (int)names_make(input, &request, &j->names, &j->error);
}

static int on_progress(const dipper_progress *progress, void *user) {
    estimate_job *j = user;
    console_progress(&j->console, progress);
    j->timed_out |= j->options->max_time > 0 && progress->seconds >= j->options->max_time;
    return j->timed_out || stop_requested();
}

static void choose_size(estimate_job *j, const char *input) {
    dipper_estimate_options *e = &j->settings.options;
    const int w = e->width ? e->width : j->picture->width, h = e->width ? e->height : j->picture->height;
    if (strcmp(j->options->psf_size, "auto") != 0) return;
    e->psf_width = e->psf_height = library_usual_psf_size(w, h);
    console_note(&j->console, "%s: PSF size taken as %d x %d px; give it with -k if you know it", input, e->psf_width,
                 e->psf_height);
}

static dipper_status failed(estimate_job *j, const char *input, dipper_status status) {
    if (status == DIPPER_ERROR_CANCELLED)
        return io_fail(&j->error, status, "%s: stopped by %s before there was a PSF; nothing is written", input,
                       j->timed_out ? "--max-time" : "a signal");
    return io_fail(&j->error, status, "%s: %s", input, dipper_context_message(j->context));
}

static dipper_status estimate(estimate_job *j, const char *input) {
    dipper_estimate_options *e = &j->settings.options;
    dipper_estimate_info info = {.struct_size = sizeof info};
    const double begun = wall_seconds();
    dipper_image view = picture_view(j->picture);
    choose_size(j, input);
    e->progress = on_progress;
    e->user = j;
    e->info = &info;
    j->psf = malloc((size_t)e->psf_width * (size_t)e->psf_height * sizeof *j->psf);
    if (!j->psf) return io_fail(&j->error, DIPPER_ERROR_MEMORY, "%s: no memory for its PSF", input);
    console_begin(&j->console, input);
    dipper_status status = estimator_choose_region(&j->settings, j->context, &view, input, &j->console, e);
    if (!status) status = dipper_estimate_psf(j->context, &view, e, j->psf);
    console_end(&j->console);
    if (status) return failed(j, input, status);
    console_detail(&j->console, "%s: %s, noise %.4g, %d x %d px looked at, %.2f s", input, e->method, info.noise_sigma,
                   info.width, info.height, wall_seconds() - begun);
    return DIPPER_OK;
}

static dipper_status write(estimate_job *j) {
    const int w = j->settings.options.psf_width, h = j->settings.options.psf_height, f = j->options->overwrite;
    IO_TRY(psf_write_npy(j->psf, w, h, j->names.psf_npy, f, &j->error));
    puts(j->names.psf_npy);
    if (io_have_vips()) IO_TRY(psf_write_picture(j->psf, w, h, j->names.psf_png, f, &j->error));
    if (io_have_vips()) puts(j->names.psf_png);
    if (!fflush(stdout) && !ferror(stdout)) return DIPPER_OK;
    return io_fail(&j->error, DIPPER_ERROR_OUTPUT, "standard output cannot be written to");
}

static dipper_status work(estimate_job *j, const char *input) {
    IO_TRY(output_check(j->names.psf_npy, j->options->overwrite, &j->error));
    if (io_have_vips()) IO_TRY(output_check(j->names.psf_png, j->options->overwrite, &j->error));
    IO_TRY(picture_read(input, &j->picture, &j->error));
    if (j->picture->note[0]) console_note(&j->console, "%s: %s", input, j->picture->note);
    IO_TRY(estimate(j, input));
    return write(j);
}

static int run(const estimate_options *o, const text_list *inputs) {
    estimate_job j = {.options = o};
    console_open(&j.console, o->progress, o->quiet, o->verbose);
    if (inputs->count != 1) return usage("picture", inputs->count ? inputs->items[1] : NULL, "name one picture");
    int code = read_options(&j, inputs->items[0]);
    if (!code) code = library_open("cpu", o->threads, &j.context);
    if (!code) {
        stop_install();
        code = (int)work(&j, inputs->items[0]);
    }
    if (j.error.text[0]) console_error(&j.console, "%s", j.error.text);
    free(j.psf);
    picture_destroy(&j.picture);
    dipper_context_destroy(&j.context);
    return code;
}

int command_estimate(const command_line *line) {
    estimate_options o = {.psf_size = "auto", .method = "map-l0", .noise = "auto", .progress = "auto"};
    text_list inputs = {0};
    int code = options_parse(&table, line->argc, line->argv, &o, &inputs);
    if (!code && o.help)
        options_help(&table, stdout);
    else if (!code)
        code = run(&o, &inputs);
    options_free(&table, &o, &inputs);
    return code;
}
