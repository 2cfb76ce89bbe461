#include "nn/network.h"

#include <math.h>
#include <stdio.h>

enum { NAME = 48 };

/* ---- Layers: a weight and a bias uniform in +-1/sqrt(fan_in); gamma and beta ---- */

typedef struct builder { /* what every layer of one network shares */
    dp_graph *g;
    dp_params *ps;
    const char *prefix; /* "scale0" ... */
} builder;

static dp_value param(const builder *b, const char *layer, const char *what, dp_shape shape, dp_init init) {
    char name[4 * NAME]; /* dp_params refuses what is too long */
    snprintf(name, sizeof name, "%s%s%s.%s", b->prefix, *b->prefix ? "." : "", layer, what);
    return dp_graph_param(b->g, b->ps, name, shape, init);
}

/* bound: of the weights; 0: as that of the biases. */
static dp_value bounded_conv(const builder *b, const char *layer, dp_value x, int c_out, int k, int stride,
                             dp_layout out, float bound) {
    const int c_in = dp_graph_shape(b->g, x).c, fan_in = c_in * k * k;
    const dp_init init = {.bound = fan_in > 0 ? 1.0f / sqrtf((float)fan_in) : 0.0f};
    const dp_init weights = {.bound = bound > 0 ? bound : init.bound};
    const dp_value w = param(b, layer, "weight", (dp_shape){c_out, c_in, k * k, DP_WEIGHTS}, weights);
    const dp_value bias = param(b, layer, "bias", dp_vector(c_out), init);
    return dp_graph_conv(b->g, x, w, bias, c_out, k, stride, out);
}

static dp_value conv(const builder *b, const char *layer, dp_value x, int c_out, int k, int stride, dp_layout out) {
    return bounded_conv(b, layer, x, c_out, k, stride, out, 0);
}

static dp_value norm(const builder *b, const char *layer, dp_value x, float gamma, float slope) {
    const dp_shape c = dp_vector(dp_graph_shape(b->g, x).c);
    const dp_value weight = param(b, layer, "weight", c, (dp_init){.constant = gamma});
    const dp_value bias = param(b, layer, "bias", c, (dp_init){0});
    return dp_graph_norm_act(b->g, x, weight, bias, slope);
}

/* Convolution, normalisation, LeakyReLU(0.2). */
static dp_value block(const builder *b, const char *layer, dp_value x, int c_out, int k, int stride) {
    char conv_name[NAME], norm_name[NAME];
    snprintf(conv_name, sizeof conv_name, "%s.conv", layer);
    snprintf(norm_name, sizeof norm_name, "%s.norm", layer);
    return norm(b, norm_name, conv(b, conv_name, x, c_out, k, stride, DP_FEATURE), 1.0f, 0.2f);
}

/* Dot-product non-local block: y = (theta' phi / N) g, regrouped as M' theta with M = phi g' / N (C/2 x C/2): the same
 * product, without a matrix of positions x positions. gamma starts at 0, so the block starts as the identity. */
static dp_value nonlocal(const builder *b, dp_value x) {
    const dp_shape s = dp_graph_shape(b->g, x);
    const int half = s.c / 2;
    const dp_value theta = conv(b, "nonlocal.theta", x, half, 1, 1, DP_FEATURE);
    const dp_value phi = dp_graph_maxpool2(b->g, conv(b, "nonlocal.phi", x, half, 1, 1, DP_FEATURE));
    const dp_value gg = dp_graph_maxpool2(b->g, conv(b, "nonlocal.g", x, half, 1, 1, DP_FEATURE));
    const dp_shape pooled = dp_graph_shape(b->g, phi);
    const float alpha = pooled.h > 0 ? 1.0f / ((float)pooled.h * (float)pooled.w) : 0.0f;
    const dp_value m = dp_graph_matmul(b->g, phi, false, gg, true, alpha, dp_planar(half, 1, half));
    const dp_value y = dp_graph_matmul(b->g, m, true, theta, false, 1.0f, dp_feature(half, s.h, s.w));
    const dp_value out = norm(b, "nonlocal.norm", conv(b, "nonlocal.out", y, s.c, 1, 1, DP_FEATURE), 0.0f, 1.0f);
    return dp_graph_add(b->g, out, x);
}

/* ---- Skip network ---- */

int dp_skip_scales(int h, int w, int wanted) {
    int scales = 0;
    while (scales < wanted && h >= 2 && w >= 2) {
        h = dp_conv_out(h, 2);
        w = dp_conv_out(w, 2);
        if (h < 2 || w < 2) break;
        scales++;
    }
    return scales;
}

static dp_value skip_scale(dp_graph *g, dp_params *ps, dp_value x, const dp_skip_config *c, int scale) {
    char prefix[24];
    snprintf(prefix, sizeof prefix, "scale%d", scale);
    const builder b = {g, ps, prefix};
    const dp_shape s = dp_graph_shape(g, x);
    const dp_value skip = c->skip_channels > 0 ? block(&b, "skip", x, c->skip_channels, 1, 1) : -1;
    dp_value deep = block(&b, "down", x, c->channels, 3, 2);
    const dp_shape d = dp_graph_shape(g, deep);
    if (scale >= c->first_nonlocal && d.h >= 2 && d.w >= 2) deep = nonlocal(&b, deep);
    deep = block(&b, "deep", deep, c->channels, 3, 1);
    if (scale + 1 < c->scales) deep = skip_scale(g, ps, deep, c, scale + 1);
    /* The upsampled side is s or s + 1: the centre crop to the smaller size only touches this branch. */
    deep = dp_graph_upsample2(g, deep, s.h, s.w);
    dp_value y = c->skip_channels > 0 ? dp_graph_concat(g, skip, deep) : deep;
    y = norm(&b, "concat.norm", y, 1.0f, 1.0f);
    y = block(&b, "up", y, c->channels, 3, 1);
    return block(&b, "up1", y, c->channels, 1, 1);
}

dp_value dp_build_skip(dp_graph *g, dp_params *ps, dp_value x, const dp_skip_config *config) {
    const builder b = {g, ps, ""};
    const dp_value features = skip_scale(g, ps, x, config, 0);
    return dp_graph_act(g, conv(&b, "last.conv", features, config->out_channels, 1, 1, DP_PLANAR), DP_SIGMOID);
}

/* ---- PSF networks ---- */

static dp_value linear(const builder *b, const char *layer, dp_value x, int outputs) {
    const int inputs = dp_graph_shape(b->g, x).w;
    const dp_init init = {.bound = inputs > 0 ? 1.0f / sqrtf((float)inputs) : 0.0f};
    const dp_value w = param(b, layer, "weight", dp_planar(1, outputs, inputs), init);
    const dp_value bias = param(b, layer, "bias", dp_vector(outputs), init);
    return dp_graph_linear(b->g, x, w, bias, outputs);
}

dp_value dp_build_fcn_psf(dp_graph *g, dp_params *ps, dp_value z, int hidden, int kh, int kw) {
    const builder b = {g, ps, "fcn"};
    const dp_value h = dp_graph_act(g, linear(&b, "linear1", z, hidden), DP_RELU6);
    return dp_graph_softmax(g, linear(&b, "linear2", h, kh * kw));
}

dp_value dp_build_direct_psf(dp_graph *g, dp_params *ps, int kh, int kw) {
    const builder b = {g, ps, "psf"};
    return dp_graph_softmax(g, param(&b, "logits", "value", dp_planar(1, kh, kw), (dp_init){0}));
}

/* Weights of the first layer are uniform in +-1/inputs, those of the others in +-sqrt(6/inputs)/w0 (Sitzmann et al.
 * 2020, section 3.2), so that the values before each sine keep their distribution. */
dp_value dp_build_siren_psf(dp_graph *g, dp_params *ps, dp_value grid, int layers, int width, float w0) {
    const builder b = {g, ps, "siren"};
    const float hidden = sqrtf(6.0f / (float)width) / w0;
    dp_value x = grid;
    for (int i = 0; i < layers; i++) {
        char name[24];
        snprintf(name, sizeof name, "layer%d", i);
        x = bounded_conv(&b, name, x, width, 1, 1, DP_FEATURE, i == 0 ? 0.5f : hidden);
        x = dp_graph_sine(g, x, w0);
    }
    return dp_graph_softmax(g, bounded_conv(&b, "last", x, 1, 1, 1, DP_PLANAR, hidden));
}
