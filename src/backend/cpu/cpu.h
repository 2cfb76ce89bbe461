/* The CPU back end's inner contract. Feature maps are nChw{block}c: element (c, y, x) of a map lies at
 * ((c/block*H + y)*W + x)*block + c%block; channels are padded with zeros to a multiple of block.
 *
 * Kernels in simd/ are compiled once per instruction set (baseline, AVX2+FMA, AVX-512) from the same source, with
 * DP_ISA(name) giving each copy its own symbol and DP_BLOCK its vector length in floats (8, 8, 16). At open the best
 * table that the machine runs is chosen; ops that need state of their own (oneDNN primitives, FFT plans) are
 * plan makers instead. Per op the first that supports it wins: FFT for large blurs and Wiener's filter, the table,
 * oneDNN for convolutions that the table leaves to it, then, for ops without feature tensors, the ref back end's row.
 */
#ifndef DP_BACKEND_CPU_H
#define DP_BACKEND_CPU_H

#include "backend/backend.h"

/* A stateless kernel. threads: number of OpenMP threads to use (num_threads(threads)), work split statically so that
 * the same thread count gives the same bits. */
typedef struct dp_cpu_kernel {
    bool (*supports)(const dp_op *op);                                      /* NULL: always */
    size_t (*workspace)(const dp_op *op, int threads);                      /* bytes; NULL: 0 */
    void (*run)(const dp_op *op, int threads, void *const *args, void *ws); /* NULL: no such kernel */
} dp_cpu_kernel;

typedef struct dp_cpu_isa {
    const char *name;
    int block;
    dp_cpu_kernel kernel[DP_OP_KINDS];
} dp_cpu_isa;

extern const dp_cpu_isa dp_cpu_isa_base, dp_cpu_isa_avx2, dp_cpu_isa_avx512;

/* An op with state: supports, makes a plan. The plan begins with dp_cpu_plan. */
typedef struct dp_cpu_plan {
    dp_op op;
    int threads;
    void (*run)(struct dp_cpu_plan *plan, void *const *args, void *ws);
    void (*free)(struct dp_cpu_plan *plan);
} dp_cpu_plan;

typedef struct dp_cpu_maker {
    bool (*supports)(const dp_backend *be, const dp_op *op);
    dipper_status (*make)(dp_backend *be, const dp_op *op, dp_diag *diag, dp_cpu_plan **out, size_t *workspace);
} dp_cpu_maker;

typedef struct dp_cpu {
    dp_backend base;
    const dp_cpu_isa *isa;
    void *dnnl_engine; /* dnnl_engine_t / stream, NULL without oneDNN; owned by conv_dnnl.c */
    void *dnnl_stream;
    char detail[64];
} dp_cpu;

extern const dp_cpu_maker dp_cpu_maker_dnnl;                /* conv_dnnl.c, DP_WITH_ONEDNN */
extern const dp_cpu_maker dp_cpu_maker_fft;                 /* blur_fft.c, DP_WITH_FFTW */
extern const dp_cpu_maker dp_cpu_maker_wiener;              /* wiener_fft.c, DP_WITH_FFTW */
dipper_status dp_cpu_dnnl_open(dp_cpu *cpu, dp_diag *diag); /* conv_dnnl.c: engine and stream */
void dp_cpu_dnnl_close(dp_cpu *cpu);

#endif
