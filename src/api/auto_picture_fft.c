#include <math.h>
#include <string.h>

#include "api/api.h"
#include "api/auto_fft.h"
#include "base/clock.h"
#include "base/memory.h"
#include "bid/paper_fft.h"
#include "bid/polish_fft.h"
#include "bid/rank_fft.h"
#include "bid/variation.h"
#include "image/colour.h"
#include "image/psf.h"
#include "image/register.h"

/* ---- Time ---- */

/* The last step's methods, the better ones first, with the work that they are, at most, as a share of that of the first
 * PSF that was tried, an estimate and a `hyperlaplacian`, pixel for pixel. */
enum { SPARSE, HYPERLAPLACIAN, WIENER, ENDINGS };
static const struct {
    const char *method;
    double work;
    double share; /* of max_seconds, that it is worth: more PSFs are worth more than `sparse` */
} endings[ENDINGS] = {{"sparse", 0.9, 0.3}, {"hyperlaplacian", 0.35, 0.8}, {"wiener", 0.03, 1}};

/* What the first PSF would have taken with so many pixels. */
static double first_with(const dp_auto *r, double pixels) {
    return r->first * pixels / (double)dp_image_plane_count(&r->part);
}

/* Seconds that it will take about. */
static double forecast(const dp_auto *r, int ending) {
    static const double PAPER = 5; /* times the iterations, since much is saturated */
    const double more = r->info->paper && ending == HYPERLAPLACIAN ? PAPER : 1;
    return more * endings[ending].work * first_with(r, (double)dp_image_plane_count(&r->luma)) * r->picture.channels;
}

/* The best of the right size for the picture. */
static int best_ending(const dp_auto *r) {
    if (r->info->paper) return HYPERLAPLACIAN;
    return (double)dp_image_plane_count(&r->luma) <= r->preset->sparse ? SPARSE : HYPERLAPLACIAN;
}

/* The best for which there is time: it may take its share of the whole, or all that is left. */
static int choose_ending(const dp_auto *r, bool in_the_end) {
    int i = best_ending(r);
    while (i < WIENER && forecast(r, i) > (in_the_end ? dp_auto_left(r) : r->options->max_seconds * endings[i].share))
        i++;
    return i;
}

/* Polishing is worth as much as a few PSFs more. */
static const double POLISHED_SHARE = 0.4;

/* Seconds that a BM3D of so many pixels will take about. */
static double denoising(const dp_auto *r, double pixels) {
    static const double WORK = 0.8; /* as that of the endings */
    return r->denoised > 0 ? r->denoised * pixels : WORK * first_with(r, pixels);
}

static double polishing_time(const dp_auto *r) {
    return (1 + DP_POLISH_ROUNDS) * denoising(r, (double)dp_image_plane_count(&r->luma));
}

static bool can_be_polished(const dp_auto *r, int ending) {
    return !r->info->paper && ending == best_ending(r) && (double)dp_image_plane_count(&r->luma) <= r->preset->polished;
}

double dp_auto_reserve(const dp_auto *r) {
    const int ending = choose_ending(r, false);
    const double once = forecast(r, ending), polished = once + polishing_time(r);
    return can_be_polished(r, ending) && polished <= POLISHED_SHARE * r->options->max_seconds ? polished : once;
}

/* ---- The non-blind step ---- */

static int advanced(const dipper_progress *progress, void *user) {
    return dp_auto_report(user, (double)progress->iteration / (double)progress->iterations);
}

static dipper_status deconvolve(dp_auto *r, int ending, const dipper_image *blurred, dipper_image *out) {
    dipper_deconvolve_options options;
    dipper_deconvolve_info info = {.struct_size = sizeof info};
    dipper_deconvolve_options_init(&options);
    r->info->nonblind = options.method = endings[ending].method;
    options.noise_sigma = r->options->noise_sigma;
    if (r->info->paper && ending == HYPERLAPLACIAN) {
        options.box = 1;
        options.weight = dp_paper_weight(r->info->noise_sigma);
    }
    options.memory_bytes = r->options->memory_bytes;
    options.progress = advanced;
    options.user = r;
    options.info = &info;
    const dipper_status status =
        dipper_deconvolve(r->context, blurred, r->psf, r->info->psf_width, r->info->psf_height, &options, out);
    if (info.memory_bytes > r->info->memory_bytes) r->info->memory_bytes = info.memory_bytes;
    return status;
}

/* ---- One PSF's picture ---- */

typedef struct scene { /* in which PSFs are tried: all of the picture, or the part in which they were found */
    const dipper_image *given;
    dipper_image *out;
    const dp_image *luma; /* of given */
    double noise_sigma;
    int ending;
    double from, to;   /* share of the work */
    double afterwards; /* seconds to be kept */
} scene;

typedef struct version {
    float *psf; /* (side, side) */
    int side;
    dp_image picture, luma; /* restored with it */
    double score;           /* dp_rank's */
    double unexplained;     /* dp_polish_unexplained; infinite: not measured */
    double took;            /* seconds to restore it */
} version;

static void discard(version *v) {
    dp_free(v->psf);
    dp_image_free(&v->picture);
    dp_image_free(&v->luma);
    *v = (version){0};
}

/* psf (side, side). */
static dipper_status begin(version *v, const float *psf, int psf_side, int side, dp_diag *diag) {
    *v = (version){.side = side, .psf = dp_alloc((size_t)side * (size_t)side, sizeof *psf), .unexplained = INFINITY};
    if (v->psf == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    dp_psf_place(psf, psf_side, v->psf, side);
    return DIPPER_OK;
}

static void exchange(version *a, version *b) {
    const version kept = *a;
    *a = *b;
    *b = kept;
}

/* By way of s->out, which then holds it as well. */
static dipper_status make(dp_auto *r, const scene *s, version *v) {
    dp_diag *diag = &r->context->diag;
    const double begun = dp_seconds();
    dp_rank rank;
    (void)dp_auto_trim(r, v->psf, v->side);
    DP_TRY(deconvolve(r, s->ending, s->given, s->out));
    DP_TRY(dp_image_from_view(s->out, diag, &v->picture));
    DP_TRY(dp_luma_image(&v->picture, diag, &v->luma));
    DP_TRY(dp_rank_measure(&v->luma, s->luma, v->psf, v->side, v->side, r->context->be->threads, diag, &rank));
    v->score = rank.score;
    v->took = dp_seconds() - begun;
    return DIPPER_OK;
}

/* Another round, if as much is left as the latest took. */
static bool goes_on(double took, void *user) {
    dp_auto *r = user;
    const bool enough = dp_auto_left(r) < took;
    r->info->hurried |= enough;
    return !enough;
}

static dp_polish polishing(dp_auto *r, const scene *s, const version *v) {
    return (dp_polish){.be = r->context->be,
                       .blurred = s->luma,
                       .noise_sigma = s->noise_sigma,
                       .side = v->side,
                       .goes_on = goes_on,
                       .user = r};
}

/* The score rises by a little even where the picture becomes better; by more where the PSF is wrong. docs/auto.md */
static const double TOLERATED = 0.004;

/* With the PSF that goes with what was restored, if that is no worse. */
static dipper_status refine(dp_auto *r, const scene *s, version *v) {
    version other;
    const dp_polish job = polishing(r, s, v);
    DP_TRY(begin(&other, v->psf, v->side, v->side, &r->context->diag));
    dp_diag nothing = {0};
    const double begun = dp_seconds();
    dipper_status status = dp_polish_psf(&job, &v->luma, other.psf, &nothing);
    r->denoised = (dp_seconds() - begun) / (double)dp_image_plane_count(s->luma);
    if (status == DIPPER_OK) status = make(r, s, &other);
    if (status == DIPPER_OK && other.score <= v->score + TOLERATED) exchange(v, &other);
    discard(&other);
    if (status == DIPPER_ERROR_MEMORY) return dp_fail(&r->context->diag, status, "out of memory to refine a PSF");
    return status == DIPPER_ERROR_DIVERGED ? DIPPER_OK : status;
}

static dipper_status explain(dp_auto *r, const scene *s, version *v) {
    const dp_polish job = polishing(r, s, v);
    return dp_polish_unexplained(&job, v->psf, &v->luma, &v->unexplained, &r->context->diag);
}

static bool has_time_for_another(dp_auto *r, const scene *s, const version *v) {
    const double next = v->took + denoising(r, (double)dp_image_plane_count(s->luma));
    const bool enough = dp_auto_left(r) < next + s->afterwards;
    r->info->hurried |= enough;
    return !enough;
}

/* Restored with that PSF; *better: it explains more, and v is it. */
static dipper_status try_another(dp_auto *r, const scene *s, version *v, version *other, bool *better) {
    static const double WORTH_IT = 0.999, HARDLY_WORSE = 0.0015;
    const double tolerated = s->noise_sigma > DP_AUTO_NOISY ? 0 : HARDLY_WORSE; /* what is unexplained is noise then */
    DP_TRY(make(r, s, other));
    DP_TRY(explain(r, s, other));
    if (other->unexplained >= WORTH_IT * v->unexplained || other->score > v->score + tolerated) return DIPPER_OK;
    exchange(v, other);
    *better = true;
    return DIPPER_OK;
}

/* Variations of the PSF, from first to before end, each of the best one so far; from, to: share of the work. */
static dipper_status vary(dp_auto *r, const scene *s, version *v, int first, int end, double from, double to,
                          bool *better) {
    int *scratch = dp_alloc((size_t)v->side * (size_t)v->side, sizeof *scratch);
    const double share = (to - from) / (end - first);
    dipper_status status = DIPPER_OK;
    if (scratch == NULL) return dp_fail(&r->context->diag, DIPPER_ERROR_MEMORY, "out of memory to refine a PSF");
    for (int i = first; i < end && status == DIPPER_OK; i++) {
        version other;
        dp_auto_enter(r, "deconvolution", from + (i - first) * share, from + (i - first + 1) * share);
        status = begin(&other, v->psf, v->side, v->side, &r->context->diag);
        if (status == DIPPER_OK && dp_psf_vary(i, v->psf, v->side, scratch, other.psf) && has_time_for_another(r, s, v))
            status = try_another(r, s, v, &other, better);
        discard(&other);
    }
    dp_free(scratch);
    return status;
}

/* The luma; the colours stay. */
static dipper_status polish(dp_auto *r, const scene *s, version *v) {
    const dp_polish job = polishing(r, s, v);
    DP_TRY(dp_polish_picture(&job, v->psf, &v->luma, &r->context->diag));
    dp_replace_luma(&v->picture, v->luma.data);
    return DIPPER_OK;
}

/* Scores that are closer than this do not tell which PSF is better. docs/auto.md */
static const double CLOSE = 0.01;

static int count_close(const dp_auto *r) {
    int n = 1;
    while (n < r->found_count && r->found[n].score < r->found[0].score + CLOSE) n++;
    return n;
}

/* What one way found, refined and tidied; from, to: share of the work. */
static dipper_status develop(dp_auto *r, const scene *s, const dp_candidate *found, double from, double to,
                             version *v) {
    enum { ROOM = 2 };
    const double third = (to - from) / 3;
    bool better = false;
    const int wanted = dp_auto_trim(r, found->psf, r->side) + ROOM;
    DP_TRY(begin(v, found->psf, r->side, wanted < r->side ? wanted : r->side, &r->context->diag));
    dp_auto_enter(r, "deconvolution", from, from + third);
    DP_TRY(make(r, s, v));
    dp_auto_enter(r, "deconvolution", from + third, to - third);
    if (!has_time_for_another(r, s, v)) return DIPPER_OK;
    DP_TRY(refine(r, s, v));
    if (!has_time_for_another(r, s, v)) return DIPPER_OK;
    DP_TRY(explain(r, s, v));
    return vary(r, s, v, 0, DP_VARIATION_CRUMBS, to - third, to, &better);
}

/* The variations that are left, as long as they help; from, to: share of the work. */
static dipper_status touch_up(dp_auto *r, const scene *s, double from, double to, version *v) {
    enum { ROUNDS = 2 };
    const double share = (to - from) / ROUNDS;
    bool better = isfinite(v->unexplained);
    for (int i = 0; i < ROUNDS && better; i++) {
        const double begins = from + i * share;
        better = false;
        DP_TRY(vary(r, s, v, DP_VARIATION_CRUMBS, DP_VARIATIONS, begins, begins + share, &better));
    }
    return DIPPER_OK;
}

/* What the ways found, restored; versions: DP_AUTO_WAYS. *best: of that which explains most without artefacts. */
static dipper_status develop_all(dp_auto *r, const scene *s, version *versions, int *count, int *best) {
    static const double DEVELOPED = 0.7; /* of the work */
    const int n = count_close(r);
    const double share = DEVELOPED * (s->to - s->from) / n;
    double took = 0;
    for (int i = 0; i < n; i++) {
        const double from = s->from + share * i, begun = dp_seconds();
        if (i > 0 && dp_auto_left(r) < took + s->afterwards) {
            r->info->hurried = 1;
            break;
        }
        *count = i + 1;
        DP_TRY(develop(r, s, &r->found[i], from, from + share, &versions[i]));
        took = dp_seconds() - begun;
        if (versions[i].unexplained < versions[*best].unexplained) *best = i;
    }
    return touch_up(r, s, s->from + n * share, s->to, &versions[*best]);
}

/* versions[best].luma: the mean of all, moved onto it by fractions of a pixel: what each PSF does wrong is less in it.
 * Not of those that then differ by more than ALIKE: they show something else. */
static dipper_status blend(dp_auto *r, const version *versions, int count, int best) {
    static const double ALIKE = 0.01;
    const dp_image *luma = &versions[best].luma;
    const size_t n = dp_image_plane_count(luma);
    const int threads = r->context->be->threads;
    dp_diag *diag = &r->context->diag;
    dp_image sum = {0}, moved = {0};
    int blended = 1;
    dipper_status status = dp_image_copy(luma, diag, &sum);
    if (status == DIPPER_OK) status = dp_image_create(luma->width, luma->height, 1, diag, &moved);
    for (int i = 0; i < count && status == DIPPER_OK; i++) {
        const float *other = versions[i].luma.data;
        dp_registration at;
        if (i == best) continue;
        status = dp_register(&versions[i].luma, luma, threads, diag, &at);
        if (status != DIPPER_OK || at.rms > ALIKE) continue;
        status = dp_plane_move(other, luma->height, luma->width, at.dy, at.dx, threads, diag, moved.data);
        if (status != DIPPER_OK) continue;
        for (size_t j = 0; j < n; j++) sum.data[j] += moved.data[j];
        blended++;
    }
    for (size_t j = 0; j < n && status == DIPPER_OK; j++) luma->data[j] = sum.data[j] / (float)blended;
    dp_image_free(&sum);
    dp_image_free(&moved);
    return status;
}

static dipper_status restore_polished(dp_auto *r, const scene *s) {
    version versions[DP_AUTO_WAYS] = {{0}};
    int count = 0, best = 0;
    dipper_status status = develop_all(r, s, versions, &count, &best);
    if (status == DIPPER_OK) status = blend(r, versions, count, best);
    if (status == DIPPER_OK) {
        dp_auto_take(r, &r->found[best]);
        (void)dp_auto_trim(r, versions[best].psf, versions[best].side);
        status = polish(r, s, &versions[best]);
    }
    if (status == DIPPER_OK) status = dp_image_to_view(&versions[best].picture, &r->context->diag, s->out);
    for (int i = 0; i < count; i++) discard(&versions[i]);
    r->info->polished = status == DIPPER_OK;
    return status;
}

/* ---- The part in which the PSF was found ---- */

/* Of what the ways found the one that goes on to the whole picture, refined. */
static void settle(dp_auto *r, const version *v, int chosen) {
    const dp_candidate c = r->found[chosen];
    r->found[chosen] = r->found[0];
    r->found[0] = c;
    dp_psf_place(v->psf, v->side, c.psf, r->side);
    while (r->found_count > 1) dp_free(r->found[--r->found_count].psf);
    dp_auto_take(r, &r->found[0]);
    (void)dp_auto_trim(r, c.psf, r->side);
}

/* Much quicker there than in the whole. */
static dipper_status choose_in_part(dp_auto *r) {
    version versions[DP_AUTO_WAYS] = {{0}};
    int count = 0, best = 0;
    dp_image restored = {0};
    dp_diag *diag = &r->context->diag;
    const double after = dp_auto_reserve(r), pixels = (double)dp_image_plane_count(&r->part);
    if (dp_auto_left(r) < endings[SPARSE].work * r->first + denoising(r, pixels) + after) {
        r->info->hurried = 1;
        return DIPPER_OK;
    }
    DP_TRY(dp_image_copy(&r->part, diag, &restored));
    const dipper_image given = dipper_image_view(r->part.data, r->part.width, r->part.height, 1);
    dipper_image out = dipper_image_view(restored.data, restored.width, restored.height, 1);
    const scene part = {&given, &out, &r->part, r->noise_sigma, SPARSE, DP_AUTO_SEARCHED, DP_AUTO_CHOSEN, after};
    dipper_status status = develop_all(r, &part, versions, &count, &best);
    if (status == DIPPER_OK) settle(r, &versions[best], best);
    for (int i = 0; i < count; i++) discard(&versions[i]);
    dp_image_free(&restored);
    return status;
}

/* ---- The picture ---- */

dipper_status dp_auto_restore(dp_auto *r, const dipper_image *blurred, dipper_image *out) {
    const bool in_part = r->wide.data != NULL;
    if (in_part && !r->info->paper) DP_TRY(choose_in_part(r));
    const double from = in_part ? DP_AUTO_CHOSEN : DP_AUTO_SEARCHED;
    const int ending = choose_ending(r, true);
    const bool can_be = can_be_polished(r, ending),
               polished = can_be && dp_auto_left(r) > forecast(r, ending) + polishing_time(r);
    r->info->hurried |= ending != best_ending(r) || (can_be && !polished);
    const scene whole = {blurred, out, &r->luma, r->info->noise_sigma, ending, from, 1, polishing_time(r)};
    if (polished) return restore_polished(r, &whole);
    dp_auto_enter(r, "deconvolution", from, 1);
    return deconvolve(r, ending, blurred, out);
}
