#include "bid/stage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "bid/net_input.h"
#include "image/psf.h"
#include "nn/network.h"

/* ---- Opening ---- */

static void name_scale(dp_stage *s) {
    if (s->scale == 1.0)
        snprintf(s->name, sizeof s->name, "scale 1");
    else
        snprintf(s->name, sizeof s->name, "scale 1/%.3g", 1.0 / s->scale);
}

/* The network's outputs: mean, and behind it the standard deviation, each of the picture's channels. */
static void build_picture(dp_stage *s, const dp_recipe *r, dp_params *image_params) {
    dp_graph *g = s->graph;
    const bool std = r->output == DP_OUTPUT_MEAN_STD;
    const dp_skip_config net = {.out_channels = s->channels * (std ? 2 : 1),
                                .channels = r->channels,
                                .skip_channels = r->skip_channels,
                                .scales = dp_skip_scales(s->at.lh, s->at.lw, r->depth),
                                .first_nonlocal = r->nonlocal_from};
    const int inputs = r->input == DP_INPUT_FOURIER ? 4 * r->fourier_count : r->input_channels;
    dp_value x = s->input = dp_graph_input(g, dp_feature(inputs, s->at.lh, s->at.lw));
    if (r->perturb > 0)
        x = dp_graph_perturb(g, x, dp_philox_key_make(s->seeds.run, DP_STREAM_PERTURB), DP_NORMAL, (float)r->perturb);
    s->view.mean = dp_build_skip(g, image_params, x, &net);
    if (!std) return;
    const dp_value both = s->view.mean;
    s->view.mean = dp_graph_slice(g, both, 0, s->channels);
    s->view.std = dp_graph_slice(g, both, s->channels, s->channels);
    dp_graph_keep(g, s->view.std);
}

static void build_camera(dp_stage *s, const dp_recipe *r) {
    dp_graph *g = s->graph;
    dp_views *v = &s->view;
    v->seen = dp_problem_camera(s->problem, &s->at, g, v->mean, s->psf.psf);
    if (v->std < 0 || !dp_recipe_uses(r, DP_LOSS_ELBO)) return;
    const dp_philox_key key = dp_philox_key_make(s->seeds.run, DP_STREAM_SAMPLE);
    const dp_value noise = dp_graph_noise(g, dp_graph_shape(g, v->mean), key, DP_NORMAL);
    const dp_value sample = dp_graph_muladd(g, v->mean, v->std, noise);
    v->sample_seen = dp_problem_camera(s->problem, &s->at, g, sample, s->psf.psf);
}

static dipper_status build(dp_stage *s, const dp_recipe *r, const dp_stage *first, dp_params *image_params,
                           dp_diag *diag) {
    if (dp_skip_scales(s->at.lh, s->at.lw, r->depth) < 1)
        return dp_fail(diag, DIPPER_ERROR_INPUT, "picture too small: %dx%d pixels at %s", s->at.w, s->at.h, s->name);
    dp_graph *g = s->graph;
    dp_views *v = &s->view;
    v->target = dp_graph_input(g, dp_planar(s->channels, s->at.h, s->at.w));
    if (s->weights != NULL) v->mask = dp_graph_input(g, dp_planar(1, s->at.h, s->at.w));
    build_picture(s, r, image_params);
    DP_TRY(dp_psf_net_open(&s->psf, g, s->be, s->problem, r, s->scale, first != NULL ? &first->psf : NULL, diag));
    v->psf = s->psf.params != NULL ? s->psf.psf : -1;
    build_camera(s, r);
    DP_TRY(dp_guide_open(&s->guide, g, s->be, r, &s->at, v->target, diag));
    v->guide = s->guide.latent;
    v->guide_psf = s->guide.psf;
    if (s->pretrain > 0) v->early = dp_graph_input(g, dp_planar(s->channels, s->at.lh, s->at.lw));
    if (s->pretrain > 0 || v->guide >= 0) v->reported = dp_graph_input(g, dp_planar(1, s->at.lh, s->at.lw));
    dp_objective_build(&s->objective, r, g, v, &s->at, s->seeds.run);
    dp_graph_keep(g, v->mean);
    if (r->stop_noise > 0) dp_graph_keep(g, v->seen);
    return dp_graph_compile(g, diag);
}

dipper_status dp_stage_open(dp_stage *s, dp_backend *be, const dp_recipe *r, int number, const dp_problem *problem,
                            const dp_stage *first, const dp_seeds *seeds, dp_params *image_params, dp_diag *diag) {
    *s = (dp_stage){.be = be,
                    .problem = problem,
                    .number = number,
                    .scale = r->scales.value[number],
                    .iterations = (long)r->iterations.value[number],
                    .channels = problem->given.channels,
                    .pretrain = number == 0 ? r->pretrain : 0,
                    .seeds = *seeds,
                    .view = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}};
    name_scale(s);
    s->at = dp_problem_sizes(problem, s->scale);
    s->given = dp_alloc(dp_stage_given_count(s), sizeof *s->given);
    if (dp_problem_is_masked(problem)) s->weights = dp_alloc((size_t)s->at.h * (size_t)s->at.w, sizeof *s->weights);
    if (s->given == NULL || (dp_problem_is_masked(problem) && s->weights == NULL))
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a %dx%d picture", s->at.w, s->at.h);
    DP_TRY(dp_problem_given_at(problem, s->scale, diag, s->given));
    if (s->weights != NULL) dp_problem_weights(problem, s->weights);
    DP_TRY(dp_graph_new(be, diag, &s->graph));
    DP_TRY(build(s, r, first, image_params, diag));
    for (int i = 0; i < DP_STAGE_PARAMS; i++)
        if (dp_stage_params(s, i) != NULL) DP_TRY(dp_params_alloc(dp_stage_params(s, i), diag));
    return DIPPER_OK;
}

dp_params *dp_stage_params(const dp_stage *s, int i) {
    return i == 0 ? s->psf.params : s->guide.params;
}

void dp_stage_close(dp_stage *s) {
    dp_graph_free(s->graph);
    dp_psf_net_close(&s->psf);
    dp_guide_close(&s->guide);
    dp_free(s->given);
    dp_free(s->weights);
    *s = (dp_stage){0};
}

/* ---- Beginning ---- */

/* Pre-training's target in the middle of the latent picture, the part that will be reported. */
static dipper_status write_early(dp_stage *s, const dp_recipe *r, dp_diag *diag) {
    const dp_sizes *at = &s->at;
    const size_t plane = (size_t)at->oh * (size_t)at->ow, latent = (size_t)at->lh * (size_t)at->lw;
    const dp_image *from = r->pretrain_target == DP_TARGET_TRUTH ? &s->problem->truth : &s->problem->given;
    float *target = dp_alloc((size_t)s->channels * (plane + latent), sizeof *target);
    if (target == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the target of pre-training");
    float *picture = target + (size_t)s->channels * latent;
    const dipper_status status = dp_problem_picture_at(from, at->oh, at->ow, s->scale, diag, picture);
    for (int y = 0; y < at->oh; y++) {
        const size_t to = (size_t)(y + at->oy) * (size_t)at->lw + (size_t)at->ox;
        for (int c = 0; c < s->channels; c++)
            memcpy(target + (size_t)c * latent + to, picture + (size_t)c * plane + (size_t)y * (size_t)at->ow,
                   (size_t)at->ow * sizeof *target);
    }
    dp_graph_write(s->graph, s->view.early, target);
    dp_free(target);
    return status;
}

static dipper_status write_reported(dp_stage *s, dp_diag *diag) {
    const dp_sizes *at = &s->at;
    float *mask = dp_alloc((size_t)at->lh * (size_t)at->lw, sizeof *mask);
    if (mask == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a mask");
    for (int y = at->oy; y < at->oy + at->oh; y++)
        for (int x = at->ox; x < at->ox + at->ow; x++) mask[(size_t)y * (size_t)at->lw + (size_t)x] = 1;
    dp_graph_write(s->graph, s->view.reported, mask);
    dp_free(mask);
    return DIPPER_OK;
}

/* From what the scale before found, where there was one. */
static dipper_status begin_guide(dp_stage *s, const dp_stage *before, const float *psf, dp_diag *diag) {
    if (before == NULL || s->guide.params == NULL) return dp_guide_begin(&s->guide, NULL, diag);
    float *own = dp_alloc(dp_stage_psf_count(s), sizeof *own);
    if (own == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    dipper_status status =
        dp_psf_resample(psf, before->at.kh, before->at.kw, s->scale / before->scale, diag, own, s->at.kh, s->at.kw);
    if (status == DIPPER_OK) status = dp_guide_begin(&s->guide, own, diag);
    dp_free(own);
    return status;
}

dipper_status dp_stage_begin(dp_stage *s, const dp_recipe *r, void *arena, const dp_stage *before, const float *psf,
                             dp_diag *diag) {
    dp_graph_bind(s->graph, arena);
    s->ahead.begun = false;
    dp_graph_set_counter(s->graph, (uint64_t)s->number << 32);
    dp_graph_write(s->graph, s->view.target, s->given);
    if (s->view.mask >= 0) dp_graph_write(s->graph, s->view.mask, s->weights);
    const uint64_t draw = ((uint64_t)s->attempt << 32) + (uint64_t)s->number;
    const dp_psf_chance chance = {dp_philox_key_make(s->seeds.weights, DP_STREAM_PSF),
                                  dp_philox_key_make(s->seeds.input, DP_STREAM_PSF), draw};
    if (r->input == DP_INPUT_FOURIER)
        DP_TRY(dp_write_fourier(s->graph, s->input, r->fourier_highest, diag));
    else
        DP_TRY(dp_write_noise(s->graph, s->input, dp_philox_key_make(s->seeds.input, DP_STREAM_INPUT), draw, diag));
    if (s->pretrain > 0) DP_TRY(write_early(s, r, diag));
    if (s->view.reported >= 0) DP_TRY(write_reported(s, diag));
    DP_TRY(begin_guide(s, before, psf, diag));
    return dp_psf_net_begin(&s->psf, &chance, before != NULL ? &before->psf : NULL, psf, diag);
}

/* ---- Iterating ---- */

static double rate(const dp_recipe *r, long t, long iterations) {
    double factor = 1;
    for (int i = 0; i < r->lr_halve.count; i++)
        if (dp_recipe_reached(r->lr_halve.value[i], t, iterations)) factor *= 0.5;
    return factor;
}

bool dp_stage_moves_psf(const dp_stage *s, const dp_recipe *r, long t) {
    return t < 0 || dp_recipe_reached(r->psf_from, t, s->iterations); /* t < 0: pre-training */
}

static long changes(const dp_stage *s, const dp_params *image_params) {
    long sum = dp_params_changes(image_params);
    for (int i = 0; i < DP_STAGE_PARAMS; i++)
        if (dp_stage_params(s, i) != NULL) sum += dp_params_changes(dp_stage_params(s, i));
    return sum;
}

void dp_stage_go_ahead(dp_stage *s, const dp_recipe *r, const dp_params *image_params, long t) {
    if (s->be->vt->replay == NULL || t >= s->iterations) return;
    s->ahead.begun = true;
    s->ahead.t = t;
    s->ahead.changes = changes(s, image_params);
    s->ahead.counter = dp_graph_counter(s->graph);
    dp_objective_set(&s->objective, r, s->graph, t, s->iterations);
    dp_graph_run(s->graph);
}

/* Forward, losses, backward, unless they have been begun with these parameters. */
static void run(dp_stage *s, const dp_recipe *r, const dp_params *image_params, long t) {
    const bool done = s->ahead.begun && s->ahead.t == t && s->ahead.changes == changes(s, image_params);
    if (s->ahead.begun && !done) dp_graph_set_counter(s->graph, s->ahead.counter);
    s->ahead.begun = false;
    if (done) return;
    dp_objective_set(&s->objective, r, s->graph, t, s->iterations);
    dp_graph_run(s->graph);
}

double dp_stage_iterate(dp_stage *s, const dp_recipe *r, dp_params *image_params, const dp_turn *turn, bool *skipped) {
    const double factor = turn->rate * rate(r, turn->t, s->iterations);
    const dp_adam_step image = {r->lr_image * factor, r->beta1_image, r->beta2_image, 1e-8, turn->image_t + 1};
    const double lr[DP_STAGE_PARAMS] = {r->lr_psf, r->lr_guide};
    run(s, r, image_params, turn->t);
    *skipped = !dp_params_gradients_finite(image_params);
    for (int i = 0; i < DP_STAGE_PARAMS; i++)
        if (dp_stage_params(s, i) != NULL && !dp_params_gradients_finite(dp_stage_params(s, i))) *skipped = true;
    if (!*skipped) dp_params_adam(image_params, &image);
    const bool held = *skipped || !dp_stage_moves_psf(s, r, turn->t);
    for (int i = 0; i < DP_STAGE_PARAMS && !held; i++) {
        const dp_adam_step step = {lr[i] * factor, r->beta1_psf, r->beta2_psf, 1e-8, turn->psf_t + 1};
        if (dp_stage_params(s, i) != NULL) dp_params_adam(dp_stage_params(s, i), &step);
    }
    return dp_graph_loss_sum(s->graph);
}

void dp_stage_read_std(const dp_stage *s, float *std) {
    dp_graph_read(s->graph, s->view.std, std);
}

void dp_stage_read(const dp_stage *s, float *latent, float *psf) {
    dp_graph_read(s->graph, s->view.mean, latent);
    if (s->psf.psf >= 0)
        dp_graph_read(s->graph, s->psf.psf, psf);
    else
        psf[0] = 1.0f;
}

/* ---- Sizes ---- */

size_t dp_stage_latent_count(const dp_stage *s) {
    return (size_t)s->channels * (size_t)s->at.lh * (size_t)s->at.lw;
}

size_t dp_stage_given_count(const dp_stage *s) {
    return (size_t)s->channels * (size_t)s->at.h * (size_t)s->at.w;
}

size_t dp_stage_psf_count(const dp_stage *s) {
    return (size_t)s->at.kh * (size_t)s->at.kw;
}

/* K'(u) = K(u + d) goes with X'(p) = X(p - d). A known PSF stays where it is. */
void dp_stage_crop(const dp_stage *s, const float *latent, const float *psf, float *out) {
    const dp_sizes *at = &s->at;
    const size_t oh = (size_t)at->oh, ow = (size_t)at->ow, lh = (size_t)at->lh, lw = (size_t)at->lw;
    double dy = 0, dx = 0;
    if (dp_problem_finds_psf(s->problem)) dp_psf_centroid(psf, at->kh, at->kw, &dy, &dx);
    const int y0 = at->oy - (int)lround(dy), x0 = at->ox - (int)lround(dx);
    for (int c = 0; c < s->channels; c++)
        for (size_t y = 0; y < oh; y++)
            memcpy(out + ((size_t)c * oh + y) * ow, latent + ((size_t)c * lh + y + (size_t)y0) * lw + (size_t)x0,
                   ow * sizeof *out);
}
