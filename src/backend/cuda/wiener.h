/* What a plan of Wiener's filter keeps (wiener.c makes it, camera.cu uses it). */
#ifndef DP_BACKEND_CUDA_WIENER_H
#define DP_BACKEND_CUDA_WIENER_H

#include "backend/cuda/cuda.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* One length of Fourier transform: n = n1 * n2, about equal. wave[i], on the device: cosine and sine of 2 pi i/n. */
typedef struct dp_cuda_waves {
    int n, n1, n2;
    const float *wave; /* n pairs */
} dp_cuda_waves;

typedef struct dp_cuda_wiener_plan {
    dp_cuda_waves rows, columns; /* lengths: the number of rows, and of columns */
    int planes;                  /* to transform: of x, the PSF, and of dy */
} dp_cuda_wiener_plan;

dipper_status dp_cuda_wiener_prepare(dp_cuda_plan *plan, dp_diag *diag, size_t *workspace);
void dp_cuda_wiener_drop(dp_cuda_plan *plan);

/* Complex numbers of a plane with all columns, and of one with the non-negative frequencies. */
static inline size_t dp_cuda_wiener_whole(const dp_cuda_wiener_plan *p) {
    return (size_t)p->rows.n * (size_t)p->columns.n;
}
static inline size_t dp_cuda_wiener_half(const dp_cuda_wiener_plan *p) {
    return (size_t)p->rows.n * (size_t)(p->columns.n / 2 + 1);
}

#if defined(__cplusplus)
}
#endif
#endif
