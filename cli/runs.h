/* The runs of dipper bench and dipper sweep, for people: folder, work, progress, the table at the end.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_RUNS_H
#define DIPPER_CLI_RUNS_H

#include "cli/console.h"
#include "cli/options.h"
#include "study/crew.h"
#include "study/plan.h"

typedef struct runs_options {
    const char *output, *device, *precision, *progress;
    int jobs, threads, again, resume, quiet, verbose, help;
    char device_text[64]; /* with its precision, once settled */
} runs_options;

#define RUNS_USUAL                                                                                                     \
    { .device = "auto", .progress = "auto", .jobs = 1 }

/* Rows of an option table whose struct holds a runs_options at offset `at`: where the results go, and how they are
 * made. */
#define RUNS_ROW_OUTPUT(at, help)                                                                                      \
    { 'o', "output", "DIR", OPTION_TEXT, (at) + offsetof(runs_options, output), 0, 0, NULL, help }
/* clang-format off */
#define RUNS_ROWS(at)                                                                                                  \
    {0, "jobs", "N", OPTION_INT, (at) + offsetof(runs_options, jobs), 1, 256, NULL,                                    \
     "runs at once, where memory allows (default 1)"},                                                                 \
    {'j', "threads", "N", OPTION_INT, (at) + offsetof(runs_options, threads), 0, 1024, NULL,                           \
     "threads, shared by the jobs; 0 (default) is one for each core"},                                                 \
    {0, "device", "NAME", OPTION_TEXT, (at) + offsetof(runs_options, device), 0, 0, NULL,                              \
     "auto (default: a GPU if there is one), cpu, cuda, cuda:1, onednn, or ref"},                                      \
    {0, "precision", "NAME", OPTION_CHOICE, (at) + offsetof(runs_options, precision), 0, 0, "f32|tf32|bf16",           \
     "of a GPU's convolutions; default tf32"},                                                                         \
    {0, "resume", NULL, OPTION_FLAG, (at) + offsetof(runs_options, resume), 0, 0, NULL,                                \
     "go on where the folder's runs stopped (always done)"},                                                           \
    {'f', "again", NULL, OPTION_FLAG, (at) + offsetof(runs_options, again), 0, 0, NULL,                                \
     "also do runs anew that are done"},                                                                               \
    {0, "progress", "MODE", OPTION_CHOICE, (at) + offsetof(runs_options, progress), 0, 0, "auto|plain|json|none",      \
     "auto (default): a bar on a terminal, else a line about every 2 s; plain, json (one object a line), none"},       \
    {'q', "quiet", NULL, OPTION_FLAG, (at) + offsetof(runs_options, quiet), 0, 0, NULL, "say nothing but errors"},     \
    {'v', "verbose", NULL, OPTION_FLAG, (at) + offsetof(runs_options, verbose), 0, 0, NULL, "say more"},               \
    {'h', "help", NULL, OPTION_FLAG, (at) + offsetof(runs_options, help), 0, 0, NULL, "print this"}
/* clang-format on */

typedef struct runs_team { /* processes that share the runs out among themselves: cli/mpi */
    int number;            /* of this one; number 0 speaks for all */
    /* Before the runs of a phase: number 0 says which are open. */
    void (*begin)(int phase, const int *open, int count, void *user);
    int (*next)(
        void *user); /* the index of a run that is ours, -1: no more; waits until all have ended the last phase */
    /* How ours ended; number 0 waits for all, and gets the sum and the worst. */
    void (*end)(study_tally *tally, dipper_status *status, void *user);
    void *user;
} runs_team;

typedef struct runs { /* zeroed at birth; runs_close it */
    const runs_options *o;
    console console;
    char folder[IO_PATH_MAX]; /* of the results, absolute */
    study_plan plan;
    int shard, shards;     /* only each shards-th run; 0: all */
    const runs_team *team; /* NULL: alone */
    study_tally tally;
    io_error error;
} runs;

/* Whether this build can keep and name results; says on stderr if not. */
int runs_possible(const char *command, const char *what);
/* Console, and the folder's absolute name; the folder is not made. */
void runs_open(runs *r, const runs_options *o, const char *folder);
/* The cases of the plan's sets. */
dipper_status runs_list(runs *r);
/* Whether a result of the run is in the folder. */
int runs_have_result(const runs *r, const study_run *run);
int runs_stop_requested(void *user); /* for those who want a function */
/* Lists the cases of the plan's sets, makes the folder and what has to be made of the cases, and does the runs; tables
 * on stdout. Returns the exit code; what is wrong has been said. */
int runs_work(runs *r);
/* Says on stderr what r->error holds; returns the exit code. */
int runs_failed(const runs *r, dipper_status status);
void runs_close(runs *r);

#endif
