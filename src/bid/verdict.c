/* From evidence to a verdict. */
#include "bid/verdict.h"

#include <math.h>
#include <string.h>

#include "image/region.h"
#include "metric/steepness.h"

#define E(name) (evidence->value[DP_EVIDENCE_##name])

/* ---- The model ---- */

/* Boosted trees: the log odds of failure are a bias and one leaf of each tree. All splits of one level of a tree are
 * the same, so that a leaf's number is a bit of each level, the first one the highest: is the evidence at least the
 * threshold? Missing values (NaN) count as the mean. Two models: all evidence, and without second opinions. Fitted by
 * bench/verdict_fit.py, which writes verdict_model.def, to bench/results/verdict.csv. */
enum { DEPTH = 5 };
static const double LEAF_UNIT = 1e-4;

typedef struct tree {
    struct {
        dp_evidence_index index;
        double threshold;
    } level[DEPTH];
    short leaf[1 << DEPTH]; /* LEAF_UNIT */
} tree;

typedef struct model {
    double bias, ok_below, failed_from;
    const tree *trees;
    size_t count;
} model;

#define SPLIT(name, threshold)                                                                                         \
    { DP_EVIDENCE_##name, threshold }
#define ANY_TREE(a, ta, b, tb, c, tc, d, td, e, te, ...)                                                               \
    {{SPLIT(a, ta), SPLIT(b, tb), SPLIT(c, tc), SPLIT(d, td), SPLIT(e, te)}, {__VA_ARGS__}},

#define MEAN(name, value)
#define LIMITS(...)
#define QUICK_LIMITS(...)
#define TREE ANY_TREE
#define QUICK_TREE(...)
static const tree all_trees[] = {
#include "bid/verdict_model.def"
};
#undef TREE
#undef QUICK_TREE
#define TREE(...)
#define QUICK_TREE ANY_TREE
static const tree quick_trees[] = {
#include "bid/verdict_model.def"
};
#undef QUICK_TREE
#define QUICK_TREE(...)
#undef MEAN
#define MEAN(name, value) [DP_EVIDENCE_##name] = (value),
static const double means[DP_EVIDENCE_COUNT] = {
#include "bid/verdict_model.def"
};
#undef MEAN
#define MEAN(name, value)
#undef LIMITS
#undef QUICK_LIMITS
#define LIMITS(...) static const model whole = {__VA_ARGS__, all_trees, sizeof all_trees / sizeof *all_trees};
#define QUICK_LIMITS(...)                                                                                              \
    static const model quick = {__VA_ARGS__, quick_trees, sizeof quick_trees / sizeof *quick_trees};
#include "bid/verdict_model.def"

static bool is_quick(const dp_evidence *evidence) {
    return isnan(E(agree_map));
}

static const model *model_for(const dp_evidence *evidence) {
    return is_quick(evidence) ? &quick : &whole;
}

double dp_verdict_probability(const dp_evidence *evidence) {
    const model *m = model_for(evidence);
    double value[DP_EVIDENCE_COUNT], odds = m->bias;
    for (int i = 0; i < DP_EVIDENCE_COUNT; i++) value[i] = isnan(evidence->value[i]) ? means[i] : evidence->value[i];
    for (size_t i = 0; i < m->count; i++) {
        const tree *t = &m->trees[i];
        unsigned leaf = 0;
        for (int k = 0; k < DEPTH; k++) leaf = 2 * leaf + (value[t->level[k].index] >= t->level[k].threshold);
        odds += LEAF_UNIT * t->leaf[leaf];
    }
    return 1 / (1 + exp(-odds));
}

dipper_verdict_level dp_verdict_level(const dp_evidence *evidence) {
    const model *m = model_for(evidence);
    const double probability = dp_verdict_probability(evidence);
    if (probability < m->ok_below) return DIPPER_VERDICT_OK;
    return probability < m->failed_from ? DIPPER_VERDICT_DOUBTFUL : DIPPER_VERDICT_FAILED;
}

/* ---- Reasons ---- */

/* Steepness of edges: above the first a picture is sharp; above the second it is if the PSF found is not larger than
 * what makes a photograph soft; below it is blurred. Chosen on half of the pictures of bench/sharp.sh. */
static const double SHARP_ANYWAY = 0.45, SHARP_IF = 0.3, SOFT_RADIUS = 1.5;

/* Values of NaN compare false, so that what is not known gives no reason. */
bool dp_is_sharp(double steepness, double radius) {
    return steepness >= SHARP_ANYWAY || (steepness >= SHARP_IF && radius < SOFT_RADIUS);
}

bool dp_may_be_sharp(double steepness) {
    return steepness >= SHARP_IF;
}

bool dp_verdict_is_sharp(const dp_evidence *evidence) {
    return dp_is_sharp(E(steepness), exp2(E(radius)) - 1);
}

static bool no_blur(const dp_evidence *evidence) {
    return E(radius) < 0.7 && E(steepness) < SHARP_IF;
}

static bool cut_off(const dp_evidence *evidence) {
    if (is_quick(evidence)) return E(fill) > 0.8 && E(border) > 0.45;
    return E(fill) > 0.8 && fmin(E(growth_map), E(growth_vb)) > 0.25; /* a window that just fits is full as well */
}

static bool artefacts(const dp_evidence *evidence) {
    return E(ringing) > 1.5 || E(beyond) > 0.35 || E(echo_high) > 0.45;
}

static bool noisy(const dp_evidence *evidence) {
    return E(snr) < -0.3;
}

static bool varies(const dp_evidence *evidence) {
    return E(parts_split) > 0.2;
}

static bool little_texture(const dp_evidence *evidence) {
    return E(texture) < -2.5 && E(saturated) < 0.2;
}

static bool saturated(const dp_evidence *evidence) {
    return E(saturated) > 0.15;
}

static bool disputed(const dp_evidence *evidence) {
    return fmax(E(agree_map), E(agree_vb)) < 0.7;
}

typedef struct reason {
    dipper_verdict_reason text;
    bool (*holds)(const dp_evidence *evidence);
} reason;

static const reason reasons[] = {
    {{DIPPER_REASON_SHARP, "sharp", "the picture is sharp already", "keep the picture as it was"}, dp_verdict_is_sharp},
    {{DIPPER_REASON_NO_BLUR, "no blur found", "no blur was found, though there is some: the PSF is near a point",
      "a size (-k) nearer to the real blur, another --seed, or --roi on a part with clear edges"},
     no_blur},
    {{DIPPER_REASON_CUT_OFF, "psf cut off", "the PSF reaches the border of its window", "a larger -k"}, cut_off},
    {{DIPPER_REASON_VARIES, "blur differs", "the blur differs across the picture", "crop the part that matters"},
     varies},
    {{DIPPER_REASON_NOISE, "noise", "the noise is too strong", "a smaller picture (means of 2x2 px), or --noise"},
     noisy},
    {{DIPPER_REASON_SATURATED, "saturated", "much of the picture is clipped at white",
      "--roi on a part without lights, then dipper deblur --psf"},
     saturated},
    {{DIPPER_REASON_TEXTURE, "little texture", "there is too little texture to see the blur by",
      "a larger part of the picture"},
     little_texture},
    {{DIPPER_REASON_ARTEFACTS, "artefacts", "there are rings or echoes", "another -k, -m or --seed"}, artefacts},
    {{DIPPER_REASON_DISPUTED, "psf disputed", "other methods find another PSF", "-m map-l0 or -m vb, and compare"},
     disputed},
};
enum { REASONS = sizeof reasons / sizeof *reasons };

unsigned dp_verdict_reasons(const dp_evidence *evidence) {
    unsigned bits = 0;
    for (int i = 0; i < REASONS; i++)
        if (reasons[i].holds(evidence)) bits |= reasons[i].text.bit;
    return bits;
}

int dp_verdict_reason_count(void) {
    return REASONS;
}

const dipper_verdict_reason *dp_verdict_reason_at(int index) {
    return index >= 0 && index < REASONS ? &reasons[index].text : NULL;
}

/* ---- All of it ---- */

/* Set by hand as a cautious figure: of 424 blurred pictures none was called sharp by its edges alone
 * (bench/results/sharp.csv), but how often the PSF's help errs has not been counted. */
static const double KEPT_WRONGLY = 0.02;

/* Of a large picture the part that shows the blur best: the model knows no others, and time stays the same. */
static dipper_status take_part(const dp_case *c, dp_diag *diag, dp_region *r, dp_image *blurred, dp_image *result) {
    DP_TRY(dp_region_choose(c->blurred, DP_VERDICT_MOST, DP_VERDICT_MOST, c->kh, c->kw, c->noise_sigma, diag, r));
    DP_TRY(dp_image_crop(c->blurred, r->x, r->y, r->width, r->height, diag, blurred));
    return dp_image_crop(c->result, r->x, r->y, r->width, r->height, diag, result);
}

static void fill_in(const dp_evidence *evidence, const dp_region *r, dipper_verdict *out) {
    out->probability = dp_verdict_probability(evidence);
    out->level = dp_verdict_level(evidence);
    out->reasons = dp_verdict_reasons(evidence);
    out->sharp = dp_verdict_is_sharp(evidence);
    out->second_opinions = !isnan(E(agree_map));
    out->x = r->x;
    out->y = r->y;
    out->width = r->width;
    out->height = r->height;
    memcpy(out->evidence, evidence->value, sizeof evidence->value);
}

/* A sharp picture that was kept as it was. */
static void accept(dipper_verdict *out) {
    out->probability = KEPT_WRONGLY;
    out->level = DIPPER_VERDICT_OK;
    out->reasons = DIPPER_REASON_SHARP;
}

static bool is_untouched(const dp_case *c) {
    return memcmp(c->result->data, c->blurred->data, dp_image_plane_count(c->blurred) * sizeof(float)) == 0;
}

static bool can_be_judged(const dp_case *c) {
    return c->blurred->width >= DP_VERDICT_LEAST && c->blurred->height >= DP_VERDICT_LEAST &&
           2 * c->kw <= c->blurred->width && 2 * c->kh <= c->blurred->height && !dp_image_is_constant(c->blurred);
}

dipper_status dp_verdict_judge(const dp_case *c, bool second_opinions, dp_diag *diag, dipper_verdict *out) {
    dp_image blurred = {0}, result = {0};
    dp_opinions opinions = {0};
    dp_evidence evidence;
    dp_region r;
    dp_case part = *c;
    out->evidence_count = DP_EVIDENCE_COUNT;
    out->noise_sigma = c->noise_sigma;
    out->level = DIPPER_VERDICT_NONE;
    out->probability = NAN;
    for (int i = 0; i < DP_EVIDENCE_COUNT; i++) out->evidence[i] = NAN;
    if (!can_be_judged(c)) return DIPPER_OK;
    part.blurred = &blurred;
    part.result = &result;
    double steepness = NAN;
    dipper_status status = dp_verdict_steepness(c->blurred, c->noise_sigma, diag, &steepness);
    const bool kept = dp_is_sharp(steepness, 0) && is_untouched(c);
    if (status == DIPPER_OK) status = take_part(c, diag, &r, &blurred, &result);
    if (status == DIPPER_OK && second_opinions && !kept)
        status = dp_opinions_ask(c, dp_opinion_side(&part), diag, &opinions);
    if (status == DIPPER_OK) status = dp_evidence_gather(&part, opinions.side > 0 ? &opinions : NULL, diag, &evidence);
    if (status == DIPPER_OK) {
        evidence.value[DP_EVIDENCE_steepness] = steepness;
        fill_in(&evidence, &r, out);
        if (kept) accept(out);
    }
    dp_opinions_free(&opinions);
    dp_image_free(&blurred);
    dp_image_free(&result);
    return status;
}

/* Night with lamps too bright for the sensor: their traces have steep borders, however they were blurred. */
static bool is_lamplit(const dp_image *picture) {
    const double dark = 0.2, white = 0.99, few = 5e-4;
    const size_t n = dp_image_plane_count(picture);
    size_t below = 0, clipped = 0;
    for (size_t i = 0; i < n; i++) {
        below += picture->data[i] < dark;
        clipped += picture->data[i] >= white;
    }
    return 2 * below > n && (double)clipped > few * (double)n;
}

dipper_status dp_verdict_steepness(const dp_image *picture, double noise_sigma, dp_diag *diag, double *steepness) {
    enum { USUAL = 31 }; /* px, of a PSF: whose is not known */
    dp_image part = {0};
    dp_region r;
    *steepness = NAN;
    if (picture->width < DP_VERDICT_LEAST || picture->height < DP_VERDICT_LEAST || is_lamplit(picture))
        return DIPPER_OK;
    DP_TRY(dp_region_choose(picture, DP_VERDICT_MOST, DP_VERDICT_MOST, USUAL, USUAL, noise_sigma, diag, &r));
    DP_TRY(dp_image_crop(picture, r.x, r.y, r.width, r.height, diag, &part));
    const dipper_status status = dp_steepness(&part, noise_sigma, diag, steepness);
    dp_image_free(&part);
    return status;
}
