/* Results of runs as JSON files, a key for each row of a table. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "study/result.h"

#include "io/json_value.h"
#include "study/keys.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void study_result_init(study_result *result) {
    *result = (study_result){.quality.struct_size = sizeof result->quality};
    for (int i = 0; i < study_key_count; i++)
        if (study_keys[i].kind == KEY_REAL) *(double *)((char *)result + study_keys[i].offset) = NAN;
}

/* ---- A file ---- */

#ifdef DIPPER_WITH_JANSSON

static json_t *to_json(const study_key *row, const char *place) {
    switch (row->kind) {
    case KEY_TEXT:
    case KEY_FILE:
        return io_json_text(place);
    case KEY_INT:
        return json_integer(*(const int *)place);
    case KEY_U64:
        return io_json_u64(*(const uint64_t *)place);
    case KEY_REAL: {
        const double value = *(const double *)place;
        return isinf(value) ? json_string(value > 0 ? "Infinity" : "-Infinity") : io_json_real(value);
    }
    }
    return NULL;
}

dipper_status study_result_write(const study_result *result, const char *folder, io_error *error) {
    char path[IO_PATH_MAX];
    json_t *json = json_object();
    int good = json != NULL;
    for (int i = 0; i < study_key_count; i++)
        good &= !json_object_set_new(json, study_keys[i].name,
                                     to_json(&study_keys[i], (const char *)result + study_keys[i].offset));
    dipper_status status = path_print(path, error, "%s/runs/%s.json", folder, result->id);
    if (!status) status = io_json_write(good ? json : NULL, path, 1, error);
    json_decref(json);
    return status;
}

static int real_from_json(const json_t *value, double *out) {
    const char *text = json_string_value(value);
    if (json_is_null(value)) *out = NAN;
    if (text && !strcmp(text, "Infinity")) *out = INFINITY;
    if (text && !strcmp(text, "-Infinity")) *out = -INFINITY;
    if (json_is_number(value)) *out = json_number_value(value);
    return json_is_null(value) || json_is_number(value) || isinf(*out);
}

static int u64_from_json(const json_t *value, uint64_t *out) {
    const char *text = json_string_value(value);
    char *end = NULL;
    *out = text ? strtoull(text, &end, 10) : (uint64_t)json_integer_value(value);
    return text ? end != text && *end == '\0' : json_is_integer(value) && json_integer_value(value) >= 0;
}

/* Whether the value is of the row's kind and fits. */
static int from_json(const study_key *row, const json_t *value, char *place) {
    switch (row->kind) {
    case KEY_TEXT:
    case KEY_FILE:
        if (!json_is_string(value) || json_string_length(value) >= row->size) return 0;
        memcpy(place, json_string_value(value), json_string_length(value) + 1);
        return 1;
    case KEY_INT:
        *(int *)place = (int)json_integer_value(value);
        return json_is_integer(value) && *(int *)place == json_integer_value(value);
    case KEY_U64:
        return u64_from_json(value, (uint64_t *)place);
    case KEY_REAL:
        return real_from_json(value, (double *)place);
    }
    return 0;
}

static dipper_status open_json(const char *path, json_t **out, io_error *error) {
    json_error_t why;
    *out = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (!*out) return io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be read as JSON: %s", path, why.text);
    if (json_is_string(json_object_get(*out, "dipper"))) return DIPPER_OK;
    json_decref(*out);
    *out = NULL;
    return io_fail(error, DIPPER_ERROR_INPUT, "%s: is not the result of a benchmark", path);
}

static dipper_status parse(const char *path, const json_t *json, study_result *out, io_error *error) {
    study_result_init(out);
    for (int i = 0; i < study_key_count; i++) {
        const json_t *value = json_object_get(json, study_keys[i].name);
        if (!value && study_keys[i].late) continue;
        if (value && from_json(&study_keys[i], value, (char *)out + study_keys[i].offset)) continue;
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: is not the result of a benchmark: '%s' is %s", path,
                       study_keys[i].name, value ? "wrong" : "missing");
    }
    return DIPPER_OK;
}

dipper_status study_result_read(const char *path, study_result *out, io_error *error) {
    json_t *json = NULL;
    IO_TRY(open_json(path, &json, error));
    dipper_status status = parse(path, json, out, error);
    json_decref(json);
    return status;
}

/* ---- A folder ---- */

/* One more place at the end; NULL: no memory. */
static study_result *grow(study_results *results, int *room) {
    if (results->count == *room) {
        int more = *room ? 2 * *room : 64;
        study_result *items = realloc(results->items, (size_t)more * sizeof *items);
        if (!items) return NULL;
        results->items = items;
        *room = more;
    }
    return &results->items[results->count];
}

static dipper_status take_file(const char *path, study_results *results, int *room, io_error *error) {
    json_t *json = NULL;
    IO_TRY(open_json(path, &json, error));
    dipper_status status = DIPPER_OK;
    if (strcmp(json_string_value(json_object_get(json, "dipper")), DIPPER_VERSION_STRING) != 0) {
        results->other_versions++;
    } else {
        study_result *place = grow(results, room);
        status = place ? parse(path, json, place, error)
                       : io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory for so many results", path);
        results->count += !status;
    }
    json_decref(json);
    return status;
}

static int compare(const void *left, const void *right) {
    const study_result *a = left, *b = right;
    int order = strcmp(a->suite, b->suite);
    if (!order) order = strcmp(a->method, b->method);
    if (!order) order = strcmp(a->settings, b->settings);
    if (!order) order = strcmp(a->psf_told, b->psf_told);
    if (!order) order = strcmp(a->protocol, b->protocol);
    if (!order) order = strcmp(a->name, b->name);
    if (!order) order = (a->seed > b->seed) - (a->seed < b->seed);
    return order ? order : strcmp(a->id, b->id);
}

/* error ratio = sum (x - truth)^2 / sum (oracle - truth)^2: both PSNR are of the same pixels and peak. */
static void use_oracle(study_results *results) {
    for (int i = 0; i < results->count; i++) {
        const study_result *oracle = &results->items[i];
        if (strcmp(oracle->method, "oracle") != 0 || isnan(oracle->psnr_db)) continue;
        for (int k = 0; k < results->count; k++) {
            study_result *r = &results->items[k];
            if (!isnan(r->oracle_psnr_db) || isnan(r->psnr_db) || strcmp(r->suite, oracle->suite) != 0 ||
                strcmp(r->name, oracle->name) != 0 || strcmp(r->protocol, oracle->protocol) != 0)
                continue;
            r->oracle_psnr_db = oracle->psnr_db;
            r->error_ratio = pow(10, (oracle->psnr_db - r->psnr_db) / 10);
        }
    }
}

dipper_status study_results_load(const char *folder, study_results *out, io_error *error) {
    char runs[IO_PATH_MAX], path[IO_PATH_MAX];
    int room = 0;
    *out = (study_results){0};
    IO_TRY(path_print(runs, error, "%s/runs", folder));
    DIR *directory = opendir(runs);
    if (!directory)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: holds no results of a benchmark: %s: %s", folder, runs,
                       strerror(errno));
    dipper_status status = DIPPER_OK;
    for (struct dirent *entry; !status && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.' || !path_has_extension(entry->d_name, "json")) continue;
        status = path_print(path, error, "%s/%s", runs, entry->d_name);
        if (!status) status = take_file(path, out, &room, error);
    }
    closedir(directory);
    if (out->count) qsort(out->items, (size_t)out->count, sizeof *out->items, compare);
    use_oracle(out);
    return status;
}

#else /* no jansson */

static dipper_status no_jansson(const char *path, io_error *error) {
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "%s: this build has no jansson and keeps no results of benchmarks",
                   path);
}
dipper_status study_result_write(const study_result *result, const char *folder, io_error *error) {
    (void)result;
    return no_jansson(folder, error);
}
dipper_status study_result_read(const char *path, study_result *out, io_error *error) {
    study_result_init(out);
    return no_jansson(path, error);
}
dipper_status study_results_load(const char *folder, study_results *out, io_error *error) {
    *out = (study_results){0};
    return no_jansson(folder, error);
}

#endif

void study_results_free(study_results *results) {
    free(results->items);
    *results = (study_results){0};
}
