/* The networks of METHODS: the skip network of SelfDeblur and VDIP, the fully connected PSF network, the direct PSF.
 * Parameter names are those of tests/golden/README.md. */
#ifndef DP_NN_NETWORK_H
#define DP_NN_NETWORK_H

#include "nn/graph.h"

typedef struct dp_skip_config {
    int out_channels;   /* 1..4 */
    int channels;       /* of every scale, down and up */
    int skip_channels;  /* of every scale's skip branch; 0: there is none */
    int scales;         /* >= 1, see dp_skip_scales */
    int first_nonlocal; /* scale from which on a non-local block follows the downward step; >= scales: none */
} dp_skip_config;

/* Most scales, up to `wanted`, that an h x w input allows: every 3x3 convolution needs two pixels to reflect. 0: none.
 */
int dp_skip_scales(int h, int w, int wanted);

/* x F(Cin,H,W) -> P(out_channels,H,W) in (0, 1). */
dp_value dp_build_skip(dp_graph *g, dp_params *ps, dp_value x, const dp_skip_config *config);

/* z P[n] -> linear, ReLU6, linear, softmax -> P[kh*kw]. */
dp_value dp_build_fcn_psf(dp_graph *g, dp_params *ps, dp_value z, int hidden, int kh, int kw);

/* Softmax of free logits (parameter "psf.logits.value"), 0 at the start: a constant PSF. -> P[kh*kw] */
dp_value dp_build_direct_psf(dp_graph *g, dp_params *ps, int kh, int kw);

/* grid F(2,kh,kw), positions in [-1, 1] -> `layers` times 1x1 convolution to `width` channels and sin(w0 x), then one
 * to a logit each, softmax -> P(1,kh,kw). First weights as in Sitzmann et al. 2020. */
dp_value dp_build_siren_psf(dp_graph *g, dp_params *ps, dp_value grid, int layers, int width, float w0);

#endif
