/* Runs for people. SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include "cli/runs.h"

#include "cli/commands.h"
#include "cli/stop.h"
#include "io/output.h"
#include "study/claim.h"
#include "study/csv.h"
#include "study/files.h"
#include "study/id.h"
#include "study/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int runs_possible(const char *command, const char *what) {
    if (study_have_ids() && io_have_json()) return 1;
    fprintf(stderr, "dipper %s: this build lacks jansson or xxHash and runs no %s\n", command, what);
    return 0;
}

int runs_failed(const runs *r, dipper_status status) {
    fprintf(stderr, "dipper: %s\n", r->error.text);
    return (int)status;
}

/* ---- Folders ---- */

/* A folder that is not there yet has its parent's absolute name and its own. */
static void find_folder(runs *r, const char *folder) {
    char parent[IO_PATH_MAX], real[IO_PATH_MAX];
    io_error ignored = {""};
    if (realpath(folder, r->folder)) return;
    path_directory(folder, parent);
    const char *slash = strcmp(parent, "/") ? "/" : "";
    if (!realpath(parent, real) || path_print(r->folder, &ignored, "%s%s%s", real, slash, path_base(folder)))
        snprintf(r->folder, sizeof r->folder, "%s", folder);
}

void runs_open(runs *r, const runs_options *o, const char *folder) {
    r->o = o;
    console_open(&r->console, o->progress, o->quiet, o->verbose);
    find_folder(r, folder);
}

/* The folder of the results, with what belongs in it. */
static dipper_status make_folders(runs *r) {
    static const char *const inner[] = {"", "/runs", "/pictures"};
    char path[IO_PATH_MAX];
    for (int i = 0; i < 3; i++) {
        IO_TRY(path_print(path, &r->error, "%s%s", r->folder, inner[i]));
        IO_TRY(study_make_folder(path, &r->error));
    }
    IO_TRY(path_print(path, &r->error, "%s/results.csv", r->folder));
    return output_check(path, 1, &r->error);
}

/* ---- What the crew asks for and says ---- */

int runs_stop_requested(void *user) {
    (void)user;
    return stop_requested();
}

static void name_run(const study_run *run, char *out, size_t size) {
    snprintf(out, size, "%s %s seed %llu", run->c->name, study_run_method(run), (unsigned long long)run->seed);
}

/* In the child. A bar has one line, which several jobs cannot share. */
static int on_progress(const study_run *run, const dipper_progress *progress, void *user) {
    runs *r = user;
    static char name[RESULT_NAME_MAX * 2 + 40];
    if (!name[0]) {
        name_run(run, name, sizeof name);
        console_begin(&r->console, name);
        if (r->o->jobs > 1 && r->console.mode == CONSOLE_BAR) r->console.mode = CONSOLE_NONE;
    }
    console_progress(&r->console, progress);
    if (progress->iteration >= progress->iterations) console_end(&r->console);
    return 0;
}

static int on_next(void *user) {
    const runs_team *team = ((runs *)user)->team;
    return team->next(team->user);
}

static void on_note(const char *text, void *user) {
    console_note(&((runs *)user)->console, "%s", text);
}

int runs_have_result(const runs *r, const study_run *run) {
    char path[IO_PATH_MAX];
    io_error ignored = {""};
    return run->id[0] && !path_print(path, &ignored, "%s/runs/%s.json", r->folder, run->id) && path_exists(path);
}

static dipper_status read_result(const runs *r, const study_run *run, study_result *out) {
    char path[IO_PATH_MAX];
    io_error ignored = {""};
    IO_TRY(path_print(path, &ignored, "%s/runs/%s.json", r->folder, run->id));
    return study_result_read(path, out, &ignored);
}

/* One line on stderr for a run that ended. */
static void on_done(const study_run *run, dipper_status status, const char *text, void *user) {
    runs *r = user;
    char name[RESULT_NAME_MAX * 2 + 40];
    study_result result;
    name_run(run, name, sizeof name);
    if (status) {
        console_error(&r->console, "%s: failed: %s", name, text);
        return;
    }
    if (r->console.quiet || read_result(r, run, &result)) return;
    char count[48];
    if (r->team)
        snprintf(count, sizeof count, "rank %d", r->team->number);
    else
        snprintf(count, sizeof count, "%d of %d", r->tally.done + r->tally.skipped, r->plan.run_count);
    fprintf(stderr, "%s: %s: %.2f dB (blurred %.2f), %.1f s\n", count, name, result.psnr_db, result.psnr_blurred_db,
            result.seconds);
}

/* ---- The end ---- */

/* Sets may share a name, and with it a table. */
static dipper_status print_tables(runs *r, const study_results *results) {
    dipper_status status = DIPPER_OK;
    for (int i = 0; i < r->plan.set_count && !status; i++) {
        int first = 0;
        while (strcmp(r->plan.sets[first].name, r->plan.sets[i].name) != 0) first++;
        if (first == i) status = study_table_print(results, r->plan.sets[i].name, stdout, &r->error);
    }
    return status;
}

/* Shards do not wait for each other, so a table is for those who do all. */
static dipper_status write_results(runs *r) {
    char path[IO_PATH_MAX];
    study_results results;
    dipper_status status = study_results_load(r->folder, &results, &r->error);
    if (!status && results.other_versions)
        console_note(&r->console, "%s: %d result%s of other versions of Dipper left out", r->folder,
                     results.other_versions, results.other_versions == 1 ? "" : "s");
    if (!status) status = path_print(path, &r->error, "%s/results.csv", r->folder);
    if (!status) status = study_csv_write(&results, path, &r->error);
    if (!status && !r->shards) status = print_tables(r, &results);
    study_results_free(&results);
    return status;
}

static int never(void *user) {
    (void)user;
    return 0;
}

/* One process at a time, or an older list might replace a newer one. */
static dipper_status finish(runs *r) {
    study_claim claim;
    IO_TRY(study_claim_wait(&claim, r->folder, "results", never, NULL, &r->error));
    dipper_status status = write_results(r);
    study_claim_release(&claim);
    return status;
}

static int count_results(const runs *r) {
    int count = 0;
    for (int i = 0; i < r->plan.run_count; i++) count += runs_have_result(r, &r->plan.runs[i]);
    return count;
}

/* Runs of this plan whose result says that they failed, also in earlier times. */
static int count_failed(const runs *r) {
    int count = 0;
    study_result result;
    for (int i = 0; i < r->plan.run_count; i++)
        count += read_result(r, &r->plan.runs[i], &result) != DIPPER_OK || result.failed;
    return count;
}

/* ---- The work ---- */

dipper_status runs_list(runs *r) {
    for (int i = 0; i < r->plan.set_count; i++) IO_TRY(study_set_list(&r->plan.sets[i], r->folder, &r->error));
    return DIPPER_OK;
}

/* The folder of the results is only made when there are cases. */
static dipper_status make_runs(runs *r, const study_crew_options *crew) {
    study_results before;
    IO_TRY(runs_list(r));
    IO_TRY(make_folders(r));
    dipper_status status =
        study_results_load(r->folder, &before, &r->error); /* a broken file is said before the work */
    study_results_free(&before);
    for (int i = 0; i < r->plan.set_count && !status; i++)
        status = study_crew_make(crew, &r->plan.sets[i].cases, &r->error);
    if (!status) status = study_plan_make(&r->plan, &r->error);
    if (!status && r->shards) study_plan_shard(&r->plan, r->shard, r->shards);
    return status;
}

static dipper_status say_open(runs *r, int phase, const study_run *items, int count) {
    int *open = malloc(((size_t)count + 1) * sizeof *open), n = 0;
    if (!open) return io_fail(&r->error, DIPPER_ERROR_MEMORY, "no memory for %d runs", count);
    for (int i = 0; i < count; i++)
        if (r->o->again || !runs_have_result(r, &items[i])) open[n++] = i;
    r->team->begin(phase, open, n, r->team->user);
    free(open);
    return DIPPER_OK;
}

static dipper_status do_phase(runs *r, const study_crew_options *crew, int phase, const study_run *items, int count) {
    if (!count) return DIPPER_OK;
    if (r->team) IO_TRY(say_open(r, phase, items, count));
    return study_crew_work(crew, items, count, &r->tally, &r->error);
}

/* The oracle's runs come first: the scores of the others need their results. */
static dipper_status do_runs(runs *r, const study_crew_options *crew) {
    const study_plan *plan = &r->plan;
    IO_TRY(do_phase(r, crew, 1, plan->runs, plan->oracle_count));
    return do_phase(r, crew, 2, plan->runs + plan->oracle_count, plan->run_count - plan->oracle_count);
}

/* Tables, the CSV, and how it went. status: of the runs. */
static int conclude(runs *r, dipper_status status) {
    if (status && status != DIPPER_ERROR_CANCELLED) return runs_failed(r, status);
    dipper_status end = finish(r);
    if (end) return runs_failed(r, end);
    if (status) {
        console_error(&r->console, "stopped by a signal; %d of %d runs are done, the same command goes on",
                      count_results(r), r->plan.run_count);
        return (int)status;
    }
    const int failed = count_failed(r), bad = failed > r->tally.failed ? failed : r->tally.failed;
    console_detail(&r->console, "%d runs done, %d were there", r->tally.done, r->plan.run_count - r->tally.done);
    if (bad) console_error(&r->console, "%d of %d runs failed", bad, r->plan.run_count);
    return bad ? EXIT_BATCH : 0;
}

int runs_work(runs *r) {
    const study_crew_options crew = {.folder = r->folder,
                                     .device = r->o->device,
                                     .jobs = r->o->jobs,
                                     .threads = r->o->threads,
                                     .again = r->o->again,
                                     .next = r->team ? on_next : NULL,
                                     .stop = runs_stop_requested,
                                     .progress = on_progress,
                                     .done = on_done,
                                     .note = on_note,
                                     .user = r};
    stop_install();
    dipper_status status = make_runs(r, &crew);
    if (!status && !(r->team && r->team->number))
        console_detail(&r->console, "%d runs, results in %s", r->plan.run_count, r->folder);
    if (!status) status = do_runs(r, &crew);
    if (r->team) {
        r->team->end(&r->tally, &status, r->team->user);
        if (r->team->number) return status && r->error.text[0] ? runs_failed(r, status) : (int)status;
        if (status && !r->error.text[0] && status != DIPPER_ERROR_CANCELLED)
            return (int)status; /* another's, who has said it */
    }
    return conclude(r, status);
}

void runs_close(runs *r) {
    study_plan_free(&r->plan);
}
