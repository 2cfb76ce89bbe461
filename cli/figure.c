/* dipper figure: the figures of the studies. SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include "study/figure.h"
#include "cli/commands.h"
#include "cli/library.h"
#include "cli/runs.h"
#include "cli/stop.h"
#include "study/files.h"
#include "study/plan_file.h"
#include "study/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct figure_options {
    runs_options runs;
    const char *data, *scale;
    int seeds, list;
} figure_options;

#define AT(member) offsetof(figure_options, member)

static const option_row rows[] = {
    RUNS_ROW_OUTPUT(AT(runs), "folder for NAME.csv, .svg, .png and .md; made if it is not there"),
    {0, "data", "DIR", OPTION_TEXT, AT(data), 0, 0, NULL,
     "folder of sharp pictures (.png, .npy), or a data set with them in gt or sharp, instead of scenes that are drawn "
     "here"},
    {0, "scale", "SCALE", OPTION_CHOICE, AT(scale), 0, 0, "small|full",
     "small (default): small pictures and networks, minutes; full: the talk's setting, hours or days"},
    {0, "seeds", "N", OPTION_INT, AT(seeds), 0, 1000, NULL, "how many seeds (default: the figure's own number)"},
    {0, "list", NULL, OPTION_FLAG, AT(list), 0, 0, NULL, "print the names of all figures and what they show"},
    RUNS_ROWS(AT(runs)),
};

static const option_table table = {
    "figure",
    "NAME -o DIR",
    "Makes a figure of the studies: its data (CSV), a drawing (SVG and PNG), and a page\n"
    "of text that says what is seen. Figures of many runs are sweeps: DIR/NAME.plan.json\n"
    "is their plan, DIR/NAME_runs has the results, and what is there is not done again.",
    rows,
    sizeof rows / sizeof *rows,
    "dipper figure --list names the figures. docs/studies.md says what was found.\n\n"
    "Exit codes: 0 done, 2 usage, 3 input, 4 output, 5 memory, 6 device, 8 stopped by a\n"
    "signal, 9 some runs failed."};

static int usage(const char *option, const char *text, const char *why) {
    return options_refuse("figure", option, text, why);
}

static int print_list(void) {
    for (int i = 0; i < figure_count(); i++) printf("%-18s %s\n", figure_at(i)->name, figure_at(i)->summary);
    return 0;
}

static int unknown(const char *name) {
    fprintf(stderr, "dipper figure: '%s': there is no such figure; there are ", name);
    for (int i = 0; i < figure_count(); i++) fprintf(stderr, "%s%s", i ? ", " : "", figure_at(i)->name);
    fputc('\n', stderr);
    return DIPPER_ERROR_ARGUMENT;
}

static int say_failure(const io_error *error, dipper_status status) {
    if (status && error->text[0]) fprintf(stderr, "dipper: %s\n", error->text);
    return (int)status;
}

static void print_names(const figure_job *job, const figure *f) {
    static const char *const extensions[] = {"csv", "svg", "png", "md"};
    char path[IO_PATH_MAX];
    io_error ignored = {""};
    for (int i = 0; i < 4; i++)
        if (!path_print(path, &ignored, "%s/%s.%s", job->folder, f->name, extensions[i]) && path_exists(path))
            puts(path);
}

static dipper_status write_figure(const figure_job *job, const figure *f, const figure_output *out) {
    IO_TRY(figure_write(job, f, out));
    print_names(job, f);
    return DIPPER_OK;
}

/* ---- By its own function ---- */

static int make_alone(const figure_job *job, const figure *f) {
    figure_output out = {0};
    stop_install();
    dipper_status status = f->make(job, &out);
    if (!status) status = write_figure(job, f, &out);
    if (!status) trial_forget(job);
    figure_free(&out);
    return say_failure(job->error, status);
}

/* ---- By the runs of a plan ---- */

/* Of this plan: the folder may hold runs of another scale, other data or more seeds. */
static int draw_results(const figure_job *job, const figure *f, const runs *r) {
    figure_output out = {0};
    study_results results;
    dipper_status status = study_results_load(r->folder, &results, job->error);
    if (!status) study_plan_keep(&r->plan, &results);
    if (!status) status = figure_plan_draw(job, f, &results, &out);
    if (!status) status = write_figure(job, f, &out);
    figure_free(&out);
    study_results_free(&results);
    return say_failure(job->error, status);
}

/* In a process of its own: reading and writing pictures starts threads, and one with threads may not have children,
 * which do the runs. */
static dipper_status write_plan(const figure_job *job, const figure *f, char *path) {
    int how = 0;
    IO_TRY(figure_plan_path(job, f, path));
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        const dipper_status status = figure_plan_write(job, f);
        if (status) fprintf(stderr, "dipper: %s\n", job->error->text);
        fflush(stderr);
        _exit((int)status);
    }
    if (pid < 0) return io_fail(job->error, DIPPER_ERROR_MEMORY, "no process can be started: %s", strerror(errno));
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR) {}
    if (WIFEXITED(how)) return (dipper_status)WEXITSTATUS(how); /* it has said why */
    return io_fail(job->error, DIPPER_ERROR_INTERNAL, "%s: the process that makes its pictures was killed", f->name);
}

static int make_by_plan(const figure_options *o, const figure_job *job, const figure *f) {
    char path[IO_PATH_MAX], results[IO_PATH_MAX];
    runs *r = calloc(1, sizeof *r);
    if (!r) return DIPPER_ERROR_MEMORY;
    dipper_status status = write_plan(job, f, path);
    if (!status) status = study_plan_read(job->context, path, &r->plan, results, job->error);
    int code = say_failure(job->error, status);
    if (!code) {
        runs_open(r, &o->runs, results);
        code = runs_work(r);
    }
    if (!code || code == EXIT_BATCH) {
        const int drawn = draw_results(job, f, r);
        code = drawn ? drawn : code;
    }
    runs_close(r);
    free(r);
    return code;
}

/* ---- The command ---- */

static dipper_status find_folder(const figure_options *o, char *folder, io_error *error) {
    IO_TRY(study_make_folder(o->runs.output, error));
    if (realpath(o->runs.output, folder)) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: cannot be found once made", o->runs.output);
}

static int check(const figure_options *o, const text_list *operands, const figure **f) {
    if (operands->count != 1)
        return usage("figure", operands->count ? operands->items[1] : NULL, "name one figure (--list names them)");
    *f = figure_find(operands->items[0]);
    if (!*f) return unknown(operands->items[0]);
    if (!o->runs.output || !o->runs.output[0]) return usage("--output", NULL, "name a folder for the figure");
    if (o->data && !path_is_directory(o->data)) {
        fprintf(stderr, "dipper: --data %s: there is no such folder\n", o->data);
        return DIPPER_ERROR_INPUT;
    }
    return (*f)->plan && !runs_possible("figure", "figures of many runs") ? DIPPER_ERROR_ARGUMENT : 0;
}

static int run(const figure_options *o, const text_list *operands) {
    char folder[IO_PATH_MAX];
    io_error error = {""};
    const figure *f = NULL;
    int trials = 0;
    figure_job job = {.trials = &trials,
                      .folder = folder,
                      .data = o->data,
                      .again = o->runs.again,
                      .full = !strcmp(o->scale, "full"),
                      .stop = runs_stop_requested};
    int code = check(o, operands, &f);
    if (code) return code;
    job.error = &error;
    job.name = f->name;
    job.seeds = o->seeds ? o->seeds : f->seeds;
    code = library_open(o->runs.device, o->runs.threads, &job.context);
    if (!code) code = say_failure(&error, find_folder(o, folder, &error));
    if (!code) code = f->plan ? make_by_plan(o, &job, f) : make_alone(&job, f);
    dipper_context_destroy(&job.context);
    return code;
}

int command_figure(const command_line *line) {
    figure_options o = {.scale = "small", .runs = RUNS_USUAL};
    text_list operands = {0};
    int code = options_parse(&table, line->argc, line->argv, &o, &operands);
    if (!code && o.runs.help)
        options_help(&table, stdout);
    else if (!code)
        code = o.list ? print_list() : run(&o, &operands);
    options_free(&table, &o, &operands);
    return code;
}
