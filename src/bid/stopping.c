#include "bid/stopping.h"

#include <string.h>

#include "base/memory.h"

struct dp_stopping {
    double noise_share, from; /* the recipe's */
    long patience;
    dp_stopping_data data;
    dp_average *latent, *seen;
    float *seen_mean;
    long t; /* iterations done */

    float *best; /* average at the least variance; NULL if that rule is off */
    double best_variance;
    long best_t; /* 0: none yet */
    bool ended_by_variance;
};

dipper_status dp_stopping_open(const dp_recipe *r, const dp_stopping_data *data, dp_diag *diag, dp_stopping **out) {
    /* More than the later half of the run is never averaged: a window so long would not be filled. */
    const long half = (data->iterations + 1) / 2, window = r->average < half ? r->average : half;
    dp_stopping *s = *out = NULL;
    if (r->average == 0) return DIPPER_OK;
    if ((s = dp_alloc(1, sizeof *s)) == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for averages");
    s->noise_share = r->stop_noise;
    s->patience = r->stop_patience;
    s->from = r->stop_from;
    s->data = *data;
    dipper_status status = dp_average_open(data->latent, window, data->iterations, diag, &s->latent);
    if (status == DIPPER_OK && s->noise_share > 0) {
        status = dp_average_open(data->seen, window, data->iterations, diag, &s->seen);
        s->seen_mean = dp_alloc(data->seen, sizeof *s->seen_mean);
    }
    if (s->patience > 0) s->best = dp_alloc(data->latent, sizeof *s->best);
    if (status == DIPPER_OK && ((s->seen != NULL && s->seen_mean == NULL) || (s->patience > 0 && s->best == NULL)))
        status = dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for averages");
    if (status != DIPPER_OK)
        dp_stopping_close(s);
    else
        *out = s;
    return status;
}

void dp_stopping_close(dp_stopping *s) {
    if (s == NULL) return;
    dp_average_close(s->latent);
    dp_average_close(s->seen);
    dp_free(s->seen_mean);
    dp_free(s->best);
    dp_free(s);
}

bool dp_stopping_sees(const dp_stopping *s) {
    return s != NULL && s->seen != NULL;
}

/* Mean square of what is left of the given picture, where it is compared. */
static double residual(const dp_stopping *s) {
    const dp_stopping_data *d = &s->data;
    double sum = 0, count = 0;
    for (size_t i = 0; i < d->seen; i++) {
        const double left = (double)s->seen_mean[i] - (double)d->given[i];
        if (d->weight != NULL && d->weight[i % d->plane] == 0) continue;
        sum += left * left;
        count++;
    }
    return count > 0 ? sum / count : 0;
}

static bool explains_all_but_noise(const dp_stopping *s) {
    if (s->seen == NULL || !dp_average_read(s->seen, s->seen_mean, NULL)) return false;
    return residual(s) <= s->noise_share * s->data.noise_sigma * s->data.noise_sigma;
}

static bool variance_has_risen(dp_stopping *s) {
    if (s->best == NULL) return false;
    const double variance = dp_average_variance(s->latent);
    if (s->best_t > 0 && variance >= s->best_variance) return s->ended_by_variance = s->t - s->best_t >= s->patience;
    s->best_variance = variance;
    s->best_t = s->t;
    (void)dp_average_read(s->latent, s->best, NULL);
    return false;
}

dp_stop dp_stopping_add(dp_stopping *s, const float *latent, const float *seen) {
    if (s == NULL) return DP_STOP_NOT;
    s->t++;
    dp_average_add(s->latent, latent);
    if (s->seen != NULL) dp_average_add(s->seen, seen);
    if (!dp_average_whole(s->latent) || !dp_recipe_reached(s->from, s->t, s->data.iterations)) return DP_STOP_NOT;
    if (explains_all_but_noise(s)) return DP_STOP_NOISE;
    return variance_has_risen(s) ? DP_STOP_VARIANCE : DP_STOP_NOT;
}

void dp_stopping_rewind(dp_stopping *s, long t) {
    if (s == NULL) return;
    dp_average_reset(s->latent, s->data.iterations - t);
    if (s->seen != NULL) dp_average_reset(s->seen, s->data.iterations - t);
    s->t = t;
    s->best_t = 0;
}

bool dp_stopping_read(const dp_stopping *s, float *latent) {
    if (s == NULL) return false;
    if (!s->ended_by_variance) return dp_average_read(s->latent, latent, NULL);
    memcpy(latent, s->best, s->data.latent * sizeof *latent);
    return true;
}

bool dp_stopping_deviation(const dp_stopping *s, float *mean, float *deviation) {
    return s != NULL && dp_average_read(s->latent, mean, deviation);
}

void dp_stopping_archive(dp_stopping *s, dp_archive *archive) {
    if (s == NULL) return;
    dp_archive_long(archive, &s->t, 0, s->data.iterations);
    dp_archive_long(archive, &s->best_t, 0, s->data.iterations);
    dp_archive_double(archive, &s->best_variance);
    dp_archive_bool(archive, &s->ended_by_variance);
    dp_average_archive(s->latent, archive);
    if (s->seen != NULL) dp_average_archive(s->seen, archive);
    if (s->best != NULL && s->best_t > 0) dp_archive_bytes(archive, s->best, s->data.latent * sizeof(float));
}

size_t dp_stopping_bytes(const dp_stopping *s) {
    if (s == NULL) return 0;
    size_t floats = s->best != NULL ? s->data.latent : 0;
    if (s->seen != NULL) floats += s->data.seen;
    return dp_average_bytes(s->latent) + dp_average_bytes(s->seen) + floats * sizeof(float);
}

const char *dp_stop_name(dp_stop stop) {
    static const char *const names[] = {
        [DP_STOP_NOT] = "iterations", [DP_STOP_NOISE] = "noise", [DP_STOP_VARIANCE] = "variance"};
    return names[stop];
}
