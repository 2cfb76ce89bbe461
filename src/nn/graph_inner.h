/* What graph.c (building), graph_loss.c, graph_backward.c, graph_memory.c and graph_run.c share. */
#ifndef DP_NN_GRAPH_INNER_H
#define DP_NN_GRAPH_INNER_H

#include "nn/graph.h"

enum { DP_MAX_ARGS = 8, DP_MAX_LOSSES = 16, DP_MAX_LOSS_INPUTS = 3 };

typedef struct dp_tensor { /* one value */
    dp_shape shape;
    size_t bytes;
    dp_params *params; /* a parameter (or, with is_grad, its gradient), else NULL */
    int param;
    bool is_grad;
    bool needs_grad;
    bool keep;     /* lives through the whole run */
    void *host;    /* host argument (draw counter); never in the arena */
    dp_value root; /* the tensor whose memory this is a range of channels of; itself if none */
    int root_channel;
    dp_value grad;       /* gradient's value, -1 until something has contributed */
    bool wanted, graded; /* with the losses that are on: something needs it; it has a gradient */
    int first, last;     /* steps that touch it (roots only) */
    size_t offset;       /* in the arena (roots only) */
    void *address;       /* after bind */
} dp_tensor;

typedef struct dp_node { /* a forward op as built */
    dp_op op;
    dp_value in[3];
    int inputs;
    dp_value out, aux; /* aux: statistics, pool index; -1 */
    bool concat;       /* not an op: in[0], in[1] are neighbours in out */
    bool slice;        /* not an op: out is a range of channels of in[0], as op.copy says */
    bool idle_bias;    /* a convolution whose bias is left out, as it has no effect */
} dp_node;

/* What a step or a contribution belongs to: a node, or one of the losses, which are numbered after all nodes. */
typedef int dp_owner;

typedef struct dp_step { /* an op to run */
    dp_op op;
    dp_value arg[DP_MAX_ARGS]; /* -1: NULL */
    int args;
    dp_value workspace;
    dp_owner owner;
    bool on;    /* with the losses that are on: needed */
    bool clear; /* the first arg is zeroed before: it is a sum whose earlier parts are off */
    dp_plan *plan;
    void *address[DP_MAX_ARGS], *workspace_address;
} dp_step;

typedef struct dp_contribution { /* a part of the gradient of v, in the order in which they are computed */
    dp_value v;
    dp_owner owner;
    int add; /* step that adds it to the earlier ones; -1: it is the first */
} dp_contribution;

typedef struct dp_loss_slot {
    dp_op op;
    dp_value in[DP_MAX_LOSS_INPUTS]; /* -1: NULL */
    int inputs, gradients;           /* the op's; gradients are those of the first inputs */
    dp_value scalar, weight_arg;
    float weight;
    bool on;
} dp_loss_slot;

struct dp_graph {
    dp_backend *be;
    dp_tensor *tensor;
    int tensors, tensor_capacity;
    dp_node *node;
    int nodes, node_capacity;
    dp_step *step;
    int steps, step_capacity;
    int forward_steps; /* the first ones */
    dp_contribution *contribution;
    int contributions, contribution_capacity;
    dp_owner owner; /* of what is being emitted */
    dp_loss_slot loss[DP_MAX_LOSSES];
    int losses;
    uint64_t counter;
    size_t arena_bytes;
    bool selected;           /* the steps' `on` fits the losses that are on */
    int same_runs;           /* whole runs since the steps that are on, or their addresses, changed */
    dp_recording *recording; /* of a whole run; NULL: none yet */
    dp_diag diag;            /* first failure while building */
};

dp_value dp_graph_tensor(dp_graph *g, dp_shape shape); /* a new one */
/* A view of channels [from, from + shape.c) of `of`. */
dp_value dp_graph_view(dp_graph *g, dp_value of, dp_shape shape, int from);
bool dp_graph_reserve(dp_graph *g, void **array, int count, int *capacity, size_t size); /* room for one more */
dp_step *dp_graph_emit(dp_graph *g, const dp_op *op, int args, const dp_value *arg);     /* appends; NULL on failure */
void dp_graph_fail(dp_graph *g, dipper_status status, const char *text);

void dp_graph_forget(dp_graph *g);                                  /* graph_run.c: the recording */
void dp_graph_select(dp_graph *g);                                  /* graph_loss.c: which steps are on */
dipper_status dp_graph_emit_backward(dp_graph *g);                  /* graph_backward.c: losses and adjoints */
void dp_graph_record(dp_graph *g);                                  /* graph_record.c: a whole run, in lanes */
dipper_status dp_graph_place(dp_graph *g);                          /* graph_memory.c: lifetimes and offsets */
void *dp_graph_address(const dp_graph *g, void *arena, dp_value v); /* graph_memory.c */

#endif
