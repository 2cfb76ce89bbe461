/* The text at the start of a .npy file: a Python dictionary with three keys, e.g.
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (255, 255), }
 * (numpy/lib/format.py). SPDX-License-Identifier: Apache-2.0 */
#include "io/npy_header.h"

#include <string.h>

typedef struct cursor {
    const char *at;
    int failed;
} cursor;

static void skip_space(cursor *c) {
    c->at += strspn(c->at, " \t\r\n");
}

static int take(cursor *c, char wanted) {
    skip_space(c);
    if (*c->at != wanted) return 0;
    c->at++;
    return 1;
}

static void need(cursor *c, char wanted) {
    if (!take(c, wanted)) c->failed = 1;
}

/* A quoted text without escapes, at most size-1 characters. */
static void take_text(cursor *c, char *out, size_t size) {
    out[0] = '\0';
    skip_space(c);
    char quote = *c->at;
    const char *end = quote == '\'' || quote == '"' ? strchr(c->at + 1, quote) : NULL;
    if (!end || (size_t)(end - c->at - 1) >= size) {
        c->failed = 1;
        return;
    }
    size_t length = (size_t)(end - c->at - 1);
    memcpy(out, c->at + 1, length);
    out[length] = '\0';
    c->at = end + 1;
}

static int take_word(cursor *c, const char *word) {
    skip_space(c);
    size_t length = strlen(word);
    if (strncmp(c->at, word, length) != 0) return 0;
    c->at += length;
    return 1;
}

/* Numbers above 2^62 stay at 2^62: any later size check refuses them. */
static uint64_t take_number(cursor *c) {
    uint64_t value = 0;
    skip_space(c);
    if (*c->at < '0' || *c->at > '9') c->failed = 1;
    for (; *c->at >= '0' && *c->at <= '9'; c->at++) {
        uint64_t digit = (uint64_t)(*c->at - '0');
        value = value > (UINT64_C(1) << 62) / 10 - 1 ? UINT64_C(1) << 62 : value * 10 + digit;
    }
    if (*c->at == 'L') c->at++; /* Python 2 */
    return value;
}

static void take_shape(cursor *c, npy_header *out) {
    need(c, '(');
    while (!c->failed && !take(c, ')')) {
        if (out->rank == NPY_MAX_RANK) {
            c->failed = 1;
            return;
        }
        out->shape[out->rank++] = take_number(c);
        if (!take(c, ',')) {
            need(c, ')');
            return;
        }
    }
}

/* '<f4': order, kind, bytes. A list of fields (a structured array) is not a quoted text and fails. */
static void take_type(cursor *c, npy_header *out) {
    char text[16];
    take_text(c, text, sizeof text);
    size_t digits = strlen(text) > 2 ? strspn(text + 2, "0123456789") : 0;
    if (c->failed || !strchr("<>|=", text[0]) || digits < 1 || digits > 4 || text[2 + digits] != '\0') {
        c->failed = 1;
        return;
    }
    out->order = text[0];
    out->kind = text[1];
    for (const char *d = text + 2; *d; d++) out->bytes = out->bytes * 10 + (*d - '0');
}

static int take_entry(cursor *c, npy_header *out) {
    char key[24];
    take_text(c, key, sizeof key);
    need(c, ':');
    if (c->failed) return 0;
    if (!strcmp(key, "descr")) {
        take_type(c, out);
        return 1;
    }
    if (!strcmp(key, "shape")) {
        take_shape(c, out);
        return 2;
    }
    if (strcmp(key, "fortran_order") != 0) return 0;
    out->fortran = take_word(c, "True");
    if (!out->fortran && !take_word(c, "False")) c->failed = 1;
    return 4;
}

dipper_status npy_parse_header(const char *path, const char *text, npy_header *out, io_error *error) {
    cursor c = {text, 0};
    int seen = 0;
    *out = (npy_header){0};
    need(&c, '{');
    while (!c.failed && !take(&c, '}')) {
        int entry = take_entry(&c, out);
        if (c.failed || entry == 0 || (seen & entry)) {
            c.failed = 1;
            break;
        }
        seen |= entry;
        if (!take(&c, ',')) {
            need(&c, '}');
            break;
        }
    }
    if (!c.failed && seen == 7) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_INPUT,
                   "%s: the header of this .npy file cannot be understood (a plain array of numbers is expected)",
                   path);
}
