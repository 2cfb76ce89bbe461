#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "bid/solver_inner.h"
#include "image/noise.h"

dp_philox_key dp_solver_weights_key(const dp_solver *s) {
    const dp_philox_key key = dp_philox_key_make(s->seeds.weights, DP_STREAM_WEIGHTS);
    return (dp_philox_key){{key.word[0] + (uint32_t)s->attempt, key.word[1]}};
}

static dipper_status open_stages(dp_solver *s, dp_diag *diag) {
    DP_TRY(dp_params_new(s->be, diag, &s->image_params));
    for (int i = 0; i < s->recipe.scales.count; i++) {
        dp_stage *stage = &s->stage[s->stages++];
        DP_TRY(dp_stage_open(stage, s->be, &s->recipe, i, &s->problem, i > 0 ? &s->stage[0] : NULL, &s->seeds,
                             s->image_params, diag));
        const size_t bytes = dp_graph_arena_bytes(stage->graph);
        s->arena_bytes = bytes > s->arena_bytes ? bytes : s->arena_bytes;
        const long iterations = (stage->iterations + stage->pretrain) * (i == 0 ? s->recipe.restarts : 1);
        s->iterations += iterations;
        s->work += (double)iterations * stage->at.lh * stage->at.lw;
    }
    DP_TRY(dp_params_alloc(s->image_params, diag));
    s->arena = s->be->vt->alloc(s->be, s->arena_bytes);
    if (s->arena == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory: the network needs %.2f GB for this picture",
                       (double)s->arena_bytes * 1e-9);
    return dp_params_init(s->image_params, dp_solver_weights_key(s), diag);
}

static dipper_status open_finish(dp_solver *s, dp_diag *diag) {
    const dp_stage *last = dp_solver_last_stage(s);
    if (s->recipe.final == DP_FINAL_NETWORK) return DIPPER_OK;
    DP_TRY(dp_finish_open(s->be, last->at.h, last->at.w, last->at.kh, last->at.kw, diag, &s->finish));
    s->iterations++;
    s->work += s->problem.given.channels * dp_finish_work(&s->recipe) * last->at.lh * last->at.lw;
    return DIPPER_OK;
}

static dipper_status alloc_host(dp_solver *s, dp_diag *diag) {
    const dp_stage *last = dp_solver_last_stage(s);
    const size_t latent = dp_stage_latent_count(last), psf = dp_stage_psf_count(last);
    s->latent = dp_alloc(latent, sizeof(float));
    s->psf = dp_alloc(psf, sizeof(float));
    s->scratch = dp_alloc(latent + 2 * psf, sizeof(float));
    s->result = dp_alloc(latent, sizeof(float)); /* at least the reported part */
    if (s->recipe.output == DP_OUTPUT_MEAN_STD && (s->std = dp_alloc(latent, sizeof(float))) == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for results");
    s->losses = dp_alloc((size_t)s->iterations, sizeof(double));
    s->best = dp_alloc(dp_params_total(s->image_params) + psf, sizeof(float));
    if (!s->best || !s->latent || !s->psf || !s->scratch || !s->result || !s->losses)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for results");
    return dp_rescue_open(&s->rescue, s->stage, s->stages, s->image_params, diag);
}

static dipper_status open_stopping(dp_solver *s, dp_diag *diag) {
    const dp_stage *last = dp_solver_last_stage(s);
    const dp_stopping_data data = {.iterations = last->iterations,
                                   .latent = dp_stage_latent_count(last),
                                   .seen = dp_stage_given_count(last),
                                   .given = last->given,
                                   .weight = last->weights,
                                   .plane = (size_t)last->at.h * (size_t)last->at.w,
                                   .noise_sigma = s->noise_sigma};
    DP_TRY(dp_stopping_open(&s->recipe, &data, diag, &s->stopping));
    if (!dp_stopping_sees(s->stopping)) return DIPPER_OK;
    s->seen = dp_alloc(data.seen, sizeof *s->seen);
    return s->seen != NULL ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for averages");
}

/* Of several channels the root mean square. */
static dipper_status find_noise(dp_solver *s, double told, dp_diag *diag) {
    const dp_image *given = &s->problem.given;
    double squares = 0;
    s->noise_sigma = told;
    if (told >= 0) return DIPPER_OK;
    if (given->channels == 1) return dp_noise_estimate(given->data, given->height, given->width, diag, &s->noise_sigma);
    for (int c = 0; c < given->channels; c++) {
        double sigma;
        DP_TRY(dp_noise_estimate(dp_image_plane(given, c), given->height, given->width, diag, &sigma));
        squares += sigma * sigma;
    }
    s->noise_sigma = sqrt(squares / given->channels);
    return DIPPER_OK;
}

static dipper_status open(dp_solver *s, const dipper_image *picture, const dipper_solver_options *options,
                          dp_diag *diag) {
    DP_TRY(dp_recipe_check(&s->recipe, diag));
    DP_TRY(dp_image_from_view(picture, diag, &s->picture));
    DP_TRY(dp_problem_open(&s->problem, &s->picture, &s->recipe, options, diag));
    DP_TRY(find_noise(s, options->noise_sigma, diag));
    DP_TRY(open_stages(s, diag));
    DP_TRY(open_finish(s, diag));
    DP_TRY(open_stopping(s, diag));
    return alloc_host(s, diag);
}

dipper_status dp_solver_create(dp_backend *be, const dipper_image *picture, const dp_recipe *recipe,
                               const dipper_solver_options *options, dp_diag *diag, dp_solver **out) {
    *out = NULL;
    dp_solver *s = dp_alloc(1, sizeof *s);
    if (s == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a solver");
    s->be = be;
    s->recipe = *recipe;
    s->seeds.run = options->seed;
    s->seeds.weights = options->seed_weights != DIPPER_SEED_SAME ? options->seed_weights : options->seed;
    s->seeds.input = options->seed_input != DIPPER_SEED_SAME ? options->seed_input : options->seed;
    s->turn.rate = 1;
    s->rescue.enabled = options->recover != 0;
    s->progress = options->progress;
    s->user = options->user;
    s->psf_stage = -1;
    const dipper_status status = open(s, picture, options, diag);
    if (status != DIPPER_OK)
        dp_solver_destroy(s);
    else
        *out = s;
    return status;
}

void dp_solver_destroy(dp_solver *s) {
    if (s == NULL) return;
    for (int i = 0; i < s->stages; i++) dp_stage_close(&s->stage[i]);
    dp_params_free(s->image_params);
    if (s->arena != NULL) s->be->vt->release(s->be, s->arena);
    dp_finish_close(s->finish);
    dp_rescue_close(&s->rescue);
    dp_image_free(&s->picture);
    dp_problem_close(&s->problem);
    dp_free(s->latent);
    dp_free(s->std);
    dp_free(s->seen);
    dp_stopping_close(s->stopping);
    dp_free(s->psf);
    dp_free(s->scratch);
    dp_free(s->result);
    dp_free(s->losses);
    dp_free(s->best);
    dp_free(s);
}
