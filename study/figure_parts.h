/* What several figures draw or measure. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_FIGURE_PARTS_H
#define DIPPER_STUDY_FIGURE_PARTS_H

#include "study/figure.h"
#include "study/gradients.h"

/* The PSF of the single-picture figures: a shaken camera's, or (figure_bar) a straight one. */
dipper_psf_options figure_shake(const figure_job *job);
dipper_psf_options figure_bar(const figure_job *job);

dipper_status figure_measure(const figure_job *job, const figure_picture *p, const char *name, gradient_curve *out);
/* The blurred picture restored with a wrong PSF, clipped to [0, 1]; free() its data. */
dipper_status figure_break(const figure_job *job, const figure_case *c, figure_picture *out);

/* Fields of a network of this scale, for trial.fields. */
const char *const *figure_network(const figure_job *job);
/* Iterations of a run at this scale. */
long figure_iterations(const figure_job *job);

/* Scored by the protocol plain, with shifts of up to 4 px. */
dipper_status figure_score(const figure_job *job, const float *result, const figure_case *c, dipper_score *out);

#endif
