/* The functions of the CUDA back end's table that other files than cuda.c have; what they do says backend.h. */
#ifndef DP_BACKEND_CUDA_VTABLE_H
#define DP_BACKEND_CUDA_VTABLE_H

#include "backend/cuda/cuda.h"

/* memory.c */
void *dp_cuda_alloc(dp_backend *be, size_t bytes);
void dp_cuda_release(dp_backend *be, void *p);
void dp_cuda_clear(dp_backend *be, void *p, size_t bytes);
void dp_cuda_copy(dp_backend *be, void *to, const void *from, size_t bytes);
void dp_cuda_keep_weights(dp_backend *be, void *p, size_t bytes);
void dp_cuda_upload(dp_backend *be, dp_shape shape, void *dst, const float *src);
void dp_cuda_download(dp_backend *be, dp_shape shape, float *dst, const void *src);

/* record.c */
void dp_cuda_plan_run(dp_plan *plan, void *const *args, void *ws);
void dp_cuda_record_begin(dp_backend *be);
dp_recording *dp_cuda_record_end(dp_backend *be);
void dp_cuda_replay(dp_recording *recording);
void dp_cuda_recording_free(dp_recording *recording);
void dp_cuda_lane(dp_backend *be, int number);
void dp_cuda_mark(dp_backend *be, int number);
void dp_cuda_wait(dp_backend *be, int number);

#endif
