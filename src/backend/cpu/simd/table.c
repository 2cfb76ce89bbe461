/* The kernels of one instruction set. */
#include "backend/cpu/simd/kernels.h"

#define DP_STRING_(name) #name
#define DP_STRING(name) DP_STRING_(name)
#define FN(name) DP_ISA(dp_cpu_##name)

const dp_cpu_isa
    DP_ISA(dp_cpu_isa) =
        {
            .name = DP_STRING(DP_ISA_NAME),
            .block = DP_BLOCK,
            .kernel =
                {
                    [DP_CONV_FWD] = {FN(conv_supports), FN(conv_workspace), FN(conv_run)},
                    [DP_CONV_BWD_DATA] = {FN(conv_supports), FN(conv_workspace), FN(conv_run)},
                    [DP_CONV_BWD_WEIGHTS] = {FN(conv_supports), FN(conv_workspace), FN(conv_run)},
                    [DP_NORM_ACT_FWD] = {NULL, FN(norm_workspace), FN(norm_act_fwd)},
                    [DP_NORM_ACT_BWD] = {NULL, FN(norm_workspace), FN(norm_act_bwd)},
                    [DP_UPSAMPLE2_FWD] = {NULL, NULL, FN(upsample2_fwd)},
                    [DP_UPSAMPLE2_BWD] = {NULL, NULL, FN(upsample2_bwd)},
                    [DP_CHANNEL_COPY] = {NULL, NULL, FN(channel_copy)},
                    [DP_ADD] = {NULL, NULL, FN(add)},
                    [DP_MULADD] = {NULL, NULL, FN(muladd)},
                    [DP_MATMUL] = {NULL, FN(matmul_workspace), FN(matmul)},
                    [DP_MAXPOOL2_FWD] = {NULL, NULL, FN(maxpool2_fwd)},
                    [DP_MAXPOOL2_BWD] = {NULL, NULL, FN(maxpool2_bwd)},
                    [DP_LINEAR_FWD] = {NULL, NULL, FN(linear_fwd)},
                    [DP_LINEAR_BWD] = {NULL, NULL, FN(linear_bwd)},
                    [DP_ACT_FWD] = {NULL, NULL, FN(act_fwd)},
                    [DP_ACT_BWD] = {NULL, NULL, FN(act_bwd)},
                    [DP_SOFTMAX_FWD] = {NULL, NULL, FN(softmax_fwd)},
                    [DP_SOFTMAX_BWD] = {NULL, NULL, FN(softmax_bwd)},
                    [DP_BLUR_FWD] = {NULL, FN(blur_workspace), FN(blur_fwd)},
                    [DP_BLUR_BWD] = {NULL, FN(blur_workspace), FN(blur_bwd)},
                    [DP_DOWNSAMPLE_FWD] = {NULL, FN(downsample_workspace), FN(downsample_fwd)},
                    [DP_DOWNSAMPLE_BWD] = {NULL, FN(downsample_workspace), FN(downsample_bwd)},
                    [DP_MSE] = {NULL, FN(loss_workspace), FN(mse)},
                    [DP_SSIM] = {NULL, FN(ssim_workspace), FN(ssim)},
                    [DP_TV] = {NULL, FN(loss_workspace), FN(tv)},
                    [DP_DERIVATIVES] = {NULL, FN(derivatives_workspace), FN(derivatives)},
                    [DP_MEAN_LOG] = {NULL, FN(loss_workspace), FN(mean_log)},
                    [DP_SPARSE_PRIOR] = {NULL, FN(sparse_workspace), FN(sparse_prior)},
                    [DP_EXTREME_PRIOR] = {NULL, FN(extreme_workspace), FN(extreme_prior)},
                    [DP_ADAM] = {NULL, NULL, FN(adam)},
                    [DP_RANDOM] = {NULL, NULL, FN(random_fill)},
                },
};
