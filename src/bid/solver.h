/* The loop that runs every recipe: stages from coarse to fine, then the last step. Steppable, so that whatever stands
 * above (command, viewer, sweep) needs only create, step, get, destroy. */
#ifndef DP_BID_SOLVER_H
#define DP_BID_SOLVER_H

#include "backend/backend.h"
#include "bid/recipe.h"
#include "image/image.h"

typedef struct dp_solver dp_solver;

/* See dipper_solver_create. options: borrowed during the call. */
dipper_status dp_solver_create(dp_backend *be, const dipper_image *blurred, const dp_recipe *recipe,
                               const dipper_solver_options *options, dp_diag *diag, dp_solver **out);
void dp_solver_destroy(dp_solver *solver);
dipper_status dp_solver_step(dp_solver *solver, long n, long *left, dp_diag *diag);
void dp_solver_image_size(const dp_solver *solver, int *width, int *height, int *channels);
dipper_status dp_solver_get_image(dp_solver *solver, dp_diag *diag, dipper_image *out);
dipper_status dp_solver_get_uncertainty(dp_solver *solver, dp_diag *diag, dipper_image *out);
void dp_solver_psf_size(const dp_solver *solver, int *width, int *height);
dipper_status dp_solver_get_psf(dp_solver *solver, dp_diag *diag, float *psf);
/* checkpoint.c: see dipper_solver_save and _load. */
size_t dp_solver_save_size(dp_solver *solver);
dipper_status dp_solver_save(dp_solver *solver, void *buffer, size_t size, dp_diag *diag);
dipper_status dp_solver_load(dp_solver *solver, const void *buffer, size_t size, dp_diag *diag);
/* landscape.c: see dipper_solver_get_weights and its neighbours. */
size_t dp_solver_weight_count(const dp_solver *solver);
void dp_solver_get_weights(const dp_solver *solver, float *weights);
dipper_status dp_solver_draw_direction(const dp_solver *solver, uint64_t seed, dp_diag *diag, float *direction);
dipper_status dp_solver_loss_at(dp_solver *solver, const float *weights, dp_diag *diag, double *loss);
void dp_solver_get_info(dp_solver *solver, dipper_solver_info *info);

#endif
