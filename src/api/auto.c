#include "dipper/auto.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/memory.h"
#include "bid/plane.h"
#include "bid/verdict.h"
#include "image/bm3d.h"
#include "image/colour.h"
#include "image/noise.h"
#include "image/psf.h"
#include "image/region.h"
#include "metric/psf_shape.h"
#if defined(DP_WITH_FFTW)
#include "api/auto_fft.h"
#include "bid/paper_fft.h"
#endif

const char *dipper_preset_name(int index) {
    static const char *const names[] = {"fast", "balanced", "best"};
    return index >= 0 && index < 3 ? names[index] : NULL;
}

void dipper_auto_options_init(dipper_auto_options *options) {
    *options =
        (dipper_auto_options){.struct_size = sizeof *options, .preset = DIPPER_PRESET_BALANCED, .noise_sigma = -1};
}

#if defined(DP_WITH_FFTW)

/* Ways of estimating: they err on different pictures. The method's own settings are the quickest, and the first ones
 * for parts of large pictures; on small ones more iterations, in which the weights fall more slowly, are better on
 * average, unless there is noise for them to explain. */
static const dp_variant ways[DP_AUTO_WAYS] = {
    {.method = "map-l0"},
    {"map-l0", {{"iterations", 14}, {"decay", 0.8}}},
    {"map-l0", {{"iterations", 14}, {"decay", 0.75}}},
    {"map-l0", {{"iterations", 24}, {"decay", 0.84}}},
    {"map-l0", {{"iterations", 24}, {"decay", 0.88}}},
    {"extreme-channel", {{"iterations", 14}, {"decay", 0.8}}},
};
static const dp_variant coarse[] = {{.method = "vb"}, {.method = "map-l0"}, {.method = NULL}};
static const dp_variant more_coarse[] = {
    {.method = "vb"}, {.method = "map-l0"}, {"map-l0", {{"weight", 0.01}}}, {.method = NULL}};

static const dp_auto_preset presets[] = {
    [DIPPER_PRESET_FAST] = {2e5, 0, 1e6, 400, 1, 2, 1, 1, coarse},
    [DIPPER_PRESET_BALANCED] = {2e5, 2e5, 2e6, 512, 0, 4, 2, 4, more_coarse},
    [DIPPER_PRESET_BEST] = {2e5, 1.1e6, 4e6, 640, 0, DP_AUTO_WAYS, 2, DP_AUTO_WAYS, more_coarse},
};

/* ---- Time ---- */

double dp_auto_left(const dp_auto *r) {
    return r->options->max_seconds > 0 ? r->options->max_seconds - (dp_seconds() - r->begun) : INFINITY;
}

/* Steps of the whole are thousandths. */
bool dp_auto_report(dp_auto *r, double share_of_stage) {
    enum { STEPS = 1000 };
    const double share = r->share_from + (r->share_to - r->share_from) * share_of_stage;
    if (r->options->progress == NULL) return false;
    const dipper_progress p = dp_steps_done(r->stage, (int)(STEPS * share), STEPS, r->begun);
    r->cancelled = r->cancelled || r->options->progress(&p, r->options->user) != 0;
    return r->cancelled;
}

void dp_auto_enter(dp_auto *r, const char *stage, double from, double to) {
    r->stage = stage;
    r->share_from = from;
    r->share_to = to;
}

static dipper_status stopped(dp_auto *r) {
    return dp_fail(&r->context->diag, DIPPER_ERROR_CANCELLED, "the automatic mode was asked to stop");
}

/* ---- What is given ---- */

static dipper_status check_options(const dp_auto *r) {
    const dipper_auto_options *o = r->options;
    dp_diag *diag = &r->context->diag;
    if ((unsigned)o->preset > DIPPER_PRESET_BEST)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "preset %d is none", (int)o->preset);
    if (o->psf_window != 0 && (o->psf_window < 3 || o->psf_window > DIPPER_AUTO_PSF_MOST || o->psf_window % 2 == 0))
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "PSF window %d is not an odd number from 3 to %d", o->psf_window,
                       DIPPER_AUTO_PSF_MOST);
    if (!isfinite(o->noise_sigma) || !(o->max_seconds >= 0))
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "noise and seconds must be finite numbers, seconds not below 0");
    if (r->context->be->element_size != sizeof(float))
        return dp_fail(diag, DIPPER_ERROR_DEVICE, "the automatic mode needs a back end of floats, not %s",
                       r->context->be->vt->name);
    return DIPPER_OK;
}

static dipper_status take_picture(dp_auto *r, const dipper_image *blurred) {
    enum { LEAST = 32 };
    dp_diag *diag = &r->context->diag;
    int c, y, x;
    DP_TRY(dp_image_from_view(blurred, diag, &r->picture));
    if (dp_image_find_nonfinite(&r->picture, &c, &y, &x))
        return dp_fail(diag, DIPPER_ERROR_INPUT, "picture holds NaN or infinity, first at x=%d, y=%d, channel %d", x, y,
                       c);
    const int w = r->picture.width, h = r->picture.height,
              least = r->options->psf_window > LEAST ? r->options->psf_window : LEAST;
    if (w < least || h < least)
        return dp_fail(diag, DIPPER_ERROR_INPUT,
                       "a picture of %d x %d pixels is too small to find its blur in: it takes %d on each side", w, h,
                       least);
    if (dp_image_is_constant(&r->picture))
        return dp_fail(diag, DIPPER_ERROR_INPUT, "picture is constant: there is nothing to restore");
    return dp_luma_image(&r->picture, diag, &r->luma);
}

static dipper_status find_noise(const dp_auto *r, const dp_image *plane, double *sigma) {
    *sigma = r->options->noise_sigma;
    if (*sigma >= 0) return DIPPER_OK;
    return dp_noise_estimate(plane->data, plane->height, plane->width, &r->context->diag, sigma);
}

/* The square of that side that shows the blur best. */
static dipper_status cut(const dp_auto *r, const dp_image *plane, int side, dp_region *at, dp_image *out) {
    enum { USUAL = 31 };
    dp_diag *diag = &r->context->diag;
    DP_TRY(dp_region_choose(plane, side, side, USUAL, USUAL, r->noise_sigma, diag, at));
    return dp_image_crop(plane, at->x, at->y, at->width, at->height, diag, out);
}

/* Pixels for each second of max_seconds: so many that some PSFs can be tried, on a slow core. */
static const double PIXELS_PER_SECOND = 1e4;

/* Of a large picture a part is enough, of a larger side for large PSFs. With little time it is smaller. */
static dipper_status cut_parts(dp_auto *r, dp_image *plane) {
    enum { LEAST = 128 };
    const int told = r->options->psf_window, least = 4 * told > LEAST ? 4 * told : LEAST;
    const double pixels = (double)dp_image_plane_count(plane), most = PIXELS_PER_SECOND * r->options->max_seconds;
    dp_region at = {.width = plane->width, .height = plane->height};
    int side = r->preset->region;
    if (most > 0 && most < (double)side * side) side = sqrt(most) > least ? (int)sqrt(most) : least;
    if (pixels > r->preset->whole || (most > 0 && pixels > 2 * most)) {
        DP_TRY(cut(r, plane, 5 * side / 2, &at, &r->wide));
        DP_TRY(cut(r, plane, side, &at, &r->part));
    } else {
        r->part = *plane;
        *plane = (dp_image){0};
    }
    r->info->x = at.x;
    r->info->y = at.y;
    r->info->width = at.width;
    r->info->height = at.height;
    return DIPPER_OK;
}

/* Above this estimates are better from what BM3D leaves. docs/auto.md */
static const double MUCH_NOISE = 0.012;

static dipper_status denoise(const dp_auto *r, const dp_image *noisy, dp_image *out) {
    dp_diag *diag = &r->context->diag;
    DP_TRY(dp_image_copy(noisy, diag, out));
    return dp_bm3d(noisy->data, noisy->height, noisy->width, r->noise_sigma, r->context->be->threads, diag, out->data);
}

static dipper_status calm_down(dp_auto *r) {
    if (!(r->noise_sigma > MUCH_NOISE)) return DIPPER_OK;
    DP_TRY(denoise(r, &r->part, &r->calm));
    if (r->wide.data == NULL || r->options->max_seconds > 0) return DIPPER_OK; /* it takes too much of the time */
    return denoise(r, &r->wide, &r->calm_wide);
}

static dipper_status choose_part(dp_auto *r) {
    dp_image plane = {0};
    DP_TRY(find_noise(r, &r->luma, &r->info->noise_sigma));
    DP_TRY(dp_plane_choose(&r->picture, &r->context->diag, &plane, &r->info->plane));
    dipper_status status = find_noise(r, &plane, &r->noise_sigma);
    if (status == DIPPER_OK) status = cut_parts(r, &plane);
    dp_image_free(&plane);
    return status == DIPPER_OK ? calm_down(r) : status;
}

/* Who tells a window knows that there is a blur. */
static dipper_status measure_steepness(dp_auto *r) {
    r->steepness = NAN;
    if (r->options->psf_window > 0) return DIPPER_OK;
    return dp_verdict_steepness(&r->luma, r->info->noise_sigma, &r->context->diag, &r->steepness);
}

static const double AGREED = 0.85;

/* A sharp picture stays as it is. */
static bool keep_if_sharp(dp_auto *r, double radius) {
    r->info->sharp = dp_is_sharp(r->steepness, radius);
    if (!r->info->sharp) return false;
    r->info->estimator = r->info->nonblind = "none";
    r->info->paper = 0;
    r->info->psf_width = r->info->psf_height = 1;
    r->psf[0] = 1;
    return true;
}

/* ---- The PSF ---- */

static int tried(int done, int of, void *user) {
    return dp_auto_report(user, (double)done / of);
}

static bool fits(double took, double next, void *user) {
    dp_auto *r = user;
    if (!(r->first > 0)) r->first = took;
    if (dp_auto_left(r) > next + dp_auto_reserve(r)) return true;
    r->info->hurried = 1;
    return false;
}

int dp_auto_trim(dp_auto *r, const float *psf, int side) {
    const int middle = side / 2;
    int up = 1, across = 1;
    for (int i = 0; i < side * side; i++) {
        if (!(psf[i] > 0)) continue;
        const int y = abs(i / side - middle), x = abs(i % side - middle);
        up = y > up ? y : up;
        across = x > across ? x : across;
    }
    const int h = r->info->psf_height = 2 * up + 1, w = r->info->psf_width = 2 * across + 1;
    for (int y = 0; y < h; y++)
        memcpy(r->psf + y * w, psf + (y + middle - up) * side + middle - across, (size_t)w * sizeof *psf);
    (void)dp_psf_normalise(r->psf, h, w);
    return h > w ? h : w;
}

/* Another round of refining, if one and a half times what the latest took is left. */
static bool goes_on(double took, void *user) {
    dp_auto *r = user;
    const bool enough = dp_auto_left(r) < 1.5 * took + dp_auto_reserve(r);
    r->info->hurried |= enough;
    return !enough && !dp_auto_report(r, 1);
}

/* On white paper much more is known. What is needed before a round can be judged takes less than LEAST_ROUNDS times
 * what the search's first PSF took, pixel for pixel. extent: of the PSF, px. */
static dipper_status refine_on_paper(dp_auto *r, int extent) {
    enum { LEAST_ROUNDS = 3 };
    const dp_paper job = {.be = r->context->be,
                          .plane = r->wide.data != NULL ? &r->wide : &r->part,
                          .noise_sigma = r->noise_sigma,
                          .side = r->side,
                          .window = extent,
                          .goes_on = goes_on,
                          .user = r};
    const double pixels = (double)dp_image_plane_count(job.plane) / (double)dp_image_plane_count(&r->part);
    bool refined;
    if (!dp_is_paper(job.plane)) return DIPPER_OK;
    r->info->paper = 1; /* which the last step's forecast depends on */
    if (dp_auto_left(r) < LEAST_ROUNDS * r->first * pixels + dp_auto_reserve(r)) {
        r->info->hurried = 1;
        r->info->paper = 0;
        return DIPPER_OK;
    }
    DP_TRY(dp_paper_refine(&job, r->found[0].psf, &refined, &r->context->diag));
    r->info->paper = refined;
    if (refined) (void)dp_auto_trim(r, r->found[0].psf, r->side);
    return DIPPER_OK;
}

void dp_auto_take(dp_auto *r, const dp_candidate *found) {
    r->info->estimator = found->variant->method;
    r->info->window = found->window;
    r->info->softness = found->softness;
    r->info->score = found->score;
}

/* Its best PSF joins those of the other ways. */
static dipper_status look_one_way(dp_auto *r, dp_search *search, const dp_variant *way, dp_diag *diag) {
    dp_candidate c = {.psf = dp_alloc((size_t)r->side * (size_t)r->side, sizeof *c.psf)};
    if (c.psf == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    search->variant = way;
    const dipper_status status = dp_search_run(search, diag, &c);
    if (status != DIPPER_OK) {
        dp_free(c.psf);
        return status;
    }
    r->info->tried += c.tried;
    int place = r->found_count++;
    for (; place > 0 && r->found[place - 1].score > c.score; place--) r->found[place] = r->found[place - 1];
    r->found[place] = c;
    return DIPPER_OK;
}

/* One after the other, while there is time: the next one may take twice as long as the latest. If time is limited the
 * quickest one comes first. In a part of a large picture it does always, and the others only look in windows of about
 * the size that it found. */
static dipper_status look_all_ways(dp_auto *r, dp_search *search) {
    static const double GROWTH = 2, NEARBY = 0.5, VERY_LARGE = 4e6;
    const dp_auto_preset *p = r->preset;
    const bool in_part = r->wide.data != NULL;
    int first = p->first, end = in_part ? p->in_part : p->end;
    if ((double)dp_image_plane_count(&r->luma) > VERY_LARGE) end = 1; /* which takes its time anyway */
    if (r->noise_sigma > DP_AUTO_NOISY && r->calm.data == NULL && end > p->noisy) end = p->noisy;
    if (in_part || first >= end || r->options->max_seconds > 0) first = 0;
    dipper_status status = DIPPER_OK;
    dp_diag diag = {0};
    for (int i = first; i < end && !r->info->hurried && !r->cancelled; i++) {
        const double share = DP_AUTO_SEARCHED / (end - first), from = share * (i - first), begun = dp_seconds();
        dp_diag_clear(&diag);
        dp_auto_enter(r, "kernel estimation", from, from + share);
        status = look_one_way(r, search, &ways[i], &diag);
        if (status != DIPPER_OK && status != DIPPER_ERROR_DIVERGED) break;
        const bool narrows = in_part && i == first && r->found_count > 0;
        if (narrows) dp_search_narrow(search, dp_auto_trim(r, r->found[0].psf, r->side));
        const double next = (narrows ? NEARBY : GROWTH) * (dp_seconds() - begun);
        r->info->hurried |= i + 1 < end && dp_auto_left(r) < next + dp_auto_reserve(r);
    }
    const bool gives_up = status != DIPPER_OK && (status != DIPPER_ERROR_DIVERGED || r->found_count == 0);
    return gives_up ? dp_fail(&r->context->diag, status, "%s", diag.text) : DIPPER_OK;
}

static const dp_image *if_any(const dp_image *image, const dp_image *otherwise) {
    return image->data != NULL ? image : otherwise;
}

static dipper_status find_psf(dp_auto *r) {
    dp_search search = {.be = r->context->be,
                        .luma = &r->part,
                        .denoised = if_any(&r->calm, NULL),
                        .wide = if_any(&r->calm_wide, if_any(&r->wide, NULL)),
                        .told = r->options->psf_window,
                        .noise_sigma = r->noise_sigma,
                        .blurred = !dp_may_be_sharp(r->steepness),
                        .coarse = r->preset->coarse,
                        .progress = tried,
                        .fits = r->options->max_seconds > 0 ? fits : NULL,
                        .user = r};
    dp_search_windows(&search);
    r->side = search.side;
    DP_TRY(look_all_ways(r, &search));
    dp_auto_take(r, &r->found[0]);
    const size_t at_once = dp_image_plane_count(&r->part) * (size_t)search.be->threads;
    const size_t wide = dp_image_plane_count(&r->wide);
    r->info->memory_bytes = (wide > at_once ? wide : at_once) * sizeof(float) * 30;
    DP_TRY(refine_on_paper(r, dp_auto_trim(r, r->found[0].psf, r->side)));
    return r->cancelled ? stopped(r) : DIPPER_OK;
}

static dipper_status deblur(dp_auto *r, const dipper_image *blurred, dipper_image *out) {
    dp_psf_shape shape;
    DP_TRY(take_picture(r, blurred));
    DP_TRY(dp_image_check_shape(&r->picture, &r->context->diag, out));
    DP_TRY(dp_image_to_view(&r->picture, &r->context->diag, out));
    DP_TRY(choose_part(r));
    DP_TRY(measure_steepness(r));
    if (keep_if_sharp(r, NAN)) return DIPPER_OK;
    DP_TRY(find_psf(r));
    DP_TRY(dp_psf_shape_measure(r->psf, r->info->psf_height, r->info->psf_width, &r->context->diag, &shape));
    /* a small PSF that larger windows do not find as well is no sign of a sharp picture */
    if (r->found[0].agreement > AGREED && keep_if_sharp(r, shape.radius)) return DIPPER_OK;
    /* out may be blurred: from here on the copy is what was given */
    const dipper_image given =
        dipper_image_view(r->picture.data, r->picture.width, r->picture.height, r->picture.channels);
    return dp_auto_restore(r, &given, out);
}

dipper_status dipper_auto_deblur(dipper_context *context, const dipper_image *blurred,
                                 const dipper_auto_options *options, dipper_image *out, float *psf,
                                 dipper_auto_info *info) {
    dipper_auto_options defaults;
    dipper_auto_options_init(&defaults);
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (blurred == NULL || out == NULL || psf == NULL || info == NULL || info->struct_size != sizeof *info ||
        (options != NULL && options->struct_size != sizeof *options))
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT,
                       "picture, PSF or info is NULL, or options or info not initialised");
    dp_auto r = {.context = context, .options = options != NULL ? options : &defaults, .info = info, .psf = psf};
    *info = (dipper_auto_info){
        .struct_size = sizeof *info, .psf_width = 1, .psf_height = 1, .estimator = "", .plane = "", .nonblind = ""};
    psf[0] = 1;
    r.begun = dp_seconds();
    dipper_status status = check_options(&r);
    if (status == DIPPER_OK) r.preset = &presets[r.options->preset];
    if (status == DIPPER_OK) status = deblur(&r, blurred, out);
    info->seconds = dp_seconds() - r.begun;
    for (int i = 0; i < r.found_count; i++) dp_free(r.found[i].psf);
    dp_image_free(&r.picture);
    dp_image_free(&r.luma);
    dp_image_free(&r.part);
    dp_image_free(&r.wide);
    dp_image_free(&r.calm);
    dp_image_free(&r.calm_wide);
    return status;
}

#else

dipper_status dipper_auto_deblur(dipper_context *context, const dipper_image *blurred,
                                 const dipper_auto_options *options, dipper_image *out, float *psf,
                                 dipper_auto_info *info) {
    (void)blurred, (void)options, (void)out, (void)psf, (void)info;
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    return dp_fail(&context->diag, DIPPER_ERROR_DEVICE, "the automatic mode needs FFTW, which this build lacks");
}

#endif
