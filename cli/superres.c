/* dipper superres: larger pictures with detail. SPDX-License-Identifier: Apache-2.0 */
#include "cli/restore.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct superres_options {
    restore_options common; /* first */
    const char *factor;
} superres_options;

#define AT(member) offsetof(superres_options, member)

static const option_row rows[] = {
    {'x', "factor", "N", OPTION_CHOICE, AT(factor), 0, 0, "2|4|8",
     "how many times as wide and high: 2, 4 (default) or 8"},
    {'o', "output", "FILE|DIR", OPTION_TEXT, AT(common.output), 0, 0, NULL,
     "result; a directory if there are several inputs (default: NAME_superres.EXT beside the input)"},
    {'m', "method", "NAME", OPTION_TEXT, AT(common.method), 0, 0, NULL,
     "recipe; default: superres (dipper info lists them)"},
#include "cli/restore.def"
};

static const option_table table = {
    "superres",
    "IN...",
    "Makes pictures larger: a network draws a picture that, made smaller by Lanczos\n"
    "resampling, is the one given. Writes NAME_superres.EXT and NAME_superres.run.json,\n"
    "and prints their names on stdout.",
    rows,
    sizeof rows / sizeof *rows,
    RESTORE_FOOTER};

static int check(restore *r) {
    r->settings.task.task = DIPPER_TASK_SUPERRES;
    r->settings.task.factor = atoi(((const superres_options *)r->options)->factor);
    return 0;
}

static void print(const restore *r) {
    printf("factor = %d\n", r->settings.task.factor);
}

int command_superres(const command_line *line) {
    static const restore_command command = {&table, {"_superres", ""}, check, NULL, print};
    superres_options o = {.common = {.method = "superres"}, .factor = "4"};
    return restore_run(&command, &o.common, line);
}
