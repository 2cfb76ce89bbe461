/* dipper bench: methods over a data set. SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/library.h"
#include "cli/options.h"
#include "cli/stop.h"
#include "io/output.h"
#include "study/crew.h"
#include "study/csv.h"
#include "study/files.h"
#include "study/id.h"
#include "study/plan.h"
#include "study/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

typedef struct bench_options {
    const char *data, *output, *psf_size, *iterations, *cases, *protocol, *device, *progress;
    text_list methods, set;
    int seeds, jobs, threads, oracle, again, resume, quiet, verbose, help;
} bench_options;

#define AT(member) offsetof(bench_options, member)

static const option_row rows[] = {
    {0, "data", "DIR", OPTION_TEXT, AT(data), 0, 0, NULL, "folder of the data set"},
    {'o', "output", "DIR", OPTION_TEXT, AT(output), 0, 0, NULL,
     "folder of the results; what is there is kept and not done again"},
    {'m', "method", "NAME", OPTION_LIST, AT(methods), 0, 0, NULL,
     "recipe (default fast); may be repeated (dipper info lists them)"},
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
    {0, "jobs", "N", OPTION_INT, AT(jobs), 1, 256, NULL, "runs at once, where memory allows (default 1)"},
    {'j', "threads", "N", OPTION_INT, AT(threads), 0, 1024, NULL,
     "threads, shared by the jobs; 0 (default) is one for each core"},
    {0, "device", "NAME", OPTION_TEXT, AT(device), 0, 0, NULL, "auto (default), cpu, onednn, or ref"},
    {0, "resume", NULL, OPTION_FLAG, AT(resume), 0, 0, NULL, "go on where the folder's runs stopped (always done)"},
    {'f', "again", NULL, OPTION_FLAG, AT(again), 0, 0, NULL, "also do runs anew that are done"},
    {0, "progress", "MODE", OPTION_CHOICE, AT(progress), 0, 0, "auto|plain|json|none",
     "auto (default): a bar on a terminal, else a line about every 2 s; plain, json (one object a line), none"},
    {'q', "quiet", NULL, OPTION_FLAG, AT(quiet), 0, 0, NULL, "say nothing but errors"},
    {'v', "verbose", NULL, OPTION_FLAG, AT(verbose), 0, 0, NULL, "say more"},
    {'h', "help", NULL, OPTION_FLAG, AT(help), 0, 0, NULL, "print this"},
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
    fprintf(stderr, "dipper bench: %s '%s': %s (see dipper bench --help)\n", option, text, why);
    return DIPPER_ERROR_ARGUMENT;
}

/* ---- The benchmark ---- */

typedef struct bench {
    const bench_options *o;
    const study_suite *suite;
    console console;
    dipper_context *context; /* only to check options: work is done in child processes */
    study_method *methods;
    int method_count;
    char *settings, data[IO_PATH_MAX], folder[IO_PATH_MAX];
    char psf_told[16];
    study_setup setup;
    study_cases cases;
    study_run *runs;
    int run_count;
    study_tally tally;
    int other_versions;
    io_error error;
} bench;

static int failed(const bench *b, dipper_status status) {
    fprintf(stderr, "dipper: %s\n", b->error.text);
    return (int)status;
}

static int find_suite(bench *b, const text_list *operands) {
    char why[64] = "there is no such suite";
    const char *names[16];
    int count = study_suite_count() < 16 ? study_suite_count() : 16;
    if (operands->count != 1) return usage("suite", operands->count ? operands->items[1] : "", "name one suite");
    if ((b->suite = study_suite_find(operands->items[0]))) return 0;
    for (int i = 0; i < count; i++) names[i] = study_suite_at(i)->name;
    const char *near = nearest_name(operands->items[0], names, count);
    if (near) snprintf(why, sizeof why, "there is no such suite; did you mean %s?", near);
    return usage("suite", operands->items[0], why);
}

static int check_options(bench *b) {
    const bench_options *o = b->o;
    if (!o->data) return usage("--data", "", "name the folder of the data set");
    if (!o->output || !o->output[0]) return usage("--output", "", "name a folder for the results");
    snprintf(b->psf_told, sizeof b->psf_told, "own");
    if (strcmp(o->psf_size, "own") != 0) {
        const char *why = library_psf_size(o->psf_size, &b->setup.psf_width, &b->setup.psf_height);
        if (why) return usage("--kernel-size", o->psf_size, why);
        snprintf(b->psf_told, sizeof b->psf_told, "%dx%d", b->setup.psf_width, b->setup.psf_height);
    }
    if (study_have_ids() && io_have_json()) return 0;
    fputs("dipper bench: this build lacks jansson or xxHash and runs no benchmarks\n", stderr);
    return DIPPER_ERROR_ARGUMENT;
}

/* "f=v f=v" as given, --iterations last. */
static int join_settings(bench *b) {
    const bench_options *o = b->o;
    size_t room = 32 + (o->iterations ? strlen(o->iterations) : 0);
    for (int i = 0; i < o->set.count; i++) room += strlen(o->set.items[i]) + 1;
    if (!(b->settings = calloc(room, 1))) return DIPPER_ERROR_MEMORY;
    for (int i = 0; i < o->set.count; i++)
        snprintf(b->settings + strlen(b->settings), room - strlen(b->settings), "%s%s", i ? " " : "", o->set.items[i]);
    if (o->iterations)
        snprintf(b->settings + strlen(b->settings), room - strlen(b->settings), "%siterations=%s",
                 b->settings[0] ? " " : "", o->iterations);
    if (strlen(b->settings) < RESULT_TEXT_MAX) return 0;
    return usage("--set", o->set.count ? o->set.items[0] : "", "too many changes");
}

static int make_methods(bench *b) {
    static const char *const usual[] = {"fast"};
    const bench_options *o = b->o;
    const char *const *names = o->methods.count ? o->methods.items : usual;
    const recipe_changes changes = {o->set.items, o->set.count, o->iterations};
    int count = o->methods.count ? o->methods.count : 1;
    int code = library_open(o->device, o->threads, &b->context);
    if (code) return code;
    if (!(b->methods = calloc((size_t)count, sizeof *b->methods))) return DIPPER_ERROR_MEMORY;
    for (int i = 0; i < count && !code; i++) {
        for (int k = 0; k < i; k++)
            if (strcmp(names[i], names[k]) == 0) return usage("--method", names[i], "is given twice");
        study_method *m = &b->methods[b->method_count++];
        m->name = names[i];
        code = library_recipe(b->context, names[i], &changes, &m->recipe);
    }
    return code ? code : join_settings(b);
}

/* The folder of the results, with what belongs in it. */
static dipper_status make_folders(bench *b) {
    static const char *const inner[] = {"runs", "pictures"};
    char path[IO_PATH_MAX];
    IO_TRY(study_make_folder(b->o->output, &b->error));
    if (!realpath(b->o->output, b->folder))
        return io_fail(&b->error, DIPPER_ERROR_OUTPUT, "%s: cannot be found", b->o->output);
    for (int i = 0; i < 2; i++) {
        IO_TRY(path_print(path, &b->error, "%s/%s", b->folder, inner[i]));
        IO_TRY(study_make_folder(path, &b->error));
    }
    IO_TRY(path_print(path, &b->error, "%s/results.csv", b->folder));
    return output_check(path, 1, &b->error);
}

/* The folder of the results is only made when there are cases. */
static dipper_status list_cases(bench *b) {
    const study_source source = {b->data, b->folder, b->o->cases};
    if (!realpath(b->o->data, b->data))
        return io_fail(&b->error, DIPPER_ERROR_INPUT, "%s: there is no such folder with data", b->o->data);
    snprintf(b->folder, sizeof b->folder, "%s", b->o->output);
    IO_TRY(study_suite_list(b->suite, &source, &b->cases, &b->error));
    for (int i = 0; i < b->cases.count && b->setup.psf_width == 0; i++)
        if (!b->cases.items[i].true_psf_file[0])
            return io_fail(&b->error, DIPPER_ERROR_ARGUMENT, "%s: its PSF is not known; say a size with -k",
                           b->cases.items[i].name);
    study_cases_free(&b->cases);
    IO_TRY(make_folders(b));
    return study_suite_list(b->suite, &source, &b->cases, &b->error); /* now with the folder's real name */
}

/* ---- What the crew asks for and says ---- */

static int on_stop(void *user) {
    (void)user;
    return stop_requested();
}

static void name_run(const study_run *run, char *out, size_t size) {
    snprintf(out, size, "%s %s seed %llu", run->c->name, run->method, (unsigned long long)run->seed);
}

/* In the child. A bar has one line, which several jobs cannot share. */
static int on_progress(const study_run *run, const dipper_progress *progress, void *user) {
    bench *b = user;
    static char name[RESULT_NAME_MAX * 2 + 40];
    if (!name[0]) {
        name_run(run, name, sizeof name);
        console_begin(&b->console, name);
        if (b->o->jobs > 1 && b->console.mode == CONSOLE_BAR) b->console.mode = CONSOLE_NONE;
    }
    console_progress(&b->console, progress);
    if (progress->iteration >= progress->iterations) console_end(&b->console);
    return 0;
}

static void on_note(const char *text, void *user) {
    console_note(&((bench *)user)->console, "%s", text);
}

/* One line on stderr for a run that ended. */
static void on_done(const study_run *run, dipper_status status, const char *text, void *user) {
    bench *b = user;
    char name[RESULT_NAME_MAX * 2 + 40], path[IO_PATH_MAX];
    study_result r;
    io_error ignored = {""};
    name_run(run, name, sizeof name);
    if (status) {
        console_error(&b->console, "%s: failed: %s", name, text);
        return;
    }
    if (b->console.quiet || path_print(path, &ignored, "%s/runs/%s.json", b->folder, run->id) ||
        study_result_read(path, &r, &ignored))
        return;
    fprintf(stderr, "%d of %d: %s: %.2f dB (blurred %.2f), %.1f s\n", b->tally.done + b->tally.skipped, b->run_count,
            name, r.psnr_db, r.psnr_blurred_db, r.seconds);
}

/* ---- The end ---- */

static dipper_status finish(bench *b) {
    char path[IO_PATH_MAX];
    study_results results;
    dipper_status status = study_results_load(b->folder, &results, &b->error);
    if (!status && results.other_versions)
        console_note(&b->console, "%s: %d result%s of other versions of Dipper left out", b->o->output,
                     results.other_versions, results.other_versions == 1 ? "" : "s");
    if (!status) status = path_print(path, &b->error, "%s/results.csv", b->folder);
    if (!status) status = study_csv_write(&results, path, &b->error);
    if (!status) status = study_table_print(&results, b->suite->name, stdout, &b->error);
    study_results_free(&results);
    return status;
}

/* Runs of this benchmark whose result says that they failed, also in earlier times. */
static int count_failed(const bench *b) {
    int count = 0;
    char path[IO_PATH_MAX];
    study_result r;
    for (int i = 0; i < b->run_count; i++) {
        io_error ignored = {""};
        if (path_print(path, &ignored, "%s/runs/%s.json", b->folder, b->runs[i].id)) continue;
        count += study_result_read(path, &r, &ignored) != DIPPER_OK || r.failed;
    }
    return count;
}

static dipper_status make_runs(bench *b, const study_crew_options *crew) {
    const study_plan_options plan = {&b->setup, &b->cases, b->methods, b->method_count, b->o->seeds, b->o->oracle};
    study_results before;
    dipper_status status =
        study_results_load(b->folder, &before, &b->error); /* a broken file is said before the work */
    study_results_free(&before);
    if (!status) status = study_crew_make(crew, &b->cases, &b->error);
    if (!status) status = study_plan_make(&plan, &b->runs, &b->run_count, &b->error);
    return status;
}

static int work(bench *b) {
    const bench_options *o = b->o;
    const study_crew_options crew = {.setup = &b->setup,
                                     .device = o->device,
                                     .jobs = o->jobs,
                                     .threads = o->threads,
                                     .again = o->again,
                                     .stop = on_stop,
                                     .progress = on_progress,
                                     .done = on_done,
                                     .note = on_note,
                                     .user = b};
    dipper_status status = make_runs(b, &crew);
    if (status) return failed(b, status);
    console_detail(&b->console, "%d cases, %d runs, results in %s", b->cases.count, b->run_count, b->folder);
    status = study_crew_work(&crew, b->runs, b->run_count, &b->tally, &b->error);
    if (status && status != DIPPER_ERROR_CANCELLED) return failed(b, status);
    dipper_status end = finish(b);
    if (end) return failed(b, end);
    int bad = count_failed(b) > b->tally.failed ? count_failed(b) : b->tally.failed;
    if (status) {
        console_error(&b->console, "stopped by a signal; %d of %d runs are done, the same command goes on",
                      b->tally.done + b->tally.skipped, b->run_count);
        return (int)status;
    }
    console_detail(&b->console, "%d runs done, %d were there", b->tally.done, b->tally.skipped);
    if (bad) console_error(&b->console, "%d of %d runs failed", bad, b->run_count);
    return bad ? EXIT_BATCH : 0;
}

static int run_bench(const bench_options *o, const text_list *operands) {
    bench *b = calloc(1, sizeof *b);
    if (!b) return DIPPER_ERROR_MEMORY;
    b->o = o;
    console_open(&b->console, o->progress, o->quiet, o->verbose);
    int code = find_suite(b, operands);
    if (!code) code = check_options(b);
    if (!code) code = make_methods(b);
    if (!code) {
        stop_install();
        b->setup.folder = b->folder;
        b->setup.suite = b->suite->name;
        b->setup.protocol = o->protocol ? o->protocol : b->suite->protocol;
        b->setup.settings = b->settings;
        b->setup.psf_told = b->psf_told;
        dipper_status status = list_cases(b);
        code = status ? failed(b, status) : work(b);
    }
    for (int i = 0; i < b->method_count; i++) dipper_recipe_destroy(&b->methods[i].recipe);
    dipper_context_destroy(&b->context);
    study_cases_free(&b->cases);
    free(b->methods);
    free(b->settings);
    free(b->runs);
    free(b);
    return code;
}

int command_bench(const command_line *line) {
    bench_options o = {.psf_size = "own", .device = "auto", .progress = "auto", .seeds = 1, .jobs = 1};
    text_list operands = {0};
    int code = options_parse(&table, line->argc, line->argv, &o, &operands);
    if (!code) code = o.help ? help() : run_bench(&o, &operands);
    options_free(&table, &o, &operands);
    return code;
}
