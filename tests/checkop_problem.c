/* checkop: from a string to tasks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkop.h"

/* ---- Strings ---- */

bool problem_parse(const char *string, problem *p, char *text) {
    memset(p, 0, sizeof *p);
    if (strlen(string) >= sizeof p->text) return snprintf(text, 256, "problem is too long"), false;
    strcpy(p->text, string);
    char copy[sizeof p->text];
    strcpy(copy, string);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        if (p->family[0] == '\0' && equals == NULL && strlen(word) < sizeof p->family) {
            strcpy(p->family, word);
            continue;
        }
        if (equals == NULL || p->keys == MAX_KEYS || (size_t)(equals - word) >= sizeof p->key[0] ||
            strlen(equals + 1) >= sizeof p->value[0])
            return snprintf(text, 256, "cannot read '%.60s' in problem '%.120s'", word, string), false;
        memcpy(p->key[p->keys], word, (size_t)(equals - word));
        strcpy(p->value[p->keys++], equals + 1);
    }
    dp_op_kind kinds[MAX_KINDS];
    if (problem_kinds(p, kinds) == 0)
        return snprintf(text, 256, "unknown family '%.20s' in problem '%.120s'", p->family, string), false;
    return true;
}

static const char *get(const problem *p, const char *key, const char *otherwise) {
    for (int i = 0; i < p->keys; i++)
        if (strcmp(p->key[i], key) == 0) return p->value[i];
    return otherwise;
}

static int get_int(const problem *p, const char *key, int otherwise) {
    const char *value = get(p, key, NULL);
    return value != NULL ? atoi(value) : otherwise;
}

static double get_real(const problem *p, const char *key, double otherwise) {
    const char *value = get(p, key, NULL);
    return value != NULL ? atof(value) : otherwise;
}

static bool is(const problem *p, const char *key, const char *value) {
    return strcmp(get(p, key, ""), value) == 0;
}

/* "64x10x12f": channels, rows, columns, feature or planar. */
static dp_shape get_shape(const problem *p, const char *key) {
    dp_shape s = {0};
    char layout = 0;
    if (sscanf(get(p, key, ""), "%dx%dx%d%c", &s.c, &s.h, &s.w, &layout) < 3) return (dp_shape){0};
    s.layout = layout == 'f' ? DP_FEATURE : DP_PLANAR;
    return s;
}

/* c, h, w of the problem in the given layout, which `layout=` can change. */
static dp_shape get_chw(const problem *p, dp_layout layout) {
    if (is(p, "layout", "planar")) layout = DP_PLANAR;
    if (is(p, "layout", "feature")) layout = DP_FEATURE;
    return (dp_shape){get_int(p, "c", 1), get_int(p, "h", 1), get_int(p, "w", 1), layout};
}

/* ---- Families ---- */

typedef struct family {
    const char *name, *keys; /* keys that it knows, between spaces */
    void (*fill)(const problem *p, task *t);
    int kinds;
    dp_op_kind kind[MAX_KINDS];
} family;

static const family *find_family(const problem *p); /* NULL: none */

int problem_kinds(const problem *p, dp_op_kind kinds[MAX_KINDS]) {
    const family *f = find_family(p);
    if (f == NULL) return 0;
    memcpy(kinds, f->kind, sizeof f->kind);
    return f->kinds;
}

/* ---- Args ---- */

static void put(task *t, const char *name, role part, dp_shape shape) {
    const char *null = get(t->problem, "null", "");
    const bool can_be_null = t->op.kind != DP_BLUR_FWD && t->op.kind != DP_LINEAR_FWD;
    t->arg[t->args++] = (arg){name, part, shape, -1, can_be_null && strcmp(null, name) == 0};
}

static void put_optional(task *t, const char *name, role part, dp_shape shape, bool given) {
    t->arg[t->args++] = (arg){name, part, shape, -1, !given};
}

int task_find(const task *t, const char *name) {
    for (int i = 0; i < t->args; i++)
        if (strcmp(t->arg[i].name, name) == 0) return i;
    return -1;
}

static void put_in_place(task *t, const char *output, const char *input) {
    const int out = task_find(t, output), in = task_find(t, input);
    if (out >= 0 && in >= 0) t->arg[out].in_place = in;
}

static void conv_task(const problem *p, task *t) {
    dp_op *op = &t->op;
    op->conv.k = get_int(p, "k", 3);
    op->conv.stride = get_int(p, "s", 1);
    op->conv.pad = is(p, "pad", "zero") ? DP_PAD_ZERO : DP_PAD_REFLECT;
    op->x = get_chw(p, DP_FEATURE);
    op->y = (dp_shape){get_int(p, "o", 1), dp_conv_out(op->x.h, op->conv.stride), dp_conv_out(op->x.w, op->conv.stride),
                       is(p, "out", "planar") ? DP_PLANAR : DP_FEATURE};
    const dp_shape w = {op->y.c, op->x.c, op->conv.k * op->conv.k, DP_WEIGHTS}, b = dp_vector(op->y.c);
    if (op->kind != DP_CONV_BWD_DATA) put(t, "x", ARG_IN, op->x);
    if (op->kind != DP_CONV_FWD) put(t, "dy", ARG_IN, op->y);
    if (op->kind != DP_CONV_BWD_WEIGHTS) put(t, "w", ARG_IN, w);
    if (op->kind == DP_CONV_FWD) put(t, "b", ARG_IN, b), put(t, "y", ARG_OUT, op->y);
    if (op->kind == DP_CONV_BWD_DATA) put(t, "dx", ARG_OUT, op->x);
    if (op->kind == DP_CONV_BWD_WEIGHTS) put(t, "dw", ARG_OUT, w), put(t, "db", ARG_OUT, b);
    t->forward = DP_CONV_FWD;
    t->bound = 1e-4;
}

static void norm_task(const problem *p, task *t) {
    dp_op *op = &t->op;
    const bool backward = op->kind == DP_NORM_ACT_BWD;
    op->x = op->y = get_chw(p, DP_FEATURE);
    op->norm.eps = (float)get_real(p, "eps", 1e-5);
    op->norm.slope = (float)get_real(p, "slope", 0.2);
    const dp_shape each = dp_vector(op->x.c), stats = dp_vector(2 * op->x.c);
    put(t, "x", ARG_IN, op->x);
    if (backward) put(t, "dy", ARG_IN, op->x);
    put(t, "gamma", ARG_IN, each);
    put(t, "beta", ARG_IN, each);
    if (!backward) put(t, "y", ARG_OUT, op->x);
    put(t, "stats", backward ? ARG_OWN : ARG_OUT, stats);
    if (backward) put(t, "dx", ARG_OUT, op->x), put(t, "dgamma", ARG_OUT, each), put(t, "dbeta", ARG_OUT, each);
    if (is(p, "inplace", "dy")) put_in_place(t, "dx", "dy");
    t->forward = DP_NORM_ACT_FWD;
    t->bound = 2e-5;
}

/* upsample and maxpool */
static void resample_task(const problem *p, task *t) {
    dp_op *op = &t->op;
    const bool pool = op->kind == DP_MAXPOOL2_FWD || op->kind == DP_MAXPOOL2_BWD;
    op->x = get_chw(p, DP_FEATURE);
    op->y = pool ? dp_feature(op->x.c, op->x.h / 2, op->x.w / 2)
                 : dp_feature(op->x.c, get_int(p, "oh", 2 * op->x.h), get_int(p, "ow", 2 * op->x.w));
    t->forward = pool ? DP_MAXPOOL2_FWD : DP_UPSAMPLE2_FWD;
    t->bound = pool ? 0 : 1e-6;
    if (op->kind == t->forward) {
        put(t, "x", ARG_IN, op->x);
        put(t, "y", ARG_OUT, op->y);
        if (pool) put(t, "index", ARG_OUT, op->y);
    } else {
        put(t, "dy", ARG_IN, op->y);
        if (pool) put(t, "index", ARG_OWN, op->y);
        put(t, "dx", ARG_OUT, op->x);
    }
}

static void copy_task(const problem *p, task *t) {
    t->op.x = get_chw(p, DP_FEATURE);
    t->op.y = t->op.x;
    t->op.y.c = get_int(p, "o", t->op.x.c);
    t->op.copy.clear = get_int(p, "clear", 0) != 0;
    t->op.copy.from = get_int(p, "from", 0);
    t->op.copy.to = get_int(p, "to", 0);
    t->op.copy.n = get_int(p, "n", t->op.x.c);
    put(t, "x", ARG_IN, t->op.x);
    put(t, "y", ARG_INOUT, t->op.y);
}

static void add_task(const problem *p, task *t) {
    t->op.x = t->op.y = get_chw(p, DP_FEATURE);
    put(t, "a", ARG_IN, t->op.x);
    put(t, "b", ARG_IN, t->op.x);
    put(t, "y", ARG_OUT, t->op.x);
    put_in_place(t, "y", get(p, "inplace", "none"));
    t->bound = 1e-7;
}

static void muladd_task(const problem *p, task *t) {
    t->op.x = t->op.y = get_chw(p, DP_PLANAR);
    put(t, "a", ARG_IN, t->op.x);
    put(t, "b", ARG_IN, t->op.x);
    put(t, "c", ARG_IN, t->op.x);
    put(t, "y", ARG_OUT, t->op.x);
    put_in_place(t, "y", get(p, "inplace", "none"));
    t->bound = 1e-6;
}

static void matmul_task(const problem *p, task *t) {
    t->op.x = get_shape(p, "a");
    t->op.y = get_shape(p, "y");
    t->op.matmul.b = get_shape(p, "b");
    t->op.matmul.trans_a = get_int(p, "ta", 0) != 0;
    t->op.matmul.trans_b = get_int(p, "tb", 0) != 0;
    t->op.matmul.alpha = (float)get_real(p, "alpha", 1);
    put(t, "a", ARG_IN, t->op.x);
    put(t, "b", ARG_IN, t->op.matmul.b);
    put(t, "y", ARG_OUT, t->op.y);
    t->bound = 1e-5;
}

static void linear_task(const problem *p, task *t) {
    dp_op *op = &t->op;
    const bool backward = op->kind == DP_LINEAR_BWD;
    op->x = dp_vector(get_int(p, "n", 1));
    op->y = dp_vector(get_int(p, "m", 1));
    const dp_shape w = dp_planar(1, op->y.w, op->x.w);
    put(t, "x", ARG_IN, op->x);
    put(t, "w", ARG_IN, w);
    put(t, backward ? "dy" : "b", ARG_IN, op->y);
    put(t, backward ? "dx" : "y", ARG_OUT, backward ? op->x : op->y);
    if (backward) put(t, "dw", ARG_OUT, w), put(t, "db", ARG_OUT, op->y);
    t->forward = DP_LINEAR_FWD;
    t->bound = 1e-5;
}

/* act and softmax: x -> y; y, dy -> dx */
static void pointwise_task(const problem *p, task *t) {
    dp_op *op = &t->op;
    const bool softmax = op->kind == DP_SOFTMAX_FWD || op->kind == DP_SOFTMAX_BWD;
    op->x = op->y = softmax ? dp_vector(get_int(p, "n", 1)) : get_chw(p, DP_PLANAR);
    if (!softmax) op->act.act = is(p, "act", "relu6") ? DP_RELU6 : is(p, "act", "sine") ? DP_SINE : DP_SIGMOID;
    if (!softmax) op->act.factor = (float)get_real(p, "factor", 1);
    t->forward = softmax ? DP_SOFTMAX_FWD : DP_ACT_FWD;
    t->bound = 1e-5;
    if (op->kind == t->forward) {
        put(t, "x", ARG_IN, op->x);
        put(t, "y", ARG_OUT, op->y);
        if (is(p, "inplace", "1")) put_in_place(t, "y", "x");
    } else {
        if (!softmax && op->act.act == DP_SINE)
            put(t, "x", ARG_IN, op->x);
        else
            put(t, "y", ARG_OWN, op->y);
        put(t, "dy", ARG_IN, op->y);
        put(t, "dx", ARG_OUT, op->x);
        if (is(p, "inplace", "1")) put_in_place(t, "dx", "dy");
    }
}

static void blur_task(const problem *p, task *t) {
    dp_op *op = &t->op;
    const bool backward = op->kind == DP_BLUR_BWD;
    op->blur.kh = get_int(p, "kh", 1);
    op->blur.kw = get_int(p, "kw", 1);
    op->x = get_chw(p, DP_PLANAR);
    op->y = dp_planar(op->x.c, op->x.h - op->blur.kh + 1, op->x.w - op->blur.kw + 1);
    const dp_shape psf = dp_planar(1, op->blur.kh, op->blur.kw);
    put(t, "x", ARG_IN, op->x);
    put(t, "psf", ARG_IN, psf);
    put(t, backward ? "dy" : "y", backward ? ARG_IN : ARG_OUT, op->y);
    if (backward) put(t, "dx", ARG_OUT, op->x), put(t, "dpsf", ARG_OUT, psf);
    t->forward = DP_BLUR_FWD;
    t->bound = 1e-5;
}

static void wiener_task(const problem *p, task *t) {
    dp_op *op = &t->op;
    const int kh = op->wiener.kh = get_int(p, "kh", 1), kw = op->wiener.kw = get_int(p, "kw", 1);
    const bool backward = op->kind == DP_WIENER_BWD;
    op->wiener.constant = (float)get_real(p, "constant", 0.025);
    op->x = get_chw(p, DP_PLANAR);
    op->y = dp_planar(op->x.c, op->x.h + kh - 1, op->x.w + kw - 1);
    put(t, "x", ARG_IN, op->x);
    put(t, "psf", ARG_IN, dp_planar(1, kh, kw));
    put(t, backward ? "dy" : "y", backward ? ARG_IN : ARG_OUT, op->y);
    if (backward) put(t, "dpsf", ARG_OUT, dp_planar(1, kh, kw));
    t->forward = DP_WIENER;
    t->bound = 1e-5;
}

static void downsample_task(const problem *p, task *t) {
    dp_op *op = &t->op;
    const bool backward = op->kind == DP_DOWNSAMPLE_BWD;
    op->x = get_chw(p, DP_PLANAR);
    op->down.factor = get_int(p, "f", 2);
    op->down.lobes = get_int(p, "lobes", 2);
    if (op->down.factor > 0) op->y = dp_planar(op->x.c, op->x.h / op->down.factor, op->x.w / op->down.factor);
    put(t, backward ? "dy" : "x", ARG_IN, backward ? op->y : op->x);
    put(t, backward ? "dx" : "y", ARG_OUT, backward ? op->x : op->y);
    t->forward = DP_DOWNSAMPLE_FWD;
    t->bound = 1e-5;
}

static void loss_task(const problem *p, task *t) {
    const bool mse = t->op.kind == DP_MSE;
    t->op.x = get_chw(p, DP_PLANAR);
    t->op.y = dp_vector(1);
    t->weight = (float)get_real(p, "weight", 1);
    if (mse) t->op.loss.value = (float)get_real(p, "value", 0);
    if (t->op.kind == DP_TV) t->op.loss.eps = (float)get_real(p, "eps", 1e-3);
    put(t, "x", ARG_IN, t->op.x);
    for (int i = 0; t->op.kind == DP_DERIVATIVES && i < 3; i++) {
        const char *const keys[] = {"c0", "c1", "c2"};
        t->op.loss.order[i] = (float)get_real(p, keys[i], 0.5);
    }
    const bool alone = t->op.kind == DP_TV || t->op.kind == DP_MEAN_LOG;
    if (!alone) put_optional(t, "target", ARG_IN, t->op.x, get(p, "value", NULL) == NULL);
    if (mse) put_optional(t, "mask", ARG_IN, dp_planar(1, t->op.x.h, t->op.x.w), get_int(p, "mask", 0) != 0);
    put(t, "weight", ARG_HOST, dp_vector(1));
    put(t, "loss", ARG_OUT, dp_vector(1));
    put(t, "dx", ARG_OUT, t->op.x);
    if (mse) put_optional(t, "dtarget", ARG_OUT, t->op.x, get_int(p, "both", 0) != 0);
    t->bound = t->op.kind == DP_SSIM ? 1e-4 : 1e-5; /* SSIM: var = E x^2 - (E x)^2 cancels */
}

/* The losses of VDIP on a mean and a deviation. */
static void prior_task(const problem *p, task *t) {
    const dp_shape s = t->op.x = t->op.y = get_chw(p, DP_PLANAR);
    t->weight = (float)get_real(p, "weight", 1);
    t->op.loss.window = get_int(p, "window", 35);
    put(t, "mean", ARG_IN, s);
    put(t, "std", ARG_IN, s);
    if (t->op.kind == DP_EXTREME_PRIOR) put(t, "noise", ARG_IN, s);
    put(t, "weight", ARG_HOST, dp_vector(1));
    put(t, "loss", ARG_OUT, dp_vector(1));
    put(t, "dmean", ARG_OUT, s);
    put(t, "dstd", ARG_OUT, s);
    t->bound = t->op.kind == DP_EXTREME_PRIOR ? 1e-4 : 1e-5; /* the sample's square cancels, and is divided by */
}

static void adam_task(const problem *p, task *t) {
    t->op.x = t->op.y = dp_vector(get_int(p, "n", 1));
    t->step = (dp_adam_step){get_real(p, "lr", 0.01), 0.9, 0.999, 1e-8, get_int(p, "t", 1)};
    put(t, "p", ARG_INOUT, t->op.x);
    put(t, "g", ARG_IN, t->op.x);
    put(t, "m", ARG_INOUT, t->op.x);
    put(t, "v", ARG_INOUT, t->op.x);
    put(t, "step", ARG_HOST, dp_vector(1));
    t->bound = 1e-5;
}

static void finite_task(const problem *p, task *t) {
    t->op.x = dp_vector(get_int(p, "n", 1));
    t->op.y = dp_vector(1);
    t->unbounded = get_int(p, "bad", -1);
    put(t, "x", ARG_IN, t->op.x);
    put(t, "y", ARG_OUT, t->op.y);
}

static void random_task(const problem *p, task *t) {
    t->op.x = t->op.y = get_chw(p, DP_FEATURE);
    t->op.random.key = dp_philox_key_make(7, DP_STREAM_TEST);
    t->op.random.law = is(p, "law", "uniform") ? DP_UNIFORM : DP_NORMAL;
    t->op.random.scale = (float)get_real(p, "scale", 1);
    t->draw = (uint64_t)get_int(p, "draw", 0);
    put(t, "x", ARG_IN, t->op.x);
    put(t, "draw", ARG_HOST, dp_vector(1));
    put(t, "y", ARG_OUT, t->op.x);
    t->bound = 1e-6;
}

static const family families[] = {
    {"conv", " c o k s h w pad out view ", conv_task, 3, {DP_CONV_FWD, DP_CONV_BWD_DATA, DP_CONV_BWD_WEIGHTS}},
    {"norm", " c h w slope eps inplace view ", norm_task, 2, {DP_NORM_ACT_FWD, DP_NORM_ACT_BWD}},
    {"upsample", " c h w oh ow view ", resample_task, 2, {DP_UPSAMPLE2_FWD, DP_UPSAMPLE2_BWD}},
    {"copy", " c o h w layout from to n clear view ", copy_task, 1, {DP_CHANNEL_COPY}},
    {"add", " c h w layout inplace view ", add_task, 1, {DP_ADD}},
    {"muladd", " c h w layout inplace null view ", muladd_task, 1, {DP_MULADD}},
    {"matmul", " a b y ta tb alpha view ", matmul_task, 1, {DP_MATMUL}},
    {"maxpool", " c h w view ", resample_task, 2, {DP_MAXPOOL2_FWD, DP_MAXPOOL2_BWD}},
    {"linear", " n m null ", linear_task, 2, {DP_LINEAR_FWD, DP_LINEAR_BWD}},
    {"act", " act factor c h w layout inplace view ", pointwise_task, 2, {DP_ACT_FWD, DP_ACT_BWD}},
    {"softmax", " n ", pointwise_task, 2, {DP_SOFTMAX_FWD, DP_SOFTMAX_BWD}},
    {"blur", " c h w kh kw null ", blur_task, 2, {DP_BLUR_FWD, DP_BLUR_BWD}},
    {"wiener", " c h w kh kw constant ", wiener_task, 2, {DP_WIENER, DP_WIENER_BWD}},
    {"downsample", " c h w f lobes ", downsample_task, 2, {DP_DOWNSAMPLE_FWD, DP_DOWNSAMPLE_BWD}},
    {"mse", " c h w weight value mask both ", loss_task, 1, {DP_MSE}},
    {"ssim", " c h w weight ", loss_task, 1, {DP_SSIM}},
    {"tv", " c h w weight eps ", loss_task, 1, {DP_TV}},
    {"derivatives", " c h w weight c0 c1 c2 ", loss_task, 1, {DP_DERIVATIVES}},
    {"log", " c h w weight ", loss_task, 1, {DP_MEAN_LOG}},
    {"sparse", " c h w weight ", prior_task, 1, {DP_SPARSE_PRIOR}},
    {"extreme", " c h w weight window ", prior_task, 1, {DP_EXTREME_PRIOR}},
    {"adam", " n t lr ", adam_task, 1, {DP_ADAM}},
    {"finite", " n bad ", finite_task, 1, {DP_FINITE}},
    {"random", " c h w layout law scale draw null view ", random_task, 1, {DP_RANDOM}},
};

static const family *find_family(const problem *p) {
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].name, p->family) == 0) return &families[i];
    return NULL;
}

bool problem_task(const problem *p, dp_op_kind kind, task *t, char *text) {
    memset(t, 0, sizeof *t);
    t->unbounded = -1;
    t->problem = p;
    t->op.kind = t->forward = kind;
    t->lead = get_int(p, "view", 0);
    for (int i = 0; i < p->keys; i++) {
        char key[16];
        snprintf(key, sizeof key, " %s ", p->key[i]);
        if (strstr(find_family(p)->keys, key) == NULL)
            return snprintf(text, 256, "'%s' is no key of %s, which has:%s", p->key[i], p->family,
                            find_family(p)->keys),
                   false;
    }
    find_family(p)->fill(p, t);
    dp_diag diag = {0};
    if (dp_op_check(&t->op, &diag) != DIPPER_OK) return snprintf(text, 256, "%.250s", diag.text), false;
    return true;
}

/* ---- Derived ---- */

double task_bound(const task *t, const dp_backend *be) {
    bool features = dp_is_feature(t->op.x);
    for (int i = 0; i < t->args; i++) features = features || dp_is_feature(t->arg[i].shape);
    const bool rounds = features && (t->forward == DP_CONV_FWD || be->feature_size < be->element_size);
    return fmax(t->bound, rounds ? 8 * (double)be->rounding : 0);
}

double task_flops(const task *t) {
    const dp_op *op = &t->op;
    const double x = (double)dp_count(op->x), y = (double)dp_count(op->y);
    switch (t->forward) {
    case DP_CONV_FWD:
        return 2 * y * op->x.c * op->conv.k * op->conv.k;
    case DP_MATMUL:
        return 2 * y * (op->matmul.trans_a ? op->x.c : op->x.h * op->x.w);
    case DP_LINEAR_FWD:
        return 2 * x * y * (op->kind == DP_LINEAR_BWD ? 2 : 1);
    case DP_BLUR_FWD:
        return 2 * y * op->blur.kh * op->blur.kw * (op->kind == DP_BLUR_BWD ? 2 : 1);
    case DP_DOWNSAMPLE_FWD: /* rows first, then along them */
        return (x + y * op->down.factor) * 4 * op->down.lobes;
    case DP_SSIM:
        return x * 8 * 2 * 22;
    case DP_EXTREME_PRIOR: /* as the reference does it */
        return 2 * x * op->loss.window * op->loss.window;
    default:
        return 8 * x;
    }
}

double task_bytes(const task *t) {
    double bytes = 0;
    for (int i = 0; i < t->args; i++)
        if (t->arg[i].role != ARG_HOST && !t->arg[i].null)
            bytes += 4.0 * (double)dp_count(t->arg[i].shape) * (t->arg[i].role == ARG_INOUT ? 2 : 1);
    return bytes;
}

void task_copy_adjoint(const task *t, task *out) {
    *out = *t;
    out->args = 0;
    out->op.x = t->op.y;
    out->op.y = t->op.x;
    out->op.copy.from = t->op.copy.to;
    out->op.copy.to = t->op.copy.from;
    put(out, "dy", ARG_IN, out->op.x);
    put(out, "dx", ARG_INOUT, out->op.y);
}

/* y = alpha op(a) op(b): d op(a) = alpha dy op(b)', d op(b) = alpha op(a)' dy; transposed where the factor is. */
void task_matmul_adjoint(const task *t, bool of_b, task *out) {
    const dp_shape a = t->op.x, b = t->op.matmul.b, dy = t->op.y;
    const bool ta = t->op.matmul.trans_a, tb = t->op.matmul.trans_b;
    const bool transposed = of_b ? tb : ta, dy_first = of_b == transposed;
    *out = *t;
    out->args = 0;
    out->op.y = of_b ? b : a;
    const dp_shape other = of_b ? a : b;
    out->op.x = dy_first ? dy : other;
    out->op.matmul.b = dy_first ? other : dy;
    const bool other_trans = of_b ? (tb ? ta : !ta) : (ta ? tb : !tb);
    out->op.matmul.trans_a = dy_first ? transposed : other_trans;
    out->op.matmul.trans_b = dy_first ? other_trans : transposed;
    put(out, dy_first ? "dy" : of_b ? "a" : "b", ARG_IN, out->op.x);
    put(out, dy_first ? of_b ? "a" : "b" : "dy", ARG_IN, out->op.matmul.b);
    put(out, of_b ? "db" : "da", ARG_OUT, out->op.y);
}
