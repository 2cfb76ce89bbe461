/* dipper report: a results folder as one HTML page. SPDX-License-Identifier: Apache-2.0 */
#include "study/report.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/options.h"
#include "io/output.h"

#include <string.h>

typedef struct report_options {
    const char *output, *order;
    int overwrite, quiet, help;
} report_options;

#define AT(member) offsetof(report_options, member)

static const option_row rows[] = {
    {'o', "output", "FILE", OPTION_TEXT, AT(output), 0, 0, NULL, "the page; default: report.html in the folder"},
    {0, "order", "worst|name", OPTION_CHOICE, AT(order), 0, 0, "worst|name",
     "order of the cases: lowest PSNR first (default), or by name"},
    {'f', "overwrite", NULL, OPTION_FLAG, AT(overwrite), 0, 0, NULL, "an existing page may be replaced"},
    {'q', "quiet", NULL, OPTION_FLAG, AT(quiet), 0, 0, NULL, "say nothing but errors"},
    {'h', "help", NULL, OPTION_FLAG, AT(help), 0, 0, NULL, "print this"},
};

static const option_table table = {"report",
                                   "DIR",
                                   "Makes one HTML page of the results that dipper bench left in DIR: table, charts,\n"
                                   "pictures. It needs nothing else and opens from disk.",
                                   rows,
                                   sizeof rows / sizeof *rows,
                                   ""};

static void say(console *c, const study_report_outcome *outcome) {
    console_note(c, "%d runs of %d cases", outcome->runs, outcome->cases);
    if (outcome->other_versions)
        console_note(c, "left out: results of other versions of Dipper: %d", outcome->other_versions);
    if (outcome->missing)
        console_note(c, "files that are missing or cannot be read: %d; the page lists them", outcome->missing);
}

static dipper_status make(const report_options *o, const char *folder, console *c, io_error *error) {
    const study_report_options options = {.overwrite = o->overwrite, .by_name = strcmp(o->order, "name") == 0};
    study_report_outcome outcome;
    char path[IO_PATH_MAX];
    if (!path_is_directory(folder)) return io_fail(error, DIPPER_ERROR_INPUT, "%s: is not a directory", folder);
    IO_TRY(o->output ? path_print(path, error, "%s", o->output) : path_print(path, error, "%s/report.html", folder));
    IO_TRY(output_check(path, o->overwrite, error));
    IO_TRY(study_report_write(folder, path, &options, &outcome, error));
    say(c, &outcome);
    puts(path);
    return DIPPER_OK;
}

static int report(const report_options *o, const text_list *folders) {
    console c;
    io_error error = {""};
    console_open(&c, "none", o->quiet, 0);
    if (folders->count != 1) {
        console_error(&c, "report: one folder with results of dipper bench is expected (see dipper report --help)");
        return DIPPER_ERROR_ARGUMENT;
    }
    dipper_status status = make(o, folders->items[0], &c, &error);
    if (status) console_error(&c, "%s", error.text);
    return (int)status;
}

int command_report(const command_line *line) {
    report_options o = {.order = "worst"};
    text_list folders = {0};
    int code = options_parse(&table, line->argc, line->argv, &o, &folders);
    if (!code && o.help)
        options_help(&table, stdout);
    else if (!code)
        code = report(&o, &folders);
    options_free(&table, &o, &folders);
    return code;
}
