/* Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): counter in, four words out. The
 * stream of a purpose is chosen by the key, the position by the counter, so any number can be had without its
 * predecessors: a resumed run equals an uninterrupted one, and every back end draws the same numbers. */
#ifndef DP_BASE_PHILOX_H
#define DP_BASE_PHILOX_H

#include <stdint.h>

typedef struct dp_philox_key {
    uint32_t word[2];
} dp_philox_key;

/* Purposes: one stream each, so that one source of chance can be changed while another is held fixed. */
typedef enum dp_stream {
    DP_STREAM_INPUT = 1,
    DP_STREAM_WEIGHTS,
    DP_STREAM_PERTURB,
    DP_STREAM_PSF,
    DP_STREAM_TEST,
    DP_STREAM_NOISE,    /* of a simulated sensor */
    DP_STREAM_SHAKE,    /* of a simulated camera */
    DP_STREAM_SAMPLE,   /* from a posterior */
    DP_STREAM_PRIOR,    /* ... inside a prior */
    DP_STREAM_DIRECTION /* ... in the space of weights */
} dp_stream;

dp_philox_key dp_philox_key_make(uint64_t seed, dp_stream stream);

void dp_philox(const uint32_t counter[4], dp_philox_key key, uint32_t out[4]);

/* Four numbers uniform in (0, 1] / four standard normal (Box-Muller), of group `index` in draw number `draw`.
 * Element i of a tensor is number i%4 of group i/4, i = (y*W + x)*C + c. */
void dp_philox_uniform4(dp_philox_key key, uint64_t draw, uint64_t index, float out[4]);
void dp_philox_normal4(dp_philox_key key, uint64_t draw, uint64_t index, float out[4]);

#endif
