/* Kernel estimation for subcommands. SPDX-License-Identifier: Apache-2.0 */
#include "cli/estimator.h"

#include "cli/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int find(const char *name, dipper_estimate_method *out) {
    for (int i = 0; dipper_estimate_method_at(i, out) == DIPPER_OK; i++)
        if (strcmp(out->name, name) == 0) return 1;
    return 0;
}

int estimator_is_known(const char *name) {
    dipper_estimate_method unused;
    return find(name, &unused);
}

static int unknown(const char *command, const char *name) {
    dipper_estimate_method m;
    fprintf(stderr, "dipper %s: --method '%s': there are", command, name);
    for (int i = 0; dipper_estimate_method_at(i, &m) == DIPPER_OK; i++) fprintf(stderr, "%s %s", i ? "," : "", m.name);
    fputc('\n', stderr);
    return DIPPER_ERROR_ARGUMENT;
}

/* One setting by its name; option and text are for the message. */
static int set_value(const char *command, const dipper_estimate_method *m, const char *name, const char *value,
                     const char *option, const char *text, job_estimate_settings *out) {
    char why[160];
    for (int i = 0; i < m->setting_count; i++) {
        const dipper_estimate_setting *s = &m->settings[i];
        if (strcmp(s->name, name) != 0) continue;
        if (parse_real(value, &out->values[i]) && out->values[i] >= s->low && out->values[i] <= s->high) return 0;
        snprintf(why, sizeof why, "%s is not a number from %g to %g", name, s->low, s->high);
        return options_refuse(command, option, text, why);
    }
    snprintf(why, sizeof why, "method %s has no such setting (dipper info lists them)", m->name);
    return options_refuse(command, option, text, why);
}

static int set_values(const char *command, const dipper_estimate_method *m, const recipe_changes *changes,
                      job_estimate_settings *out) {
    int code = 0;
    for (int i = 0; i < changes->count && !code; i++) {
        char name[64];
        const char *text = changes->set[i], *equals = strchr(text, '=');
        if (!equals || equals == text) return options_refuse(command, "--set", text, "is not of the form field=value");
        snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
        code = set_value(command, m, name, equals + 1, "--set", text, out);
    }
    if (code || !changes->iterations) return code;
    return set_value(command, m, "iterations", changes->iterations, "--iterations", changes->iterations, out);
}

/* "auto" or "WxH+X+Y" */
static int parse_roi(const char *command, const char *text, job_estimate_settings *out) {
    char rest;
    dipper_estimate_options *o = &out->options;
    out->choose_region = text && !strcmp(text, "auto");
    if (!text || out->choose_region) return 0;
    if (sscanf(text, "%6dx%6d+%6d+%6d%c", &o->width, &o->height, &o->x, &o->y, &rest) == 4 && o->width > 0 &&
        o->height > 0 && o->x >= 0 && o->y >= 0)
        return 0;
    return options_refuse(command, "--roi", text, "is not auto or of the form WxH+X+Y, in pixels");
}

int estimator_open(const char *command, const char *method, const recipe_changes *changes, const char *roi,
                   job_estimate_settings *out) {
    dipper_estimate_method m;
    if (!find(method, &m)) return unknown(command, method);
    if (!m.available) return options_refuse(command, "--method", method, "needs FFTW, which this build lacks");
    dipper_estimate_options_init(&out->options);
    out->options.method = m.name;
    out->options.settings = out->values;
    memset(out->values, 0, sizeof out->values);
    for (int i = 0; i < m.setting_count; i++) out->values[i] = m.settings[i].value;
    const int code = set_values(command, &m, changes, out);
    return code ? code : parse_roi(command, roi, out);
}

/* Large enough to show the PSF many times over, and on pictures of that size or less all there is. */
static int region_side(int psf_width, int psf_height) {
    enum { LEAST = 256, PSFS = 8 };
    const int side = PSFS * (psf_width > psf_height ? psf_width : psf_height);
    return side > LEAST ? side : LEAST;
}

dipper_status estimator_choose_region(const job_estimate_settings *s, dipper_context *context,
                                      const dipper_image *blurred, const char *input, console *c,
                                      dipper_estimate_options *o) {
    dipper_region r = {.struct_size = sizeof r};
    const int side = region_side(o->psf_width, o->psf_height);
    if (!s->choose_region) return DIPPER_OK;
    const dipper_status status = dipper_region_choose(context, blurred, side, side, o->psf_width, o->psf_height, &r);
    if (status) return status;
    o->x = r.x;
    o->y = r.y;
    o->width = r.width;
    o->height = r.height;
    if (r.score > 0)
        console_note(c, "%s: the PSF is looked for in %dx%d+%d+%d", input, r.width, r.height, r.x, r.y);
    else
        console_note(c, "%s: no part shows the blur well; the PSF is looked for in the middle, %dx%d+%d+%d", input,
                     r.width, r.height, r.x, r.y);
    return DIPPER_OK;
}

void estimator_print(const job_estimate_settings *s) {
    dipper_estimate_method m;
    const dipper_estimate_options *o = &s->options;
    if (!find(o->method, &m)) return;
    if (s->choose_region) puts("roi = auto");
    if (o->width) printf("roi = %dx%d+%d+%d\n", o->width, o->height, o->x, o->y);
    puts("# settings of the estimate, for --set");
    for (int i = 0; i < m.setting_count; i++)
        printf("%s = %g  # %s (%g to %g)\n", m.settings[i].name, s->values[i], m.settings[i].summary, m.settings[i].low,
               m.settings[i].high);
}
