/* A graph of ops on tensors: built once layer by layer, then run forward and backward thousands of times.
 *
 * Building functions return a value (a tensor's number) or -1; after the first failure all further ones return -1 and
 * dp_graph_compile reports it, so that a network reads as a list of layers. Compiling derives the backward pass,
 * plans every op and packs all tensors by lifetime into one arena, which several graphs may share in turn. */
#ifndef DP_NN_GRAPH_H
#define DP_NN_GRAPH_H

#include "nn/params.h"

typedef struct dp_graph dp_graph;
typedef int dp_value;

dipper_status dp_graph_new(dp_backend *be, dp_diag *diag, dp_graph **out);
void dp_graph_free(dp_graph *g); /* NULL is fine; neither arena nor parameters */

/* Values from outside. */
dp_value dp_graph_input(dp_graph *g, dp_shape shape); /* no gradient; written with dp_graph_write after bind */
dp_value dp_graph_param(dp_graph *g, dp_params *ps, const char *name, dp_shape shape, dp_init init); /* params.h */

/* Layers. Shapes as in backend/op.h. */
dp_value dp_graph_conv(dp_graph *g, dp_value x, dp_value w, dp_value b, int c_out, int k, int stride, dp_layout out);
dp_value dp_graph_norm_act(dp_graph *g, dp_value x, dp_value gamma, dp_value beta, float slope);
dp_value dp_graph_upsample2(dp_graph *g, dp_value x, int h, int w);
dp_value dp_graph_concat(dp_graph *g, dp_value a, dp_value b); /* without copying where channels fill blocks */
dp_value dp_graph_add(dp_graph *g, dp_value a, dp_value b);
dp_value dp_graph_muladd(dp_graph *g, dp_value a, dp_value b, dp_value c); /* a + b*c, element by element */
/* Channels [from, from+n) of a planar value: a range of its memory. */
dp_value dp_graph_slice(dp_graph *g, dp_value x, int from, int n);
dp_value dp_graph_matmul(dp_graph *g, dp_value a, bool trans_a, dp_value b, bool trans_b, float alpha, dp_shape out);
dp_value dp_graph_maxpool2(dp_graph *g, dp_value x);
dp_value dp_graph_linear(dp_graph *g, dp_value x, dp_value w, dp_value b, int outputs);
dp_value dp_graph_act(dp_graph *g, dp_value x, dp_act act);
/* sin(factor*x), planar or features. A SIREN is a coordinate map F(2,kh,kw), 1x1 convolutions and sines. */
dp_value dp_graph_sine(dp_graph *g, dp_value x, float factor);
dp_value dp_graph_softmax(dp_graph *g, dp_value x); /* over all elements */
dp_value dp_graph_blur(dp_graph *g, dp_value x, dp_value psf, int kh, int kw);
/* The latent picture P(C,h+kh-1,w+kw-1) that Wiener's filter makes of a blurred one with this PSF. The gradient flows
 * to the PSF alone: the blurred picture is given. */
dp_value dp_graph_wiener(dp_graph *g, dp_value blurred, dp_value psf, int kh, int kw, float constant);
/* A camera with fewer pixels: sides divided by factor (2, 4, 8) with Lanczos' filter of so many lobes (2, 3). */
dp_value dp_graph_downsample(dp_graph *g, dp_value x, int factor, int lobes);
/* x + scale * fresh numbers at each run (x stays as it is); draw number = the graph's run counter. */
dp_value dp_graph_perturb(dp_graph *g, dp_value x, dp_philox_key key, dp_random law, float scale);
/* Fresh numbers at each run, alone: mean + std*noise (dp_graph_muladd) is a sample with gradients to mean and std. */
dp_value dp_graph_noise(dp_graph *g, dp_shape shape, dp_philox_key key, dp_random law);

/* Losses are numbered from 0 in order of adding; all are on at first. Any set may be on together, on any values:
 * outputs of layers, parameters, views. Only what the losses that are on need is computed (and what is kept);
 * parameters that no such loss depends on get the gradient 0. Switching, and changing a weight (any sign), between runs
 * costs nothing. */
int dp_graph_loss(dp_graph *g, dp_op_kind kind, dp_value x, dp_value target, float weight); /* -1: has no target */
/* weight * mean mask*(x-t)^2, t = target, or `value` where target is -1; the mask is one plane for all channels, or -1.
 * Both x and target may depend on parameters. */
int dp_graph_loss_mse(dp_graph *g, dp_value x, dp_value target, float value, dp_value mask, float weight);
/* VDIP (METHODS, section 4) on a posterior mean, std: DP_MEAN_LOG (of std, with a negative weight) has no target, and
 * DP_DERIVATIVES is -EXP times C*H_X*W_X/n: its mean is over the n pixels of the blurred picture x. The priors' values
 * are those of the logarithms whose gradients are the published ones with their detached weights. */
int dp_graph_loss_sparse(dp_graph *g, dp_value mean, dp_value std, float weight);
int dp_graph_loss_extreme(dp_graph *g, dp_value mean, dp_value std, dp_value noise, float weight);
void dp_graph_loss_enable(dp_graph *g, int loss, bool on);
void dp_graph_loss_weight(dp_graph *g, int loss, float weight);

void dp_graph_keep(dp_graph *g, dp_value v); /* v is always computed and readable after the run; before compile */
dp_shape dp_graph_shape(const dp_graph *g, dp_value v);
int dp_graph_block(const dp_graph *g);

dipper_status dp_graph_compile(dp_graph *g, dp_diag *diag);
size_t dp_graph_arena_bytes(const dp_graph *g);
void dp_graph_bind(dp_graph *g, void *arena); /* device memory, zeroed by this call; needs dp_params_alloc before */

void dp_graph_write(dp_graph *g, dp_value v, const float *src); /* planar host floats */
void dp_graph_read(const dp_graph *g, dp_value v, float *dst);

void dp_graph_set_counter(dp_graph *g, uint64_t counter);
uint64_t dp_graph_counter(const dp_graph *g);
void dp_graph_forward(dp_graph *g);
void dp_graph_run(dp_graph *g);                          /* forward, losses, backward; counter + 1 */
double dp_graph_loss_sum(const dp_graph *g);             /* of the losses that are on, from the last run */
double dp_graph_loss_value(const dp_graph *g, int loss); /* of one; from the last run in which it was on */

/* For benches: number of steps, op and name of one, and running it alone. */
int dp_graph_step_count(const dp_graph *g);
const dp_op *dp_graph_step_op(const dp_graph *g, int step);
bool dp_graph_step_on(const dp_graph *g, int step); /* was part of the last run */
void dp_graph_step_run(dp_graph *g, int step);

#endif
