/* A run of the solver that is looked at after each step. SPDX-License-Identifier: Apache-2.0 */
#include "study/trial.h"

static dipper_status set_fields(dipper_context *c, dipper_recipe *recipe, const char *const *fields) {
    dipper_status status = DIPPER_OK;
    for (int i = 0; fields && fields[i] && !status; i += 2)
        status = dipper_recipe_set(c, recipe, fields[i], fields[i + 1]);
    return status;
}

static dipper_status make(const trial *t, dipper_context *c, dipper_recipe **recipe, dipper_solver **solver) {
    dipper_solver_options o;
    const dipper_image given = figure_view(t->given);
    dipper_image truth;
    dipper_status status = dipper_recipe_create(c, t->recipe, recipe);
    if (!status) status = set_fields(c, *recipe, t->fields);
    if (!status) status = set_fields(c, *recipe, t->more);
    if (status) return status;
    dipper_solver_options_init(&o);
    o.task = t->task;
    o.psf_width = o.psf_height = t->psf_side;
    o.seed = t->seed;
    o.seed_weights = t->seed_weights;
    o.seed_input = t->seed_input;
    if (t->truth) {
        truth = figure_view(t->truth);
        o.truth = &truth;
    }
    return dipper_solver_create(c, &given, *recipe, &o, solver);
}

static dipper_status steps(const figure_job *job, const trial *t, dipper_context *c, dipper_solver *solver) {
    dipper_solver_info info = {.struct_size = sizeof info};
    long left = 1;
    while (left > 0) {
        if (job->stop(job->user)) return io_fail(job->error, DIPPER_ERROR_CANCELLED, "stopped by a signal");
        IO_TRY(figure_failed(job, c, dipper_solver_step(solver, 1, &left)));
        IO_TRY(figure_failed(job, c, dipper_solver_get_info(solver, &info)));
        if (t->look) IO_TRY(t->look(t, solver, &info, t->user));
    }
    return DIPPER_OK;
}

dipper_status trial_run(const figure_job *job, const trial *t) {
    dipper_context *c = t->context ? t->context : job->context;
    dipper_recipe *recipe = NULL;
    dipper_solver *solver = NULL;
    dipper_status status = figure_failed(job, c, make(t, c, &recipe, &solver));
    if (!status) status = steps(job, t, c, solver);
    dipper_solver_destroy(&solver);
    dipper_recipe_destroy(&recipe);
    return status;
}
