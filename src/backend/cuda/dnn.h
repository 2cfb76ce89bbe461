/* Convolutions as cuDNN does them: plain correlations of packed NHWC tensors. conv.c makes the back end's convolutions
 * of them; conv_cudnn.c is the only place with cuDNN (the tests' emulator has a plain one instead). */
#ifndef DP_BACKEND_CUDA_DNN_H
#define DP_BACKEND_CUDA_DNN_H

#include "backend/cuda/cuda.h"

#if defined(__cplusplus)
extern "C" {
#endif

typedef struct dp_cuda_conv {
    dp_op_kind kind;             /* DP_CONV_FWD: y is written; _BWD_DATA: x; _BWD_WEIGHTS: w */
    int c, h, w;                 /* x: (h, w, c) */
    int o, oh, ow;               /* y: (oh, ow, o) */
    int k, stride, pad;          /* weights (o, k, k, c); zeros around x on all sides */
    dp_cuda_precision precision; /* with DP_CUDA_BF16 elements are bfloat16 */
} dp_cuda_conv;

dipper_status dp_cuda_dnn_open(dp_cuda *be, dp_diag *diag);
void dp_cuda_dnn_close(dp_cuda *be);
void dp_cuda_dnn_version(char text[32]); /* "cuDNN 9.13" */

/* Without a GPU, for planning alone: be->dnn from the description of one in cuDNN's JSON. */
dipper_status dp_cuda_dnn_describe(dp_cuda *be, const char *json, dp_diag *diag);
/* A plan is begun, which takes cuDNN milliseconds, and finished. Several may be begun at once, on as many threads, if
 * dp_cuda_dnn_shares says so. *plan is NULL on failure of begin, and stays the caller's on that of finish.
 * DIPPER_ERROR_DEVICE where the library has no deterministic way to do it in that precision. */
bool dp_cuda_dnn_shares(const dp_cuda *be);
dipper_status dp_cuda_dnn_begin(dp_cuda *be, const dp_cuda_conv *conv, dp_diag *diag, void **plan);
dipper_status dp_cuda_dnn_finish(dp_cuda *be, void *plan, dp_diag *diag, size_t *workspace);
void dp_cuda_dnn_run(dp_cuda *be, void *plan, const void *x, const void *w, const void *y, void *ws);
void dp_cuda_dnn_drop(void *plan);

#if defined(__cplusplus)
}
#endif
#endif
