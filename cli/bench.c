/* dipper bench: methods over a data set. SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include "cli/commands.h"
#include "cli/estimator.h"
#include "cli/library.h"
#include "cli/nonblind.h"
#include "cli/runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

typedef struct bench_options {
    const char *data, *psf_size, *iterations, *cases, *protocol, *nonblind;
    text_list methods, set;
    int seeds, oracle;
    runs_options runs;
} bench_options;

#define AT(member) offsetof(bench_options, member)

static const option_row rows[] = {
    {0, "data", "DIR", OPTION_TEXT, AT(data), 0, 0, NULL, "folder of the data set"},
    RUNS_ROW_OUTPUT(AT(runs), "folder of the results; what is there is kept and not done again"),
    {'m', "method", "NAME", OPTION_LIST, AT(methods), 0, 0, NULL,
     "recipe (default fast) or classical method (map-l0 ...); may be repeated (dipper info lists them)"},
    {0, "nonblind", "NAME", OPTION_TEXT, AT(nonblind), 0, 0, NULL,
     "what restores the picture after a classical method has found the PSF; sparse (default), tv ..."},
    {0, "set", "FIELD=VALUE", OPTION_LIST, AT(set), 0, 0, NULL,
     "change a field of every method; may be repeated (dipper info --recipe NAME lists them)"},
    {'n', "iterations", "N", OPTION_TEXT, AT(iterations), 0, 0, NULL,
     "iterations, shared out among the recipe's scales, or a list with one number for each"},
    {0, "seeds", "N", OPTION_INT, AT(seeds), 1, 100000, NULL, "run with the seeds 0 to N-1 (default 1: seed 0)"},
    {'k', "kernel-size", "SIZE", OPTION_TEXT, AT(psf_size), 0, 0, NULL,
     "size of the PSF that the method is told: own (default; that of the true PSF), N or WxH, odd"},
    {0, "cases", "LIST", OPTION_TEXT, AT(cases), 0, 0, NULL,
     "only these cases: names or patterns such as 'im1_*', separated by commas"},
    {0, "oracle", NULL, OPTION_FLAG, AT(oracle), 0, 0, NULL,
     "also the non-blind result with the true PSF, for error ratios"},
    {0, "protocol", "NAME", OPTION_CHOICE, AT(protocol), 0, 0, "plain|levin|lai",
     "how to score (default: the suite's own)"},
    RUNS_ROWS(AT(runs)),
};

static const option_table table = {
    "bench",
    "SUITE",
    "Runs methods over a data set, scores the results, and ends with a table. Each run is\n"
    "a file in DIR/runs; a benchmark that was stopped goes on where it was.",
    rows,
    sizeof rows / sizeof *rows,
    ""};

static int help(void) {
    options_help(&table, stdout);
    puts("\nSuites, with what --data DIR holds:");
    for (int i = 0; i < study_suite_count(); i++)
        printf("  %-8s %s\n", study_suite_at(i)->name, study_suite_at(i)->summary);
    puts("\nExit codes: 0 done, 2 usage, 3 input, 4 output, 5 memory, 6 device, 8 stopped by a\n"
         "signal (what is done is kept), 9 some runs failed.");
    return 0;
}

static int usage(const char *option, const char *text, const char *why) {
    return options_refuse("bench", option, text, why);
}

/* ---- The plan ---- */

static int find_suite(const text_list *operands, const study_suite **suite) {
    char why[64] = "there is no such suite";
    const char *names[16];
    int count = study_suite_count() < 16 ? study_suite_count() : 16;
    if (operands->count != 1) return usage("suite", operands->count ? operands->items[1] : "", "name one suite");
    if ((*suite = study_suite_find(operands->items[0]))) return 0;
    for (int i = 0; i < count; i++) names[i] = study_suite_at(i)->name;
    const char *near = nearest_name(operands->items[0], names, count);
    if (near) snprintf(why, sizeof why, "there is no such suite; did you mean %s?", near);
    return usage("suite", operands->items[0], why);
}

static int add_set(const bench_options *o, const study_suite *suite, runs *r) {
    study_set *set = study_plan_add_set(&r->plan);
    if (!set) return DIPPER_ERROR_MEMORY;
    set->suite = suite;
    set->protocol = o->protocol ? o->protocol : suite->protocol;
    snprintf(set->name, sizeof set->name, "%s", suite->name);
    snprintf(set->wanted, sizeof set->wanted, "%s", o->cases);
    snprintf(set->psf_told, sizeof set->psf_told, "own");
    if (strlen(o->cases) >= sizeof set->wanted) return usage("--cases", o->cases, "is too long");
    if (strcmp(o->psf_size, "own") == 0) return 0;
    const char *why = library_psf_size(o->psf_size, &set->psf_width, &set->psf_height);
    if (why) return usage("--kernel-size", o->psf_size, why);
    snprintf(set->psf_told, sizeof set->psf_told, "%dx%d", set->psf_width, set->psf_height);
    return 0;
}

static int open_classical(const bench_options *o, const char *name, const recipe_changes *changes, study_method *m) {
    job_estimate_settings settings;
    int code = estimator_open("bench", name, changes, NULL, &settings);
    if (!code && o->nonblind) code = nonblind_check("bench", "--nonblind", o->nonblind);
    snprintf(m->nonblind, sizeof m->nonblind, "%s", !code && o->nonblind ? o->nonblind : "");
    for (int i = 0; !code && i < DIPPER_ESTIMATE_SETTINGS_MAX; i++) m->values[i] = settings.values[i];
    return code;
}

static int add_method(const bench_options *o, dipper_context *context, const char *name, runs *r) {
    const recipe_changes changes = {o->set.items, o->set.count, o->iterations};
    for (int k = 0; k < r->plan.method_count; k++)
        if (strcmp(name, r->plan.methods[k].name) == 0) return usage("--method", name, "is given twice");
    study_method *m = study_plan_add_method(&r->plan);
    if (!m) return DIPPER_ERROR_MEMORY;
    snprintf(m->name, sizeof m->name, "%s", name);
    const int classical = estimator_is_known(name);
    if (o->nonblind && !classical) return usage("--nonblind", o->nonblind, "is for map-l0 and its kind");
    int code = 0;
    if (study_method_preset(name) >= 0)
        code = changes.count || changes.iterations ? usage("--set", "", "the automatic mode has no fields") : 0;
    else
        code = classical ? open_classical(o, name, &changes, m) : library_recipe(context, name, &changes, &m->recipe);
    if (code) return code;
    dipper_status status = study_method_settle(context, m, &r->error);
    return status ? runs_failed(r, status) : 0;
}

/* The context is only to check options: work is done in child processes. */
static int add_methods(const bench_options *o, runs *r) {
    dipper_context *context = NULL;
    int code = library_open_to_check(o->runs.device, o->runs.threads, &context);
    if (!code && !o->methods.count) code = add_method(o, context, "fast", r);
    for (int i = 0; i < o->methods.count && !code; i++) code = add_method(o, context, o->methods.items[i], r);
    dipper_context_destroy(&context);
    return code;
}

static dipper_status make_plan(const bench_options *o, runs *r) {
    if (!realpath(o->data, r->plan.sets[0].data))
        return io_fail(&r->error, DIPPER_ERROR_INPUT, "%s: there is no such folder with data", o->data);
    r->plan.oracle = o->oracle;
    return study_plan_count_seeds(&r->plan, o->seeds, &r->error);
}

static int run_bench(const bench_options *o, const text_list *operands, runs *r) {
    const study_suite *suite = NULL;
    int code = find_suite(operands, &suite);
    if (code) return code;
    if (!o->data) return usage("--data", "", "name the folder of the data set");
    if (!o->runs.output || !o->runs.output[0]) return usage("--output", "", "name a folder for the results");
    if (!code) code = add_set(o, suite, r);
    if (!code && !runs_possible("bench", "benchmarks")) code = DIPPER_ERROR_ARGUMENT;
    if (!code) code = add_methods(o, r);
    if (code) return code;
    runs_open(r, &o->runs, o->runs.output);
    dipper_status status = make_plan(o, r);
    return status ? runs_failed(r, status) : runs_work(r);
}

int command_bench(const command_line *line) {
    bench_options o = {.psf_size = "own", .cases = "", .seeds = 1, .runs = RUNS_USUAL};
    text_list operands = {0};
    runs *r = calloc(1, sizeof *r);
    int code = options_parse(&table, line->argc, line->argv, &o, &operands);
    o.runs.device = library_device(o.runs.device, o.runs.precision, o.runs.device_text);
    if (!code) code = o.runs.help ? help() : r ? run_bench(&o, &operands, r) : DIPPER_ERROR_MEMORY;
    options_free(&table, &o, &operands);
    if (r) runs_close(r);
    free(r);
    return code;
}
