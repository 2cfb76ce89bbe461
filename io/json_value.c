/* Values and files of JSON. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "io/json_value.h"

#ifdef DIPPER_WITH_JANSSON

#include "io/output.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *io_json_text(const char *text) {
    if (!text) return json_null();
    json_t *value = json_string(text);
    if (value) return value;
    char *copy = strdup(text);
    if (!copy) return NULL;
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 128) *c = '?';
    value = json_string(copy);
    free(copy);
    return value;
}

json_t *io_json_real(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *io_json_u64(uint64_t value) {
    char text[24];
    if (value <= INT64_MAX) return json_integer((json_int_t)value);
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return json_string(text);
}

dipper_status io_json_write(const json_t *json, const char *path, int overwrite, io_error *error) {
    output_file file;
    if (!json) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory to write it", path);
    IO_TRY(output_begin(&file, path, error));
    errno = 0;
    if (json_dump_file(json, file.temporary, JSON_INDENT(1) | JSON_REAL_PRECISION(15))) {
        const int code = errno;
        output_discard(&file);
        return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: cannot be written%s%s", path, code ? ": " : "",
                       code ? strerror(code) : "");
    }
    return output_commit(&file, overwrite, error);
}

#else
typedef int io_json_needs_jansson; /* a file may not be empty */
#endif
