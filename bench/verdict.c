/* over 500 lines: a program is one file here, and each way of making a run that may fail belongs to this one.
 * Runs made to fail on purpose, and others, with the evidence for their verdicts: a CSV line each (docs/verdict.md).
 * Pictures are drawn from a list, blurred or not, restored well and badly, scored against the truth; all from the
 * number of the trial, so that any can be had again. usage: verdict LIST FIRST STEP END classical|network|automatic
 * (LIST: lines "SOURCE PICTURE sharp FILE" or "SOURCE PICTURE blurred FILE TRUTH PSF rotate|keep") */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "bid/verdict.h"
#include "dipper/dipper.h"
#include "image/colour.h"
#include "image/image.h"
#include "image/noise.h"
#include "io/image_file.h"
#include "io/psf_file.h"

enum { LINES = 1000, SIDES = 3, RUNS = 5, PSF_MOST = 101 * 101 };

typedef struct entry {
    char source[32], picture[64], kind[16], file[256], truth[256], psf[256], turn[16];
} entry;

typedef struct psf_data {
    float values[PSF_MOST];
    int width, height;
} psf_data;

typedef struct scene { /* a blurred picture of which the truth is known */
    const entry *from;
    const char *kind; /* "given", "made", "sharp", "two", "saturated" */
    dp_image truth, blurred;
    psf_data psf, second; /* second: of the right or lower half, kind "two" */
    int halves;           /* 0: one PSF, 1: left and right, 2: upper and lower */
    double noise;         /* true one; NaN: not known */
    double oracle[2], blurred_psnr;
    bool have_oracle[2];
    dp_opinions opinions[SIDES];
    int sides;
} scene;

typedef struct run {
    const char *kind, *method;
    int step; /* non-blind: 0 hyperlaplacian, 1 sparse */
    int window;
    psf_data psf;
    dp_image result;
    double psnr, correlation;
} run;

typedef struct bench {
    entry entries[LINES];
    int count, network, automatic;
    dipper_context *context;
    dp_backend *be;
    uint64_t trial, draws;
} bench;

static const char *const steps[2] = {"hyperlaplacian", "sparse"};

/* ---- Chance ---- */

static double uniform(bench *b) {
    float u[4];
    dp_philox_uniform4(dp_philox_key_make(b->trial, DP_STREAM_TEST), 0, b->draws++, u);
    return (double)u[0];
}

static int pick(bench *b, int n) {
    return (int)fmin(uniform(b) * n, n - 1);
}

static double between(bench *b, double low, double high) {
    return low + (high - low) * uniform(b);
}

static double log_between(bench *b, double low, double high) {
    return low * pow(high / low, uniform(b));
}

/* ---- Reading ---- */

static int read_luma(const char *path, dp_image *out) {
    io_error error = {""};
    io_picture *picture = NULL;
    dp_image colour = {0};
    if (picture_read(path, &picture, &error)) return fprintf(stderr, "%s\n", error.text), 1;
    const dipper_image view = picture_view(picture);
    const int bad = dp_image_from_view(&view, NULL, &colour) || dp_luma_image(&colour, NULL, out);
    dp_image_free(&colour);
    picture_destroy(&picture);
    return bad;
}

static int read_psf(const entry *e, psf_data *out) {
    io_error error = {""};
    float *values = NULL;
    if (psf_read(e->psf, strcmp(e->turn, "rotate") == 0, &values, &out->width, &out->height, &error)) return 1;
    memcpy(out->values, values, (size_t)out->width * (size_t)out->height * sizeof *values);
    free(values);
    return 0;
}

static int read_list(const char *path, bench *b) {
    FILE *f = fopen(path, "r");
    char line[1200];
    if (!f) return 1;
    while (b->count < LINES && fgets(line, sizeof line, f)) {
        entry *e = &b->entries[b->count];
        if (sscanf(line, "%31s %63s %15s %255s %255s %255s %15s", e->source, e->picture, e->kind, e->file, e->truth,
                   e->psf, e->turn) >= 4)
            b->count++;
    }
    fclose(f);
    return b->count == 0;
}

static void crop(dp_image *image, int x, int y, int width, int height) {
    dp_image part = {0};
    if (dp_image_crop(image, x, y, width, height, NULL, &part)) abort();
    dp_image_free(image);
    *image = part;
}

static dipper_image view_of(const dp_image *image) {
    return dipper_image_view(image->data, image->width, image->height, 1);
}

/* ---- Scenes ---- */

static void make_psf(bench *b, double largest, psf_data *out) {
    dipper_psf_options o;
    dipper_psf_options_init(&o);
    const double u = uniform(b), size = log_between(b, 5, largest);
    o.kind = u < 0.75   ? DIPPER_PSF_RANDOM_MOTION
             : u < 0.87 ? DIPPER_PSF_MOTION
             : u < 0.95 ? DIPPER_PSF_DISK
                        : DIPPER_PSF_GAUSSIAN;
    o.seed = b->trial * 16 + (uint64_t)pick(b, 16);
    o.length = o.kind == DIPPER_PSF_MOTION ? size : 0;
    o.angle = between(b, 0, 180);
    o.curve = pick(b, 2) ? between(b, 0, 90) : 0;
    o.radius = size / 3;
    o.sigma = fmin(size / 6, 4);
    if (o.kind == DIPPER_PSF_RANDOM_MOTION) o.width = o.height = (int)size | 1;
    if (dipper_psf_make(b->context, &o, &out->width, &out->height, out->values)) abort();
}

static void blur(bench *b, const dp_image *sharp, const psf_data *psf, double noise, int saturate, dp_image *out) {
    dipper_blur_options o;
    dipper_image to, from = view_of(sharp);
    dipper_blur_options_init(&o);
    o.border = DIPPER_BORDER_REFLECT;
    o.noise = noise > 0 ? DIPPER_NOISE_GAUSSIAN : DIPPER_NOISE_NONE;
    o.noise_level = noise;
    o.saturate = saturate;
    o.seed = b->trial;
    if (dp_image_create(sharp->width, sharp->height, 1, NULL, out)) abort();
    to = view_of(out);
    if (dipper_blur(b->context, &from, psf->values, psf->width, psf->height, &o, &to)) abort();
}

/* Half of one, half of the other: left and right, or upper and lower. */
static void join(const scene *s, const dp_image *other, dp_image *into) {
    for (int y = 0; y < into->height; y++)
        for (int x = 0; x < into->width; x++)
            if (s->halves == 1 ? x >= into->width / 2 : y >= into->height / 2)
                into->data[y * into->width + x] = other->data[y * into->width + x];
}

static void round_to_8_bit(dp_image *image) {
    for (int i = 0; i < image->width * image->height; i++)
        image->data[i] = roundf(fminf(fmaxf(image->data[i], 0), 1) * 255) / 255;
}

static void make_blurred(bench *b, scene *s) {
    static const double levels[] = {0, 0, 0.003, 0.005, 0.01, 0.01, 0.02, 0.03, 0.05};
    const double u = uniform(b);
    dp_image other = {0};
    enum { MARGIN = 6 }; /* the reflected border is no photograph's */
    s->kind = u < 0.12 ? "sharp" : u < 0.30 ? "two" : u < 0.40 ? "saturated" : "made";
    s->noise = levels[pick(b, (int)(sizeof levels / sizeof *levels))];
    s->halves = strcmp(s->kind, "two") == 0 ? 1 + pick(b, 2) : 0;
    if (strcmp(s->kind, "saturated") == 0) {
        const float gain = (float)between(b, 1.3, 2.5);
        for (int i = 0; i < s->truth.width * s->truth.height; i++) s->truth.data[i] *= gain;
    }
    make_psf(b, 31, &s->psf);
    make_psf(b, 31, &s->second);
    if (strcmp(s->kind, "sharp") == 0) {
        s->psf = (psf_data){.values = {1}, .width = 1, .height = 1};
        s->noise = fmin(s->noise, 0.02);
    }
    blur(b, &s->truth, &s->psf, s->noise, 1, &s->blurred);
    if (s->halves) {
        blur(b, &s->truth, &s->second, s->noise, 1, &other);
        join(s, &other, &s->blurred);
        dp_image_free(&other);
    }
    round_to_8_bit(&s->blurred);
    for (int i = 0; i < s->truth.width * s->truth.height; i++) s->truth.data[i] = fminf(s->truth.data[i], 1);
    crop(&s->truth, MARGIN, MARGIN, s->truth.width - 2 * MARGIN, s->truth.height - 2 * MARGIN);
    crop(&s->blurred, MARGIN, MARGIN, s->blurred.width - 2 * MARGIN, s->blurred.height - 2 * MARGIN);
}

/* A window of 150 to 225 px that is not empty. */
static void cut_window(bench *b, dp_image *first, dp_image *second) {
    const int side = (int)(b->network ? between(b, 130, 170) : between(b, 150, 225)),
              w = first->width < side ? first->width : side;
    const int h = first->height < side ? first->height : side;
    const int x = pick(b, first->width - w + 1), y = pick(b, first->height - h + 1);
    if (second->data) crop(second, x, y, w, h);
    crop(first, x, y, w, h);
}

static int open_scene(bench *b, scene *s) {
    s->from = &b->entries[pick(b, b->count)];
    s->noise = NAN;
    if (strcmp(s->from->kind, "blurred") == 0) {
        s->kind = "given";
        if (read_luma(s->from->file, &s->blurred) || read_luma(s->from->truth, &s->truth) || read_psf(s->from, &s->psf))
            return 1;
        if (s->truth.width != s->blurred.width || s->truth.height != s->blurred.height) return 1;
        if (s->blurred.width > (b->network ? 150 : 256)) cut_window(b, &s->blurred, &s->truth);
        return 0;
    }
    dp_image none = {0};
    if (read_luma(s->from->file, &s->truth)) return 1;
    if (s->truth.width > (b->network ? 150 : 200)) cut_window(b, &s->truth, &none);
    make_blurred(b, s);
    return 0;
}

static void close_scene(scene *s) {
    dp_image_free(&s->truth);
    dp_image_free(&s->blurred);
    for (int i = 0; i < s->sides; i++) dp_opinions_free(&s->opinions[i]);
}

/* ---- Restoring ---- */

static int deconvolve(bench *b, const dp_image *blurred, const psf_data *psf, int step, dp_image *out) {
    dipper_deconvolve_options o;
    dipper_image from = view_of(blurred), to;
    dipper_deconvolve_options_init(&o);
    o.method = steps[step];
    if (dp_image_create(blurred->width, blurred->height, 1, NULL, out)) abort();
    to = view_of(out);
    return dipper_deconvolve(b->context, &from, psf->values, psf->width, psf->height, &o, &to) != DIPPER_OK;
}

static double psnr_of(bench *b, const scene *s, const dp_image *image) {
    dipper_score_options o;
    dipper_score score = {.struct_size = sizeof score};
    const dipper_image result = view_of(image), truth = view_of(&s->truth);
    dipper_score_options_init(&o);
    o.protocol = "levin";
    return dipper_score_result(b->context, &result, &truth, &o, &score) ? NAN : score.psnr_db;
}

/* One half of a picture with two blurs, restored for itself, into its place. */
static int restore_half(bench *b, const scene *s, int number, int step, dp_image *into) {
    const int w = s->blurred.width, h = s->blurred.height, across = s->halves == 1;
    const int x = across && number ? w / 2 : 0, y = !across && number ? h / 2 : 0;
    const int wide = across ? (number ? w - w / 2 : w / 2) : w, high = across ? h : (number ? h - h / 2 : h / 2);
    dp_image half = {0}, restored = {0};
    if (dp_image_crop(&s->blurred, x, y, wide, high, NULL, &half)) abort();
    const int bad = deconvolve(b, &half, number ? &s->second : &s->psf, step, &restored);
    for (int i = 0; i < high && !bad; i++)
        memcpy(dp_image_row(into, 0, y + i) + x, dp_image_row(&restored, 0, i), (size_t)wide * sizeof(float));
    dp_image_free(&half);
    dp_image_free(&restored);
    return bad;
}

/* What the true PSF would give; of two, each in its half. */
static double oracle_of(bench *b, scene *s, int step) {
    dp_image all = {0};
    if (s->have_oracle[step]) return s->oracle[step];
    int bad = deconvolve(b, &s->blurred, &s->psf, step, &all);
    if (!bad && s->halves) bad = restore_half(b, s, 0, step, &all) || restore_half(b, s, 1, step, &all);
    s->oracle[step] = bad ? NAN : psnr_of(b, s, &all);
    s->have_oracle[step] = true;
    dp_image_free(&all);
    return s->oracle[step];
}

/* ---- PSFs, found and wrong ---- */

static int estimate(bench *b, const scene *s, const char *method, const double *settings, int window, psf_data *out) {
    dipper_estimate_options o;
    const dipper_image from = view_of(&s->blurred);
    dipper_estimate_options_init(&o);
    o.method = method;
    o.settings = settings;
    const int side = s->blurred.width < s->blurred.height ? s->blurred.width : s->blurred.height;
    window = (int)fmin(fmin(fmax(window, 3), 69), side / 3);
    o.psf_width = o.psf_height = out->width = out->height = window | 1;
    const int bad = dipper_estimate_psf(b->context, &from, &o, out->values) != DIPPER_OK;
    dipper_context_clear(b->context);
    return bad;
}

static int size_of(const psf_data *p) {
    return p->width > p->height ? p->width : p->height;
}

static int true_size(const scene *s) {
    const int one = size_of(&s->psf), two = s->halves ? size_of(&s->second) : 0;
    return one == 1 ? 15 : one > two ? one : two; /* sharp: what people would say */
}

static int bad_settings(bench *b, const scene *s, const char *method, int window, psf_data *out) {
    double settings[DIPPER_ESTIMATE_SETTINGS_MAX];
    for (int i = 0; i < DIPPER_ESTIMATE_SETTINGS_MAX; i++) settings[i] = NAN;
    const int vb = strcmp(method, "vb") == 0;
    if (pick(b, 3) == 0)
        settings[vb ? 0 : 1] = 1 + pick(b, 3); /* iterations */
    else if (vb)
        settings[2] = log_between(b, 0.01, 0.3); /* noise */
    else
        settings[0] = fmin(3e-3 * (pick(b, 2) ? log_between(b, 8, 200) : log_between(b, 0.003, 0.1)), 1);
    return estimate(b, s, method, settings, window, out);
}

/* The true one, gone wrong in one of a few ways, from slightly to badly. */
static void spoil(bench *b, const scene *s, psf_data *out) {
    *out = s->psf;
    const int n = out->width * out->height, how = pick(b, 4);
    const double amount = log_between(b, 0.03, 1.5);
    float most = 0;
    for (int i = 0; i < n; i++) most = fmaxf(most, out->values[i]);
    for (int i = 0; i < n; i++) {
        const float u = (float)uniform(b);
        if (how == 0) out->values[i] = fmaxf(0, out->values[i] * (1 + (float)amount * 2 * (u - 0.5F)));
        if (how == 1) out->values[i] += most * (float)amount * 0.1F * u;              /* haze */
        if (how == 2) out->values[i] += (u > 0.97F ? (float)amount * most : 0);       /* crumbs */
        if (how == 3) out->values[i] += (i == n / 2 ? (float)amount * 20 * most : 0); /* partly no blur */
    }
}

static const char *const finders[] = {"map-l0", "map-l0", "vb", "vb", "map-l1l2", "dark-channel", "extreme-channel"};

static int find_psf(bench *b, const scene *s, run *r) {
    const double u = uniform(b), size = true_size(s);
    r->method = finders[pick(b, 7)];
    r->window = (int)(size * between(b, 1, 1.5) + 0.5);
    if (u < 0.40) return r->kind = "fair", estimate(b, s, r->method, NULL, r->window, &r->psf);
    if (u < 0.49) {
        r->window = (int)(size * between(b, 0.35, 0.8));
        return r->kind = "small", estimate(b, s, r->method, NULL, r->window, &r->psf);
    }
    if (u < 0.58) {
        r->window = (int)(size * between(b, 1.7, 4));
        return r->kind = "large", estimate(b, s, r->method, NULL, r->window, &r->psf);
    }
    if (u < 0.66) return r->kind = "settings", bad_settings(b, s, r->method, r->window, &r->psf);
    r->method = "none";
    if (u < 0.71) {
        r->psf = (psf_data){.values = {1}, .width = 1, .height = 1};
        return r->kind = "nothing", 0;
    }
    if (u < 0.75) return r->kind = "foreign", make_psf(b, 35, &r->psf), 0;
    if (u < 0.85) return r->kind = "true", r->psf = s->psf, 0;
    return r->kind = "spoilt", spoil(b, s, &r->psf), 0;
}

/* A recipe with few iterations, a rash learning rate, a wrong size, any seed; or as it should be, but short. */
static int run_network(bench *b, scene *s, run *r) {
    dipper_recipe *recipe = NULL;
    dipper_solver *solver = NULL;
    dipper_solver_options o;
    const dipper_image from = view_of(&s->blurred);
    char text[32];
    long left = 1;
    const double u = uniform(b), size = true_size(s);
    r->method = "fast";
    r->kind = u < 0.5 ? "fair" : u < 0.65 ? "small" : u < 0.8 ? "large" : "settings";
    const double factor = u < 0.5 || u >= 0.8 ? between(b, 1, 1.4)
                          : u < 0.65          ? between(b, 0.4, 0.8)
                                              : between(b, 1.7, 3);
    r->window = (int)fmin(fmax(size * factor, 3), 61) | 1;
    dipper_solver_options_init(&o);
    o.psf_width = o.psf_height = r->window;
    o.seed = b->trial;
    int bad = dipper_recipe_create(b->context, "fast", &recipe) != DIPPER_OK;
    snprintf(text, sizeof text, "%d", u < 0.5 ? 150 + pick(b, 250) : 30 + pick(b, 170));
    bad = bad || dipper_recipe_set(b->context, recipe, "iterations", text);
    if (u > 0.9) bad = bad || dipper_recipe_set(b->context, recipe, "lr_image", "0.1");
    bad = bad || dipper_solver_create(b->context, &from, recipe, &o, &solver) != DIPPER_OK;
    while (!bad && left > 0) bad = dipper_solver_step(solver, 1000, &left) != DIPPER_OK;
    if (!bad) {
        dipper_solver_psf_size(solver, &r->psf.width, &r->psf.height);
        if (dp_image_create(s->blurred.width, s->blurred.height, 1, NULL, &r->result)) abort();
        dipper_image to = view_of(&r->result);
        bad = dipper_solver_get_image(solver, &to) || dipper_solver_get_psf(solver, r->psf.values);
    }
    dipper_context_clear(b->context);
    dipper_solver_destroy(&solver);
    dipper_recipe_destroy(&recipe);
    return bad;
}

/* The automatic mode, told nothing; more often in its fast preset, which takes seconds. */
static int run_automatic(bench *b, scene *s, run *r) {
    dipper_auto_options o;
    dipper_auto_info info = {.struct_size = sizeof info};
    const dipper_image from = view_of(&s->blurred);
    dipper_auto_options_init(&o);
    o.preset = uniform(b) < 0.7 ? DIPPER_PRESET_FAST : DIPPER_PRESET_BALANCED;
    r->kind = "automatic";
    r->method = o.preset == DIPPER_PRESET_FAST ? "auto-fast" : "auto";
    if (dp_image_create(s->blurred.width, s->blurred.height, 1, NULL, &r->result)) abort();
    dipper_image to = view_of(&r->result);
    const int bad = dipper_auto_deblur(b->context, &from, &o, &to, r->psf.values, &info) != DIPPER_OK;
    r->window = info.window;
    r->psf.width = info.psf_width;
    r->psf.height = info.psf_height;
    dipper_context_clear(b->context);
    return bad;
}

/* ---- A line ---- */

static double correlation_of(bench *b, const scene *s, const run *r) {
    dipper_psf_match m = {.struct_size = sizeof m};
    return dipper_psf_compare(b->context, r->psf.values, r->psf.width, r->psf.height, s->psf.values, s->psf.width,
                              s->psf.height, &m)
               ? NAN
               : m.correlation;
}

static const dp_opinions *opinions_for(scene *s, const dp_case *c) {
    const int side = dp_opinion_side(c);
    for (int i = 0; i < s->sides; i++)
        if (s->opinions[i].side == side) return &s->opinions[i];
    if (s->sides == SIDES) dp_opinions_free(&s->opinions[--s->sides]);
    if (dp_opinions_ask(c, side, NULL, &s->opinions[s->sides])) abort();
    return &s->opinions[s->sides++];
}

static int gather(bench *b, scene *s, const run *r, dp_evidence *e) {
    double sum = 0;
    psf_data p = r->psf;
    dp_case c = {
        .be = b->be, .blurred = &s->blurred, .result = &r->result, .psf = p.values, .kh = p.height, .kw = p.width};
    for (int i = 0; i < p.width * p.height; i++) sum += p.values[i];
    for (int i = 0; i < p.width * p.height; i++) p.values[i] = (float)(p.values[i] / sum);
    if (dp_noise_estimate(s->blurred.data, s->blurred.height, s->blurred.width, NULL, &c.noise_sigma)) return 1;
    return dp_evidence_gather(&c, opinions_for(s, &c), NULL, e) != DIPPER_OK;
}

static void print_header(void) {
    printf(
        "trial,source,picture,scene,noise_true,psf_size,width,height,kind,method,window,step,psnr_blurred,psnr,oracle,"
        "psf_correlation");
    for (int i = 0; i < DP_EVIDENCE_COUNT; i++) printf(",%s", dp_evidence_name(i));
    putchar('\n');
}

static void print_line(const bench *b, const scene *s, const run *r, const dp_evidence *e) {
    printf("%llu,%s,%s,%s,%g,%d,%d,%d,%s,%s,%d,%s,%.2f,%.2f,%.2f,%.3f", (unsigned long long)b->trial, s->from->source,
           s->from->picture, s->kind, s->noise, size_of(&s->psf), s->blurred.width, s->blurred.height, r->kind,
           r->method, r->window, steps[r->step], s->blurred_psnr, r->psnr, s->oracle[r->step], r->correlation);
    for (int i = 0; i < DP_EVIDENCE_COUNT; i++) printf(",%.4g", e->value[i]);
    putchar('\n');
    fflush(stdout);
}

static void do_run(bench *b, scene *s) {
    run *r = calloc(1, sizeof *r);
    dp_evidence e;
    if (!r) abort();
    r->step = b->network || b->automatic ? 1 : uniform(b) < 0.3;
    int bad = b->network     ? run_network(b, s, r)
              : b->automatic ? run_automatic(b, s, r)
                             : find_psf(b, s, r) || deconvolve(b, &s->blurred, &r->psf, r->step, &r->result);
    if (!bad) {
        oracle_of(b, s, r->step);
        r->psnr = psnr_of(b, s, &r->result);
        r->correlation = correlation_of(b, s, r);
        bad = gather(b, s, r, &e);
    }
    if (!bad) print_line(b, s, r, &e);
    dipper_context_clear(b->context);
    dp_image_free(&r->result);
    free(r);
}

static void do_trial(bench *b, uint64_t trial) {
    scene *s = calloc(1, sizeof *s);
    if (!s) abort();
    b->trial = trial;
    b->draws = 0;
    if (open_scene(b, s) == 0) {
        s->blurred_psnr = psnr_of(b, s, &s->blurred);
        for (int i = 0; i < (b->network || b->automatic ? 1 : RUNS); i++) do_run(b, s);
    }
    close_scene(s);
    free(s);
}

int main(int argc, char **argv) {
    bench *b = calloc(1, sizeof *b);
    dipper_context_options o;
    if (argc != 6 || !b) return fputs("usage: verdict LIST FIRST STEP END classical|network|automatic\n", stderr), 2;
    b->network = strcmp(argv[5], "network") == 0;
    b->automatic = strcmp(argv[5], "automatic") == 0;
    dipper_context_options_init(&o);
    o.threads = 1;
    io_error error = {""};
    int bad = read_list(argv[1], b) || io_init(argv[0], &error) || dipper_context_create(&o, &b->context) ||
              dp_backend_open("cpu", 1, NULL, &b->be);
    if (!bad && atol(argv[2]) == 0) print_header();
    for (long i = atol(argv[2]); !bad && i < atol(argv[4]); i += atol(argv[3])) do_trial(b, (uint64_t)i);
    return bad; /* the system frees all */
}
