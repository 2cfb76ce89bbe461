/* dipper score: how good a result is. SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/library.h"
#include "cli/options.h"
#include "cli/score_table.h"
#include "io/image_file.h"
#include "io/psf_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct score_options {
    const char *gt, *blurred, *psf, *psf_gt, *protocol, *channel;
    int crop, shift, psf_rotate, psf_gt_rotate, threads, json, quiet, help;
    double peak;
} score_options;

#define AT(member) offsetof(score_options, member)

static const option_row rows[] = {
    {0, "gt", "FILE", OPTION_TEXT, AT(gt), 0, 0, NULL, "the ground truth; without it only the measures that need none"},
    {0, "blurred", "FILE", OPTION_TEXT, AT(blurred), 0, 0, NULL, "the blurred picture: adds ISNR and PSNR-NB"},
    {0, "psf", "FILE", OPTION_TEXT, AT(psf), 0, 0, NULL,
     "the PSF that was found: adds its entropy and border mass, and the residual if --blurred is there"},
    {0, "psf-gt", "FILE", OPTION_TEXT, AT(psf_gt), 0, 0, NULL,
     "the true PSF: adds correlation and error of --psf, and the error ratios if --gt and --blurred are there"},
    {0, "psf-rotate", NULL, OPTION_FLAG, AT(psf_rotate), 0, 0, NULL,
     "--psf is a correlation kernel: turn it by 180 degrees"},
    {0, "psf-gt-rotate", NULL, OPTION_FLAG, AT(psf_gt_rotate), 0, 0, NULL, "so is --psf-gt (the Levin and Lai data)"},
    {0, "protocol", "NAME", OPTION_CHOICE, AT(protocol), 0, 0, "plain|levin|lai",
     "plain (default): whole picture, no search; levin, lai: as published tables"},
    {0, "crop", "N", OPTION_INT, AT(crop), 0, 1000000, NULL, "px taken off each side; default: the protocol's"},
    {0, "shift", "N", OPTION_INT, AT(shift), 0, 100, NULL,
     "search shifts of the result up to N px, at most the crop; default: the protocol's"},
    {0, "channel", "NAME", OPTION_CHOICE, AT(channel), 0, 0, "luma|rgb|studio",
     "of colour pictures: luma, rgb or studio (luma as MATLAB's rgb2ycbcr); default: the protocol's"},
    {0, "peak", "V", OPTION_REAL, AT(peak), 1e-30, 1e30, NULL, "the largest value of the data's range, default 1"},
    {'j', "threads", "N", OPTION_INT, AT(threads), 0, 1024, NULL, "worker threads; 0 (default) is one per core"},
    {0, "json", NULL, OPTION_FLAG, AT(json), 0, 0, NULL, "one JSON object instead of the table"},
    {'q', "quiet", NULL, OPTION_FLAG, AT(quiet), 0, 0, NULL, "say nothing but errors"},
    {'h', "help", NULL, OPTION_FLAG, AT(help), 0, 0, NULL, "print this"},
};

static const option_table table = {"score",
                                   "RESULT",
                                   "Measures how good a result is, against the ground truth and without it. Each\n"
                                   "measure is printed with its crop, search range, channel and clipping.",
                                   rows,
                                   sizeof rows / sizeof *rows,
                                   "docs/measures.md has the formulas, the protocols and their sources."};

typedef struct psf_data {
    float *values; /* height x width */
    int width, height;
} psf_data;

typedef struct score_job {
    const score_options *options;
    const char *result_name;
    dipper_context *context;
    console console;
    io_error error;
    io_picture *result, *gt, *blurred, *oracle;
    psf_data psf, psf_gt;
    score_found found;
} score_job;

/* ---- Reading ---- */

static dipper_status read_picture(score_job *j, const char *path, io_picture **out) {
    if (!path) return DIPPER_OK;
    IO_TRY(picture_read(path, out, &j->error));
    const io_picture *p = *out, *first = j->result;
    if (p->note[0]) console_note(&j->console, "%s: %s", path, p->note);
    if (p->alpha) console_note(&j->console, "%s: alpha is not compared", path);
    if (p->width != first->width || p->height != first->height)
        return io_fail(&j->error, DIPPER_ERROR_INPUT,
                       "%s: is %d x %d px, but %s is %d x %d: only pictures of one size can be compared", path,
                       p->width, p->height, j->result_name, first->width, first->height);
    if (p->depth != first->depth)
        console_note(&j->console, "%s is %s, %s is %s: %s", j->result_name, depth_text(first->depth), path,
                     depth_text(p->depth),
                     p->depth >= IO_DEPTH_F32 || first->depth >= IO_DEPTH_F32
                         ? "floats are taken as they are, integers as 0 to 1"
                         : "both are taken as 0 to 1");
    return DIPPER_OK;
}

static dipper_status read_psf(score_job *j, const char *path, int rotate, psf_data *out) {
    psf_origin origin;
    if (!path) return DIPPER_OK;
    IO_TRY(psf_read_noted(path, rotate, &out->values, &out->width, &out->height, &origin, &j->error));
    if (origin.note[0]) console_note(&j->console, "%s: %s", path, origin.note);
    return DIPPER_OK;
}

static dipper_status read_all(score_job *j) {
    const score_options *o = j->options;
    IO_TRY(read_picture(j, j->result_name, &j->result));
    IO_TRY(read_picture(j, o->gt, &j->gt));
    IO_TRY(read_picture(j, o->blurred, &j->blurred));
    IO_TRY(read_psf(j, o->psf, o->psf_rotate, &j->psf));
    return read_psf(j, o->psf_gt, o->psf_gt_rotate, &j->psf_gt);
}

/* ---- Measuring ---- */

/* What the library says becomes the error, with the name of the file that was at work. */
static dipper_status checked(score_job *j, const char *name, dipper_status status) {
    if (!status) return DIPPER_OK;
    const char *why = dipper_context_message(j->context);
    return io_fail(&j->error, status, "%s: %s", name, why[0] ? why : dipper_status_text(status));
}

/* The sparse-prior deconvolution with the true PSF: what the error ratios compare with. */
static dipper_status make_oracle(score_job *j) {
    const io_picture *b = j->blurred;
    IO_TRY(picture_create(b->width, b->height, b->channels, b->depth, &j->oracle, &j->error));
    const dipper_image blurred = picture_view(j->blurred);
    dipper_image oracle = picture_view(j->oracle);
    return checked(j, j->options->psf_gt,
                   dipper_deconvolve_sparse(j->context, &blurred, j->psf_gt.values, j->psf_gt.width, j->psf_gt.height,
                                            NULL, &oracle));
}

static int channel_number(const char *name) {
    if (!name) return -1;
    return !strcmp(name, "luma")  ? DIPPER_CHANNEL_LUMA
           : !strcmp(name, "rgb") ? DIPPER_CHANNEL_RGB
                                  : DIPPER_CHANNEL_STUDIO;
}

static dipper_status measure_truth(score_job *j) {
    const score_options *o = j->options;
    dipper_score_options options;
    dipper_image blurred, oracle;
    dipper_score_options_init(&options);
    options.protocol = o->protocol;
    options.crop = o->crop;
    options.range = o->shift;
    options.channel = channel_number(o->channel);
    options.peak = o->peak;
    if (j->blurred) {
        blurred = picture_view(j->blurred);
        options.blurred = &blurred;
    }
    if (j->blurred && j->psf_gt.values) {
        IO_TRY(make_oracle(j));
        oracle = picture_view(j->oracle);
        options.oracle = &oracle;
    }
    const dipper_image result = picture_view(j->result), truth = picture_view(j->gt);
    return checked(j, j->result_name, dipper_score_result(j->context, &result, &truth, &options, &j->found.score));
}

static dipper_status measure(score_job *j) {
    const dipper_image result = picture_view(j->result);
    dipper_image blurred;
    if (j->blurred) blurred = picture_view(j->blurred);
    j->found.grey = result.channels == 1;
    if (j->gt) IO_TRY(measure_truth(j));
    IO_TRY(checked(j, j->psf.values ? j->options->psf : j->result_name,
                   dipper_quality_measure(j->context, &result, j->blurred ? &blurred : NULL, j->psf.values,
                                          j->psf.width, j->psf.height, &j->found.quality)));
    if (!j->psf.values || !j->psf_gt.values) return DIPPER_OK;
    return checked(j, j->options->psf,
                   dipper_psf_compare(j->context, j->psf.values, j->psf.width, j->psf.height, j->psf_gt.values,
                                      j->psf_gt.width, j->psf_gt.height, &j->found.match));
}

static dipper_status run(score_job *j) {
    IO_TRY(read_all(j));
    IO_TRY(measure(j));
    if (j->options->json) return score_print_json(&j->found, &j->error);
    score_print_table(&j->found);
    return DIPPER_OK;
}

/* ---- The command ---- */

static int usage(const char *why) {
    fprintf(stderr, "dipper score: %s (see dipper score --help)\n", why);
    return DIPPER_ERROR_ARGUMENT;
}

static int check_options(const score_options *o, const text_list *files) {
    if (files->count != 1) return usage(files->count ? "names one result only" : "name the result to be measured");
    if (o->psf_rotate && !o->psf) return usage("--psf-rotate needs --psf");
    if (o->psf_gt_rotate && !o->psf_gt) return usage("--psf-gt-rotate needs --psf-gt");
    if (o->psf_gt && !o->psf && !(o->gt && o->blurred))
        return usage("--psf-gt needs --psf to compare it with, or --gt and --blurred for the error ratios");
    if (o->json && !io_have_json()) return usage("--json: this build has no jansson");
    return 0;
}

static void release(score_job *j) {
    picture_destroy(&j->result);
    picture_destroy(&j->gt);
    picture_destroy(&j->blurred);
    picture_destroy(&j->oracle);
    free(j->psf.values);
    free(j->psf_gt.values);
    dipper_context_destroy(&j->context);
}

static int score(const score_options *o, const text_list *files) {
    int code = check_options(o, files);
    if (code) return code;
    score_job j = {.options = o, .result_name = files->items[0]};
    j.found = (score_found){.result = j.result_name,
                            .gt = o->gt,
                            .blurred = o->blurred,
                            .psf = o->psf,
                            .psf_gt = o->psf_gt,
                            .protocol = o->protocol,
                            .peak = o->peak,
                            .score = {.struct_size = sizeof(dipper_score)},
                            .quality = {.struct_size = sizeof(dipper_quality)},
                            .match = {.struct_size = sizeof(dipper_psf_match)}};
    console_open(&j.console, "none", o->quiet, 0);
    code = library_open("cpu", o->threads, &j.context);
    if (!code) {
        code = (int)run(&j);
        if (code) console_error(&j.console, "%s", j.error.text);
    }
    release(&j);
    return code;
}

int command_score(const command_line *line) {
    score_options o = {.protocol = "plain", .crop = -1, .shift = -1, .peak = 1};
    text_list files = {0};
    int code = options_parse(&table, line->argc, line->argv, &o, &files);
    if (!code && o.help)
        options_help(&table, stdout);
    else if (!code)
        code = score(&o, &files);
    options_free(&table, &o, &files);
    return code;
}
