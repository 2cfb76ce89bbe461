#include "dipper/auto.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/memory.h"
#include "bid/plane.h"
#include "bid/solver.h"
#include "bid/verdict.h"
#include "image/colour.h"
#include "image/noise.h"
#include "image/psf.h"
#include "image/region.h"
#include "metric/psf_shape.h"
#if defined(DP_WITH_FFTW)
#include "bid/search_fft.h"
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

/* Ways of estimating: they err on different pictures. */
static const dp_variant plain[] = {{.method = "map-l0"}, {.method = NULL}};
static const dp_variant several[] = {{.method = "map-l0"},
                                     {"map-l0", {{"iterations", 14}, {"decay", 0.8}}},
                                     {.method = "extreme-channel"},
                                     {.method = NULL}};
static const dp_variant coarse[] = {{.method = "vb"}, {.method = "map-l0"}, {.method = NULL}};
static const dp_variant more_coarse[] = {
    {.method = "vb"}, {.method = "map-l0"}, {"map-l0", {{"weight", 0.01}}}, {.method = NULL}};

/* What a preset means. For pictures with more pixels than these numbers the PSF is found in a square region of `region`
 * px; there is no network; the faster non-blind method restores them. */
static const struct {
    double whole, network, sparse;
    int region;
    const dp_variant *variants, *coarse; /* of a whole picture; in a large one's halved part */
    const char *iterations;              /* of the network */
    float share;                         /* of its picture in the result (docs/auto.md) */
} presets[] = {
    [DIPPER_PRESET_FAST] = {2e5, 0, 1e6, 400, plain, coarse, "1", 0},
    [DIPPER_PRESET_BALANCED] = {2e5, 0, 2e6, 512, several, more_coarse, "1", 0},
    [DIPPER_PRESET_BEST] = {2e5, 1.1e6, 4e6, 640, several, more_coarse, "1500", 0.35F},
};

typedef struct run {
    dipper_context *context;
    const dipper_auto_options *options;
    dipper_auto_info *info;
    dp_image picture, luma, part; /* as given; its luma; where the PSF is looked for, one plane */
    dp_image wide;                /* of a large picture: where large PSFs are looked for */
    dp_candidate found;
    int side;           /* of found.psf */
    double noise_sigma; /* of part */
    float *psf;         /* the caller's */
    double steepness;   /* of its edges; NaN: not to be looked at */
    double begun;       /* dp_seconds: of the call */
    double first;       /* how long the first one took to try */
    const char *stage;
    double share_from, share_to; /* of all the work, in the present stage */
    bool cancelled;
} run;

/* ---- Time ---- */

static double left(const run *r) {
    return r->options->max_seconds > 0 ? r->options->max_seconds - (dp_seconds() - r->begun) : INFINITY;
}

/* Steps of the whole are thousandths. */
static bool report(run *r, double share_of_stage) {
    enum { STEPS = 1000 };
    const double share = r->share_from + (r->share_to - r->share_from) * share_of_stage;
    if (r->options->progress == NULL) return false;
    const dipper_progress p = dp_steps_done(r->stage, (int)(STEPS * share), STEPS, r->begun);
    r->cancelled = r->cancelled || r->options->progress(&p, r->options->user) != 0;
    return r->cancelled;
}

static void enter(run *r, const char *stage, double from, double to) {
    r->stage = stage;
    r->share_from = from;
    r->share_to = to;
}

static int advanced(const dipper_progress *progress, void *user) {
    return report(user, (double)progress->iteration / (double)progress->iterations);
}

static dipper_status stopped(run *r) {
    return dp_fail(&r->context->diag, DIPPER_ERROR_CANCELLED, "the automatic mode was asked to stop");
}

/* ---- What is given ---- */

static dipper_status check_options(const run *r) {
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

static dipper_status take_picture(run *r, const dipper_image *blurred) {
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

static dipper_status find_noise(const run *r, const dp_image *plane, double *sigma) {
    *sigma = r->options->noise_sigma;
    if (*sigma >= 0) return DIPPER_OK;
    return dp_noise_estimate(plane->data, plane->height, plane->width, &r->context->diag, sigma);
}

/* The square of that side that shows the blur best. */
static dipper_status cut(const run *r, const dp_image *plane, int side, dp_region *at, dp_image *out) {
    enum { USUAL = 31 };
    dp_diag *diag = &r->context->diag;
    DP_TRY(dp_region_choose(plane, side, side, USUAL, USUAL, r->noise_sigma, diag, at));
    return dp_image_crop(plane, at->x, at->y, at->width, at->height, diag, out);
}

/* Pixels for each second of max_seconds: so many that some PSFs can be tried, on a slow core. */
static const double PIXELS_PER_SECOND = 1e4;

/* Of a large picture a part is enough, of a larger side for large PSFs. With little time it is smaller. */
static dipper_status cut_parts(run *r, dp_image *plane) {
    enum { LEAST = 128 };
    const int told = r->options->psf_window, least = 4 * told > LEAST ? 4 * told : LEAST;
    const double pixels = (double)dp_image_plane_count(plane), most = PIXELS_PER_SECOND * r->options->max_seconds;
    dp_region at = {.width = plane->width, .height = plane->height};
    int side = presets[r->options->preset].region;
    if (most > 0 && most < (double)side * side) side = sqrt(most) > least ? (int)sqrt(most) : least;
    if (pixels > presets[r->options->preset].whole || (most > 0 && pixels > 2 * most)) {
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

static dipper_status choose_part(run *r) {
    dp_image plane = {0};
    DP_TRY(find_noise(r, &r->luma, &r->info->noise_sigma));
    DP_TRY(dp_plane_choose(&r->picture, &r->context->diag, &plane, &r->info->plane));
    dipper_status status = find_noise(r, &plane, &r->noise_sigma);
    if (status == DIPPER_OK) status = cut_parts(r, &plane);
    dp_image_free(&plane);
    return status;
}

/* Who tells a window knows that there is a blur. */
static dipper_status measure_steepness(run *r) {
    r->steepness = NAN;
    if (r->options->psf_window > 0) return DIPPER_OK;
    return dp_verdict_steepness(&r->luma, r->info->noise_sigma, &r->context->diag, &r->steepness);
}

static const double AGREED = 0.85;

/* A sharp picture stays as it is. */
static bool keep_if_sharp(run *r, double radius) {
    r->info->sharp = dp_is_sharp(r->steepness, radius);
    if (!r->info->sharp) return false;
    r->info->estimator = r->info->nonblind = "none";
    r->info->psf_width = r->info->psf_height = 1;
    r->psf[0] = 1;
    return true;
}

/* ---- The PSF ---- */

/* The last step's methods, the better ones first, with the work that they are, at most, as a share of that of the first
 * PSF that was tried, an estimate and a `hyperlaplacian`, pixel for pixel. */
enum { SPARSE, HYPERLAPLACIAN, WIENER, ENDINGS };
static const struct {
    const char *method;
    double work;
    double share; /* of max_seconds, that it is worth: more PSFs are worth more than `sparse` */
} endings[ENDINGS] = {{"sparse", 0.9, 0.3}, {"hyperlaplacian", 0.35, 0.8}, {"wiener", 0.03, 1}};

/* Seconds that it will take about. */
static double forecast(const run *r, int ending) {
    return endings[ending].work * r->first * (double)dp_image_plane_count(&r->luma) * r->picture.channels /
           (double)dp_image_plane_count(&r->part);
}

/* The best of the right size for the picture. */
static int best_ending(const run *r) {
    return (double)dp_image_plane_count(&r->luma) <= presets[r->options->preset].sparse ? SPARSE : HYPERLAPLACIAN;
}

/* The best for which there is time: it may take its share of the whole, or all that is left. */
static int choose_ending(const run *r, bool in_the_end) {
    int i = best_ending(r);
    while (i < WIENER && forecast(r, i) > (in_the_end ? left(r) : r->options->max_seconds * endings[i].share)) i++;
    return i;
}

/* What is kept for the last step. */
static double reserve(const run *r) {
    return forecast(r, choose_ending(r, false));
}

static int tried(int done, int of, void *user) {
    return report(user, (double)done / of);
}

static bool fits(double took, double next, void *user) {
    run *r = user;
    if (!(r->first > 0)) r->first = took;
    if (left(r) > next + reserve(r)) return true;
    r->info->hurried = 1;
    return false;
}

/* The smallest window, centred and odd, that holds what is not 0. */
static void trim(run *r) {
    const int side = r->side, middle = side / 2;
    int up = 1, across = 1;
    for (int i = 0; i < side * side; i++) {
        if (!(r->found.psf[i] > 0)) continue;
        const int y = abs(i / side - middle), x = abs(i % side - middle);
        up = y > up ? y : up;
        across = x > across ? x : across;
    }
    r->info->psf_height = 2 * up + 1;
    r->info->psf_width = 2 * across + 1;
    for (int y = 0; y < r->info->psf_height; y++)
        memcpy(r->psf + y * r->info->psf_width, r->found.psf + (y + middle - up) * side + middle - across,
               (size_t)r->info->psf_width * sizeof *r->psf);
    (void)dp_psf_normalise(r->psf, r->info->psf_height, r->info->psf_width);
}

static dipper_status find_psf(run *r) {
    dp_search search = {.be = r->context->be,
                        .luma = &r->part,
                        .wide = r->wide.data != NULL ? &r->wide : NULL,
                        .told = r->options->psf_window,
                        .noise_sigma = r->noise_sigma,
                        .coarse = presets[r->options->preset].coarse,
                        .progress = tried,
                        .fits = fits,
                        .user = r};
    dp_search_windows(&search);
    search.variants = search.wide != NULL ? plain : presets[r->options->preset].variants;
    r->side = search.side;
    r->found.psf = dp_alloc((size_t)r->side * (size_t)r->side, sizeof *r->found.psf);
    if (r->found.psf == NULL) return dp_fail(&r->context->diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    DP_TRY(dp_search_run(&search, &r->context->diag, &r->found));
    r->info->estimator = r->found.variant->method;
    r->info->window = r->found.window;
    r->info->tried = r->found.tried;
    r->info->softness = r->found.softness;
    r->info->score = r->found.score;
    const size_t at_once = dp_image_plane_count(&r->part) * (size_t)search.be->threads;
    const size_t wide = search.wide != NULL ? dp_image_plane_count(search.wide) : 0;
    r->info->memory_bytes = (wide > at_once ? wide : at_once) * sizeof(float) * 30;
    trim(r);
    return r->cancelled ? stopped(r) : DIPPER_OK;
}

/* ---- The network's picture ---- */

/* Steps until all are done or the time is over. */
static dipper_status iterate(run *r, dp_solver *solver) {
    long remain = 1;
    while (remain > 0) {
        if (left(r) < 0) {
            r->info->hurried = 1;
            return DIPPER_OK;
        }
        DP_TRY(dp_solver_step(solver, 1, &remain, &r->context->diag));
    }
    return DIPPER_OK;
}

static dipper_status run_network(run *r, float *luma) {
    dp_diag *diag = &r->context->diag;
    dp_recipe recipe;
    dp_solver *solver = NULL;
    dipper_solver_options options;
    dipper_solver_info info;
    dipper_image given = dipper_image_view(r->luma.data, r->luma.width, r->luma.height, 1);
    dipper_image out = dipper_image_view(luma, given.width, given.height, 1);
    dipper_solver_options_init(&options);
    options.psf = r->psf;
    options.psf_width = r->info->psf_width;
    options.psf_height = r->info->psf_height;
    options.noise_sigma = r->info->noise_sigma;
    options.seed = r->options->seed;
    options.progress = advanced;
    options.user = r;
    DP_TRY(dp_recipe_init("dip-nonblind", diag, &recipe));
    DP_TRY(dp_recipe_set(&recipe, "iterations", presets[r->options->preset].iterations, diag));
    DP_TRY(dp_solver_create(r->context->be, &given, &recipe, &options, diag, &solver));
    dipper_status status = iterate(r, solver);
    dp_solver_get_info(solver, &info);
    if (status == DIPPER_OK) status = dp_solver_get_image(solver, diag, &out);
    r->info->network_iterations = info.iteration;
    if (info.memory_bytes > r->info->memory_bytes) r->info->memory_bytes = info.memory_bytes;
    dp_solver_destroy(solver);
    return status;
}

/* ---- The picture ---- */

static dipper_status deconvolve(run *r, int ending, const dipper_image *blurred, dipper_image *out) {
    dipper_deconvolve_options options;
    dipper_deconvolve_info info = {.struct_size = sizeof info};
    dipper_deconvolve_options_init(&options);
    r->info->nonblind = options.method = endings[ending].method;
    options.noise_sigma = r->options->noise_sigma;
    options.memory_bytes = r->options->memory_bytes;
    options.progress = advanced;
    options.user = r;
    options.info = &info;
    const dipper_status status =
        dipper_deconvolve(r->context, blurred, r->psf, r->info->psf_width, r->info->psf_height, &options, out);
    if (info.memory_bytes > r->info->memory_bytes) r->info->memory_bytes = info.memory_bytes;
    return status;
}

/* The network's picture is less good, but errs differently, so that a mean of both errs less than either. The colours
 * stay. */
static dipper_status blend(run *r, const float *network, dipper_image *out) {
    const float share = presets[r->options->preset].share;
    dp_diag *diag = &r->context->diag;
    dp_image result = {0}, luma = {0};
    DP_TRY(dp_image_from_view(out, diag, &result));
    dipper_status status = dp_luma_image(&result, diag, &luma);
    if (status == DIPPER_OK) {
        for (size_t i = 0; i < dp_image_plane_count(&luma); i++) luma.data[i] += share * (network[i] - luma.data[i]);
        dp_replace_luma(&result, luma.data);
        status = dp_image_to_view(&result, diag, out);
    }
    dp_image_free(&luma);
    dp_image_free(&result);
    return status;
}

static dipper_status restore(run *r, const dipper_image *blurred, dipper_image *out) {
    const size_t n = dp_image_plane_count(&r->luma);
    const int ending = choose_ending(r, true);
    const bool wanted = (double)n <= presets[r->options->preset].network;
    const bool network = wanted && left(r) > 2 * forecast(r, ending);
    float *luma = network ? dp_alloc(n, sizeof *luma) : NULL;
    dipper_status status = DIPPER_OK;
    if (network && luma == NULL) return dp_fail(&r->context->diag, DIPPER_ERROR_MEMORY, "out of memory for a picture");
    r->info->hurried |= wanted && !network;
    enter(r, "deconvolution", 0.3, network ? 0.35 : 1);
    r->info->hurried |= ending != best_ending(r);
    status = deconvolve(r, ending, blurred, out);
    enter(r, "network", 0.35, 1);
    if (status == DIPPER_OK && network) {
        status = run_network(r, luma);
        /* too early, its picture would only blur */
        if (status == DIPPER_OK && r->info->network_iterations >= 100) status = blend(r, luma, out);
    }
    dp_free(luma);
    return status;
}

static dipper_status deblur(run *r, const dipper_image *blurred, dipper_image *out) {
    dp_psf_shape shape;
    DP_TRY(take_picture(r, blurred));
    DP_TRY(dp_image_check_shape(&r->picture, &r->context->diag, out));
    DP_TRY(dp_image_to_view(&r->picture, &r->context->diag, out));
    DP_TRY(choose_part(r));
    DP_TRY(measure_steepness(r));
    if (keep_if_sharp(r, NAN)) return DIPPER_OK;
    enter(r, "kernel estimation", 0, 0.3);
    DP_TRY(find_psf(r));
    DP_TRY(dp_psf_shape_measure(r->psf, r->info->psf_height, r->info->psf_width, &r->context->diag, &shape));
    /* a small PSF that larger windows do not find as well is no sign of a sharp picture */
    if (r->found.agreement > AGREED && keep_if_sharp(r, shape.radius)) return DIPPER_OK;
    /* out may be blurred: from here on the copy is what was given */
    const dipper_image given =
        dipper_image_view(r->picture.data, r->picture.width, r->picture.height, r->picture.channels);
    return restore(r, &given, out);
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
    run r = {.context = context, .options = options != NULL ? options : &defaults, .info = info, .psf = psf};
    *info = (dipper_auto_info){
        .struct_size = sizeof *info, .psf_width = 1, .psf_height = 1, .estimator = "", .plane = "", .nonblind = ""};
    psf[0] = 1;
    r.begun = dp_seconds();
    dipper_status status = check_options(&r);
    if (status == DIPPER_OK) status = deblur(&r, blurred, out);
    info->seconds = dp_seconds() - r.begun;
    dp_free(r.found.psf);
    dp_image_free(&r.picture);
    dp_image_free(&r.luma);
    dp_image_free(&r.part);
    dp_image_free(&r.wide);
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
