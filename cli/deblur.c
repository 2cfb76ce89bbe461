/* dipper deblur: deconvolution of pictures, blind or with a known PSF. SPDX-License-Identifier: Apache-2.0 */
#include "cli/estimator.h"
#include "cli/library.h"
#include "cli/nonblind.h"
#include "cli/psf_source.h"
#include "cli/recipe_text.h"
#include "cli/restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

typedef struct deblur_options {
    restore_options common; /* first */
    const char *psf_size, *psf_out, *psf_init, *roi, *step, *truth_file, *preset;
    int no_verdict;
    job_auto_settings automatic;
    job_estimate_settings estimate;
    nonblind_options nonblind;   /* but for method and iterations */
    job_nonblind_settings known; /* of a method that is no recipe */
    psf_data psf;                /* of a recipe */
    io_picture *truth;           /* of a recipe; NULL: none */
} deblur_options;

#define AT(member) offsetof(deblur_options, member)

static const option_row rows[] = {
    {'o', "output", "FILE|DIR", OPTION_TEXT, AT(common.output), 0, 0, NULL,
     "result; a directory if there are several inputs (default: NAME_deblurred.EXT beside the input)"},
    {'k', "kernel-size", "SIZE", OPTION_TEXT, AT(psf_size), 0, 0, NULL,
     "width of the blur (PSF) in pixels, odd, or WxH, rather too large than too small; auto (default): method auto "
     "finds it, others take 31"},
    {'m', "method", "NAME", OPTION_TEXT, AT(common.method), 0, 0, NULL,
     "auto (default); recipe: fast, selfdeblur ...; classical: map-l0 ...; with --psf: sparse (default), tv ... "
     "(dipper info lists them)"},
    {0, "preset", "NAME", OPTION_CHOICE, AT(preset), 0, 0, "fast|balanced|best",
     "with auto: how much work (default: balanced)"},
    {0, "roi", ESTIMATOR_ROI, OPTION_TEXT, AT(roi), 0, 0, NULL, "with map-l0 and its kind: " ESTIMATOR_ROI_HELP},
    {0, "nonblind", "NAME", OPTION_TEXT, AT(step), 0, 0, NULL,
     "with map-l0 and its kind: what restores the picture once the PSF is found; sparse (default), tv ..."},
    {0, "psf", "FILE", OPTION_TEXT, AT(nonblind.psf), 0, 0, NULL,
     "the blur is known: .npy, text or picture (true convolution, what a point of light looks like)"},
    {0, "psf-init", "FILE", OPTION_TEXT, AT(psf_init), 0, 0, NULL,
     "the blur is unknown, and its estimate starts here: .npy, text or picture; says the size as well"},
    {0, "psf-rotate", NULL, OPTION_FLAG, AT(nonblind.rotate), 0, 0, NULL,
     "with --psf or --psf-init: turn it by 180 degrees first (it is a correlation kernel, as in much public data)"},
    {0, "weight", "W", OPTION_TEXT, AT(nonblind.weight), 0, 0, NULL,
     "with --psf: weight of the prior, larger is smoother; auto (default): from the noise"},
    {0, "exponent", "P", OPTION_TEXT, AT(nonblind.exponent), 0, 0, NULL,
     "with --psf: of |gradient| (sparse, hyperlaplacian) or of 1/f (wiener); default: the method's"},
    {0, "edges", "MODE", OPTION_CHOICE, AT(nonblind.edges), 0, 0, "auto|latent|taper|wrap",
     "with --psf, beyond the border: nothing is assumed (latent), opposite borders are joined smoothly (taper), the "
     "picture is periodic (wrap); auto (default): latent where the method can"},
    {0, "saturation", "LEVEL", OPTION_TEXT, AT(nonblind.saturation), 0, 0, NULL,
     "with --psf: brighter pixels only tell that it was at least as bright; 0: there are none; auto (default): 0.99 if "
     "the picture goes up to 1"},
    {0, "box", NULL, OPTION_FLAG, AT(nonblind.box), 0, 0, NULL,
     "with --psf and hyperlaplacian or tv: the sharp picture lies between black and white, as print on white paper "
     "does and lamps do not (box constraint)"},
    {0, "mask", "FILE", OPTION_TEXT, AT(nonblind.mask), 0, 0, NULL,
     "with --psf: a picture of the same size; where it is 0 the pixel is missing, everywhere else it is known"},
    {0, "max-memory", "MB", OPTION_INT, AT(nonblind.max_memory), 0, 1000000000, NULL,
     "with auto and --psf: restore what needs more in smaller tiles; 0 (default) is half of the machine's memory"},
    {0, "gt", "FILE", OPTION_TEXT, AT(truth_file), 0, 0, NULL,
     "for studies, with --set pretrain_target=truth: the ground truth, of the picture's size and channels"},
    {0, "psf-out", "FILE", OPTION_TEXT, AT(psf_out), 0, 0, NULL,
     "where the PSF goes, .npy or .png; the other one goes beside it (default: NAME_psf.npy, NAME_psf.png)"},
    {0, "no-verdict", NULL, OPTION_FLAG, AT(no_verdict), 0, 0, NULL,
     "do not judge whether the result can be trusted, which takes about 2 s (ok, doubtful, or failed with exit code "
     "7)"},
#include "cli/restore.def"
};

static const option_table table = {"deblur",
                                   "IN...",
                                   "Restores blurred pictures and finds their blur (PSF). Writes NAME_deblurred.EXT,\n"
                                   "NAME_psf.npy, NAME_psf.png and NAME.run.json, and prints their names on stdout.\n"
                                   "With --psf FILE the blur is known; then no PSF is written.",
                                   rows,
                                   sizeof rows / sizeof *rows,
                                   RESTORE_FOOTER};

static int usage(const char *option, const char *text, const char *why) {
    return options_refuse("deblur", option, text, why);
}

/* "auto", "N" or "WxH". */
static int parse_psf_size(const char *text, job_settings *s) {
    if (strcmp(text, "auto") == 0) return 0;
    const char *why = library_psf_size(text, &s->psf_width, &s->psf_height);
    return why ? usage("--kernel-size", text, why) : 0;
}

static int is_automatic(const deblur_options *o) {
    return strcmp(o->common.method, "auto") == 0;
}

static int can_be_automatic(void) {
    dipper_estimate_method m;
    return dipper_estimate_method_at(0, &m) == DIPPER_OK && m.available;
}

/* What takes a PSF or fields of recipes means a recipe; without FFTW there is no automatic mode. */
static const char *usual_method(const deblur_options *o) {
    const restore_options *c = &o->common;
    if (o->nonblind.psf) return "sparse";
    if (o->psf_init || c->set.count || c->iterations || c->snapshot_every || c->uncertainty || c->checkpoint)
        return "fast";
    return can_be_automatic() ? "auto" : "fast";
}

/* What only the non-blind methods that are no recipes have. */
static int refuse_weights(const nonblind_options *n, const char *why) {
    if (n->weight) return usage("--weight", n->weight, why);
    if (n->exponent) return usage("--exponent", n->exponent, why);
    if (strcmp(n->edges, "auto") != 0) return usage("--edges", n->edges, why);
    if (strcmp(n->saturation, "auto") != 0) return usage("--saturation", n->saturation, why);
    if (n->box) return usage("--box", NULL, why);
    if (n->mask) return usage("--mask", n->mask, why);
    return n->max_memory ? usage("--max-memory", NULL, why) : 0;
}

/* A classical method finds the PSF, and a non-blind one, with its options, restores the picture. */
static int check_classical(const deblur_options *o) {
    const nonblind_options *n = &o->nonblind;
    if (n->psf) return usage("--method", o->common.method, "finds the PSF itself: leave --psf out");
    if (o->psf_init) return usage("--psf-init", o->psf_init, "this method starts from nothing");
    if (n->rotate) return usage("--psf-rotate", NULL, "needs --psf FILE");
    if (n->mask) return usage("--mask", n->mask, "needs --psf FILE (the estimate does not know it)");
    return o->common.snapshot_every ? usage("--snapshot-every", NULL, "this method makes no snapshots") : 0;
}

/* The automatic mode finds everything out by itself. */
static int check_automatic(const deblur_options *o) {
    const restore_options *c = &o->common;
    static const char *const why = "is not for the automatic mode: choose a method with -m";
    if (o->nonblind.psf) return usage("--method", c->method, "finds the PSF itself: leave --psf out");
    if (o->nonblind.rotate) return usage("--psf-rotate", NULL, "needs --psf FILE or --psf-init FILE");
    if (o->psf_init) return usage("--psf-init", o->psf_init, why);
    if (o->roi) return usage("--roi", o->roi, "is for map-l0 and its kind; the automatic mode chooses it");
    if (o->step) return usage("--nonblind", o->step, "is for map-l0 and its kind; the automatic mode chooses it");
    if (c->set.count) return usage("--set", c->set.items[0], why);
    if (c->iterations) return usage("--iterations", c->iterations, why);
    if (c->snapshot_every) return usage("--snapshot-every", NULL, why);
    nonblind_options rest = o->nonblind;
    rest.max_memory = 0;
    return refuse_weights(&rest, "needs --psf FILE");
}

/* Three manners more: a recipe finds the PSF, a recipe is told it (psf=fixed), or a method that is no recipe is. What
 * belongs to another manner is refused. */
static int check_manner(const deblur_options *o) {
    const nonblind_options *n = &o->nonblind;
    if (is_automatic(o)) return check_automatic(o);
    if (o->preset) return usage("--preset", o->preset, "is for the automatic mode (-m auto)");
    if (estimator_is_known(o->common.method)) return check_classical(o);
    if (o->roi) return usage("--roi", o->roi, "is for map-l0 and its kind");
    if (o->step) return usage("--nonblind", o->step, "is for map-l0 and its kind; with --psf it is --method");
    if (!n->psf) {
        if (nonblind_is_known(o->common.method))
            return usage("--method", o->common.method, "needs to know the blur: give it by --psf FILE");
        if (n->rotate && !o->psf_init) return usage("--psf-rotate", NULL, "needs --psf FILE or --psf-init FILE");
        return refuse_weights(n, "needs --psf FILE");
    }
    if (o->psf_init) return usage("--psf-init", o->psf_init, "with --psf the PSF is known and starts nowhere else");
    if (strcmp(o->psf_size, "auto") != 0) return usage("--kernel-size", o->psf_size, "--psf says the size already");
    if (o->psf_out) return usage("--psf-out", o->psf_out, "with --psf no PSF is found (dipper psf converts files)");
    if (recipe_is_known(o->common.method))
        return refuse_weights(n, "is not for recipes, whose fields are changed by --set");
    if (o->common.set.count)
        return usage("--set", o->common.set.items[0], "fields are of recipes; this method has options");
    return o->common.snapshot_every ? usage("--snapshot-every", NULL, "this method makes no snapshots") : 0;
}

static int open_automatic(deblur_options *o, restore *r) {
    if (!can_be_automatic()) return usage("--method", "auto", "needs FFTW, which this build lacks");
    if (r->settings.psf_width == 1 || r->settings.psf_height == 1)
        return usage("--kernel-size", o->psf_size, "the automatic mode takes 3 to 101");
    o->automatic.preset = DIPPER_PRESET_BALANCED;
    for (int i = 0; o->preset && dipper_preset_name(i); i++)
        if (strcmp(dipper_preset_name(i), o->preset) == 0) o->automatic.preset = (dipper_preset)i;
    o->automatic.memory_bytes = o->nonblind.max_memory ? (size_t)o->nonblind.max_memory << 20 : nonblind_usual_memory();
    r->settings.automatic = &o->automatic;
    return 0;
}

static int check(restore *r) {
    deblur_options *o = (deblur_options *)r->options;
    if (!o->common.method) o->common.method = usual_method(o);
    if (o->nonblind.psf && !recipe_is_known(o->common.method)) r->settings.nonblind = &o->known;
    if (estimator_is_known(o->common.method)) {
        r->settings.nonblind = &o->known;
        r->settings.estimate = &o->estimate;
    }
    r->psf_out = o->psf_out;
    if (o->truth_file && !recipe_is_known(o->common.method))
        return usage("--gt", o->truth_file, "is for the pre-training of recipes (--set pretrain_target=truth)");
    r->settings.judge = !o->no_verdict;
    int code = check_manner(o);
    if (!code) code = parse_psf_size(o->psf_size, &r->settings);
    return !code && is_automatic(o) ? open_automatic(o, r) : code;
}

/* ---- The command ---- */

/* Where the estimate of the PSF starts. */
static int open_start(restore *r, deblur_options *o) {
    const psf_source source = {.file = o->psf_init, .rotate = o->nonblind.rotate};
    job_settings *s = &r->settings;
    char why[96];
    int code = psf_source_get("deblur", &source, s->context, &r->console, &o->psf);
    if (code) return code;
    snprintf(why, sizeof why, "is of %d x %d px, and --kernel-size says %d x %d", o->psf.width, o->psf.height,
             s->psf_width, s->psf_height);
    if (s->psf_width && (s->psf_width != o->psf.width || s->psf_height != o->psf.height))
        return usage("--psf-init", o->psf_init, why);
    s->task.start_file = o->psf_init;
    s->task.psf = o->psf.values;
    s->psf_width = o->psf.width;
    s->psf_height = o->psf.height;
    const dipper_status status = dipper_recipe_set(s->context, r->recipe, "psf_start", "file");
    return status ? library_refused(s->context, "--psf-init", o->psf_init, status) : 0;
}

/* For a recipe: the ground truth, if it is to be pre-trained to that. */
static int open_truth(restore *r, deblur_options *o) {
    const int wanted = recipe_has(r->recipe, "pretrain_target", "truth");
    io_error error = {""};
    if (wanted && !o->truth_file && !o->common.print_config)
        return usage("--set", "pretrain_target=truth", "needs the ground truth: give it by --gt FILE (for studies)");
    if (!wanted && o->truth_file)
        return usage("--gt", o->truth_file,
                     "only a recipe with pretrain_target=truth looks at it (dipper score tells "
                     "how near a result is)");
    if (!o->truth_file) return 0;
    const dipper_status status = picture_read(o->truth_file, &o->truth, &error);
    r->settings.task.truth_file = o->truth_file;
    r->settings.task.truth = o->truth;
    if (status) console_error(&r->console, "--gt %s", error.text);
    return (int)status;
}

/* For a recipe: the PSF, if it wants to be told one. */
static int open_psf(restore *r, deblur_options *o) {
    const psf_source source = {.file = o->nonblind.psf, .rotate = o->nonblind.rotate};
    const int fixed = recipe_has(r->recipe, "psf", "fixed");
    if (!fixed && source.file) return usage("--method", o->common.method, "finds the PSF itself: leave --psf out");
    if (!fixed && o->psf_init) return open_start(r, o);
    if (!fixed && recipe_has(r->recipe, "psf_start", "file") && !o->common.print_config)
        return usage("--set", "psf_start=file", "needs the PSF to start from: give it by --psf-init FILE");
    if (!fixed) return 0;
    if (o->psf_init) return usage("--psf-init", o->psf_init, "this method is told the PSF by --psf");
    if (!source.file) return usage("--method", o->common.method, "needs to know the blur: give it by --psf FILE");
    const int code = psf_source_get("deblur", &source, r->settings.context, &r->console, &o->psf);
    r->settings.task.psf_file = source.file;
    r->settings.task.psf = o->psf.values;
    r->settings.psf_width = o->psf.width;
    r->settings.psf_height = o->psf.height;
    return code;
}

static int open_recipe(restore *r, deblur_options *o) {
    const int code = open_psf(r, o);
    return code ? code : open_truth(r, o);
}

static int open_classical(restore *r, deblur_options *o) {
    const recipe_changes changes = {o->common.set.items, o->common.set.count, o->common.iterations};
    const int code = estimator_open("deblur", o->common.method, &changes, o->roi, &o->estimate);
    o->nonblind.method = o->step ? o->step : "sparse";
    return code ? code : nonblind_open(&o->nonblind, r->settings.context, &r->console, &o->known);
}

static int open(restore *r) {
    deblur_options *o = (deblur_options *)r->options;
    if (r->settings.automatic) return 0;
    if (r->settings.estimate) return open_classical(r, o);
    if (!r->settings.nonblind) return open_recipe(r, o);
    o->nonblind.method = o->common.method;
    o->nonblind.iterations = o->common.iterations;
    return nonblind_open(&o->nonblind, r->settings.context, &r->console, &o->known);
}

static void print(const restore *r) {
    const deblur_options *o = (const deblur_options *)r->options;
    printf("kernel-size = %s\n", o->psf_size);
    if (r->settings.automatic) printf("preset = %s\n", dipper_preset_name((int)o->automatic.preset));
    if (r->settings.estimate) estimator_print(r->settings.estimate);
    if (r->settings.nonblind)
        nonblind_print(r->settings.nonblind);
    else if (o->nonblind.psf)
        printf("psf = %s\n", o->nonblind.psf);
}

int command_deblur(const command_line *line) {
    static const restore_command command = {&table, {"", "_deblurred"}, check, open, print};
    deblur_options o = {.psf_size = "auto"};
    o.nonblind.edges = o.nonblind.saturation = "auto";
    const int code = restore_run(&command, &o.common, line);
    nonblind_close(&o.known);
    free(o.psf.values);
    picture_destroy(&o.truth);
    return code;
}
