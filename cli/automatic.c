/* One picture restored by the automatic mode. SPDX-License-Identifier: Apache-2.0 */
#include "cli/job_inner.h"

#include <math.h>
#include <stdlib.h>

static dipper_status prepare(job *j) {
    j->psf = malloc((size_t)DIPPER_AUTO_PSF_MOST * DIPPER_AUTO_PSF_MOST * sizeof *j->psf);
    return j->psf ? DIPPER_OK : job_no_memory(j);
}

/* The mode plans with the time that it is given; only a signal stops it. */
static int on_progress(const dipper_progress *progress, void *user) {
    job *j = user;
    return job_watch(j, progress) && j->end == END_SIGNAL;
}

static void say(const job *j) {
    const dipper_auto_info *i = &j->automatic;
    console *c = j->settings->console;
    if (i->sharp) {
        console_note(
            c, "%s: the picture is sharp already, and the result is the picture as it was (-k N restores it even so)",
            j->input);
        return;
    }
    const int whole = i->width == j->picture->width && i->height == j->picture->height;
    if (whole)
        console_note(c, "%s: PSF of %d x %d px found (noise %.3g)", j->input, i->psf_width, i->psf_height,
                     i->noise_sigma);
    else
        console_note(c, "%s: PSF of %d x %d px found in %dx%d+%d+%d (noise %.3g)", j->input, i->psf_width,
                     i->psf_height, i->width, i->height, i->x, i->y, i->noise_sigma);
    if (i->hurried) console_note(c, "%s: --max-time left something out", j->input);
    console_detail(c, "%s: %s in %s, told %d px, softness %.1f px, of %d tried; then %s%s", j->input, i->estimator,
                   i->plane, i->window, i->softness, i->tried, i->nonblind, i->polished ? ", polished" : "");
}

/* Of --max-time, what reading took and judging and writing will take is not the mode's. */
static double time_to_work(const job *j) {
    static const double LEAST = 0.01;
    const double most = j->settings->max_seconds, pixels = (double)j->picture->width * j->picture->height,
                 after = j->settings->judge ? 0.2 + 1e-6 * pixels : 0.4e-6 * pixels;
    return most > 0 ? fmax(LEAST, most - (wall_seconds() - j->started) - after) : 0;
}

static dipper_status run(job *j) {
    const job_settings *s = j->settings;
    dipper_auto_options options;
    dipper_image blurred = picture_view(j->picture), out = picture_view(j->picture);
    out = dipper_image_view(j->planes, out.width, out.height, out.channels);
    j->automatic.struct_size = sizeof j->automatic;
    dipper_auto_options_init(&options);
    options.preset = s->automatic->preset;
    options.memory_bytes = s->automatic->memory_bytes;
    options.psf_window = s->psf_width > s->psf_height ? s->psf_width : s->psf_height;
    options.noise_sigma = s->noise_sigma;
    options.seed = s->seed;
    options.max_seconds = time_to_work(j);
    options.progress = on_progress;
    options.user = j;
    const dipper_status status = dipper_auto_deblur(s->context, &blurred, &options, &out, j->psf, &j->automatic);
    console_end(s->console);
    j->psf_width = j->automatic.psf_width;
    j->psf_height = j->automatic.psf_height;
    j->seconds = j->automatic.seconds;
    j->result->status = status;
    if (status && status != DIPPER_ERROR_CANCELLED) return job_library_failed(j, status);
    if (!status) say(j);
    return DIPPER_OK;
}

static void explain(job *j) {
    if (j->result->status != DIPPER_ERROR_CANCELLED) return;
    io_fail(&j->error, j->result->status, "%s: stopped by a signal; the result so far is written", j->input);
}

static void describe(const job *j, run_record *r) {
    const dipper_auto_info *i = &j->automatic;
    r->task = "deblur";
    r->automatic = i;
    r->preset = dipper_preset_name((int)j->settings->automatic->preset);
    r->noise_sigma = i->noise_sigma;
    r->psf_input = "estimated";
    r->psf_width_told = j->settings->psf_width;
    r->psf_height_told = j->settings->psf_height;
    r->psf_size_from = j->settings->psf_width ? "user" : "found";
    r->nonblind_method = i->nonblind;
    r->seconds_solver = j->seconds;
    r->memory_solver_bytes = i->memory_bytes;
}

const job_manner job_automatic = {prepare, run, explain, describe};
