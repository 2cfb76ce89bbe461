/* The ten rounds of Philox4x32, in one place for the host and for CUDA's devices. */
#ifndef DP_BASE_PHILOX_ROUNDS_H
#define DP_BASE_PHILOX_ROUNDS_H

#include "base/philox.h"

#if defined(__CUDACC__)
#define DP_EVERYWHERE __host__ __device__
#else
#define DP_EVERYWHERE
#endif

DP_EVERYWHERE static inline void dp_philox_rounds(const uint32_t counter[4], dp_philox_key key, uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key.word[0], k1 = key.word[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

#endif
