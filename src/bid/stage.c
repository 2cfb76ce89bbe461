#include "bid/stage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "image/psf.h"
#include "image/resize.h"
#include "nn/network.h"

enum { FCN_INPUTS = 200 };
static const float INPUT_SCALE = 0.1f; /* network inputs are uniform in [0, 0.1] */

/* ---- Opening ---- */

static void find_sizes(dp_stage *s, const dp_image *luma, int window_h, int window_w) {
    s->h = (int)fmax(1, round(luma->height * s->scale));
    s->w = (int)fmax(1, round(luma->width * s->scale));
    s->kh = s->scale == 1.0 ? window_h : dp_psf_scaled_size(window_h, s->scale);
    s->kw = s->scale == 1.0 ? window_w : dp_psf_scaled_size(window_w, s->scale);
    s->lh = s->h + s->kh - 1;
    s->lw = s->w + s->kw - 1;
    if (s->scale == 1.0)
        snprintf(s->name, sizeof s->name, "scale 1");
    else
        snprintf(s->name, sizeof s->name, "scale 1/%.3g", 1.0 / s->scale);
}

static dipper_status build(dp_stage *s, const dp_recipe *r, dp_params *image_params, dp_diag *diag) {
    dp_graph *g = s->graph;
    const dp_skip_config net = {.out_channels = 1,
                                .channels = r->channels,
                                .skip_channels = r->skip_channels,
                                .scales = dp_skip_scales(s->lh, s->lw, r->depth),
                                .first_nonlocal = r->nonlocal_from};
    if (net.scales < 1)
        return dp_fail(diag, DIPPER_ERROR_INPUT, "picture too small: %dx%d pixels at %s", s->w, s->h, s->name);
    s->input = dp_graph_input(g, dp_feature(r->input_channels, s->lh, s->lw));
    s->target = dp_graph_input(g, dp_planar(1, s->h, s->w));
    dp_value x = s->input;
    if (r->perturb > 0)
        x = dp_graph_perturb(g, x, dp_philox_key_make(s->seed, DP_STREAM_PERTURB), DP_NORMAL, (float)r->perturb);
    s->latent = dp_build_skip(g, image_params, x, &net);
    if (r->psf == DP_PSF_FCN) {
        s->z = dp_graph_input(g, dp_vector(FCN_INPUTS));
        s->psf = dp_build_fcn_psf(g, s->psf_params, s->z, r->psf_hidden, s->kh, s->kw);
    } else {
        s->psf = dp_build_direct_psf(g, s->psf_params, s->kh, s->kw);
    }
    const dp_value blurred = dp_graph_blur(g, s->latent, s->psf, s->kh, s->kw);
    s->mse = dp_graph_loss(g, DP_MSE, blurred, s->target, 1.0f);
    s->ssim = dp_graph_loss(g, DP_SSIM, blurred, s->target, 1.0f);
    if (r->tv > 0) (void)dp_graph_loss(g, DP_TV, s->latent, -1, (float)r->tv);
    dp_graph_keep(g, s->latent);
    dp_graph_keep(g, s->psf);
    return dp_graph_compile(g, diag);
}

dipper_status dp_stage_open(dp_stage *s, dp_backend *be, const dp_recipe *r, int number, const dp_image *luma,
                            int window_h, int window_w, uint64_t seed, dp_params *image_params, dp_diag *diag) {
    *s = (dp_stage){.be = be,
                    .number = number,
                    .scale = r->scales.value[number],
                    .iterations = (long)r->iterations.value[number],
                    .seed = seed,
                    .z = -1};
    find_sizes(s, luma, window_h, window_w);
    s->blurred = dp_alloc((size_t)s->h * (size_t)s->w, sizeof *s->blurred);
    if (s->blurred == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a %dx%d picture", s->w, s->h);
    if (s->scale == 1.0)
        memcpy(s->blurred, luma->data, dp_image_plane_count(luma) * sizeof *s->blurred);
    else
        DP_TRY(dp_plane_resize(luma->data, luma->height, luma->width, s->scale, DP_FILTER_LANCZOS3, DP_OUTSIDE_NEAREST,
                               diag, s->blurred, s->h, s->w));
    DP_TRY(dp_params_new(be, diag, &s->psf_params));
    DP_TRY(dp_graph_new(be, diag, &s->graph));
    DP_TRY(build(s, r, image_params, diag));
    return dp_params_alloc(s->psf_params, diag);
}

void dp_stage_close(dp_stage *s) {
    dp_graph_free(s->graph);
    dp_params_free(s->psf_params);
    dp_free(s->blurred);
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
static dipper_status carry_psf(dp_stage *s, const float *psf, int kh, int kw, double scale, dp_diag *diag) {
    const int logits = dp_params_find(s->psf_params, "psf.logits.value"), n = s->kh * s->kw;
    float *finer = dp_alloc((size_t)n, sizeof *finer);
    if (finer == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    const dipper_status status = dp_psf_resample(psf, kh, kw, s->scale / scale, diag, finer, s->kh, s->kw);
    /* A floor of a hundredth of the mean value keeps every pixel within reach of the gradient. */
    for (int i = 0; i < n; i++) finer[i] = logf(fmaxf(finer[i], 0.01f / (float)n));
    if (status == DIPPER_OK) dp_params_write(s->psf_params, DP_PARAM_VALUE, logits, finer);
    dp_free(finer);
    return status;
}

dipper_status dp_stage_begin(dp_stage *s, void *arena, const dp_stage *before, const float *psf, dp_diag *diag) {
    dp_graph_bind(s->graph, arena);
    dp_graph_set_counter(s->graph, (uint64_t)s->number << 32);
    dp_graph_write(s->graph, s->target, s->blurred);
    DP_TRY(write_noise(s, s->input, DP_STREAM_INPUT, diag));
    DP_TRY(dp_params_init(s->psf_params, dp_philox_key_make(s->seed, DP_STREAM_PSF), diag));
    if (s->z >= 0) DP_TRY(write_noise(s, s->z, DP_STREAM_PSF, diag));
    if (before != NULL && s->z < 0) return carry_psf(s, psf, before->kh, before->kw, before->scale, diag);
    return DIPPER_OK;
}

/* ---- Iterating ---- */

static double rate(const dp_recipe *r, double share) {
    double factor = 1;
    for (int i = 0; i < r->lr_halve.count; i++)
        if (share >= r->lr_halve.value[i] && r->lr_halve.value[i] < 1) factor *= 0.5;
    return factor;
}

double dp_stage_iterate(dp_stage *s, const dp_recipe *r, dp_params *image_params, long t, long image_t) {
    const double factor = rate(r, (double)t / (double)s->iterations);
    const dp_adam_step image = {r->lr_image * factor, r->beta1_image, r->beta2, 1e-8, image_t + 1};
    const dp_adam_step psf = {r->lr_psf * factor, r->beta1_psf, r->beta2, 1e-8, t + 1};
    dp_graph_loss_enable(s->graph, s->mse, t < r->ssim_from);
    dp_graph_loss_enable(s->graph, s->ssim, t >= r->ssim_from);
    dp_graph_run(s->graph);
    dp_params_adam(image_params, &image);
    dp_params_adam(s->psf_params, &psf);
    return dp_graph_loss_sum(s->graph);
}

/* Without centring the PSF drifts until the window cuts off a tail (METHODS, section 8). The picture follows by itself.
 */
void dp_stage_centre(dp_stage *s, float *scratch) {
    const int logits = dp_params_find(s->psf_params, "psf.logits.value");
    float *values = scratch, *rolled = scratch + s->kh * s->kw;
    double dy, dx;
    dp_graph_read(s->graph, s->psf, values);
    dp_psf_centroid(values, s->kh, s->kw, &dy, &dx);
    const int move_y = -(int)lround(dy), move_x = -(int)lround(dx);
    if (move_y == 0 && move_x == 0) return;
    static const dp_param_array arrays[] = {DP_PARAM_VALUE, DP_PARAM_M, DP_PARAM_V};
    for (int a = 0; a < 3; a++) {
        dp_params_read(s->psf_params, arrays[a], logits, values);
        dp_psf_shift(values, s->kh, s->kw, move_y, move_x, DP_PSF_ROLL, rolled);
        dp_params_write(s->psf_params, arrays[a], logits, rolled);
    }
}
