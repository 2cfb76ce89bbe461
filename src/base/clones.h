/* A function marked with DP_CLONES is compiled for AVX2 as well, and the loader takes what the machine runs. Without
 * FMA, so that the bits are the same. For loops over floats outside the backend, whose kernels have their own folder
 * (backend/cpu/simd). */
#ifndef DP_BASE_CLONES_H
#define DP_BASE_CLONES_H

#include <stdlib.h> /* __GLIBC__ */

#if defined(DP_ISA_X86) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define DP_CLONES __attribute__((target_clones("default", "avx2")))
#else
#define DP_CLONES
#endif

#endif
