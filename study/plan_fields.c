/* A plan's recipes and their fields: the grid, or draws from it. SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include "study/plan_inner.h"

#ifdef DIPPER_WITH_JANSSON

#include "study/id.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct axis { /* a field, and what it may be */
    const char *field;
    const json_t *values; /* list of values; NULL: the range */
    double from, to;
    int count; /* of values; of a range: 0 if not said */
    int log, whole;
} axis;

enum { AXES_MAX = 64, FIELDS_MAX = 256 };

typedef struct space { /* what is tried of one recipe */
    const char *recipe;
    axis axes[AXES_MAX];
    int axis_count;
    int draws; /* 0: all combinations */
    uint64_t draw_seed;
} space;

/* ---- Fields ---- */

static dipper_status find_field(plan_reader *r, const char *where, const char *name, const dipper_recipe *recipe,
                                dipper_field *out) {
    const char *names[FIELDS_MAX];
    char near[80];
    int count = 0;
    for (; count < dipper_recipe_field_count() && count < FIELDS_MAX; count++) {
        if (dipper_recipe_field(recipe, count, out)) break;
        if (!strcmp(out->name, name)) return DIPPER_OK;
        names[count] = out->name;
    }
    plan_suggest(name, names, count, near, sizeof near);
    return plan_fail(r, where, "a recipe has no field '%.60s'%s (see 'dipper info --recipe NAME')", name, near);
}

static dipper_status read_range(plan_reader *r, const char *where, const json_t *range, int draws, axis *a) {
    IO_TRY(plan_check_keys(r, where, range, "from|to|count|scale"));
    const json_t *from = json_object_get(range, "from"), *to = json_object_get(range, "to");
    const json_t *count = json_object_get(range, "count");
    const char *scale = plan_text(r, where, range, "scale", "linear");
    if (!scale) return DIPPER_ERROR_ARGUMENT;
    if (!json_is_number(from) || !json_is_number(to)) return plan_fail(r, where, "a range has numbers 'from' and 'to'");
    a->from = json_number_value(from);
    a->to = json_number_value(to);
    a->log = !strcmp(scale, "log");
    if (!a->log && strcmp(scale, "linear") != 0)
        return plan_fail(r, where, "'scale': '%.60s' is not linear or log", scale);
    if (a->log && !(a->from > 0 && a->to > 0)) return plan_fail(r, where, "a range with scale log begins above 0");
    if (count && (!json_is_integer(count) || json_integer_value(count) < 1 || json_integer_value(count) > 100000))
        return plan_fail(r, where, "'count' is not a whole number from 1: the product of the plan has no runs");
    if (!count && !draws) return plan_fail(r, where, "lacks 'count': how many values of the range (or say 'draws')");
    a->count = (int)json_integer_value(count);
    return DIPPER_OK;
}

static dipper_status read_axis(plan_reader *r, const char *outer, const char *name, const json_t *value,
                               const dipper_recipe *recipe, space *s) {
    char where[PLAN_WHERE_MAX];
    dipper_field field;
    int k = 0;
    snprintf(where, sizeof where, "%s.%.60s", outer, name);
    IO_TRY(find_field(r, outer, name, recipe, &field));
    while (k < s->axis_count && strcmp(s->axes[k].field, name) != 0) k++;
    if (k == AXES_MAX) return plan_fail(r, where, "more than %d fields", AXES_MAX);
    if (k == s->axis_count) s->axis_count++;
    axis *a = &s->axes[k];
    *a = (axis){.field = name, .values = value, .count = 1};
    a->whole = !strcmp(field.type, "int") || !strcmp(field.unit, "iterations");
    if (json_is_array(value)) {
        a->count = (int)json_array_size(value);
        return a->count ? DIPPER_OK : plan_fail(r, where, "is empty: the product of the plan has no runs");
    }
    if (!json_is_object(value)) return DIPPER_OK;
    a->values = NULL;
    return read_range(r, where, value, s->draws, a);
}

static dipper_status read_axes(plan_reader *r, const char *where, const json_t *fields, const dipper_recipe *recipe,
                               space *s) {
    const char *key;
    json_t *value;
    if (!fields) return DIPPER_OK;
    if (!json_is_object(fields)) return plan_fail(r, where, "is not an object with fields of recipes");
    json_object_foreach((json_t *)fields, key, value) IO_TRY(read_axis(r, where, key, value, recipe, s));
    return DIPPER_OK;
}

/* ---- Values ---- */

/* 0: not one. */
static int print_scalar(const json_t *value, char out[PLAN_VALUE_MAX]) {
    out[0] = '\0';
    if (json_is_string(value)) return snprintf(out, PLAN_VALUE_MAX, "%s", json_string_value(value)) < PLAN_VALUE_MAX;
    if (json_is_boolean(value)) snprintf(out, PLAN_VALUE_MAX, "%s", json_is_true(value) ? "true" : "false");
    if (json_is_number(value)) plan_number(json_number_value(value), out);
    return out[0] != '\0';
}

/* A list in the list of values is one value of a field that is a list: [2,2,2] is 2,2,2. */
static int print_value(const json_t *value, char out[PLAN_VALUE_MAX]) {
    char part[PLAN_VALUE_MAX];
    size_t used = 0;
    if (!json_is_array(value)) return print_scalar(value, out);
    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (!print_scalar(json_array_get(value, i), part) || used + strlen(part) + 2 > PLAN_VALUE_MAX) return 0;
        used += (size_t)snprintf(out + used, PLAN_VALUE_MAX - used, "%s%s", i ? "," : "", part);
    }
    return used > 0;
}

/* The value at `share` in [0, 1] of the range; six digits are plenty for a value that nobody chose. */
static void print_at(const axis *a, double share, char out[PLAN_VALUE_MAX]) {
    const double value = a->log ? a->from * pow(a->to / a->from, share) : a->from + (a->to - a->from) * share;
    if (a->whole)
        snprintf(out, PLAN_VALUE_MAX, "%.0f", round(value));
    else if (share == 0 || share == 1)
        plan_number(share == 0 ? a->from : a->to, out);
    else
        snprintf(out, PLAN_VALUE_MAX, "%.6g", value);
}

static int print_nth(const axis *a, int index, char out[PLAN_VALUE_MAX]) {
    if (!a->values) {
        print_at(a, a->count > 1 ? (double)index / (a->count - 1) : 0, out);
        return 1;
    }
    return print_value(json_is_array(a->values) ? json_array_get(a->values, (size_t)index) : a->values, out);
}

/* Uniform in [0, 1), a function of seed, draw and field: more draws or more fields leave the others as they are. */
static dipper_status draw_share(plan_reader *r, const space *s, int draw, const char *field, double *out) {
    char text[160];
    uint64_t bits;
    snprintf(text, sizeof text, "draw %llu %d %s", (unsigned long long)s->draw_seed, draw, field);
    IO_TRY(study_id_text(text, &bits, r->error));
    *out = (double)(bits >> 11) * 0x1p-53;
    return DIPPER_OK;
}

/* Of combination `number`: the last field changes first. */
static dipper_status choose(plan_reader *r, const space *s, int number, int k, char out[PLAN_VALUE_MAX]) {
    const axis *a = &s->axes[k];
    double share = 0;
    int index = 0, good = 1;
    if (s->draws) {
        IO_TRY(draw_share(r, s, number, a->field, &share));
        if (a->values)
            good = print_nth(a, (int)(share * a->count), out);
        else
            print_at(a, share, out);
    } else {
        for (int i = s->axis_count - 1; i >= k; i--) {
            index = number % s->axes[i].count;
            number /= s->axes[i].count;
        }
        good = print_nth(a, index, out);
    }
    return good ? DIPPER_OK : plan_fail(r, a->field, "has a value that is not a number, a text, true, false or a list");
}

/* ---- Methods ---- */

static dipper_status set_field(plan_reader *r, const space *s, int number, int k, dipper_recipe *recipe) {
    char value[PLAN_VALUE_MAX];
    IO_TRY(choose(r, s, number, k, value));
    if (!dipper_recipe_set(r->context, recipe, s->axes[k].field, value)) return DIPPER_OK;
    return plan_fail(r, s->recipe, "%s", dipper_context_message(r->context));
}

/* iterations go last: one number is shared out among the scales. */
static dipper_status add_method(plan_reader *r, const space *s, int number) {
    study_method *m = study_plan_add_method(r->plan);
    if (!m) return io_fail(r->error, DIPPER_ERROR_MEMORY, "%s: no memory for so many methods", r->path);
    snprintf(m->name, sizeof m->name, "%s", s->recipe);
    if (dipper_recipe_create(r->context, s->recipe, &m->recipe))
        return plan_fail(r, s->recipe, "%s", dipper_context_message(r->context));
    for (int last = 0; last < 2; last++)
        for (int k = 0; k < s->axis_count; k++)
            if ((strcmp(s->axes[k].field, "iterations") == 0) == last) IO_TRY(set_field(r, s, number, k, m->recipe));
    return study_method_settle(r->context, m, r->error);
}

static dipper_status add_methods(plan_reader *r, const space *s) {
    double count = s->draws ? s->draws : 1;
    for (int k = 0; k < s->axis_count && !s->draws; k++) count *= s->axes[k].count;
    if (count + r->plan->method_count > 100000)
        return plan_fail(r, s->recipe, "%.0f combinations of fields are too many (100000 at most)", count);
    for (int i = 0; i < (int)count; i++) IO_TRY(add_method(r, s, i));
    return DIPPER_OK;
}

static dipper_status check_recipe(plan_reader *r, const char *where, const char *name) {
    const char *names[FIELDS_MAX];
    char near[80], known[300] = "";
    int count = 0;
    for (; count < dipper_recipe_count() && count < FIELDS_MAX; count++) {
        names[count] = dipper_recipe_name(count);
        if (!strcmp(names[count], name)) return DIPPER_OK;
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", count ? ", " : "", names[count]);
    }
    plan_suggest(name, names, count, near, sizeof near);
    return plan_fail(r, where, "there is no recipe '%.60s'%s (there are %s)", name, near, known);
}

static dipper_status read_recipe(plan_reader *r, const char *where, const json_t *json, const json_t *fields,
                                 const space *usual) {
    char inner[PLAN_WHERE_MAX + 16];
    space *s = malloc(sizeof *s);
    dipper_recipe *recipe = NULL;
    dipper_status status = DIPPER_OK;
    if (!s) return io_fail(r->error, DIPPER_ERROR_MEMORY, "%s: no memory for its recipes", r->path);
    *s = *usual;
    s->recipe = json_string_value(json);
    if (!s->recipe) {
        status = plan_check_keys(r, where, json, "recipe|fields");
        if (!status && !(s->recipe = json_string_value(json_object_get(json, "recipe"))))
            status = plan_fail(r, where, "lacks 'recipe', a name");
    }
    if (!status) status = check_recipe(r, where, s->recipe);
    if (!status && (status = dipper_recipe_create(r->context, s->recipe, &recipe)))
        plan_fail(r, where, "%s", dipper_context_message(r->context));
    snprintf(inner, sizeof inner, "%s.fields", where);
    if (!status) status = read_axes(r, "fields", fields, recipe, s);
    if (!status) status = read_axes(r, inner, json_object_get(json, "fields"), recipe, s);
    if (!status) status = add_methods(r, s);
    dipper_recipe_destroy(&recipe);
    free(s);
    return status;
}

static dipper_status read_count(plan_reader *r, const json_t *root, const char *key, json_int_t least, json_int_t most,
                                json_int_t *out) {
    const json_t *value = json_object_get(root, key);
    if (!value) return DIPPER_OK;
    *out = json_integer_value(value);
    if (json_is_integer(value) && *out >= least && *out <= most) return DIPPER_OK;
    return plan_fail(r, key, "is not a whole number from %lld to %lld", (long long)least, (long long)most);
}

dipper_status plan_read_methods(plan_reader *r, const json_t *root) {
    const json_t *recipes = json_object_get(root, "recipes"), *fields = json_object_get(root, "fields");
    char where[PLAN_WHERE_MAX];
    json_int_t draws = 0, seed = 0;
    IO_TRY(read_count(r, root, "draws", 1, 100000, &draws));
    IO_TRY(read_count(r, root, "draw_seed", 0, INT64_MAX, &seed));
    const space usual = {.draws = (int)draws, .draw_seed = (uint64_t)seed};
    if (json_is_string(recipes)) return read_recipe(r, "recipes", recipes, fields, &usual);
    if (!json_is_array(recipes))
        return plan_fail(r, "", "%s 'recipes', a list of names", recipes ? "has no good" : "lacks");
    if (!json_array_size(recipes)) return plan_fail(r, "recipes", "is empty: the product of the plan has no runs");
    for (size_t i = 0; i < json_array_size(recipes); i++) {
        snprintf(where, sizeof where, "recipes[%zu]", i);
        IO_TRY(read_recipe(r, where, json_array_get(recipes, i), fields, &usual));
    }
    return DIPPER_OK;
}

#else
typedef int study_plan_fields_needs_jansson; /* a file may not be empty */
#endif
