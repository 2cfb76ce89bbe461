/* dipper sweep: the runs of a plan. SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include "cli/sweep.h"

#include "cli/library.h"
#include "cli/stop.h"
#include "study/forecast.h"
#include "study/made.h"
#include "study/plan_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(sweep_options, member)

static const option_row rows[] = {
    RUNS_ROW_OUTPUT(AT(runs), "folder of the results (default: the plan's \"results\"); what is there is kept"),
    {0, "dry-run", NULL, OPTION_FLAG, AT(dry_run), 0, 0, NULL,
     "run nothing: check the plan, count its runs, forecast time and memory"},
    {0, "shard", "I/N", OPTION_TEXT, AT(shard), 0, 0, NULL,
     "only part I of N, I from 0 to N-1: the N commands may run anywhere at any time"},
    {0, "emit-sbatch", NULL, OPTION_FLAG, AT(emit_sbatch), 0, 0, NULL,
     "print the script of a Slurm job array that does the runs"},
    {0, "tasks", "N", OPTION_INT, AT(tasks), 1, 100000, NULL, "tasks of that array (default 8)"},
    RUNS_ROWS(AT(runs)),
};

static const option_table table = {
    "sweep",
    "PLAN.json",
    "Does all runs of a plan: data x recipes with their fields x seeds. Each run is a file\n"
    "in DIR/runs; what is there is not done again, and a sweep that was stopped goes on.",
    rows,
    sizeof rows / sizeof *rows,
    "docs/sweeps.md says what a plan holds. For many processes: dipper-sweep-mpi, --shard,\n"
    "--emit-sbatch; or start the same command several times.\n\n"
    "Exit codes: 0 done, 2 usage or plan, 3 input, 4 output, 5 memory, 6 device, 8 stopped\n"
    "by a signal (what is done is kept), 9 some runs failed."};

static int usage(const char *option, const char *text, const char *why) {
    return options_refuse("sweep", option, text, why);
}

static int read_shard(const char *text, runs *r) {
    int used = 0;
    if (!text) return 0;
    if (sscanf(text, "%d/%d%n", &r->shard, &r->shards, &used) == 2 && !text[used] && r->shard >= 0 &&
        r->shard < r->shards)
        return 0;
    return usage("--shard", text, "is not I/N with I from 0 to N-1");
}

/* ---- What a plan would do ---- */

static void print_duration(double seconds) {
    if (seconds < 90)
        printf("%.0f s", seconds);
    else if (seconds < 5400)
        printf("%.0f min", seconds / 60);
    else
        printf("%.1f h", seconds / 3600);
}

static void print_counts(const runs *r, int to_do) {
    const study_plan *p = &r->plan;
    int cases = 0, missing = 0;
    for (int s = 0; s < p->set_count; s++) {
        cases += p->sets[s].cases.count;
        for (int i = 0; i < p->sets[s].cases.count; i++) missing += study_made_missing(&p->sets[s].cases.items[i]);
    }
    printf("runs       %d: %d cases x %d methods x %d seeds", p->run_count, cases, p->method_count, p->seed_count);
    if (p->oracle_count) printf(", %d of the oracle", p->oracle_count);
    if (r->shards) printf("; part %d of %d", r->shard, r->shards);
    printf("\nto do      %d, %d are there\n", to_do, p->run_count - to_do);
    if (missing) printf("to make    %d blurred pictures\n", missing);
    printf("results    %s\n", r->folder);
}

static void print_forecast(const runs *r, const study_forecast *f) {
    const int jobs = r->o->jobs;
    printf("time       about ");
    print_duration(f->seconds / jobs);
    printf(" here%s: %d methods known from results, %d tried for a moment\n", jobs > 1 ? " with all jobs" : "",
           f->known, f->tried);
    if (f->memory_bytes > 0) printf("memory     up to %.0f MB a run, of those tried\n", f->memory_bytes / 1e6);
}

static dipper_status dry_run(runs *r, dipper_context *context) {
    enum { TRIAL_SECONDS = 20 };
    study_forecast forecast;
    int count = 0;
    IO_TRY(runs_list(r));
    IO_TRY(study_plan_make(&r->plan, &r->error));
    if (r->shards) study_plan_shard(&r->plan, r->shard, r->shards);
    unsigned char *to_do = calloc((size_t)r->plan.run_count + 1, 1);
    if (!to_do) return io_fail(&r->error, DIPPER_ERROR_MEMORY, "no memory for the plan's runs");
    for (int i = 0; i < r->plan.run_count; i++)
        count += to_do[i] = r->o->again || !runs_have_result(r, &r->plan.runs[i]);
    print_counts(r, count);
    fflush(stdout);
    dipper_status status = DIPPER_OK;
    if (count)
        status = study_forecast_make(context, &r->plan, r->folder, to_do, TRIAL_SECONDS, runs_stop_requested, NULL,
                                     &forecast, &r->error);
    if (count && !status) print_forecast(r, &forecast);
    free(to_do);
    return status;
}

/* ---- The command ---- */

static int read_plan(const sweep_options *o, const char *path, dipper_context *context, runs *r) {
    char results[IO_PATH_MAX];
    dipper_status status = study_plan_read(context, path, &r->plan, results, &r->error);
    if (status) return runs_failed(r, status);
    const char *folder = o->runs.output ? o->runs.output : results;
    if (!folder[0]) return usage("--output", NULL, "name a folder for the results, here or as \"results\" in the plan");
    runs_open(r, &o->runs, folder);
    return 0;
}

/* The context only checks the plan, and for a dry run tries its methods: work is done in child processes. */
static int run_plan(const sweep_options *o, const text_list *operands, runs *r) {
    dipper_context *context = NULL;
    if (operands->count != 1)
        return usage("plan", operands->count ? operands->items[1] : NULL, "name one plan, a JSON file");
    if (!runs_possible("sweep", "sweeps")) return DIPPER_ERROR_ARGUMENT;
    int code = read_shard(o->shard, r);
    if (!code) code = (o->dry_run ? library_open : library_open_to_check)(o->runs.device, o->runs.threads, &context);
    if (!code) code = read_plan(o, operands->items[0], context, r);
    if (!code && o->emit_sbatch) code = sweep_print_sbatch(o, operands->items[0], r);
    if (!code && o->dry_run) {
        stop_install();
        dipper_status status = dry_run(r, context);
        code = status ? runs_failed(r, status) : 0;
    }
    dipper_context_destroy(&context);
    return code || o->dry_run || o->emit_sbatch ? code : runs_work(r);
}

int sweep_run(const command_line *line, const runs_team *team, int threads) {
    sweep_options o = {.tasks = 8, .runs = RUNS_USUAL};
    text_list operands = {0};
    runs *r = calloc(1, sizeof *r);
    o.runs.threads = threads;
    if (team) o.runs.progress = "none"; /* many would speak at once */
    int code = options_parse(&table, line->argc, line->argv, &o, &operands);
    if (r) r->team = team;
    o.runs.device = library_device(o.runs.device, o.runs.precision, o.runs.device_text);
    if (!code && o.runs.help)
        options_help(&table, stdout);
    else if (!code)
        code = r ? run_plan(&o, &operands, r) : DIPPER_ERROR_MEMORY;
    options_free(&table, &o, &operands);
    if (r) runs_close(r);
    free(r);
    return code;
}

int command_sweep(const command_line *line) {
    return sweep_run(line, NULL, 0);
}
