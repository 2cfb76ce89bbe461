/* What a result, its PSF and the blurred picture tell about each other. */
#include <math.h>

#include "base/memory.h"
#include "bid/verdict.h"
#include "image/clip.h"
#include "image/region.h"
#include "metric/artefacts.h"
#include "metric/lags.h"
#include "metric/metric.h"
#include "metric/psf_shape.h"
#include "metric/quality.h"

static const double least_noise = 1e-3; /* that of 8 bit */
enum { FAR = 40, STEP = 3 };            /* lags looked at, px; of the smear */

const char *dp_evidence_name(int index) {
    static const char *const names[] = {
#define EVIDENCE(name, help) #name,
#include "bid/verdict.def"
#undef EVIDENCE
    };
    return index >= 0 && index < DP_EVIDENCE_COUNT ? names[index] : NULL;
}

#define SET(e, name, x) ((e)->value[DP_EVIDENCE_##name] = (x))

static double noise_of(const dp_case *c) {
    return fmax(c->noise_sigma, least_noise);
}

/* log of x cut to [low, high] */
static double log10_in(double x, double low, double high) {
    return log10(fmin(fmax(x, low), high));
}

static double log2_in(double x, double low, double high) {
    return log10_in(x, low, high) / log10(2);
}

/* ---- The blurred picture ---- */

static double gradient_rms(const dp_image *image) {
    double l1_l2, variation;
    dp_gradient_measures(image, &l1_l2, &variation);
    return isfinite(l1_l2) && l1_l2 > 0 ? variation / 2 / l1_l2 : 0; /* two gradients per pixel */
}

static dipper_status look_at_blurred(const dp_case *c, const dp_psf_shape *shape, dp_diag *diag, dp_evidence *e) {
    const double noise = noise_of(c), rms = gradient_rms(c->blurred);
    const double signal = sqrt(fmax(rms * rms - 2 * c->noise_sigma * c->noise_sigma, 0));
    dp_region region;
    SET(e, noise, log10_in(noise, least_noise, 0.2));
    SET(e, snr, log10_in(signal / noise, 0.03, 100));
    SET(e, saturated, sqrt(dp_clip_share(c->blurred->data, dp_image_plane_count(c->blurred))));
    SET(e, smear_blurred, dp_smear(c->blurred, STEP, c->noise_sigma));
    DP_TRY(dp_region_choose(c->blurred, c->blurred->width, c->blurred->height, shape->height, shape->width,
                            c->noise_sigma, diag, &region));
    SET(e, texture, log10_in(region.score / noise, 1e-3, 100));
    return DIPPER_OK;
}

/* ---- The residual ---- */

static dipper_status look_at_residual(const dp_case *c, dp_diag *diag, dp_evidence *e) {
    dp_image residual = {0};
    DP_TRY(dp_residual(c->result, c->blurred, c->psf, c->kh, c->kw, c->be->threads, diag, &residual));
    const double rms = dp_residual_unclip(&residual, c->blurred, c->kh, c->kw);
    SET(e, misfit, log10_in(rms / noise_of(c), 1, 100));
    SET(e, overfit, -log10_in(rms / noise_of(c), 0.1, 1));
    SET(e, whiteness, log10_in(dp_whiteness(&residual, c->be->threads), 1e-4, 1));
    SET(e, bond, dp_residual_bond(&residual, c->result, c->kh, c->kw));
    dp_image_free(&residual);
    return DIPPER_OK;
}

/* ---- The PSF ---- */

static void look_at_psf(const dp_case *c, const dp_psf_shape *s, dp_evidence *e) {
    const double fill_x = (double)s->width / c->kw, fill_y = (double)s->height / c->kh;
    const double extent = s->width > s->height ? s->width : s->height;
    const double side = c->blurred->width < c->blurred->height ? c->blurred->width : c->blurred->height;
    SET(e, radius, log2(1 + s->radius));
    SET(e, peak, s->peak);
    SET(e, border, sqrt(s->border));
    SET(e, haze, s->haze);
    SET(e, islands, s->islands);
    SET(e, fill, fmax(fill_x, fill_y));
    SET(e, room, log2_in(side / extent, 1, 256));
}

/* ---- The result ---- */

/* Root mean squares of result - blurred and of blurred - mean. */
static double change_of(const dp_case *c) {
    const size_t n = dp_image_plane_count(c->blurred);
    double mean = 0, contrast = 0, change = 0;
    for (size_t i = 0; i < n; i++) mean += c->blurred->data[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)c->result->data[i] - c->blurred->data[i], v = c->blurred->data[i] - mean;
        change += d * d;
        contrast += v * v;
    }
    return contrast > 0 ? sqrt(change / contrast) : 0;
}

static dipper_status look_at_result(const dp_case *c, const dp_psf_shape *s, dp_diag *diag, dp_evidence *e) {
    double before, after, variation_before, variation_after, ringing;
    dp_gradient_measures(c->blurred, &before, &variation_before);
    dp_gradient_measures(c->result, &after, &variation_after);
    SET(e, sparsity, isfinite(after) ? after : 1);
    SET(e, sparsity_gain, log2_in(after / before, 0.05, 20));
    SET(e, variation_gain, log2_in(variation_after / variation_before, 0.05, 20));
    SET(e, beyond, sqrt(dp_beyond_range(c->result, c->blurred, 0.02 + 3 * c->noise_sigma)));
    SET(e, change, log10_in(change_of(c), 1e-3, 10));
    SET(e, smear_result, dp_smear(c->result, STEP, 0));
    DP_TRY(dp_calm_ringing(c->result, c->blurred, s->height, s->width, diag, &ringing));
    SET(e, ringing, log2_in(ringing, 0.02, 50));
    return DIPPER_OK;
}

/* ---- What repeats ---- */

static int reach_of(const dp_case *c, int extent) {
    const int side = c->blurred->width < c->blurred->height ? c->blurred->width : c->blurred->height;
    int reach = extent < 6 ? 6 : extent > FAR ? FAR : extent;
    return reach > side / 3 ? side / 3 : reach;
}

typedef struct lag_set {
    dp_lags blurred, result, psf;
} lag_set;

static dipper_status measure_lags(const dp_case *c, int reach, const dp_opinions *o, lag_set *l, dp_diag *diag,
                                  dp_evidence *e) {
    DP_TRY(dp_lags_create(reach, diag, &l->blurred));
    DP_TRY(dp_lags_create(reach, diag, &l->result));
    DP_TRY(dp_lags_create(reach, diag, &l->psf));
    DP_TRY(dp_gradient_lags(c->blurred, c->noise_sigma, c->be->threads, diag, &l->blurred));
    DP_TRY(dp_gradient_lags(c->result, 0, c->be->threads, diag, &l->result));
    const dp_echo echo = dp_lags_echo(&l->result);
    SET(e, echo, log10_in(echo.rms, 1e-3, 1));
    SET(e, echo_high, echo.highest);
    SET(e, echo_low, echo.lowest);
    dp_psf_lags(c->psf, c->kh, c->kw, &l->psf);
    SET(e, match, dp_lags_match(&l->blurred, &l->psf));
    if (o == NULL) return DIPPER_OK;
    dp_psf_lags(o->map, o->side, o->side, &l->psf);
    SET(e, match_map, dp_lags_match(&l->blurred, &l->psf));
    return DIPPER_OK;
}

static dipper_status look_at_lags(const dp_case *c, const dp_psf_shape *s, const dp_opinions *o, dp_diag *diag,
                                  dp_evidence *e) {
    lag_set l = {0};
    const int reach = reach_of(c, (s->width > s->height ? s->width : s->height) * 3 / 2 + 4); /* what was cut off */
    const dipper_status status = reach >= 4 ? measure_lags(c, reach, o, &l, diag, e) : DIPPER_OK;
    dp_lags_free(&l.blurred);
    dp_lags_free(&l.result);
    dp_lags_free(&l.psf);
    return status;
}

/* ---- Second opinions ---- */

static double alike(const dp_opinions *o, const float *a, const float *b) {
    return dp_psf_compare(a, o->side, o->side, b, o->side, o->side).correlation;
}

static double agreement(const dp_case *c, const dp_opinions *o, const float *other) {
    return dp_psf_compare(c->psf, c->kh, c->kw, other, o->side, o->side).correlation;
}

static dipper_status growth(const dp_opinions *o, const float *other, double radius, dp_diag *diag, double *out) {
    dp_psf_shape s;
    *out = 0;
    if (!(agreement(&(dp_case){.psf = other, .kh = o->side, .kw = o->side}, o, other) > 0)) return DIPPER_OK;
    DP_TRY(dp_psf_shape_measure(other, o->side, o->side, diag, &s));
    *out = log2_in((1 + s.radius) / (1 + radius), 0.05, 20);
    return DIPPER_OK;
}

/* Neighbours along one direction against opposites: parts are 0 1 / 2 3. */
static void compare_parts(const dp_case *c, const dp_opinions *o, dp_evidence *e) {
    double with[4], pair[4][4], sum = 0, least = 1;
    for (int i = 0; i < 4; i++)
        if (!(alike(o, o->part[i], o->part[i]) > 0)) return;
    for (int i = 0; i < 4; i++) {
        with[i] = agreement(c, o, o->part[i]);
        sum += with[i] / 4;
        least = fmin(least, with[i]);
        for (int k = 0; k < i; k++) pair[k][i] = alike(o, o->part[k], o->part[i]);
    }
    const double rows = pair[0][1] + pair[2][3], columns = pair[0][2] + pair[1][3], across = pair[0][3] + pair[1][2];
    SET(e, parts_mean, sum);
    SET(e, parts_least, least);
    SET(e, parts_alike, (rows + columns + across) / 6);
    SET(e, parts_split, fmax(rows - 0.5 * (columns + across), columns - 0.5 * (rows + across)) / 2);
}

static dipper_status look_at_opinions(const dp_case *c, const dp_psf_shape *s, const dp_opinions *o, dp_diag *diag,
                                      dp_evidence *e) {
    double map, vb;
    SET(e, agree_map, agreement(c, o, o->map));
    SET(e, agree_vb, agreement(c, o, o->vb));
    SET(e, agree_both, alike(o, o->map, o->vb));
    DP_TRY(growth(o, o->map, s->radius, diag, &map));
    DP_TRY(growth(o, o->vb, s->radius, diag, &vb));
    SET(e, growth_map, map);
    SET(e, growth_vb, vb);
    compare_parts(c, o, e);
    return DIPPER_OK;
}

/* Second opinions that nobody could give are missing. */
static bool have_opinions(const dp_opinions *o) {
    return o != NULL && alike(o, o->map, o->map) > 0;
}

static void forget(dp_evidence *e) {
    for (int i = 0; i < DP_EVIDENCE_COUNT; i++) e->value[i] = NAN;
}

dipper_status dp_evidence_gather(const dp_case *c, const dp_opinions *opinions, dp_diag *diag, dp_evidence *out) {
    dp_psf_shape shape;
    const dp_opinions *o = have_opinions(opinions) ? opinions : NULL;
    forget(out);
    DP_TRY(dp_psf_shape_measure(c->psf, c->kh, c->kw, diag, &shape));
    look_at_psf(c, &shape, out);
    DP_TRY(look_at_blurred(c, &shape, diag, out));
    DP_TRY(look_at_residual(c, diag, out));
    DP_TRY(look_at_result(c, &shape, diag, out));
    DP_TRY(look_at_lags(c, &shape, o, diag, out));
    return o != NULL ? look_at_opinions(c, &shape, o, diag, out) : DIPPER_OK;
}
