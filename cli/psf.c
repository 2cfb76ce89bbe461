/* dipper psf: makes, shows, converts and compares PSFs. SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/library.h"
#include "cli/options.h"
#include "cli/psf_source.h"
#include "cli/psf_text.h"
#include "cli/stop.h"
#include "io/psf_file.h"

#include <stdlib.h>
#include <string.h>

typedef struct psf_options {
    const char *output;
    psf_source source;
    int rotate, json, overwrite, quiet, help;
} psf_options;

#define AT(member) offsetof(psf_options, member)
#define OUTPUT_ROW                                                                                                     \
    { 'o', "output", "FILE", OPTION_TEXT, AT(output), 0, 0, NULL, ".npy, .txt, .tif, .fits or .png" }
#define OVERWRITE_ROW                                                                                                  \
    { 'f', "overwrite", NULL, OPTION_FLAG, AT(overwrite), 0, 0, NULL, "overwrite a file that exists" }
#define COMMON_ROWS                                                                                                    \
    {'q', "quiet", NULL, OPTION_FLAG, AT(quiet), 0, 0, NULL, "say nothing but errors"}, {                              \
        'h', "help", NULL, OPTION_FLAG, AT(help), 0, 0, NULL, "print this"                                             \
    }
#define ROTATE_ROW(text)                                                                                               \
    { 0, "rotate", NULL, OPTION_FLAG, AT(rotate), 0, 0, NULL, text }
#define JSON_ROW                                                                                                       \
    { 0, "json", NULL, OPTION_FLAG, AT(json), 0, 0, NULL, "one JSON object instead" }

static const option_row make_rows[] = {
    OUTPUT_ROW,
    {0, "delta", NULL, OPTION_FLAG, AT(source.delta), 0, 0, NULL, "1 in the middle, 0 elsewhere"},
    PSF_SOURCE_ROWS(AT(source)),
    OVERWRITE_ROW,
    COMMON_ROWS,
};
static const option_row show_rows[] = {ROTATE_ROW("correlation kernels: turn them by 180 degrees"), JSON_ROW,
                                       COMMON_ROWS};
static const option_row convert_rows[] = {
    OUTPUT_ROW, ROTATE_ROW("turn it by 180 degrees: correlation kernel to PSF, or back"), OVERWRITE_ROW, COMMON_ROWS};
static const option_row compare_rows[] = {ROTATE_ROW("B is a correlation kernel: turn it by 180 degrees"), JSON_ROW,
                                          COMMON_ROWS};

#define ROWS(rows) rows, sizeof rows / sizeof *rows

static const option_table make_table = {"psf make", "-o FILE", "Makes a PSF from a few numbers.", ROWS(make_rows),
                                        "docs/simulate.md has the formulas."};
static const option_table show_table = {"psf show", "FILE...",
                                        "Tells size, sum, centroid, support, entropy and mass at the border of PSFs,\n"
                                        "and draws them with characters.",
                                        ROWS(show_rows), ""};
static const option_table convert_table = {
    "psf convert", "IN -o OUT",
    "Reads a PSF and writes it as another type of file, divided by its sum, with odd sides.", ROWS(convert_rows),
    "PNG holds 16 bits, divided by the maximum; text and the others hold what Dipper uses."};
static const option_table compare_table = {"psf compare", "A B",
                                           "Compares two PSFs of any sizes, up to a shift by whole pixels.",
                                           ROWS(compare_rows), "docs/measures.md has the formulas."};

typedef struct psf_job {
    const psf_options *options;
    dipper_context *context;
    console console;
    io_error error;
    psf_data a, b;
} psf_job;

static int usage(const option_table *table, const char *why) {
    fprintf(stderr, "dipper %s: %s (see dipper %s --help)\n", table->command, why, table->command);
    return DIPPER_ERROR_ARGUMENT;
}

/* What the library or io says against a file. */
static int failed(psf_job *j, const char *path, dipper_status status) {
    const char *why = dipper_context_message(j->context);
    io_fail(&j->error, status, "%s: %s", path, why[0] ? why : dipper_status_text(status));
    console_error(&j->console, "%s", j->error.text);
    return (int)status;
}

static dipper_status read(psf_job *j, const char *path, int rotate, psf_data *out, psf_origin *origin) {
    dipper_status status = psf_read_noted(path, rotate, &out->values, &out->width, &out->height, origin, &j->error);
    if (!status && origin->note[0]) console_note(&j->console, "%s: %s", path, origin->note);
    return status;
}

static int write(psf_job *j) {
    const psf_options *o = j->options;
    dipper_status status = psf_write(j->a.values, j->a.width, j->a.height, o->output, o->overwrite, &j->error);
    if (status) return failed(j, o->output, status);
    puts(o->output);
    return 0;
}

/* ---- The four ---- */

static int make(psf_job *j, const text_list *files) {
    const psf_options *o = j->options;
    if (files->count) return usage(&make_table, "takes no file; name the output with -o");
    if (!o->output) return usage(&make_table, "name the output with -o");
    dipper_status status = psf_check_output(o->output, o->overwrite, &j->error);
    if (status) return failed(j, o->output, status);
    int code = psf_source_get("psf make", &o->source, j->context, &j->console, &j->a);
    return code ? code : write(j);
}

static int convert(psf_job *j, const text_list *files) {
    const psf_options *o = j->options;
    psf_origin origin;
    if (files->count != 1) return usage(&convert_table, "name one PSF");
    if (!o->output) return usage(&convert_table, "name the output with -o");
    dipper_status status = read(j, files->items[0], o->rotate, &j->a, &origin);
    if (!status) status = psf_check_output(o->output, o->overwrite, &j->error);
    return status ? failed(j, files->items[0], status) : write(j);
}

static int show_one(psf_job *j, const char *path) {
    psf_shown shown = {.path = path, .info.struct_size = sizeof shown.info};
    dipper_status status = read(j, path, j->options->rotate, &j->a, &shown.origin);
    if (!status) status = dipper_psf_describe(j->context, j->a.values, j->a.width, j->a.height, &shown.info);
    shown.psf = &j->a;
    if (!status && j->options->json) status = psf_print_json(&shown, &j->error);
    if (!status && !j->options->json) psf_print(&shown);
    free(j->a.values);
    j->a = (psf_data){0};
    return status ? failed(j, path, status) : 0;
}

static int show(psf_job *j, const text_list *files) {
    int worst = 0;
    if (files->count == 0) return usage(&show_table, "name a PSF");
    for (int i = 0; i < files->count; i++) {
        int code = show_one(j, files->items[i]);
        if (code) worst = files->count > 1 ? EXIT_BATCH : code;
        j->error = (io_error){""};
        dipper_context_clear(j->context);
    }
    return worst;
}

static int compare(psf_job *j, const text_list *files) {
    psf_origin origin;
    dipper_psf_match match = {.struct_size = sizeof match};
    if (files->count != 2) return usage(&compare_table, "name two PSFs");
    const char *a = files->items[0], *b = files->items[1];
    dipper_status status = read(j, a, 0, &j->a, &origin);
    if (status) return failed(j, a, status);
    status = read(j, b, j->options->rotate, &j->b, &origin);
    if (!status)
        status = dipper_psf_compare(j->context, j->a.values, j->a.width, j->a.height, j->b.values, j->b.width,
                                    j->b.height, &match);
    if (!status && j->options->json) status = psf_match_print_json(a, b, &match, &j->error);
    if (status) return failed(j, b, status);
    if (!j->options->json) psf_match_print(&match);
    return 0;
}

/* ---- The command ---- */

typedef struct verb {
    const char *name;
    const option_table *table;
    int (*run)(psf_job *j, const text_list *files);
} verb;

static const verb verbs[] = {{"make", &make_table, make},
                             {"show", &show_table, show},
                             {"convert", &convert_table, convert},
                             {"compare", &compare_table, compare}};
enum { VERBS = sizeof verbs / sizeof *verbs };

static int help(FILE *stream) {
    fputs("Usage: dipper psf VERB [OPTION]... [FILE]...\n"
          "Makes, shows, converts and compares PSFs (.npy, TIFF, FITS, PNG, text).\n\nVerbs:\n"
          "  make     from a few numbers: motion, Gaussian, disk, a shaken camera\n"
          "  show     size, sum, centroid, support, entropy, and a drawing\n"
          "  convert  to another type of file; --rotate turns a correlation kernel\n"
          "  compare  how like two PSFs are\n"
          "\n`dipper psf VERB --help` tells more.\n",
          stream);
    return stream == stdout ? 0 : DIPPER_ERROR_ARGUMENT;
}

static int run(const verb *v, const psf_options *o, const text_list *files) {
    psf_job j = {.options = o};
    if (o->json && !io_have_json()) return usage(v->table, "--json: this build has no jansson");
    console_open(&j.console, "none", o->quiet, 0);
    stop_install_at_once();
    int code = library_open("cpu", 1, &j.context);
    if (!code) code = v->run(&j, files);
    free(j.a.values);
    free(j.b.values);
    dipper_context_destroy(&j.context);
    return code;
}

static int run_verb(const verb *v, const command_line *line) {
    psf_options o = {0};
    text_list files = {0};
    int code = options_parse(v->table, line->argc - 1, line->argv + 1, &o, &files);
    if (!code && o.help)
        options_help(v->table, stdout);
    else if (!code)
        code = run(v, &o, &files);
    options_free(v->table, &o, &files);
    return code;
}

int command_psf(const command_line *line) {
    const char *names[VERBS], *name = line->argc > 0 ? line->argv[0] : NULL;
    if (!name) return help(stderr);
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) return help(stdout);
    for (int i = 0; i < VERBS; i++) {
        names[i] = verbs[i].name;
        if (!strcmp(verbs[i].name, name)) return run_verb(&verbs[i], line);
    }
    const char *near = nearest_name(name, names, VERBS);
    fprintf(stderr, "dipper psf: '%s' is not make, show, convert or compare%s%s%s (see dipper psf --help)\n", name,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return DIPPER_ERROR_ARGUMENT;
}
