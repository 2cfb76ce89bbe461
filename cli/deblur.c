/* dipper deblur: deconvolution of pictures, blind or with a known PSF. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "cli/commands.h"
#include "cli/job.h"
#include "cli/library.h"
#include "cli/nonblind.h"
#include "cli/options.h"
#include "cli/recipe_text.h"
#include "cli/stop.h"
#include "io/image_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Options ---- */

typedef struct deblur_options {
    const char *output, *psf_size, *method, *iterations, *device, *psf_out, *progress, *noise;
    nonblind_options nonblind; /* but for method and iterations */
    text_list set;
    uint64_t seed;
    int threads, snapshot_every, json, quiet, verbose, overwrite, print_config, help;
    double max_time;
} deblur_options;

#define AT(member) offsetof(deblur_options, member)

static const option_row rows[] = {
    {'o', "output", "FILE|DIR", OPTION_TEXT, AT(output), 0, 0, NULL,
     "result; a directory if there are several inputs (default: NAME_deblurred.EXT beside the input)"},
    {'k', "kernel-size", "SIZE", OPTION_TEXT, AT(psf_size), 0, 0, NULL,
     "width of the blur (PSF) in pixels, odd, or WxH, rather too large than too small; auto (default) takes 31"},
    {'m', "method", "NAME", OPTION_TEXT, AT(method), 0, 0, NULL,
     "recipe: fast (default), selfdeblur ...; with --psf: sparse (default), tv ... (dipper info lists them)"},
    {'n', "iterations", "N", OPTION_TEXT, AT(iterations), 0, 0, NULL,
     "iterations, shared out among the recipe's scales, or a list with one number for each"},
    {0, "psf", "FILE", OPTION_TEXT, AT(nonblind.psf), 0, 0, NULL,
     "the blur is known: .npy, text or picture (true convolution, what a point of light looks like)"},
    {0, "psf-rotate", NULL, OPTION_FLAG, AT(nonblind.rotate), 0, 0, NULL,
     "with --psf: turn it by 180 degrees first (it is a correlation kernel, as in much public data)"},
    {0, "weight", "W", OPTION_TEXT, AT(nonblind.weight), 0, 0, NULL,
     "with --psf: weight of the prior, larger is smoother; auto (default): from the noise"},
    {0, "exponent", "P", OPTION_TEXT, AT(nonblind.exponent), 0, 0, NULL,
     "with --psf: of |gradient| (sparse, hyperlaplacian) or of 1/f (wiener); default: the method's"},
    {0, "edges", "MODE", OPTION_CHOICE, AT(nonblind.edges), 0, 0, "auto|latent|taper|wrap",
     "with --psf, beyond the border: nothing is assumed (latent), opposite borders are joined smoothly (taper), the "
     "picture is periodic (wrap); auto (default): latent where the method can"},
    {0, "saturation", "LEVEL", OPTION_TEXT, AT(nonblind.saturation), 0, 0, NULL,
     "with --psf: brighter pixels only tell that it was at least as bright; 0: there are none; auto (default): 0.99 if "
     "the picture goes up to 1"},
    {0, "max-memory", "MB", OPTION_INT, AT(nonblind.max_memory), 0, 1000000000, NULL,
     "with --psf: refuse what needs more; 0 (default) is half of the machine's memory"},
    {0, "set", "FIELD=VALUE", OPTION_LIST, AT(set), 0, 0, NULL,
     "change a field of the recipe; may be repeated (dipper info --recipe NAME lists them)"},
    {0, "noise", "SIGMA", OPTION_TEXT, AT(noise), 0, 0, NULL,
     "standard deviation of the noise, with pictures in 0 to 1; auto (default) estimates it"},
    {0, "seed", "N", OPTION_U64, AT(seed), 0, 0, NULL,
     "start of the random numbers (default 0); the same seed gives the same result on the same machine"},
    {'j', "threads", "N", OPTION_INT, AT(threads), 0, 1024, NULL, "threads; 0 (default) is one for each core"},
    {0, "device", "NAME", OPTION_TEXT, AT(device), 0, 0, NULL,
     "auto (default), cpu, onednn (oneDNN's convolutions, slower), or ref (plain C, very slow)"},
    {0, "max-time", "SECONDS", OPTION_REAL, AT(max_time), 0, 1e9, NULL,
     "stop after so many seconds for each picture and write what there is; 0 (default) is no limit"},
    {0, "psf-out", "FILE", OPTION_TEXT, AT(psf_out), 0, 0, NULL,
     "where the PSF goes, .npy or .png; the other one goes beside it (default: NAME_psf.npy, NAME_psf.png)"},
    {0, "snapshot-every", "N", OPTION_INT, AT(snapshot_every), 0, 1000000000, NULL,
     "write the picture so far as NAME_000500.png ... every N iterations"},
    {0, "progress", "MODE", OPTION_CHOICE, AT(progress), 0, 0, "auto|plain|json|none",
     "auto (default): a bar on a terminal, else a line about every 2 s; plain, json (one object a line), none"},
    {0, "json", NULL, OPTION_FLAG, AT(json), 0, 0, NULL, "print the record of each run on stdout, one a line"},
    {'q', "quiet", NULL, OPTION_FLAG, AT(quiet), 0, 0, NULL, "say nothing but errors"},
    {'v', "verbose", NULL, OPTION_FLAG, AT(verbose), 0, 0, NULL, "say more"},
    {'f', "overwrite", NULL, OPTION_FLAG, AT(overwrite), 0, 0, NULL, "overwrite files that exist"},
    {0, "print-config", NULL, OPTION_FLAG, AT(print_config), 0, 0, NULL,
     "print the settings with all fields of the recipe, and do nothing"},
    {'h', "help", NULL, OPTION_FLAG, AT(help), 0, 0, NULL, "print this"},
};

static const option_table table = {"deblur",
                                   "IN...",
                                   "Restores blurred pictures and finds their blur (PSF). Writes NAME_deblurred.EXT,\n"
                                   "NAME_psf.npy, NAME_psf.png and NAME.run.json, and prints their names on stdout.\n"
                                   "With --psf FILE the blur is known; then no PSF is written.",
                                   rows,
                                   sizeof rows / sizeof *rows,
                                   "Exit codes: 0 done, 1 internal, 2 usage, 3 input, 4 output, 5 memory, 6 device,\n"
                                   "7 ran but do not trust it (result written), 8 stopped by time or signal (result\n"
                                   "written), 9 some of several pictures failed."};

static int usage(const char *option, const char *text, const char *why) {
    fprintf(stderr, "dipper deblur: %s '%s': %s (see dipper deblur --help)\n", option, text, why);
    return DIPPER_ERROR_ARGUMENT;
}

/* "auto", "N" or "WxH". */
static int parse_psf_size(const char *text, job_settings *s) {
    if (strcmp(text, "auto") == 0) return 0;
    const char *why = library_psf_size(text, &s->psf_width, &s->psf_height);
    return why ? usage("--kernel-size", text, why) : 0;
}

static int parse_noise(const char *text, job_settings *s) {
    s->noise_sigma = -1;
    if (strcmp(text, "auto") == 0) return 0;
    if (parse_real(text, &s->noise_sigma) && s->noise_sigma >= 0) return 0;
    return usage("--noise", text, "is not auto or a number from 0 upwards");
}

/* What only one of the two manners has, refused in the other. */
static int check_manner(const deblur_options *o) {
    const nonblind_options *n = &o->nonblind;
    if (n->psf) {
        if (strcmp(o->psf_size, "auto") != 0) return usage("--kernel-size", o->psf_size, "--psf says the size already");
        if (o->set.count) return usage("--set", o->set.items[0], "fields are of recipes; with --psf there are options");
        if (o->psf_out) return usage("--psf-out", o->psf_out, "with --psf no PSF is found (dipper psf converts files)");
        if (o->snapshot_every) return usage("--snapshot-every", "", "there are no snapshots with --psf");
        if (recipe_is_known(o->method)) return usage("--method", o->method, "finds the PSF itself: leave --psf out");
        return 0;
    }
    if (nonblind_is_known(o->method))
        return usage("--method", o->method, "needs to know the blur: give it by --psf FILE");
    if (n->weight) return usage("--weight", n->weight, "needs --psf FILE");
    if (n->exponent) return usage("--exponent", n->exponent, "needs --psf FILE");
    if (strcmp(n->edges, "auto") != 0) return usage("--edges", n->edges, "needs --psf FILE");
    if (strcmp(n->saturation, "auto") != 0) return usage("--saturation", n->saturation, "needs --psf FILE");
    if (n->max_memory) return usage("--max-memory", "", "needs --psf FILE");
    return n->rotate ? usage("--psf-rotate", "", "needs --psf FILE") : 0;
}

/* ---- Context and recipe ---- */

static int open_library(const deblur_options *o, dipper_context **context, console *c, dipper_recipe **recipe,
                        job_nonblind_settings *known) {
    const recipe_changes changes = {o->set.items, o->set.count, o->iterations};
    nonblind_options n = o->nonblind;
    const int code = library_open(o->device, o->threads, context);
    n.method = o->method;
    n.iterations = o->iterations;
    if (code) return code;
    return n.psf ? nonblind_open(&n, *context, c, known) : library_recipe(*context, o->method, &changes, recipe);
}

static int print_config(const deblur_options *o, const job_settings *s) {
    printf("# dipper %s deblur\n", DIPPER_VERSION_STRING);
    printf("method = %s\nkernel-size = %s\nnoise = %s\n", o->method, o->psf_size, o->noise);
    printf("seed = %llu\ndevice = %s\nthreads = %d\nmax-time = %g\n", (unsigned long long)o->seed, o->device,
           dipper_context_threads(s->context), o->max_time);
    if (s->nonblind) {
        nonblind_print(s->nonblind);
        return 0;
    }
    puts("# fields of the recipe, for --set");
    recipe_print(s->recipe, stdout);
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
static int make_names(const deblur_options *o, batch *b) {
    const char *out = o->output;
    size_t length = out ? strlen(out) : 0;
    int several = b->inputs->count > 1;
    int directory = out && (several || path_is_directory(out) || (length && out[length - 1] == '/'));
    if (several && o->psf_out) return usage("--psf-out", o->psf_out, "cannot be given with several inputs");
    if (directory && make_directory(out)) return DIPPER_ERROR_OUTPUT;
    for (int i = 0; i < b->inputs->count; i++) {
        io_error error = {""};
        dipper_status status = names_make(b->inputs->items[i], out, directory, o->psf_out, &b->names[i], &error);
        if (status) {
            fprintf(stderr, "dipper: %s\n", error.text);
            return (int)status;
        }
        for (int k = 0; k < i; k++)
            if (same_file(&b->names[i], &b->names[k]))
                return usage("inputs", b->inputs->items[i], "its results would have the names of another input's");
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

static int deblur_all(const deblur_options *o, const job_settings *s, const text_list *inputs) {
    size_t count = (size_t)inputs->count;
    batch b = {inputs, calloc(count, sizeof(job_names)), calloc(count, sizeof(job_result))};
    int code = DIPPER_ERROR_MEMORY;
    if (b.names && b.results) {
        code = make_names(o, &b);
        if (!code) code = run_batch(s, &b);
    } else {
        fprintf(stderr, "dipper: out of memory\n");
    }
    free(b.names);
    free(b.results);
    return code;
}

/* ---- The command ---- */

static int check_build(const deblur_options *o) {
    if (io_have_json() || !o->json) return 0;
    fputs("dipper: --json: this build has no jansson and writes no records\n", stderr);
    return DIPPER_ERROR_ARGUMENT;
}

static int deblur(const deblur_options *o, const text_list *inputs, const command_line *line) {
    console c;
    dipper_context *context = NULL;
    dipper_recipe *recipe = NULL;
    job_nonblind_settings known = {0};
    job_settings s = {.seed = o->seed,
                      .max_seconds = o->max_time,
                      .snapshot_every = o->snapshot_every,
                      .overwrite = o->overwrite,
                      .json = o->json,
                      .recipe_name = o->method,
                      .nonblind = o->nonblind.psf ? &known : NULL,
                      .argc = line->full_argc,
                      .argv = line->full_argv,
                      .console = &c};
    console_open(&c, o->progress, o->quiet, o->verbose);
    int code = check_manner(o);
    if (!code) code = parse_psf_size(o->psf_size, &s);
    if (!code) code = parse_noise(o->noise, &s);
    if (!code && inputs->count == 0 && !o->print_config) code = usage("input", "", "name a picture");
    if (!code) code = check_build(o);
    if (!code) code = open_library(o, &context, &c, &recipe, &known);
    s.context = context;
    s.recipe = recipe;
    if (!code) {
        console_detail(&c, "%s, %d threads, method %s", dipper_context_device(context), dipper_context_threads(context),
                       o->method);
        stop_install();
        code = o->print_config ? print_config(o, &s) : deblur_all(o, &s, inputs);
    }
    free(known.psf);
    dipper_recipe_destroy(&recipe);
    dipper_context_destroy(&context);
    return code;
}

int command_deblur(const command_line *line) {
    deblur_options o = {.psf_size = "auto", .device = "auto", .progress = "auto", .noise = "auto"};
    o.nonblind.edges = o.nonblind.saturation = "auto";
    text_list inputs = {0};
    int code = options_parse(&table, line->argc, line->argv, &o, &inputs);
    if (!o.method) o.method = o.nonblind.psf ? "sparse" : "fast";
    if (!code && o.help)
        options_help(&table, stdout);
    else if (!code)
        code = deblur(&o, &inputs, line);
    options_free(&table, &o, &inputs);
    return code;
}
