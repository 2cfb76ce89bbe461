/* The CUDA back end: what its files share.
 *
 * Everything is enqueued on the back end's one stream, in the order of plan_run; nothing waits but upload and download.
 * Sums are made in a fixed order (no floating-point atomics), so that the same seed gives the same bits on one GPU.
 *
 * Features are NHWC with a border of one pixel: element (c, y, x) lies at ((y+1)*(W+2) + x+1)*C + c. In a feature map
 * the border mirrors the inside without repeating the edge, as the convolutions' padding wants it; in a gradient it is
 * zero. Whoever writes one keeps that. Only a convolution without bias leaves its border undefined: a normalisation
 * follows, which reads the inside. Elements are float, or bfloat16 with the precision "bf16"; all else is float.
 *
 * Weights of convolutions (layout DP_WEIGHTS) lie as [out][ky][kx][in], which is what cuDNN calls KRSC. */
#ifndef DP_BACKEND_CUDA_CUDA_H
#define DP_BACKEND_CUDA_CUDA_H

#include <cuda_runtime_api.h>

#if defined(__cplusplus)
extern "C" {
#endif

#include "backend/backend.h"

typedef enum dp_cuda_precision { DP_CUDA_F32, DP_CUDA_TF32, DP_CUDA_BF16 } dp_cuda_precision;

/* What a plan keeps on the device: its host argument, and a counter for "the last block to finish", which is 0 between
 * launches. */
typedef struct dp_cuda_slot {
    union {
        float weight;    /* of a loss */
        uint64_t draw;   /* of random numbers */
        float number[7]; /* Adam: b1, b2, 1-b1, 1-b2, lr/(1-b1^t), sqrt(1-b2^t), eps */
    };
    unsigned finished;
} dp_cuda_slot;

enum { DP_CUDA_LANES = 6 };

typedef struct dp_cuda_weights { /* an array of weights, and the same as bfloat16 */
    const char *at;
    size_t bytes;
    void *rounded;
    struct dp_cuda_weights *next;
} dp_cuda_weights;

typedef struct dp_cuda {
    dp_backend base; /* first */
    int device;
    int processors; /* multiprocessors of the GPU: grids of sums have about as many blocks */
    dp_cuda_precision precision;
    cudaStream_t stream;              /* where everything goes at the moment: */
    cudaStream_t lane[DP_CUDA_LANES]; /* ... one of these, the first unless a recording says otherwise */
    cudaEvent_t *mark;                /* of recordings, by number; made when first asked for */
    int marks;
    void *dnn;                        /* dnn.h's own */
    struct dp_cuda_known *known;      /* convolutions planned so far (conv.c) */
    struct dp_cuda_recording *record; /* being recorded; else NULL */
    dp_cuda_slot *slots;              /* device */
    unsigned char *slot_taken;        /* host */
    dp_cuda_weights *weights;         /* with bf16 */
    void *staging;                    /* pinned host memory for copies */
    size_t staging_bytes;
    cudaError_t error; /* the first that came */
    char detail[160];
} dp_cuda;

typedef struct dp_cuda_plan dp_cuda_plan;

/* A row of the table: how an op runs. */
typedef struct dp_cuda_kernel {
    void (*run)(const dp_cuda_plan *plan, void *const *args, void *ws);             /* enqueues */
    size_t (*workspace)(const dp_cuda *be, const dp_op *op);                        /* bytes; NULL: none */
    dipper_status (*prepare)(dp_cuda_plan *plan, dp_diag *diag, size_t *workspace); /* NULL: nothing to make */
    void (*drop)(dp_cuda_plan *plan);                                               /* of what prepare made */
} dp_cuda_kernel;

struct dp_cuda_plan { /* is a dp_plan */
    dp_op op;
    dp_cuda *be;
    const dp_cuda_kernel *kernel;
    dp_cuda_slot *slot; /* on the device, this plan's own */
    void *own;          /* what prepare made */
};

/* The rows, by file. */
extern const dp_cuda_kernel dp_cuda_conv_fwd, dp_cuda_conv_bwd_data, dp_cuda_conv_bwd_weights; /* conv.c */
extern const dp_cuda_kernel dp_cuda_norm_act_fwd, dp_cuda_norm_act_bwd;                        /* norm.cu */
extern const dp_cuda_kernel dp_cuda_upsample2_fwd, dp_cuda_upsample2_bwd;                      /* resample.cu */
extern const dp_cuda_kernel dp_cuda_channel_copy, dp_cuda_maxpool2_fwd, dp_cuda_maxpool2_bwd;
extern const dp_cuda_kernel dp_cuda_add, dp_cuda_muladd; /* elementwise.cu */
extern const dp_cuda_kernel dp_cuda_act_fwd, dp_cuda_act_bwd, dp_cuda_adam, dp_cuda_random, dp_cuda_finite;
extern const dp_cuda_kernel dp_cuda_matmul, dp_cuda_linear_fwd, dp_cuda_linear_bwd; /* dense.cu */
extern const dp_cuda_kernel dp_cuda_softmax_fwd, dp_cuda_softmax_bwd;
extern const dp_cuda_kernel dp_cuda_blur_fwd, dp_cuda_blur_bwd;             /* blur.cu */
extern const dp_cuda_kernel dp_cuda_downsample_fwd, dp_cuda_downsample_bwd; /* camera.cu */
extern const dp_cuda_kernel dp_cuda_wiener, dp_cuda_wiener_bwd;
extern const dp_cuda_kernel dp_cuda_mse, dp_cuda_ssim, dp_cuda_tv; /* losses.cu */
extern const dp_cuda_kernel dp_cuda_derivatives, dp_cuda_mean_log, dp_cuda_sparse_prior,
    dp_cuda_extreme_prior; /* vdip.cu */

/* Small kernels that the convolutions need. pointwise.cu: planar outputs of 1x1 convolutions; border.cu: the rest. */
void dp_cuda_point_fwd(const dp_cuda_plan *plan, const void *x, const float *w, const float *b, float *y);
void dp_cuda_point_bwd_data(const dp_cuda_plan *plan, const float *dy, const float *w, void *dx);
void dp_cuda_point_bwd_weights(const dp_cuda_plan *plan, const void *x, const float *dy, float *dw, float *db,
                               void *ws);
size_t dp_cuda_point_workspace(const dp_cuda *be, const dp_op *op);

/* The plans of convolutions that conv.c keeps: begins those that ops will need; drops all. */
void dp_cuda_conv_expect(dp_backend *base, int n, const dp_op *const *ops);
void dp_cuda_conv_forget(dp_cuda *be);

/* The adjoint of the mirrored border of dx (op.x): its border goes to where it came from and becomes 0. With zero
 * padding the border is just cleared. */
void dp_cuda_border_fold(const dp_cuda *be, dp_shape s, bool mirror, void *dx);
void dp_cuda_border_clear_copy(const dp_cuda *be, dp_shape s, const void *x,
                               void *copy); /* copy: x with a border of 0 */
/* mirrored: y's border is the mirrored inside already; else it will be. */
void dp_cuda_bias_add(const dp_cuda *be, dp_shape s, bool mirrored, const float *b, void *y);
void dp_cuda_bias_sum(const dp_cuda_plan *plan, dp_shape s, const void *dy, float *db, void *ws);
size_t dp_cuda_bias_workspace(const dp_cuda *be, dp_shape s);
/* Where the weight at w lies as bfloat16; NULL: nowhere. */
void *dp_cuda_rounded(const dp_cuda *be, const void *w);
void dp_cuda_to_bf16(const dp_cuda *be, size_t n, const float *x, void *y);
void dp_cuda_from_bf16(const dp_cuda *be, size_t n, const void *x, float *y);

/* y[j] = alpha * sum of part[i][j] over i < count, j < n, in a fixed order (dense.cu). */
void dp_cuda_sum_columns(const dp_cuda *be, int count, size_t n, const float *part, float alpha, float *y);

/* One launch for many: what host arguments say at this moment (elementwise.cu). */
enum { DP_CUDA_SETTINGS = 40 };
typedef struct dp_cuda_settings {
    struct {
        dp_cuda_slot *slot;
        float number[7];
        int padding;
    } at[DP_CUDA_SETTINGS];
    int count;
} dp_cuda_settings;
void dp_cuda_set(const dp_cuda *be, const dp_cuda_settings *settings);

/* Keeps the first error of the device. */
void dp_cuda_note(const dp_cuda *be, cudaError_t error);

#if defined(__cplusplus)
}
#endif
#endif
