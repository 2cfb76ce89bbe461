#include "bid/solver.h"
#include "api/api.h"
#include "base/memory.h"

struct dipper_solver {
    dipper_context *context;
    dp_solver *inner;
};

void dipper_solver_options_init(dipper_solver_options *options) {
    *options = (dipper_solver_options){.struct_size = sizeof *options,
                                       .task = DIPPER_TASK_DEBLUR,
                                       .psf_width = 31,
                                       .psf_height = 31,
                                       .factor = 4,
                                       .seed_weights = DIPPER_SEED_SAME,
                                       .seed_input = DIPPER_SEED_SAME,
                                       .noise_sigma = -1,
                                       .recover = 1};
}

dipper_status dipper_solver_create(dipper_context *context, const dipper_image *blurred, const dipper_recipe *recipe,
                                   const dipper_solver_options *options, dipper_solver **out) {
    dipper_solver_options defaults;
    dipper_solver_options_init(&defaults);
    if (context == NULL || out == NULL) return DIPPER_ERROR_ARGUMENT;
    *out = NULL;
    if (options == NULL) options = &defaults;
    if (blurred == NULL || recipe == NULL || options->struct_size != sizeof *options)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "picture or recipe is NULL, or options not initialised");
    dipper_solver *solver = dp_alloc(1, sizeof *solver);
    if (solver == NULL) return dp_fail(&context->diag, DIPPER_ERROR_MEMORY, "out of memory for a solver");
    solver->context = context;
    const dipper_status status =
        dp_solver_create(context->be, blurred, &recipe->values, options, &context->diag, &solver->inner);
    if (status != DIPPER_OK)
        dipper_solver_destroy(&solver);
    else
        *out = solver;
    return status;
}

void dipper_solver_destroy(dipper_solver **solver) {
    if (solver == NULL || *solver == NULL) return;
    dp_solver_destroy((*solver)->inner);
    dp_free(*solver);
    *solver = NULL;
}

dipper_status dipper_solver_step(dipper_solver *solver, long n, long *left) {
    if (solver == NULL) return DIPPER_ERROR_ARGUMENT;
    if (n < 0) return dp_fail(&solver->context->diag, DIPPER_ERROR_ARGUMENT, "number of steps %ld is negative", n);
    return dp_solver_step(solver->inner, n, left, &solver->context->diag);
}

void dipper_solver_image_size(const dipper_solver *solver, int *width, int *height, int *channels) {
    dp_solver_image_size(solver->inner, width, height, channels);
}

dipper_status dipper_solver_get_image(dipper_solver *solver, dipper_image *out) {
    if (solver == NULL) return DIPPER_ERROR_ARGUMENT;
    if (out == NULL) return dp_fail(&solver->context->diag, DIPPER_ERROR_ARGUMENT, "picture is NULL");
    return dp_solver_get_image(solver->inner, &solver->context->diag, out);
}

dipper_status dipper_solver_get_uncertainty(dipper_solver *solver, dipper_image *out) {
    if (solver == NULL) return DIPPER_ERROR_ARGUMENT;
    if (out == NULL) return dp_fail(&solver->context->diag, DIPPER_ERROR_ARGUMENT, "picture is NULL");
    return dp_solver_get_uncertainty(solver->inner, &solver->context->diag, out);
}

void dipper_solver_psf_size(const dipper_solver *solver, int *width, int *height) {
    dp_solver_psf_size(solver->inner, width, height);
}

dipper_status dipper_solver_get_psf(dipper_solver *solver, float *psf) {
    if (solver == NULL) return DIPPER_ERROR_ARGUMENT;
    if (psf == NULL) return dp_fail(&solver->context->diag, DIPPER_ERROR_ARGUMENT, "psf is NULL");
    return dp_solver_get_psf(solver->inner, &solver->context->diag, psf);
}

dipper_status dipper_solver_get_info(dipper_solver *solver, dipper_solver_info *info) {
    if (solver == NULL) return DIPPER_ERROR_ARGUMENT;
    if (info == NULL || info->struct_size != sizeof *info)
        return dp_fail(&solver->context->diag, DIPPER_ERROR_ARGUMENT, "info is NULL or its struct_size is not set");
    dp_solver_get_info(solver->inner, info);
    return DIPPER_OK;
}

size_t dipper_solver_save_size(dipper_solver *solver) {
    return solver != NULL ? dp_solver_save_size(solver->inner) : 0;
}

dipper_status dipper_solver_save(dipper_solver *solver, void *buffer, size_t size) {
    if (solver == NULL) return DIPPER_ERROR_ARGUMENT;
    if (buffer == NULL) return dp_fail(&solver->context->diag, DIPPER_ERROR_ARGUMENT, "buffer is NULL");
    return dp_solver_save(solver->inner, buffer, size, &solver->context->diag);
}

dipper_status dipper_solver_load(dipper_solver *solver, const void *buffer, size_t size) {
    if (solver == NULL) return DIPPER_ERROR_ARGUMENT;
    if (buffer == NULL) return dp_fail(&solver->context->diag, DIPPER_ERROR_ARGUMENT, "buffer is NULL");
    return dp_solver_load(solver->inner, buffer, size, &solver->context->diag);
}

size_t dipper_solver_weight_count(const dipper_solver *solver) {
    return solver != NULL ? dp_solver_weight_count(solver->inner) : 0;
}

dipper_status dipper_solver_get_weights(dipper_solver *solver, float *weights) {
    if (solver == NULL) return DIPPER_ERROR_ARGUMENT;
    if (weights == NULL) return dp_fail(&solver->context->diag, DIPPER_ERROR_ARGUMENT, "weights is NULL");
    dp_solver_get_weights(solver->inner, weights);
    return DIPPER_OK;
}

dipper_status dipper_solver_draw_direction(dipper_solver *solver, uint64_t seed, float *direction) {
    if (solver == NULL) return DIPPER_ERROR_ARGUMENT;
    if (direction == NULL) return dp_fail(&solver->context->diag, DIPPER_ERROR_ARGUMENT, "direction is NULL");
    return dp_solver_draw_direction(solver->inner, seed, &solver->context->diag, direction);
}

dipper_status dipper_solver_loss_at(dipper_solver *solver, const float *weights, double *loss) {
    if (solver == NULL) return DIPPER_ERROR_ARGUMENT;
    if (weights == NULL || loss == NULL)
        return dp_fail(&solver->context->diag, DIPPER_ERROR_ARGUMENT, "weights or loss is NULL");
    return dp_solver_loss_at(solver->inner, weights, &solver->context->diag, loss);
}
