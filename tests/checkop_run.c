/* checkop: values of the args, and a task on a back end with sentinels around everything. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkop.h"

void *need(size_t count, size_t size) {
    void *p = calloc(count ? count : 1, size);
    if (p == NULL) {
        fprintf(stderr, "checkop: out of memory\n");
        exit(5);
    }
    return p;
}

/* ---- Values ---- */

/* Uniform in [low, high], a stream of its own for every name. */
static void fill(const char *name, float low, float high, size_t n, float *out) {
    uint64_t seed = 0;
    for (const char *c = name; *c != '\0'; c++) seed = seed * 31 + (unsigned char)*c;
    const dp_philox_key key = dp_philox_key_make(seed, DP_STREAM_TEST);
    float u[4] = {0};
    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0) dp_philox_uniform4(key, 0, i / 4, u);
        out[i] = low + (high - low) * u[i % 4];
    }
}

static void range_of(const task *t, const char *name, float *low, float *high) {
    *low = -1;
    *high = 1;
    if (strcmp(name, "w") == 0) {
        const float fan_in =
            t->forward == DP_LINEAR_FWD ? (float)t->op.x.w : (float)(t->op.x.c * t->op.conv.k * t->op.conv.k);
        *low = -1 / sqrtf(fan_in);
        *high = 1 / sqrtf(fan_in);
    }
    if (strcmp(name, "psf") == 0 || (dp_op_is_loss(t->op.kind) && strcmp(name, "noise") != 0)) *low = 0;
    if (t->op.kind == DP_MEAN_LOG) *low = 0.1f;
    if (t->forward == DP_ACT_FWD && t->op.act.act != DP_SINE && name[0] == 'x') *low = -4, *high = 10;
    if (t->op.kind == DP_ADAM && name[0] != 'p') *low = -1e-2f, *high = 1e-2f;
    if (t->op.kind == DP_ADAM && name[0] == 'v') *low = 1e-8f, *high = 1e-4f;
}

/* dy = 0 where LeakyReLU has its kink, so that rounding cannot decide the side. */
static void spare_kinks(const task *t, values *v) {
    const size_t n = (size_t)t->op.x.h * (size_t)t->op.x.w;
    const float *x = v->of[task_find(t, "x")];
    float *dy = v->of[task_find(t, "dy")];
    for (int c = 0; c < t->op.x.c; c++, x += n, dy += n) {
        double mean = 0, var = 0;
        for (size_t i = 0; i < n; i++) mean += x[i] / (double)n;
        for (size_t i = 0; i < n; i++) var += (x[i] - mean) * (x[i] - mean) / (double)n;
        const double gamma = v->of[task_find(t, "gamma")][c], beta = v->of[task_find(t, "beta")][c];
        for (size_t i = 0; i < n; i++)
            if (fabs(gamma * (x[i] - mean) / sqrt(var + t->op.norm.eps) + beta) < 5e-3) dy[i] = 0;
    }
}

static void adjust(const task *t, const char *name, size_t n, values *v, float *out) {
    if (strcmp(name, "psf") == 0) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += out[i];
        for (size_t i = 0; i < n; i++) out[i] = (float)(out[i] / sum);
    }
    if (strcmp(name, "target") == 0) /* like x, with noise */
        for (size_t i = 0; i < n; i++) out[i] = 0.8f * v->of[0][i] + 0.2f * out[i];
    if (t->forward == DP_NORM_ACT_FWD && strcmp(name, "x") == 0) /* channels with means of their own */
        for (size_t i = 0; i < n; i++) out[i] = 2 * out[i] + (float)(i / ((size_t)t->op.x.h * t->op.x.w) % 5);
    if (t->op.kind == DP_FINITE && t->unbounded >= 0) out[t->unbounded] = INFINITY;
    if (t->op.kind == DP_ADAM && t->step.t == 1 && (name[0] == 'm' || name[0] == 'v')) memset(out, 0, n * sizeof *out);
}

/* So that a back end that keeps features so has the same inputs as the others: rounding could move them over a kink. */
static void round_to_bfloat16(size_t n, float *x) {
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0xffff0000u;
        memcpy(&x[i], &bits, sizeof bits);
    }
}

void values_make(const task *t, values *v) {
    *v = (values){0};
    for (int i = 0; i < t->args; i++) {
        const arg *a = &t->arg[i];
        if (a->role != ARG_IN && a->role != ARG_INOUT) continue;
        const size_t n = dp_count(a->shape);
        float low, high;
        range_of(t, a->name, &low, &high);
        v->of[i] = need(n, sizeof(float));
        fill(a->name, low, high, n, v->of[i]);
        adjust(t, a->name, n, v, v->of[i]);
        if (dp_is_feature(a->shape)) round_to_bfloat16(n, v->of[i]);
    }
    if (t->op.kind == DP_NORM_ACT_BWD) spare_kinks(t, v);
}

void values_free(values *v) {
    for (int i = 0; i < MAX_ARGS; i++) free(v->of[i]);
    *v = (values){0};
}

/* ---- Memory with sentinels ---- */

static const float sentinel = 777;

static dp_shape padded(const dp_backend *be, dp_shape s) {
    if (s.layout == DP_FEATURE) s.c = (s.c + be->block - 1) / be->block * be->block;
    return s;
}

static void *at(const run *r, int i, size_t element) {
    return (char *)r->memory[i] + element * r->be->element_size;
}

static void upload_constant(dp_backend *be, size_t n, void *to, float value) {
    float *host = need(n, sizeof *host);
    for (size_t k = 0; k < n; k++) host[k] = value;
    be->vt->upload(be, dp_vector((int)n), to, host);
    free(host);
}

/* Uploads the channels that exist, and zeros into those that only fill a block. NULL: NaN, to be overwritten. */
static void upload_padded(dp_backend *be, dp_shape s, bool gradient, void *to, const float *from) {
    dp_shape whole = padded(be, s);
    const size_t n = dp_count(s);
    if (gradient && s.layout == DP_FEATURE) whole.layout = DP_GRADIENT;
    float *host = need(dp_count(whole), sizeof *host);
    for (size_t k = 0; k < n; k++) host[k] = from != NULL ? from[k] : NAN;
    be->vt->upload(be, whole, to, host);
    free(host);
}

/* Memory of arg i: a guard of 64 bytes, `lead` blocks of neighbours, the tensor, neighbours, a guard. */
static dipper_status open_arg(run *r, int i, const values *v, dp_diag *diag) {
    const arg *a = &r->task->arg[i];
    dp_backend *be = r->be;
    if (a->null || a->in_place >= 0) return DIPPER_OK;
    const size_t size = be->element_size, guard = 64 / size;
    size_t lead = 0;
    if (a->shape.layout == DP_FEATURE && r->task->lead > 0 && !be->interleaved)
        lead = dp_backend_bytes(be, dp_feature(r->task->lead * be->block, a->shape.h, a->shape.w)) / size;
    const size_t bytes = dp_backend_bytes(be, a->shape);
    r->before[i] = guard + lead;
    r->elements[i] = 2 * r->before[i] + (bytes + size - 1) / size;
    r->memory[i] = be->vt->alloc(be, r->elements[i] * size);
    if (r->memory[i] == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory");
    upload_constant(be, r->elements[i], r->memory[i], sentinel);
    r->args[i] = at(r, i, r->before[i]);
    upload_padded(be, a->shape, a->name[0] == 'd', r->args[i], v->of[i]);
    return DIPPER_OK;
}

static bool wants_forward(const task *t) {
    for (int i = 0; i < t->args; i++)
        if (t->arg[i].role == ARG_OWN) return true;
    return false;
}

static dipper_status make_own(run *r, dp_diag *diag) {
    task forward;
    values v;
    run f;
    if (!problem_task(r->task->problem, r->task->forward, &forward, diag->text)) return DIPPER_ERROR_INTERNAL;
    values_make(&forward, &v);
    dipper_status status = run_open(&f, r->be, &forward, &v, diag);
    if (status == DIPPER_OK) {
        run_go(&f);
        for (int i = 0; i < r->task->args; i++) {
            const arg *a = &r->task->arg[i];
            if (a->role != ARG_OWN) continue;
            r->be->vt->copy(r->be, r->args[i], f.args[task_find(&forward, a->name)], dp_backend_bytes(r->be, a->shape));
        }
    }
    run_close(&f);
    values_free(&v);
    return status;
}

static void bind_args(run *r) {
    const task *t = r->task;
    for (int i = 0; i < t->args; i++) {
        if (t->arg[i].in_place >= 0) r->args[i] = r->args[t->arg[i].in_place];
        if (strcmp(t->arg[i].name, "step") == 0) r->args[i] = (void *)&t->step;
        if (strcmp(t->arg[i].name, "draw") == 0) r->args[i] = (void *)&t->draw;
        if (strcmp(t->arg[i].name, "weight") == 0) r->args[i] = (void *)&t->weight;
    }
}

dipper_status run_open(run *r, dp_backend *be, const task *t, const values *v, dp_diag *diag) {
    *r = (run){.be = be, .task = t};
    for (int i = 0; i < t->args; i++)
        if (t->arg[i].role != ARG_HOST) DP_TRY(open_arg(r, i, v, diag));
    bind_args(r);
    if (wants_forward(t)) DP_TRY(make_own(r, diag));
    if (!be->vt->supports(be, &t->op)) return dp_fail(diag, DIPPER_ERROR_INTERNAL, "not supported");
    size_t workspace = 0;
    DP_TRY(be->vt->plan_new(be, &t->op, diag, &r->plan, &workspace));
    r->ws = be->vt->alloc(be, workspace);
    return r->ws != NULL ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory");
}

void run_go(run *r) {
    r->be->vt->plan_run(r->plan, r->args, r->ws);
}

void run_close(run *r) {
    if (r->plan != NULL) r->be->vt->plan_free(r->plan);
    if (r->ws != NULL) r->be->vt->release(r->be, r->ws);
    for (int i = 0; i < MAX_ARGS; i++)
        if (r->memory[i] != NULL) r->be->vt->release(r->be, r->memory[i]);
    *r = (run){0};
}

static double *download(dp_backend *be, dp_shape s, const void *from) {
    const size_t n = dp_count(s);
    double *out = need(n, sizeof *out);
    if (be->element_size == sizeof(double)) /* ref64: planar doubles on the host */
        return memcpy(out, from, n * sizeof *out);
    float *host = need(n, sizeof *host);
    be->vt->download(be, s, host, from);
    for (size_t i = 0; i < n; i++) out[i] = host[i];
    free(host);
    return out;
}

double *run_get(const run *r, int i) {
    return download(r->be, r->task->arg[i].shape, r->args[i]);
}

/* ---- Was anything else touched? ---- */

static bool guards_hold(const run *r, int i) {
    double *before = download(r->be, dp_vector((int)r->before[i]), r->memory[i]);
    double *after = download(r->be, dp_vector((int)r->before[i]), at(r, i, r->elements[i] - r->before[i]));
    bool ok = true;
    for (size_t k = 0; k < r->before[i]; k++) ok = ok && before[k] == sentinel && after[k] == sentinel;
    free(before);
    free(after);
    return ok;
}

static bool padding_is_zero(const run *r, int i) {
    const dp_shape s = r->task->arg[i].shape, whole = padded(r->be, s);
    double *all = download(r->be, whole, r->args[i]);
    const size_t from = dp_count(s), to = dp_count(whole);
    bool ok = true;
    for (size_t k = from; k < to; k++) ok = ok && all[k] == 0;
    free(all);
    return ok;
}

static bool input_is_unchanged(const run *r, int i, const values *v) {
    for (int k = 0; k < r->task->args; k++)
        if (r->task->arg[k].in_place == i) return true;
    const size_t n = dp_count(r->task->arg[i].shape);
    double *now = run_get(r, i);
    bool ok = true;
    const double rounded = dp_is_feature(r->task->arg[i].shape) && r->be->feature_size == 2 ? 0x1p-8 : 0;
    for (size_t k = 0; k < n; k++)
        ok = ok && (now[k] == v->of[i][k] || fabs(now[k] - v->of[i][k]) <= rounded * fabs(v->of[i][k]));
    free(now);
    return ok;
}

bool run_clean(const run *r, const values *v, char *text) {
    for (int i = 0; i < r->task->args; i++) {
        const arg *a = &r->task->arg[i];
        if (r->memory[i] == NULL) continue;
        if (!guards_hold(r, i)) return snprintf(text, 256, "wrote outside of %s", a->name), false;
        if (!padding_is_zero(r, i)) return snprintf(text, 256, "padding channels of %s are not zero", a->name), false;
        if (a->role == ARG_IN && !input_is_unchanged(r, i, v))
            return snprintf(text, 256, "changed its input %s", a->name), false;
    }
    return true;
}
