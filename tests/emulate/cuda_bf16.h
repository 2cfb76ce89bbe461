/* Stands in for CUDA's header of this name (README.md): bfloat16, the upper half of a float. */
#ifndef DP_EMULATE_CUDA_BF16_H
#define DP_EMULATE_CUDA_BF16_H

#include "cuda_runtime.h"

struct __nv_bfloat16 {
    unsigned short bits;
    __nv_bfloat16() = default;
    __nv_bfloat16(float x) : bits(round(x)) {}
    operator float() const { return __uint_as_float((unsigned)bits << 16); }

  private:
    static unsigned short round(float x) { /* to nearest, ties to even */
        const unsigned u = __float_as_uint(x);
        if (x != x) return 0x7fff;
        return (unsigned short)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
    }
};

struct alignas(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
};

static inline float __bfloat162float(__nv_bfloat16 b) {
    return b;
}
static inline __nv_bfloat16 __float2bfloat16(float x) {
    return __nv_bfloat16(x);
}
static inline __nv_bfloat16 __float2bfloat16_rn(float x) {
    return __nv_bfloat16(x);
}
static inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 b) {
    return b.bits;
}
static inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
    __nv_bfloat16 b;
    b.bits = bits;
    return b;
}

#endif
