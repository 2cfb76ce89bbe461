#include <math.h>

#include "api/api.h"
#include "base/memory.h"
#include "image/clip.h"
#include "image/colour.h"
#include "image/image.h"
#include "image/noise.h"
#include "image/region.h"
#include "metric/gradients.h"

static dipper_status load(dipper_context *c, const dipper_image *view, dp_image *out) {
    int at_c, y, x;
    DP_TRY(dp_image_from_view(view, &c->diag, out));
    if (!dp_image_find_nonfinite(out, &at_c, &y, &x)) return DIPPER_OK;
    dp_image_free(out);
    return dp_fail(&c->diag, DIPPER_ERROR_INPUT, "picture holds NaN or infinity, first at x=%d, y=%d, channel %d", x, y,
                   at_c);
}

/* ---- Noise ---- */

static size_t count_clipped(const float *plane, size_t n) {
    const dp_clip clip = dp_clip_find(plane, n);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += dp_clipped(clip, plane[i]);
    return count;
}

typedef struct noise_method {
    dp_noise_estimator fine, coarse;
} noise_method;

static const noise_method noise_methods[] = {
    [DIPPER_NOISE_AUTO] = {dp_noise_estimate, dp_noise_by_patches},
    [DIPPER_NOISE_BY_HIGHPASS] = {dp_noise_by_highpass, dp_noise_by_highpass},
    [DIPPER_NOISE_BY_PATCHES] = {dp_noise_by_patches, dp_noise_by_patches},
};

static dipper_status estimate_noise(const dp_image *image, const noise_method *method, dp_diag *diag,
                                    dipper_noise_level *out) {
    const int h = image->height, w = image->width;
    double sigma = 0, coarse = 0, clipped = 0, grid = 0;
    for (int c = 0; c < image->channels; c++) {
        const float *plane = dp_image_plane(image, c);
        double one, half;
        DP_TRY(method->fine(plane, h, w, diag, &one));
        DP_TRY(dp_noise_coarse(plane, h, w, method->coarse, diag, &half));
        sigma += one * one / image->channels;
        coarse += half * half / image->channels;
        clipped += (double)count_clipped(plane, dp_image_plane_count(image));
        grid = fmax(grid, dp_noise_grid(plane, h, w));
    }
    *out = (dipper_noise_level){.struct_size = sizeof *out,
                                .sigma = sqrt(sigma),
                                .coarse = sqrt(coarse),
                                .jpeg_grid = grid,
                                .clipped = clipped / ((double)dp_image_plane_count(image) * image->channels)};
    return DIPPER_OK;
}

dipper_status dipper_noise_estimate(dipper_context *context, const dipper_image *image, dipper_noise_method method,
                                    dipper_noise_level *out) {
    dp_image picture = {0};
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (image == NULL || out == NULL || out->struct_size != sizeof *out)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "picture is NULL, or struct_size of the level not set");
    if (method < DIPPER_NOISE_AUTO || method > DIPPER_NOISE_BY_PATCHES)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "there is no noise estimator number %d", (int)method);
    DP_TRY(load(context, image, &picture));
    const dipper_status status = estimate_noise(&picture, &noise_methods[method], &context->diag, out);
    dp_image_free(&picture);
    return status;
}

/* ---- A region to estimate the blur from ---- */

static dipper_status choose(const dp_image *image, int width, int height, int kh, int kw, dp_diag *diag,
                            dp_region *out) {
    dp_image luma = {0};
    double sigma = 0;
    DP_TRY(dp_luma_image(image, diag, &luma));
    dipper_status status = dp_noise_estimate(luma.data, luma.height, luma.width, diag, &sigma);
    if (status == DIPPER_OK) status = dp_region_choose(&luma, width, height, kh, kw, sigma, diag, out);
    dp_image_free(&luma);
    return status;
}

dipper_status dipper_region_choose(dipper_context *context, const dipper_image *image, int width, int height,
                                   int psf_width, int psf_height, dipper_region *out) {
    const int largest_psf = 4096;
    dp_image picture = {0};
    dp_region found;
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (image == NULL || out == NULL || out->struct_size != sizeof *out)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "picture is NULL, or struct_size of the region not set");
    if (width < 1 || height < 1 || psf_width < 1 || psf_height < 1 || psf_width > largest_psf ||
        psf_height > largest_psf)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT,
                       "a region of %d x %d px for a PSF of %d x %d px makes no sense", width, height, psf_width,
                       psf_height);
    DP_TRY(load(context, image, &picture));
    const dipper_status status = choose(&picture, width, height, psf_height, psf_width, &context->diag, &found);
    dp_image_free(&picture);
    if (status == DIPPER_OK)
        *out = (dipper_region){sizeof *out, found.x, found.y, found.width, found.height, found.score};
    return status;
}

/* ---- Gradients ---- */

static void fit_gradients(const dp_gradients *g, dipper_gradient_prior *out, double *density) {
    const dp_gradient_fit best = dp_gradients_fit(g, 0), laplace = dp_gradients_fit(g, 1),
                          gauss = dp_gradients_fit(g, 2);
    *out = (dipper_gradient_prior){.struct_size = sizeof *out,
                                   .exponent = best.exponent,
                                   .scale = best.scale,
                                   .log_likelihood = best.log_likelihood,
                                   .laplace_scale = laplace.scale,
                                   .laplace_log_likelihood = laplace.log_likelihood,
                                   .gaussian_sigma = gauss.scale / sqrt(2),
                                   .gaussian_log_likelihood = gauss.log_likelihood,
                                   .count = g->total,
                                   .bin_width = g->width};
    for (int i = 0; i < DIPPER_GRADIENT_BINS && density != NULL; i++) density[i] = g->count[i] / (g->total * g->width);
}

dipper_status dipper_gradients_fit(dipper_context *context, const dipper_image *image, dipper_gradient_prior *out,
                                   double *density) {
    dp_image picture = {0};
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (image == NULL || out == NULL || out->struct_size != sizeof *out)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "picture is NULL, or struct_size of the prior not set");
    dp_gradients *g = dp_alloc(1, sizeof *g);
    if (g == NULL) return dp_fail(&context->diag, DIPPER_ERROR_MEMORY, "no memory for a histogram");
    dipper_status status = load(context, image, &picture);
    if (status == DIPPER_OK) status = dp_gradients_count(&picture, &context->diag, g);
    if (status == DIPPER_OK) fit_gradients(g, out, density);
    dp_image_free(&picture);
    dp_free(g);
    return status;
}
