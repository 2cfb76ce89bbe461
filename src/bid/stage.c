#include "bid/stage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "image/psf.h"
#include "nn/network.h"

enum { FCN_INPUTS = 200 };
static const float INPUT_SCALE = 0.1f; /* network inputs are uniform in [0, 0.1] */

/* ---- Opening ---- */

static void name_scale(dp_stage *s) {
    if (s->scale == 1.0)
        snprintf(s->name, sizeof s->name, "scale 1");
    else
        snprintf(s->name, sizeof s->name, "scale 1/%.3g", 1.0 / s->scale);
}

static dp_value build_picture(dp_stage *s, const dp_recipe *r, dp_params *image_params) {
    dp_graph *g = s->graph;
    const dp_skip_config net = {.out_channels = s->channels,
                                .channels = r->channels,
                                .skip_channels = r->skip_channels,
                                .scales = dp_skip_scales(s->at.lh, s->at.lw, r->depth),
                                .first_nonlocal = r->nonlocal_from};
    dp_value x = s->input = dp_graph_input(g, dp_feature(r->input_channels, s->at.lh, s->at.lw));
    if (r->perturb > 0)
        x = dp_graph_perturb(g, x, dp_philox_key_make(s->seed, DP_STREAM_PERTURB), DP_NORMAL, (float)r->perturb);
    return dp_build_skip(g, image_params, x, &net);
}

static dp_value build_psf(dp_stage *s, const dp_recipe *r) {
    const int kh = s->at.kh, kw = s->at.kw;
    if (!dp_problem_blurs(s->problem)) return -1;
    if (!dp_problem_finds_psf(s->problem)) return dp_graph_input(s->graph, dp_vector(kh * kw));
    if (r->psf == DP_PSF_DIRECT) return dp_build_direct_psf(s->graph, s->psf_params, kh, kw);
    s->z = dp_graph_input(s->graph, dp_vector(FCN_INPUTS));
    return dp_build_fcn_psf(s->graph, s->psf_params, s->z, r->psf_hidden, kh, kw);
}

static dipper_status build(dp_stage *s, const dp_recipe *r, dp_params *image_params, dp_diag *diag) {
    if (dp_skip_scales(s->at.lh, s->at.lw, r->depth) < 1)
        return dp_fail(diag, DIPPER_ERROR_INPUT, "picture too small: %dx%d pixels at %s", s->at.w, s->at.h, s->name);
    dp_graph *g = s->graph;
    s->target = dp_graph_input(g, dp_planar(s->channels, s->at.h, s->at.w));
    s->latent = build_picture(s, r, image_params);
    s->psf = build_psf(s, r);
    s->seen = dp_problem_camera(s->problem, &s->at, g, s->latent, s->psf);
    dp_objective_build(&s->objective, r, g, s->latent, s->seen, s->target);
    dp_graph_keep(g, s->latent);
    dp_graph_keep(g, s->psf);
    if (r->stop_noise > 0) dp_graph_keep(g, s->seen);
    return dp_graph_compile(g, diag);
}

dipper_status dp_stage_open(dp_stage *s, dp_backend *be, const dp_recipe *r, int number, const dp_problem *problem,
                            uint64_t seed, dp_params *image_params, dp_diag *diag) {
    *s = (dp_stage){.be = be,
                    .problem = problem,
                    .number = number,
                    .scale = r->scales.value[number],
                    .iterations = (long)r->iterations.value[number],
                    .channels = problem->given.channels,
                    .seed = seed,
                    .psf = -1,
                    .z = -1};
    name_scale(s);
    s->at = dp_problem_sizes(problem, s->scale);
    s->given = dp_alloc(dp_stage_given_count(s), sizeof *s->given);
    if (s->given == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a %dx%d picture", s->at.w, s->at.h);
    DP_TRY(dp_problem_given_at(problem, s->scale, diag, s->given));
    if (dp_problem_finds_psf(problem)) DP_TRY(dp_params_new(be, diag, &s->psf_params));
    DP_TRY(dp_graph_new(be, diag, &s->graph));
    DP_TRY(build(s, r, image_params, diag));
    return s->psf_params != NULL ? dp_params_alloc(s->psf_params, diag) : DIPPER_OK;
}

void dp_stage_close(dp_stage *s) {
    dp_graph_free(s->graph);
    dp_params_free(s->psf_params);
    dp_free(s->given);
    *s = (dp_stage){0};
}

/* ---- Beginning ---- */

/* Planar uniform numbers in [0, 0.1], element order of philox.h. */
static void fill_noise(float *x, dp_shape s, dp_philox_key key, uint64_t draw) {
    const size_t pixels = (size_t)s.h * (size_t)s.w, n = dp_count(s);
    for (size_t i = 0; i < n; i += 4) {
        float u[4];
        dp_philox_uniform4(key, draw, i / 4, u);
        for (size_t j = i; j < i + 4 && j < n; j++)
            x[j % (size_t)s.c * pixels + j / (size_t)s.c] = INPUT_SCALE * u[j - i];
    }
}

static dipper_status write_noise(dp_stage *s, dp_value v, dp_stream stream, dp_diag *diag) {
    const dp_shape shape = dp_graph_shape(s->graph, v);
    float *noise = dp_alloc(dp_count(shape), sizeof *noise);
    if (noise == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the network's input");
    fill_noise(noise, shape, dp_philox_key_make(s->seed, stream), ((uint64_t)s->attempt << 32) + (uint64_t)s->number);
    dp_graph_write(s->graph, v, noise);
    dp_free(noise);
    return DIPPER_OK;
}

/* Logits of a direct PSF from the coarser scale's PSF. */
static dipper_status carry_psf(dp_stage *s, const float *psf, const dp_stage *before, dp_diag *diag) {
    const int logits = dp_params_find(s->psf_params, "psf.logits.value"), n = s->at.kh * s->at.kw;
    float *finer = dp_alloc((size_t)n, sizeof *finer);
    if (finer == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    const dipper_status status =
        dp_psf_resample(psf, before->at.kh, before->at.kw, s->scale / before->scale, diag, finer, s->at.kh, s->at.kw);
    /* A floor of a hundredth of the mean value keeps every pixel within reach of the gradient. */
    for (int i = 0; i < n; i++) finer[i] = logf(fmaxf(finer[i], 0.01f / (float)n));
    if (status == DIPPER_OK) dp_params_write(s->psf_params, DP_PARAM_VALUE, logits, finer);
    dp_free(finer);
    return status;
}

static dipper_status write_known_psf(dp_stage *s, dp_diag *diag) {
    float *psf = dp_alloc(dp_stage_psf_count(s), sizeof *psf);
    if (psf == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    const dipper_status status = dp_problem_psf_at(s->problem, s->scale, diag, psf);
    if (status == DIPPER_OK) dp_graph_write(s->graph, s->psf, psf);
    dp_free(psf);
    return status;
}

static dipper_status begin_psf(dp_stage *s, const dp_stage *before, const float *psf, dp_diag *diag) {
    if (!dp_problem_blurs(s->problem)) return DIPPER_OK;
    if (s->psf_params == NULL) return write_known_psf(s, diag);
    DP_TRY(dp_params_init(s->psf_params, dp_philox_key_make(s->seed, DP_STREAM_PSF), diag));
    if (s->z >= 0) return write_noise(s, s->z, DP_STREAM_PSF, diag);
    return before != NULL ? carry_psf(s, psf, before, diag) : DIPPER_OK;
}

dipper_status dp_stage_begin(dp_stage *s, void *arena, const dp_stage *before, const float *psf, dp_diag *diag) {
    dp_graph_bind(s->graph, arena);
    dp_graph_set_counter(s->graph, (uint64_t)s->number << 32);
    dp_graph_write(s->graph, s->target, s->given);
    DP_TRY(write_noise(s, s->input, DP_STREAM_INPUT, diag));
    return begin_psf(s, before, psf, diag);
}

/* ---- Iterating ---- */

static double rate(const dp_recipe *r, long t, long iterations) {
    double factor = 1;
    for (int i = 0; i < r->lr_halve.count; i++)
        if (dp_recipe_reached(r->lr_halve.value[i], t, iterations)) factor *= 0.5;
    return factor;
}

double dp_stage_iterate(dp_stage *s, const dp_recipe *r, dp_params *image_params, long t, long image_t) {
    const double factor = rate(r, t, s->iterations);
    const dp_adam_step image = {r->lr_image * factor, r->beta1_image, r->beta2_image, 1e-8, image_t + 1};
    const dp_adam_step psf = {r->lr_psf * factor, r->beta1_psf, r->beta2_psf, 1e-8, t + 1};
    dp_objective_set(&s->objective, r, s->graph, t, s->iterations);
    dp_graph_run(s->graph);
    dp_params_adam(image_params, &image);
    if (s->psf_params != NULL) dp_params_adam(s->psf_params, &psf);
    return dp_graph_loss_sum(s->graph);
}

void dp_stage_read(const dp_stage *s, float *latent, float *psf) {
    dp_graph_read(s->graph, s->latent, latent);
    if (s->psf >= 0)
        dp_graph_read(s->graph, s->psf, psf);
    else
        psf[0] = 1.0f;
}

/* Without centring the PSF drifts until the window cuts off a tail (METHODS, section 8). The picture follows by itself.
 */
void dp_stage_centre(dp_stage *s, float *scratch) {
    const int logits = dp_params_find(s->psf_params, "psf.logits.value");
    const int kh = s->at.kh, kw = s->at.kw;
    float *values = scratch, *rolled = scratch + dp_stage_psf_count(s);
    double dy, dx;
    dp_graph_read(s->graph, s->psf, values);
    dp_psf_centroid(values, kh, kw, &dy, &dx);
    const int move_y = -(int)lround(dy), move_x = -(int)lround(dx);
    if (move_y == 0 && move_x == 0) return;
    static const dp_param_array arrays[] = {DP_PARAM_VALUE, DP_PARAM_M, DP_PARAM_V};
    for (int a = 0; a < 3; a++) {
        dp_params_read(s->psf_params, arrays[a], logits, values);
        dp_psf_shift(values, kh, kw, move_y, move_x, DP_PSF_ROLL, rolled);
        dp_params_write(s->psf_params, arrays[a], logits, rolled);
    }
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
    const int y0 = at->kh / 2 - (int)lround(dy), x0 = at->kw / 2 - (int)lround(dx);
    for (int c = 0; c < s->channels; c++)
        for (size_t y = 0; y < oh; y++)
            memcpy(out + ((size_t)c * oh + y) * ow, latent + ((size_t)c * lh + y + (size_t)y0) * lw + (size_t)x0,
                   ow * sizeof *out);
}
