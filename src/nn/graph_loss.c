/* Losses of a graph, and what has to be computed for those that are on. */
#include <string.h>

#include "nn/graph_inner.h"

/* ---- Building ---- */

/* Appends a loss of the given inputs, of which the first `gradients` may depend on parameters; -1 on failure. */
static int add_loss(dp_graph *g, const dp_op *op, int inputs, const dp_value *in, int gradients, float weight) {
    const dp_value scalar = dp_graph_input(g, dp_vector(1)), weight_arg = dp_graph_tensor(g, dp_vector(1));
    if (g->losses == DP_MAX_LOSSES) dp_graph_fail(g, DIPPER_ERROR_INTERNAL, "too many losses in a graph");
    if (in[0] < 0 || scalar < 0 || weight_arg < 0 || g->diag.status != DIPPER_OK) return -1;
    dp_loss_slot *l = &g->loss[g->losses];
    *l = (dp_loss_slot){.op = *op, .inputs = inputs, .gradients = gradients, .scalar = scalar, .on = true};
    memcpy(l->in, in, (size_t)inputs * sizeof *in);
    l->weight = weight;
    l->weight_arg = weight_arg;
    g->tensor[weight_arg].host = &l->weight;
    return g->losses++;
}

int dp_graph_loss_mse(dp_graph *g, dp_value x, dp_value target, float value, dp_value mask, float weight) {
    const dp_shape s = dp_graph_shape(g, x);
    const dp_op op = {.kind = DP_MSE, .x = s, .y = s, .loss = {.value = value}};
    return add_loss(g, &op, 3, (const dp_value[]){x, target, mask}, 2, weight);
}

/* 1/2 of the picture, 1/4 of its first derivatives twice (of the blurred picture, and of the blurred derivatives, which
 * is the same where the blur is valid), 1/8 of the second ones. */
static const float vdip_orders[3] = {0.5f, 0.5f, 0.125f};

int dp_graph_loss(dp_graph *g, dp_op_kind kind, dp_value x, dp_value target, float weight) {
    if (kind == DP_MSE) return dp_graph_loss_mse(g, x, target, 0, -1, weight);
    const dp_shape s = dp_graph_shape(g, x);
    dp_op op = {.kind = kind, .x = s, .y = s};
    if (kind == DP_TV) op.loss.eps = 1e-6f;
    if (kind == DP_DERIVATIVES) memcpy(op.loss.order, vdip_orders, sizeof vdip_orders);
    return add_loss(g, &op, kind == DP_TV || kind == DP_MEAN_LOG ? 1 : 2, (const dp_value[]){x, target}, 1, weight);
}

int dp_graph_loss_sparse(dp_graph *g, dp_value mean, dp_value std, float weight) {
    const dp_shape s = dp_graph_shape(g, mean);
    const dp_op op = {.kind = DP_SPARSE_PRIOR, .x = s, .y = s};
    return add_loss(g, &op, 2, (const dp_value[]){mean, std}, 2, weight);
}

int dp_graph_loss_extreme(dp_graph *g, dp_value mean, dp_value std, dp_value noise, float weight) {
    const dp_shape s = dp_graph_shape(g, mean);
    const dp_op op = {.kind = DP_EXTREME_PRIOR, .x = s, .y = s, .loss = {.window = 35}};
    return add_loss(g, &op, 3, (const dp_value[]){mean, std, noise}, 2, weight);
}

/* ---- Between runs ---- */

void dp_graph_loss_enable(dp_graph *g, int loss, bool on) {
    g->selected = g->selected && g->loss[loss].on == on;
    g->loss[loss].on = on;
}

void dp_graph_loss_weight(dp_graph *g, int loss, float weight) {
    g->loss[loss].weight = weight;
}

double dp_graph_loss_value(const dp_graph *g, int loss) {
    float value = 0;
    dp_graph_read(g, g->loss[loss].scalar, &value);
    return (double)value;
}

double dp_graph_loss_sum(const dp_graph *g) {
    double sum = 0;
    for (int i = 0; i < g->losses; i++)
        if (g->loss[i].on) sum += dp_graph_loss_value(g, i);
    return sum;
}

/* ---- What is needed ---- */

/* Forward: kept values, inputs of losses that are on, and what they are computed from. */
static void find_wanted(dp_graph *g) {
    for (dp_value v = 0; v < g->tensors; v++) g->tensor[v].wanted = g->tensor[v].keep;
    for (int i = 0; i < g->losses; i++)
        for (int j = 0; j < g->loss[i].inputs; j++)
            if (g->loss[i].on && g->loss[i].in[j] >= 0) g->tensor[g->loss[i].in[j]].wanted = true;
    for (int i = g->nodes - 1; i >= 0; i--)
        for (int j = 0; j < g->node[i].inputs; j++)
            if (g->tensor[g->node[i].out].wanted) g->tensor[g->node[i].in[j]].wanted = true;
}

static bool passes_gradient(const dp_graph *g, dp_owner owner) {
    return owner < g->nodes ? g->tensor[g->node[owner].out].graded : g->loss[owner - g->nodes].on;
}

/* Backward: contributions are in the order of the backward pass, so a value has all of its own before it passes any on.
 * A sum whose earlier parts are off begins with zeros. */
static void find_graded(dp_graph *g) {
    for (dp_value v = 0; v < g->tensors; v++) g->tensor[v].graded = false;
    for (int i = 0; i < g->contributions; i++) {
        const dp_contribution *c = &g->contribution[i];
        if (!passes_gradient(g, c->owner)) continue;
        if (c->add >= 0) g->step[c->add].clear = !g->tensor[c->v].graded;
        g->tensor[c->v].graded = true;
    }
}

void dp_graph_select(dp_graph *g) {
    find_wanted(g);
    find_graded(g);
    for (int i = 0; i < g->steps; i++) {
        dp_step *s = &g->step[i];
        s->on = i < g->forward_steps ? g->tensor[g->node[s->owner].out].wanted : passes_gradient(g, s->owner);
    }
    for (dp_value v = 0; v < g->tensors; v++) { /* the optimiser reads all gradients of a parameter set */
        const dp_tensor *t = &g->tensor[v];
        if (t->params == NULL || t->is_grad || t->graded) continue;
        g->be->vt->clear(g->be, dp_params_at(t->params, DP_PARAM_GRAD, t->param), t->bytes);
    }
    g->selected = true;
}
