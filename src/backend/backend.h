/* A back end is a table of functions; an op is planned once and run thousands of times.
 *
 * Memory of a tensor is `dp_backend_bytes(be, shape)` bytes from the back end's own allocator (or any 64-byte aligned
 * place inside it). Unless channels are interleaved, sub-ranges of channels of a feature tensor that begin at a
 * multiple of `be->block` channels are contiguous, at dp_backend_bytes of that many channels: a concatenation is two
 * neighbours. */
#ifndef DP_BACKEND_BACKEND_H
#define DP_BACKEND_BACKEND_H

#include "backend/op.h"
#include "base/diag.h"

typedef struct dp_backend dp_backend;
typedef struct dp_plan dp_plan;
typedef struct dp_recording dp_recording;

typedef struct dp_backend_vtable {
    const char *name; /* "ref", "ref64", "cpu", "onednn", "cuda" */
    /* threads >= 1. option: what follows the name, ":1/bf16"; "" for most. *out is NULL on failure. */
    dipper_status (*open)(const char *option, int threads, dp_diag *diag, dp_backend **out);
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
    void (*clear)(dp_backend *be, void *p, size_t bytes); /* zeros */
    void (*copy)(dp_backend *be, void *to, const void *from, size_t bytes);

    /* The rest is NULL where memory is the host's and nothing can be recorded. */
    /* plan_new of these n ops will follow: what they have to look up first is looked up for several at once. Fails in
     * silence: plan_new meets it again. */
    void (*expect)(dp_backend *be, int n, const dp_op *const *ops);
    /* p, from alloc, holds weights until it is released: written by upload and DP_ADAM alone, so that a back end may
     * keep them rounded beside. */
    void (*weights)(dp_backend *be, void *p, size_t bytes);
    /* What plan_run is asked between begin and end is not done but kept, to be done at each replay, which costs one
     * launch; host args are read again at each. NULL: it could not be recorded. */
    void (*record_begin)(dp_backend *be);
    dp_recording *(*record_end)(dp_backend *be);
    void (*replay)(dp_recording *recording);
    void (*recording_free)(dp_recording *recording);
    /* While recording: plan_run goes on from now in this lane, 0 <= lane < be->lanes; lanes run beside each other. mark
     * gives a number to what the lane has been asked so far, wait lets it wait for what another lane marked. */
    void (*lane)(dp_backend *be, int lane);
    void (*mark)(dp_backend *be, int number);
    void (*wait)(dp_backend *be, int number);
    dipper_status (*check)(dp_backend *be, dp_diag *diag); /* DIPPER_ERROR_DEVICE once the device has failed */
} dp_backend_vtable;

struct dp_backend { /* first member of every back end's own struct */
    const dp_backend_vtable *vt;
    int threads;
    int block;           /* channels per block of the feature layout; 1 = planar */
    size_t element_size; /* 4; 8 for ref64 */
    size_t feature_size; /* of an element of a feature map: element_size, or 2 (bfloat16) */
    int border;          /* pixels around each feature map, part of its memory */
    bool interleaved;    /* channels are neighbours: a range of them is not contiguous, nothing is a view of one */
    float rounding; /* relative, of the factors of convolutions where they are less than floats: 2^-11, 2^-8; else 0 */
    bool bias_with_norm;   /* false: a bias before a normalisation, which has no effect, is left out */
    int lanes;             /* of a recording; 0 or 1: one thing after another */
    dp_backend *host;      /* for what works on host memory: this one, or one that it opened beside */
    const char *detail;    /* e.g. "cpu (avx2, oneDNN 2.6)" */
    char passed_over[160]; /* why "auto" took no GPU; "" if it did, or was not asked, or this build knows none */
};

extern const dp_backend_vtable dp_backend_ref, dp_backend_ref64, dp_backend_cpu;
extern const dp_backend_vtable dp_backend_onednn; /* cpu with oneDNN's convolutions; only with DP_WITH_ONEDNN */
extern const dp_backend_vtable dp_backend_cuda;   /* only with DP_WITH_CUDA */

/* clear and copy of back ends whose memory is the host's. */
void dp_host_clear(dp_backend *be, void *p, size_t bytes);
void dp_host_copy(dp_backend *be, void *to, const void *from, size_t bytes);

/* Registry: "auto" is the fastest available; a name, or a name with options: "cuda:1/bf16". DIPPER_ERROR_DEVICE for an
 * unknown or absent one, listing what there is. */
dipper_status dp_backend_open(const char *name, int threads, dp_diag *diag, dp_backend **out);
const char *dp_backend_name(int index); /* NULL out of range */
/* For back ends without options: DIPPER_ERROR_DEVICE if there is one. */
dipper_status dp_backend_no_option(const char *name, const char *option, dp_diag *diag);
void dp_backend_close(dp_backend **be);

static inline bool dp_is_feature(dp_shape s) {
    return s.layout == DP_FEATURE || s.layout == DP_GRADIENT;
}

static inline size_t dp_backend_bytes(const dp_backend *be, dp_shape s) {
    if (!dp_is_feature(s)) return dp_count(s) * be->element_size;
    const size_t block = (size_t)be->block, around = 2 * (size_t)be->border;
    const size_t c = ((size_t)s.c + block - 1) / block * block;
    return c * ((size_t)s.h + around) * ((size_t)s.w + around) * be->feature_size;
}

/* Whether channels [from, from + n) of c in all are a place of their own in memory. */
static inline bool dp_backend_cuts(const dp_backend *be, int from, int n, int c) {
    return !be->interleaved && from % be->block == 0 && (n % be->block == 0 || from + n == c);
}

/* Shape rules common to all back ends, called first by every plan_new: DIPPER_ERROR_INTERNAL naming what is wrong. */
dipper_status dp_op_check(const dp_op *op, dp_diag *diag);

#endif
