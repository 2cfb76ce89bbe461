/* Convolutions between feature maps by oneDNN (API 2.x and 3.x).
 *
 * A plan holds the primitive, made once, and memory objects whose handles are set in each run; weights are reordered
 * from OIHW to the layout the primitive asked for in each run (and gradients back). Reflection is an explicit padded
 * copy of x in the workspace, its adjoint a fold of the padded dx. Scratchpads are the caller's workspace. Where the
 * machine has AVX-512, float32 Winograd is asked for first (oneDNN 2.x has it); if it is not implemented the direct
 * algorithm is taken. oneDNN takes its number of threads from OpenMP, so it is set around each call and restored. */
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/memory.h"

/* What differs between the two APIs: descriptors by value or by reference, and how a convolution is described. */
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t desc_ref;
#define DESC_REF(d) (d)

static dnnl_status_t desc_make(dnnl_memory_desc_t *d, int n, const dnnl_dims_t dims, dnnl_format_tag_t tag) {
    return dnnl_memory_desc_create_with_tag(d, n, dims, dnnl_f32, tag);
}
static void desc_free(dnnl_memory_desc_t *d) {
    if (*d != NULL) dnnl_memory_desc_destroy(*d);
}
#else
typedef const dnnl_memory_desc_t *desc_ref;
#define DESC_REF(d) (&(d))

static dnnl_status_t desc_make(dnnl_memory_desc_t *d, int n, const dnnl_dims_t dims, dnnl_format_tag_t tag) {
    return dnnl_memory_desc_init_by_tag(d, n, dims, dnnl_f32, tag);
}
static void desc_free(dnnl_memory_desc_t *d) {
    (void)d;
}
#endif

typedef struct descs { /* of one convolution, as oneDNN sees it (x padded already where that is ours) */
    dnnl_memory_desc_t x, weights, bias, y;
    dnnl_memory_desc_t oihw; /* weights as the caller has them */
    dnnl_dims_t strides, dilates, pads;
} descs;

typedef struct dnnl_plan {
    dp_cpu_plan base; /* first */
    dnnl_stream_t stream;
    dnnl_primitive_t conv, reorder;
    dnnl_memory_t x, weights, bias, y, oihw, scratch;
    int block;
    bool padded;                              /* x goes through a padded copy */
    size_t weights_at, padded_at, scratch_at; /* bytes into the workspace */
} dnnl_plan;

static bool ok(dnnl_status_t s) {
    return s == dnnl_success;
}

/* The padded copy of x (dx): [blocks][rows][columns][block], one pixel around, less what stride 2 does not reach:
 * oneDNN has no fast adjoint for sizes with a rest. */
static dp_shape padded_shape(const dp_op *op) {
    dp_shape s = op->x;
    s.h = (op->y.h - 1) * op->conv.stride + 3;
    s.w = (op->y.w - 1) * op->conv.stride + 3;
    return s;
}

static bool make_descs(const dp_op *op, int block, descs *d) {
    const bool padded = op->conv.k == 3 && op->conv.pad == DP_PAD_REFLECT;
    const dp_shape xs = padded ? padded_shape(op) : op->x;
    const dnnl_format_tag_t tag = block == 16 ? dnnl_nChw16c : dnnl_nChw8c;
    const dnnl_dims_t x = {1, xs.c, xs.h, xs.w}, y = {1, op->y.c, op->y.h, op->y.w}, bias = {op->y.c};
    const dnnl_dims_t weights = {op->y.c, op->x.c, op->conv.k, op->conv.k};
    d->strides[0] = d->strides[1] = op->conv.stride;
    d->pads[0] = d->pads[1] = padded ? 0 : op->conv.k / 2;
    return ok(desc_make(&d->x, 4, x, tag)) && ok(desc_make(&d->y, 4, y, tag)) &&
           ok(desc_make(&d->bias, 1, bias, dnnl_x)) && ok(desc_make(&d->weights, 4, weights, dnnl_format_tag_any)) &&
           ok(desc_make(&d->oihw, 4, weights, dnnl_oihw));
}

static void free_descs(descs *d) {
    desc_free(&d->x);
    desc_free(&d->y);
    desc_free(&d->bias);
    desc_free(&d->weights);
    desc_free(&d->oihw);
}

/* Primitive descriptor of one kind; hint: the forward one, for adjoints. */
#if DNNL_VERSION_MAJOR >= 3
static dnnl_status_t describe(dp_op_kind kind, dnnl_alg_kind_t alg, const descs *d, dnnl_primitive_attr_t attr,
                              dnnl_engine_t engine, dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out) {
    if (kind == DP_CONV_FWD)
        return dnnl_convolution_forward_primitive_desc_create(out, engine, dnnl_forward_training, alg, d->x, d->weights,
                                                              d->bias, d->y, d->strides, d->dilates, d->pads, d->pads,
                                                              attr);
    if (kind == DP_CONV_BWD_DATA)
        return dnnl_convolution_backward_data_primitive_desc_create(
            out, engine, alg, d->x, d->weights, d->y, d->strides, d->dilates, d->pads, d->pads, hint, attr);
    return dnnl_convolution_backward_weights_primitive_desc_create(
        out, engine, alg, d->x, d->weights, d->bias, d->y, d->strides, d->dilates, d->pads, d->pads, hint, attr);
}
#else
static dnnl_status_t describe(dp_op_kind kind, dnnl_alg_kind_t alg, const descs *d, dnnl_primitive_attr_t attr,
                              dnnl_engine_t engine, dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out) {
    dnnl_convolution_desc_t c;
    dnnl_status_t s;
    if (kind == DP_CONV_FWD)
        s = dnnl_convolution_forward_desc_init(&c, dnnl_forward_training, alg, &d->x, &d->weights, &d->bias, &d->y,
                                               d->strides, d->pads, d->pads);
    else if (kind == DP_CONV_BWD_DATA)
        s = dnnl_convolution_backward_data_desc_init(&c, alg, &d->x, &d->weights, &d->y, d->strides, d->pads, d->pads);
    else
        s = dnnl_convolution_backward_weights_desc_init(&c, alg, &d->x, &d->weights, &d->bias, &d->y, d->strides,
                                                        d->pads, d->pads);
    return ok(s) ? dnnl_primitive_desc_create(out, &c, attr, engine, hint) : s;
}
#endif

/* The descriptor with algorithm `alg`, or NULL where oneDNN has none. */
static dnnl_primitive_desc_t describe_with(const dp_cpu *cpu, const dp_op *op, dnnl_alg_kind_t alg, const descs *d) {
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t hint = NULL, pd = NULL;
    if (!ok(dnnl_primitive_attr_create(&attr))) return NULL;
    bool good = ok(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user));
    if (op->kind != DP_CONV_FWD) good = good && ok(describe(DP_CONV_FWD, alg, d, attr, cpu->dnnl_engine, NULL, &hint));
    good = good && ok(describe(op->kind, alg, d, attr, cpu->dnnl_engine, hint, &pd));
    if (hint != NULL) dnnl_primitive_desc_destroy(hint);
    dnnl_primitive_attr_destroy(attr);
    return good ? pd : NULL;
}

/* oneDNN falls back to reference code a thousand times slower: that is not an offer. */
static bool is_reference(dnnl_primitive_desc_t pd) {
    const char *name = NULL;
    return !ok(dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name)) || strncmp(name, "ref", 3) == 0;
}

static dnnl_primitive_desc_t best_desc(const dp_cpu *cpu, const dp_op *op, const descs *d) {
    const bool winograd = cpu->base.block == 16 && op->conv.k == 3 && op->conv.stride == 1;
    dnnl_primitive_desc_t pd = winograd ? describe_with(cpu, op, dnnl_convolution_winograd, d) : NULL;
    if (pd == NULL) pd = describe_with(cpu, op, dnnl_convolution_direct, d);
    if (pd == NULL || !is_reference(pd)) return pd;
    dnnl_primitive_desc_destroy(pd);
    return NULL;
}

static bool make_memory(const dp_cpu *cpu, desc_ref d, dnnl_memory_t *out) {
    return ok(dnnl_memory_create(out, d, cpu->dnnl_engine, DNNL_MEMORY_NONE));
}

/* Everything that follows from the primitive descriptor; *workspace: its bytes. */
static bool make_parts(const dp_cpu *cpu, dnnl_plan *p, const descs *d, dnnl_primitive_desc_t pd, size_t *workspace) {
    const dp_op *op = &p->base.op;
    const bool gradient = op->kind == DP_CONV_BWD_WEIGHTS;
    const desc_ref weights =
        dnnl_primitive_desc_query_md(pd, gradient ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
    const desc_ref scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    const desc_ref from = gradient ? weights : DESC_REF(d->oihw), to = gradient ? DESC_REF(d->oihw) : weights;
    dnnl_primitive_desc_t reorder = NULL;
    bool good = ok(dnnl_primitive_create(&p->conv, pd)) &&
                ok(dnnl_reorder_primitive_desc_create(&reorder, from, cpu->dnnl_engine, to, cpu->dnnl_engine, NULL)) &&
                ok(dnnl_primitive_create(&p->reorder, reorder)) && make_memory(cpu, DESC_REF(d->x), &p->x) &&
                make_memory(cpu, DESC_REF(d->y), &p->y) && make_memory(cpu, DESC_REF(d->bias), &p->bias) &&
                make_memory(cpu, DESC_REF(d->oihw), &p->oihw) && make_memory(cpu, weights, &p->weights) &&
                make_memory(cpu, scratch, &p->scratch);
    if (reorder != NULL) dnnl_primitive_desc_destroy(reorder);
    p->padded_at = dp_align_up(dnnl_memory_desc_get_size(weights), 64);
    p->scratch_at = p->padded_at + (p->padded ? dp_align_up(dp_backend_bytes(&cpu->base, padded_shape(op)), 64) : 0);
    *workspace = p->scratch_at + dp_align_up(dnnl_memory_desc_get_size(scratch), 64);
    return good;
}

static int mirror(int i, int n) { /* reflection without repeating the edge */
    return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

static void pad(const dnnl_plan *p, const float *x, float *to) {
    const int h = p->base.op.x.h, w = p->base.op.x.w, b = p->block, blocks = (p->base.op.x.c + b - 1) / b;
    const dp_shape s = padded_shape(&p->base.op);
    const size_t pixel = (size_t)b * sizeof(float);
#pragma omp parallel for schedule(static) num_threads(p->base.threads)
    for (int i = 0; i < blocks * s.h; i++) {
        const float *row = x + ((ptrdiff_t)(i / s.h) * h + mirror(i % s.h - 1, h)) * w * b;
        float *out = to + (ptrdiff_t)i * s.w * b;
        memcpy(out, row + b, pixel);
        memcpy(out + b, row, (size_t)(s.w - 2 < w ? s.w - 2 : w) * pixel);
        memcpy(out + (ptrdiff_t)(s.w - 1) * b, row + (ptrdiff_t)mirror(s.w - 2, w) * b, pixel);
    }
}

static void add(float *to, const float *from, int n) {
    for (int i = 0; i < n; i++) to[i] += from[i];
}

/* The adjoint of pad for one block: every padded pixel is added to the one it mirrors, row by row. */
static void fold_block(const float *map, dp_shape s, float *dx, int h, int w, int b) {
    memset(dx, 0, (size_t)h * (size_t)w * (size_t)b * sizeof(float));
    for (int y = 0; y < s.h; y++) {
        const float *row = map + (ptrdiff_t)y * s.w * b;
        float *to = dx + (ptrdiff_t)mirror(y - 1, h) * w * b;
        const int inside = s.w - 2 < w ? s.w - 2 : w;
        add(to, row + b, inside * b);
        add(to + b, row, b);
        add(to + (ptrdiff_t)mirror(s.w - 2, w) * b, row + (ptrdiff_t)(s.w - 1) * b, b);
    }
}

static void fold(const dnnl_plan *p, const float *map, float *dx) {
    const int h = p->base.op.x.h, w = p->base.op.x.w, b = p->block, blocks = (p->base.op.x.c + b - 1) / b;
    const dp_shape s = padded_shape(&p->base.op);
#pragma omp parallel for schedule(static) num_threads(p->base.threads)
    for (int i = 0; i < blocks; i++)
        fold_block(map + (ptrdiff_t)i * s.h * s.w * b, s, dx + (ptrdiff_t)i * h * w * b, h, w, b);
}

static void set(dnnl_memory_t m, void *p) {
    (void)dnnl_memory_set_data_handle(m, p);
}

static void reorder(const dnnl_plan *p, dnnl_memory_t from, dnnl_memory_t to) {
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    (void)dnnl_primitive_execute(p->reorder, p->stream, 2, args);
}

static void run_forward(const dnnl_plan *p) {
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p->x},
                                    {DNNL_ARG_WEIGHTS, p->weights},
                                    {DNNL_ARG_BIAS, p->bias},
                                    {DNNL_ARG_DST, p->y},
                                    {DNNL_ARG_SCRATCHPAD, p->scratch}};
    reorder(p, p->oihw, p->weights);
    (void)dnnl_primitive_execute(p->conv, p->stream, 5, args);
}

static void run_backward_data(const dnnl_plan *p) {
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_DIFF_DST, p->y},
                                    {DNNL_ARG_WEIGHTS, p->weights},
                                    {DNNL_ARG_DIFF_SRC, p->x},
                                    {DNNL_ARG_SCRATCHPAD, p->scratch}};
    reorder(p, p->oihw, p->weights);
    (void)dnnl_primitive_execute(p->conv, p->stream, 4, args);
}

static void run_backward_weights(const dnnl_plan *p) {
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p->x},
                                    {DNNL_ARG_DIFF_DST, p->y},
                                    {DNNL_ARG_DIFF_WEIGHTS, p->weights},
                                    {DNNL_ARG_DIFF_BIAS, p->bias},
                                    {DNNL_ARG_SCRATCHPAD, p->scratch}};
    (void)dnnl_primitive_execute(p->conv, p->stream, 5, args);
    reorder(p, p->weights, p->oihw);
}

/* args: x, w, b, y or dy, w, dx or x, dy, dw, db */
static void run(dp_cpu_plan *plan, void *const *args, void *ws) {
    dnnl_plan *p = (dnnl_plan *)plan;
    const dp_op_kind kind = plan->op.kind;
    const int threads = omp_get_max_threads();
    float *map = (float *)((char *)ws + p->padded_at), *x = args[kind == DP_CONV_BWD_DATA ? 2 : 0];
    omp_set_num_threads(plan->threads);
    set(p->x, p->padded ? map : x);
    set(p->weights, ws);
    set(p->scratch, (char *)ws + p->scratch_at);
    set(p->oihw, args[kind == DP_CONV_BWD_WEIGHTS ? 2 : 1]);
    set(p->y, args[kind == DP_CONV_FWD ? 3 : kind == DP_CONV_BWD_DATA ? 0 : 1]);
    if (kind != DP_CONV_BWD_DATA) set(p->bias, args[kind == DP_CONV_FWD ? 2 : 3]);
    if (p->padded && kind != DP_CONV_BWD_DATA) pad(p, x, map);
    if (kind == DP_CONV_FWD)
        run_forward(p);
    else if (kind == DP_CONV_BWD_DATA)
        run_backward_data(p);
    else
        run_backward_weights(p);
    (void)dnnl_stream_wait(p->stream);
    if (p->padded && kind == DP_CONV_BWD_DATA) fold(p, map, x);
    omp_set_num_threads(threads);
}

static void free_plan(dp_cpu_plan *plan) {
    dnnl_plan *p = (dnnl_plan *)plan;
    dnnl_memory_t memory[] = {p->x, p->weights, p->bias, p->y, p->oihw, p->scratch};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        if (memory[i] != NULL) dnnl_memory_destroy(memory[i]);
    if (p->conv != NULL) dnnl_primitive_destroy(p->conv);
    if (p->reorder != NULL) dnnl_primitive_destroy(p->reorder);
    dp_free(p);
}

static bool supports(const dp_backend *be, const dp_op *op) {
    const dp_cpu *cpu = (const dp_cpu *)be;
    if (cpu->dnnl_engine == NULL || op->kind > DP_CONV_BWD_WEIGHTS) return false;
    if (op->x.layout != DP_FEATURE || op->y.layout != DP_FEATURE) return false;
    descs d = {0};
    dnnl_primitive_desc_t pd = make_descs(op, be->block, &d) ? best_desc(cpu, op, &d) : NULL;
    free_descs(&d);
    if (pd == NULL) return false;
    dnnl_primitive_desc_destroy(pd);
    return true;
}

static dipper_status make(dp_backend *be, const dp_op *op, dp_diag *diag, dp_cpu_plan **out, size_t *workspace) {
    const dp_cpu *cpu = (const dp_cpu *)be;
    const int threads = omp_get_max_threads();
    descs d = {0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_plan *p = dp_alloc(1, sizeof *p);
    *out = NULL;
    if (p == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for a plan of %s", dp_op_name(op->kind));
    p->base = (dp_cpu_plan){*op, be->threads, run, free_plan};
    p->stream = cpu->dnnl_stream;
    p->block = be->block;
    p->padded = op->conv.k == 3 && op->conv.pad == DP_PAD_REFLECT;
    omp_set_num_threads(be->threads); /* primitives split their work, and size their scratchpads, when made */
    bool good = make_descs(op, be->block, &d) && (pd = best_desc(cpu, op, &d)) != NULL;
    good = good && make_parts(cpu, p, &d, pd, workspace);
    omp_set_num_threads(threads);
    if (pd != NULL) dnnl_primitive_desc_destroy(pd);
    free_descs(&d);
    if (!good) {
        free_plan(&p->base);
        return dp_fail(diag, DIPPER_ERROR_INTERNAL, "oneDNN makes no primitive for %s, %d to %d channels, %d x %d",
                       dp_op_name(op->kind), op->x.c, op->y.c, op->x.h, op->x.w);
    }
    *out = &p->base;
    return DIPPER_OK;
}

const dp_cpu_maker dp_cpu_maker_dnnl = {supports, make};

/* Adds ", oneDNN 2.6" to the detail. Without an engine the back end goes on without oneDNN. */
dipper_status dp_cpu_dnnl_open(dp_cpu *cpu, dp_diag *diag) {
    (void)diag;
    dnnl_engine_t engine = NULL;
    dnnl_stream_t stream = NULL;
    if (!ok(dnnl_engine_create(&engine, dnnl_cpu, 0))) return DIPPER_OK;
    if (!ok(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags))) {
        dnnl_engine_destroy(engine);
        return DIPPER_OK;
    }
    cpu->dnnl_engine = engine;
    cpu->dnnl_stream = stream;
    const dnnl_version_t *v = dnnl_version();
    const size_t length = strlen(cpu->detail);
    snprintf(cpu->detail + length, sizeof cpu->detail - length, ", oneDNN %d.%d", v->major, v->minor);
    return DIPPER_OK;
}

void dp_cpu_dnnl_close(dp_cpu *cpu) {
    if (cpu->dnnl_stream != NULL) dnnl_stream_destroy(cpu->dnnl_stream);
    if (cpu->dnnl_engine != NULL) dnnl_engine_destroy(cpu->dnnl_engine);
    cpu->dnnl_stream = cpu->dnnl_engine = NULL;
}
