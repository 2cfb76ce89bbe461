#include "bid/solver.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bid/finish.h"
#include "bid/stage.h"
#include "image/colour.h"
#include "image/noise.h"
#include "image/psf.h"
#include "image/resize.h"

enum { MAX_PSF = 101 };
static const double LOSS_SMOOTHING = 0.05; /* share of a new loss in the mean that ranks starts */

struct dp_solver {
    dp_backend *be;
    dp_recipe recipe;
    dp_solver_settings settings;
    dp_image blurred; /* as given */
    dp_image luma;
    double noise_sigma;

    dp_params *image_params;
    void *arena;
    size_t arena_bytes;
    dp_stage stage[DP_LIST_MAX];
    int stages, current; /* current == stages: only the last step is left, or nothing */
    long stage_t;        /* iterations done in the current stage */
    long image_t;        /* since the image network's moments were reset */
    int attempt;         /* start being tried at the first scale */
    double attempt_loss, best_loss;
    float *best; /* the best start's weights, then its PSF */
    bool begun, finished;
    dp_finish *finish; /* NULL if the network's output is the result */

    /* The state after the last finite iteration, on the host. */
    float *latent, *psf, *sum, *scratch;
    long summed;
    int psf_stage; /* stage that latent and psf belong to; -1: none yet */
    float *result; /* luma (height, width) after the last step */

    long iteration, iterations; /* steps over all stages, the last step counts as one */
    double loss, *losses;
    double seconds, work_done, work;  /* work: iterations weighted by pixels, for the forecast */
    double first_seconds, first_work; /* of the first iteration, which also touches all memory: left out of it */
};

/* ---- Creating ---- */

static dipper_status check_picture(const dp_image *p, int kh, int kw, dp_diag *diag) {
    int c, y, x;
    if (dp_image_find_nonfinite(p, &c, &y, &x))
        return dp_fail(diag, DIPPER_ERROR_INPUT, "picture holds NaN or infinity, first at x=%d, y=%d, channel %d", x, y,
                       c);
    if (p->width < kw || p->height < kh)
        return dp_fail(diag, DIPPER_ERROR_INPUT,
                       "picture of %dx%d pixels is smaller than the PSF of %dx%d: give a smaller kernel size", p->width,
                       p->height, kw, kh);
    if (dp_image_is_constant(p))
        return dp_fail(diag, DIPPER_ERROR_INPUT, "picture is constant: there is nothing to deblur");
    return DIPPER_OK;
}

static dipper_status check_psf_size(int n, dp_diag *diag) {
    if (n >= 1 && n <= MAX_PSF && n % 2 == 1) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "PSF size %d is not an odd number from 1 to %d", n, MAX_PSF);
}

/* Window for a PSF of the size told: odd, at most what the picture and the blur allow. */
static int window(int told, double margin, int side) {
    const int wanted = told + 2 * (int)lround(0.5 * margin * told);
    int most = side < MAX_PSF ? side : MAX_PSF;
    if (most % 2 == 0) most--;
    return wanted < most ? wanted : most;
}

/* Everything the network needs scales with the latent picture: refuse sizes that cannot be meant before allocating. */
static dipper_status check_size(const dp_image *p, const dp_recipe *r, dp_diag *diag) {
    const double bytes = 12.0 * r->channels * sizeof(float) * (double)p->width * (double)p->height;
    if (bytes > 1e12 || (double)p->width * p->height > INT_MAX / 16.0 / r->channels)
        return dp_fail(diag, DIPPER_ERROR_MEMORY,
                       "picture of %dx%d pixels would need about %.0f GB with %d channels: crop it or make it smaller",
                       p->width, p->height, bytes * 1e-9, r->channels);
    return DIPPER_OK;
}

/* Each start draws its weights from a key of its own. */
static dp_philox_key weights_key(const dp_solver *s) {
    const dp_philox_key key = dp_philox_key_make(s->settings.seed, DP_STREAM_WEIGHTS);
    return (dp_philox_key){{key.word[0] + (uint32_t)s->attempt, key.word[1]}};
}

static dipper_status open_stages(dp_solver *s, int kh, int kw, dp_diag *diag) {
    DP_TRY(dp_params_new(s->be, diag, &s->image_params));
    for (int i = 0; i < s->recipe.scales.count; i++) {
        dp_stage *stage = &s->stage[s->stages++];
        DP_TRY(dp_stage_open(stage, s->be, &s->recipe, i, &s->luma, kh, kw, s->settings.seed, s->image_params, diag));
        const size_t bytes = dp_graph_arena_bytes(stage->graph);
        s->arena_bytes = bytes > s->arena_bytes ? bytes : s->arena_bytes;
        const long iterations = stage->iterations * (i == 0 ? s->recipe.restarts : 1);
        s->iterations += iterations;
        s->work += (double)iterations * stage->lh * stage->lw;
    }
    DP_TRY(dp_params_alloc(s->image_params, diag));
    s->arena = s->be->vt->alloc(s->be, s->arena_bytes);
    if (s->arena == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory: the network needs %.2f GB for this picture",
                       (double)s->arena_bytes * 1e-9);
    return dp_params_init(s->image_params, weights_key(s), diag);
}

static dipper_status alloc_host(dp_solver *s, dp_diag *diag) {
    const dp_stage *last = &s->stage[s->stages - 1];
    const size_t latent = (size_t)last->lh * (size_t)last->lw, psf = (size_t)last->kh * (size_t)last->kw;
    s->latent = dp_alloc(latent, sizeof(float));
    s->sum = dp_alloc(latent, sizeof(float));
    s->psf = dp_alloc(psf, sizeof(float));
    s->scratch = dp_alloc(latent + 2 * psf, sizeof(float));
    s->result = dp_alloc(dp_image_plane_count(&s->luma), sizeof(float));
    s->losses = dp_alloc((size_t)s->iterations, sizeof(double));
    s->best = dp_alloc(dp_params_total(s->image_params) + psf, sizeof(float));
    if (!s->best || !s->latent || !s->sum || !s->psf || !s->scratch || !s->result || !s->losses)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for results");
    return DIPPER_OK;
}

static dipper_status open(dp_solver *s, const dipper_image *blurred, dp_diag *diag) {
    const dp_recipe *r = &s->recipe;
    const int told_h = s->settings.psf_height, told_w = s->settings.psf_width;
    DP_TRY(dp_recipe_check(r, diag));
    DP_TRY(check_psf_size(told_h, diag));
    DP_TRY(check_psf_size(told_w, diag));
    DP_TRY(dp_image_from_view(blurred, diag, &s->blurred));
    DP_TRY(check_picture(&s->blurred, told_h, told_w, diag));
    DP_TRY(check_size(&s->blurred, r, diag));
    DP_TRY(dp_luma_image(&s->blurred, diag, &s->luma));
    s->noise_sigma = s->settings.noise_sigma;
    if (!(s->noise_sigma >= 0))
        DP_TRY(dp_noise_estimate(s->luma.data, s->luma.height, s->luma.width, diag, &s->noise_sigma));
    DP_TRY(open_stages(s, window(told_h, r->psf_margin, s->luma.height), window(told_w, r->psf_margin, s->luma.width),
                       diag));
    if (r->final != DP_FINAL_NETWORK) {
        const dp_stage *last = &s->stage[s->stages - 1];
        DP_TRY(dp_finish_open(s->be, s->luma.height, s->luma.width, last->kh, last->kw, diag, &s->finish));
        s->iterations++;
        s->work += dp_finish_work(r) * last->lh * last->lw;
    }
    return alloc_host(s, diag);
}

dipper_status dp_solver_create(dp_backend *be, const dipper_image *blurred, const dp_recipe *recipe,
                               const dp_solver_settings *settings, dp_diag *diag, dp_solver **out) {
    *out = NULL;
    dp_solver *s = dp_alloc(1, sizeof *s);
    if (s == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a solver");
    s->be = be;
    s->recipe = *recipe;
    s->settings = *settings;
    s->psf_stage = -1;
    const dipper_status status = open(s, blurred, diag);
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
    dp_image_free(&s->blurred);
    dp_image_free(&s->luma);
    dp_free(s->latent);
    dp_free(s->sum);
    dp_free(s->psf);
    dp_free(s->scratch);
    dp_free(s->result);
    dp_free(s->losses);
    dp_free(s->best);
    dp_free(s);
}

/* ---- Stepping ---- */

static bool reports_stop(dp_solver *s, const char *stage, double since, double work_done) {
    if (s->settings.progress == NULL) return false;
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
                                   done > 0 ? (seconds - s->first_seconds) * (s->work - work_done) / done : 0};
    return s->settings.progress(&p, s->settings.user) != 0;
}

static dipper_status begin_stage(dp_solver *s, dp_diag *diag) {
    const dp_stage *before = s->current > 0 ? &s->stage[s->current - 1] : NULL;
    if (before != NULL && !s->recipe.keep_moments) {
        dp_params_reset_moments(s->image_params);
        s->image_t = 0;
    }
    DP_TRY(dp_stage_begin(&s->stage[s->current], s->arena, before, s->psf, diag));
    s->begun = true;
    s->stage_t = 0;
    return DIPPER_OK;
}

/* Takes over picture and PSF of the iteration just done; sums the last stage's late pictures. */
static void remember(dp_solver *s) {
    const dp_stage *stage = &s->stage[s->current];
    dp_graph_read(stage->graph, stage->latent, s->latent);
    dp_graph_read(stage->graph, stage->psf, s->psf);
    s->psf_stage = s->current;
    const bool averaging = s->current == s->stages - 1 && s->stage_t >= stage->iterations - s->recipe.average;
    if (!averaging) return;
    const size_t n = (size_t)stage->lh * (size_t)stage->lw;
    for (size_t i = 0; i < n; i++) s->sum[i] += s->latent[i];
    s->summed++;
}

/* Several starts at the first scale cost little and avoid the runs that begin in a wrong place. The loss tells them
 * apart there: on Levin im2 kernel4, starts that end at 19 dB have two to five times the loss of those that end at 30.
 */
static dipper_status end_attempt(dp_solver *s, dp_diag *diag) {
    dp_stage *stage = &s->stage[0];
    float *best_psf = s->best + dp_params_total(s->image_params);
    const size_t psf_bytes = (size_t)stage->kh * (size_t)stage->kw * sizeof(float);
    if (s->attempt == 0 || s->attempt_loss < s->best_loss) {
        s->best_loss = s->attempt_loss;
        dp_params_save(s->image_params, s->best);
        memcpy(best_psf, s->psf, psf_bytes);
    }
    s->attempt++;
    s->stage_t = 0;
    s->image_t = 0;
    s->begun = false;
    if (s->attempt < s->recipe.restarts) {
        stage->attempt = s->attempt;
        return dp_params_init(s->image_params, weights_key(s), diag);
    }
    dp_params_load(s->image_params, s->best);
    memcpy(s->psf, best_psf, psf_bytes);
    dp_params_reset_moments(s->image_params);
    s->current++;
    return DIPPER_OK;
}

/* Moves on when a stage has done its iterations. */
static dipper_status advance(dp_solver *s, dp_diag *diag) {
    const dp_stage *stage = &s->stage[s->current];
    if (s->stage_t < stage->iterations) return DIPPER_OK;
    if (s->current == 0 && s->recipe.restarts > 1) return end_attempt(s, diag);
    s->current++;
    s->begun = false;
    return DIPPER_OK;
}

static dipper_status iterate(dp_solver *s, double since, dp_diag *diag) {
    if (!s->begun) DP_TRY(begin_stage(s, diag));
    dp_stage *stage = &s->stage[s->current];
    const dp_recipe *r = &s->recipe;
    const double loss = dp_stage_iterate(stage, r, s->image_params, s->stage_t, s->image_t);
    if (!isfinite(loss))
        return dp_fail(diag, DIPPER_ERROR_DIVERGED,
                       "the loss became NaN or infinite at iteration %ld (%s): "
                       "try lower learning rates (lr_image, lr_psf)",
                       s->iteration + 1, stage->name);
    remember(s);
    s->loss = s->losses[s->iteration] = loss;
    s->iteration++;
    s->stage_t++;
    s->image_t++;
    s->work_done += (double)stage->lh * stage->lw;
    if (r->psf == DP_PSF_DIRECT && r->centre_every > 0 && s->stage_t % r->centre_every == 0 &&
        (double)s->stage_t < r->centre_until * (double)stage->iterations)
        dp_stage_centre(stage, s->scratch);
    s->attempt_loss = s->stage_t == 1 ? loss : s->attempt_loss + LOSS_SMOOTHING * (loss - s->attempt_loss);
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

/* The network's latent picture, averaged where the recipe says so. */
static const float *network_latent(dp_solver *s) {
    if (s->summed == 0) return s->latent;
    const dp_stage *last = &s->stage[s->stages - 1];
    const size_t n = (size_t)last->lh * (size_t)last->lw;
    for (size_t i = 0; i < n; i++) s->scratch[i] = s->sum[i] / (float)s->summed;
    return s->scratch;
}

/* The part of the latent picture that lies under the blurred one once the PSF's centroid is moved to the middle:
 * K'(u) = K(u + d) goes with X'(p) = X(p - d). */
static void crop_latent(const dp_stage *stage, const float *latent, const float *psf, float *out) {
    double dy, dx;
    dp_psf_centroid(psf, stage->kh, stage->kw, &dy, &dx);
    const int y0 = stage->kh / 2 - (int)lround(dy), x0 = stage->kw / 2 - (int)lround(dx);
    for (int y = 0; y < stage->h; y++)
        memcpy(out + (size_t)y * (size_t)stage->w, latent + (size_t)(y + y0) * (size_t)stage->lw + x0,
               (size_t)stage->w * sizeof *out);
}

static dipper_status finish(dp_solver *s, double since, dp_diag *diag) {
    const dp_stage *last = &s->stage[s->stages - 1];
    const double work = dp_finish_work(&s->recipe) * last->lh * last->lw;
    finish_watch watch = {s, since, work};
    crop_latent(last, network_latent(s), s->psf, s->result);
    DP_TRY(dp_finish_run(s->finish, &s->recipe, s->luma.data, s->noise_sigma, s->psf, s->result, watch_finish, &watch,
                         diag));
    s->finished = true;
    s->iteration++;
    s->work_done += work;
    return reports_stop(s, "deconvolution", since, s->work_done) && s->iteration < s->iterations
               ? dp_fail(diag, DIPPER_ERROR_CANCELLED, "stopped at the end")
               : DIPPER_OK;
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

/* ---- Results ---- */

/* The picture as it stands, luma at full size. */
static dipper_status current_luma(dp_solver *s, dp_diag *diag, float *luma) {
    const size_t n = dp_image_plane_count(&s->luma);
    if (s->finished && s->finish != NULL) {
        memcpy(luma, s->result, n * sizeof *luma);
        return DIPPER_OK;
    }
    if (s->psf_stage < 0) {
        memcpy(luma, s->luma.data, n * sizeof *luma);
        return DIPPER_OK;
    }
    const dp_stage *stage = &s->stage[s->psf_stage];
    if (stage->scale == 1.0) {
        crop_latent(stage, network_latent(s), s->psf, luma);
        return DIPPER_OK;
    }
    float *coarse = s->scratch; /* a coarse scale's picture fits */
    crop_latent(stage, s->latent, s->psf, coarse);
    return dp_plane_resize(coarse, stage->h, stage->w, 0, DP_FILTER_LANCZOS3, DP_OUTSIDE_NEAREST, diag, luma,
                           s->luma.height, s->luma.width);
}

dipper_status dp_solver_get_image(dp_solver *s, dp_diag *diag, dipper_image *out) {
    dp_image picture = {0};
    float *luma = dp_alloc(dp_image_plane_count(&s->luma), sizeof *luma);
    dipper_status status =
        luma == NULL ? dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the result") : DIPPER_OK;
    if (status == DIPPER_OK) status = current_luma(s, diag, luma);
    if (status == DIPPER_OK) status = dp_image_copy(&s->blurred, diag, &picture);
    if (status == DIPPER_OK) {
        dp_replace_luma(&picture, luma);
        status = dp_image_to_view(&picture, diag, out);
    }
    dp_image_free(&picture);
    dp_free(luma);
    return status;
}

void dp_solver_psf_size(const dp_solver *s, int *width, int *height) {
    const dp_stage *last = &s->stage[s->stages - 1];
    *width = last->kw;
    *height = last->kh;
}

dipper_status dp_solver_get_psf(dp_solver *s, dp_diag *diag, float *psf) {
    const dp_stage *last = &s->stage[s->stages - 1];
    const size_t n = (size_t)last->kh * (size_t)last->kw;
    if (s->psf_stage < 0) {
        for (size_t i = 0; i < n; i++) psf[i] = 1.0f / (float)n;
        return DIPPER_OK;
    }
    const dp_stage *stage = &s->stage[s->psf_stage];
    int shift_y, shift_x;
    if (stage != last)
        DP_TRY(dp_psf_resample(s->psf, stage->kh, stage->kw, 1.0 / stage->scale, diag, psf, last->kh, last->kw));
    else
        memcpy(psf, s->psf, n * sizeof *psf);
    if (s->finished && s->finish != NULL) {
        memcpy(psf, dp_finish_psf(s->finish), n * sizeof *psf);
        return DIPPER_OK;
    }
    float *scratch = dp_alloc(n, sizeof *scratch);
    if (scratch == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    dp_psf_centre(psf, last->kh, last->kw, DP_PSF_ZERO, scratch, &shift_y, &shift_x);
    (void)dp_psf_normalise(psf, last->kh, last->kw);
    dp_free(scratch);
    return DIPPER_OK;
}

void dp_solver_get_info(dp_solver *s, dipper_solver_info *info) {
    size_t memory =
        s->arena_bytes + dp_params_bytes(s->image_params) + (s->finish != NULL ? dp_finish_bytes(s->finish) : 0);
    for (int i = 0; i < s->stages; i++) memory += dp_params_bytes(s->stage[i].psf_params);
    const long count = s->finished && s->finish != NULL ? s->iteration - 1 : s->iteration;
    *info = (dipper_solver_info){.struct_size = sizeof *info,
                                 .iteration = s->iteration,
                                 .iterations = s->iterations,
                                 .loss = s->loss,
                                 .noise_sigma = s->noise_sigma,
                                 .seconds = s->seconds,
                                 .memory_bytes = memory,
                                 .loss_count = count,
                                 .losses = s->losses};
}
