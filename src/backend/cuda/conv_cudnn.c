/* Convolutions by cuDNN's graph interface (its older calls are deprecated): one operation, a deterministic engine. */
#include <cudnn.h>
#include <stdio.h>
#include <string.h>

#include "backend/cuda/dnn.h"
#include "base/memory.h"

enum { MOST_MADE = 8, MOST_CANDIDATES = 64, X = 'x', W = 'w', Y = 'y', ALIGNMENT = 16 };

typedef struct dnn {                 /* what dp_cuda.dnn points to */
    cudnnHandle_t handle;            /* NULL: described */
    cudnnBackendDescriptor_t device; /* its properties, which threads may share, as they may not the handle; or NULL */
} dnn;

typedef struct dnn_plan {
    dp_cuda_conv conv;
    cudnnBackendDescriptor_t made[MOST_MADE]; /* what the plan is made of */
    int count;
    cudnnBackendDescriptor_t graph;
    cudnnBackendDescriptor_t config[MOST_CANDIDATES]; /* ways to do it that fit, best first; until it is finished */
    int configs;
    cudnnBackendDescriptor_t plan;
} dnn_plan;

static const dnn *dnn_of(const dp_cuda *be) {
    return be->dnn;
}

static void forget(cudnnBackendDescriptor_t *d) {
    if (*d != NULL) (void)cudnnBackendDestroyDescriptor(*d);
    *d = NULL;
}

/* ---- Opening ---- */

static dnn *dnn_new(dp_cuda *be, dp_diag *diag) {
    be->dnn = dp_alloc(1, sizeof(dnn));
    if (be->dnn == NULL) (void)dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory to open cuDNN");
    return be->dnn;
}

/* Properties of a device, known by that attribute. cuDNN 9.8 and later. */
static cudnnStatus_t find_device(dnn *d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                                 size_t count, const void *value) {
    cudnnStatus_t status = cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &d->device);
    if (status == CUDNN_STATUS_SUCCESS) status = cudnnBackendSetAttribute(d->device, name, type, (int64_t)count, value);
    if (status == CUDNN_STATUS_SUCCESS) status = cudnnBackendFinalize(d->device);
    if (status != CUDNN_STATUS_SUCCESS) forget(&d->device);
    return status;
}

static dipper_status opened(cudnnStatus_t status, dp_diag *diag) {
    if (status == CUDNN_STATUS_SUCCESS) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_DEVICE, "cuDNN cannot be opened: %s", cudnnGetErrorString(status));
}

dipper_status dp_cuda_dnn_open(dp_cuda *be, dp_diag *diag) {
    dnn *d = dnn_new(be, diag);
    if (d == NULL) return DIPPER_ERROR_MEMORY;
    DP_TRY(opened(cudnnCreate(&d->handle), diag));
    (void)find_device(d, CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, 1, &d->handle); /* else one by one */
    return DIPPER_OK;
}

dipper_status dp_cuda_dnn_describe(dp_cuda *be, const char *json, dp_diag *diag) {
    dnn *d = dnn_new(be, diag);
    if (d == NULL) return DIPPER_ERROR_MEMORY;
    return opened(find_device(d, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, strlen(json), json), diag);
}

bool dp_cuda_dnn_shares(const dp_cuda *be) {
    return dnn_of(be)->device != NULL;
}

void dp_cuda_dnn_close(dp_cuda *be) {
    dnn *d = be->dnn;
    if (d == NULL) return;
    forget(&d->device);
    if (d->handle != NULL) (void)cudnnDestroy(d->handle);
    dp_free(d);
    be->dnn = NULL;
}

void dp_cuda_dnn_version(char text[32]) {
    const int v = (int)cudnnGetVersion();
    snprintf(text, 32, "cuDNN %d.%d", v / 10000, v / 100 % 100);
}

/* ---- Descriptors ---- */

typedef struct maker { /* makes descriptors until one fails */
    dnn_plan *plan;
    cudnnStatus_t status;
    const char *failed; /* what */
} maker;

static void check(maker *m, cudnnStatus_t status, const char *what) {
    if (m->status != CUDNN_STATUS_SUCCESS || status == CUDNN_STATUS_SUCCESS) return;
    m->status = status;
    m->failed = what;
}

static cudnnBackendDescriptor_t create(maker *m, cudnnBackendDescriptorType_t type, const char *what) {
    cudnnBackendDescriptor_t d = NULL;
    if (m->status != CUDNN_STATUS_SUCCESS) return NULL;
    check(m, cudnnBackendCreateDescriptor(type, &d), what);
    if (d != NULL) m->plan->made[m->plan->count++] = d;
    return d;
}

static void set(maker *m, cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t count, const void *value, const char *what) {
    if (m->status == CUDNN_STATUS_SUCCESS) check(m, cudnnBackendSetAttribute(d, name, type, count, value), what);
}

static void finalize(maker *m, cudnnBackendDescriptor_t d, const char *what) {
    if (m->status == CUDNN_STATUS_SUCCESS) check(m, cudnnBackendFinalize(d), what);
}

/* A packed NHWC tensor (c, h, w) or filter (n filters). */
static cudnnBackendDescriptor_t tensor(maker *m, int64_t id, cudnnDataType_t type, int n, int c, int h, int w) {
    cudnnBackendDescriptor_t d = create(m, CUDNN_BACKEND_TENSOR_DESCRIPTOR, "a tensor");
    const int64_t dims[4] = {n, c, h, w}, alignment = ALIGNMENT;
    const int64_t strides[4] = {(int64_t)c * h * w, 1, (int64_t)w * c, c};
    set(m, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id, "a tensor's id");
    set(m, d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type, "a tensor's type");
    set(m, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment, "a tensor's alignment");
    set(m, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims, "a tensor's sides");
    set(m, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides, "a tensor's strides");
    finalize(m, d, "a tensor");
    return d;
}

static cudnnBackendDescriptor_t convolution(maker *m, const dp_cuda_conv *c) {
    cudnnBackendDescriptor_t d = create(m, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "a convolution");
    const cudnnDataType_t compute = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    const int64_t sides = 2, pad[2] = {c->pad, c->pad}, stride[2] = {c->stride, c->stride}, dilation[2] = {1, 1};
    set(m, d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &sides, "a convolution's dimensions");
    set(m, d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &compute, "a convolution's type");
    set(m, d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode, "a convolution's mode");
    set(m, d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, pad, "a convolution's padding");
    set(m, d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, pad, "a convolution's padding");
    set(m, d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, dilation, "a convolution's dilation");
    set(m, d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, stride, "a convolution's stride");
    finalize(m, d, "a convolution");
    return d;
}

typedef struct names { /* of one operation's attributes */
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t conv, x, w, y, alpha, beta;
} names;

static const names forward_names = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
static const names data_names = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
static const names weights_names = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};

/* The graph of the one operation. */
static cudnnBackendDescriptor_t graph(maker *m, const dnn *d, const dp_cuda_conv *c) {
    const names *n = c->kind == DP_CONV_FWD        ? &forward_names
                     : c->kind == DP_CONV_BWD_DATA ? &data_names
                                                   : &weights_names;
    const cudnnDataType_t element = c->precision == DP_CUDA_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    const float one = 1, zero = 0;
    cudnnBackendDescriptor_t x = tensor(m, X, element, 1, c->c, c->h, c->w);
    cudnnBackendDescriptor_t w = tensor(m, W, element, c->o, c->c, c->k, c->k);
    cudnnBackendDescriptor_t y = tensor(m, Y, element, 1, c->o, c->oh, c->ow);
    cudnnBackendDescriptor_t conv = convolution(m, c);
    cudnnBackendDescriptor_t op = create(m, n->type, "an operation");
    set(m, op, n->conv, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &conv, "an operation's convolution");
    set(m, op, n->x, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &x, "an operation's x");
    set(m, op, n->w, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &w, "an operation's weights");
    set(m, op, n->y, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &y, "an operation's y");
    set(m, op, n->alpha, CUDNN_TYPE_FLOAT, 1, &one, "an operation's alpha");
    set(m, op, n->beta, CUDNN_TYPE_FLOAT, 1, &zero, "an operation's beta");
    finalize(m, op, "an operation");
    cudnnBackendDescriptor_t g = create(m, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "a graph");
    set(m, g, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &op, "a graph's operation");
    if (d->handle != NULL)
        set(m, g, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &d->handle, "a graph's handle");
    finalize(m, g, "a graph");
    return g;
}

/* ---- Which engine ---- */

typedef struct traits {
    bool tensor_cores, lossy, random, compiled;
} traits;

/* Of the engine of a configuration. */
static traits traits_of(cudnnBackendDescriptor_t config) {
    traits t = {0};
    cudnnBackendDescriptor_t engine = NULL;
    int64_t count = 0;
    cudnnBackendNumericalNote_t note[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    cudnnBackendBehaviorNote_t behaviour[CUDNN_BEHAVIOR_NOTE_TYPE_COUNT];
    if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine) != CUDNN_STATUS_SUCCESS) return t;
    (void)cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count,
                                   &engine);
    count = 0;
    (void)cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                   CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, note);
    for (int64_t i = 0; i < count; i++) {
        t.tensor_cores = t.tensor_cores || note[i] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
        t.random = t.random || note[i] == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
        t.lossy = t.lossy || note[i] == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION ||
                  note[i] == CUDNN_NUMERICAL_NOTE_FFT || note[i] == CUDNN_NUMERICAL_NOTE_WINOGRAD ||
                  note[i] == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
    }
    count = 0;
    (void)cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
                                   CUDNN_BEHAVIOR_NOTE_TYPE_COUNT, &count, behaviour);
    for (int64_t i = 0; i < count; i++)
        t.compiled = t.compiled || behaviour[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
    (void)cudnnBackendDestroyDescriptor(engine);
    return t;
}

/* float means float, without tensor cores, which would round to TF32; nothing random; nothing that is compiled while
 * the user waits. */
static bool fits(dp_cuda_precision precision, traits t) {
    if (t.random || t.compiled) return false;
    return precision != DP_CUDA_F32 || (!t.tensor_cores && !t.lossy);
}

static bool sets(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                 const void *value) {
    return cudnnBackendSetAttribute(d, name, type, 1, value) == CUDNN_STATUS_SUCCESS;
}

static void forget_configs(dnn_plan *p) {
    while (p->configs > 0) forget(&p->config[--p->configs]);
}

static bool for_whom(const dnn *d, cudnnBackendDescriptor_t plan) {
    return d->handle != NULL
               ? sets(plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, &d->handle)
               : sets(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, &d->device);
}

static bool try_config(const dnn *d, cudnnBackendDescriptor_t config, cudnnBackendDescriptor_t *plan) {
    *plan = NULL;
    if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, plan) == CUDNN_STATUS_SUCCESS &&
        for_whom(d, *plan) &&
        sets(*plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, &config) &&
        cudnnBackendFinalize(*plan) == CUDNN_STATUS_SUCCESS)
        return true;
    forget(plan);
    return false;
}

/* What a heuristic of cuDNN names for that device; NULL: for the graph's handle. Returns how many. */
static int64_t name_ways(cudnnBackendDescriptor_t device, dnn_plan *p, cudnnBackendHeurMode_t mode,
                         cudnnBackendDescriptor_t config[MOST_CANDIDATES]) {
    cudnnBackendDescriptor_t heuristic = NULL;
    int64_t count = 0;
    if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, &heuristic) == CUDNN_STATUS_SUCCESS &&
        (device == NULL || sets(heuristic, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, &device)) &&
        sets(heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, &p->graph) &&
        sets(heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, &mode) &&
        cudnnBackendFinalize(heuristic) == CUDNN_STATUS_SUCCESS)
        (void)cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                       MOST_CANDIDATES, &count, config);
    forget(&heuristic);
    return count;
}

/* Asks for ways to do it, best first, and keeps those that fit. Measuring them would choose now this, now that. */
static void ask(const dnn *d, dnn_plan *p, cudnnBackendHeurMode_t mode) {
    cudnnBackendDescriptor_t config[MOST_CANDIDATES] = {NULL};
    for (int i = 0; i < MOST_CANDIDATES; i++)
        (void)cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &config[i]);
    int64_t count = name_ways(d->device, p, mode, config);
    if (count == 0 && d->device != NULL && d->handle != NULL) count = name_ways(NULL, p, mode, config);
    for (int i = 0; i < MOST_CANDIDATES; i++)
        if (i < count && fits(p->conv.precision, traits_of(config[i])))
            p->config[p->configs++] = config[i];
        else
            forget(&config[i]);
}

/* Which heuristic's first choice was the faster one on an H200, over the convolutions of SelfDeblur and `fast`. */
static cudnnBackendHeurMode_t better_mode(const dp_cuda_conv *c) {
    const bool b = c->kind == DP_CONV_FWD || (c->kind == DP_CONV_BWD_DATA && c->precision == DP_CUDA_BF16);
    return b ? CUDNN_HEUR_MODE_B : CUDNN_HEUR_MODE_A;
}

static bool take_one(const dnn *d, dnn_plan *p) {
    for (int i = 0; i < p->configs && p->plan == NULL; i++) (void)try_config(d, p->config[i], &p->plan);
    forget_configs(p);
    return p->plan != NULL;
}

/* ---- Plans ---- */

void dp_cuda_dnn_drop(void *plan) {
    dnn_plan *p = plan;
    if (p == NULL) return;
    forget(&p->plan);
    forget_configs(p);
    while (p->count > 0) forget(&p->made[--p->count]);
    dp_free(p);
}

static dipper_status no_way(const dp_cuda_conv *c, const maker *m, dp_diag *diag) {
    const bool broken = m->status != CUDNN_STATUS_SUCCESS;
    return dp_fail(diag, DIPPER_ERROR_DEVICE,
                   "cuDNN has no way to do %s of %d x %d x %d to %d x %d x %d, side %d%s%s%s%s", dp_op_name(c->kind),
                   c->c, c->h, c->w, c->o, c->oh, c->ow, c->k, broken ? ": " : "", broken ? m->failed : "",
                   broken ? ": " : "", broken ? cudnnGetErrorString(m->status) : "");
}

dipper_status dp_cuda_dnn_begin(dp_cuda *be, const dp_cuda_conv *c, dp_diag *diag, void **plan) {
    *plan = NULL;
    dnn_plan *p = dp_alloc(1, sizeof *p);
    if (p == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a convolution");
    maker m = {.plan = p, .status = CUDNN_STATUS_SUCCESS};
    p->conv = *c;
    p->graph = graph(&m, dnn_of(be), c);
    if (m.status != CUDNN_STATUS_SUCCESS) {
        dp_cuda_dnn_drop(p);
        return no_way(c, &m, diag);
    }
    ask(dnn_of(be), p, better_mode(c));
    *plan = p;
    return DIPPER_OK;
}

dipper_status dp_cuda_dnn_finish(dp_cuda *be, void *plan, dp_diag *diag, size_t *workspace) {
    static const cudnnBackendHeurMode_t others[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};
    dnn_plan *p = plan;
    int64_t bytes = 0, count = 0;
    bool found = take_one(dnn_of(be), p);
    for (size_t i = 0; i < sizeof others / sizeof *others && !found; i++) {
        ask(dnn_of(be), p, others[i]);
        found = take_one(dnn_of(be), p);
    }
    if (!found) return no_way(&p->conv, &(maker){.status = CUDNN_STATUS_SUCCESS}, diag);
    (void)cudnnBackendGetAttribute(p->plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                                   &bytes);
    *workspace = (size_t)bytes;
    return DIPPER_OK;
}

void dp_cuda_dnn_run(dp_cuda *be, void *plan, const void *x, const void *w, const void *y, void *ws) {
    const dnn_plan *p = plan;
    const cudnnHandle_t handle = dnn_of(be)->handle;
    cudnnBackendDescriptor_t pack = NULL;
    const int64_t id[3] = {X, W, Y};
    const void *const pointer[3] = {x, w, y};
    cudnnStatus_t status = cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack);
    if (status == CUDNN_STATUS_SUCCESS)
        status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 3, id);
    if (status == CUDNN_STATUS_SUCCESS)
        status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, pointer);
    if (status == CUDNN_STATUS_SUCCESS)
        status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &ws);
    if (status == CUDNN_STATUS_SUCCESS) status = cudnnBackendFinalize(pack);
    if (status == CUDNN_STATUS_SUCCESS) status = cudnnSetStream(handle, be->stream);
    if (status == CUDNN_STATUS_SUCCESS) status = cudnnBackendExecute(handle, p->plan, pack);
    if (pack != NULL) (void)cudnnBackendDestroyDescriptor(pack);
    dp_cuda_note(be, status == CUDNN_STATUS_SUCCESS ? cudaSuccess : cudaErrorUnknown);
}
