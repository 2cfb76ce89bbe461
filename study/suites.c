/* The table of suites, and cases found as files. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "study/suites.h"

#include "study/files.h"
#include "study/made.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dipper_status list_files(const study_suite *suite, const study_source *source, study_cases *out,
                                io_error *error);

static const study_suite suites[] = {
    {"levin", "Levin et al. 2009: blurred/imN_kernelM_img.png, gt/imN.png, psf/kernelM.npy", "levin", list_files,
     "_kernel", "_img", "", 1},
    {"lai", "Lai et al. 2016: blurred/NAME_kernel_NN.png, gt/NAME.png, psf/kernel_NN.png", "lai", list_files, "_kernel",
     "", "", 1},
    {"kodak", "sharp pictures (DIR/*.png), blurred by Dipper with six PSFs and noise", "levin", study_made_list, NULL,
     NULL, NULL, 0},
    {"made", "your own sharp pictures (DIR/*.png or .npy), blurred like those of kodak or as a sweep's plan says",
     "levin", study_made_list, NULL, NULL, NULL, 0},
    {"text", "Pan et al. 2014: blurred/imNN_kerMM_blur.png, gt/imNN.png, psf/kerMM_truth.png", "levin", list_files,
     "_ker", "_blur", "_truth", 0},
    {"folder", "your own: blurred/NAME.EXT, gt/NAME.EXT or sharp/NAME.EXT, and psf/NAME.npy or .png if known", "levin",
     list_files, NULL, "", "", 0},
};

int study_suite_count(void) {
    return sizeof suites / sizeof *suites;
}
const study_suite *study_suite_at(int index) {
    return &suites[index];
}
const study_suite *study_suite_find(const char *name) {
    for (int i = 0; i < study_suite_count(); i++)
        if (strcmp(suites[i].name, name) == 0) return &suites[i];
    return NULL;
}

/* ---- Lists ---- */

study_case *study_cases_add(study_cases *cases) {
    study_case *items = realloc(cases->items, (size_t)(cases->count + 1) * sizeof *items);
    if (!items) return NULL;
    cases->items = items;
    items[cases->count] = (study_case){0};
    return &items[cases->count++];
}

void study_cases_free(study_cases *cases) {
    free(cases->items);
    *cases = (study_cases){0};
}

int study_is_wanted(const study_source *source, const char *name) {
    char pattern[RESULT_NAME_MAX];
    if (!source->wanted) return 1;
    for (const char *at = source->wanted; *at; at += strcspn(at, ","), at += *at == ',') {
        snprintf(pattern, sizeof pattern, "%.*s", (int)strcspn(at, ","), at);
        if (fnmatch(pattern, name, 0) == 0) return 1;
    }
    return 0;
}

/* ---- Cases found as files ---- */

typedef struct search {
    const study_suite *suite;
    const study_source *source;
    int pictures;     /* with names as the suite has them, wanted or not */
    int missing;      /* partner files */
    char absent[300]; /* the first few of them */
} search;

static void miss(search *s, const char *folder, const char *stem) {
    size_t used = strlen(s->absent);
    if (s->missing++ < 4)
        snprintf(s->absent + used, sizeof s->absent - used, "%s%s/%.48s.*", used ? ", " : "", folder, stem);
}

/* Splits the name of a blurred picture; 0 if the suite has none like it. */
static int split_name(const study_suite *suite, const char *file, study_case *c) {
    int length = path_stem_length(file) - (int)strlen(suite->suffix);
    if (length < 1 || length >= RESULT_NAME_MAX || strncmp(file + length, suite->suffix, strlen(suite->suffix)) != 0)
        return 0;
    snprintf(c->name, sizeof c->name, "%.*s", length, file);
    memcpy(c->picture, c->name, sizeof c->name);
    if (!suite->mark) return 1;
    char *mark = strstr(c->picture, suite->mark);
    if (!mark || mark == c->picture) return 0;
    memcpy(c->kernel, mark + 1, strlen(mark)); /* without the mark's _ */
    *mark = '\0';
    return 1;
}

/* gt/ or, for people's own folders, sharp/. */
static void find_truth(search *s, study_case *c) {
    char folder[IO_PATH_MAX];
    static const char *const places[] = {"gt", "sharp"};
    io_error ignored = {""};
    for (int i = 0; i < (s->suite->mark ? 1 : 2); i++)
        if (!path_print(folder, &ignored, "%s/%s", s->source->data, places[i]) &&
            study_find_stem(folder, c->picture, c->truth_file))
            return;
    miss(s, "gt", c->picture);
}

static void find_psf(search *s, study_case *c) {
    char folder[IO_PATH_MAX], stem[RESULT_NAME_MAX + 16];
    io_error ignored = {""};
    c->true_psf_rotated = s->suite->psf_rotated;
    snprintf(stem, sizeof stem, "%s%s", s->suite->mark ? c->kernel : c->name, s->suite->psf_suffix);
    if (!path_print(folder, &ignored, "%s/psf", s->source->data) && study_find_stem(folder, stem, c->true_psf_file))
        return;
    if (s->suite->mark) miss(s, "psf", stem);
}

static dipper_status take_file(search *s, const char *folder, const char *file, study_cases *out, io_error *error) {
    study_case found = {0};
    if (!split_name(s->suite, file, &found)) return DIPPER_OK;
    s->pictures++;
    if (!study_is_wanted(s->source, found.name)) return DIPPER_OK;
    IO_TRY(path_print(found.blurred_file, error, "%s/%s", folder, file));
    find_truth(s, &found);
    find_psf(s, &found);
    study_case *place = study_cases_add(out);
    if (!place) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory for its cases", folder);
    *place = found;
    return DIPPER_OK;
}

static dipper_status list_files(const study_suite *suite, const study_source *source, study_cases *out,
                                io_error *error) {
    char folder[IO_PATH_MAX];
    study_names names = {0};
    search s = {.suite = suite, .source = source};
    IO_TRY(path_print(folder, error, "%s/blurred", source->data));
    dipper_status status = study_names_read(folder, &names, error);
    for (int i = 0; i < names.count && !status; i++) status = take_file(&s, folder, names.items[i], out, error);
    study_names_free(&names);
    if (status) return status;
    if (!s.pictures)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: holds no pictures of suite %s (%s)", folder, suite->name,
                       suite->summary);
    if (!s.missing) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_INPUT, "%s: lacks %d partner%s of blurred pictures: %s%s", source->data,
                   s.missing, s.missing == 1 ? "" : "s", s.absent, s.missing > 4 ? " ..." : "");
}

dipper_status study_suite_list(const study_suite *suite, const study_source *source, study_cases *out,
                               io_error *error) {
    *out = (study_cases){0};
    if (!path_is_directory(source->data))
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: is no folder with data", source->data);
    IO_TRY(suite->list(suite, source, out, error));
    if (out->count) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "--cases '%s': no case in %s is like it", source->wanted,
                   source->data);
}

dipper_status study_set_list(study_set *set, const char *folder, io_error *error) {
    const study_source source = {set->data, folder, set->wanted[0] ? set->wanted : NULL, set->blurs, set->blur_count};
    IO_TRY(study_suite_list(set->suite, &source, &set->cases, error));
    for (int i = 0; i < set->cases.count && set->psf_width == 0; i++)
        if (!set->cases.items[i].true_psf_file[0])
            return io_fail(error, DIPPER_ERROR_ARGUMENT, "%s: its PSF is not known; say a size with -k",
                           set->cases.items[i].name);
    return DIPPER_OK;
}
