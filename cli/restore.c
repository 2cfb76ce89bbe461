/* What the commands that restore pictures have in common. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "cli/restore.h"

#include "cli/library.h"
#include "cli/recipe_text.h"
#include "cli/stop.h"
#include "io/image_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const double USUAL_EVERY = 60; /* s; a checkpoint takes a fraction of one */

/* ---- Options ---- */

static int usage(const restore *r, const char *option, const char *text, const char *why) {
    return options_refuse(r->command->table->command, option, text, why);
}

static int parse_noise(restore *r) {
    const char *text = r->options->noise;
    double *sigma = &r->settings.noise_sigma;
    *sigma = -1;
    if (strcmp(text, "auto") == 0) return 0;
    if (parse_real(text, sigma) && *sigma >= 0) return 0;
    return usage(r, "--noise", text, "is not auto or a number from 0 upwards");
}

static int check_checkpoint(const restore *r) {
    const restore_options *o = r->options;
    const char *file = o->checkpoint;
    if (!file && o->resume) return usage(r, "--resume", NULL, "needs --checkpoint FILE");
    if (!file && !isnan(o->checkpoint_every)) return usage(r, "--checkpoint-every", NULL, "needs --checkpoint FILE");
    if (!file) return 0;
    if (r->settings.nonblind || r->settings.automatic)
        return usage(r, "--checkpoint", file, "is for recipes; this method has no state to keep");
    return r->inputs.count > 1 ? usage(r, "--checkpoint", file, "cannot be given with several inputs") : 0;
}

static int check_options(restore *r) {
    const restore_options *o = r->options;
    int code = parse_noise(r);
    if (!code) code = check_checkpoint(r);
    if (code) return code;
    if (r->inputs.count == 0 && !o->print_config) return usage(r, "input", NULL, "name a picture");
    if (io_have_json() || !o->json) return 0;
    return usage(r, "--json", NULL, "this build has no jansson and writes no records");
}

static int print_config(const restore *r) {
    const restore_options *o = r->options;
    printf("# dipper %s %s\n", DIPPER_VERSION_STRING, r->command->table->command);
    printf("method = %s\nnoise = %s\n", o->method, o->noise);
    printf("seed = %llu\ndevice = %s\nthreads = %d\nmax-time = %g\n", (unsigned long long)o->seed, o->device,
           dipper_context_threads(r->settings.context), o->max_time);
    if (r->command->print) r->command->print(r);
    if (!r->recipe) return 0;
    puts("# fields of the recipe, for --set");
    recipe_print(r->recipe, stdout);
    return 0;
}

/* ---- The batch ---- */

typedef struct batch {
    const text_list *inputs;
    job_names *names;
    job_result *results;
} batch;

static int same_file(const job_names *a, const job_names *b) {
    return !strcmp(a->image, b->image) || !strcmp(a->prefix, b->prefix) || !strcmp(a->psf_npy, b->psf_npy);
}

static int make_directory(const char *path) {
    if (path_is_directory(path) || mkdir(path, 0777) == 0) return 0;
    fprintf(stderr, "dipper: %s: cannot be made a directory for the results: %s\n", path, strerror(errno));
    return DIPPER_ERROR_OUTPUT;
}

/* Several inputs, or a directory as the output, are named after the inputs. */
static int make_names(const restore *r, batch *b) {
    const char *out = r->options->output;
    size_t length = out ? strlen(out) : 0;
    int several = b->inputs->count > 1;
    int directory = out && (several || path_is_directory(out) || (length && out[length - 1] == '/'));
    const char *deviation = r->options->uncertainty;
    const names_request request = {out, directory, r->psf_out, deviation, r->command->endings};
    if (several && r->psf_out) return usage(r, "--psf-out", r->psf_out, "cannot be given with several inputs");
    if (several && deviation) return usage(r, "--uncertainty", deviation, "cannot be given with several inputs");
    if (directory && make_directory(out)) return DIPPER_ERROR_OUTPUT;
    for (int i = 0; i < b->inputs->count; i++) {
        io_error error = {""};
        dipper_status status = names_make(b->inputs->items[i], &request, &b->names[i], &error);
        if (status) {
            fprintf(stderr, "dipper: %s\n", error.text);
            return (int)status;
        }
        for (int k = 0; k < i; k++)
            if (same_file(&b->names[i], &b->names[k]))
                return usage(r, "inputs", b->inputs->items[i], "its results would have the names of another input's");
    }
    return 0;
}

static void print_table(const batch *b) {
    fprintf(stderr, "%-10s %9s %11s  %s\n", "outcome", "seconds", "pixels", "picture");
    for (int i = 0; i < b->inputs->count; i++) {
        const job_result *r = &b->results[i];
        char outcome[24] = "done", size[32] = "-";
        if (r->status) snprintf(outcome, sizeof outcome, "failed (%d)", (int)r->status);
        if (r->status == DIPPER_ERROR_CANCELLED) snprintf(outcome, sizeof outcome, r->written ? "stopped" : "not run");
        if (r->width) snprintf(size, sizeof size, "%dx%d", r->width, r->height);
        fprintf(stderr, "%-10s %9.1f %11s  %s\n", outcome, r->seconds, size, b->inputs->items[i]);
    }
}

static int run_batch(const job_settings *s, batch *b) {
    int failed = 0, stopped = 0, count = b->inputs->count;
    if (!io_have_json()) console_note(s->console, "this build has no jansson: no .run.json is written");
    for (int i = 0; i < count; i++) {
        if (stop_requested()) {
            b->results[i].status = DIPPER_ERROR_CANCELLED;
            stopped = 1;
            continue;
        }
        job_run(s, b->inputs->items[i], &b->names[i], &b->results[i]);
        failed += b->results[i].status && b->results[i].status != DIPPER_ERROR_CANCELLED;
        stopped |= b->results[i].status == DIPPER_ERROR_CANCELLED;
    }
    if (count == 1) return (int)b->results[0].status;
    if (!s->console->quiet || failed) print_table(b);
    return stopped && (!failed || stop_requested()) ? DIPPER_ERROR_CANCELLED : failed ? EXIT_BATCH : 0;
}

static int run_all(const restore *r) {
    size_t count = (size_t)r->inputs.count;
    batch b = {&r->inputs, calloc(count, sizeof(job_names)), calloc(count, sizeof(job_result))};
    int code = DIPPER_ERROR_MEMORY;
    if (b.names && b.results) {
        code = make_names(r, &b);
        if (!code) code = run_batch(&r->settings, &b);
    } else {
        fprintf(stderr, "dipper: out of memory\n");
    }
    free(b.names);
    free(b.results);
    return code;
}

/* ---- The command ---- */

static void fill_settings(restore *r, const command_line *line) {
    const restore_options *o = r->options;
    r->settings = (job_settings){.seed = o->seed,
                                 .seed_weights = o->seed_weights,
                                 .seed_input = o->seed_input,
                                 .recover = !o->no_recover,
                                 .max_seconds = o->max_time,
                                 .snapshot_every = o->snapshot_every,
                                 .checkpoint = o->checkpoint,
                                 .checkpoint_every = isnan(o->checkpoint_every) ? USUAL_EVERY : o->checkpoint_every,
                                 .resume = o->resume,
                                 .overwrite = o->overwrite,
                                 .json = o->json,
                                 .argc = line->full_argc,
                                 .argv = line->full_argv,
                                 .console = &r->console};
}

/* Said before the work begins: what gives no uncertainty cannot write one. */
static int check_uncertainty(const restore *r) {
    const char *file = r->options->uncertainty;
    if (!file) return 0;
    if (!r->recipe) return usage(r, "--uncertainty", file, "is for recipes; this method gives none");
    if (recipe_has(r->recipe, "average", "0") && recipe_has(r->recipe, "output", "mean"))
        return usage(r, "--uncertainty", file,
                     "this recipe gives none: add --set average=100 (the spread of the last 100 outputs), or take one "
                     "with a posterior (vdip-sparse)");
    return 0;
}

/* The library, the recipe (a method that is none says so in the settings), and what the command itself needs. */
static int open_all(restore *r) {
    const restore_options *o = r->options;
    const recipe_changes changes = {o->set.items, o->set.count, o->iterations};
    dipper_context **context = &r->settings.context;
    int code = library_open(o->device, o->threads, context);
    r->settings.recipe_name = o->method;
    if (!code && !r->settings.nonblind && !r->settings.automatic)
        code = library_recipe(*context, o->method, &changes, &r->recipe);
    r->settings.recipe = r->recipe;
    if (!code) code = check_uncertainty(r);
    return !code && r->command->open ? r->command->open(r) : code;
}

/* What a GPU would do. */
static int runs_network(const restore *r) {
    const job_auto_settings *a = r->settings.automatic;
    return r->recipe || (a && a->preset == DIPPER_PRESET_BEST);
}

static int run(restore *r, const command_line *line) {
    const restore_options *o = r->options;
    fill_settings(r, line);
    console_open(&r->console, o->progress, o->quiet, o->verbose);
    int code = r->command->check(r);
    if (!code) code = check_options(r);
    if (!code) code = open_all(r);
    if (!code) {
        const dipper_context *context = r->settings.context;
        console_detail(&r->console, "%s, %d threads, method %s", dipper_context_device(context),
                       dipper_context_threads(context), o->method);
        if (runs_network(r) && *dipper_context_passed_over(context))
            console_note(&r->console, "on the CPU: %s", dipper_context_passed_over(context));
        stop_install();
        code = o->print_config ? print_config(r) : run_all(r);
    }
    dipper_recipe_destroy(&r->recipe);
    dipper_context_destroy(&r->settings.context);
    return code;
}

int restore_run(const restore_command *command, restore_options *options, const command_line *line) {
    restore r = {.command = command, .options = options};
    options->noise = options->device = options->progress = "auto";
    options->checkpoint_every = NAN;
    options->seed_weights = options->seed_input = DIPPER_SEED_SAME;
    int code = options_parse(command->table, line->argc, line->argv, options, &r.inputs);
    if (!code && options->help)
        options_help(command->table, stdout);
    else if (!code) {
        options->device = library_device(options->device, options->precision, r.device);
        code = run(&r, line);
    }
    options_free(command->table, options, &r.inputs);
    return code;
}
