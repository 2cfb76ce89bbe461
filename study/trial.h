/* A run of the solver that is looked at after each step, and that goes on where it was stopped: beside the solver's
 * state it keeps what was looked at, and shows that again. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_TRIAL_H
#define DIPPER_STUDY_TRIAL_H

#include "study/figure.h"

typedef struct trial trial;
typedef struct trial_view trial_view;
struct trial {
    const char *recipe;
    const char *const *fields, *const *more; /* name, value, ... NULL: changes of the recipe; may be NULL */
    dipper_task task;
    const figure_picture *given, *truth; /* truth: of pre-training; NULL: none */
    int psf_side;                        /* told */
    uint64_t seed, seed_weights, seed_input;
    dipper_context *context; /* NULL: the job's */
    /* After each step, in order, also of those steps that an earlier process did. What it keeps comes from info
     * (iteration, iterations, loss) and the view alone. */
    dipper_status (*look)(const trial *t, trial_view *view, const dipper_solver_info *info, void *user);
    void *user;
};

#define TRIAL_USUAL .seed_weights = DIPPER_SEED_SAME, .seed_input = DIPPER_SEED_SAME, .psf_side = 3

/* State once a minute, when stopped, and before the last step, in FOLDER/NAME_state. One that is damaged, or of other
 * settings or another version, is replaced. A trial does not recover from a broken result (dipper_solver_options).
 * DIPPER_ERROR_CANCELLED, DIPPER_ERROR_OUTPUT, DIPPER_ERROR_INPUT: what was looked at is damaged. */
dipper_status trial_run(const figure_job *job, const trial *t);
/* Once the figure is written: removes the states of its trials. */
void trial_forget(const figure_job *job);

/* The picture (as large as the given one) / the image network's weights after this step. */
dipper_status trial_image(trial_view *view, float *picture);
dipper_status trial_weights(trial_view *view, float *weights);
size_t trial_weight_count(const trial_view *view);
/* For what needs the solver itself: only after the last step. */
dipper_solver *trial_solver(trial_view *view);

#endif
