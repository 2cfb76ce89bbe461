/* dipper info: what this build can do, the recipes, and what a picture file holds. SPDX-License-Identifier: Apache-2.0
 */
#include "cli/commands.h"
#include "cli/gradients.h"
#include "cli/library.h"
#include "cli/options.h"
#include "cli/recipe_text.h"
#include "io/image_file.h"

#include <stdio.h>

typedef struct info_options {
    const char *recipe, *device, *output;
    int gradients, overwrite, help;
} info_options;

#define AT(member) offsetof(info_options, member)

static const option_row rows[] = {
    {0, "recipe", "NAME", OPTION_TEXT, AT(recipe), 0, 0, NULL, "list the fields of a recipe, with their values"},
    {0, "device", "NAME", OPTION_TEXT, AT(device), 0, 0, NULL,
     "the device to describe: auto (default), cpu, cuda, ref"},
    {0, "gradients", NULL, OPTION_FLAG, AT(gradients), 0, 0, NULL,
     "the distribution of the gradients of pictures, and the prior that fits it"},
    {'o', "output", "FILE", OPTION_TEXT, AT(output), 0, 0, NULL,
     "with --gradients: all in one drawing (.svg) or table (.csv)"},
    {'f', "overwrite", NULL, OPTION_FLAG, AT(overwrite), 0, 0, NULL, "overwrite a file that exists"},
    {'h', "help", NULL, OPTION_FLAG, AT(help), 0, 0, NULL, "print this"},
};

static const option_table table = {"info",
                                   "[FILE]...",
                                   "Tells version, build options, device and recipes; with files, what they hold;\n"
                                   "with --recipe, every field of a recipe; with --gradients, how the gradients\n"
                                   "of pictures are distributed.",
                                   rows,
                                   sizeof rows / sizeof *rows,
                                   ""};

static int failed(dipper_context *context, const char *what, dipper_status status) {
    const char *why = context ? dipper_context_message(context) : "";
    fprintf(stderr, "dipper: %s: %s\n", what, why[0] ? why : dipper_status_text(status));
    return (int)status;
}

static int show_recipe(dipper_context *context, const char *name) {
    dipper_recipe *recipe = NULL;
    if (!recipe_is_known(name)) {
        recipe_say_unknown("--recipe", name);
        return DIPPER_ERROR_ARGUMENT;
    }
    dipper_status status = dipper_recipe_create(context, name, &recipe);
    if (status) return failed(context, name, status);
    recipe_print(recipe, stdout);
    dipper_recipe_destroy(&recipe);
    return 0;
}

static void show_estimators(void) {
    dipper_estimate_method m;
    puts("classical methods  (dipper deblur -m NAME, dipper estimate -m NAME), with their settings");
    for (int i = 0; dipper_estimate_method_at(i, &m) == DIPPER_OK; i++) {
        printf("  %-16s %s%s\n                  ", m.name, m.summary,
               m.available ? "" : " (not in this build: needs FFTW)");
        for (int k = 0; k < m.setting_count; k++) printf(" %s=%g", m.settings[k].name, m.settings[k].value);
        putchar('\n');
    }
}

static void show_methods(void) {
    dipper_deconvolve_method m;
    puts("methods  (dipper deblur --psf FILE -m NAME, the PSF being known)");
    for (int i = 0; dipper_deconvolve_method_at(i, &m) == DIPPER_OK; i++)
        printf("  %-14s %s%s\n", m.name, m.summary, m.available ? "" : " (not in this build: needs FFTW)");
}

static int show_build(dipper_context *context) {
    printf("dipper   %s\n", DIPPER_VERSION_STRING);
    printf("build    %s; %s\n", dipper_build_text(), io_build_text());
    printf("device   %s\n", dipper_context_device(context));
    if (*dipper_context_passed_over(context)) printf("         %s\n", dipper_context_passed_over(context));
    printf("threads  %d\n", dipper_context_threads(context));
    puts("auto     finds PSF, size and noise by itself (dipper deblur; --preset fast, balanced or best; docs/auto.md)");
    puts("recipes  (dipper info --recipe NAME lists the fields)");
    for (int i = 0; i < dipper_recipe_count(); i++)
        printf("  %-12s %s\n", dipper_recipe_name(i), dipper_recipe_summary(i));
    show_estimators();
    show_methods();
    return 0;
}

static void show_range(const io_picture *p) {
    size_t n = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    double low = (double)p->data[0], high = low, sum = 0;
    for (size_t i = 0; i < n; i++) {
        double v = (double)p->data[i];
        low = v < low ? v : low;
        high = v > high ? v : high;
        sum += v;
    }
    printf("  values       %.6g to %.6g, mean %.6g\n", low, high, sum / (double)n);
}

static dipper_status noise_level(dipper_context *context, io_picture *p, dipper_noise_method method,
                                 dipper_noise_level *out) {
    const dipper_image view = picture_view(p);
    *out = (dipper_noise_level){.struct_size = sizeof *out};
    return dipper_noise_estimate(context, &view, method, out);
}

/* docs/noise.md says how far this can be trusted. */
static dipper_status show_noise(dipper_context *context, io_picture *p) {
    const double grid_shown = 1.2;
    dipper_noise_level taken, patches, highpass;
    dipper_status status = noise_level(context, p, DIPPER_NOISE_AUTO, &taken);
    if (!status) status = noise_level(context, p, DIPPER_NOISE_BY_PATCHES, &patches);
    if (!status) status = noise_level(context, p, DIPPER_NOISE_BY_HIGHPASS, &highpass);
    if (status) return status;
    if (taken.clipped > 0) printf("  clipped      %.3g %% of the samples\n", 100 * taken.clipped);
    if (taken.sigma == 0 && patches.sigma == 0) {
        puts("  noise        none, or nothing to tell it from");
        return DIPPER_OK;
    }
    printf("  noise        %.5f is taken for a blurred picture (standard deviation)\n", taken.sigma);
    printf("               %.5f by patches, %.5f at half the size\n", patches.sigma, patches.coarse);
    printf("               %.5f by high-pass, %.5f at half the size\n", highpass.sigma, highpass.coarse);
    if (taken.jpeg_grid >= grid_shown)
        printf("               grid of JPEG, strength %.2f: fine noise is gone, coarse noise counts\n",
               taken.jpeg_grid);
    return DIPPER_OK;
}

static dipper_status show_file(dipper_context *context, const char *path) {
    io_error error = {""};
    io_picture *p = NULL;
    dipper_status status = picture_read(path, &p, &error);
    if (status) {
        fprintf(stderr, "dipper: %s\n", error.text);
        return status;
    }
    printf("%s\n", path);
    printf("  format       %s\n", p->format);
    printf("  size         %d x %d\n", p->width, p->height);
    printf("  depth        %s\n", depth_text(p->depth));
    printf("  channels     %s%s\n", p->channels == 1 ? "grey" : "RGB", p->alpha ? " and alpha" : "");
    show_range(p);
    printf("  orientation  %d%s\n", p->orientation, p->orientation > 1 ? " (size and results are upright)" : "");
    printf("  metadata     %s%s%s\n", p->has_icc ? "ICC profile" : "", p->has_icc && p->has_exif ? ", " : "",
           p->has_exif  ? "EXIF"
           : p->has_icc ? ""
                        : "none");
    if (p->note[0]) printf("  note         %s\n", p->note);
    status = show_noise(context, p);
    if (status) failed(context, path, status);
    picture_destroy(&p);
    return status;
}

static int show_files(dipper_context *context, const text_list *files) {
    int bad = 0, status = 0;
    for (int i = 0; i < files->count; i++) {
        int one = (int)show_file(context, files->items[i]);
        bad += one != 0;
        if (one) status = one;
    }
    return bad == 0 ? 0 : files->count == 1 ? status : EXIT_BATCH;
}

static int info(const info_options *o, const text_list *files) {
    dipper_context *context = NULL;
    if (o->output && !o->gradients) {
        fputs("dipper info: --output: only --gradients writes a file (see dipper info --help)\n", stderr);
        return DIPPER_ERROR_ARGUMENT;
    }
    int code = library_open(o->device, 0, &context);
    if (code) return code;
    if (o->gradients)
        code = gradients_show(context, files, o->output, o->overwrite);
    else if (o->recipe)
        code = show_recipe(context, o->recipe);
    else
        code = files->count > 0 ? show_files(context, files) : show_build(context);
    dipper_context_destroy(&context);
    return code;
}

int command_info(const command_line *line) {
    info_options o = {.device = "auto"};
    text_list files = {0};
    int code = options_parse(&table, line->argc, line->argv, &o, &files);
    if (!code && o.help)
        options_help(&table, stdout);
    else if (!code)
        code = info(&o, &files);
    options_free(&table, &o, &files);
    return code;
}
