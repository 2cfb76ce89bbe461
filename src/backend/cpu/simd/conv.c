/* Convolutions: which path takes which op. */
#include "backend/cpu/simd/conv.h"

typedef struct path {
    size_t (*workspace)(const dp_op *op, int threads);
    void (*run)(const dp_op *op, int threads, void *const *args, void *ws);
} path;

static const path direct = {DP_ISA(dp_conv_direct_workspace), DP_ISA(dp_conv_direct_run)};
static const path direct_weights = {DP_ISA(dp_conv_direct_weights_workspace), DP_ISA(dp_conv_direct_weights_run)};
static const path winograd = {DP_ISA(dp_conv_winograd_workspace), DP_ISA(dp_conv_winograd_run)};
static const path winograd_weights = {DP_ISA(dp_conv_winograd_weights_workspace), DP_ISA(dp_conv_winograd_weights_run)};
static const path head = {DP_ISA(dp_conv_head_workspace), DP_ISA(dp_conv_head_run)};

static const path *choose(const dp_op *op) {
    if (op->y.layout == DP_PLANAR) return &head;
    const bool weights = op->kind == DP_CONV_BWD_WEIGHTS;
    if (op->conv.k == 3 && op->conv.stride == 1) return weights ? &winograd_weights : &winograd;
    return weights ? &direct_weights : &direct;
}

bool DP_ISA(dp_cpu_conv_supports)(const dp_op *op) {
    if (op->x.layout != DP_FEATURE) return false;
    return op->y.layout == DP_FEATURE || (op->conv.k == 1 && op->conv.stride == 1 && op->y.c <= 8);
}

size_t DP_ISA(dp_cpu_conv_workspace)(const dp_op *op, int threads) {
    return choose(op)->workspace(op, threads);
}

void DP_ISA(dp_cpu_conv_run)(const dp_op *op, int threads, void *const *args, void *ws) {
    choose(op)->run(op, threads, args, ws);
}
