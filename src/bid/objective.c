#include "bid/objective.h"

/* ---- Building ---- */

static void build_data(dp_objective *o, const dp_recipe *r, dp_graph *g, const dp_views *v) {
    const struct {
        dp_op_kind kind;
        dp_value x;
    } data[DP_LOSSES] = {[DP_LOSS_MSE] = {DP_MSE, v->seen},
                         [DP_LOSS_SSIM] = {DP_SSIM, v->seen},
                         [DP_LOSS_ELBO] = {DP_DERIVATIVES, v->sample_seen}};
    for (int i = 0; i < r->loss.count; i++) {
        const int what = r->loss.what[i];
        if (o->loss[what] >= 0) continue;
        o->loss[what] = what == DP_LOSS_MSE ? dp_graph_loss_mse(g, v->seen, v->target, 0, v->mask, 1.0f)
                                            : dp_graph_loss(g, data[what].kind, data[what].x, v->target, 1.0f);
    }
}

/* Without a standard deviation it is 0 everywhere: an input that nobody writes to. */
static void build_prior(dp_objective *o, const dp_recipe *r, dp_graph *g, const dp_views *v, uint64_t seed) {
    const dp_shape s = dp_graph_shape(g, v->mean);
    const dp_value std = v->std >= 0 || r->prior == DP_PRIOR_NONE ? v->std : dp_graph_input(g, s);
    if (r->prior == DP_PRIOR_SPARSE) o->prior = dp_graph_loss_sparse(g, v->mean, std, 1.0f);
    if (r->prior != DP_PRIOR_EXTREME) return;
    const dp_value noise = dp_graph_noise(g, s, dp_philox_key_make(seed, DP_STREAM_PRIOR), DP_NORMAL);
    o->prior = dp_graph_loss_extreme(g, v->mean, std, noise, 1.0f);
}

static void build_early(dp_objective *o, const dp_recipe *r, dp_graph *g, const dp_views *v) {
    if (v->early < 0) return;
    o->early_mean = dp_graph_loss_mse(g, v->mean, v->early, 0, v->reported, 1.0f);
    if (v->std >= 0) o->early_std = dp_graph_loss_mse(g, v->std, -1, 0, v->reported, 1.0f);
    if (r->pretrain_psf && v->psf >= 0)
        o->early_psf = dp_graph_loss_mse(g, v->psf, -1, 1.0f / (float)o->psf_count, -1, 1.0f);
}

static void build_guide(dp_objective *o, dp_graph *g, const dp_views *v) {
    if (v->guide < 0) return;
    o->guide = dp_graph_loss_mse(g, v->mean, v->guide, 0, v->reported, 1.0f);
    o->guide_psf = dp_graph_loss_mse(g, v->psf, v->guide_psf, 0, -1, 1.0f);
    o->guide_energy = dp_graph_loss_mse(g, v->guide_psf, -1, 0, -1, 1.0f);
}

void dp_objective_build(dp_objective *o, const dp_recipe *r, dp_graph *g, const dp_views *v, const dp_sizes *at,
                        uint64_t seed) {
    const double latent = (double)at->lh * at->lw;
    *o = (dp_objective){.log_std = -1, .psf_energy = -1, .prior = -1};
    o->early_mean = o->early_std = o->early_psf = -1;
    o->guide = o->guide_psf = o->guide_energy = -1;
    for (int i = 0; i < DP_LOSSES; i++) o->loss[i] = -1;
    o->elbo_share = (double)at->h * at->w / latent;
    o->reported_share = latent / ((double)at->oh * at->ow);
    o->psf_count = at->kh * at->kw;
    build_data(o, r, g, v);
    if (dp_recipe_uses(r, DP_LOSS_ELBO)) {
        o->log_std = dp_graph_loss(g, DP_MEAN_LOG, v->std, -1, 1.0f);
        if (v->psf >= 0) o->psf_energy = dp_graph_loss_mse(g, v->psf, -1, 0, -1, 1.0f);
    }
    build_prior(o, r, g, v, seed);
    build_early(o, r, g, v);
    build_guide(o, g, v);
    if (r->tv > 0) (void)dp_graph_loss(g, DP_TV, v->mean, -1, (float)r->tv);
}

/* ---- Each iteration ---- */

static void set(dp_graph *g, int loss, double weight) {
    if (loss < 0) return;
    dp_graph_loss_enable(g, loss, weight != 0);
    dp_graph_loss_weight(g, loss, (float)weight);
}

/* The ELBO, negative: -EXP - w NKL with NKL = mean log S - prior - 10 |K|^2 / 2. */
static void set_main(const dp_objective *o, const dp_recipe *r, dp_graph *g, long t, long iterations, double share) {
    const int now = dp_recipe_stage(&r->loss, t > 0 ? t : 0, iterations);
    const double prior = now == DP_LOSS_SSIM ? 0 : share * dp_recipe_prior_weight(r, t, iterations);
    for (int i = 0; i < DP_LOSSES; i++)
        set(g, o->loss[i], i == now ? share * (i == DP_LOSS_ELBO ? o->elbo_share : 1) : 0);
    set(g, o->prior, prior);
    set(g, o->log_std, now == DP_LOSS_ELBO ? -prior : 0);
    set(g, o->psf_energy, now == DP_LOSS_ELBO ? 5 * prior * o->psf_count : 0);
    set(g, o->guide, share * r->guide * o->reported_share);
    set(g, o->guide_psf, share * r->guide_psf * o->psf_count);
    set(g, o->guide_energy, share * r->guide_energy * o->psf_count);
}

void dp_objective_set(const dp_objective *o, const dp_recipe *r, dp_graph *g, long t, long iterations) {
    const double early = t < 0 ? 1 - r->pretrain_alpha : 0;
    set_main(o, r, g, t, iterations, 1 - early);
    set(g, o->early_mean, early * o->reported_share);
    set(g, o->early_std, early * o->reported_share);
    set(g, o->early_psf, early);
}
