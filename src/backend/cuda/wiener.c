/* The host's part of Wiener's filter: sizes, and exact tables of cosines and sines. */
#include "backend/cuda/wiener.h"

#include <math.h>

#include "base/memory.h"
#include "fourier/fourier.h"

/* The copy is in the order of the stream; it has left `host` when the call returns. */
static dipper_status waves_make(cudaStream_t stream, int n, dp_diag *diag, dp_cuda_waves *out) {
    const size_t bytes = 2 * sizeof(float) * (size_t)n;
    float *host = dp_alloc(bytes, 1);
    void *device = NULL;
    dipper_status status = DIPPER_OK;
    out->n = n;
    out->n1 = 1;
    for (int k = 2; k * k <= n; k++)
        if (n % k == 0) out->n1 = k;
    out->n2 = n / out->n1;
    for (int i = 0; host != NULL && i < n; i++) {
        const double angle = 2 * 3.14159265358979323846 * i / n;
        host[2 * i] = (float)cos(angle);
        host[2 * i + 1] = (float)sin(angle);
    }
    if (host == NULL || cudaMalloc(&device, bytes) != cudaSuccess ||
        cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream) != cudaSuccess)
        status = dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the GPU's tables of a transform of %d", n);
    out->wave = device;
    dp_free(host);
    return status;
}

dipper_status dp_cuda_wiener_prepare(dp_cuda_plan *plan, dp_diag *diag, size_t *workspace) {
    const dp_op *op = &plan->op;
    dp_cuda_wiener_plan *own = plan->own = dp_alloc(1, sizeof *own);
    if (own == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a plan");
    own->planes = op->kind == DP_WIENER_BWD ? 2 * op->x.c + 1 : op->x.c + 1;
    DP_TRY(waves_make(plan->be->stream, dp_fft_good_size(op->y.h), diag, &own->rows));
    DP_TRY(waves_make(plan->be->stream, dp_fft_good_size(op->y.w), diag, &own->columns));
    *workspace = 2 * sizeof(float) * (size_t)own->planes * (dp_cuda_wiener_whole(own) + dp_cuda_wiener_half(own));
    return DIPPER_OK;
}

void dp_cuda_wiener_drop(dp_cuda_plan *plan) {
    dp_cuda_wiener_plan *own = plan->own;
    if (own == NULL) return;
    (void)cudaFree((void *)own->rows.wave);
    (void)cudaFree((void *)own->columns.wave);
    dp_free(own);
    plan->own = NULL;
}
