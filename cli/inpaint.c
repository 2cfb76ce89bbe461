/* dipper inpaint: pictures with missing pixels. SPDX-License-Identifier: Apache-2.0 */
#include "cli/restore.h"

#include <stdio.h>

typedef struct inpaint_options {
    restore_options common; /* first */
    const char *mask;
    io_picture *known;
} inpaint_options;

#define AT(member) offsetof(inpaint_options, member)

static const option_row rows[] = {
    {0, "mask", "FILE", OPTION_TEXT, AT(mask), 0, 0, NULL,
     "picture of the same size: 0 (black) where a pixel is missing, anything else where it is known"},
    {'o', "output", "FILE|DIR", OPTION_TEXT, AT(common.output), 0, 0, NULL,
     "result; a directory if there are several inputs (default: NAME_inpainted.EXT beside the input)"},
    {'m', "method", "NAME", OPTION_TEXT, AT(common.method), 0, 0, NULL,
     "recipe; default: inpaint (dipper info lists them)"},
#include "cli/restore.def"
};

static const option_table table = {
    "inpaint",
    "IN... --mask FILE",
    "Fills in missing pixels: a network draws a picture that is the one given where its\n"
    "pixels are known. Known pixels are kept as they are. Writes NAME_inpainted.EXT and\n"
    "NAME_inpainted.run.json, and prints their names on stdout.",
    rows,
    sizeof rows / sizeof *rows,
    RESTORE_FOOTER};

static int check(restore *r) {
    const inpaint_options *o = (const inpaint_options *)r->options;
    r->settings.task.task = DIPPER_TASK_INPAINT;
    r->settings.task.mask_file = o->mask;
    return o->mask || o->common.print_config
               ? 0
               : options_refuse("inpaint", "--mask", NULL, "name the picture that says which pixels are known");
}

/* The same for all pictures. */
static int open(restore *r) {
    inpaint_options *o = (inpaint_options *)r->options;
    io_error error = {""};
    if (!o->mask) return 0;
    const dipper_status status = picture_read(o->mask, &o->known, &error);
    r->settings.task.mask = o->known;
    if (status) console_error(&r->console, "--mask %s", error.text);
    return (int)status;
}

static void print(const restore *r) {
    printf("mask = %s\n", r->settings.task.mask_file ? r->settings.task.mask_file : "");
}

int command_inpaint(const command_line *line) {
    static const restore_command command = {&table, {"_inpainted", ""}, check, open, print};
    inpaint_options o = {.common = {.method = "inpaint"}};
    const int code = restore_run(&command, &o.common, line);
    picture_destroy(&o.known);
    return code;
}
