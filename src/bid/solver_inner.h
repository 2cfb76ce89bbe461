/* What solver.c (creating), solver_step.c (stepping) and solver_result.c (results) share. */
#ifndef DP_BID_SOLVER_INNER_H
#define DP_BID_SOLVER_INNER_H

#include "bid/finish.h"
#include "bid/rescue.h"
#include "bid/solver.h"
#include "bid/stopping.h"

struct dp_solver {
    dp_backend *be;
    dp_recipe recipe;
    dp_seeds seeds;
    dipper_progress_fn progress;
    void *user;
    dp_image picture; /* as given */
    dp_problem problem;
    double noise_sigma;

    dp_params *image_params;
    void *arena;
    size_t arena_bytes;
    dp_stage stage[DP_LIST_MAX];
    int stages, current; /* current == stages: only the last step is left, or nothing */
    dp_turn turn;        /* turn.t: iterations done in the current stage */
    int attempt;         /* start being tried at the first scale */
    double attempt_loss, best_loss;
    float *best; /* the best start's weights, then its PSF */
    bool begun, finished;
    long draws; /* runs of the stage's graph since it began: its counter of random draws */
    dp_rescue rescue;
    char note[200];    /* for the next report */
    dp_finish *finish; /* NULL if the network's output is the result */

    /* The state after the last finite iteration, on the host. */
    float *latent, *psf, *seen, *scratch; /* seen: by the camera at the last scale, if the stopping rules want it */
    dp_stopping *stopping;                /* averages of the last scale; NULL if the recipe has none */
    dp_stop stopped;                      /* by which of its rules */
    int psf_stage;                        /* stage that latent and psf belong to; -1: none yet */
    float *std;                           /* latent, of a posterior at the last scale; else NULL */
    float *result;                        /* (channels, height, width) after the last step */

    long iteration, iterations; /* steps over all stages, the last step counts as one */
    double loss, *losses;
    double seconds, work_done, work;  /* work: iterations weighted by pixels, for the forecast */
    double first_seconds, first_work; /* of the first iteration, which also touches all memory: left out of it */
};

static inline const dp_stage *dp_solver_last_stage(const dp_solver *s) {
    return &s->stage[s->stages - 1];
}

/* Each start draws its weights from a key of its own. */
dp_philox_key dp_solver_weights_key(const dp_solver *s);

/* The network's latent picture, averaged where the recipe says so; may lie in scratch. */
const float *dp_solver_latent(dp_solver *s);

#endif
