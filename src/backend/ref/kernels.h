/* The reference back end's inner contract. Every op is written once, in a .inc file of plain C in terms of `real`, and
 * compiled twice: ref32.c with real = float, ref64.c with real = double. Tensors of either layout are planar CHW.
 *
 * The kernels are written to be read beside the formulas of docs/methods.md. Sums over a whole picture are taken in
 * double, so that ref (float) is a usable back end; ref64 is what every other back end is checked against. */
#ifndef DP_BACKEND_REF_KERNELS_H
#define DP_BACKEND_REF_KERNELS_H

#include "backend/backend.h"

typedef struct dp_ref_kernel {
    void (*run)(const dp_op *op, void *const *args, void *ws); /* args as op.h lists */
    size_t (*workspace)(const dp_op *op);                      /* number of reals; NULL: none */
} dp_ref_kernel;

typedef struct dp_ref_table {
    dp_ref_kernel kernel[DP_OP_KINDS];
    void (*upload)(dp_backend *be, dp_shape shape, void *dst, const float *src);
    void (*download)(dp_backend *be, dp_shape shape, float *dst, const void *src);
} dp_ref_table;

extern const dp_ref_table dp_ref_table32, dp_ref_table64;

#endif
