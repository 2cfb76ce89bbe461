/* A growing text of HTML or SVG. SPDX-License-Identifier: Apache-2.0 */
#include "study/page.h"

#include "io/output.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `count` more characters and the 0; 0 if there is none. */
static int reserve(page *p, size_t count) {
    if (p->failed) return 0;
    if (p->length + count < p->room) return 1;
    size_t room = p->room ? p->room : 4096;
    while (room <= p->length + count && room < SIZE_MAX / 2) room *= 2;
    char *text = realloc(p->text, room);
    p->failed = text == NULL;
    if (p->failed) return 0;
    p->text = text;
    p->room = room;
    return 1;
}

static void put(page *p, const char *text, size_t count) {
    if (!reserve(p, count)) return;
    memcpy(p->text + p->length, text, count);
    p->length += count;
    p->text[p->length] = '\0';
}

void page_markup(page *p, const char *markup) {
    put(p, markup, strlen(markup));
}

static void put_escaped(page *p, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '&':
            page_markup(p, "&amp;");
            break;
        case '<':
            page_markup(p, "&lt;");
            break;
        case '>':
            page_markup(p, "&gt;");
            break;
        case '"':
            page_markup(p, "&quot;");
            break;
        case '\'':
            page_markup(p, "&#39;");
            break;
        default: /* control characters may not stand in HTML */
            put(p, (unsigned char)*text < ' ' || *text == 127 ? " " : text, 1);
        }
    }
}

void page_add(page *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    for (const char *at = format; *at;) {
        char spec[16], number[400]; /* the largest double has 309 digits */
        size_t plain = strcspn(at, "%"), length;
        put(p, at, plain);
        at += plain;
        if (!*at) break;
        length = 1 + strspn(at + 1, "-+ #.0123456789j");
        snprintf(spec, sizeof spec, "%.*s", (int)length + 1, at);
        number[0] = '\0';
        switch (at[length]) {
        case 's':
            put_escaped(p, va_arg(args, const char *));
            break;
        case 'd':
            snprintf(number, sizeof number, spec, va_arg(args, int));
            break;
        case 'u':
            snprintf(number, sizeof number, spec, va_arg(args, uintmax_t));
            break;
        case 'f':
        case 'g':
            snprintf(number, sizeof number, spec, va_arg(args, double));
            break;
        default:
            put(p, "%", 1);
        }
        page_markup(p, number);
        at += length + 1;
    }
    va_end(args);
}

void page_number(page *p, double value, int decimals) {
    char text[400];
    if (!isfinite(value)) {
        page_markup(p, isnan(value) ? "–" : value > 0 ? "∞" : "−∞");
        return;
    }
    snprintf(text, sizeof text, "%.*f", decimals, fabs(value));
    if (value < 0 && strspn(text, "0.") != strlen(text)) page_markup(p, "−");
    page_markup(p, text);
}

void page_base64(page *p, const unsigned char *bytes, size_t count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!reserve(p, (count + 2) / 3 * 4)) return;
    for (size_t i = 0; i < count; i += 3) {
        unsigned b1 = i + 1 < count ? bytes[i + 1] : 0, b2 = i + 2 < count ? bytes[i + 2] : 0;
        unsigned three = (unsigned)bytes[i] << 16 | b1 << 8 | b2;
        char four[4];
        for (int k = 0; k < 4; k++) four[k] = digits[three >> (18 - 6 * k) & 63];
        if (i + 1 >= count) four[2] = '=';
        if (i + 2 >= count) four[3] = '=';
        put(p, four, 4);
    }
}

void page_append(page *p, page *from) {
    p->failed |= from->failed;
    if (from->length) put(p, from->text, from->length);
    page_free(from);
}

static int write_file(const page *p, const char *path) {
    FILE *file = fopen(path, "wb");
    if (!file) return errno;
    int code = fwrite(p->text, 1, p->length, file) == p->length ? 0 : errno;
    if (fclose(file) && !code) code = errno;
    return code;
}

dipper_status page_write(const page *p, const char *path, int overwrite, io_error *error) {
    output_file file;
    if (p->failed) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory for the page", path);
    IO_TRY(output_begin(&file, path, error));
    int code = p->length ? write_file(p, file.temporary) : 0;
    if (!code) return output_commit(&file, overwrite, error);
    output_discard(&file);
    return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: cannot be written: %s", path, strerror(code));
}

void page_free(page *p) {
    free(p->text);
    *p = (page){0};
}
