#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "bid/solver_inner.h"

static const double LOSS_SMOOTHING = 0.05; /* share of a new loss in the mean that ranks starts */

/* ---- Iterations ---- */

static bool reports_stop(dp_solver *s, const char *stage, double since, double work_done) {
    if (s->progress == NULL) return false;
    const double seconds = s->seconds + (dp_seconds() - since), done = work_done - s->first_work;
    if (s->iteration == 1) {
        s->first_seconds = seconds;
        s->first_work = work_done;
    }
    const dipper_progress p = {.struct_size = sizeof p,
                               .stage = stage,
                               .iteration = s->iteration,
                               .iterations = s->iterations,
                               .loss = s->loss,
                               .seconds = seconds,
                               .seconds_left =
                                   done > 0 ? (seconds - s->first_seconds) * (s->work - work_done) / done : 0,
                               .note = s->note};
    const bool stop = s->progress(&p, s->user) != 0;
    s->note[0] = '\0';
    return stop;
}

static dipper_status begin_stage(dp_solver *s, dp_diag *diag) {
    const dp_stage *before = s->current > 0 ? &s->stage[s->current - 1] : NULL;
    if (before != NULL && !s->recipe.keep_moments) {
        dp_params_reset_moments(s->image_params);
        s->turn.image_t = 0;
    }
    DP_TRY(dp_stage_begin(&s->stage[s->current], &s->recipe, s->arena, before, s->psf, diag));
    s->begun = true;
    s->draws = 0;
    s->turn.t = -s->stage[s->current].pretrain;
    s->turn.psf_t = 0;
    dp_rescue_begin(&s->rescue, &s->stage[s->current], s->image_params, s->turn.t);
    return DIPPER_OK;
}

/* Takes over picture and PSF of the iteration just done; the last stage's go to the averages, which may say that the
 * run has done enough. */
static void remember(dp_solver *s) {
    dp_stage *stage = &s->stage[s->current];
    const bool counts = s->current == s->stages - 1 && s->turn.t >= 0;
    dp_stage_read(stage, s->latent, s->psf);
    s->psf_stage = s->current;
    if (counts && s->std != NULL && dp_recipe_stage(&s->recipe.loss, s->turn.t, stage->iterations) == DP_LOSS_ELBO)
        dp_stage_read_std(stage, s->std);
    if (counts && s->seen != NULL) dp_graph_read(stage->graph, stage->view.seen, s->seen);
    if (s->recipe.centre_every == 0) dp_stage_go_ahead(stage, &s->recipe, s->image_params, s->turn.t + 1);
    if (counts) s->stopped = dp_stopping_add(s->stopping, s->latent, s->seen);
}

/* Several starts at the first scale cost little and avoid the runs that begin in a wrong place. The loss tells them
 * apart there: on Levin im2 kernel4, starts that end at 19 dB have two to five times the loss of those that end at 30.
 */
static dipper_status end_attempt(dp_solver *s, dp_diag *diag) {
    dp_stage *stage = &s->stage[0];
    float *best_psf = s->best + dp_params_total(s->image_params);
    const size_t psf_bytes = dp_stage_psf_count(stage) * sizeof(float);
    if (s->attempt == 0 || s->attempt_loss < s->best_loss) {
        s->best_loss = s->attempt_loss;
        dp_params_save(s->image_params, s->best);
        memcpy(best_psf, s->psf, psf_bytes);
    }
    s->attempt++;
    s->turn.t = 0;
    s->turn.image_t = 0;
    s->begun = false;
    if (s->attempt < s->recipe.restarts) {
        stage->attempt = s->attempt;
        return dp_params_init(s->image_params, dp_solver_weights_key(s), diag);
    }
    dp_params_load(s->image_params, s->best);
    memcpy(s->psf, best_psf, psf_bytes);
    dp_params_reset_moments(s->image_params);
    s->current++;
    return DIPPER_OK;
}

/* Moves on when a stage has done its iterations, or enough of them. */
static dipper_status advance(dp_solver *s, dp_diag *diag) {
    const dp_stage *stage = &s->stage[s->current];
    if (s->turn.t < stage->iterations && s->stopped == DP_STOP_NOT) return DIPPER_OK;
    if (s->current == 0 && s->recipe.restarts > 1) return end_attempt(s, diag);
    s->current++;
    s->begun = false;
    return DIPPER_OK;
}

static bool must_centre(const dp_solver *s) {
    const dp_recipe *r = &s->recipe;
    return r->centre_every > 0 && s->turn.t > 0 && s->turn.t % r->centre_every == 0 &&
           dp_psf_net_can_centre(&s->stage[s->current].psf) &&
           !dp_recipe_reached(r->centre_until, s->turn.t, s->stage[s->current].iterations);
}

/* What a finite loss leaves: picture, PSF, counters. */
static void take(dp_solver *s, double loss) {
    const dp_stage *stage = &s->stage[s->current];
    remember(s);
    s->loss = s->losses[s->iteration] = loss;
    s->iteration++;
    if (dp_stage_moves_psf(stage, &s->recipe, s->turn.t)) s->turn.psf_t++;
    s->turn.t++;
    s->turn.image_t++;
    s->work_done += (double)stage->at.lh * stage->at.lw;
    s->attempt_loss = s->turn.t == 1 ? loss : s->attempt_loss + LOSS_SMOOTHING * (loss - s->attempt_loss);
}

/* Back to the last good state; without one any more, only NaN ends the run. */
static dipper_status rescue(dp_solver *s, dp_trouble trouble, dp_diag *diag) {
    const dp_stage *stage = &s->stage[s->current];
    const long at = s->iteration, t = s->turn.t;
    if (dp_rescue_go_back(&s->rescue, stage, s->image_params, &s->turn)) {
        s->iteration -= t - s->turn.t;
        s->work_done -= (double)(t - s->turn.t) * stage->at.lh * stage->at.lw;
        if (s->current == s->stages - 1) dp_stopping_rewind(s->stopping, s->turn.t);
        s->stopped = DP_STOP_NOT;
        snprintf(s->note, sizeof s->note,
                 "iteration %ld: %s; back to iteration %ld, learning rates now %g of the recipe's", at,
                 dp_trouble_text(trouble), s->iteration, s->turn.rate);
        return DIPPER_OK;
    }
    if (trouble == DP_TROUBLE_NAN)
        return dp_fail(diag, DIPPER_ERROR_DIVERGED,
                       "%s at iteration %ld (%s): try lower learning rates (lr_image, lr_psf)",
                       dp_trouble_text(trouble), at + 1, stage->name);
    return DIPPER_OK;
}

static void end_pretraining(dp_solver *s) {
    dp_params_reset_moments(s->image_params);
    for (int i = 0; i < DP_STAGE_PARAMS; i++)
        if (dp_stage_params(&s->stage[s->current], i) != NULL)
            dp_params_reset_moments(dp_stage_params(&s->stage[s->current], i));
    s->turn.image_t = s->turn.psf_t = 0;
}

static dipper_status iterate(dp_solver *s, double since, dp_diag *diag) {
    if (!s->begun) DP_TRY(begin_stage(s, diag));
    dp_stage *stage = &s->stage[s->current];
    if (s->turn.t == 0 && stage->pretrain > 0) end_pretraining(s);
    bool skipped;
    const double loss = dp_stage_iterate(stage, &s->recipe, s->image_params, &s->turn, &skipped);
    s->draws++;
    if (isfinite(loss)) take(s, loss);
    if (!isfinite(loss) && s->be->vt->check != NULL) DP_TRY(s->be->vt->check(s->be, diag));
    const dp_trouble trouble =
        dp_rescue_look(&s->rescue, stage, s->image_params, loss, skipped, s->turn.t, s->latent, s->psf);
    if (trouble != DP_TROUBLE_NONE) DP_TRY(rescue(s, trouble, diag));
    if (must_centre(s)) dp_psf_net_centre(&stage->psf, s->scratch);
    DP_TRY(advance(s, diag));
    s->finished = s->current == s->stages && s->finish == NULL;
    return reports_stop(s, stage->name, since, s->work_done)
               ? dp_fail(diag, DIPPER_ERROR_CANCELLED, "stopped at iteration %ld of %ld", s->iteration, s->iterations)
               : DIPPER_OK;
}

/* ---- The last step ---- */

typedef struct finish_watch { /* for the callback from inside the last step */
    dp_solver *solver;
    double since, work;
} finish_watch;

static int watch_finish(int done, int of, void *user) {
    const finish_watch *w = user;
    return reports_stop(w->solver, "deconvolution", w->since,
                        w->solver->work_done + w->work * done / (of > 0 ? of : 1));
}

static dipper_status finish(dp_solver *s, double since, dp_diag *diag) {
    const dp_stage *last = dp_solver_last_stage(s);
    const dp_image *given = &s->problem.given;
    const size_t plane = dp_image_plane_count(given);
    const double work = dp_finish_work(&s->recipe) * last->at.lh * last->at.lw;
    dp_stage_crop(last, dp_solver_latent(s), s->psf, s->result);
    for (int c = 0; c < given->channels; c++) {
        finish_watch watch = {s, since, work};
        DP_TRY(dp_finish_run(s->finish, &s->recipe, dp_image_plane(given, c), s->noise_sigma, s->psf,
                             s->result + (size_t)c * plane, watch_finish, &watch, diag));
        s->work_done += work;
    }
    s->finished = true;
    s->iteration++;
    (void)reports_stop(s, "deconvolution", since, s->work_done); /* there is nothing left to stop */
    return DIPPER_OK;
}

dipper_status dp_solver_step(dp_solver *s, long n, long *left, dp_diag *diag) {
    const double since = dp_seconds();
    dipper_status status = DIPPER_OK;
    for (long i = 0; i < n && status == DIPPER_OK && !s->finished; i++)
        status = s->current < s->stages ? iterate(s, since, diag) : finish(s, since, diag);
    s->seconds += dp_seconds() - since;
    if (left != NULL) *left = s->finished ? 0 : s->iterations - s->iteration;
    return status;
}
