/* One picture restored by the classical way: kernel estimation, then a non-blind step.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/estimator.h"
#include "cli/job_inner.h"

#include <stdlib.h>

static dipper_status prepare(job *j) {
    IO_TRY(job_choose_psf_size(j));
    j->psf_width = j->psf_width_told;
    j->psf_height = j->psf_height_told;
    j->psf = malloc((size_t)j->psf_width * (size_t)j->psf_height * sizeof *j->psf);
    return j->psf ? DIPPER_OK : job_no_memory(j);
}

static int on_progress(const dipper_progress *progress, void *user) {
    return job_watch(user, progress);
}

static dipper_status estimate(job *j) {
    const job_settings *s = j->settings;
    const double begun = wall_seconds();
    dipper_estimate_info info = {.struct_size = sizeof info};
    dipper_estimate_options options = s->estimate->options;
    dipper_image blurred = picture_view(j->picture);
    options.psf_width = j->psf_width;
    options.psf_height = j->psf_height;
    options.noise_sigma = s->noise_sigma;
    options.memory_bytes = s->nonblind->options.memory_bytes;
    options.progress = on_progress;
    options.user = j;
    options.info = &info;
    dipper_status status = estimator_choose_region(s->estimate, s->context, &blurred, j->input, s->console, &options);
    if (!status) status = dipper_estimate_psf(s->context, &blurred, &options, j->psf);
    console_end(s->console);
    j->seconds = wall_seconds() - begun;
    j->memory_bytes = info.memory_bytes;
    if (!status) return DIPPER_OK;
    if (status != DIPPER_ERROR_CANCELLED) return job_library_failed(j, status);
    return io_fail(&j->error, status, "%s: stopped by %s before there was a PSF; nothing is written", j->input,
                   j->end == END_TIME ? "--max-time" : "a signal");
}

static dipper_status run(job *j) {
    IO_TRY(estimate(j));
    return job_deconvolve(j, j->psf, j->psf_width, j->psf_height);
}

static void describe(const job *j, run_record *r) {
    job_describe_deconvolution(j, r);
    r->psf_input = "estimated";
    r->psf_width_told = j->psf_width_told;
    r->psf_height_told = j->psf_height_told;
    r->psf_size_from = j->settings->psf_width ? "user" : "default";
    r->nonblind_method = j->settings->nonblind->options.method;
}

const job_manner job_classical = {prepare, run, job_explain_deconvolution, describe};
