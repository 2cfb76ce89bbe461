/* The CUDA back end: device, plans, and its table. */
#include "backend/cuda/vtable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/dnn.h"
#include "base/memory.h"

enum { SLOTS = 4096 };

/* ---- Opening ---- */

static const char *const precision_names[] = {[DP_CUDA_F32] = "f32", [DP_CUDA_TF32] = "tf32", [DP_CUDA_BF16] = "bf16"};

/* ":1/bf16": which GPU, and how exact; both may be missing. */
static dipper_status read_option(dp_cuda *be, const char *option, dp_diag *diag) {
    char *rest = (char *)option;
    be->device = 0;
    be->precision = DP_CUDA_TF32;
    if (*rest == ':') be->device = (int)strtol(rest + 1, &rest, 10);
    if (*rest == '\0') return DIPPER_OK;
    for (int i = 0; *rest == '/' && i < 3; i++)
        if (strcmp(rest + 1, precision_names[i]) == 0) {
            be->precision = (dp_cuda_precision)i;
            return DIPPER_OK;
        }
    return dp_fail(diag, DIPPER_ERROR_DEVICE, "device 'cuda%s': it is cuda[:number][/f32|/tf32|/bf16]", option);
}

static dipper_status choose_device(dp_cuda *be, dp_diag *diag) {
    int count = 0, major = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess || count == 0)
        return dp_fail(diag, DIPPER_ERROR_DEVICE, "no GPU that CUDA can use: %s",
                       error != cudaSuccess ? cudaGetErrorString(error) : "none found");
    if (be->device < 0 || be->device >= count)
        return dp_fail(diag, DIPPER_ERROR_DEVICE, "no GPU number %d; there %s %d, counted from 0", be->device,
                       count == 1 ? "is" : "are", count);
    if (cudaSetDevice(be->device) != cudaSuccess ||
        cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, be->device) != cudaSuccess ||
        cudaDeviceGetAttribute(&be->processors, cudaDevAttrMultiProcessorCount, be->device) != cudaSuccess)
        return dp_fail(diag, DIPPER_ERROR_DEVICE, "GPU %d cannot be used: %s", be->device,
                       cudaGetErrorString(cudaGetLastError()));
    if (major < 8)
        return dp_fail(diag, DIPPER_ERROR_DEVICE,
                       "GPU %d has compute capability %d.x; this program is built for 8.0 and later", be->device,
                       major);
    return DIPPER_OK;
}

static dipper_status open_parts(dp_cuda *be, int threads, dp_diag *diag) {
    struct cudaDeviceProp properties;
    const size_t bytes = SLOTS * sizeof(dp_cuda_slot);
    bool opened = true;
    for (int i = 0; i < DP_CUDA_LANES; i++)
        opened = opened && cudaStreamCreateWithFlags(&be->lane[i], cudaStreamNonBlocking) == cudaSuccess;
    be->stream = be->lane[0];
    if (!opened || cudaGetDeviceProperties(&properties, be->device) != cudaSuccess ||
        cudaMalloc((void **)&be->slots, bytes) != cudaSuccess ||
        cudaMemsetAsync(be->slots, 0, bytes, be->stream) != cudaSuccess)
        return dp_fail(diag, DIPPER_ERROR_DEVICE, "GPU %d cannot be used: %s", be->device,
                       cudaGetErrorString(cudaGetLastError()));
    be->slot_taken = dp_alloc(SLOTS, 1);
    if (be->slot_taken == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory to open the GPU");
    DP_TRY(dp_cuda_dnn_open(be, diag));
    DP_TRY(dp_backend_cpu.open("", threads, diag, &be->base.host));
    char dnn[32];
    dp_cuda_dnn_version(dnn);
    snprintf(be->detail, sizeof be->detail, "cuda:%d (%.64s, %s, %s)", be->device, properties.name,
             precision_names[be->precision], dnn);
    be->base.detail = be->detail;
    return DIPPER_OK;
}

static void close_cuda(dp_backend *base) {
    dp_cuda *be = (dp_cuda *)base;
    if (be == NULL) return;
    dp_cuda_conv_forget(be);
    dp_cuda_dnn_close(be);
    if (be->base.host != NULL) be->base.host->vt->close(be->base.host);
    if (be->staging != NULL) (void)cudaFreeHost(be->staging);
    if (be->slots != NULL) (void)cudaFree(be->slots);
    for (int i = 0; i < be->marks; i++)
        if (be->mark[i] != NULL) (void)cudaEventDestroy(be->mark[i]);
    for (int i = 0; i < DP_CUDA_LANES; i++)
        if (be->lane[i] != NULL) (void)cudaStreamDestroy(be->lane[i]);
    dp_free(be->mark);
    dp_free(be->slot_taken);
    dp_free(be);
}

static dipper_status open_cuda(const char *option, int threads, dp_diag *diag, dp_backend **out) {
    *out = NULL;
    dp_cuda *be = dp_alloc(1, sizeof *be);
    if (be == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory to open the GPU");
    be->base = (dp_backend){.vt = &dp_backend_cuda,
                            .threads = threads,
                            .block = 1,
                            .element_size = sizeof(float),
                            .feature_size = sizeof(float),
                            .border = 1,
                            .interleaved = true,
                            .lanes = DP_CUDA_LANES,
                            .bias_with_norm = false};
    dipper_status status = read_option(be, option, diag);
    if (status == DIPPER_OK) status = choose_device(be, diag);
    if (status == DIPPER_OK) status = open_parts(be, threads, diag);
    if (status != DIPPER_OK) {
        close_cuda(&be->base);
        return status;
    }
    if (be->precision == DP_CUDA_BF16) be->base.feature_size = 2;
    be->base.rounding = be->precision == DP_CUDA_BF16 ? 0x1p-8f : be->precision == DP_CUDA_TF32 ? 0x1p-11f : 0;
    *out = &be->base;
    return DIPPER_OK;
}

/* ---- Errors ---- */

void dp_cuda_note(const dp_cuda *be, cudaError_t error) {
    if (be->error == cudaSuccess) ((dp_cuda *)be)->error = error; /* the one thing that changes while it runs */
}

static dipper_status check_cuda(dp_backend *base, dp_diag *diag) {
    dp_cuda *be = (dp_cuda *)base;
    dp_cuda_note(be, cudaStreamSynchronize(be->stream));
    if (be->error == cudaSuccess) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_DEVICE, "the GPU failed: %s", cudaGetErrorString(be->error));
}

/* ---- Plans ---- */

static const dp_cuda_kernel *const kernels[DP_OP_KINDS] = {
    [DP_CONV_FWD] = &dp_cuda_conv_fwd,
    [DP_CONV_BWD_DATA] = &dp_cuda_conv_bwd_data,
    [DP_CONV_BWD_WEIGHTS] = &dp_cuda_conv_bwd_weights,
    [DP_NORM_ACT_FWD] = &dp_cuda_norm_act_fwd,
    [DP_NORM_ACT_BWD] = &dp_cuda_norm_act_bwd,
    [DP_UPSAMPLE2_FWD] = &dp_cuda_upsample2_fwd,
    [DP_UPSAMPLE2_BWD] = &dp_cuda_upsample2_bwd,
    [DP_CHANNEL_COPY] = &dp_cuda_channel_copy,
    [DP_ADD] = &dp_cuda_add,
    [DP_MULADD] = &dp_cuda_muladd,
    [DP_MATMUL] = &dp_cuda_matmul,
    [DP_MAXPOOL2_FWD] = &dp_cuda_maxpool2_fwd,
    [DP_MAXPOOL2_BWD] = &dp_cuda_maxpool2_bwd,
    [DP_LINEAR_FWD] = &dp_cuda_linear_fwd,
    [DP_LINEAR_BWD] = &dp_cuda_linear_bwd,
    [DP_ACT_FWD] = &dp_cuda_act_fwd,
    [DP_ACT_BWD] = &dp_cuda_act_bwd,
    [DP_SOFTMAX_FWD] = &dp_cuda_softmax_fwd,
    [DP_SOFTMAX_BWD] = &dp_cuda_softmax_bwd,
    [DP_BLUR_FWD] = &dp_cuda_blur_fwd,
    [DP_BLUR_BWD] = &dp_cuda_blur_bwd,
    [DP_WIENER] = &dp_cuda_wiener,
    [DP_WIENER_BWD] = &dp_cuda_wiener_bwd,
    [DP_DOWNSAMPLE_FWD] = &dp_cuda_downsample_fwd,
    [DP_DOWNSAMPLE_BWD] = &dp_cuda_downsample_bwd,
    [DP_MSE] = &dp_cuda_mse,
    [DP_SSIM] = &dp_cuda_ssim,
    [DP_TV] = &dp_cuda_tv,
    [DP_DERIVATIVES] = &dp_cuda_derivatives,
    [DP_MEAN_LOG] = &dp_cuda_mean_log,
    [DP_SPARSE_PRIOR] = &dp_cuda_sparse_prior,
    [DP_EXTREME_PRIOR] = &dp_cuda_extreme_prior,
    [DP_ADAM] = &dp_cuda_adam,
    [DP_RANDOM] = &dp_cuda_random,
    [DP_FINITE] = &dp_cuda_finite,
};

static bool supports(const dp_backend *be, const dp_op *op) {
    (void)be;
    return dp_op_check(op, NULL) == DIPPER_OK;
}

static dp_cuda_slot *take_slot(dp_cuda *be) {
    for (int i = 0; i < SLOTS; i++)
        if (!be->slot_taken[i]) {
            be->slot_taken[i] = 1;
            return be->slots + i;
        }
    return NULL;
}

static void plan_free(dp_plan *plan) {
    dp_cuda_plan *p = (dp_cuda_plan *)plan;
    if (p == NULL) return;
    (void)cudaStreamSynchronize(p->be->stream);
    if (p->kernel->drop != NULL) p->kernel->drop(p);
    if (p->slot != NULL) p->be->slot_taken[p->slot - p->be->slots] = 0;
    dp_free(p);
}

static dipper_status plan_new(dp_backend *base, const dp_op *op, dp_diag *diag, dp_plan **out, size_t *workspace) {
    dp_cuda *be = (dp_cuda *)base;
    *out = NULL;
    *workspace = 0;
    DP_TRY(dp_op_check(op, diag));
    dp_cuda_plan *plan = dp_alloc(1, sizeof *plan);
    if (plan == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a plan");
    *plan = (dp_cuda_plan){.op = *op, .be = be, .kernel = kernels[op->kind], .slot = take_slot(be)};
    dipper_status status = DIPPER_OK;
    if (plan->slot == NULL) status = dp_fail(diag, DIPPER_ERROR_MEMORY, "more than %d plans on the GPU", SLOTS);
    if (status == DIPPER_OK && plan->kernel->prepare != NULL) status = plan->kernel->prepare(plan, diag, workspace);
    if (status == DIPPER_OK && plan->kernel->workspace != NULL) *workspace = plan->kernel->workspace(be, op);
    if (status != DIPPER_OK)
        plan_free((dp_plan *)plan);
    else
        *out = (dp_plan *)plan;
    return status;
}

const dp_backend_vtable dp_backend_cuda = {
    .name = "cuda",
    .open = open_cuda,
    .close = close_cuda,
    .alloc = dp_cuda_alloc,
    .release = dp_cuda_release,
    .upload = dp_cuda_upload,
    .download = dp_cuda_download,
    .supports = supports,
    .plan_new = plan_new,
    .plan_run = dp_cuda_plan_run,
    .plan_free = plan_free,
    .clear = dp_cuda_clear,
    .copy = dp_cuda_copy,
    .weights = dp_cuda_keep_weights,
    .expect = dp_cuda_conv_expect,
    .record_begin = dp_cuda_record_begin,
    .record_end = dp_cuda_record_end,
    .replay = dp_cuda_replay,
    .recording_free = dp_cuda_recording_free,
    .lane = dp_cuda_lane,
    .mark = dp_cuda_mark,
    .wait = dp_cuda_wait,
    .check = check_cuda,
};
