/* What several figures draw or measure. SPDX-License-Identifier: Apache-2.0 */
#include "study/figure_parts.h"

dipper_psf_options figure_shake(const figure_job *job) {
    dipper_psf_options o;
    dipper_psf_options_init(&o);
    o.kind = DIPPER_PSF_RANDOM_MOTION;
    o.width = o.height = job->full ? 19 : 11;
    o.seed = 3;
    return o;
}

dipper_psf_options figure_bar(const figure_job *job) {
    dipper_psf_options o;
    dipper_psf_options_init(&o);
    o.kind = DIPPER_PSF_MOTION;
    o.width = o.height = job->full ? 15 : 9;
    o.length = job->full ? 13 : 7;
    o.angle = 30;
    return o;
}

const char *const *figure_network(const figure_job *job) {
    static const char *const small[] = {"channels", "32", "skip_channels", "8", "iterations", "600", NULL};
    static const char *const full[] = {"channels", "128", "skip_channels", "16", "iterations", "5000", NULL};
    return job->full ? full : small;
}

long figure_iterations(const figure_job *job) {
    return job->full ? 5000 : 600;
}

dipper_status figure_score(const figure_job *job, const float *result, const figure_case *c, dipper_score *out) {
    dipper_score_options o;
    figure_picture picture = c->truth;
    picture.data = (float *)(uintptr_t)result; /* a view is not const; it is only read */
    const dipper_image image = figure_view(&picture), truth = figure_view(&c->truth),
                       blurred = figure_view(&c->blurred);
    dipper_score_options_init(&o);
    o.crop = 6;
    o.range = 4;
    o.clip = 1;
    o.blurred = &blurred;
    *out = (dipper_score){.struct_size = sizeof *out};
    return figure_failed(job, job->context, dipper_score_result(job->context, &image, &truth, &o, out));
}
