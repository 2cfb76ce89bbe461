/* The subcommands. Each gets the arguments after its name, and all of them for the record; returns the exit code.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_COMMANDS_H
#define DIPPER_CLI_COMMANDS_H

typedef struct command_line {
    int argc; /* after the subcommand */
    char *const *argv;
    int full_argc; /* from the program's name on */
    char *const *full_argv;
} command_line;

int command_blur(const command_line *line);
int command_deblur(const command_line *line);
int command_estimate(const command_line *line);
int command_denoise(const command_line *line);
int command_bench(const command_line *line);
int command_figure(const command_line *line);
int command_info(const command_line *line);
int command_inpaint(const command_line *line);
int command_psf(const command_line *line);
int command_report(const command_line *line);
int command_score(const command_line *line);
int command_superres(const command_line *line);
int command_sweep(const command_line *line);

/* The command's own exit code: some of a batch failed. All others are those of dipper_status. */
enum { EXIT_BATCH = 9 };

#endif
