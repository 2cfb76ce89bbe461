#include "bid/objective.h"

static const dp_op_kind kinds[DP_LOSSES] = {[DP_LOSS_MSE] = DP_MSE, [DP_LOSS_SSIM] = DP_SSIM};

void dp_objective_build(dp_objective *o, const dp_recipe *r, dp_graph *g, dp_value latent, dp_value seen,
                        dp_value target, dp_value mask) {
    for (int i = 0; i < DP_LOSSES; i++) o->loss[i] = -1;
    for (int i = 0; i < r->loss.count; i++) {
        const int what = r->loss.what[i];
        if (o->loss[what] >= 0) continue;
        o->loss[what] = what == DP_LOSS_MSE ? dp_graph_loss_mse(g, seen, target, 0, mask, 1.0f)
                                            : dp_graph_loss(g, kinds[what], seen, target, 1.0f);
    }
    if (r->tv > 0) (void)dp_graph_loss(g, DP_TV, latent, -1, (float)r->tv);
}

void dp_objective_set(const dp_objective *o, const dp_recipe *r, dp_graph *g, long t, long iterations) {
    const int now = dp_recipe_stage(&r->loss, t, iterations);
    for (int i = 0; i < DP_LOSSES; i++)
        if (o->loss[i] >= 0) dp_graph_loss_enable(g, o->loss[i], i == now);
}
