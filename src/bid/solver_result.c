#include <string.h>

#include "base/memory.h"
#include "bid/solver_inner.h"
#include "image/colour.h"
#include "image/psf.h"
#include "image/resize.h"

const float *dp_solver_latent(dp_solver *s) {
    return dp_stopping_read(s->stopping, s->scratch) ? s->scratch : s->latent;
}

/* ---- The picture ---- */

void dp_solver_image_size(const dp_solver *s, int *width, int *height, int *channels) {
    const dp_sizes *at = &dp_solver_last_stage(s)->at;
    *width = at->ow;
    *height = at->oh;
    *channels = s->picture.channels;
}

static dipper_status resize_planes(const float *src, int h, int w, int channels, dp_diag *diag, float *dst, int ho,
                                   int wo) {
    if (h == ho && w == wo) memcpy(dst, src, (size_t)channels * (size_t)h * (size_t)w * sizeof *dst);
    for (int c = 0; (h != ho || w != wo) && c < channels; c++)
        DP_TRY(dp_plane_resize(src + (size_t)c * (size_t)h * (size_t)w, h, w, 0, DP_FILTER_LANCZOS3, DP_OUTSIDE_NEAREST,
                               diag, dst + (size_t)c * (size_t)ho * (size_t)wo, ho, wo));
    return DIPPER_OK;
}

/* The channels that are restored, as they stand, at the reported size. */
static dipper_status current(dp_solver *s, dp_diag *diag, float *out) {
    const dp_image *given = &s->problem.given;
    const dp_sizes *full = &dp_solver_last_stage(s)->at;
    if (s->finished && s->finish != NULL) {
        memcpy(out, s->result, (size_t)given->channels * (size_t)full->oh * (size_t)full->ow * sizeof *out);
        return DIPPER_OK;
    }
    if (s->psf_stage < 0)
        return resize_planes(given->data, given->height, given->width, given->channels, diag, out, full->oh, full->ow);
    const dp_stage *stage = &s->stage[s->psf_stage];
    if (stage->scale == 1.0) {
        dp_stage_crop(stage, dp_solver_latent(s), s->psf, out);
        return DIPPER_OK;
    }
    float *coarse = s->scratch; /* a coarse scale's picture fits */
    dp_stage_crop(stage, s->latent, s->psf, coarse);
    return resize_planes(coarse, stage->at.oh, stage->at.ow, given->channels, diag, out, full->oh, full->ow);
}

/* Inpainting: what is known is as it was given. */
static void keep_known(const dp_problem *p, dp_image *restored) {
    const size_t n = dp_image_plane_count(restored);
    for (size_t i = 0; p->known != NULL && i < n * (size_t)restored->channels; i++)
        if (p->known[i % n] != 0) restored->data[i] = p->given.data[i];
}

dipper_status dp_solver_get_image(dp_solver *s, dp_diag *diag, dipper_image *out) {
    dp_image restored = {0}, picture = {0};
    int width, height, channels;
    dp_solver_image_size(s, &width, &height, &channels);
    dipper_status status = dp_image_create(width, height, s->problem.given.channels, diag, &restored);
    if (status == DIPPER_OK) status = current(s, diag, restored.data);
    if (status == DIPPER_OK) keep_known(&s->problem, &restored);
    if (status == DIPPER_OK) /* super-resolution: made smaller it is what was given */
        status = dp_image_back_project(&restored, &s->problem.given, s->recipe.back_project, DP_FILTER_LANCZOS3, diag);
    if (status == DIPPER_OK && channels == restored.channels) {
        status = dp_image_to_view(&restored, diag, out);
    } else if (status == DIPPER_OK) { /* luma: the chroma is the picture's own */
        status = dp_image_create(width, height, channels, diag, &picture);
        if (status == DIPPER_OK)
            status = resize_planes(s->picture.data, s->picture.height, s->picture.width, channels, diag, picture.data,
                                   height, width);
        if (status == DIPPER_OK) dp_replace_luma(&picture, restored.data);
        if (status == DIPPER_OK) status = dp_image_to_view(&picture, diag, out);
    }
    dp_image_free(&picture);
    dp_image_free(&restored);
    return status;
}

/* ---- Its uncertainty ---- */

/* Of a posterior the deviation as the ELBO left it: later losses do not look at it. */
static dipper_status find_deviation(dp_solver *s, dp_diag *diag, float *latent) {
    if (s->current < s->stages - 1 || s->psf_stage < s->stages - 1)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "there is no uncertainty yet: the last scale has not begun");
    if (s->std != NULL) {
        memcpy(latent, s->std, dp_stage_latent_count(dp_solver_last_stage(s)) * sizeof *latent);
        return DIPPER_OK;
    }
    if (dp_stopping_deviation(s->stopping, s->scratch, latent)) return DIPPER_OK;
    return dp_fail(
        diag, DIPPER_ERROR_ARGUMENT,
        "there is no uncertainty: it is taken over the outputs that are averaged (average=100) or comes from "
        "a posterior (output=mean-std)");
}

dipper_status dp_solver_get_uncertainty(dp_solver *s, dp_diag *diag, dipper_image *out) {
    const dp_stage *last = dp_solver_last_stage(s);
    dp_image cropped = {0};
    float *latent = dp_alloc(dp_stage_latent_count(last), sizeof *latent);
    dipper_status status =
        latent == NULL ? dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the uncertainty") : DIPPER_OK;
    if (status == DIPPER_OK) status = find_deviation(s, diag, latent);
    if (status == DIPPER_OK) status = dp_image_create(last->at.ow, last->at.oh, last->channels, diag, &cropped);
    if (status == DIPPER_OK) {
        dp_stage_crop(last, latent, s->psf, cropped.data);
        status = dp_image_to_view(&cropped, diag, out);
    }
    dp_image_free(&cropped);
    dp_free(latent);
    return status;
}

/* ---- The PSF ---- */

void dp_solver_psf_size(const dp_solver *s, int *width, int *height) {
    const dp_stage *last = dp_solver_last_stage(s);
    *width = last->at.kw;
    *height = last->at.kh;
}

dipper_status dp_solver_get_psf(dp_solver *s, dp_diag *diag, float *psf) {
    const dp_stage *last = dp_solver_last_stage(s);
    const size_t n = dp_stage_psf_count(last);
    if (s->problem.psf_known) {
        memcpy(psf, s->problem.psf, n * sizeof *psf);
        return DIPPER_OK;
    }
    if (s->psf_stage < 0) {
        for (size_t i = 0; i < n; i++) psf[i] = 1.0f / (float)n;
        return DIPPER_OK;
    }
    const dp_stage *stage = &s->stage[s->psf_stage];
    int shift_y, shift_x;
    if (stage != last)
        DP_TRY(dp_psf_resample(s->psf, stage->at.kh, stage->at.kw, 1.0 / stage->scale, diag, psf, last->at.kh,
                               last->at.kw));
    else
        memcpy(psf, s->psf, n * sizeof *psf);
    if (s->finished && s->finish != NULL) {
        memcpy(psf, dp_finish_psf(s->finish), n * sizeof *psf);
        return DIPPER_OK;
    }
    float *scratch = dp_alloc(n, sizeof *scratch);
    if (scratch == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    dp_psf_centre(psf, last->at.kh, last->at.kw, DP_PSF_ZERO, scratch, &shift_y, &shift_x);
    (void)dp_psf_normalise(psf, last->at.kh, last->at.kw);
    dp_free(scratch);
    return DIPPER_OK;
}

/* ---- What is known about the run ---- */

void dp_solver_get_info(dp_solver *s, dipper_solver_info *info) {
    size_t memory =
        s->arena_bytes + dp_params_bytes(s->image_params) + (s->finish != NULL ? dp_finish_bytes(s->finish) : 0);
    memory += dp_stopping_bytes(s->stopping);
    for (int i = 0; i < s->stages; i++)
        for (int k = 0; k < DP_STAGE_PARAMS; k++)
            if (dp_stage_params(&s->stage[i], k) != NULL) memory += dp_params_bytes(dp_stage_params(&s->stage[i], k));
    const long count = s->finished && s->finish != NULL ? s->iteration - 1 : s->iteration;
    *info = (dipper_solver_info){.struct_size = sizeof *info,
                                 .iteration = s->iteration,
                                 .iterations = s->iterations,
                                 .loss = s->loss,
                                 .noise_sigma = s->noise_sigma,
                                 .seconds = s->seconds,
                                 .stopped_by = s->finished ? dp_stop_name(s->stopped) : NULL,
                                 .memory_bytes = memory,
                                 .loss_count = count,
                                 .losses = s->losses,
                                 .recoveries = s->rescue.recoveries,
                                 .skipped_steps = s->rescue.skipped,
                                 .trouble = dp_trouble_text(s->rescue.trouble)};
}
