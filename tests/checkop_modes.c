/* checkop: what is proved and measured. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "checkop.h"

static verdict failed(const char *text) {
    verdict v = {.error = INFINITY};
    snprintf(v.text, sizeof v.text, "%.250s", text);
    return v;
}

static double largest(const double *x, size_t n) {
    double top = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, fabs(x[i]));
    return top;
}

static bool is_output(const arg *a) {
    return !a->null && (a->role == ARG_OUT || a->role == ARG_INOUT);
}

static double *get_named(const run *r, const char *name) {
    return run_get(r, task_find(r->task, name));
}

/* ---- check ---- */

/* dx of normalisation, of softmax and of the sigmoid holds a difference that may cancel (to nothing with one or two
 * pixels): there the error is taken relative to the terms. */
static double scale_of(const run *exact, const char *name) {
    const task *t = exact->task;
    double scale = 1e-30;
    const bool may_cancel = t->op.kind == DP_NORM_ACT_BWD || t->op.kind == DP_SOFTMAX_BWD || t->op.kind == DP_ACT_BWD;
    if (strcmp(name, "dx") != 0 || !may_cancel) return scale;
    const int dy_at = t->arg[task_find(t, name)].in_place >= 0 ? -1 : task_find(t, "dy");
    double *dy = dy_at >= 0 ? run_get(exact, dy_at) : NULL;
    const double top = dy != NULL ? largest(dy, dp_count(t->op.x)) : 1; /* dy is in [-1, 1] */
    free(dy);
    if (t->op.kind == DP_ACT_BWD) return t->op.act.act == DP_SINE ? top * (double)t->op.act.factor : top / 4;
    if (t->op.kind == DP_SOFTMAX_BWD) {
        double *y = get_named(exact, "y");
        scale = top * largest(y, dp_count(t->op.x));
        free(y);
        return scale;
    }
    double *gamma = get_named(exact, "gamma"), *stats = get_named(exact, "stats");
    for (int c = 0; c < t->op.x.c; c++) scale = fmax(scale, fabs(gamma[c] * stats[t->op.x.c + c]) * top);
    free(gamma);
    free(stats);
    return scale;
}

/* A pooling index is each back end's own; its adjoint is what uses it. */
static bool is_private(const arg *a) {
    return strcmp(a->name, "index") == 0;
}

static void compare(const run *got_run, const run *want_run, int i, verdict *v) {
    const arg *a = &got_run->task->arg[i];
    const size_t n = dp_count(a->shape);
    double *got = run_get(got_run, i), *want = run_get(want_run, i);
    const double scale = fmax(largest(want, n), scale_of(want_run, a->name));
    for (size_t k = 0; k < n; k++) {
        const bool same = got[k] == want[k] || (isnan(got[k]) && isnan(want[k]));
        const double error = same ? 0 : fabs(got[k] - want[k]) / scale;
        if (error <= v->error) continue;
        v->error = isnan(error) ? INFINITY : error;
        const size_t plane = (size_t)a->shape.h * (size_t)a->shape.w, w = (size_t)a->shape.w;
        snprintf(v->text, sizeof v->text, "%s(%zu, %zu, %zu) is %.9g, must be %.9g; error %.2g of the scale %.3g",
                 a->name, k / plane, k % plane / w, k % w, got[k], want[k], error, scale);
        if (isinf(v->error)) break;
    }
    free(got);
    free(want);
}

verdict mode_check(dp_backend *be, dp_backend *ref64, const task *t) {
    values v;
    run a = {0}, b = {0};
    dp_diag diag = {0};
    verdict out = {0};
    task plain = *t; /* the reference without views and in-place, so that a fault cannot hide in both */
    plain.lead = 0;
    for (int i = 0; i < plain.args; i++) plain.arg[i].in_place = -1;
    values_make(t, &v);
    if (run_open(&a, be, t, &v, &diag) != DIPPER_OK || run_open(&b, ref64, &plain, &v, &diag) != DIPPER_OK) {
        out = failed(diag.text);
    } else {
        run_go(&a);
        run_go(&b);
        for (int i = 0; i < t->args; i++)
            if (is_output(&t->arg[i]) && !is_private(&t->arg[i])) compare(&a, &b, i, &out);
        out.ok = out.error <= task_bound(t, be);
        if (out.ok && !run_clean(&a, &v, out.text)) out.ok = false;
    }
    run_close(&a);
    run_close(&b);
    values_free(&v);
    return out;
}

/* ---- grad ---- */

bool has_gradient(dp_op_kind kind) {
    switch (kind) {
    case DP_CONV_BWD_DATA:
    case DP_CONV_BWD_WEIGHTS:
    case DP_NORM_ACT_BWD:
    case DP_UPSAMPLE2_BWD:
    case DP_MAXPOOL2_BWD:
    case DP_LINEAR_BWD:
    case DP_ACT_BWD:
    case DP_SOFTMAX_BWD:
    case DP_BLUR_BWD:
    case DP_WIENER_BWD:
    case DP_DOWNSAMPLE_BWD:
        return true;
    default:
        return dp_op_is_loss(kind);
    }
}

/* The scalar that is differentiated: the loss, or <dy, y>. */
static double scalar(run *forward, const double *dy) {
    run_go(forward);
    const int loss = task_find(forward->task, "loss"), y = task_find(forward->task, "y");
    if (loss >= 0) return *(const double *)forward->args[loss];
    const double *value = forward->args[y];
    const size_t n = dp_count(forward->task->arg[y].shape);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += dy[i] * value[i];
    return sum;
}

/* Central difference of fourth order, on ref64. */
static double slope_at(run *forward, const double *dy, double *x) {
    const double h = 0x1p-12, old = *x;
    double value[5];
    for (int s = -2; s <= 2; s++) {
        *x = old + s * h;
        value[s + 2] = s != 0 ? scalar(forward, dy) : 0;
    }
    *x = old;
    return (8 * (value[3] - value[1]) - (value[4] - value[0])) / (12 * h);
}

/* Gradient `a` of the op against differences at up to 40 places. */
static void compare_slopes(const run *backward, int i, run *forward, const double *dy, verdict *v) {
    const arg *a = &backward->task->arg[i];
    const int input = task_find(forward->task, a->name + 1); /* "dx" belongs to "x" */
    const size_t n = dp_count(a->shape), places = n < 40 ? n : 40;
    double *gradient = run_get(backward, i), *x = forward->args[input];
    const double scale = fmax(largest(gradient, n), fmax(1e-6, scale_of(backward, a->name)));
    for (size_t k = 0; k < places; k++) {
        const size_t at = n <= 40 ? k : k * 2654435761u % n;
        const double slope = slope_at(forward, dy, &x[at]), error = fabs(slope - gradient[at]) / scale;
        if (error <= v->error) continue;
        v->error = isnan(error) ? INFINITY : error;
        snprintf(v->text, sizeof v->text, "%s[%zu] is %.12g, the difference quotient %.12g; error %.2g of the scale",
                 a->name, at, gradient[at], slope, error);
    }
    free(gradient);
}

/* Forward and backward on the back end, the differences on ref64. */
verdict mode_grad(dp_backend *be, dp_backend *ref64, const task *t) {
    task forward_task;
    values v, fv;
    run backward = {0}, forward = {0};
    dp_diag diag = {0};
    verdict out = {0};
    if (!problem_task(t->problem, t->forward, &forward_task, out.text)) return failed(out.text);
    for (int i = 0; i < forward_task.args; i++) forward_task.arg[i].in_place = -1;
    values_make(t, &v);
    values_make(&forward_task, &fv);
    if (run_open(&backward, be, t, &v, &diag) != DIPPER_OK ||
        run_open(&forward, ref64, &forward_task, &fv, &diag) != DIPPER_OK) {
        out = failed(diag.text);
    } else {
        const int dy_at = task_find(t, "dy");
        const size_t n = dy_at >= 0 ? dp_count(t->arg[dy_at].shape) : 0;
        double *dy = need(n, sizeof *dy);
        for (size_t i = 0; i < n; i++) dy[i] = v.of[dy_at][i];
        run_go(&backward);
        for (int i = 0; i < t->args; i++)
            if (is_output(&t->arg[i]) && t->arg[i].name[0] == 'd') compare_slopes(&backward, i, &forward, dy, &out);
        out.ok = out.error <= (be->element_size == sizeof(double) ? 1e-6 : fmax(task_bound(t, be), 1e-5));
        free(dy);
    }
    run_close(&backward);
    run_close(&forward);
    values_free(&v);
    values_free(&fv);
    return out;
}

/* ---- adjoint ---- */

typedef struct pair {
    dp_op_kind forward, backward;
    const char *zero;     /* forward input set to 0, so that the op is linear in the inputs below */
    const char *input[2]; /* <A(inputs), dy> = sum of <input, gradient of input> */
} pair;

static const pair pairs[] = {
    {DP_CONV_FWD, DP_CONV_BWD_DATA, "b", {"x", NULL}},         {DP_CONV_FWD, DP_CONV_BWD_WEIGHTS, NULL, {"w", "b"}},
    {DP_UPSAMPLE2_FWD, DP_UPSAMPLE2_BWD, NULL, {"x", NULL}},   {DP_MAXPOOL2_FWD, DP_MAXPOOL2_BWD, NULL, {"x", NULL}},
    {DP_LINEAR_FWD, DP_LINEAR_BWD, "b", {"x", NULL}},          {DP_LINEAR_FWD, DP_LINEAR_BWD, NULL, {"w", "b"}},
    {DP_DOWNSAMPLE_FWD, DP_DOWNSAMPLE_BWD, NULL, {"x", NULL}}, {DP_BLUR_FWD, DP_BLUR_BWD, NULL, {"x", NULL}},
    {DP_BLUR_FWD, DP_BLUR_BWD, NULL, {"psf", NULL}},
};

bool has_adjoint(dp_op_kind kind) {
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i].forward == kind) return true;
    return kind == DP_CHANNEL_COPY || kind == DP_MATMUL;
}

typedef struct product {
    double sum, norm; /* of <u, v>, and |u| |v| */
} product;

static product inner(const double *u, const float *v, size_t n) {
    double sum = 0, uu = 0, vv = 0;
    for (size_t i = 0; i < n; i++) {
        sum += u[i] * v[i];
        uu += u[i] * u[i];
        vv += (double)v[i] * v[i];
    }
    return (product){sum, sqrt(uu * vv)};
}

/* Output `out` of run r with the values of input `in` of task t. */
static product inner_of(const run *r, const char *out, const task *t, const values *v, const char *in) {
    const int i = task_find(r->task, out), k = task_find(t, in);
    double *u = run_get(r, i);
    const product p = inner(u, v->of[k], dp_count(t->arg[k].shape));
    free(u);
    return p;
}

static void judge(const dp_backend *be, product left, product right, const char *what, verdict *out) {
    const double scale = fmax(left.norm, right.norm), error = scale > 0 ? fabs(left.sum - right.sum) / scale : 0;
    const double bound = be->element_size == sizeof(double) ? 1e-13 : fmax(1e-5, 8 * (double)be->rounding);
    if (error > out->error || isnan(error)) {
        out->error = isnan(error) ? INFINITY : error;
        snprintf(out->text, sizeof out->text, "in %s: <Ax, y> is %.12g, <x, A'y> %.12g; error %.2g of |Ax| |y|", what,
                 left.sum, right.sum, error);
    }
    out->ok = out->ok && out->error <= bound;
}

/* Opens and runs both tasks; the caller closes. */
static bool go_both(run *f, const task *ft, const values *fv, run *b, const task *bt, const values *bv, dp_backend *be,
                    verdict *out) {
    dp_diag diag = {0};
    *f = *b = (run){0};
    if (run_open(f, be, ft, fv, &diag) != DIPPER_OK || run_open(b, be, bt, bv, &diag) != DIPPER_OK) {
        *out = failed(diag.text);
        return false;
    }
    run_go(f);
    run_go(b);
    return true;
}

static void adjoint_of_pair(dp_backend *be, const task *t, const pair *p, verdict *out) {
    task back;
    values fv, bv;
    run f, b;
    if (!problem_task(t->problem, p->backward, &back, out->text)) {
        out->ok = false;
        return;
    }
    char gradient[2][16];
    for (int k = 0; k < 2 && p->input[k] != NULL; k++) {
        snprintf(gradient[k], sizeof gradient[k], "d%s", p->input[k]);
        if (back.arg[task_find(&back, gradient[k])].null) return;
    }
    values_make(t, &fv);
    values_make(&back, &bv);
    if (p->zero != NULL) {
        const int zero = task_find(t, p->zero);
        memset(fv.of[zero], 0, sizeof(float) * dp_count(t->arg[zero].shape));
    }
    if (go_both(&f, t, &fv, &b, &back, &bv, be, out)) {
        const product left = inner_of(&f, "y", &back, &bv, "dy");
        product right = inner_of(&b, gradient[0], t, &fv, p->input[0]);
        if (p->input[1] != NULL) {
            const product more = inner_of(&b, gradient[1], t, &fv, p->input[1]);
            right.sum += more.sum;
            right.norm += more.norm;
        }
        judge(be, left, right, p->input[0], out);
    }
    run_close(&f);
    run_close(&b);
    values_free(&fv);
    values_free(&bv);
}

/* copy (in x) and matmul (in a and b): the adjoint is an op of the same kind. */
static void adjoint_of_same(dp_backend *be, const task *t, const task *back, const char *input, const char *gradient,
                            verdict *out) {
    values fv, bv;
    run f, b;
    values_make(t, &fv);
    values_make(back, &bv);
    if (t->op.kind == DP_CHANNEL_COPY) {
        memset(fv.of[1], 0, sizeof(float) * dp_count(t->arg[1].shape));
        memset(bv.of[1], 0, sizeof(float) * dp_count(back->arg[1].shape));
    }
    if (go_both(&f, t, &fv, &b, back, &bv, be, out))
        judge(be, inner_of(&f, "y", back, &bv, "dy"), inner_of(&b, gradient, t, &fv, input), input, out);
    run_close(&f);
    run_close(&b);
    values_free(&fv);
    values_free(&bv);
}

verdict mode_adjoint(dp_backend *be, const task *t) {
    verdict out = {.ok = true};
    task back;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i].forward == t->op.kind) adjoint_of_pair(be, t, &pairs[i], &out);
    if (t->op.kind == DP_CHANNEL_COPY) {
        task_copy_adjoint(t, &back);
        adjoint_of_same(be, t, &back, "x", "dx", &out);
    }
    if (t->op.kind == DP_MATMUL) {
        task_matmul_adjoint(t, false, &back);
        adjoint_of_same(be, t, &back, "a", "da", &out);
        task_matmul_adjoint(t, true, &back);
        adjoint_of_same(be, t, &back, "b", "db", &out);
    }
    return out;
}

/* ---- bitwise ---- */

verdict mode_bitwise(dp_backend *be, const task *t) {
    values v;
    run a = {0}, b = {0};
    dp_diag diag = {0};
    verdict out = {.ok = true};
    values_make(t, &v);
    if (run_open(&a, be, t, &v, &diag) != DIPPER_OK || run_open(&b, be, t, &v, &diag) != DIPPER_OK) {
        out = failed(diag.text);
    } else {
        run_go(&a);
        run_go(&b);
        for (int i = 0; i < t->args; i++) {
            if (!is_output(&t->arg[i])) continue;
            const size_t n = dp_count(t->arg[i].shape);
            double *one = run_get(&a, i), *two = run_get(&b, i);
            if (memcmp(one, two, n * sizeof *one) != 0) {
                out.ok = false;
                snprintf(out.text, sizeof out.text, "%s differs between two runs", t->arg[i].name);
            }
            free(one);
            free(two);
        }
    }
    run_close(&a);
    run_close(&b);
    values_free(&v);
    return out;
}

/* ---- bench ---- */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Until a device has done what was asked. */
static void wait_for(dp_backend *be) {
    if (be->vt->check != NULL) (void)be->vt->check(be, NULL);
}

verdict mode_bench(dp_backend *be, const task *t) {
    enum { most = 200, least = 5 };
    values v;
    run r = {0};
    dp_diag diag = {0};
    values_make(t, &v);
    if (run_open(&r, be, t, &v, &diag) != DIPPER_OK) {
        run_close(&r);
        values_free(&v);
        return failed(diag.text);
    }
    double time[most];
    int n = 0;
    run_go(&r); /* warm */
    wait_for(be);
    const int batch = be->vt->check != NULL ? 20 : 1; /* so that waiting for a device does not count */
    for (const double start = dp_seconds(); n < most && (n < least || dp_seconds() - start < 1); n++) {
        const double before = dp_seconds();
        for (int i = 0; i < batch; i++) run_go(&r);
        wait_for(be);
        time[n] = (dp_seconds() - before) / batch;
    }
    qsort(time, (size_t)n, sizeof *time, ascending);
    printf("%-17s %-62s %9.3f %9.3f %9.1f %8.1f\n", dp_op_name(t->op.kind), t->problem->text, 1e3 * time[0],
           1e3 * time[n / 2], task_flops(t) / time[n / 2] * 1e-9, task_bytes(t) / time[n / 2] * 1e-9);
    fflush(stdout);
    run_close(&r);
    values_free(&v);
    return (verdict){.ok = true};
}
