/* Where a PSF comes from. SPDX-License-Identifier: Apache-2.0 */
#include "cli/psf_source.h"

#include "cli/library.h"
#include "cli/options.h"
#include "io/psf_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double SUM_TOLERANCE = 1e-3; /* the sum of a PSF that was rounded on its way, by float16 at worst */

static int check_given(const char *command, const psf_source *s) {
    const int count = !!s->file + !!s->motion + !!s->gaussian + !!s->disk + !!s->random_motion + s->delta;
    if (count > 1) return options_refuse(command, "PSF", NULL, "more than one is given");
    if (count == 0)
        return options_refuse(command, "PSF", NULL,
                              "none is given; name one by --motion, --gaussian, --disk or --random-motion");
    if (s->rotate && !s->file) return options_refuse(command, "--rotate", NULL, "turns a PSF from a file only");
    if (s->length && !s->random_motion) return options_refuse(command, "--length", s->length, "needs --random-motion");
    if (s->size && s->file) return options_refuse(command, "--size", s->size, "cannot change a PSF from a file");
    return 0;
}

/* Up to three numbers between commas; how many, 0 for anything else. */
static int parse_numbers(const char *text, double out[3]) {
    char copy[96];
    int count = 0;
    if (strlen(text) >= sizeof copy) return 0;
    memcpy(copy, text, strlen(text) + 1);
    for (char *at = copy; at; count++) {
        char *comma = strchr(at, ',');
        if (comma) *comma = '\0';
        if (count == 3 || !parse_real(at, &out[count])) return 0;
        at = comma ? comma + 1 : NULL;
    }
    return count;
}

static int parse_size(const char *text, int *width, int *height) {
    int used = 0;
    if (sscanf(text, "%dx%d%n", width, height, &used) == 2 && text[used] == '\0') return 1;
    if (sscanf(text, "%d%n", width, &used) != 1 || text[used] != '\0') return 0;
    *height = *width;
    return 1;
}

static int is_side(int side) {
    return side >= 1 && side <= PSF_SIDE_MAX && side % 2 == 1;
}

static int read_motion(const char *command, const psf_source *s, dipper_psf_options *o) {
    double v[3] = {0};
    o->kind = DIPPER_PSF_MOTION;
    if (parse_numbers(s->motion, v) == 0)
        return options_refuse(command, "--motion", s->motion, "is not of the form LENGTH[,ANGLE[,CURVE]]");
    o->length = v[0];
    o->angle = v[1];
    o->curve = v[2];
    return 0;
}

static int read_random(const char *command, const psf_source *s, dipper_psf_options *o) {
    o->kind = DIPPER_PSF_RANDOM_MOTION;
    if (!parse_u64(s->random_motion, &o->seed))
        return options_refuse(command, "--random-motion", s->random_motion, "is not a seed, a whole number from 0");
    if (s->length && (!parse_real(s->length, &o->length) || !(o->length >= 1)))
        return options_refuse(command, "--length", s->length, "is not a number from 1");
    if (!s->length && !s->size) o->width = o->height = 31;
    return 0;
}

static int read_options(const char *command, const psf_source *s, dipper_psf_options *o) {
    dipper_psf_options_init(o);
    if (s->size && (!parse_size(s->size, &o->width, &o->height) || !is_side(o->width) || !is_side(o->height)))
        return options_refuse(command, "--size", s->size, "is not N or WxH, odd, 1 to 101 px");
    if (s->motion) return read_motion(command, s, o);
    if (s->random_motion) return read_random(command, s, o);
    if (s->gaussian) {
        o->kind = DIPPER_PSF_GAUSSIAN;
        if (!parse_real(s->gaussian, &o->sigma))
            return options_refuse(command, "--gaussian", s->gaussian, "is not a number");
    }
    if (s->disk) {
        o->kind = DIPPER_PSF_DISK;
        if (!parse_real(s->disk, &o->radius)) return options_refuse(command, "--disk", s->disk, "is not a number");
    }
    return 0;
}

static int refused(const psf_source *s, dipper_context *context, dipper_status status) {
    if (s->motion) return library_refused(context, "--motion", s->motion, status);
    if (s->random_motion) return library_refused(context, "--random-motion", s->random_motion, status);
    if (s->gaussian) return library_refused(context, "--gaussian", s->gaussian, status);
    if (s->disk) return library_refused(context, "--disk", s->disk, status);
    return library_refused(context, "--size", s->size ? s->size : "", status);
}

static int make(const char *command, const psf_source *s, dipper_context *context, psf_data *out) {
    dipper_psf_options o;
    int code = read_options(command, s, &o);
    if (code) return code;
    dipper_status status = dipper_psf_make(context, &o, &out->width, &out->height, NULL);
    if (status) return refused(s, context, status);
    out->values = malloc((size_t)out->width * (size_t)out->height * sizeof *out->values);
    if (!out->values) return refused(s, context, DIPPER_ERROR_MEMORY);
    status = dipper_psf_make(context, &o, NULL, NULL, out->values);
    return status ? refused(s, context, status) : 0;
}

int psf_source_get(const char *command, const psf_source *source, dipper_context *context, console *c, psf_data *out) {
    io_error error = {""};
    psf_origin origin;
    *out = (psf_data){0};
    int code = check_given(command, source);
    if (code) return code;
    if (!source->file) return make(command, source, context, out);
    code = (int)psf_read_noted(source->file, source->rotate, &out->values, &out->width, &out->height, &origin, &error);
    if (code)
        console_error(c, "%s", error.text);
    else if (origin.note[0])
        console_note(c, "%s: %s", source->file, origin.note);
    if (!code && fabs(origin.sum - 1) > SUM_TOLERANCE)
        console_note(c, "%s: its values sum to %.6g and are divided by that", source->file, origin.sum);
    return code;
}
