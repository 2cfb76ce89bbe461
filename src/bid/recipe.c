#define _POSIX_C_SOURCE 200809L /* strtok_r */
#include "bid/recipe.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum field_type { TYPE_INT, TYPE_REAL, TYPE_BOOL, TYPE_CHOICE, TYPE_LIST, TYPE_STAGES } field_type;
static const char *const type_names[] = {"int", "real", "bool", "choice", "list", "stages"};

typedef struct field {
    const char *name;
    field_type type;
    size_t offset;
    const char *fallback; /* default, as text */
    double minimum, maximum;
    const char *choices, *unit, *help;
} field;

static const field fields[] = {
#define AT(name) offsetof(dp_recipe, name)
#define INT(name, value, low, high, unit, help) {#name, TYPE_INT, AT(name), #value, low, high, "", unit, help},
#define REAL(name, value, low, high, unit, help) {#name, TYPE_REAL, AT(name), #value, low, high, "", unit, help},
#define BOOL(name, value, help) {#name, TYPE_BOOL, AT(name), #value, 0, 0, "", "", help},
#define CHOICE(name, value, choices, help) {#name, TYPE_CHOICE, AT(name), value, 0, 0, choices, "", help},
#define LIST(name, value, low, high, unit, help) {#name, TYPE_LIST, AT(name), value, low, high, "", unit, help},
#define STAGES(name, value, choices, help) {#name, TYPE_STAGES, AT(name), value, 0, 0, choices, "", help},
#include "bid/recipe.def"
#undef INT
#undef REAL
#undef BOOL
#undef CHOICE
#undef LIST
#undef STAGES
};

/* The methods: what differs from the defaults. */
static const struct {
    const char *name, *summary, *settings;
} recipes[] = {
    {"fast", "small network, direct centred PSF, SSIM from the start, three scales, then a sparse-prior deconvolution",
     "scales=0.25,0.5,1 iterations=300,300,500 restarts=3 channels=32 nonlocal_from=10 psf=direct psf_margin=0.2 "
     "centre_every=10 centre_until=0.6 lr_psf=0.05 loss=ssim perturb=0 lr_halve=0.7,0.85 final=sparse "
     "psf_cut=0.03 psf_island=0.02 average=50"},
    {"selfdeblur", "SelfDeblur as published for the Levin data (Ren et al. 2020)", ""},
    {"selfdeblur-lai", "SelfDeblur as published for the Lai data: SSIM from iteration 500", "loss=mse:0.1,ssim"},
    {"selfdeblur-nonblind", "SelfDeblur as published where the PSF is known, and an average of its last outputs",
     "iterations=1000 psf=fixed loss=ssim lr_halve=0.7,0.8,0.9 average=50 stop_patience=200 stop_from=300"},
    {"dip-nonblind", "a smaller network where the PSF is known",
     "iterations=300 channels=64 nonlocal_from=10 psf=fixed perturb=0 loss=ssim lr_halve=0.7,0.85 average=50"},
    {"denoise", "a picture without its noise (Ulyanov et al. 2018): shaken input, average of late outputs",
     "iterations=2000 channels=32 nonlocal_from=10 input_channels=32 perturb=0.02 colour=rgb loss=mse lr_halve=1 "
     "average=200 stop_noise=0.98 stop_patience=400 stop_from=200"},
    {"simplersdb", "SimplerSDB: no non-local blocks, no perturbation, PSF as free numbers with a constant start",
     "nonlocal_from=10 perturb=0 psf=direct lr_psf=0.02 loss=mse"},
    {"simplersdb-0.99", "SimplerSDB with Adam's beta1 of the picture at 0.99",
     "nonlocal_from=10 perturb=0 psf=direct lr_psf=0.02 loss=mse beta1_image=0.99"},
    {"vdip-std", "VDIP: mean and deviation of each pixel, data term alone, then SSIM (Huo et al. 2023)",
     "input_channels=3 perturb=0 colour=rgb output=mean-std loss=elbo:0.4,ssim prior_weight=0 pretrain=500 "
     "pretrain_alpha=0 pretrain_psf=true"},
    {"vdip-sparse", "VDIP with a sparse gradient prior",
     "input_channels=3 perturb=0 colour=rgb output=mean-std loss=elbo:0.4,ssim prior=sparse pretrain=500 "
     "pretrain_alpha=0 pretrain_psf=true"},
    {"vdip-extreme", "VDIP with a prior of dark and bright extremes",
     "input_channels=3 perturb=0 colour=rgb output=mean-std loss=elbo:0.4,ssim prior=extreme prior_weight=0.0001 "
     "pretrain=5 pretrain_alpha=0 pretrain_psf=true"},
    {"wdip", "W-DIP: SelfDeblur led by a Wiener image with a second PSF (Bredell et al. 2023)", "guide=0.001"},
    {"deblur-inr", "PSF as a network of sines, Fourier features as input, SSIM, two scales (after Deblur-INR, 2024)",
     "scales=0.5,1 iterations=2000,3000 input=fourier perturb=0 psf=siren centre_every=1 centre_until=1 lr_image=0.005 "
     "lr_psf=0.00005 lr_halve=0.4,0.8 loss=ssim"},
    {"superres",
     "a larger picture (Ulyanov et al. 2018), with a little total variation, that agrees with the small one",
     "iterations=1000 channels=32 skip_channels=4 nonlocal_from=10 input_channels=32 perturb=0.02 colour=rgb loss=mse "
     "tv=0.005 lr_halve=1 average=200 stop_patience=400 stop_from=200 back_project=10"},
    {"inpaint", "a picture whose missing pixels are filled in (Ulyanov et al. 2018)",
     "iterations=1500 channels=32 nonlocal_from=10 input_channels=32 perturb=0.02 colour=rgb loss=mse lr_halve=1 "
     "average=200 stop_patience=400 stop_from=200"},
    {"selfdeblur-colour", "SelfDeblur as published for colour pictures: 2500 iterations",
     "iterations=2500 loss=mse:0.4,ssim lr_halve=0.64,0.76,0.88"},
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

int dp_recipe_count(void) {
    return RECIPES;
}
const char *dp_recipe_name(int index) {
    return index >= 0 && index < RECIPES ? recipes[index].name : NULL;
}
const char *dp_recipe_summary(int index) {
    return index >= 0 && index < RECIPES ? recipes[index].summary : NULL;
}

/* ---- Reading values ---- */

static bool read_real(const char *text, double *out) {
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && errno == 0 && isfinite(*out);
}

static bool read_bool(const char *text, bool *out) {
    *out = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    return *out || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

static bool read_list(const char *text, dp_list *out) {
    char copy[DP_FIELD_TEXT], *save = NULL;
    if (strlen(text) >= sizeof copy || *text == '\0' || *text == ',' || text[strlen(text) - 1] == ',') return false;
    if (strstr(text, ",,") != NULL) return false;
    strcpy(copy, text);
    out->count = 0;
    for (char *part = strtok_r(copy, ",", &save); part != NULL; part = strtok_r(NULL, ",", &save))
        if (out->count == DP_LIST_MAX || !read_real(part, &out->value[out->count++])) return false;
    return true;
}

/* Position of the first `length` characters of text in "a|b|c", -1 if it is none of them. */
static int find_part(const char *choices, const char *text, size_t length) {
    for (int i = 0; *choices != '\0'; i++) {
        const size_t n = strcspn(choices, "|");
        if (n == length && strncmp(choices, text, n) == 0) return i;
        choices += n + (choices[n] == '|');
    }
    return -1;
}

static int find_choice(const char *choices, const char *text) {
    return find_part(choices, text, strlen(text));
}

/* "mse:0.2,ssim" */
static bool read_stages(const char *choices, const char *text, dp_stages *out) {
    char number[DP_FIELD_TEXT];
    for (out->count = 0; out->count < DP_LIST_MAX; text++) {
        const size_t item = strcspn(text, ","), name = strcspn(text, ":,");
        const int i = out->count++;
        if ((out->what[i] = find_part(choices, text, name)) < 0 || item >= sizeof number) return false;
        if (text[item] == '\0') return name == item;
        if (name == item) return false;
        snprintf(number, sizeof number, "%.*s", (int)(item - name - 1), text + name + 1);
        if (!read_real(number, &out->until[i]) || out->until[i] <= 0) return false;
        text += item;
    }
    return false;
}

static bool in_range(const field *f, double v) {
    return v >= f->minimum && v <= f->maximum;
}

/* Stores text as f's value; false if it is not one. */
static bool store(const field *f, dp_recipe *recipe, const char *text) {
    void *at = (char *)recipe + f->offset;
    double v;
    dp_list list = {0};
    dp_stages stages = {0};
    switch (f->type) {
    case TYPE_INT:
        if (!read_real(text, &v) || v != floor(v) || !in_range(f, v)) return false;
        *(int *)at = (int)v;
        return true;
    case TYPE_REAL:
        if (!read_real(text, &v) || !in_range(f, v)) return false;
        *(double *)at = v;
        return true;
    case TYPE_BOOL:
        return read_bool(text, at);
    case TYPE_CHOICE:
        if (find_choice(f->choices, text) < 0) return false;
        *(int *)at = find_choice(f->choices, text);
        return true;
    case TYPE_LIST:
        if (!read_list(text, &list)) return false;
        for (int i = 0; i < list.count; i++)
            if (!in_range(f, list.value[i])) return false;
        *(dp_list *)at = list;
        return true;
    case TYPE_STAGES:
        if (!read_stages(f->choices, text, &stages)) return false;
        *(dp_stages *)at = stages;
        return true;
    }
    return false;
}

static dipper_status refuse(const field *f, const char *text, dp_diag *diag) {
    switch (f->type) {
    case TYPE_BOOL:
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%s: '%s' is neither true nor false", f->name, text);
    case TYPE_CHOICE:
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%s: '%s' is not one of %s", f->name, text, f->choices);
    case TYPE_LIST:
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%s: '%s' is not 1 to %d numbers from %g to %g with commas between",
                       f->name, text, DP_LIST_MAX, f->minimum, f->maximum);
    case TYPE_STAGES:
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT,
                       "%s: '%s' is not a list of %s with commas between, each but the last with ':until'", f->name,
                       text, f->choices);
    default:
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%s: '%s' is not %s from %g to %g", f->name, text,
                       f->type == TYPE_INT ? "a whole number" : "a number", f->minimum, f->maximum);
    }
}

/* Shares out all iterations over the scales in the proportions of `shape`: its last entries if it has more than there
 * are scales, its first one again for the coarser ones if it has fewer; at least 1 each. */
static void share_iterations(dp_recipe *recipe, dp_list shape) {
    dp_list *now = &recipe->iterations;
    const int scales = recipe->scales.count, skip = shape.count - scales;
    double total = 0, sum = 0, given = 0, part[DP_LIST_MAX];
    for (int i = 0; i < now->count; i++) total += now->value[i];
    for (int i = 0; i < scales; i++) sum += part[i] = shape.value[i + skip > 0 ? i + skip : 0];
    for (int i = 0; i + 1 < scales; i++) {
        now->value[i] = fmax(1, floor(total * part[i] / sum));
        given += now->value[i];
    }
    now->count = scales;
    now->value[scales - 1] = fmax(1, total - given);
}

/* `-n 500` for a recipe of several scales; other scales for a recipe whose iterations were not told one by one. */
static void fit_iterations(dp_recipe *recipe, bool told, dp_list before) {
    const int count = recipe->iterations.count;
    if (told) recipe->iterations_told = count > 1;
    if (told && count == 1 && recipe->scales.count > 1) share_iterations(recipe, before);
    if (!told && !recipe->iterations_told && count != recipe->scales.count)
        share_iterations(recipe, recipe->iterations);
}

/* Letters to change, add or leave out to make b of a (Levenshtein). */
static size_t distance(const char *a, const char *b) {
    size_t row[DP_FIELD_TEXT], n = strlen(b);
    if (n >= DP_FIELD_TEXT) n = DP_FIELD_TEXT - 1;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t corner = row[0]++;
        for (size_t j = 1; j <= n; j++) {
            const size_t change = corner + (a[i] != b[j - 1]), step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            corner = row[j];
            row[j] = change < step ? change : step;
        }
    }
    return row[n];
}

static const char *nearest(const char *name) {
    int best = 0;
    for (int i = 1; i < DP_FIELDS; i++)
        if (distance(name, fields[i].name) < distance(name, fields[best].name)) best = i;
    return fields[best].name;
}

dipper_status dp_recipe_set(dp_recipe *recipe, const char *name, const char *value, dp_diag *diag) {
    const dp_list before = recipe->iterations;
    for (int i = 0; i < DP_FIELDS; i++) {
        if (strcmp(fields[i].name, name) != 0) continue;
        if (!store(&fields[i], recipe, value)) return refuse(&fields[i], value, diag);
        if (fields[i].offset == AT(iterations)) fit_iterations(recipe, true, before);
        if (fields[i].offset == AT(scales)) fit_iterations(recipe, false, before);
        return DIPPER_OK;
    }
    return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "a recipe has no field '%s'; the nearest is '%s'", name, nearest(name));
}

/* Applies "field=value field=value ...". */
static dipper_status apply(dp_recipe *recipe, const char *settings, dp_diag *diag) {
    char copy[1024], *save = NULL;
    snprintf(copy, sizeof copy, "%s", settings);
    for (char *item = strtok_r(copy, " ", &save); item != NULL; item = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(item, '=');
        if (equals == NULL) return dp_fail(diag, DIPPER_ERROR_INTERNAL, "recipe table: '%s'", item);
        *equals = '\0';
        DP_TRY(dp_recipe_set(recipe, item, equals + 1, diag));
    }
    return DIPPER_OK;
}

dipper_status dp_recipe_init(const char *name, dp_diag *diag, dp_recipe *out) {
    char known[256] = "";
    memset(out, 0, sizeof *out);
    for (int i = 0; i < DP_FIELDS; i++)
        if (!store(&fields[i], out, fields[i].fallback))
            return dp_fail(diag, DIPPER_ERROR_INTERNAL, "recipe table: default of %s", fields[i].name);
    for (int i = 0; i < RECIPES; i++) {
        if (strcmp(recipes[i].name, name) == 0) {
            out->name = recipes[i].name;
            DP_TRY(apply(out, recipes[i].settings, diag));
            out->iterations_told = false;
            return DIPPER_OK;
        }
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i > 0 ? ", " : "", recipes[i].name);
    }
    return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "no method '%s'; there are: %s", name, known);
}

/* ---- Moments ---- */

bool dp_recipe_reached(double moment, long t, long iterations) {
    return moment <= 1 ? (double)t / (double)iterations >= moment : (double)t >= moment;
}

int dp_recipe_stage(const dp_stages *stages, long t, long iterations) {
    int i = 0;
    while (i + 1 < stages->count && dp_recipe_reached(stages->until[i], t, iterations)) i++;
    return stages->what[i];
}

bool dp_recipe_uses(const dp_recipe *r, dp_loss loss) {
    for (int i = 0; i < r->loss.count; i++)
        if (r->loss.what[i] == (int)loss) return true;
    return false;
}

double dp_recipe_prior_weight(const dp_recipe *r, long t, long iterations) {
    const double every = r->prior_every <= 1 ? r->prior_every * (double)iterations : r->prior_every;
    return r->prior_weight * (every > 0 && t > 0 ? pow(r->prior_decay, floor((double)t / every)) : 1);
}

/* ---- Writing values ---- */

static void write_list(const dp_list *list, char *text, size_t size) {
    size_t used = 0;
    for (int i = 0; i < list->count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%.9g", i > 0 ? "," : "", list->value[i]);
}

static void write_choice(const char *choices, int index, char *text, size_t size) {
    for (; index > 0; index--) choices += strcspn(choices, "|") + 1;
    snprintf(text, size, "%.*s", (int)strcspn(choices, "|"), choices);
}

static void write_stages(const dp_stages *stages, const char *choices, char *text, size_t size) {
    for (int i = 0; i < stages->count; i++) {
        size_t used = strlen(text);
        write_choice(choices, stages->what[i], text + used, size - used);
        used = strlen(text);
        if (i + 1 < stages->count) snprintf(text + used, size - used, ":%.9g,", stages->until[i]);
    }
}

void dp_recipe_field(const dp_recipe *recipe, int index, dipper_field *out, char text[DP_FIELD_TEXT]) {
    const field *f = &fields[index];
    const void *at = (const char *)recipe + f->offset;
    *out = (dipper_field){f->name, type_names[f->type], f->minimum, f->maximum, f->choices, f->unit, f->help, text};
    text[0] = '\0';
    switch (f->type) {
    case TYPE_INT:
        snprintf(text, DP_FIELD_TEXT, "%d", *(const int *)at);
        break;
    case TYPE_REAL:
        snprintf(text, DP_FIELD_TEXT, "%.9g", *(const double *)at);
        break;
    case TYPE_BOOL:
        snprintf(text, DP_FIELD_TEXT, "%s", *(const bool *)at ? "true" : "false");
        break;
    case TYPE_CHOICE:
        write_choice(f->choices, *(const int *)at, text, DP_FIELD_TEXT);
        break;
    case TYPE_LIST:
        write_list(at, text, DP_FIELD_TEXT);
        break;
    case TYPE_STAGES:
        write_stages(at, f->choices, text, DP_FIELD_TEXT);
        break;
    }
}
