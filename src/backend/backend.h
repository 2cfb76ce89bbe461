/* A back end is a table of functions; an op is planned once and run thousands of times.
 *
 * Memory of a tensor is `dp_backend_bytes(be, shape)` bytes from the back end's own allocator (or any 64-byte aligned
 * place inside it); sub-ranges of channels of a feature tensor that begin at a multiple of `be->block` channels are
 * contiguous, at dp_backend_bytes of that many channels: a concatenation is two neighbours. */
#ifndef DP_BACKEND_BACKEND_H
#define DP_BACKEND_BACKEND_H

#include "backend/op.h"
#include "base/diag.h"

typedef struct dp_backend dp_backend;
typedef struct dp_plan dp_plan;

typedef struct dp_backend_vtable {
    const char *name; /* "ref", "ref64", "cpu", "onednn" */
    /* threads >= 1. *out is NULL on failure. */
    dipper_status (*open)(int threads, dp_diag *diag, dp_backend **out);
    void (*close)(dp_backend *be);
    void *(*alloc)(dp_backend *be, size_t bytes); /* 64-byte aligned, zeroed; NULL when exhausted */
    void (*release)(dp_backend *be, void *p);
    /* float planar CHW on the host <-> the layout of `shape` on the device. ref64 converts to and from double. */
    void (*upload)(dp_backend *be, dp_shape shape, void *dst, const float *src);
    void (*download)(dp_backend *be, dp_shape shape, float *dst, const void *src);
    bool (*supports)(const dp_backend *be, const dp_op *op);
    /* Checks shapes, makes everything costly. *workspace = bytes that run needs at ws (may be 0). */
    dipper_status (*plan_new)(dp_backend *be, const dp_op *op, dp_diag *diag, dp_plan **out, size_t *workspace);
    void (*plan_run)(dp_plan *plan, void *const *args, void *ws); /* args as op.h lists; allocates nothing */
    void (*plan_free)(dp_plan *plan);
} dp_backend_vtable;

struct dp_backend { /* first member of every back end's own struct */
    const dp_backend_vtable *vt;
    int threads;
    int block;           /* channels per block of the feature layout; 1 = planar */
    size_t element_size; /* 4; 8 for ref64 */
    const char *detail;  /* e.g. "cpu (avx2, oneDNN 2.6)" */
};

extern const dp_backend_vtable dp_backend_ref, dp_backend_ref64, dp_backend_cpu;
extern const dp_backend_vtable dp_backend_onednn; /* cpu with oneDNN's convolutions; only with DP_WITH_ONEDNN */

/* Registry: "auto" is the fastest available. DIPPER_ERROR_DEVICE for an unknown or absent one, listing what there is.
 */
dipper_status dp_backend_open(const char *name, int threads, dp_diag *diag, dp_backend **out);
const char *dp_backend_name(int index); /* NULL out of range */
void dp_backend_close(dp_backend **be);

static inline size_t dp_backend_bytes(const dp_backend *be, dp_shape s) {
    const size_t block = s.layout == DP_FEATURE ? (size_t)be->block : 1;
    const size_t c = ((size_t)s.c + block - 1) / block * block;
    return c * (size_t)s.h * (size_t)s.w * be->element_size;
}

/* Shape rules common to all back ends, called first by every plan_new: DIPPER_ERROR_INTERNAL naming what is wrong. */
dipper_status dp_op_check(const dp_op *op, dp_diag *diag);

#endif
