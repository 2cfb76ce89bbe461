/* The record of a run as JSON. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "io/record.h"

#ifndef DIPPER_WITH_JANSSON

dipper_status record_write(const run_record *record, const char *path, int overwrite, io_error *error) {
    (void)record, (void)overwrite;
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "%s: this build has no jansson and writes no run records", path);
}
dipper_status record_print(const run_record *record, FILE *stream, io_error *error) {
    (void)record, (void)stream;
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "--json: this build has no jansson");
}

#else

#include "io/json_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* jansson's "new" setters accept NULL values by failing; a run out of memory shows in the final check of `good`. */
typedef struct writer {
    json_t *object;
    int good;
} writer;

static void put(writer *w, const char *key, json_t *value) {
    if (json_object_set_new(w->object, key, value)) w->good = 0;
}

static json_t *pair_json(int width, int height) {
    return width > 0 ? json_pack("{s:i, s:i}", "width", width, "height", height) : json_null();
}

static json_t *list_json(const char *text) {
    json_t *list = json_array();
    for (char *end; list && *text; text = *end == ',' ? end + 1 : end) {
        double value = strtod(text, &end);
        if (end == text) break;
        json_array_append_new(list, value == floor(value) && fabs(value) < 1e15 ? json_integer((json_int_t)value)
                                                                                : io_json_real(value));
    }
    return list;
}

static json_t *field_json(const dipper_field *field) {
    if (!strcmp(field->type, "int")) return json_integer(strtoll(field->value, NULL, 10));
    if (!strcmp(field->type, "real")) return io_json_real(strtod(field->value, NULL));
    if (!strcmp(field->type, "list")) return list_json(field->value);
    if (strcmp(field->type, "bool") != 0) return io_json_text(field->value);
    return json_boolean(!strcmp(field->value, "1") || !strcmp(field->value, "true") || !strcmp(field->value, "yes") ||
                        !strcmp(field->value, "on"));
}

static json_t *recipe_json(const run_record *r) {
    writer w = {json_object(), 1};
    put(&w, "name", io_json_text(r->recipe_name));
    for (int i = 0; r->recipe && i < dipper_recipe_field_count(); i++) {
        dipper_field field;
        if (dipper_recipe_field(r->recipe, i, &field) == DIPPER_OK) put(&w, field.name, field_json(&field));
    }
    return w.object;
}

static json_t *command_json(const run_record *r) {
    json_t *list = json_array();
    for (int i = 0; i < r->argc; i++) json_array_append_new(list, io_json_text(r->argv[i]));
    return list;
}

static json_t *losses_json(const run_record *r) {
    json_t *list = json_array();
    for (long i = 0; i < r->loss_count; i++) json_array_append_new(list, io_json_real(r->losses[i]));
    return list;
}

static void put_files(writer *w, const run_record *r) {
    put(w, "input", io_json_text(r->input));
    put(w, "output", io_json_text(r->output));
    put(w, "psf_npy", io_json_text(r->psf_npy));
    put(w, "psf_png", io_json_text(r->psf_png));
    put(w, "uncertainty_npy", io_json_text(r->uncertainty_npy));
    put(w, "uncertainty_png", io_json_text(r->uncertainty_png));
    put(w, "record", io_json_text(r->record));
}

static void put_task(writer *w, const run_record *r) {
    put(w, "task", io_json_text(r->task));
    put(w, "factor", r->factor ? json_integer(r->factor) : json_null());
    put(w, "mask", io_json_text(r->mask));
    put(w, "pretrain_truth", io_json_text(r->truth));
}

static void put_sizes(writer *w, const run_record *r) {
    put(w, "size", pair_json(r->width, r->height));
    put(w, "output_size", pair_json(r->output_width, r->output_height));
    put(w, "channels", json_integer(r->channels));
    put(w, "alpha", json_boolean(r->alpha));
    put(w, "depth", io_json_text(r->depth));
    put(w, "psf_size_told", pair_json(r->psf_width_told, r->psf_height_told));
    put(w, "psf_size_from", io_json_text(r->psf_size_from));
    put(w, "psf_start", io_json_text(r->psf_start));
    put(w, "psf_size", pair_json(r->psf_width, r->psf_height));
    put(w, "noise_sigma", io_json_real(r->noise_sigma));
    put(w, "noise_from", io_json_text(r->noise_from));
}

static json_t *automatic_json(const run_record *r) {
    const dipper_auto_info *i = r->automatic;
    if (!i) return json_null();
    writer w = {json_object(), 1};
    put(&w, "preset", io_json_text(r->preset));
    put(&w, "estimator", io_json_text(i->estimator));
    put(&w, "window", json_integer(i->window));
    put(&w, "softness", io_json_real(i->softness));
    put(&w, "score", io_json_real(i->score));
    put(&w, "tried", json_integer(i->tried));
    put(&w, "plane", io_json_text(i->plane));
    put(&w, "region", json_pack("[i,i,i,i]", i->x, i->y, i->width, i->height));
    put(&w, "nonblind", io_json_text(i->nonblind));
    put(&w, "polished", json_boolean(i->polished));
    put(&w, "hurried", json_boolean(i->hurried));
    put(&w, "paper", json_boolean(i->paper));
    put(&w, "sharp", json_boolean(i->sharp));
    return w.object;
}

static json_t *nonblind_json(const run_record *r) {
    if (!r->psf_input) return json_null();
    writer w = {json_object(), 1};
    put(&w, "psf", io_json_text(r->psf_input));
    if (!r->edges) return w.object;
    if (r->nonblind_method) put(&w, "method", io_json_text(r->nonblind_method));
    put(&w, "weight", io_json_real(r->weight));
    put(&w, "exponent", io_json_real(r->exponent));
    put(&w, "edges", io_json_text(r->edges));
    put(&w, "saturated_samples", json_integer((json_int_t)r->saturated));
    put(&w, "mask", io_json_text(r->mask));
    put(&w, "masked_pixels", json_integer((json_int_t)r->masked));
    put(&w, "tiles", json_integer(r->tiles));
    return w.object;
}

static json_t *reasons_json(const dipper_verdict *v) {
    json_t *list = json_array();
    dipper_verdict_reason reason;
    for (int i = 0; list && dipper_verdict_reason_at(i, &reason) == DIPPER_OK; i++)
        if (v->reasons & reason.bit)
            json_array_append_new(
                list, json_pack("{s:s, s:s, s:s}", "name", reason.name, "text", reason.text, "try", reason.advice));
    return list;
}

static json_t *verdict_json(const dipper_verdict *v) {
    if (!v) return json_null();
    writer w = {json_object(), 1}, evidence = {json_object(), 1};
    for (int i = 0; i < v->evidence_count; i++)
        put(&evidence, dipper_verdict_evidence_name(i), io_json_real(v->evidence[i]));
    put(&w, "level", json_string(dipper_verdict_level_name(v->level)));
    put(&w, "probability", io_json_real(v->probability));
    put(&w, "reasons", reasons_json(v));
    put(&w, "sharp", json_boolean(v->sharp));
    put(&w, "second_opinions", json_boolean(v->second_opinions));
    put(&w, "noise_sigma", io_json_real(v->noise_sigma));
    put(&w, "region",
        v->width ? json_pack("{s:i, s:i, s:i, s:i}", "x", v->x, "y", v->y, "width", v->width, "height", v->height)
                 : json_null());
    put(&w, "evidence", evidence.object);
    return w.object;
}

static void put_machine(writer *w, const run_record *r) {
    put(w, "seed", io_json_u64(r->seed));
    put(w, "seed_weights", r->recipe ? io_json_u64(r->seed_weights) : json_null());
    put(w, "seed_input", r->recipe ? io_json_u64(r->seed_input) : json_null());
    put(w, "device", io_json_text(r->device));
    put(w, "threads", json_integer(r->threads));
    put(w, "build", io_json_text(r->build));
}

static void put_outcome(writer *w, const run_record *r) {
    put(w, "iterations", json_integer(r->iterations_done));
    put(w, "iterations_planned", json_integer(r->iterations_planned));
    put(w, "resumed_at", r->resumed_at < 0 ? json_null() : json_integer(r->resumed_at));
    put(w, "stopped_by", io_json_text(r->stopped_by));
    put(w, "recoveries", json_integer(r->recoveries));
    put(w, "skipped_steps", json_integer((json_int_t)r->skipped_steps));
    put(w, "trouble", io_json_text(r->trouble && r->trouble[0] ? r->trouble : NULL));
    put(w, "loss", r->loss_count > 0 ? io_json_real(r->loss) : json_null());
    put(w, "seconds", io_json_real(r->seconds_total));
    put(w, "seconds_solver", io_json_real(r->seconds_solver));
    put(w, "memory_solver_bytes", json_integer((json_int_t)r->memory_solver_bytes));
    put(w, "memory_peak_bytes", json_integer((json_int_t)r->memory_peak_bytes));
    put(w, "clipped_pixels", r->clipped_pixels < 0 ? json_null() : json_integer(r->clipped_pixels));
    put(w, "notes", io_json_text(r->notes && r->notes[0] ? r->notes : NULL));
    put(w, "losses", losses_json(r));
}

static json_t *record_json(const run_record *r) {
    writer w = {json_object(), 1};
    put(&w, "dipper", json_string(DIPPER_VERSION_STRING));
    put(&w, "status", json_integer(r->status));
    put(&w, "status_text", io_json_text(r->status ? dipper_status_text(r->status) : "done"));
    put(&w, "message", io_json_text(r->message && r->message[0] ? r->message : NULL));
    put(&w, "command", command_json(r));
    put(&w, "started", io_json_text(r->started));
    put_files(&w, r);
    put_task(&w, r);
    put_sizes(&w, r);
    put(&w, "recipe", recipe_json(r));
    put(&w, "automatic", automatic_json(r));
    put(&w, "nonblind", nonblind_json(r));
    put_machine(&w, r);
    put(&w, "verdict", verdict_json(r->verdict));
    put_outcome(&w, r);
    if (w.good) return w.object;
    json_decref(w.object);
    return NULL;
}

dipper_status record_write(const run_record *record, const char *path, int overwrite, io_error *error) {
    json_t *json = record_json(record);
    dipper_status status = io_json_write(json, path, overwrite, error);
    json_decref(json);
    return status;
}

dipper_status record_print(const run_record *record, FILE *stream, io_error *error) {
    json_t *json = record_json(record);
    if (!json) return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for the record of the run");
    int failed = json_dumpf(json, stream, JSON_COMPACT | JSON_REAL_PRECISION(15)) || fputc('\n', stream) == EOF;
    json_decref(json);
    return failed ? io_fail(error, DIPPER_ERROR_OUTPUT, "standard output cannot be written to") : DIPPER_OK;
}

#endif
