/* Results of a command as JSON. SPDX-License-Identifier: Apache-2.0 */
#include "io/facts.h"

#ifndef DIPPER_WITH_JANSSON

dipper_status facts_print(const io_fact *facts, int count, FILE *stream, io_error *error) {
    (void)facts, (void)count, (void)stream;
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "--json: this build has no jansson");
}

#else

#include "io/json_value.h"

#include <math.h>

static json_t *value_json(const io_fact *fact) {
    switch (fact->kind) {
    case IO_FACT_TEXT:
        return io_json_text(fact->text);
    case IO_FACT_INT:
        return isnan(fact->number) ? json_null() : json_integer((json_int_t)fact->number);
    case IO_FACT_BOOL:
        return isnan(fact->number) ? json_null() : json_boolean(fact->number != 0);
    case IO_FACT_REAL:
        break;
    }
    if (isinf(fact->number)) return json_string(fact->number > 0 ? "Infinity" : "-Infinity");
    return io_json_real(fact->number);
}

dipper_status facts_print(const io_fact *facts, int count, FILE *stream, io_error *error) {
    json_t *object = json_object();
    int good = object != NULL;
    for (int i = 0; i < count && good; i++) good = !json_object_set_new(object, facts[i].key, value_json(&facts[i]));
    if (!good) {
        json_decref(object);
        return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for JSON");
    }
    const int failed = json_dumpf(object, stream, JSON_COMPACT | JSON_REAL_PRECISION(15)) || fputc('\n', stream) == EOF;
    json_decref(object);
    return failed ? io_fail(error, DIPPER_ERROR_OUTPUT, "standard output cannot be written to") : DIPPER_OK;
}

#endif
