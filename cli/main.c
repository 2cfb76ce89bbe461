/* dipper: blind image deconvolution with deep image priors. SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/start.h"
#include "dipper/dipper.h"
#include "io/io.h"

#include <stdio.h>
#include <string.h>

typedef struct command_row {
    const char *name;
    int (*run)(const command_line *line);
    const char *help;
} command_row;

static const command_row commands[] = {
    {"deblur", command_deblur, "make blurred pictures sharp, and find how they were blurred"},
    {"estimate", command_estimate, "find how a picture was blurred: its PSF, in seconds"},
    {"denoise", command_denoise, "take noise out of pictures"},
    {"superres", command_superres, "make pictures 2, 4 or 8 times as large, with detail"},
    {"inpaint", command_inpaint, "fill in the missing pixels of pictures"},
    {"score", command_score, "how good a result is: PSNR, SSIM and others, by published protocols"},
    {"bench", command_bench, "methods over a data set: restore, score, tabulate"},
    {"sweep", command_sweep, "all runs of a plan: data, recipes with ranges of their fields, seeds; on a cluster too"},
    {"figure", command_figure, "a figure of the studies: data, drawing, and what is seen"},
    {"report", command_report, "one HTML page of the results of dipper bench and dipper sweep"},
    {"blur", command_blur, "blur a picture and add noise, to try methods where the truth is known"},
    {"psf", command_psf, "make, show, convert and compare PSFs"},
    {"info", command_info, "version, build, recipes with all their fields, and what a picture file holds"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int help(FILE *stream) {
    fputs("Usage: dipper COMMAND [OPTION]... [FILE]...\n"
          "Restores blurred pictures without knowing the blur.\n\nCommands:\n",
          stream);
    for (int i = 0; i < COMMANDS; i++) fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].help);
    fputs("\n`dipper COMMAND --help` tells more; `dipper --version` tells the version.\n"
          "To begin with: dipper deblur photo.jpg\n",
          stream);
    return stream == stdout ? 0 : 2;
}

static int unknown(const char *name) {
    const char *names[COMMANDS];
    for (int i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
    const char *near = nearest_name(name, names, COMMANDS);
    fprintf(stderr, "dipper: '%s' is not a command%s%s%s (see dipper --help)\n", name, near ? "; did you mean '" : "",
            near ? near : "", near ? "'?" : "");
    return 2;
}

static int run(const command_row *command, int argc, char **argv) {
    io_error error = {""};
    command_line line = {argc - 2, argv + 2, argc, argv};
    int code = (int)io_init(argv[0], &error);
    if (code)
        fprintf(stderr, "dipper: %s\n", error.text);
    else
        code = command->run(&line);
    io_shutdown();
    return code;
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) return help(stderr);
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) return help(stdout);
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) return printf("dipper %s\n", DIPPER_VERSION_STRING) < 0;
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0) return run(&commands[i], argc, argv);
    return unknown(name);
}

int main(int argc, char **argv) {
    start_program(argv);
    int code = dispatch(argc, argv);
    if (fflush(stdout) && code == 0) {
        perror("dipper: standard output");
        code = DIPPER_ERROR_OUTPUT;
    }
    return code;
}
