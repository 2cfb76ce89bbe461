/* The loss around the present weights of the image network, for studies (Li et al. 2018, "Visualizing the loss
 * landscape of neural nets"). */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "bid/solver_inner.h"

size_t dp_solver_weight_count(const dp_solver *s) {
    return dp_params_total(s->image_params);
}

void dp_solver_get_weights(const dp_solver *s, float *weights) {
    dp_params_save(s->image_params, weights);
}

/* ---- Directions ---- */

/* Weights of one output of the convolution that parameter i is the weights of; 0: it is no such parameter. */
static size_t filter_size(const dp_params *ps, int i) {
    char name[64];
    const char *own = dp_params_name(ps, i), *end = strrchr(own, '.');
    if (end == NULL || strcmp(end, ".weight") != 0) return 0;
    snprintf(name, sizeof name, "%.*s.bias", (int)(end - own), own);
    const int bias = dp_params_find(ps, name);
    const size_t size = bias >= 0 ? dp_params_size(ps, i) / dp_params_size(ps, bias) : 0;
    return size > 1 ? size : 0; /* 1: scales and shifts of a normalisation */
}

static double norm(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* Normal numbers, each filter as long as that of the weights (Li 2018, section 4). */
static void draw(dp_philox_key key, int number, size_t filter, const float *weights, float *out, size_t n) {
    for (size_t i = 0; i < n; i += 4) {
        float four[4];
        dp_philox_normal4(key, (uint64_t)number, i / 4, four);
        for (size_t k = i; k < i + 4 && k < n; k++) out[k] = four[k - i];
    }
    for (size_t at = 0; at + filter <= n; at += filter) {
        const double length = norm(out + at, filter);
        const double factor = length > 0 ? norm(weights + at, filter) / length : 0;
        for (size_t k = at; k < at + filter; k++) out[k] = (float)(factor * (double)out[k]);
    }
}

dipper_status dp_solver_draw_direction(const dp_solver *s, uint64_t seed, dp_diag *diag, float *direction) {
    const dp_params *ps = s->image_params;
    const dp_philox_key key = dp_philox_key_make(seed, DP_STREAM_DIRECTION);
    float *weights = dp_alloc(dp_params_total(ps), sizeof *weights);
    if (weights == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a direction");
    dp_params_save(ps, weights);
    memset(direction, 0, dp_params_total(ps) * sizeof *direction);
    for (int i = 0; i < dp_params_count(ps); i++) {
        const size_t filter = filter_size(ps, i), first = dp_params_offset(ps, i);
        if (filter > 0) draw(key, i, filter, weights + first, direction + first, dp_params_size(ps, i));
    }
    dp_free(weights);
    return DIPPER_OK;
}

/* ---- The loss ---- */

dipper_status dp_solver_loss_at(dp_solver *s, const float *weights, dp_diag *diag, double *loss) {
    const bool ended = s->current == s->stages;
    dp_stage *stage = &s->stage[ended ? s->stages - 1 : s->current];
    const long t = ended ? stage->iterations - 1 : s->turn.t > 0 ? s->turn.t - 1 : s->turn.t;
    if (!(s->begun || ended) || s->psf_stage != stage->number)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "there is no loss to look at: no iteration of this scale is done");
    float *own = dp_alloc(dp_params_total(s->image_params), sizeof *own);
    if (own == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the weights");
    const uint64_t counter = ((uint64_t)stage->number << 32) + (uint64_t)s->draws;
    dp_params_save(s->image_params, own);
    dp_params_load(s->image_params, weights);
    dp_graph_set_counter(stage->graph, counter);
    dp_objective_set(&stage->objective, &s->recipe, stage->graph, t, stage->iterations);
    dp_graph_run(stage->graph);
    *loss = dp_graph_loss_sum(stage->graph);
    dp_graph_set_counter(stage->graph, counter);
    dp_params_load(s->image_params, own);
    dp_free(own);
    return DIPPER_OK;
}
