/* The reference back ends "ref" (float) and "ref64" (double): tables of plain C kernels, one thread. */
#include <string.h>

#include "backend/backend.h"
#include "backend/ref/kernels.h"
#include "base/memory.h"

struct dp_plan {
    dp_op op;
    const dp_ref_kernel *kernel;
};

static dipper_status open_as(const dp_backend_vtable *vt, size_t element_size, const char *detail, const char *option,
                             int threads, dp_diag *diag, dp_backend **out) {
    *out = NULL;
    DP_TRY(dp_backend_no_option(vt->name, option, diag));
    dp_backend *be = *out = dp_alloc(1, sizeof *be);
    if (be == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the reference back end");
    *be = (dp_backend){.vt = vt,
                       .threads = threads,
                       .block = 1,
                       .element_size = element_size,
                       .feature_size = element_size,
                       .bias_with_norm = true,
                       .host = be,
                       .detail = detail};
    return DIPPER_OK;
}

static dipper_status open32(const char *option, int threads, dp_diag *diag, dp_backend **out) {
    return open_as(&dp_backend_ref, sizeof(float), "ref (plain C, float)", option, threads, diag, out);
}

static dipper_status open64(const char *option, int threads, dp_diag *diag, dp_backend **out) {
    return open_as(&dp_backend_ref64, sizeof(double), "ref64 (plain C, double)", option, threads, diag, out);
}

static void close_ref(dp_backend *be) {
    dp_free(be);
}

static void *alloc_ref(dp_backend *be, size_t bytes) {
    (void)be;
    return dp_alloc(bytes, 1);
}

static void release_ref(dp_backend *be, void *p) {
    (void)be;
    dp_free(p);
}

/* The same for every back end in host memory. */
void dp_host_clear(dp_backend *be, void *p, size_t bytes) {
    (void)be;
    memset(p, 0, bytes); /* a zero of float and double */
}

void dp_host_copy(dp_backend *be, void *to, const void *from, size_t bytes) {
    (void)be;
    memcpy(to, from, bytes);
}

static void upload32(dp_backend *be, dp_shape shape, void *dst, const float *src) {
    dp_ref_table32.upload(be, shape, dst, src);
}

static void upload64(dp_backend *be, dp_shape shape, void *dst, const float *src) {
    dp_ref_table64.upload(be, shape, dst, src);
}

static void download32(dp_backend *be, dp_shape shape, float *dst, const void *src) {
    dp_ref_table32.download(be, shape, dst, src);
}

static void download64(dp_backend *be, dp_shape shape, float *dst, const void *src) {
    dp_ref_table64.download(be, shape, dst, src);
}

static bool supports_ref(const dp_backend *be, const dp_op *op) {
    (void)be;
    return dp_op_check(op, NULL) == DIPPER_OK;
}

static dipper_status plan_with(const dp_ref_table *table, size_t element_size, const dp_op *op, dp_diag *diag,
                               dp_plan **out, size_t *workspace) {
    *out = NULL;
    *workspace = 0;
    DP_TRY(dp_op_check(op, diag));
    dp_plan *plan = dp_alloc(1, sizeof *plan);
    if (plan == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a plan");
    plan->op = *op;
    plan->kernel = &table->kernel[op->kind];
    if (plan->kernel->workspace != NULL) *workspace = plan->kernel->workspace(op) * element_size;
    *out = plan;
    return DIPPER_OK;
}

/* Neither looks at `be`: the cpu back end borrows this row for ops that it lacks. */
static dipper_status plan_new32(dp_backend *be, const dp_op *op, dp_diag *diag, dp_plan **out, size_t *workspace) {
    (void)be;
    return plan_with(&dp_ref_table32, sizeof(float), op, diag, out, workspace);
}

static dipper_status plan_new64(dp_backend *be, const dp_op *op, dp_diag *diag, dp_plan **out, size_t *workspace) {
    (void)be;
    return plan_with(&dp_ref_table64, sizeof(double), op, diag, out, workspace);
}

static void plan_run(dp_plan *plan, void *const *args, void *ws) {
    plan->kernel->run(&plan->op, args, ws);
}

static void plan_free(dp_plan *plan) {
    dp_free(plan);
}

const dp_backend_vtable dp_backend_ref = {
    .name = "ref",
    .open = open32,
    .close = close_ref,
    .alloc = alloc_ref,
    .release = release_ref,
    .upload = upload32,
    .download = download32,
    .supports = supports_ref,
    .plan_new = plan_new32,
    .plan_run = plan_run,
    .plan_free = plan_free,
    .clear = dp_host_clear,
    .copy = dp_host_copy,
};

const dp_backend_vtable dp_backend_ref64 = {
    .name = "ref64",
    .open = open64,
    .close = close_ref,
    .alloc = alloc_ref,
    .release = release_ref,
    .upload = upload64,
    .download = download64,
    .supports = supports_ref,
    .plan_new = plan_new64,
    .plan_run = plan_run,
    .plan_free = plan_free,
    .clear = dp_host_clear,
    .copy = dp_host_copy,
};
