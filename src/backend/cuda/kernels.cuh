/* What the kernels share: launching, maps with a border, elements of both kinds, sums in a fixed order. */
#ifndef DP_BACKEND_CUDA_KERNELS_CUH
#define DP_BACKEND_CUDA_KERNELS_CUH

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "backend/cuda/cuda.h"

/* kernel: a name, or a pointer to an instance of a template; shared: bytes of DP_SHARED. The emulator of the tests
 * (tests/emulate) has its own. */
#if !defined(DP_LAUNCH)
#define DP_LAUNCH(be, kernel, grid, block, shared, ...)                                                                \
    do {                                                                                                               \
        kernel<<<grid, block, shared, (be)->stream>>>(__VA_ARGS__);                                                    \
        dp_cuda_note(be, cudaGetLastError());                                                                          \
    } while (0)
#define DP_SHARED(type, name)                                                                                          \
    extern __shared__ __align__(16) unsigned char dp_shared_bytes[];                                                   \
    type *name = (type *)dp_shared_bytes
#endif

typedef __nv_bfloat16 bf16;

/* Runs the statements with T as the type of feature elements. */
#define DP_WITH_ELEMENT(be, ...)                                                                                       \
    do {                                                                                                               \
        if ((be)->precision == DP_CUDA_BF16) {                                                                         \
            typedef bf16 T;                                                                                            \
            __VA_ARGS__                                                                                                \
        } else {                                                                                                       \
            typedef float T;                                                                                           \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    } while (0)

static inline unsigned dp_blocks(size_t n, unsigned block) {
    return (unsigned)((n + block - 1) / block);
}

/* ---- Elements: V of them at once, V = 4 where the number of channels allows it, or 1 ---- */

template <int V> struct vec { float at[V]; };

template <int V> __device__ inline vec<V> load(const float *p) {
    vec<V> v;
    if (V == 4) {
        const float4 f = *(const float4 *)p;
        v.at[0] = f.x, v.at[V > 1 ? 1 : 0] = f.y, v.at[V > 2 ? 2 : 0] = f.z, v.at[V > 3 ? 3 : 0] = f.w;
    } else {
        v.at[0] = *p;
    }
    return v;
}

template <int V> __device__ inline vec<V> load(const bf16 *p) {
    vec<V> v;
    if (V == 4) {
        const uint2 bits = *(const uint2 *)p;
        v.at[0] = __uint_as_float(bits.x << 16), v.at[V > 1 ? 1 : 0] = __uint_as_float(bits.x & 0xffff0000u);
        v.at[V > 2 ? 2 : 0] = __uint_as_float(bits.y << 16),
                         v.at[V > 3 ? 3 : 0] = __uint_as_float(bits.y & 0xffff0000u);
    } else {
        v.at[0] = __bfloat162float(*p);
    }
    return v;
}

template <int V> __device__ inline void store(float *p, vec<V> v) {
    if (V == 4)
        *(float4 *)p = make_float4(v.at[0], v.at[V > 1 ? 1 : 0], v.at[V > 2 ? 2 : 0], v.at[V > 3 ? 3 : 0]);
    else
        *p = v.at[0];
}

__device__ inline unsigned dp_bf16_bits(float x) {
    const bf16 b = __float2bfloat16(x);
    return *(const unsigned short *)&b;
}

template <int V> __device__ inline void store(bf16 *p, vec<V> v) {
    if (V == 4)
        *(uint2 *)p = make_uint2(dp_bf16_bits(v.at[0]) | dp_bf16_bits(v.at[V > 1 ? 1 : 0]) << 16,
                                 dp_bf16_bits(v.at[V > 2 ? 2 : 0]) | dp_bf16_bits(v.at[V > 3 ? 3 : 0]) << 16);
    else
        *p = __float2bfloat16(v.at[0]);
}

/* ---- Maps with a border ---- */

struct map {
    int c, h, w;
    __host__ __device__ size_t pixel(int y, int x) const { /* y, x from -1 */
        return ((size_t)(y + 1) * (size_t)(w + 2) + (size_t)(x + 1)) * (size_t)c;
    }
    __host__ __device__ size_t pixels() const { /* with the border */
        return (size_t)(h + 2) * (size_t)(w + 2);
    }
};

static inline map dp_map(dp_shape s) {
    const map m = {s.c, s.h, s.w};
    return m;
}

/* Where -1..n comes from. */
__host__ __device__ inline int dp_mirror(int i, int n) {
    return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

/* Maps of one pixel in height or width have nothing to mirror: the pixel itself. */
__host__ __device__ inline int dp_mirror_safe(int i, int n) {
    return n < 2 ? 0 : dp_mirror(i, n);
}

/* ---- Sums ---- */

/* Of one value per thread, over the block, in a fixed order; every thread gets it. room: 32 values in shared memory. */
template <typename F> __device__ inline F dp_block_sum(F value, F *room) {
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
    __syncthreads();
    if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = value;
    __syncthreads();
    F sum = 0;
    for (unsigned i = 0; i < (blockDim.x + 31) / 32; i++) sum += room[i];
    return sum;
}

/* Sum of part[i * stride] for i = first, first + step ... below count: asks for many at once, as each may have to come
 * from another multiprocessor's part of the cache. */
__device__ inline double dp_sum_parts(const float *part, size_t stride, unsigned first, unsigned step, unsigned count) {
    enum { BATCH = 16 };
    double sum = 0;
    for (unsigned i = first; i < count; i += BATCH * step) {
        float value[BATCH];
#pragma unroll
        for (unsigned k = 0; k < BATCH; k++) {
            const unsigned at = i + k * step;
            value[k] = at < count ? part[(size_t)at * stride] : 0;
        }
#pragma unroll
        for (unsigned k = 0; k < BATCH; k++) sum += (double)value[k];
    }
    return sum;
}

/* True in all threads of the block that is the last of the grid to come here: what the others wrote before is visible
 * to it. The counter is then 0 again. blockDim.x threads, all of them must call. */
__device__ inline bool dp_last_block(dp_cuda_slot *slot, unsigned blocks) {
    __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        last = atomicAdd(&slot->finished, 1u) == blocks - 1;
        if (last) slot->finished = 0;
    }
    __syncthreads();
    __threadfence();
    return last;
}

#endif
