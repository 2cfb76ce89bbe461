#include "base/philox.h"

#include <math.h>

dp_philox_key dp_philox_key_make(uint64_t seed, dp_stream stream) {
    /* SplitMix64 finaliser, so that neighbouring seeds and streams have unrelated keys. */
    uint64_t z = seed + 0x9E3779B97F4A7C15u * (uint64_t)stream;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (dp_philox_key){{(uint32_t)z, (uint32_t)(z >> 32)}};
}

void dp_philox(const uint32_t counter[4], dp_philox_key key, uint32_t out[4]) {
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

void dp_philox_uniform4(dp_philox_key key, uint64_t draw, uint64_t index, float out[4]) {
    const uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)draw, (uint32_t)(draw >> 32)};
    uint32_t bits[4];
    dp_philox(counter, key, bits);
    for (int i = 0; i < 4; i++) out[i] = (float)((bits[i] >> 8) + 1) * 0x1p-24f;
}

void dp_philox_normal4(dp_philox_key key, uint64_t draw, uint64_t index, float out[4]) {
    float u[4];
    dp_philox_uniform4(key, draw, index, u);
    for (int i = 0; i < 4; i += 2) {
        const float r = sqrtf(-2.0f * logf(u[i])), a = 6.28318530717958648f * u[i + 1];
        out[i] = r * cosf(a);
        out[i + 1] = r * sinf(a);
    }
}
