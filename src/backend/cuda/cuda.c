/* The CUDA back end: device, memory, plans, recordings. */
#include "backend/cuda/cuda.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/dnn.h"
#include "base/memory.h"

enum { SLOTS = 4096, MOST_RECORDED = 64 };

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

/* ---- Memory ---- */

static void *alloc_cuda(dp_backend *base, size_t bytes) {
    dp_cuda *be = (dp_cuda *)base;
    void *p = NULL;
    if (cudaSetDevice(be->device) != cudaSuccess || cudaMalloc(&p, bytes > 0 ? bytes : 1) != cudaSuccess) {
        (void)cudaGetLastError(); /* out of memory is told by NULL, and is no failure of the device */
        return NULL;
    }
    dp_cuda_note(be, cudaMemsetAsync(p, 0, bytes, be->stream));
    return p;
}

/* ---- Weights as bfloat16 ---- */

/* Without memory for it convolutions round their weights each time. */
static void keep_weights(dp_backend *base, void *p, size_t bytes) {
    dp_cuda *be = (dp_cuda *)base;
    if (be->precision != DP_CUDA_BF16) return;
    dp_cuda_weights *w = dp_alloc(1, sizeof *w);
    if (w == NULL) return;
    *w = (dp_cuda_weights){.at = p, .bytes = bytes, .rounded = alloc_cuda(base, bytes / 2), .next = be->weights};
    be->weights = w;
}

void *dp_cuda_rounded(const dp_cuda *be, const void *p) {
    for (const dp_cuda_weights *w = be->weights; w != NULL; w = w->next) {
        const char *at = p;
        if (w->rounded != NULL && at >= w->at && at < w->at + w->bytes) return (char *)w->rounded + (at - w->at) / 2;
    }
    return NULL;
}

static void forget_weights(dp_cuda *be, const void *p) {
    for (dp_cuda_weights **at = &be->weights; *at != NULL; at = &(*at)->next)
        if ((*at)->at == p) {
            dp_cuda_weights *gone = *at;
            *at = gone->next;
            (void)cudaFree(gone->rounded);
            dp_free(gone);
            return;
        }
}

static void release_cuda(dp_backend *base, void *p) {
    (void)cudaStreamSynchronize(((dp_cuda *)base)->stream);
    forget_weights((dp_cuda *)base, p);
    (void)cudaFree(p);
}

static void clear_cuda(dp_backend *base, void *p, size_t bytes) {
    dp_cuda *be = (dp_cuda *)base;
    dp_cuda_note(be, cudaMemsetAsync(p, 0, bytes, be->stream));
}

static void copy_cuda(dp_backend *base, void *to, const void *from, size_t bytes) {
    dp_cuda *be = (dp_cuda *)base;
    dp_cuda_note(be, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, be->stream));
}

/* Pinned host memory of at least so many bytes; NULL: none, and the error is kept. */
static void *staging(dp_cuda *be, size_t bytes) {
    if (bytes <= be->staging_bytes) return be->staging;
    if (be->staging != NULL) (void)cudaFreeHost(be->staging);
    be->staging = NULL;
    be->staging_bytes = 0;
    const cudaError_t error = cudaMallocHost(&be->staging, bytes);
    dp_cuda_note(be, error);
    if (error != cudaSuccess) return NULL;
    be->staging_bytes = bytes;
    return be->staging;
}

static int mirror(int i, int n, bool gradient) { /* -1: a zero */
    if (i >= 0 && i < n) return i;
    if (gradient) return -1;
    return n < 2 ? 0 : i < 0 ? -i : 2 * (n - 1) - i;
}

static uint16_t to_bf16(float x) { /* to nearest, ties to even */
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static float from_bf16(uint16_t x) {
    const uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Planar -> NHWC with a border. */
static void pack(const dp_cuda *be, dp_shape s, void *to, const float *from) {
    const size_t plane = (size_t)s.h * (size_t)s.w, c = (size_t)s.c;
    size_t at = 0;
    for (int i = -1; i <= s.h; i++)
        for (int j = -1; j <= s.w; j++) {
            const int y = mirror(i, s.h, s.layout == DP_GRADIENT), x = mirror(j, s.w, s.layout == DP_GRADIENT);
            for (size_t k = 0; k < c; k++, at++) {
                const float value = y < 0 || x < 0 ? 0 : from[k * plane + (size_t)y * (size_t)s.w + (size_t)x];
                if (be->precision == DP_CUDA_BF16)
                    ((uint16_t *)to)[at] = to_bf16(value);
                else
                    ((float *)to)[at] = value;
            }
        }
}

static void unpack(const dp_cuda *be, dp_shape s, float *to, const void *from) {
    const size_t c = (size_t)s.c, row = ((size_t)s.w + 2) * c;
    for (size_t k = 0; k < c; k++)
        for (size_t y = 0; y < (size_t)s.h; y++)
            for (size_t x = 0; x < (size_t)s.w; x++) {
                const size_t at = (y + 1) * row + (x + 1) * c + k;
                *to++ =
                    be->precision == DP_CUDA_BF16 ? from_bf16(((const uint16_t *)from)[at]) : ((const float *)from)[at];
            }
}

/* [out][in][taps] <-> [out][taps][in] */
static void turn(dp_shape s, float *to, const float *from, bool up) {
    const size_t in = (size_t)s.h, taps = (size_t)s.w;
    for (size_t o = 0; o < (size_t)s.c; o++, to += in * taps, from += in * taps)
        for (size_t i = 0; i < in; i++)
            for (size_t t = 0; t < taps; t++) {
                if (up)
                    to[t * in + i] = from[i * taps + t];
                else
                    to[i * taps + t] = from[t * in + i];
            }
}

static void upload(dp_backend *base, dp_shape s, void *dst, const float *src) {
    dp_cuda *be = (dp_cuda *)base;
    const size_t bytes = dp_backend_bytes(base, s);
    void *host = staging(be, bytes);
    if (host == NULL) return;
    if (dp_is_feature(s))
        pack(be, s, host, src);
    else if (s.layout == DP_WEIGHTS)
        turn(s, host, src, true);
    else
        memcpy(host, src, bytes);
    dp_cuda_note(be, cudaMemcpyAsync(dst, host, bytes, cudaMemcpyHostToDevice, be->stream));
    void *rounded = dp_cuda_rounded(be, dst);
    if (rounded != NULL) dp_cuda_to_bf16(be, bytes / sizeof(float), dst, rounded);
    dp_cuda_note(be, cudaStreamSynchronize(be->stream));
}

/* NaN where the device has failed: whoever asks for numbers must not take old ones for new. */
static void download(dp_backend *base, dp_shape s, float *dst, const void *src) {
    dp_cuda *be = (dp_cuda *)base;
    const size_t bytes = dp_backend_bytes(base, s), count = dp_count(s);
    void *host = staging(be, bytes);
    if (host != NULL) {
        dp_cuda_note(be, cudaMemcpyAsync(host, src, bytes, cudaMemcpyDeviceToHost, be->stream));
        dp_cuda_note(be, cudaStreamSynchronize(be->stream));
    }
    if (host == NULL || be->error != cudaSuccess)
        for (size_t i = 0; i < count; i++) dst[i] = 0.0f / 0.0f;
    else if (dp_is_feature(s))
        unpack(be, s, dst, host);
    else if (s.layout == DP_WEIGHTS)
        turn(s, dst, host, false);
    else
        memcpy(dst, host, bytes);
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

/* ---- Host arguments ---- */

/* Which of an op's args is a number on the host; -1: none. */
static int host_arg(const dp_op *op) {
    switch (op->kind) {
    case DP_MSE:
    case DP_EXTREME_PRIOR:
        return 3;
    case DP_SSIM:
    case DP_DERIVATIVES:
    case DP_SPARSE_PRIOR:
        return 2;
    case DP_TV:
    case DP_MEAN_LOG:
    case DP_RANDOM:
        return 1;
    case DP_ADAM:
        return 4;
    default:
        return -1;
    }
}

/* What the host arg says now, for its slot. */
static void add_setting(dp_cuda_settings *settings, const dp_cuda_plan *plan, const void *arg) {
    float *number = settings->at[settings->count].number;
    memset(number, 0, sizeof settings->at->number);
    settings->at[settings->count++].slot = plan->slot;
    if (plan->op.kind == DP_RANDOM) {
        memcpy(number, arg, sizeof(uint64_t));
    } else if (plan->op.kind == DP_ADAM) {
        const dp_adam_step *s = arg;
        const float all[7] = {(float)s->beta1,
                              (float)s->beta2,
                              (float)(1 - s->beta1),
                              (float)(1 - s->beta2),
                              (float)(s->lr / (1 - pow(s->beta1, (double)s->t))),
                              (float)sqrt(1 - pow(s->beta2, (double)s->t)),
                              (float)s->eps};
        memcpy(number, all, sizeof all);
    } else {
        memcpy(number, arg, sizeof(float));
    }
}

/* ---- Lanes ---- */

static void lane(dp_backend *base, int number) {
    dp_cuda *be = (dp_cuda *)base;
    be->stream = be->lane[number];
}

/* The event of that number; NULL, and the error kept, where none can be made. */
static cudaEvent_t event(dp_cuda *be, int number) {
    if (number >= be->marks) {
        const int marks = number + 64;
        cudaEvent_t *more = dp_alloc((size_t)marks, sizeof *more);
        if (more == NULL) {
            dp_cuda_note(be, cudaErrorMemoryAllocation);
            return NULL;
        }
        if (be->marks > 0) memcpy(more, be->mark, (size_t)be->marks * sizeof *more);
        dp_free(be->mark);
        be->mark = more;
        be->marks = marks;
    }
    if (be->mark[number] == NULL) dp_cuda_note(be, cudaEventCreateWithFlags(&be->mark[number], cudaEventDisableTiming));
    return be->mark[number];
}

static void mark(dp_backend *base, int number) {
    dp_cuda *be = (dp_cuda *)base;
    const cudaEvent_t e = event(be, number);
    if (e != NULL) dp_cuda_note(be, cudaEventRecord(e, be->stream));
}

static void wait(dp_backend *base, int number) {
    dp_cuda *be = (dp_cuda *)base;
    const cudaEvent_t e = event(be, number);
    if (e != NULL) dp_cuda_note(be, cudaStreamWaitEvent(be->stream, e, 0));
}

/* Lane `to` waits for all that lane `from` has been asked. */
static void follow(dp_cuda *be, int to, int from) {
    lane(&be->base, from);
    mark(&be->base, 0);
    lane(&be->base, to);
    wait(&be->base, 0);
}

/* ---- Running and recording ---- */

typedef struct dp_cuda_recording { /* is a dp_recording */
    dp_cuda *be;
    struct {
        const dp_cuda_plan *plan;
        const void *arg;
    } host[MOST_RECORDED]; /* to be read at each replay */
    int hosts;
    cudaGraphExec_t graph;
} dp_cuda_recording;

static void plan_run(dp_plan *base, void *const *args, void *ws) {
    const dp_cuda_plan *plan = (const dp_cuda_plan *)base;
    dp_cuda *be = plan->be;
    const int host = host_arg(&plan->op);
    if (host >= 0 && be->record != NULL) {
        dp_cuda_recording *r = be->record;
        if (r->hosts < MOST_RECORDED) {
            r->host[r->hosts].plan = plan;
            r->host[r->hosts].arg = args[host];
        }
        r->hosts++;
    } else if (host >= 0) {
        dp_cuda_settings settings = {.count = 0};
        add_setting(&settings, plan, args[host]);
        dp_cuda_set(be, &settings);
    }
    plan->kernel->run(plan, args, ws);
}

static void record_begin(dp_backend *base) {
    dp_cuda *be = (dp_cuda *)base;
    be->record = dp_alloc(1, sizeof *be->record);
    if (be->record == NULL) return;
    be->record->be = be;
    dp_cuda_note(be, cudaStreamBeginCapture(be->stream, cudaStreamCaptureModeThreadLocal));
    for (int i = 1; i < DP_CUDA_LANES; i++) follow(be, i, 0);
    lane(base, 0);
}

static void recording_free(dp_recording *recording) {
    dp_cuda_recording *r = (dp_cuda_recording *)recording;
    if (r == NULL) return;
    (void)cudaStreamSynchronize(r->be->stream);
    if (r->graph != NULL) (void)cudaGraphExecDestroy(r->graph);
    dp_free(r);
}

static dp_recording *record_end(dp_backend *base) {
    dp_cuda *be = (dp_cuda *)base;
    dp_cuda_recording *r = be->record;
    cudaGraph_t graph = NULL;
    be->record = NULL;
    if (r == NULL) return NULL;
    for (int i = 1; i < DP_CUDA_LANES; i++) follow(be, 0, i);
    cudaError_t error = cudaStreamEndCapture(be->stream, &graph);
    if (error == cudaSuccess) error = cudaGraphInstantiate(&r->graph, graph, 0);
    if (graph != NULL) (void)cudaGraphDestroy(graph);
    dp_cuda_note(be, error);
    if (error == cudaSuccess && r->hosts <= MOST_RECORDED) return (dp_recording *)r;
    recording_free((dp_recording *)r);
    return NULL;
}

static void replay(dp_recording *recording) {
    const dp_cuda_recording *r = (const dp_cuda_recording *)recording;
    dp_cuda_settings settings = {.count = 0};
    for (int i = 0; i < r->hosts; i++) {
        add_setting(&settings, r->host[i].plan, r->host[i].arg);
        if (settings.count < DP_CUDA_SETTINGS && i + 1 < r->hosts) continue;
        dp_cuda_set(r->be, &settings);
        settings.count = 0;
    }
    dp_cuda_note(r->be, cudaGraphLaunch(r->graph, r->be->stream));
}

const dp_backend_vtable dp_backend_cuda = {
    .name = "cuda",
    .open = open_cuda,
    .close = close_cuda,
    .alloc = alloc_cuda,
    .release = release_cuda,
    .upload = upload,
    .download = download,
    .supports = supports,
    .plan_new = plan_new,
    .plan_run = plan_run,
    .plan_free = plan_free,
    .clear = clear_cuda,
    .copy = copy_cuda,
    .weights = keep_weights,
    .record_begin = record_begin,
    .record_end = record_end,
    .replay = replay,
    .recording_free = recording_free,
    .lane = lane,
    .mark = mark,
    .wait = wait,
    .check = check_cuda,
};
