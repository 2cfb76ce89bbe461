/* The back end's convolutions, from plain ones (dnn.h) on maps with a border.
 *
 * With stride 1 a 3x3 convolution of the whole map, zeros around its border, gives a whole map whose inside is right; a
 * border of undefined numbers is written with it, which costs less than unpacked tensors would. With stride 2 the
 * output's border wants two rows of zeros around x's. Backwards, dy's border is 0, so what lies outside of its inside
 * adds nothing. */
#include "backend/cuda/dnn.h"

#include <string.h>

#include "base/memory.h"

typedef struct conv_plan {
    void *dnn;                  /* one of the back end's known ones */
    size_t weights, copy, rest; /* offsets in the workspace: weights as bfloat16; x with a border of zeros; sums */
} conv_plan;

static bool is_point(const dp_op *op) {
    return op->y.layout == DP_PLANAR;
}

static bool casts(const dp_cuda *be) {
    return be->precision == DP_CUDA_BF16;
}

/* x has a mirrored border, so zero padding needs a copy. */
static bool copies(const dp_op *op) {
    return op->conv.k == 3 && op->conv.pad == DP_PAD_ZERO && op->kind != DP_CONV_BWD_DATA;
}

static dp_cuda_conv plain(const dp_cuda *be, const dp_op *op) {
    return (dp_cuda_conv){.kind = op->kind,
                          .c = op->x.c,
                          .h = op->x.h + 2,
                          .w = op->x.w + 2,
                          .o = op->y.c,
                          .oh = op->y.h + 2,
                          .ow = op->y.w + 2,
                          .k = op->conv.k,
                          .stride = op->conv.stride,
                          .pad = op->conv.k == 1 ? 0 : op->conv.stride,
                          .precision = be->precision};
}

static size_t weight_count(const dp_op *op) {
    return (size_t)op->x.c * (size_t)op->y.c * (size_t)(op->conv.k * op->conv.k);
}

/* ---- Plans ---- */

/* A plan holds no data, so that equal convolutions share one; to find an engine takes cuDNN milliseconds, and a network
 * has many equal ones, as have its scales, restarts and losses. They stay until the back end is closed: some dozens for
 * each size of picture. */
typedef struct dp_cuda_known {
    dp_cuda_conv conv;
    void *plan; /* NULL: not begun */
    bool finished;
    size_t workspace;
    struct dp_cuda_known *next;
} known;

void dp_cuda_conv_forget(dp_cuda *be) {
    while (be->known != NULL) {
        known *k = be->known;
        be->known = k->next;
        dp_cuda_dnn_drop(k->plan);
        dp_free(k);
    }
}

static bool is_same(const dp_cuda_conv *a, const dp_cuda_conv *b) {
    return memcmp(a, b, sizeof *a) == 0; /* ints and enumerations: nothing between them */
}

/* Where that convolution is kept, or will be; NULL: no memory. */
static known *place_of(dp_cuda *be, const dp_cuda_conv *c) {
    known *k = be->known;
    while (k != NULL && !is_same(&k->conv, c)) k = k->next;
    if (k != NULL) return k;
    k = dp_alloc(1, sizeof *k);
    if (k == NULL) return NULL;
    k->conv = *c;
    k->next = be->known;
    return be->known = k;
}

static dipper_status find_plan(dp_cuda *be, const dp_cuda_conv *c, dp_diag *diag, const known **out) {
    known *k = place_of(be, c);
    *out = k;
    if (k == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a convolution");
    if (k->finished) return DIPPER_OK;
    if (k->plan == NULL) DP_TRY(dp_cuda_dnn_begin(be, c, diag, &k->plan));
    DP_TRY(dp_cuda_dnn_finish(be, k->plan, diag, &k->workspace));
    k->finished = true;
    return DIPPER_OK;
}

static bool is_conv(const dp_op *op) {
    return op->kind == DP_CONV_FWD || op->kind == DP_CONV_BWD_DATA || op->kind == DP_CONV_BWD_WEIGHTS;
}

void dp_cuda_conv_expect(dp_backend *base, int n, const dp_op *const *ops) {
    dp_cuda *be = (dp_cuda *)base;
    int count = 0;
    known **fresh = dp_cuda_dnn_shares(be) ? dp_alloc((size_t)n, sizeof(known *)) : NULL;
    if (fresh == NULL) return;
    for (int i = 0; i < n; i++) {
        if (!is_conv(ops[i]) || is_point(ops[i])) continue;
        const known *before = be->known;
        const dp_cuda_conv c = plain(be, ops[i]);
        known *k = place_of(be, &c);
        if (k != NULL && be->known != before) fresh[count++] = k;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(base->threads)
    for (int i = 0; i < count; i++) (void)dp_cuda_dnn_begin(be, &fresh[i]->conv, NULL, &fresh[i]->plan);
    dp_free(fresh);
}

static dipper_status prepare(dp_cuda_plan *plan, dp_diag *diag, size_t *workspace) {
    const dp_op *op = &plan->op;
    const dp_cuda *be = plan->be;
    const size_t align = 256;
    if (is_point(op)) {
        *workspace = op->kind == DP_CONV_BWD_WEIGHTS ? dp_cuda_point_workspace(be, op) : 0;
        return DIPPER_OK;
    }
    conv_plan *own = plan->own = dp_alloc(1, sizeof *own);
    if (own == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a convolution");
    const known *shared;
    const dp_cuda_conv c = plain(be, op);
    DP_TRY(find_plan(plan->be, &c, diag, &shared));
    own->dnn = shared->plan;
    own->weights = dp_align_up(shared->workspace, align);
    own->copy = dp_align_up(own->weights + (casts(be) ? 2 * weight_count(op) : 0), align);
    own->rest = dp_align_up(own->copy + (copies(op) ? dp_backend_bytes(&be->base, op->x) : 0), align);
    *workspace = own->rest + (op->kind == DP_CONV_BWD_WEIGHTS ? dp_cuda_bias_workspace(be, op->y) : 0);
    return DIPPER_OK;
}

static void drop(dp_cuda_plan *plan) {
    dp_free(plan->own);
}

/* ---- Running ---- */

static const void *weights_for(const dp_cuda_plan *plan, const void *w, void *ws) {
    const conv_plan *own = plan->own;
    if (!casts(plan->be)) return w;
    const void *rounded = dp_cuda_rounded(plan->be, w);
    if (rounded != NULL) return rounded;
    void *cast = (char *)ws + own->weights;
    dp_cuda_to_bf16(plan->be, weight_count(&plan->op), w, cast);
    return cast;
}

static const void *x_for(const dp_cuda_plan *plan, const void *x, void *ws) {
    const conv_plan *own = plan->own;
    if (!copies(&plan->op)) return x;
    void *copy = (char *)ws + own->copy;
    dp_cuda_border_clear_copy(plan->be, plan->op.x, x, copy);
    return copy;
}

/* args: x, w, b (NULL: 0, and y's border is left undefined) -> y */
static void forward(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const conv_plan *own = plan->own;
    if (is_point(&plan->op)) {
        dp_cuda_point_fwd(plan, args[0], args[1], args[2], args[3]);
        return;
    }
    const void *x = x_for(plan, args[0], ws), *w = weights_for(plan, args[1], ws);
    dp_cuda_dnn_run(plan->be, own->dnn, x, w, args[3], ws);
    if (args[2] != NULL) dp_cuda_bias_add(plan->be, plan->op.y, plan->op.conv.k == 1, args[2], args[3]);
}

/* args: dy, w -> dx */
static void backward_data(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const conv_plan *own = plan->own;
    const dp_op *op = &plan->op;
    if (is_point(op)) {
        dp_cuda_point_bwd_data(plan, args[0], args[1], args[2]);
        return;
    }
    dp_cuda_dnn_run(plan->be, own->dnn, args[2], weights_for(plan, args[1], ws), args[0], ws);
    if (op->conv.k == 3) dp_cuda_border_fold(plan->be, op->x, op->conv.pad == DP_PAD_REFLECT, args[2]);
}

/* args: x, dy -> dw, db (NULL: not wanted). cuDNN sums bfloat16 maps in float and rounds the sum. */
static void backward_weights(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const conv_plan *own = plan->own;
    const dp_op *op = &plan->op;
    if (is_point(op)) {
        dp_cuda_point_bwd_weights(plan, args[0], args[1], args[2], args[3], ws);
        return;
    }
    void *dw = casts(plan->be) ? (char *)ws + own->weights : args[2];
    dp_cuda_dnn_run(plan->be, own->dnn, x_for(plan, args[0], ws), dw, args[1], ws);
    if (casts(plan->be)) dp_cuda_from_bf16(plan->be, weight_count(op), dw, args[2]);
    if (args[3] != NULL) dp_cuda_bias_sum(plan, op->y, args[1], args[3], (char *)ws + own->rest);
}

const dp_cuda_kernel dp_cuda_conv_fwd = {.run = forward, .prepare = prepare, .drop = drop};
const dp_cuda_kernel dp_cuda_conv_bwd_data = {.run = backward_data, .prepare = prepare, .drop = drop};
const dp_cuda_kernel dp_cuda_conv_bwd_weights = {.run = backward_weights, .prepare = prepare, .drop = drop};
