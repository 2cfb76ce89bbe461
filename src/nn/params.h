/* Named parameters in flat arrays: values, gradients, and Adam's two moments, each one block of memory, so that the
 * optimiser is one loop. Graphs of different picture sizes may share one set: weights are carried over by being the
 * same. */
#ifndef DP_NN_PARAMS_H
#define DP_NN_PARAMS_H

#include "backend/backend.h"
#include "base/archive.h"

typedef struct dp_params dp_params;

/* Initial value: uniform in +-bound, or the constant where bound is 0. */
typedef struct dp_init {
    float bound, constant;
} dp_init;

typedef enum dp_param_array { DP_PARAM_VALUE, DP_PARAM_GRAD, DP_PARAM_M, DP_PARAM_V, DP_PARAM_ARRAYS } dp_param_array;

dipper_status dp_params_new(dp_backend *be, dp_diag *diag, dp_params **out);
void dp_params_free(dp_params *ps); /* NULL is fine */

/* Index of the parameter `name`, a vector or DP_WEIGHTS, added unless the set already has it (then the number of floats
 * must agree). Negative on failure, which is recorded and returned by dp_params_alloc. */
int dp_params_add(dp_params *ps, const char *name, dp_shape shape, dp_init init);
int dp_params_find(const dp_params *ps, const char *name); /* -1: none */
int dp_params_count(const dp_params *ps);
size_t dp_params_size(const dp_params *ps, int index);
size_t dp_params_offset(const dp_params *ps, int index); /* floats before it in dp_params_save's array */
const char *dp_params_name(const dp_params *ps, int index);

/* Once, after the last add: device memory and the optimiser's plan. Calling it again does nothing. */
dipper_status dp_params_alloc(dp_params *ps, dp_diag *diag);
size_t dp_params_bytes(const dp_params *ps); /* device memory of all four arrays */

/* Draws initial values (parameter i is draw i of the stream `key`) and zeroes the moments. */
dipper_status dp_params_init(dp_params *ps, dp_philox_key key, dp_diag *diag);
void dp_params_reset_moments(dp_params *ps);

void *dp_params_at(const dp_params *ps, dp_param_array array, int index); /* device address */
void dp_params_read(const dp_params *ps, dp_param_array array, int index, float *dst);
void dp_params_write(dp_params *ps, dp_param_array array, int index, const float *src);

/* How often values have been written or stepped: the same number, the same values. */
long dp_params_changes(const dp_params *ps);

/* All values to or from host memory of dp_params_total floats, in the back end's order, without the moments. */
size_t dp_params_total(const dp_params *ps);
void dp_params_save(const dp_params *ps, float *values);
void dp_params_load(dp_params *ps, const float *values);

/* All four arrays, through upload and download. For back ends of 4-byte elements: others would lose bits. */
void dp_params_archive(dp_params *ps, dp_archive *archive);

bool dp_params_gradients_finite(dp_params *ps);
void dp_params_adam(dp_params *ps, const dp_adam_step *step);

#endif
