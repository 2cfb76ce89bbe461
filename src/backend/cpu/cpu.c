/* The CPU back end: memory, the border between planar and blocked layout, and which kernel runs an op. */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* madvise */
#include <sys/mman.h>
#endif

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"

#include "base/memory.h"

typedef struct cpu {
    dp_cpu cpu; /* first */
    dp_backend *ref;
} cpu;

static const dp_cpu_isa *best_isa(void) {
#if defined(DP_ISA_X86)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma"))
        return &dp_cpu_isa_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &dp_cpu_isa_avx2;
#endif
    return &dp_cpu_isa_base;
}

static void close_cpu(dp_backend *be) {
    if (be == NULL) return;
    cpu *c = (cpu *)be;
#if defined(DP_WITH_ONEDNN)
    dp_cpu_dnnl_close(&c->cpu);
#endif
    if (c->ref != NULL) c->ref->vt->close(c->ref);
    dp_free(c);
}

/* "cpu (avx2, oneDNN 2.6)": dp_cpu_dnnl_open adds its part, or nothing. */
static dipper_status open_parts(cpu *c, dp_diag *diag) {
    snprintf(c->cpu.detail, sizeof c->cpu.detail, "%s (%s", c->cpu.base.vt->name, c->cpu.isa->name);
#if defined(DP_WITH_ONEDNN)
    if (c->cpu.base.vt == &dp_backend_onednn) DP_TRY(dp_cpu_dnnl_open(&c->cpu, diag));
#endif
    const size_t length = strlen(c->cpu.detail);
    if (c->cpu.detail[length - 1] != ')') snprintf(c->cpu.detail + length, sizeof c->cpu.detail - length, ")");
    c->cpu.base.detail = c->cpu.detail;
    return dp_backend_ref.open("", 1, diag, &c->ref);
}

static dipper_status open_as(const dp_backend_vtable *vt, const char *option, int threads, dp_diag *diag,
                             dp_backend **out) {
    *out = NULL;
    DP_TRY(dp_backend_no_option(vt->name, option, diag));
    cpu *c = dp_alloc(1, sizeof *c);
    if (c == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to open the CPU back end");
    c->cpu.isa = best_isa();
    c->cpu.base = (dp_backend){.vt = vt,
                               .threads = threads,
                               .block = c->cpu.isa->block,
                               .element_size = sizeof(float),
                               .feature_size = sizeof(float),
                               .bias_with_norm = true,
                               .host = &c->cpu.base};
    const dipper_status status = open_parts(c, diag);
    if (status != DIPPER_OK) {
        close_cpu(&c->cpu.base);
        return status;
    }
    *out = &c->cpu.base;
    return DIPPER_OK;
}

static dipper_status open_cpu(const char *option, int threads, dp_diag *diag, dp_backend **out) {
    return open_as(&dp_backend_cpu, option, threads, diag, out);
}

/* Large arrays lie in huge pages where the system has them: the kernels walk many rows and channels at once. */
static void *alloc_cpu(dp_backend *be, size_t bytes) {
    (void)be;
#if defined(MADV_HUGEPAGE)
    const size_t huge = (size_t)2 << 20;
    if (bytes >= 2 * huge && bytes < SIZE_MAX / 2) {
        bytes = dp_align_up(bytes, huge);
        void *p = aligned_alloc(huge, bytes);
        if (p == NULL) return NULL;
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* advice: nothing is lost where it is refused */
        return memset(p, 0, bytes);
    }
#endif
    return dp_alloc(bytes, 1);
}

static void release_cpu(dp_backend *be, void *p) {
    (void)be;
    dp_free(p);
}

/* src planar -> dst blocked; channels beyond c become 0. */
static void upload(dp_backend *be, dp_shape s, void *dst, const float *src) {
    if (!dp_is_feature(s)) {
        memcpy(dst, src, dp_count(s) * sizeof *src);
        return;
    }
    const size_t block = (size_t)be->block, pixels = (size_t)s.h * (size_t)s.w, c = (size_t)s.c;
    const size_t padded = (c + block - 1) / block * block;
    float *out = dst;
    for (size_t i = 0; i < padded; i++) {
        float *lane = out + i / block * block * pixels + i % block;
        for (size_t p = 0; p < pixels; p++) lane[p * block] = i < c ? src[i * pixels + p] : 0;
    }
}

static void download(dp_backend *be, dp_shape s, float *dst, const void *src) {
    if (!dp_is_feature(s)) {
        memcpy(dst, src, dp_count(s) * sizeof *dst);
        return;
    }
    const size_t block = (size_t)be->block, pixels = (size_t)s.h * (size_t)s.w;
    for (size_t i = 0; i < (size_t)s.c; i++) {
        const float *lane = (const float *)src + i / block * block * pixels + i % block;
        for (size_t p = 0; p < pixels; p++) dst[i * pixels + p] = lane[p * block];
    }
}

/* Plans of the two simple kinds: a kernel of the table; a plan of the reference back end. */
typedef struct kernel_plan {
    dp_cpu_plan base;
    const dp_cpu_kernel *kernel;
} kernel_plan;

typedef struct ref_plan {
    dp_cpu_plan base;
    const dp_backend_vtable *vt;
    dp_plan *inner;
} ref_plan;

static void run_kernel(dp_cpu_plan *plan, void *const *args, void *ws) {
    ((kernel_plan *)plan)->kernel->run(&plan->op, plan->threads, args, ws);
}

static void free_kernel(dp_cpu_plan *plan) {
    dp_free(plan);
}

static void run_ref(dp_cpu_plan *plan, void *const *args, void *ws) {
    const ref_plan *p = (const ref_plan *)plan;
    p->vt->plan_run(p->inner, args, ws);
}

static void free_ref(dp_cpu_plan *plan) {
    ref_plan *p = (ref_plan *)plan;
    if (p->inner != NULL) p->vt->plan_free(p->inner);
    dp_free(p);
}

static dipper_status out_of_memory(const dp_op *op, dp_diag *diag) {
    return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for a plan of %s", dp_op_name(op->kind));
}

static dipper_status make_kernel_plan(const dp_cpu *c, const dp_op *op, dp_diag *diag, dp_cpu_plan **out,
                                      size_t *workspace) {
    kernel_plan *p = dp_alloc(1, sizeof *p);
    if (p == NULL) return out_of_memory(op, diag);
    p->base = (dp_cpu_plan){*op, c->base.threads, run_kernel, free_kernel};
    p->kernel = &c->isa->kernel[op->kind];
    *workspace = p->kernel->workspace == NULL ? 0 : p->kernel->workspace(op, c->base.threads);
    *out = &p->base;
    return DIPPER_OK;
}

static dipper_status make_ref_plan(const cpu *c, const dp_op *op, dp_diag *diag, dp_cpu_plan **out, size_t *workspace) {
    ref_plan *p = dp_alloc(1, sizeof *p);
    if (p == NULL) return out_of_memory(op, diag);
    p->base = (dp_cpu_plan){*op, c->cpu.base.threads, run_ref, free_ref};
    p->vt = c->ref->vt;
    const dipper_status status = p->vt->plan_new(c->ref, op, diag, &p->inner, workspace);
    if (status != DIPPER_OK) {
        free_ref(&p->base);
        return status;
    }
    *out = &p->base;
    return DIPPER_OK;
}

static bool has_features(const dp_op *op) {
    return op->x.layout == DP_FEATURE || op->y.layout == DP_FEATURE ||
           (op->kind == DP_MATMUL && op->matmul.b.layout == DP_FEATURE);
}

static bool table_supports(const dp_cpu *c, const dp_op *op) {
    const dp_cpu_kernel *k = &c->isa->kernel[op->kind];
    return k->run != NULL && (k->supports == NULL || k->supports(op));
}

/* The maker that goes before the table, or NULL: FFT for large blurs and Wiener's filter; for convolutions oneDNN where
 * that was asked for (back end "onednn"): the table's own are faster wherever both were measured
 * (docs/architecture.md). */
static const dp_cpu_maker *maker_of(const dp_backend *be, const dp_op *op) {
    (void)be, (void)op;
#if defined(DP_WITH_FFTW)
    if (dp_cpu_maker_fft.supports(be, op)) return &dp_cpu_maker_fft;
    if (dp_cpu_maker_wiener.supports(be, op)) return &dp_cpu_maker_wiener;
#endif
#if defined(DP_WITH_ONEDNN)
    if (be->vt == &dp_backend_onednn && dp_cpu_maker_dnnl.supports(be, op)) return &dp_cpu_maker_dnnl;
#endif
    return NULL;
}

static bool supports(const dp_backend *be, const dp_op *op) {
    const cpu *c = (const cpu *)be;
    if (dp_op_check(op, NULL) != DIPPER_OK) return false;
    return maker_of(be, op) != NULL || table_supports(&c->cpu, op) ||
           (!has_features(op) && c->ref->vt->supports(c->ref, op));
}

static dipper_status plan_new(dp_backend *be, const dp_op *op, dp_diag *diag, dp_plan **out, size_t *workspace) {
    const cpu *c = (const cpu *)be;
    dp_cpu_plan *plan = NULL;
    *out = NULL;
    *workspace = 0;
    DP_TRY(dp_op_check(op, diag));
    const dp_cpu_maker *maker = maker_of(be, op);
    if (maker != NULL)
        DP_TRY(maker->make(be, op, diag, &plan, workspace));
    else if (table_supports(&c->cpu, op))
        DP_TRY(make_kernel_plan(&c->cpu, op, diag, &plan, workspace));
    else if (!has_features(op))
        DP_TRY(make_ref_plan(c, op, diag, &plan, workspace));
    else
        return dp_fail(diag, DIPPER_ERROR_INTERNAL, "%s: the CPU back end has no kernel for this case",
                       dp_op_name(op->kind));
    *out = (dp_plan *)plan;
    return DIPPER_OK;
}

static void plan_run(dp_plan *plan, void *const *args, void *ws) {
    dp_cpu_plan *p = (dp_cpu_plan *)plan;
    p->run(p, args, ws);
}

static void plan_free(dp_plan *plan) {
    if (plan != NULL) ((dp_cpu_plan *)plan)->free((dp_cpu_plan *)plan);
}

/* One table of functions; how it was opened decides about oneDNN. */
#define CPU_TABLE(label, opener)                                                                                       \
    {                                                                                                                  \
        .name = label, .open = opener, .close = close_cpu, .alloc = alloc_cpu, .release = release_cpu,                 \
        .upload = upload, .download = download, .supports = supports, .plan_new = plan_new, .plan_run = plan_run,      \
        .plan_free = plan_free, .clear = dp_host_clear, .copy = dp_host_copy,                                          \
    }

const dp_backend_vtable dp_backend_cpu = CPU_TABLE("cpu", open_cpu);

#if defined(DP_WITH_ONEDNN)
static dipper_status open_onednn(const char *option, int threads, dp_diag *diag, dp_backend **out) {
    return open_as(&dp_backend_onednn, option, threads, diag, out);
}

const dp_backend_vtable dp_backend_onednn = CPU_TABLE("onednn", open_onednn);
#endif
