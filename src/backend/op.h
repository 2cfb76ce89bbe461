/* Op descriptors: what is to be computed, fixed before the loop; every back end takes the same ones.
 *
 * Each kind lists its args as they are passed to dp_plan_run: inputs -> outputs, with shapes. Letters: C channels, H
 * rows, W columns; F marks a tensor in feature layout, P planar (op.x.layout etc. say which where both are possible).
 * Outputs are overwritten, never added to. Outputs may not overlap inputs unless "in place" is said. Padding channels
 * of feature tensors are zero on entry and must be zero on exit. */
#ifndef DP_BACKEND_OP_H
#define DP_BACKEND_OP_H

#include <stdint.h>

#include "base/philox.h"
#include "tensor/shape.h"

typedef enum dp_op_kind {
    DP_CONV_FWD,         /* x F(Cin,H,W), w[Cout][Cin][k][k] in layout DP_WEIGHTS, b[Cout] -> y (Cout,Ho,Wo) F, or P for
                            k=1, Cout<=8. Where the back end's bias_with_norm is false, b may be NULL = 0 if a
                            normalisation alone reads y, and db NULL */
    DP_CONV_BWD_DATA,    /* dy, w -> dx */
    DP_CONV_BWD_WEIGHTS, /* x, dy -> dw, db */
    DP_NORM_ACT_FWD,     /* x F, gamma[C], beta[C] -> y F, stats[2*C] = mean[C], 1/sqrt(var+eps)[C] */
    DP_NORM_ACT_BWD,     /* x F, dy F, gamma, beta, stats -> dx F (in place of dy allowed), dgamma, dbeta */
    DP_UPSAMPLE2_FWD,    /* x F(C,H,W) -> y F(>=C,Ho,Wo), channels [to, to+C), the rest of y untouched: bilinear x2,
                            half-pixel centres, centre crop */
    DP_UPSAMPLE2_BWD,    /* dy -> dx */
    DP_CHANNEL_COPY,     /* x -> y, one layout: channels [from, from+n) of x into [to, to+n) of y; rest of y untouched,
                            or 0 with `clear` */
    DP_ADD,              /* a, b -> y, same shape (in place of a or b allowed) */
    DP_MULADD,           /* a (may be NULL = 0), b, c -> y = a + b*c, same shape (in place of any allowed) */
    DP_MATMUL,           /* a, b -> y: y = alpha op(a) op(b); a tensor is the matrix of C rows and H*W columns */
    DP_MAXPOOL2_FWD,     /* x F(C,H,W) -> y F(C,H/2,W/2), index (storage as y; back end's own content) */
    DP_MAXPOOL2_BWD,     /* dy, index -> dx */
    DP_LINEAR_FWD,       /* x[n], w[m][n], b[m] -> y[m] */
    DP_LINEAR_BWD,       /* x, w, dy -> dx (may be NULL), dw, db */
    DP_ACT_FWD,          /* x P -> y (in place allowed): relu6, sigmoid, or sin(factor*x), which may be F */
    DP_ACT_BWD,          /* y (sine: x), dy -> dx (in place of dy allowed) */
    DP_SOFTMAX_FWD,      /* x[n] -> y[n] */
    DP_SOFTMAX_BWD,      /* y, dy -> dx */
    DP_BLUR_FWD,         /* x P(C,H,W), psf[kh][kw] -> y P(C,H-kh+1,W-kw+1): valid true convolution of each plane */
    DP_BLUR_BWD,         /* x, psf, dy -> dx (may be NULL), dpsf (may be NULL; summed over planes) */
    DP_WIENER,     /* x P(C,H,W), psf[kh][kw] -> y P(C,H+kh-1,W+kw-1): a latent picture, conj(G) X / (|G|^2 + c) with
                                the spectra G, X of both on a periodic plane of good sizes (fourier.h) >= those of y;
                      between its last and its first row and column x goes over linearly */
    DP_WIENER_BWD, /* x, psf, dy -> dpsf (summed over planes) */
    DP_DOWNSAMPLE_FWD, /* x P(C,H,W) -> y P(C,H/f,W/f): Lanczos' filter, the centres of f x f pixels, border repeated */
    DP_DOWNSAMPLE_BWD, /* dy -> dx */
    /* Losses: inputs, float weight (host; may change between runs) -> loss[1], gradients. Means are over every element
     * of x unless said. */
    DP_MSE,           /* x, target (NULL: op.loss.value), mask P(1,H,W) for all channels (NULL: 1), weight
                         -> loss = weight*mean mask*(x-t)^2, dx, dtarget (may be NULL) */
    DP_SSIM,          /* x, target P(C,H,W), weight -> loss = weight*(1 - mean SSIM), dx */
    DP_TV,            /* x P, weight -> loss = weight*mean sqrt(dx^2+dy^2+eps), dx; forward differences, 0 at the end */
    DP_DERIVATIVES,   /* x, target P, weight -> loss = weight/n*(c0 |r|^2 + c1 (|dv r|^2 + |dh r|^2) + c2 (|dvv r|^2 +
                         |dvh r|^2 + |dhv r|^2 + |dhh r|^2)), r = x - target, n = elements of x, c = op.loss.order,
                         forward differences where all their pixels exist; dx */
    DP_MEAN_LOG,      /* x P, weight -> loss = weight*mean log max(x, 1e-45), dx */
    DP_SPARSE_PRIOR,  /* mean P, std P, weight -> loss = weight/4*(mean log(p_v+1e-6) + mean log(p_h+1e-6)), p = squared
                         difference of the means of two neighbours plus both variances; dmean, dstd */
    DP_EXTREME_PRIOR, /* mean P, std P, noise P, weight -> loss = weight/4*(mean log|dark| + mean log|bright|): the
                         least over channels and op.loss.window^2 pixels (cut off at the border; of equals the first by
                         rows, columns, channels) of a sample of x^2, and of (1-x)^2 (ref/vdip.inc); dmean, dstd */
    DP_ADAM,          /* p[n], g[n], m[n], v[n], dp_adam_step (host) -> p, m, v in place */
    DP_FINITE,        /* x[n] -> y[1]: 0 if every number is finite, else NaN */
    DP_RANDOM,        /* x (may be NULL = 0), uint64_t draw (host) -> y = x + scale*number; element order: philox.h */
    DP_OP_KINDS
} dp_op_kind;

typedef enum dp_pad { DP_PAD_REFLECT, DP_PAD_ZERO } dp_pad; /* of k/2 pixels; reflect does not repeat the edge */
typedef enum dp_act { DP_RELU6, DP_SIGMOID, DP_SINE } dp_act;
typedef enum dp_random { DP_UNIFORM, DP_NORMAL } dp_random;

typedef struct dp_adam_step {
    double lr, beta1, beta2, eps; /* PyTorch's Adam: p -= lr/(1-b1^t) * m / (sqrt(v)/sqrt(1-b2^t) + eps) */
    int64_t t;                    /* from 1 */
} dp_adam_step;

typedef struct dp_op {
    dp_op_kind kind;
    dp_shape x; /* the first input of the forward op (of the pair, for an adjoint) */
    dp_shape y; /* the output of the forward op; losses, adam and adjoints: see above */
    union {
        struct {
            int k, stride;
            dp_pad pad;
        } conv; /* k 1 or 3, stride 1 or 2 (k=3); Ho=(H-1)/stride+1 */
        struct {
            float eps, slope;
        } norm; /* slope of LeakyReLU; 1 = no activation */
        struct {
            int to; /* 0 unless the back end's channels are interleaved */
        } up;
        struct {
            int from, to, n;
            bool clear;
        } copy;
        struct {
            dp_shape b;
            bool trans_a, trans_b;
            float alpha;
        } matmul; /* x is a */
        struct {
            dp_act act;
            float factor; /* of the sine */
        } act;
        struct {
            int kh, kw;
        } blur; /* odd, 1..101 */
        struct {
            int kh, kw;
            float constant;
        } wiener;
        struct {
            int factor, lobes; /* 2, 4 or 8; 2 or 3 */
        } down;
        struct {
            float eps;      /* tv */
            float value;    /* mse without a target */
            float order[3]; /* derivatives */
            int window;     /* extreme prior: side, odd */
        } loss;
        struct {
            dp_philox_key key;
            dp_random law;
            float scale;
        } random;
    };
} dp_op;

static inline bool dp_op_is_loss(dp_op_kind kind) {
    return kind >= DP_MSE && kind <= DP_EXTREME_PRIOR;
}

const char *dp_op_name(dp_op_kind kind); /* "conv_fwd" ... */
int dp_op_inputs(dp_op_kind kind);       /* how many of the args, from the first, are only read */

/* The taps of a down-sampling filter along one side: lanczos(d) = sinc(d) sinc(d/lobes) at 2*lobes*factor distances d
 * from the output pixel's centre, in output pixels, with sum 1. Returns their number. Tap a of output i belongs to
 * input factor*i + a - (taps-factor)/2. */
enum { DP_DOWNSAMPLE_TAPS = 2 * 3 * 8 };
int dp_downsample_taps(const dp_op *op, double tap[DP_DOWNSAMPLE_TAPS]);

/* Output size of a convolution along one side; reflection needs side >= 2 where it pads. */
static inline int dp_conv_out(int side, int stride) {
    return (side - 1) / stride + 1;
}

#endif
