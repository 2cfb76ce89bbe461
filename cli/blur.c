/* dipper blur: blurred pictures whose truth is known. SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/library.h"
#include "cli/options.h"
#include "cli/psf_source.h"
#include "cli/stop.h"
#include "io/image_file.h"
#include "io/psf_file.h"

#include <stdlib.h>
#include <string.h>

typedef struct blur_options {
    const char *output, *noise, *border, *psf_out;
    psf_source psf;
    uint64_t seed;
    int saturate, jpeg, threads, overwrite, quiet, help;
} blur_options;

#define AT(member) offsetof(blur_options, member)

static const option_row rows[] = {
    {'o', "output", "FILE", OPTION_TEXT, AT(output), 0, 0, NULL, "the blurred picture"},
    {0, "psf", "FILE", OPTION_TEXT, AT(psf.file), 0, 0, NULL, "blur with this PSF (.npy, .tif, .fits, .png, text)"},
    {0, "rotate", NULL, OPTION_FLAG, AT(psf.rotate), 0, 0, NULL,
     "--psf is a correlation kernel: turn it by 180 degrees"},
    PSF_SOURCE_ROWS(AT(psf)),
    {0, "border", "NAME", OPTION_CHOICE, AT(border), 0, 0, "valid|replicate|reflect|wrap",
     "what lies outside: valid (default) needs nothing and gives a smaller picture; replicate, reflect, wrap"},
    {0, "noise", "KIND:LEVEL", OPTION_TEXT, AT(noise), 0, 0, NULL,
     "gaussian:S (standard deviation S), poisson:PEAK (photons at value 1), uniform:A (0 to A)"},
    {0, "saturate", NULL, OPTION_FLAG, AT(saturate), 0, 0, NULL, "clip to 0 to 1 after the noise, as a sensor does"},
    {0, "jpeg", "Q", OPTION_INT, AT(jpeg), 1, 100, NULL,
     "send the picture through JPEG compression of quality Q, whatever the output's type"},
    {0, "seed", "N", OPTION_U64, AT(seed), 0, 0, NULL, "start of the noise's random numbers (default 0)"},
    {0, "psf-out", "FILE", OPTION_TEXT, AT(psf_out), 0, 0, NULL, "write the PSF too (.npy, .txt, .tif, .fits, .png)"},
    {'j', "threads", "N", OPTION_INT, AT(threads), 0, 1024, NULL, "worker threads; 0 (default) is one per core"},
    {'q', "quiet", NULL, OPTION_FLAG, AT(quiet), 0, 0, NULL, "say nothing but errors"},
    {'f', "overwrite", NULL, OPTION_FLAG, AT(overwrite), 0, 0, NULL, "overwrite files that exist"},
    {'h', "help", NULL, OPTION_FLAG, AT(help), 0, 0, NULL, "print this"},
};

static const option_table table = {"blur",
                                   "SHARP -o OUT",
                                   "Blurs a picture with a PSF from a file or from a few numbers, and adds noise:\n"
                                   "for trying methods on pictures whose truth is known.",
                                   rows,
                                   sizeof rows / sizeof *rows,
                                   "docs/simulate.md has the formulas. The same options and seed give the same bits."};

typedef struct blur_job {
    const blur_options *options;
    const char *input;
    dipper_context *context;
    console console;
    io_error error;
    dipper_blur_options blur;
    io_picture *picture; /* sharp; after the blur as large as the result */
    psf_data psf;
    float *planes; /* the result: channels x height x width of the picture */
} blur_job;

/* ---- Options ---- */

static int usage(const char *option, const char *text, const char *why) {
    fprintf(stderr, "dipper blur: %s '%s': %s (see dipper blur --help)\n", option, text, why);
    return DIPPER_ERROR_ARGUMENT;
}

static int read_noise(const char *text, dipper_blur_options *o) {
    static const char *const names[] = {"gaussian:", "poisson:", "uniform:"};
    static const dipper_noise noises[] = {DIPPER_NOISE_GAUSSIAN, DIPPER_NOISE_POISSON, DIPPER_NOISE_UNIFORM};
    for (int i = 0; text && i < 3; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(text, names[i], length) != 0) continue;
        o->noise = noises[i];
        if (parse_real(text + length, &o->noise_level) && o->noise_level >= 0 && (i != 1 || o->noise_level > 0))
            return 0;
        return usage("--noise", text,
                     i == 1 ? "its level is not a number above 0" : "its level is not a number from 0");
    }
    return text ? usage("--noise", text, "is not gaussian:S, poisson:PEAK or uniform:A") : 0;
}

static dipper_border border_of(const char *name) {
    return !strcmp(name, "replicate") ? DIPPER_BORDER_REPLICATE
           : !strcmp(name, "reflect") ? DIPPER_BORDER_REFLECT
           : !strcmp(name, "wrap")    ? DIPPER_BORDER_WRAP
                                      : DIPPER_BORDER_VALID;
}

static int check_options(const blur_options *o, const text_list *files, dipper_blur_options *blur) {
    dipper_blur_options_init(blur);
    blur->border = border_of(o->border);
    blur->saturate = o->saturate;
    blur->seed = o->seed;
    if (files->count == 0) return usage("input", "", "name a sharp picture");
    if (files->count > 1) return usage("input", files->items[1], "one picture at a time");
    if (!o->output) return usage("--output", "", "name the blurred picture with -o");
    if (o->psf_out && !strcmp(o->psf_out, o->output)) return usage("--psf-out", o->psf_out, "is the output itself");
    if (o->jpeg && !io_have_vips()) return usage("--jpeg", "", "this build has no libvips");
    return read_noise(o->noise, blur);
}

/* ---- The work ---- */

static dipper_status failed(blur_job *j, dipper_status status) {
    const char *why = dipper_context_message(j->context);
    return io_fail(&j->error, status, "%s: %s", j->input, why[0] ? why : dipper_status_text(status));
}

static dipper_status prepare(blur_job *j) {
    const blur_options *o = j->options;
    IO_TRY(picture_read(j->input, &j->picture, &j->error));
    if (j->picture->note[0]) console_note(&j->console, "%s: %s", j->input, j->picture->note);
    IO_TRY(picture_check_output(o->output, o->overwrite, &j->error));
    return o->psf_out ? psf_check_output(o->psf_out, o->overwrite, &j->error) : DIPPER_OK;
}

static dipper_status blur_picture(blur_job *j) {
    const dipper_image sharp = picture_view(j->picture);
    const int cut = j->blur.border == DIPPER_BORDER_VALID;
    int width = sharp.width - (cut ? j->psf.width - 1 : 0), height = sharp.height - (cut ? j->psf.height - 1 : 0);
    if (width < 1 || height < 1)
        return io_fail(&j->error, DIPPER_ERROR_INPUT,
                       "%s: %d x %d pixels are fewer than the PSF's %d x %d; nothing is left with --border valid",
                       j->input, sharp.width, sharp.height, j->psf.width, j->psf.height);
    j->planes = malloc((size_t)width * (size_t)height * (size_t)sharp.channels * sizeof *j->planes);
    if (!j->planes) return failed(j, DIPPER_ERROR_MEMORY);
    dipper_image out = dipper_image_view(j->planes, width, height, sharp.channels);
    dipper_status status = dipper_blur(j->context, &sharp, j->psf.values, j->psf.width, j->psf.height, &j->blur, &out);
    if (status) return failed(j, status);
    if (cut) picture_crop(j->picture, j->psf.width / 2, j->psf.height / 2, width, height);
    return DIPPER_OK;
}

/* A channel at 0 or 1 says little about what was there. */
static void tell_saturated(blur_job *j) {
    const size_t n = (size_t)j->picture->width * (size_t)j->picture->height;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        int ends = 0;
        for (int c = 0; c < j->picture->channels; c++) {
            const float v = j->planes[(size_t)c * n + i];
            ends |= v <= 0 || v >= 1;
        }
        count += (size_t)ends;
    }
    if (count) console_note(&j->console, "%s: %zu of %zu pixels are at 0 or 1", j->options->output, count, n);
}

static void tell_clipped(blur_job *j, size_t clipped, io_depth depth) {
    if (clipped)
        console_note(&j->console, "%s: %zu of %zu pixels were outside of the range of %s samples and are clipped",
                     j->options->output, clipped, (size_t)j->picture->width * (size_t)j->picture->height,
                     depth_text(depth));
}

/* JPEG outputs are written with the quality told; others go there and back. */
static dipper_status compress(blur_job *j) {
    io_picture *p = j->picture;
    p->jpeg_quality = j->options->jpeg;
    if (!p->jpeg_quality || picture_is_jpeg(j->options->output)) return DIPPER_OK;
    tell_clipped(j, samples_clipped(j->planes, IO_DEPTH_U8, (size_t)p->width * (size_t)p->height, p->channels),
                 IO_DEPTH_U8);
    return picture_through_jpeg(p, j->planes, &j->error);
}

static dipper_status write(blur_job *j) {
    const blur_options *o = j->options;
    io_written report;
    IO_TRY(picture_write(j->picture, j->planes, o->output, o->overwrite, &report, &j->error));
    if (report.note[0]) console_note(&j->console, "%s: %s", o->output, report.note);
    tell_clipped(j, report.clipped, report.depth);
    puts(o->output);
    if (!o->psf_out) return DIPPER_OK;
    IO_TRY(psf_write(j->psf.values, j->psf.width, j->psf.height, o->psf_out, o->overwrite, &j->error));
    puts(o->psf_out);
    return DIPPER_OK;
}

static dipper_status run(blur_job *j) {
    IO_TRY(prepare(j));
    IO_TRY(blur_picture(j));
    if (j->blur.saturate) tell_saturated(j);
    IO_TRY(compress(j));
    return write(j);
}

/* ---- The command ---- */

static int blur(const blur_options *o, const text_list *files) {
    blur_job j = {.options = o};
    int code = check_options(o, files, &j.blur);
    if (code) return code;
    j.input = files->items[0];
    console_open(&j.console, "none", o->quiet, 0);
    stop_install_at_once();
    code = library_open("cpu", o->threads, &j.context);
    if (!code) code = psf_source_get("blur", &o->psf, j.context, &j.console, &j.psf);
    if (!code) {
        code = (int)run(&j);
        if (code) console_error(&j.console, "%s", j.error.text);
    }
    picture_destroy(&j.picture);
    free(j.psf.values);
    free(j.planes);
    dipper_context_destroy(&j.context);
    return code;
}

int command_blur(const command_line *line) {
    blur_options o = {.border = "valid"};
    text_list files = {0};
    int code = options_parse(&table, line->argc, line->argv, &o, &files);
    if (!code && o.help)
        options_help(&table, stdout);
    else if (!code)
        code = blur(&o, &files);
    options_free(&table, &o, &files);
    return code;
}
