#include "bid/problem.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "image/colour.h"
#include "image/psf.h"
#include "image/resize.h"

enum { MAX_PSF = 101 };

bool dp_problem_blurs(const dp_problem *p) {
    return p->task == DIPPER_TASK_DEBLUR;
}

bool dp_problem_is_masked(const dp_problem *p) {
    return p->task == DIPPER_TASK_INPAINT;
}

bool dp_problem_finds_psf(const dp_problem *p) {
    return dp_problem_blurs(p) && !p->psf_known;
}

/* ---- Opening ---- */

static dipper_status check_picture(const dp_image *p, dp_diag *diag) {
    int c, y, x;
    if (dp_image_find_nonfinite(p, &c, &y, &x))
        return dp_fail(diag, DIPPER_ERROR_INPUT, "picture holds NaN or infinity, first at x=%d, y=%d, channel %d", x, y,
                       c);
    if (dp_image_is_constant(p))
        return dp_fail(diag, DIPPER_ERROR_INPUT, "picture is constant: there is nothing to restore");
    return DIPPER_OK;
}

static dipper_status check_psf_size(const dp_image *p, int kh, int kw, dp_diag *diag) {
    const int sides[2] = {kh, kw};
    for (int i = 0; i < 2; i++)
        if (sides[i] < 1 || sides[i] > MAX_PSF || sides[i] % 2 == 0)
            return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "PSF size %d is not an odd number from 1 to %d", sides[i],
                           MAX_PSF);
    if (p->width < kw || p->height < kh)
        return dp_fail(diag, DIPPER_ERROR_INPUT,
                       "picture of %dx%d pixels is smaller than the PSF of %dx%d: give a smaller kernel size", p->width,
                       p->height, kw, kh);
    return DIPPER_OK;
}

/* Everything the network needs scales with the latent picture: refuse sizes that cannot be meant before allocating. */
static dipper_status check_network_size(const dp_image *p, int factor, const dp_recipe *r, dp_diag *diag) {
    const double pixels = (double)p->width * p->height * factor * factor;
    const double bytes = 12.0 * r->channels * sizeof(float) * pixels;
    if (bytes > 1e12 || pixels > INT_MAX / 16.0 / r->channels)
        return dp_fail(diag, DIPPER_ERROR_MEMORY,
                       "picture of %dx%d pixels would need about %.0f GB with %d channels: crop it or make it smaller",
                       p->width, p->height, bytes * 1e-9, r->channels);
    return DIPPER_OK;
}

/* Window for a PSF of the size told: odd, at most what the picture and the blur allow. */
static int window(int told, double margin, int side) {
    const int wanted = told + 2 * (int)lround(0.5 * margin * told);
    int most = side < MAX_PSF ? side : MAX_PSF;
    if (most % 2 == 0) most--;
    return wanted < most ? wanted : most;
}

static dipper_status check_psf(const float *psf, int kh, int kw, dp_diag *diag) {
    double sum = 0;
    for (int i = 0; i < kh * kw; i++) {
        if (!(psf[i] >= 0) || !isfinite(psf[i]))
            return dp_fail(diag, DIPPER_ERROR_INPUT, "PSF: %g at x=%d, y=%d is below 0 or no number", (double)psf[i],
                           i % kw, i / kw);
        sum += (double)psf[i];
    }
    return sum > 0 ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_INPUT, "PSF is zero everywhere");
}

/* In the middle of the window, divided by its sum. */
static dipper_status take_psf(dp_problem *p, const float *psf, int kh, int kw, dp_diag *diag) {
    DP_TRY(check_psf(psf, kh, kw, diag));
    p->psf = dp_alloc((size_t)p->kh * (size_t)p->kw, sizeof *p->psf);
    if (p->psf == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    const int top = (p->kh - kh) / 2, left = (p->kw - kw) / 2;
    for (int y = 0; y < kh; y++) memcpy(p->psf + (y + top) * p->kw + left, psf + y * kw, (size_t)kw * sizeof *psf);
    (void)dp_psf_normalise(p->psf, p->kh, p->kw);
    return DIPPER_OK;
}

static dipper_status open_psf(dp_problem *p, const dp_image *picture, const dp_recipe *r,
                              const dipper_solver_options *o, dp_diag *diag) {
    const bool starts = r->psf_start == DP_START_FILE;
    p->kh = p->kw = 1;
    p->psf_known = r->psf == DP_PSF_FIXED;
    if (!dp_problem_blurs(p)) return DIPPER_OK;
    DP_TRY(check_psf_size(picture, o->psf_height, o->psf_width, diag));
    if ((p->psf_known || starts) && o->psf == NULL)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%s needs a PSF, and none is given",
                       starts ? "psf_start=file" : "psf=fixed");
    if (!p->psf_known && !starts && o->psf != NULL)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT,
                       "a PSF is given, and the recipe finds one: set psf=fixed to use it or psf_start=file to begin "
                       "with it");
    p->kh = p->psf_known ? o->psf_height : window(o->psf_height, r->psf_margin, picture->height);
    p->kw = p->psf_known ? o->psf_width : window(o->psf_width, r->psf_margin, picture->width);
    return o->psf != NULL ? take_psf(p, o->psf, o->psf_height, o->psf_width, diag) : DIPPER_OK;
}

/* ---- Pictures made smaller, pictures with missing pixels ---- */

static dipper_status take_mask(dp_problem *p, const dp_image *picture, const float *mask, dp_diag *diag) {
    const size_t n = dp_image_plane_count(picture);
    size_t known = 0;
    if (mask == NULL) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "inpainting needs a mask, and none is given");
    p->known = dp_alloc(n, sizeof *p->known);
    if (p->known == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a mask");
    for (size_t i = 0; i < n; i++) known += (p->known[i] = mask[i] != 0 ? 1.0f : 0.0f) != 0;
    if (known == 0) return dp_fail(diag, DIPPER_ERROR_INPUT, "mask: no pixel is known (0 means missing)");
    if (known == n) return dp_fail(diag, DIPPER_ERROR_INPUT, "mask: every pixel is known, nothing is to be filled in");
    return DIPPER_OK;
}

/* What a problem that leaves pixels out cannot do. */
static dipper_status check_masked(const dp_image *picture, const dp_recipe *r, dp_diag *diag) {
    if (r->scales.count > 1) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "this task has one scale: set scales=1");
    for (int i = 0; i < r->loss.count; i++)
        if (r->loss.what[i] != DP_LOSS_MSE)
            return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "this task leaves pixels out, as only mse can: set loss=mse");
    if (picture->channels > 1 && r->colour == DP_COLOUR_LUMA)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "this task makes new colours as well: set colour=rgb");
    return DIPPER_OK;
}

static dipper_status open_task(dp_problem *p, const dp_image *picture, const dp_recipe *r,
                               const dipper_solver_options *o, dp_diag *diag) {
    p->factor = 1;
    if (dp_problem_is_masked(p)) DP_TRY(check_masked(picture, r, diag));
    if (p->task == DIPPER_TASK_INPAINT) return take_mask(p, picture, o->mask, diag);
    if (p->task != DIPPER_TASK_SUPERRES) return DIPPER_OK;
    if (o->factor != 2 && o->factor != 4 && o->factor != 8)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "factor %d is not 2, 4 or 8", o->factor);
    p->factor = o->factor;
    return DIPPER_OK;
}

static dipper_status take_channels(const dp_image *picture, const dp_recipe *r, dp_diag *diag, dp_image *out) {
    return r->colour == DP_COLOUR_RGB ? dp_image_copy(picture, diag, out) : dp_luma_image(picture, diag, out);
}

static dipper_status open_truth(dp_problem *p, const dp_image *picture, const dp_recipe *r,
                                const dipper_solver_options *o, dp_diag *diag) {
    const bool wanted = r->pretrain_target == DP_TARGET_TRUTH;
    dp_image truth = {0};
    if (r->pretrain > 0 && p->task != DIPPER_TASK_DEBLUR)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "pre-training is for deblurring: set pretrain=0");
    if (wanted != (o->truth != NULL))
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%s",
                       wanted ? "pretrain_target=truth needs the ground truth, and none is given"
                              : "a ground truth is given, and only pretrain_target=truth uses it");
    if (!wanted) return DIPPER_OK;
    if (o->truth->width != picture->width || o->truth->height != picture->height ||
        o->truth->channels != picture->channels)
        return dp_fail(diag, DIPPER_ERROR_INPUT,
                       "the ground truth is of %dx%d pixels and %d channels, the picture %dx%d, %d", o->truth->width,
                       o->truth->height, o->truth->channels, picture->width, picture->height, picture->channels);
    DP_TRY(dp_image_from_view(o->truth, diag, &truth));
    const dipper_status status = take_channels(&truth, r, diag, &p->truth);
    dp_image_free(&truth);
    return status;
}

dipper_status dp_problem_open(dp_problem *p, const dp_image *picture, const dp_recipe *r,
                              const dipper_solver_options *o, dp_diag *diag) {
    *p = (dp_problem){.task = o->task};
    if (o->task > DIPPER_TASK_INPAINT) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "task %d is none", (int)o->task);
    if (!dp_problem_blurs(p) && r->final != DP_FINAL_NETWORK)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "without blur there is nothing to deconvolve: set final=network");
    if (!dp_problem_blurs(p) && r->guide > 0)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "without blur there is no PSF to guide: set guide=0");
    if (p->task != DIPPER_TASK_SUPERRES && r->back_project > 0)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "nothing is made smaller here: set back_project=0");
    DP_TRY(open_psf(p, picture, r, o, diag));
    DP_TRY(open_task(p, picture, r, o, diag));
    DP_TRY(check_picture(picture, diag));
    DP_TRY(check_network_size(picture, p->factor, r, diag));
    DP_TRY(open_truth(p, picture, r, o, diag));
    return take_channels(picture, r, diag, &p->given);
}

void dp_problem_close(dp_problem *p) {
    dp_image_free(&p->given);
    dp_image_free(&p->truth);
    dp_free(p->psf);
    dp_free(p->known);
    p->psf = p->known = NULL;
}

/* ---- At a scale ---- */

dp_sizes dp_problem_sizes(const dp_problem *p, double scale) {
    dp_sizes s = {.kh = p->kh, .kw = p->kw};
    s.h = (int)fmax(1, round(p->given.height * scale));
    s.w = (int)fmax(1, round(p->given.width * scale));
    if (scale != 1.0 && dp_problem_blurs(p)) {
        s.kh = dp_psf_scaled_size(p->kh, scale);
        s.kw = dp_psf_scaled_size(p->kw, scale);
    }
    s.lh = p->factor * s.h + s.kh - 1;
    s.lw = p->factor * s.w + s.kw - 1;
    s.oh = p->factor * s.h;
    s.ow = p->factor * s.w;
    s.oy = (s.lh - s.oh) / 2;
    s.ox = (s.lw - s.ow) / 2;
    return s;
}

dipper_status dp_problem_picture_at(const dp_image *picture, int h, int w, double scale, dp_diag *diag, float *out) {
    const size_t plane = (size_t)h * (size_t)w;
    if (scale == 1.0) memcpy(out, picture->data, plane * (size_t)picture->channels * sizeof *out);
    for (int c = 0; scale != 1.0 && c < picture->channels; c++)
        DP_TRY(dp_plane_resize(dp_image_plane(picture, c), picture->height, picture->width, scale, DP_FILTER_LANCZOS3,
                               DP_OUTSIDE_NEAREST, diag, out + (size_t)c * plane, h, w));
    return DIPPER_OK;
}

void dp_problem_weights(const dp_problem *p, float *weights) {
    const size_t n = dp_image_plane_count(&p->given);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += p->known[i] != 0;
    for (size_t i = 0; i < n; i++) weights[i] = p->known[i] * (float)n / (float)count;
}

dipper_status dp_problem_given_at(const dp_problem *p, double scale, dp_diag *diag, float *given) {
    const dp_sizes s = dp_problem_sizes(p, scale);
    return dp_problem_picture_at(&p->given, s.h, s.w, scale, diag, given);
}

dipper_status dp_problem_psf_at(const dp_problem *p, double scale, dp_diag *diag, float *psf) {
    const dp_sizes s = dp_problem_sizes(p, scale);
    if (scale != 1.0) return dp_psf_resample(p->psf, p->kh, p->kw, scale, diag, psf, s.kh, s.kw);
    memcpy(psf, p->psf, (size_t)s.kh * (size_t)s.kw * sizeof *psf);
    return DIPPER_OK;
}

dp_value dp_problem_camera(const dp_problem *p, const dp_sizes *s, dp_graph *g, dp_value latent, dp_value psf) {
    if (p->factor > 1) return dp_graph_downsample(g, latent, p->factor, 3);
    return dp_problem_blurs(p) ? dp_graph_blur(g, latent, psf, s->kh, s->kw) : latent;
}
