/* The backward pass, derived node by node in reverse order. The gradient of a tensor is a tensor made when the first
 * consumer contributes to it; further contributions go to a temporary and are added. */
#include "nn/graph_inner.h"

/* Takes `c` (already computed by a step) as a contribution to the gradient of v. */
static void contribute(dp_graph *g, dp_value v, dp_value c) {
    if (v < 0 || c < 0) return;
    if (!dp_graph_reserve(g, (void **)&g->contribution, g->contributions, &g->contribution_capacity,
                          sizeof *g->contribution))
        return;
    dp_contribution *part = &g->contribution[g->contributions++];
    *part = (dp_contribution){.v = v, .owner = g->owner, .add = -1};
    const dp_value sum = g->tensor[v].grad;
    if (sum < 0) {
        g->tensor[v].grad = c;
        return;
    }
    const dp_shape s = g->tensor[v].shape;
    const dp_op op = {.kind = DP_ADD, .x = s, .y = s};
    part->add = g->steps;
    dp_graph_emit(g, &op, 3, (const dp_value[]){sum, c, sum});
}

/* A tensor for an adjoint to write v's gradient to; -1 where none is wanted. For parameters it is the flat array (of
 * the first contribution, to which others are added). */
static dp_value gradient_target(dp_graph *g, dp_value v) {
    if (v < 0 || !g->tensor[v].needs_grad) return -1;
    const dp_value t = dp_graph_tensor(g, g->tensor[v].shape);
    if (t >= 0 && g->tensor[v].params != NULL && g->tensor[v].grad < 0) {
        g->tensor[t].params = g->tensor[v].params;
        g->tensor[t].param = g->tensor[v].param;
        g->tensor[t].is_grad = true;
    }
    return t;
}

static dp_op adjoint(const dp_node *n, dp_op_kind kind) {
    dp_op op = n->op;
    op.kind = kind;
    return op;
}

static void conv_backward_data(dp_graph *g, const dp_node *n, dp_value dy) {
    const dp_value dx = gradient_target(g, n->in[0]);
    const dp_op op = adjoint(n, DP_CONV_BWD_DATA);
    if (dx < 0) return;
    dp_graph_emit(g, &op, 3, (const dp_value[]){dy, n->in[1], dx});
    contribute(g, n->in[0], dx);
}

/* The weights first, while x and dy are at hand, and x's memory can be dx's. With lanes the gradient that all further
 * steps wait for first, so that it stays in their lane, and the weights go to another. */
static void conv_backward(dp_graph *g, const dp_node *n, dp_value dy) {
    const dp_value dw = gradient_target(g, n->in[1]), db = n->idle_bias ? -1 : gradient_target(g, n->in[2]);
    const dp_op weights = adjoint(n, DP_CONV_BWD_WEIGHTS);
    const bool data_first = g->be->lanes > 1;
    if (data_first) conv_backward_data(g, n, dy);
    dp_graph_emit(g, &weights, 4, (const dp_value[]){n->in[0], dy, dw, db});
    contribute(g, n->in[1], dw);
    contribute(g, n->in[2], db);
    if (!data_first) conv_backward_data(g, n, dy);
}

/* In place over dy, which nobody needs afterwards. */
static void norm_backward(dp_graph *g, const dp_node *n, dp_value dy) {
    const dp_value dgamma = gradient_target(g, n->in[1]), dbeta = gradient_target(g, n->in[2]);
    const dp_op op = adjoint(n, DP_NORM_ACT_BWD);
    dp_graph_emit(g, &op, 8, (const dp_value[]){n->in[0], dy, n->in[1], n->in[2], n->aux, dy, dgamma, dbeta});
    contribute(g, n->in[0], dy);
    contribute(g, n->in[1], dgamma);
    contribute(g, n->in[2], dbeta);
}

static void concat_backward(dp_graph *g, const dp_node *n, dp_value dy) {
    int from = 0;
    for (int i = 0; i < 2; i++) {
        const dp_shape s = g->tensor[n->in[i]].shape;
        if (g->tensor[n->in[i]].needs_grad && dp_backend_cuts(g->be, from, s.c, n->op.y.c)) {
            contribute(g, n->in[i], dp_graph_view(g, dy, s, from));
        } else if (g->tensor[n->in[i]].needs_grad) {
            const dp_value part = gradient_target(g, n->in[i]);
            const dp_op op = {.kind = DP_CHANNEL_COPY, .x = n->op.y, .y = s, .copy = {.from = from, .n = s.c}};
            dp_graph_keep(g, part); /* its padding channels stay zero */
            dp_graph_emit(g, &op, 2, (const dp_value[]){dy, part});
            contribute(g, n->in[i], part);
        }
        from += s.c;
    }
}

/* One input takes dy over, the other a copy, as adjoints may work in place. */
static void add_backward(dp_graph *g, const dp_node *n, dp_value dy) {
    const dp_value copy = gradient_target(g, n->in[1]);
    const dp_shape s = n->op.y;
    const dp_op op = {.kind = DP_CHANNEL_COPY, .x = s, .y = s, .copy = {.n = s.c}};
    if (copy >= 0) {
        dp_graph_keep(g, copy);
        dp_graph_emit(g, &op, 2, (const dp_value[]){dy, copy});
        contribute(g, n->in[1], copy);
    }
    if (g->tensor[n->in[0]].needs_grad) contribute(g, n->in[0], dy);
}

/* The other channels of x get 0 from here. */
static void slice_backward(dp_graph *g, const dp_node *n, dp_value dy) {
    const dp_value dx = gradient_target(g, n->in[0]);
    const dp_op op = {.kind = DP_CHANNEL_COPY,
                      .x = n->op.y,
                      .y = n->op.x,
                      .copy = {.to = n->op.copy.from, .n = n->op.copy.n, .clear = true}};
    dp_graph_emit(g, &op, 2, (const dp_value[]){dy, dx});
    contribute(g, n->in[0], dx);
}

/* y = a + b*c: db = dy*c, dc = dy*b, and a takes dy over. */
static void muladd_backward(dp_graph *g, const dp_node *n, dp_value dy) {
    const dp_op op = adjoint(n, DP_MULADD);
    for (int i = 1; i < 3; i++) {
        const dp_value d = gradient_target(g, n->in[i]);
        if (d < 0) continue;
        dp_graph_emit(g, &op, 4, (const dp_value[]){-1, dy, n->in[3 - i], d});
        contribute(g, n->in[i], d);
    }
    if (g->tensor[n->in[0]].needs_grad) contribute(g, n->in[0], dy);
}

/* y = alpha op(a) op(b), A = op(a), B = op(b): dA = alpha dy B', dB = alpha A' dy, transposed back where op did. */
static void matmul_backward(dp_graph *g, const dp_node *n, dp_value dy) {
    const dp_value a = n->in[0], b = n->in[1], da = gradient_target(g, a), db = gradient_target(g, b);
    const dp_shape as = n->op.x, bs = n->op.matmul.b, ys = n->op.y;
    const bool ta = n->op.matmul.trans_a, tb = n->op.matmul.trans_b;
    const float alpha = n->op.matmul.alpha;
    if (da >= 0) {
        dp_op op = {.kind = DP_MATMUL, .x = ta ? bs : ys, .y = as};
        op.matmul.b = ta ? ys : bs;
        op.matmul.trans_a = ta && tb;
        op.matmul.trans_b = ta || !tb;
        op.matmul.alpha = alpha;
        dp_graph_emit(g, &op, 3, (const dp_value[]){ta ? b : dy, ta ? dy : b, da});
        contribute(g, a, da);
    }
    if (db >= 0) {
        dp_op op = {.kind = DP_MATMUL, .x = tb ? ys : as, .y = bs};
        op.matmul.b = tb ? as : ys;
        op.matmul.trans_a = tb || !ta;
        op.matmul.trans_b = ta && tb;
        op.matmul.alpha = alpha;
        dp_graph_emit(g, &op, 3, (const dp_value[]){tb ? dy : a, tb ? a : dy, db});
        contribute(g, b, db);
    }
}

static void linear_backward(dp_graph *g, const dp_node *n, dp_value dy) {
    const dp_value dx = gradient_target(g, n->in[0]), dw = gradient_target(g, n->in[1]);
    const dp_value db = gradient_target(g, n->in[2]);
    const dp_op op = adjoint(n, DP_LINEAR_BWD);
    dp_graph_emit(g, &op, 6, (const dp_value[]){n->in[0], n->in[1], dy, dx, dw, db});
    contribute(g, n->in[0], dx);
    contribute(g, n->in[1], dw);
    contribute(g, n->in[2], db);
}

static void blur_backward(dp_graph *g, const dp_node *n, dp_value dy) {
    const dp_value dx = gradient_target(g, n->in[0]), dpsf = gradient_target(g, n->in[1]);
    const dp_op op = adjoint(n, DP_BLUR_BWD);
    dp_graph_emit(g, &op, 5, (const dp_value[]){n->in[0], n->in[1], dy, dx, dpsf});
    contribute(g, n->in[0], dx);
    contribute(g, n->in[1], dpsf);
}

static void wiener_backward(dp_graph *g, const dp_node *n, dp_value dy) {
    const dp_value dpsf = gradient_target(g, n->in[1]);
    const dp_op op = adjoint(n, DP_WIENER_BWD);
    if (g->tensor[n->in[0]].needs_grad) dp_graph_fail(g, DIPPER_ERROR_INTERNAL, "Wiener's filter of a fitted picture");
    dp_graph_emit(g, &op, 4, (const dp_value[]){n->in[0], n->in[1], dy, dpsf});
    contribute(g, n->in[1], dpsf);
}

/* Ops with one input: dx from `saved` (or nothing) and dy. */
static void unary_backward(dp_graph *g, const dp_node *n, dp_op_kind kind, dp_value saved, dp_value dy) {
    const dp_value dx = gradient_target(g, n->in[0]);
    const dp_op op = adjoint(n, kind);
    if (kind == DP_UPSAMPLE2_BWD || kind == DP_DOWNSAMPLE_BWD)
        dp_graph_emit(g, &op, 2, (const dp_value[]){dy, dx});
    else if (kind == DP_MAXPOOL2_BWD)
        dp_graph_emit(g, &op, 3, (const dp_value[]){dy, saved, dx});
    else
        dp_graph_emit(g, &op, 3, (const dp_value[]){saved, dy, dx});
    contribute(g, n->in[0], dx);
}

static void node_backward(dp_graph *g, const dp_node *n) {
    const dp_value dy = g->tensor[n->out].grad;
    if (dy < 0 || !g->tensor[n->out].needs_grad) return;
    if (n->concat) {
        concat_backward(g, n, dy);
        return;
    }
    if (n->slice) {
        slice_backward(g, n, dy);
        return;
    }
    switch (n->op.kind) {
    case DP_CONV_FWD:
        conv_backward(g, n, dy);
        break;
    case DP_NORM_ACT_FWD:
        norm_backward(g, n, dy);
        break;
    case DP_ADD:
        add_backward(g, n, dy);
        break;
    case DP_MULADD:
        muladd_backward(g, n, dy);
        break;
    case DP_RANDOM: /* x + numbers */
        contribute(g, n->in[0], dy);
        break;
    case DP_MATMUL:
        matmul_backward(g, n, dy);
        break;
    case DP_LINEAR_FWD:
        linear_backward(g, n, dy);
        break;
    case DP_BLUR_FWD:
        blur_backward(g, n, dy);
        break;
    case DP_WIENER:
        wiener_backward(g, n, dy);
        break;
    case DP_UPSAMPLE2_FWD:
        unary_backward(g, n, DP_UPSAMPLE2_BWD, -1, dy);
        break;
    case DP_DOWNSAMPLE_FWD:
        unary_backward(g, n, DP_DOWNSAMPLE_BWD, -1, dy);
        break;
    case DP_MAXPOOL2_FWD:
        unary_backward(g, n, DP_MAXPOOL2_BWD, n->aux, dy);
        break;
    case DP_ACT_FWD:
        unary_backward(g, n, DP_ACT_BWD, n->op.act.act == DP_SINE ? n->in[0] : n->out, dy);
        break;
    case DP_SOFTMAX_FWD:
        unary_backward(g, n, DP_SOFTMAX_BWD, n->out, dy);
        break;
    default:
        dp_graph_fail(g, DIPPER_ERROR_INTERNAL, "an op without an adjoint stands before a loss");
    }
}

/* A loss writes all its gradients; only the target's may be left out. */
static void emit_loss(dp_graph *g, const dp_loss_slot *l) {
    dp_value arg[DP_MAX_ARGS], gradient[DP_MAX_LOSS_INPUTS];
    int args = 0;
    for (int i = 0; i < l->inputs; i++) arg[args++] = l->in[i];
    arg[args++] = l->weight_arg;
    arg[args++] = l->scalar;
    for (int i = 0; i < l->gradients; i++) {
        gradient[i] = gradient_target(g, l->in[i]);
        const bool can_be_null = l->op.kind == DP_MSE && i == 1;
        arg[args++] = gradient[i] >= 0 || can_be_null ? gradient[i] : dp_graph_tensor(g, g->tensor[l->in[i]].shape);
    }
    dp_graph_emit(g, &l->op, args, arg);
    for (int i = 0; i < l->gradients; i++) contribute(g, l->in[i], gradient[i]);
}

dipper_status dp_graph_emit_backward(dp_graph *g) {
    for (int i = 0; i < g->losses; i++) {
        g->owner = g->nodes + i;
        emit_loss(g, &g->loss[i]);
    }
    for (int i = g->nodes - 1; i >= 0; i--) {
        const dp_node n = g->node[i];
        g->owner = i;
        node_backward(g, &n);
    }
    return g->diag.status;
}
