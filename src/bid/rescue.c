#include "bid/rescue.h"

#include <limits.h>
#include <math.h>

#include "base/memory.h"

enum { MOST_RECOVERIES = 2, MOST_SKIPPED = 10, LOOKS = 20, LEAST_BETWEEN = 10 };
static const double SLOWER = 0.25; /* learning rates after a recovery, of those before */

/* Floats of what is fitted beside the image network. */
static size_t beside(const dp_stage *s) {
    size_t sum = 0;
    for (int i = 0; i < DP_STAGE_PARAMS; i++)
        if (dp_stage_params(s, i) != NULL) sum += dp_params_total(dp_stage_params(s, i));
    return sum;
}

dipper_status dp_rescue_open(dp_rescue *r, const dp_stage *stages, int count, const dp_params *image_params,
                             dp_diag *diag) {
    size_t most = 0;
    for (int i = 0; i < count; i++) most = beside(&stages[i]) > most ? beside(&stages[i]) : most;
    for (int i = 0; i < DP_STATES; i++) {
        r->state[i] = dp_alloc(dp_params_total(image_params) + most, sizeof(float));
        if (r->state[i] == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the last good states");
    }
    return DIPPER_OK;
}

void dp_rescue_close(dp_rescue *r) {
    for (int i = 0; i < DP_STATES; i++) dp_free(r->state[i]);
}

static void save(dp_rescue *r, int which, const dp_stage *s, const dp_params *image_params, long t) {
    float *to = r->state[which];
    dp_params_save(image_params, to);
    to += dp_params_total(image_params);
    for (int i = 0; i < DP_STAGE_PARAMS; i++) {
        const dp_params *own = dp_stage_params(s, i);
        if (own == NULL) continue;
        dp_params_save(own, to);
        to += dp_params_total(own);
    }
    r->state_t[which] = t;
}

static void load(const dp_rescue *r, int which, const dp_stage *s, dp_params *image_params) {
    const float *from = r->state[which];
    dp_params_load(image_params, from);
    dp_params_reset_moments(image_params);
    from += dp_params_total(image_params);
    for (int i = 0; i < DP_STAGE_PARAMS; i++) {
        dp_params *own = dp_stage_params(s, i);
        if (own == NULL) continue;
        dp_params_load(own, from);
        dp_params_reset_moments(own);
        from += dp_params_total(own);
    }
}

static void push(dp_rescue *r, const dp_stage *s, const dp_params *image_params, long t) {
    float *oldest = r->state[DP_STATE_BEFORE];
    r->state[DP_STATE_BEFORE] = r->state[DP_STATE_LAST];
    r->state_t[DP_STATE_BEFORE] = r->state_t[DP_STATE_LAST];
    r->state[DP_STATE_LAST] = oldest;
    save(r, DP_STATE_LAST, s, image_params, t);
}

static size_t watched_psf(const dp_stage *s) {
    return s->psf.params != NULL ? dp_stage_psf_count(s) : 1;
}

void dp_rescue_begin(dp_rescue *r, const dp_stage *s, const dp_params *image_params, long t) {
    r->in_a_row = 0;
    for (int i = 0; i < DP_STATES; i++) save(r, i, s, image_params, t);
}

static bool is_time(const dp_stage *s, long t) {
    const long between = s->iterations / LOOKS > LEAST_BETWEEN ? s->iterations / LOOKS : LEAST_BETWEEN;
    return t % between == 0 || t == s->iterations;
}

dp_trouble dp_rescue_look(dp_rescue *r, const dp_stage *s, const dp_params *image_params, double loss, bool skipped,
                          long t, const float *latent, const float *psf) {
    r->skipped += skipped;
    r->in_a_row = skipped ? r->in_a_row + 1 : 0;
    if (!isfinite(loss) || r->in_a_row == MOST_SKIPPED) return r->trouble = DP_TROUBLE_NAN;
    if (t == 1) {
        const dp_image *given = &s->problem->given;
        dp_watch_begin(&r->watch, given->data, dp_image_plane_count(given) * (size_t)given->channels, psf,
                       watched_psf(s));
    }
    if (!is_time(s, t)) return DP_TROUBLE_NONE;
    r->trouble = dp_watch_look(&r->watch, latent, dp_stage_latent_count(s), psf, watched_psf(s));
    if (r->trouble == DP_TROUBLE_NONE) push(r, s, image_params, t);
    return r->trouble;
}

bool dp_rescue_go_back(dp_rescue *r, const dp_stage *s, dp_params *image_params, dp_turn *turn) {
    if (!r->enabled || r->recoveries == MOST_RECOVERIES) return false;
    const int which = r->recoveries++ == 0 ? DP_STATE_BEFORE : DP_STATE_BEGIN;
    load(r, which, s, image_params);
    for (int i = 0; i < DP_STATES; i++)
        if (r->state_t[i] > r->state_t[which]) save(r, i, s, image_params, r->state_t[which]);
    turn->t = r->state_t[which];
    turn->image_t = turn->psf_t = 0;
    turn->rate *= SLOWER;
    r->in_a_row = 0;
    return true;
}

void dp_rescue_archive(dp_rescue *r, const dp_stage *s, const dp_params *image_params, dp_archive *archive) {
    int trouble = (int)r->trouble;
    dp_archive_int(archive, &r->recoveries, 0, MOST_RECOVERIES);
    dp_archive_long(archive, &r->skipped, 0, LONG_MAX / 2);
    dp_archive_int(archive, &r->in_a_row, 0, MOST_SKIPPED);
    dp_archive_int(archive, &trouble, DP_TROUBLE_NONE, DP_TROUBLE_FLAT);
    r->trouble = (dp_trouble)trouble;
    dp_archive_double(archive, &r->watch.contrast);
    dp_archive_bool(archive, &r->watch.had_shape);
    dp_archive_bool(archive, &r->watch.began_sharp);
    for (int i = 0; s != NULL && i < DP_STATES; i++) {
        dp_archive_long(archive, &r->state_t[i], -s->pretrain, s->iterations);
        dp_archive_bytes(archive, r->state[i], (dp_params_total(image_params) + beside(s)) * sizeof(float));
    }
}
