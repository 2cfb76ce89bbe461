/* The script of a Slurm job array. SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include "cli/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* As one word of the shell. */
static void put_quoted(const char *text) {
    putchar('\'');
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    putchar('\'');
}

/* #SBATCH lines are no shell, but know these quotes. */
static void put_directive(const char *text) {
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        putchar(*text);
    }
}

static void put_command(const sweep_options *o, const char *program, const char *plan, const runs *r) {
    put_quoted(program);
    fputs(" sweep ", stdout);
    put_quoted(plan);
    fputs(" -o ", stdout);
    put_quoted(r->folder);
    printf(" --shard \"$SLURM_ARRAY_TASK_ID/%d\" --jobs %d -j \"${SLURM_CPUS_PER_TASK:-1}\" --device ", o->tasks,
           o->runs.jobs);
    put_quoted(o->runs.device);
    fputs(" --progress none &\n", stdout);
}

int sweep_print_sbatch(const sweep_options *o, const char *plan, const runs *r) {
    char program[IO_PATH_MAX], absolute[IO_PATH_MAX];
    if (!realpath("/proc/self/exe", program)) snprintf(program, sizeof program, "dipper");
    if (!realpath(plan, absolute)) snprintf(absolute, sizeof absolute, "%s", plan);
    printf(
        "#!/bin/sh\n"
        "# A sweep of Dipper, each task its part of the runs. Submit with sbatch; submit again for what is missing.\n"
        "# Add what your cluster wants: --partition, --account, --time, --mem.\n"
        "#SBATCH --job-name=dipper-sweep\n"
        "#SBATCH --array=0-%d\n"
        "#SBATCH --cpus-per-task=%d\n"
        "#SBATCH --requeue\n"
        "#SBATCH --signal=B:USR1@60\n"
        "#SBATCH --open-mode=append\n"
        "#SBATCH --output=\"",
        o->tasks - 1, o->runs.threads > 0 ? o->runs.threads : 1);
    put_directive(r->folder);
    printf(
        "_%%a.log\"\n\n"
        "# A minute before the time limit Slurm sends USR1: the sweep ends within ten seconds and keeps what is done;\n"
        "# the task goes back to the queue and does the rest. TERM (scancel, preemption) ends it as well.\n"
        "late=\n"
        "trap 'late=1; kill -USR1 \"$sweep\"' USR1\n"
        "trap 'kill -TERM \"$sweep\"' TERM INT\n");
    put_command(o, program, absolute, r);
    printf("sweep=$!\n"
           "wait \"$sweep\"; code=$?\n"
           "while kill -0 \"$sweep\" 2>/dev/null; do wait \"$sweep\"; code=$?; done # a signal ends wait early\n"
           "if [ -n \"$late\" ] && [ \"$code\" -eq 8 ]; then\n"
           "    scontrol requeue \"${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\"\n"
           "fi\n"
           "exit \"$code\"\n");
    return 0;
}
