/* The functions and plans behind the table of figures. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_FIGURE_LIST_H
#define DIPPER_STUDY_FIGURE_LIST_H

#include "study/figure.h"

/* figure_picture.c: without any run of a network */
dipper_status figure_formation(const figure_job *job, figure_output *out);
dipper_status figure_gradients(const figure_job *job, figure_output *out);
dipper_status figure_priors(const figure_job *job, figure_output *out);
/* figure_learn.c: a network alone */
dipper_status figure_learning_speed(const figure_job *job, figure_output *out);
dipper_status figure_spectrum(const figure_job *job, figure_output *out);
/* figure_path.c, figure_chance.c: single runs, step by step */
dipper_status figure_start(const figure_job *job, figure_output *out);
dipper_status figure_stochastic_device(const figure_job *job, figure_output *out);
dipper_status figure_stochastic_start(const figure_job *job, figure_output *out);
/* figure_landscape.c */
dipper_status figure_landscape(const figure_job *job, figure_output *out);
/* figure_plans.c */
extern const figure_plan figure_psf_rate, figure_beta1, figure_tv, figure_ssim_switch, figure_pretraining,
    figure_comparison, figure_scatter_kodak;

#endif
