/* What the picture's network is given: fixed noise, or features of the position. */
#ifndef DP_BID_NET_INPUT_H
#define DP_BID_NET_INPUT_H

#include "nn/graph.h"

/* Uniform numbers in [0, 0.1], element order of philox.h. */
dipper_status dp_write_noise(dp_graph *g, dp_value input, dp_philox_key key, uint64_t draw, dp_diag *diag);

/* Channels of `input` are 4 for each frequency f: sin(f x), cos(f x), sin(f y), cos(f y), where x and y run over a
 * length of 1 along the longer side and f = 1 ... highest, evenly spaced in their logarithm. */
dipper_status dp_write_fourier(dp_graph *g, dp_value input, double highest, dp_diag *diag);

#endif
