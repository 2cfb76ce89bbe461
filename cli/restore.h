/* What the commands that restore pictures have in common: options, names of results, the batch.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_RESTORE_H
#define DIPPER_CLI_RESTORE_H

#include "cli/commands.h"
#include "cli/job.h"
#include "cli/options.h"

typedef struct restore_options { /* a command's own struct begins with them; their rows: cli/restore.def */
    const char *output, *method, *iterations, *noise, *device, *precision, *progress, *uncertainty, *checkpoint;
    text_list set;
    uint64_t seed, seed_weights, seed_input;
    int no_recover, threads, snapshot_every, json, quiet, verbose, overwrite, print_config, help;
    int resume;
    double max_time, checkpoint_every; /* NaN: not told */
} restore_options;

#define RESTORE_FOOTER                                                                                                 \
    "Exit codes: 0 done, 1 internal, 2 usage, 3 input, 4 output, 5 memory, 6 device,\n"                                \
    "7 ran but do not trust it (result written), 8 stopped by time or signal (result\n"                                \
    "written), 9 some of several pictures failed."

typedef struct restore {
    const struct restore_command *command;
    restore_options *options;
    text_list inputs;
    const char *psf_out; /* NULL: beside the result */
    char device[64];     /* with its precision */
    dipper_recipe *recipe;
    console console;
    job_settings settings;
} restore;

typedef struct restore_command {
    const option_table *table;
    names_endings endings;
    int (*check)(restore *r);        /* the command's own options; exit code */
    int (*open)(restore *r);         /* what it reads and makes, library and recipe being open; may be NULL */
    void (*print)(const restore *r); /* its own settings, for --print-config; may be NULL */
} restore_command;

/* Parses, does all pictures, and returns the exit code. `options` holds the command's defaults; those that are NULL get
 * the usual ones, the method by `check` at the latest. */
int restore_run(const restore_command *command, restore_options *options, const command_line *line);

#endif
