/* A plan's PSFs and noise. SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include "study/plan_inner.h"

#ifdef DIPPER_WITH_JANSSON

#include "io/psf_file.h"
#include "study/id.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- PSFs ---- */

static const struct psf_kind {
    const char *name;
    dipper_psf_kind kind;
    const char *needs; /* the key that says how large it is; "": none */
    const char *keys;
} kinds[] = {
    {"delta", DIPPER_PSF_DELTA, "", "kind|name|size"},
    {"gaussian", DIPPER_PSF_GAUSSIAN, "sigma", "kind|name|size|sigma"},
    {"disk", DIPPER_PSF_DISK, "radius", "kind|name|size|radius"},
    {"motion", DIPPER_PSF_MOTION, "length", "kind|name|size|length|angle|curve"},
    {"random-motion", DIPPER_PSF_RANDOM_MOTION, "", "kind|name|size|length|seed"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* In the order of the automatic name. */
static const struct psf_number {
    const char *key, *prefix;
    size_t offset;
} numbers[] = {
    {"sigma", "", offsetof(dipper_psf_options, sigma)},   {"radius", "", offsetof(dipper_psf_options, radius)},
    {"length", "", offsetof(dipper_psf_options, length)}, {"angle", "a", offsetof(dipper_psf_options, angle)},
    {"curve", "c", offsetof(dipper_psf_options, curve)},
};

static void append(char *name, const char *prefix, double value) {
    char text[PLAN_VALUE_MAX];
    const size_t used = strlen(name);
    plan_number(value, text);
    snprintf(name + used, RESULT_NAME_MAX - used, "_%s%.40s", prefix, text);
}

static dipper_status read_numbers(plan_reader *r, const char *where, const json_t *json, study_blur *b) {
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const json_t *value = json_object_get(json, numbers[i].key);
        if (!value) continue;
        if (!json_is_number(value)) return plan_fail(r, where, "'%s' is not a number", numbers[i].key);
        *(double *)((char *)&b->psf + numbers[i].offset) = json_number_value(value);
        append(b->name, numbers[i].prefix, json_number_value(value));
    }
    const json_t *seed = json_object_get(json, "seed"), *size = json_object_get(json, "size");
    if (seed && (!json_is_integer(seed) || json_integer_value(seed) < 0))
        return plan_fail(r, where, "'seed' is not a whole number from 0");
    if (seed) append(b->name, "s", json_number_value(seed));
    b->psf.seed = (uint64_t)json_integer_value(seed);
    if (size && !json_is_integer(size)) return plan_fail(r, where, "'size' is not a whole number of px");
    if (size) append(b->name, "px", json_number_value(size));
    b->psf.width = b->psf.height = size ? (int)json_integer_value(size) : 0;
    if (b->psf.kind == DIPPER_PSF_RANDOM_MOTION && !size && !json_object_get(json, "length"))
        b->psf.width = b->psf.height = 31; /* as dipper blur does */
    return DIPPER_OK;
}

static dipper_status read_kind(plan_reader *r, const char *where, const char *text, const json_t *json, study_blur *b) {
    char known[128] = "", near[80];
    const char *names[KINDS];
    for (int i = 0; i < KINDS; i++) {
        names[i] = kinds[i].name;
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", names[i]);
        if (strcmp(text, kinds[i].name) != 0) continue;
        IO_TRY(plan_check_keys(r, where, json, kinds[i].keys));
        if (kinds[i].needs[0] && !json_object_get(json, kinds[i].needs))
            return plan_fail(r, where, "a PSF of kind %s needs '%s'", text, kinds[i].needs);
        b->psf.kind = kinds[i].kind;
        snprintf(b->name, sizeof b->name, "%s", text);
        IO_TRY(read_numbers(r, where, json, b));
        int width, height;
        if (dipper_psf_make(r->context, &b->psf, &width, &height, NULL))
            return plan_fail(r, where, "%s", dipper_context_message(r->context));
        return DIPPER_OK;
    }
    plan_suggest(text, names, KINDS, near, sizeof near);
    return plan_fail(r, where, "'kind': there is no kind of PSF '%.60s'%s (there are %s)", text, near, known);
}

static dipper_status read_file(plan_reader *r, const char *where, const char *file, const json_t *json, study_blur *b) {
    float *values = NULL;
    int width, height;
    IO_TRY(plan_check_keys(r, where, json, "file|name|rotate"));
    const json_t *rotate = json_object_get(json, "rotate");
    if (rotate && !json_is_boolean(rotate)) return plan_fail(r, where, "'rotate' is neither true nor false");
    b->psf_rotated = json_is_true(rotate);
    IO_TRY(plan_path(r, file, b->psf_file));
    const char *base = path_base(b->psf_file);
    snprintf(b->name, sizeof b->name, "%.*s", path_stem_length(base), base);
    dipper_status status = psf_read(b->psf_file, b->psf_rotated, &values, &width, &height, r->error);
    free(values);
    return status;
}

static dipper_status read_psf(plan_reader *r, const char *where, const json_t *json, study_blur *b) {
    if (!json_is_object(json)) return plan_fail(r, where, "is not an object with 'kind' or 'file'");
    const char *kind = plan_text(r, where, json, "kind", ""), *file = plan_text(r, where, json, "file", "");
    if (!kind || !file) return DIPPER_ERROR_ARGUMENT;
    if (!kind[0] == !file[0]) return plan_fail(r, where, "a PSF has either 'kind' or 'file'");
    IO_TRY(kind[0] ? read_kind(r, where, kind, json, b) : read_file(r, where, file, json, b));
    const char *name = plan_text(r, where, json, "name", b->name);
    if (!name) return DIPPER_ERROR_ARGUMENT;
    if (!name[0] || strlen(name) > 64 || strpbrk(name, "/, *?["))
        return plan_fail(r, where, "'name': '%.70s' is not a name of up to 64 letters", name);
    if (name != b->name) snprintf(b->name, sizeof b->name, "%s", name);
    return DIPPER_OK;
}

/* ---- Noise ---- */

static const struct noise_kind {
    const char *name;
    dipper_noise noise;
} noises[] = {{"none", DIPPER_NOISE_NONE},
              {"gaussian", DIPPER_NOISE_GAUSSIAN},
              {"poisson", DIPPER_NOISE_POISSON},
              {"uniform", DIPPER_NOISE_UNIFORM}};
enum { NOISES = sizeof noises / sizeof *noises };

/* A number is the standard deviation of Gaussian noise. */
static dipper_status read_noise(plan_reader *r, const char *where, const json_t *json, study_blur *b, char *name) {
    const char *kind = "gaussian";
    double level = json_number_value(json);
    if (!json_is_number(json)) {
        IO_TRY(plan_check_keys(r, where, json, "kind|level"));
        if (!(kind = plan_text(r, where, json, "kind", ""))) return DIPPER_ERROR_ARGUMENT;
        level = json_number_value(json_object_get(json, "level"));
    }
    int k = 0;
    while (k < NOISES && strcmp(noises[k].name, kind) != 0) k++;
    if (k == NOISES) return plan_fail(r, where, "'kind': '%.60s' is not none, gaussian, poisson or uniform", kind);
    b->noise = level > 0 ? noises[k].noise : DIPPER_NOISE_NONE;
    b->noise_level = level;
    if (level < 0 || level > 1e10 || (!(level > 0) && !json_is_number(json) && k))
        return plan_fail(r, where, "the level of noise is not a number above 0");
    snprintf(name, RESULT_NAME_MAX, "%s", json_is_number(json) || !k ? "n" : kind);
    char text[PLAN_VALUE_MAX];
    plan_number(k ? level : 0, text);
    snprintf(name + strlen(name), RESULT_NAME_MAX - strlen(name), "%.40s", text);
    return DIPPER_OK;
}

/* ---- All pairs ---- */

static dipper_status add_pair(plan_reader *r, const char *where, const study_blur *psf, const study_blur *noise,
                              const char *noise_name, study_set *set) {
    study_blur *b = &set->blurs[set->blur_count];
    *b = *psf;
    b->noise = noise->noise;
    b->noise_level = noise->noise_level;
    snprintf(b->name, sizeof b->name, "%.64s_%.48s", psf->name, noise_name);
    for (int i = 0; i < set->blur_count; i++)
        if (!strcmp(set->blurs[i].name, b->name))
            return plan_fail(r, where, "two PSFs with noise are called '%s'; give the PSFs names", b->name);
    set->blur_count++;
    return study_id_text(b->name, &b->seed, r->error); /* each its own noise, whatever else is in the plan */
}

static dipper_status read_pairs(plan_reader *r, const char *where, const json_t *psfs, const json_t *noise,
                                study_set *set) {
    char inner[PLAN_WHERE_MAX + 40], name[RESULT_NAME_MAX];
    for (size_t i = 0; i < json_array_size(psfs); i++) {
        study_blur psf = {0};
        dipper_psf_options_init(&psf.psf);
        snprintf(inner, sizeof inner, "%s.psfs[%zu]", where, i);
        IO_TRY(read_psf(r, inner, json_array_get(psfs, i), &psf));
        for (size_t k = 0; k < json_array_size(noise); k++) {
            study_blur level = {0};
            snprintf(inner, sizeof inner, "%s.noise[%zu]", where, k);
            IO_TRY(read_noise(r, inner, json_array_get(noise, k), &level, name));
            IO_TRY(add_pair(r, where, &psf, &level, name, set));
        }
    }
    return DIPPER_OK;
}

dipper_status plan_read_blurs(plan_reader *r, const char *where, const json_t *data, study_set *set) {
    const json_t *psfs = json_object_get(data, "psfs"), *noise = json_object_get(data, "noise");
    if (!psfs && !noise) return DIPPER_OK;
    if (strcmp(set->suite->name, "made") != 0)
        return plan_fail(r, where, "'%s' belongs to suite made, where pictures are blurred; this is suite %s",
                         psfs ? "psfs" : "noise", set->suite->name);
    if (!json_is_array(psfs) || !json_array_size(psfs))
        return plan_fail(r, where, "%s 'psfs', a list of PSFs", psfs ? "has no good" : "lacks");
    if (noise && (!json_is_array(noise) || !json_array_size(noise)))
        return plan_fail(r, where, "'noise' is not a list of levels of noise with something in it");
    json_t *usual = noise ? NULL : json_pack("[f]", 0.01);
    const size_t most = json_array_size(psfs) * json_array_size(noise ? noise : usual);
    set->blurs = calloc(most + 1, sizeof *set->blurs);
    dipper_status status = set->blurs ? read_pairs(r, where, psfs, noise ? noise : usual, set)
                                      : io_fail(r->error, DIPPER_ERROR_MEMORY, "%s: no memory for its PSFs", r->path);
    json_decref(usual);
    return status;
}

#else
typedef int study_plan_blur_needs_jansson; /* a file may not be empty */
#endif
