/* Results as CSV. SPDX-License-Identifier: Apache-2.0 */
#include "study/csv.h"

#include "io/output.h"
#include "study/keys.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* In quotes where the text would not be read back otherwise. */
static void put_text(const char *text, FILE *file) {
    int quoted = text[strcspn(text, "\",\n\r")] != '\0';
    if (quoted) putc('"', file);
    for (; *text; text++) {
        if (*text == '"') putc('"', file);
        putc(*text, file);
    }
    if (quoted) putc('"', file);
}

static void put_value(const study_key *key, const char *place, FILE *file) {
    const double *real = (const double *)place;
    switch (key->kind) {
    case KEY_TEXT:
        put_text(place, file);
        break;
    case KEY_INT:
        fprintf(file, "%d", *(const int *)place);
        break;
    case KEY_U64:
        fprintf(file, "%llu", (unsigned long long)*(const uint64_t *)place);
        break;
    case KEY_REAL:
        if (isfinite(*real))
            fprintf(file, "%.6g", *real);
        else if (!isnan(*real))
            fputs(*real > 0 ? "inf" : "-inf", file);
        break;
    case KEY_FILE:
        break;
    }
}

/* result NULL: the names of the columns. */
static void put_line(const study_result *result, FILE *file) {
    const char *comma = "";
    for (int i = 0; i < study_key_count; i++) {
        const study_key *key = &study_keys[i];
        if (key->kind == KEY_FILE) continue;
        fputs(comma, file);
        comma = ",";
        if (result)
            put_value(key, (const char *)result + key->offset, file);
        else
            fputs(key->name, file);
    }
    putc('\n', file);
}

dipper_status study_csv_write(const study_results *results, const char *path, io_error *error) {
    output_file out;
    IO_TRY(output_begin(&out, path, error));
    FILE *file = fopen(out.temporary, "w");
    if (file) {
        put_line(NULL, file);
        for (int i = 0; i < results->count; i++) put_line(&results->items[i], file);
    }
    int bad = !file || ferror(file);
    if (file && fclose(file)) bad = 1;
    if (!bad) return output_commit(&out, 1, error);
    const int code = errno;
    output_discard(&out);
    return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: cannot be written: %s", path, strerror(code));
}
