/* A plan from a JSON file: data and seeds. SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include "study/plan_file.h"

#include "io/nearest.h"
#include "study/plan_inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef DIPPER_WITH_JANSSON

/* ---- What the parts share ---- */

dipper_status plan_fail(plan_reader *r, const char *where, const char *format, ...) {
    char text[480];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return io_fail(r->error, DIPPER_ERROR_ARGUMENT, "%s: %s%s%s", r->path, where, where[0] ? ": " : "", text);
}

void plan_suggest(const char *word, const char *const *names, int count, char *out, size_t size) {
    const char *near = nearest_name(word, names, count);
    out[0] = '\0';
    if (near) snprintf(out, size, "; did you mean '%s'?", near);
}

/* Splits "a|b|c" in its copy; returns how many. */
static int split_names(char *copy, const char **names, int most) {
    int count = 0;
    for (char *at = copy; at && count < most; count++) {
        names[count] = at;
        if ((at = strchr(at, '|'))) *at++ = '\0';
    }
    return count;
}

dipper_status plan_check_keys(plan_reader *r, const char *where, const json_t *value, const char *known) {
    enum { MOST = 16 };
    char copy[256], near[80];
    const char *names[MOST], *key;
    json_t *ignored;
    snprintf(copy, sizeof copy, "%s", known);
    const int count = split_names(copy, names, MOST);
    if (!json_is_object(value)) return plan_fail(r, where, "is not an object with keys (%s)", known);
    json_object_foreach((json_t *)value, key, ignored) {
        int k = 0;
        while (k < count && strcmp(names[k], key) != 0) k++;
        if (k < count) continue;
        plan_suggest(key, names, count, near, sizeof near);
        return plan_fail(r, where, "unknown key '%.60s'%s (there are %s)", key, near, known);
    }
    return DIPPER_OK;
}

const char *plan_text(plan_reader *r, const char *where, const json_t *object, const char *key, const char *fallback) {
    const json_t *value = json_object_get(object, key);
    if (!value) return fallback;
    if (!json_is_string(value)) plan_fail(r, where, "'%s' is not a text", key);
    return json_string_value(value);
}

dipper_status plan_path(plan_reader *r, const char *name, char *out) {
    return path_print(out, r->error, "%s%s%s", name[0] == '/' ? "" : r->folder, name[0] == '/' ? "" : "/", name);
}

void plan_number(double value, char out[PLAN_VALUE_MAX]) {
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(out, PLAN_VALUE_MAX, "%.*g", digits, value);
        if (strtod(out, NULL) == value) return;
    }
}

/* ---- Data ---- */

static dipper_status read_psf_size(plan_reader *r, const char *where, const json_t *value, study_set *set) {
    int used = 0;
    const char *text = json_string_value(value);
    snprintf(set->psf_told, sizeof set->psf_told, "own");
    if (!value || (text && !strcmp(text, "own"))) return DIPPER_OK;
    if (json_is_integer(value) && json_integer_value(value) > 0 && json_integer_value(value) <= 101)
        set->psf_width = set->psf_height = (int)json_integer_value(value);
    else if (!text || sscanf(text, "%dx%d%n", &set->psf_width, &set->psf_height, &used) != 2 || text[used])
        return plan_fail(r, where, "'psf_size' is not \"own\", N or \"WxH\"");
    const int w = set->psf_width, h = set->psf_height;
    if (w < 1 || w > 101 || h < 1 || h > 101 || w % 2 == 0 || h % 2 == 0)
        return plan_fail(r, where, "'psf_size': %d x %d is not odd and from 1 to 101 px", w, h);
    snprintf(set->psf_told, sizeof set->psf_told, "%dx%d", w, h);
    return DIPPER_OK;
}

static dipper_status find_suite(plan_reader *r, const char *where, const char *text, study_set *set) {
    char known[256] = "", near[80];
    const char *names[16];
    int count = 0;
    for (; count < study_suite_count() && count < 16; count++) {
        names[count] = study_suite_at(count)->name;
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", count ? ", " : "", names[count]);
    }
    if ((set->suite = study_suite_find(text))) return DIPPER_OK;
    plan_suggest(text, names, count, near, sizeof near);
    return plan_fail(r, where, "'suite': there is no suite '%.60s'%s (there are %s)", text, near, known);
}

static dipper_status find_protocol(plan_reader *r, const char *where, const char *text, study_set *set) {
    static const char *const known[] = {"plain", "levin", "lai"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(text, known[i])) {
            set->protocol = known[i];
            return DIPPER_OK;
        }
    return plan_fail(r, where, "'protocol': '%.60s' is not plain, levin or lai", text);
}

/* A name stands in tables and names of files. Two sets with one name must be of one folder: it is by suite and case
 * that results are compared. */
static dipper_status name_set(plan_reader *r, const char *where, const char *name, study_set *set) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    if (!name[0] || name[strspn(name, allowed)] || strlen(name) >= sizeof set->name)
        return plan_fail(r, where, "'name': '%.60s' is not made of letters, digits, '_', '-' and '.'", name);
    snprintf(set->name, sizeof set->name, "%s", name);
    for (int i = 0; i < r->plan->set_count; i++) {
        const study_set *other = &r->plan->sets[i];
        if (other == set || strcmp(other->name, name) != 0) continue;
        if (other->suite != set->suite || strcmp(other->data, set->data) != 0)
            return plan_fail(r, where, "other data is called '%s' too; give each a 'name' of its own", name);
    }
    return DIPPER_OK;
}

static dipper_status read_set(plan_reader *r, const char *where, const json_t *json) {
    IO_TRY(plan_check_keys(r, where, json, "suite|dir|name|cases|psf_size|protocol|psfs|noise"));
    study_set *set = study_plan_add_set(r->plan);
    if (!set) return io_fail(r->error, DIPPER_ERROR_MEMORY, "%s: no memory for its data", r->path);
    const char *suite = plan_text(r, where, json, "suite", ""), *dir = plan_text(r, where, json, "dir", "");
    const char *cases = plan_text(r, where, json, "cases", "");
    if (!suite || !dir || !cases) return DIPPER_ERROR_ARGUMENT;
    if (!suite[0] || !dir[0]) return plan_fail(r, where, "lacks '%s'", suite[0] ? "dir" : "suite");
    IO_TRY(find_suite(r, where, suite, set));
    const char *name = plan_text(r, where, json, "name", set->suite->name);
    const char *protocol = plan_text(r, where, json, "protocol", set->suite->protocol);
    if (!name || !protocol) return DIPPER_ERROR_ARGUMENT;
    IO_TRY(find_protocol(r, where, protocol, set));
    char path[IO_PATH_MAX];
    IO_TRY(plan_path(r, dir, path));
    if (!realpath(path, set->data))
        return io_fail(r->error, DIPPER_ERROR_INPUT, "%s: %s: there is no folder %s", r->path, where, path);
    if (strlen(cases) >= sizeof set->wanted) return plan_fail(r, where, "'cases' is too long");
    snprintf(set->wanted, sizeof set->wanted, "%s", cases);
    IO_TRY(name_set(r, where, name, set));
    IO_TRY(read_psf_size(r, where, json_object_get(json, "psf_size"), set));
    return plan_read_blurs(r, where, json, set);
}

static dipper_status read_data(plan_reader *r, const json_t *data) {
    char where[PLAN_WHERE_MAX];
    if (json_is_object(data)) return read_set(r, "data", data);
    if (!json_is_array(data)) return plan_fail(r, "", "%s 'data', a list of data sets", data ? "has no good" : "lacks");
    if (!json_array_size(data)) return plan_fail(r, "data", "is empty: the product of the plan has no runs");
    for (size_t i = 0; i < json_array_size(data); i++) {
        snprintf(where, sizeof where, "data[%zu]", i);
        IO_TRY(read_set(r, where, json_array_get(data, i)));
    }
    return DIPPER_OK;
}

/* ---- Seeds ---- */

static dipper_status read_seeds(plan_reader *r, const json_t *seeds) {
    study_plan *plan = r->plan;
    if (!seeds) return study_plan_count_seeds(plan, 1, r->error);
    const json_int_t count = json_is_array(seeds) ? (json_int_t)json_array_size(seeds) : json_integer_value(seeds);
    if (!json_is_array(seeds) && !json_is_integer(seeds))
        return plan_fail(r, "seeds", "is not a number of seeds or a list of them");
    if (count < 1) return plan_fail(r, "seeds", "is empty: the product of the plan has no runs");
    if (count > 100000) return plan_fail(r, "seeds", "are more than 100000");
    IO_TRY(study_plan_count_seeds(plan, (int)count, r->error));
    for (int i = 0; i < (int)json_array_size(seeds); i++) {
        const json_t *seed = json_array_get(seeds, (size_t)i);
        if (!json_is_integer(seed) || json_integer_value(seed) < 0)
            return plan_fail(r, "seeds", "entry %d is not a whole number from 0", i);
        plan->seeds[i] = (uint64_t)json_integer_value(seed);
    }
    return DIPPER_OK;
}

/* ---- The file ---- */

static dipper_status read_root(plan_reader *r, const json_t *root, char *results) {
    IO_TRY(plan_check_keys(r, "", root, "results|data|oracle|recipes|fields|draws|draw_seed|seeds"));
    const char *folder = plan_text(r, "", root, "results", "");
    if (!folder) return DIPPER_ERROR_ARGUMENT;
    results[0] = '\0';
    if (folder[0]) IO_TRY(plan_path(r, folder, results));
    const json_t *oracle = json_object_get(root, "oracle");
    if (oracle && !json_is_boolean(oracle)) return plan_fail(r, "oracle", "is neither true nor false");
    r->plan->oracle = json_is_true(oracle);
    IO_TRY(plan_read_methods(r, root));
    IO_TRY(read_seeds(r, json_object_get(root, "seeds")));
    return read_data(r, json_object_get(root, "data"));
}

static dipper_status find_folder(plan_reader *r) {
    char folder[IO_PATH_MAX];
    path_directory(r->path, folder);
    if (realpath(folder, r->folder)) return DIPPER_OK;
    return io_fail(r->error, DIPPER_ERROR_INPUT, "%s: cannot be read: there is no such folder", r->path);
}

dipper_status study_plan_read(dipper_context *context, const char *path, study_plan *plan, char *results,
                              io_error *error) {
    plan_reader r = {.path = path, .context = context, .plan = plan, .error = error};
    json_error_t why;
    if (path_is_directory(path))
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: is a folder; name a plan, a JSON file", path);
    IO_TRY(find_folder(&r));
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (!root && why.line < 1) return io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be read: %s", path, why.text);
    if (!root)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: is not JSON: line %d, column %d: %s", path, why.line, why.column,
                       why.text);
    dipper_status status = read_root(&r, root, results);
    json_decref(root);
    return status;
}

#else

dipper_status study_plan_read(dipper_context *context, const char *path, study_plan *plan, char *results,
                              io_error *error) {
    (void)context;
    (void)plan;
    results[0] = '\0';
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "%s: this build has no jansson and reads no plans", path);
}

#endif
