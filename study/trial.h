/* A run of the solver that is looked at after each step. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_TRIAL_H
#define DIPPER_STUDY_TRIAL_H

#include "study/figure.h"

typedef struct trial trial;
struct trial {
    const char *recipe;
    const char *const *fields, *const *more; /* name, value, ... NULL: changes of the recipe; may be NULL */
    dipper_task task;
    const figure_picture *given, *truth; /* truth: of pre-training; NULL: none */
    int psf_side;                        /* told */
    uint64_t seed, seed_weights, seed_input;
    dipper_context *context; /* NULL: the job's */
    /* After each step. */
    dipper_status (*look)(const trial *t, dipper_solver *solver, const dipper_solver_info *info, void *user);
    void *user;
};

#define TRIAL_USUAL .seed_weights = DIPPER_SEED_SAME, .seed_input = DIPPER_SEED_SAME, .psf_side = 3

dipper_status trial_run(const figure_job *job, const trial *t);

#endif
