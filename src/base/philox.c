#include "base/philox_rounds.h"

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
    dp_philox_rounds(counter, key, out);
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
