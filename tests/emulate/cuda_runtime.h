/* Stands in for CUDA's header of this name (README.md): the language of kernels, for a plain C++ compiler. */
#ifndef DP_EMULATE_CUDA_RUNTIME_H
#define DP_EMULATE_CUDA_RUNTIME_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "cuda_runtime_api.h"
#include "emulate.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#if defined(__clang__)
#define __shared__ static __attribute__((section("emulate_static"))) /* so that each block finds NaN there */
#else
#define __shared__ static
#endif
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

/* src/backend/cuda/kernels.cuh takes these. */
#define DP_LAUNCH(be, kernel, grid, block, shared, ...)                                                                \
    emulate_launch((be)->stream, __FILE__ ": " #kernel, grid, block, shared, kernel, __VA_ARGS__)
#define DP_SHARED(type, name) type *name = (type *)emulate_shared

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
static const int warpSize = 32;

/* ---- Vectors ---- */

struct alignas(8) float2 {
    float x, y;
};
struct float3 {
    float x, y, z;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) int2 {
    int x, y;
};
struct alignas(16) int4 {
    int x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(16) double2 {
    double x, y;
};
struct alignas(4) ushort2 {
    unsigned short x, y;
};
struct alignas(8) ushort4 {
    unsigned short x, y, z, w;
};

static inline float2 make_float2(float x, float y) {
    return {x, y};
}
static inline float3 make_float3(float x, float y, float z) {
    return {x, y, z};
}
static inline float4 make_float4(float x, float y, float z, float w) {
    return {x, y, z, w};
}
static inline int2 make_int2(int x, int y) {
    return {x, y};
}
static inline int4 make_int4(int x, int y, int z, int w) {
    return {x, y, z, w};
}
static inline uint2 make_uint2(unsigned x, unsigned y) {
    return {x, y};
}
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
    return {x, y, z, w};
}
static inline double2 make_double2(double x, double y) {
    return {x, y};
}

/* ---- Meeting ---- */

static inline void __syncthreads(int line = __builtin_LINE()) {
    emulate_sync(line);
}
static inline void __threadfence() {}
static inline void __threadfence_block() {}

/* lane: the one whose value comes back, if it exists in this part of the warp; else the own. */
template <typename T> static inline T emulate_take(unsigned mask, T value, unsigned lane, bool exists, int line) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles carry 32 or 64 bits");
    T out;
    emulate_exchange(mask, &value, sizeof value, exists ? lane : emulate_lane(), &out, line);
    return out;
}

static inline unsigned emulate_base(int width) {
    return emulate_lane() / (unsigned)width * (unsigned)width;
}

template <typename T>
static inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32, int line = __builtin_LINE()) {
    return emulate_take(mask, value, emulate_base(width) + (unsigned)lane % (unsigned)width, true, line);
}
template <typename T>
static inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, int line = __builtin_LINE()) {
    const unsigned lane = emulate_lane() ^ (unsigned)bits;
    return emulate_take(mask, value, lane, lane < emulate_base(width) + (unsigned)width, line);
}
template <typename T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned step, int width = 32, int line = __builtin_LINE()) {
    const unsigned lane = emulate_lane() + step;
    return emulate_take(mask, value, lane, lane < emulate_base(width) + (unsigned)width, line);
}
template <typename T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned step, int width = 32, int line = __builtin_LINE()) {
    const unsigned lane = emulate_lane();
    return emulate_take(mask, value, lane - step, lane >= emulate_base(width) + step, line);
}
static inline void __syncwarp(unsigned mask = 0xffffffffu, int line = __builtin_LINE()) {
    emulate_ballot(mask, true, line);
}
static inline unsigned __ballot_sync(unsigned mask, int value, int line = __builtin_LINE()) {
    return emulate_ballot(mask, value != 0, line);
}
static inline int __any_sync(unsigned mask, int value, int line = __builtin_LINE()) {
    return emulate_ballot(mask, value != 0, line) != 0;
}
static inline int __all_sync(unsigned mask, int value, int line = __builtin_LINE()) {
    return emulate_ballot(mask, value != 0, line) == 0xffffffffu;
}

/* ---- Atomics: one thread runs at a time. Not for floats: the order of such sums is open on a GPU ---- */

#define EMULATE_ATOMICS(type)                                                                                          \
    static inline type atomicAdd(type *p, type v) {                                                                    \
        const type old = *p;                                                                                           \
        *p = old + v;                                                                                                  \
        return old;                                                                                                    \
    }                                                                                                                  \
    static inline type atomicMin(type *p, type v) {                                                                    \
        const type old = *p;                                                                                           \
        *p = v < old ? v : old;                                                                                        \
        return old;                                                                                                    \
    }                                                                                                                  \
    static inline type atomicMax(type *p, type v) {                                                                    \
        const type old = *p;                                                                                           \
        *p = v > old ? v : old;                                                                                        \
        return old;                                                                                                    \
    }                                                                                                                  \
    static inline type atomicOr(type *p, type v) {                                                                     \
        const type old = *p;                                                                                           \
        *p = old | v;                                                                                                  \
        return old;                                                                                                    \
    }                                                                                                                  \
    static inline type atomicExch(type *p, type v) {                                                                   \
        const type old = *p;                                                                                           \
        *p = v;                                                                                                        \
        return old;                                                                                                    \
    }                                                                                                                  \
    static inline type atomicCAS(type *p, type expected, type v) {                                                     \
        const type old = *p;                                                                                           \
        if (old == expected) *p = v;                                                                                   \
        return old;                                                                                                    \
    }
EMULATE_ATOMICS(int)
EMULATE_ATOMICS(unsigned)
EMULATE_ATOMICS(unsigned long long)
#undef EMULATE_ATOMICS

/* ---- Bits ---- */

template <typename To, typename From> static inline To emulate_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}
static inline float __uint_as_float(unsigned u) {
    return emulate_bits<float>(u);
}
static inline unsigned __float_as_uint(float x) {
    return emulate_bits<unsigned>(x);
}
static inline float __int_as_float(int i) {
    return emulate_bits<float>(i);
}
static inline int __float_as_int(float x) {
    return emulate_bits<int>(x);
}
static inline double __longlong_as_double(long long i) {
    return emulate_bits<double>(i);
}
static inline long long __double_as_longlong(double x) {
    return emulate_bits<long long>(x);
}
static inline unsigned __umulhi(unsigned a, unsigned b) {
    return (unsigned)((unsigned long long)a * b >> 32);
}
static inline int __clz(int x) {
    return x == 0 ? 32 : __builtin_clz((unsigned)x);
}
static inline int __popc(unsigned x) {
    return __builtin_popcount(x);
}
static inline int __ffs(int x) {
    return __builtin_ffs(x);
}

/* ---- Arithmetic ---- */

#define __expf(x) expf(x) /* glibc has functions of these names, and does not export them */
#define __logf(x) logf(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)

template <typename T> static inline T __ldcg(const T *p) {
    return *p;
}
template <typename T> static inline T __ldg(const T *p) {
    return *p;
}
static inline int min(int a, int b) {
    return b < a ? b : a;
}
static inline unsigned min(unsigned a, unsigned b) {
    return b < a ? b : a;
}
static inline size_t min(size_t a, size_t b) {
    return b < a ? b : a;
}
static inline unsigned long long min(unsigned long long a, unsigned long long b) {
    return b < a ? b : a;
}
static inline float min(float a, float b) {
    return fminf(a, b);
}
static inline double min(double a, double b) {
    return fmin(a, b);
}
static inline int max(int a, int b) {
    return a < b ? b : a;
}
static inline unsigned max(unsigned a, unsigned b) {
    return a < b ? b : a;
}
static inline size_t max(size_t a, size_t b) {
    return a < b ? b : a;
}
static inline unsigned long long max(unsigned long long a, unsigned long long b) {
    return a < b ? b : a;
}
static inline float max(float a, float b) {
    return fmaxf(a, b);
}
static inline double max(double a, double b) {
    return fmax(a, b);
}
static inline float rsqrtf(float x) {
    return 1 / sqrtf(x);
}
static inline double rsqrt(double x) {
    return 1 / sqrt(x);
}
static inline float __saturatef(float x) {
    return x < 0 || x != x ? 0 : x > 1 ? 1 : x;
}
static inline void sincospif(float x, float *s, float *c) {
    const double angle = 3.14159265358979323846 * fmod(x, 2);
    *s = (float)sin(angle);
    *c = (float)cos(angle);
}
static inline float sinpif(float x) {
    float s, c;
    sincospif(x, &s, &c);
    return s;
}
static inline float cospif(float x) {
    float s, c;
    sincospif(x, &s, &c);
    return c;
}
static inline float __fmaf_rn(float a, float b, float c) {
    return fmaf(a, b, c);
}
static inline float __fadd_rn(float a, float b) {
    return a + b;
}
static inline float __fsub_rn(float a, float b) {
    return a - b;
}
static inline float __fmul_rn(float a, float b) {
    return a * b;
}
static inline float __fdiv_rn(float a, float b) {
    return a / b;
}
static inline float __fsqrt_rn(float x) {
    return sqrtf(x);
}
static inline float __frcp_rn(float x) {
    return 1 / x;
}
static inline float __fdividef(float a, float b) {
    return a / b;
}
static inline float __uint2float_rn(unsigned x) {
    return (float)x;
}
static inline float __int2float_rn(int x) {
    return (float)x;
}
static inline int __float2int_rn(float x) {
    return (int)nearbyintf(x);
}

#endif
