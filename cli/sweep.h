/* dipper sweep for all who run it: the command, and the processes of dipper-sweep-mpi. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef DIPPER_CLI_SWEEP_H
#define DIPPER_CLI_SWEEP_H

#include "cli/commands.h"
#include "cli/runs.h"

typedef struct sweep_options {
    const char *shard;
    int dry_run, emit_sbatch, tasks;
    runs_options runs;
} sweep_options;

/* The whole command but for its options' defaults; team NULL: alone. */
int sweep_run(const command_line *line, const runs_team *team, int threads);

/* Prints the script of a Slurm job array that does the plan's runs. */
int sweep_print_sbatch(const sweep_options *o, const char *plan, const runs *r);

#endif
