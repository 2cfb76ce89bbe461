/* dipper denoise: pictures without their noise. SPDX-License-Identifier: Apache-2.0 */
#include "cli/restore.h"

#define AT(member) offsetof(restore_options, member)

static const option_row rows[] = {
    {'o', "output", "FILE|DIR", OPTION_TEXT, AT(output), 0, 0, NULL,
     "result; a directory if there are several inputs (default: NAME_denoised.EXT beside the input)"},
    {'m', "method", "NAME", OPTION_TEXT, AT(method), 0, 0, NULL, "recipe; default: denoise (dipper info lists them)"},
#include "cli/restore.def"
};

static const option_table table = {
    "denoise",
    "IN...",
    "Takes the noise out of pictures: a network that draws the picture learns it before\n"
    "it learns the noise, and is stopped in between. Writes NAME_denoised.EXT and\n"
    "NAME_denoised.run.json, and prints their names on stdout.",
    rows,
    sizeof rows / sizeof *rows,
    RESTORE_FOOTER};

static int check(restore *r) {
    r->settings.task.task = DIPPER_TASK_DENOISE;
    return 0;
}

int command_denoise(const command_line *line) {
    static const restore_command command = {&table, {"_denoised", ""}, check, NULL, NULL};
    restore_options o = {.method = "denoise"};
    return restore_run(&command, &o, line);
}
