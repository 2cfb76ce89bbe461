/* Building a graph: tensors, layers, and from them the steps of a run. */
#include <string.h>

#include "base/memory.h"
#include "nn/graph_inner.h"

dipper_status dp_graph_new(dp_backend *be, dp_diag *diag, dp_graph **out) {
    *out = dp_alloc(1, sizeof **out);
    if (*out == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a graph");
    (*out)->be = be;
    return DIPPER_OK;
}

void dp_graph_free(dp_graph *g) {
    if (g == NULL) return;
    dp_graph_forget(g);
    for (int i = 0; i < g->steps; i++)
        if (g->step[i].plan != NULL) g->be->vt->plan_free(g->step[i].plan);
    dp_free(g->tensor);
    dp_free(g->node);
    dp_free(g->step);
    dp_free(g->contribution);
    dp_free(g);
}

void dp_graph_fail(dp_graph *g, dipper_status status, const char *text) {
    (void)dp_fail(&g->diag, status, "%s", text);
}

/* Makes room for one more element; false (failure recorded) when memory is exhausted. */
bool dp_graph_reserve(dp_graph *g, void **array, int count, int *capacity, size_t size) {
    if (count < *capacity) return true;
    const int bigger = *capacity ? 2 * *capacity : 64;
    void *p = dp_alloc((size_t)bigger, size);
    if (p == NULL) {
        dp_graph_fail(g, DIPPER_ERROR_MEMORY, "out of memory for a graph");
        return false;
    }
    if (count > 0) memcpy(p, *array, (size_t)count * size);
    dp_free(*array);
    *array = p;
    *capacity = bigger;
    return true;
}

/* ---- Tensors ---- */

dp_value dp_graph_tensor(dp_graph *g, dp_shape shape) {
    if (g->diag.status != DIPPER_OK) return -1;
    if (!dp_graph_reserve(g, (void **)&g->tensor, g->tensors, &g->tensor_capacity, sizeof *g->tensor)) return -1;
    const dp_value v = g->tensors++;
    g->tensor[v] = (dp_tensor){.shape = shape, .bytes = dp_backend_bytes(g->be, shape), .root = v, .grad = -1};
    return v;
}

dp_value dp_graph_view(dp_graph *g, dp_value of, dp_shape shape, int from) {
    const dp_value v = dp_graph_tensor(g, shape);
    if (v < 0) return -1;
    g->tensor[v].root = of;
    g->tensor[v].root_channel = from;
    return v;
}

dp_shape dp_graph_shape(const dp_graph *g, dp_value v) {
    return v < 0 ? (dp_shape){0} : g->tensor[v].shape;
}
int dp_graph_block(const dp_graph *g) {
    return g->be->block;
}

void dp_graph_keep(dp_graph *g, dp_value v) {
    if (v >= 0) g->tensor[v].keep = true;
}

dp_value dp_graph_input(dp_graph *g, dp_shape shape) {
    const dp_value v = dp_graph_tensor(g, shape);
    dp_graph_keep(g, v);
    return v;
}

dp_value dp_graph_param(dp_graph *g, dp_params *ps, const char *name, dp_shape shape, dp_init init) {
    const size_t count = dp_count(shape);
    if (count > (size_t)1 << 30) {
        dp_graph_fail(g, DIPPER_ERROR_MEMORY, "a layer has more than 2^30 weights");
        return -1;
    }
    const int index = dp_params_add(ps, name, shape, init);
    for (dp_value v = 0; index >= 0 && v < g->tensors; v++) /* used twice: one value, whose gradients are added */
        if (g->tensor[v].params == ps && g->tensor[v].param == index) return v;
    const dp_value v = dp_graph_tensor(g, dp_vector((int)count));
    if (v < 0 || index < 0) {
        dp_graph_fail(g, DIPPER_ERROR_MEMORY, "out of memory for a layer's weights, or two layers of one name");
        return -1;
    }
    g->tensor[v].params = ps;
    g->tensor[v].param = index;
    g->tensor[v].needs_grad = true;
    return v;
}

/* ---- Ops ---- */

/* Appends a forward op and returns its output; aux_shape.c > 0 asks for a second output. */
static dp_value apply(dp_graph *g, const dp_op *op, int inputs, const dp_value *in, dp_shape aux_shape) {
    for (int i = 0; i < inputs; i++)
        if (in[i] < 0 || in[i] >= g->tensors) return -1;
    const dp_value out = dp_graph_tensor(g, op->y);
    const dp_value aux = aux_shape.c > 0 ? dp_graph_tensor(g, aux_shape) : -1;
    if (out < 0 || (aux < 0 && aux_shape.c > 0)) return -1;
    if (!dp_graph_reserve(g, (void **)&g->node, g->nodes, &g->node_capacity, sizeof *g->node)) return -1;
    dp_node *n = &g->node[g->nodes++];
    *n = (dp_node){.op = *op, .inputs = inputs, .out = out, .aux = aux};
    for (int i = 0; i < inputs; i++) {
        n->in[i] = in[i];
        if (g->tensor[in[i]].needs_grad) g->tensor[out].needs_grad = true;
    }
    return out;
}

static const dp_shape no_aux = {0};

dp_value dp_graph_conv(dp_graph *g, dp_value x, dp_value w, dp_value b, int c_out, int k, int stride, dp_layout out) {
    const dp_shape xs = dp_graph_shape(g, x);
    const dp_op op = {.kind = DP_CONV_FWD,
                      .x = xs,
                      .y = {c_out, dp_conv_out(xs.h, stride), dp_conv_out(xs.w, stride), out},
                      .conv = {.k = k, .stride = stride, .pad = DP_PAD_REFLECT}};
    return apply(g, &op, 3, (const dp_value[]){x, w, b}, no_aux);
}

dp_value dp_graph_norm_act(dp_graph *g, dp_value x, dp_value gamma, dp_value beta, float slope) {
    const dp_shape xs = dp_graph_shape(g, x);
    const dp_op op = {.kind = DP_NORM_ACT_FWD, .x = xs, .y = xs, .norm = {.eps = 1e-5f, .slope = slope}};
    return apply(g, &op, 3, (const dp_value[]){x, gamma, beta}, dp_vector(2 * xs.c));
}

dp_value dp_graph_upsample2(dp_graph *g, dp_value x, int h, int w) {
    const dp_shape xs = dp_graph_shape(g, x);
    const dp_op op = {.kind = DP_UPSAMPLE2_FWD, .x = xs, .y = {xs.c, h, w, xs.layout}};
    return apply(g, &op, 1, &x, no_aux);
}

static dp_node *node_of(dp_graph *g, dp_value v) {
    for (int i = g->nodes - 1; i >= 0; i--)
        if (g->node[i].out == v) return &g->node[i];
    return NULL;
}

static bool is_read(const dp_graph *g, dp_value v) { /* by a node other than the last */
    for (int i = 0; i < g->nodes - 1; i++)
        for (int j = 0; j < g->node[i].inputs; j++)
            if (g->node[i].in[j] == v) return true;
    return false;
}

/* Whether v comes from an upsampling and goes nowhere but into the node being made: it can be written there at once. */
static bool widens(dp_graph *g, dp_value v) {
    const dp_node *n = node_of(g, v);
    return n != NULL && n->op.kind == DP_UPSAMPLE2_FWD && !is_read(g, v);
}

/* a and b become ranges of channels of the result, so that their producers write into it, unless one of them already
 * lies elsewhere or ends inside a block: then the backward and forward passes copy. */
dp_value dp_graph_concat(dp_graph *g, dp_value a, dp_value b) {
    const dp_shape as = dp_graph_shape(g, a), bs = dp_graph_shape(g, b);
    const int out_c = as.c + bs.c;
    dp_op op = {.kind = DP_CHANNEL_COPY, .x = as, .y = {out_c, as.h, as.w, as.layout}};
    const dp_value out = apply(g, &op, 2, (const dp_value[]){a, b}, no_aux);
    if (out < 0) return -1;
    g->node[g->nodes - 1].concat = true;
    dp_tensor *ta = &g->tensor[a], *tb = &g->tensor[b];
    const bool whole = dp_backend_cuts(g->be, 0, as.c, out_c) && a != b;
    const bool plain = ta->root == a && tb->root == b && !ta->keep && !tb->keep && !ta->params && !tb->params;
    if (whole && plain) {
        ta->root = tb->root = out;
        ta->root_channel = 0;
        tb->root_channel = as.c;
    } else if (plain && g->be->interleaved && widens(g, b)) {
        dp_node *up = node_of(g, b);
        up->op.y = op.y;
        up->op.up.to = as.c;
        up->out = tb->root = out;
        tb->needs_grad = false; /* the upsampling takes its gradient from the result's */
    } else {
        g->tensor[out].keep = true; /* copies leave its padding channels as they are: zero from the start */
    }
    return out;
}

dp_value dp_graph_add(dp_graph *g, dp_value a, dp_value b) {
    const dp_shape s = dp_graph_shape(g, a);
    const dp_op op = {.kind = DP_ADD, .x = s, .y = s};
    return apply(g, &op, 2, (const dp_value[]){a, b}, no_aux);
}

dp_value dp_graph_muladd(dp_graph *g, dp_value a, dp_value b, dp_value c) {
    const dp_shape s = dp_graph_shape(g, a);
    const dp_op op = {.kind = DP_MULADD, .x = s, .y = s};
    return apply(g, &op, 3, (const dp_value[]){a, b, c}, no_aux);
}

dp_value dp_graph_slice(dp_graph *g, dp_value x, int from, int n) {
    const dp_shape xs = dp_graph_shape(g, x);
    if (x >= 0 && (g->tensor[x].params != NULL || xs.layout != DP_PLANAR || from < 0 || n < 1 || n > xs.c - from))
        dp_graph_fail(g, DIPPER_ERROR_INTERNAL, "a slice must be planar, inside of its value, and not of a parameter");
    const dp_op op = {.kind = DP_CHANNEL_COPY, .x = xs, .y = dp_planar(n, xs.h, xs.w), .copy = {.from = from, .n = n}};
    const dp_value out = apply(g, &op, 1, &x, no_aux);
    if (out < 0) return -1;
    g->node[g->nodes - 1].slice = true;
    g->tensor[out].root = x;
    g->tensor[out].root_channel = from;
    return out;
}

dp_value dp_graph_matmul(dp_graph *g, dp_value a, bool trans_a, dp_value b, bool trans_b, float alpha, dp_shape out) {
    const dp_op op = {.kind = DP_MATMUL,
                      .x = dp_graph_shape(g, a),
                      .y = out,
                      .matmul = {.b = dp_graph_shape(g, b), .trans_a = trans_a, .trans_b = trans_b, .alpha = alpha}};
    return apply(g, &op, 2, (const dp_value[]){a, b}, no_aux);
}

dp_value dp_graph_maxpool2(dp_graph *g, dp_value x) {
    const dp_shape xs = dp_graph_shape(g, x), ys = {xs.c, xs.h / 2, xs.w / 2, xs.layout};
    const dp_op op = {.kind = DP_MAXPOOL2_FWD, .x = xs, .y = ys};
    return apply(g, &op, 1, &x, ys);
}

dp_value dp_graph_linear(dp_graph *g, dp_value x, dp_value w, dp_value b, int outputs) {
    const dp_op op = {.kind = DP_LINEAR_FWD, .x = dp_graph_shape(g, x), .y = dp_vector(outputs)};
    return apply(g, &op, 3, (const dp_value[]){x, w, b}, no_aux);
}

dp_value dp_graph_act(dp_graph *g, dp_value x, dp_act act) {
    const dp_shape s = dp_graph_shape(g, x);
    const dp_op op = {.kind = DP_ACT_FWD, .x = s, .y = s, .act = {act, 1}};
    return apply(g, &op, 1, &x, no_aux);
}

dp_value dp_graph_sine(dp_graph *g, dp_value x, float factor) {
    const dp_shape s = dp_graph_shape(g, x);
    const dp_op op = {.kind = DP_ACT_FWD, .x = s, .y = s, .act = {DP_SINE, factor}};
    return apply(g, &op, 1, &x, no_aux);
}

dp_value dp_graph_softmax(dp_graph *g, dp_value x) {
    const dp_shape s = dp_graph_shape(g, x);
    const dp_op op = {.kind = DP_SOFTMAX_FWD, .x = s, .y = s};
    return apply(g, &op, 1, &x, no_aux);
}

dp_value dp_graph_blur(dp_graph *g, dp_value x, dp_value psf, int kh, int kw) {
    const dp_shape xs = dp_graph_shape(g, x);
    const dp_op op = {
        .kind = DP_BLUR_FWD, .x = xs, .y = dp_planar(xs.c, xs.h - kh + 1, xs.w - kw + 1), .blur = {kh, kw}};
    return apply(g, &op, 2, (const dp_value[]){x, psf}, no_aux);
}

dp_value dp_graph_wiener(dp_graph *g, dp_value blurred, dp_value psf, int kh, int kw, float constant) {
    const dp_shape s = dp_graph_shape(g, blurred);
    const dp_op op = {
        .kind = DP_WIENER, .x = s, .y = dp_planar(s.c, s.h + kh - 1, s.w + kw - 1), .wiener = {kh, kw, constant}};
    return apply(g, &op, 2, (const dp_value[]){blurred, psf}, no_aux);
}

dp_value dp_graph_downsample(dp_graph *g, dp_value x, int factor, int lobes) {
    const dp_shape s = dp_graph_shape(g, x);
    const dp_op op = {.kind = DP_DOWNSAMPLE_FWD,
                      .x = s,
                      .y = dp_planar(s.c, factor > 0 ? s.h / factor : 0, factor > 0 ? s.w / factor : 0),
                      .down = {factor, lobes}};
    return apply(g, &op, 1, &x, no_aux);
}

static dp_value draw_number(dp_graph *g) {
    const dp_value draw = dp_graph_tensor(g, dp_vector(1));
    if (draw >= 0) g->tensor[draw].host = &g->counter;
    return draw;
}

dp_value dp_graph_perturb(dp_graph *g, dp_value x, dp_philox_key key, dp_random law, float scale) {
    const dp_shape s = dp_graph_shape(g, x);
    const dp_op op = {.kind = DP_RANDOM, .x = s, .y = s, .random = {key, law, scale}};
    return apply(g, &op, 2, (const dp_value[]){x, draw_number(g)}, no_aux);
}

dp_value dp_graph_noise(dp_graph *g, dp_shape shape, dp_philox_key key, dp_random law) {
    const dp_op op = {.kind = DP_RANDOM, .x = shape, .y = shape, .random = {key, law, 1}};
    const dp_value draw = draw_number(g);
    return apply(g, &op, 1, &draw, no_aux);
}

/* ---- Compiling ---- */

dp_step *dp_graph_emit(dp_graph *g, const dp_op *op, int args, const dp_value *arg) {
    if (g->diag.status != DIPPER_OK) return NULL;
    if (!dp_graph_reserve(g, (void **)&g->step, g->steps, &g->step_capacity, sizeof *g->step)) return NULL;
    dp_step *s = &g->step[g->steps];
    *s = (dp_step){.op = *op, .args = args, .workspace = -1, .owner = g->owner, .on = true};
    memcpy(s->arg, arg, (size_t)args * sizeof *arg);
    g->steps++;
    return s;
}

static void emit_concat(dp_graph *g, const dp_node *n) {
    int to = 0;
    for (int i = 0; i < 2; i++) {
        const dp_shape xs = g->tensor[n->in[i]].shape;
        const dp_op op = {.kind = DP_CHANNEL_COPY, .x = xs, .y = n->op.y, .copy = {.to = to, .n = xs.c}};
        if (g->tensor[n->in[i]].root != n->out) dp_graph_emit(g, &op, 2, (const dp_value[]){n->in[i], n->out});
        to += xs.c;
    }
}

/* A normalisation subtracts the mean, and a bias before it with that. */
static bool feeds_norm_alone(const dp_graph *g, dp_value v) {
    bool norm = false;
    for (int i = 0; i < g->nodes; i++)
        for (int j = 0; j < g->node[i].inputs; j++) {
            if (g->node[i].in[j] != v) continue;
            if (g->node[i].op.kind != DP_NORM_ACT_FWD || g->node[i].concat || norm) return false;
            norm = true;
        }
    for (int i = 0; i < g->losses; i++)
        for (int j = 0; j < g->loss[i].inputs; j++)
            if (g->loss[i].in[j] == v) return false;
    return norm && !g->tensor[v].keep;
}

static void find_idle_biases(dp_graph *g) {
    for (int i = 0; i < g->nodes && !g->be->bias_with_norm; i++)
        if (g->node[i].op.kind == DP_CONV_FWD) g->node[i].idle_bias = feeds_norm_alone(g, g->node[i].out);
}

static void emit_forward(dp_graph *g) {
    for (int i = 0; i < g->nodes; i++) {
        const dp_node n = g->node[i];
        g->owner = i;
        if (n.concat) {
            emit_concat(g, &n);
            continue;
        }
        if (n.slice) continue;
        dp_value arg[DP_MAX_ARGS];
        int args = 0;
        if (n.op.kind == DP_RANDOM && n.inputs == 1) arg[args++] = -1; /* numbers alone */
        for (int j = 0; j < n.inputs; j++) arg[args++] = n.in[j];
        if (n.idle_bias) arg[2] = -1;
        arg[args++] = n.out;
        if (n.aux >= 0) arg[args++] = n.aux;
        dp_graph_emit(g, &n.op, args, arg);
    }
    g->forward_steps = g->steps;
}

static void expect_steps(dp_graph *g) {
    if (g->be->vt->expect == NULL) return;
    const dp_op **ops = dp_alloc((size_t)g->steps, sizeof *ops);
    if (ops == NULL) return;
    for (int i = 0; i < g->steps; i++) ops[i] = &g->step[i].op;
    g->be->vt->expect(g->be, g->steps, ops);
    dp_free(ops);
}

static dipper_status plan_steps(dp_graph *g) {
    expect_steps(g);
    for (int i = 0; i < g->steps; i++) {
        dp_step *s = &g->step[i];
        size_t bytes = 0;
        DP_TRY(g->be->vt->plan_new(g->be, &s->op, &g->diag, &s->plan, &bytes));
        if (bytes == 0) continue;
        s->workspace = dp_graph_tensor(g, dp_vector(0));
        if (s->workspace < 0) return g->diag.status;
        g->tensor[s->workspace].bytes = bytes;
    }
    return DIPPER_OK;
}

dipper_status dp_graph_compile(dp_graph *g, dp_diag *diag) {
    if (g->diag.status == DIPPER_OK) find_idle_biases(g);
    if (g->diag.status == DIPPER_OK) emit_forward(g);
    if (g->diag.status == DIPPER_OK) (void)dp_graph_emit_backward(g);
    if (g->diag.status == DIPPER_OK) (void)plan_steps(g);
    if (g->diag.status == DIPPER_OK) (void)dp_graph_place(g);
    if (g->diag.status != DIPPER_OK) return dp_fail(diag, g->diag.status, "%s", g->diag.text);
    return DIPPER_OK;
}
