/* Options in the GNU style from one table. SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Numbers ---- */

int parse_real(const char *text, double *out) {
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out);
}

int parse_long(const char *text, long *out) {
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    return end != text && *end == '\0' && errno == 0;
}

int parse_u64(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

enum { WORD_MAX = 40 };

static int least(int a, int b) {
    return a < b ? a : b;
}

/* ---- Parsing ---- */

int options_refuse(const char *command, const char *option, const char *text, const char *why) {
    fprintf(stderr, "dipper %s: %s%s%s%s: %s (see dipper %s --help)\n", command, option, text ? " '" : "",
            text ? text : "", text ? "'" : "", why, command);
    return 2;
}

static int refuse(const option_table *table, const char *option, const char *text, const char *why) {
    return options_refuse(table->command, option, text, why);
}

static int is_choice(const char *text, const char *choices) {
    size_t length = strlen(text);
    for (const char *at = choices; *at; at += strcspn(at, "|"), at += *at == '|')
        if (strcspn(at, "|") == length && strncmp(at, text, length) == 0) return 1;
    return 0;
}

/* Stores one value; NULL, or why it cannot be taken (in why[size]). */
static const char *store(const option_row *row, const char *text, void *target, char *why, size_t size) {
    char *place = (char *)target + row->offset;
    long whole;
    double real;
    switch (row->kind) {
    case OPTION_FLAG:
        ++*(int *)place;
        return NULL;
    case OPTION_TEXT:
        *(const char **)place = text;
        return NULL;
    case OPTION_LIST: {
        text_list *list = (text_list *)place;
        list->items[list->count++] = text;
        return NULL;
    }
    case OPTION_CHOICE:
        *(const char **)place = text;
        if (is_choice(text, row->choices)) return NULL;
        snprintf(why, size, "is not one of %s", row->choices);
        return why;
    case OPTION_U64:
        if (parse_u64(text, (uint64_t *)place)) return NULL;
        snprintf(why, size, "is not a whole number from 0 to %llu", (unsigned long long)UINT64_MAX);
        return why;
    case OPTION_INT:
        if (parse_long(text, &whole) && whole >= row->minimum && whole <= row->maximum) {
            *(int *)place = (int)whole;
            return NULL;
        }
        snprintf(why, size, "is not a whole number from %.0f to %.0f", row->minimum, row->maximum);
        return why;
    case OPTION_REAL:
        if (parse_real(text, &real) && real >= row->minimum && real <= row->maximum) {
            *(double *)place = real;
            return NULL;
        }
        snprintf(why, size, "is not a number from %g to %g", row->minimum, row->maximum);
        return why;
    }
    return "cannot be understood";
}

static int take(const option_table *table, const option_row *row, const char *option, const char *text, void *target) {
    char why[160];
    const char *reason = store(row, text, target, why, sizeof why);
    return reason ? refuse(table, option, text, reason) : 0;
}

static int unknown_long(const option_table *table, const char *name, size_t length) {
    char option[WORD_MAX + 3], why[80] = "unknown option";
    const char *names[64];
    int count = 0;
    for (; count < table->count && count < 64; count++) names[count] = table->rows[count].name;
    snprintf(option, sizeof option, "--%.*s", (int)least((int)length, WORD_MAX), name);
    const char *near = nearest_name(option + 2, names, count);
    if (near) snprintf(why, sizeof why, "unknown option; did you mean --%s?", near);
    return refuse(table, option, NULL, why);
}

/* argv[*i] is --name, --name=value, or --name with its value in the next argument. */
static int take_long(const option_table *table, int argc, char *const *argv, int *i, void *target) {
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    for (const option_row *row = table->rows; row < table->rows + table->count; row++) {
        if (strlen(row->name) != length || strncmp(row->name, name, length) != 0) continue;
        char option[WORD_MAX + 3];
        snprintf(option, sizeof option, "--%s", row->name);
        if (row->kind == OPTION_FLAG)
            return equals ? refuse(table, option, equals + 1, "this option takes no value")
                          : take(table, row, option, NULL, target);
        if (equals) return take(table, row, option, equals + 1, target);
        if (*i + 1 >= argc) return refuse(table, option, NULL, "needs a value");
        return take(table, row, option, argv[++*i], target);
    }
    return unknown_long(table, name, length);
}

/* argv[*i] is one or more letters; one that takes a value takes the rest, or the next argument. */
static int take_short(const option_table *table, int argc, char *const *argv, int *i, void *target) {
    for (const char *letter = argv[*i] + 1; *letter; letter++) {
        const char option[3] = {'-', *letter, '\0'};
        const option_row *row = table->rows;
        while (row < table->rows + table->count && row->letter != *letter) row++;
        if (row == table->rows + table->count) return refuse(table, option, NULL, "unknown option");
        if (row->kind != OPTION_FLAG) {
            if (letter[1]) return take(table, row, option, letter + 1, target);
            if (*i + 1 >= argc) return refuse(table, option, NULL, "needs a value");
            return take(table, row, option, argv[++*i], target);
        }
        int code = take(table, row, option, NULL, target);
        if (code) return code;
    }
    return 0;
}

static text_list *list_of(const option_row *row, void *target) {
    return row->kind == OPTION_LIST ? (text_list *)((char *)target + row->offset) : NULL;
}

static int make_lists(const option_table *table, int argc, void *target, text_list *operands) {
    size_t room = (size_t)argc + 1;
    operands->items = calloc(room, sizeof *operands->items);
    int good = operands->items != NULL;
    for (int k = 0; k < table->count; k++) {
        text_list *list = list_of(&table->rows[k], target);
        if (list) good &= (list->items = calloc(room, sizeof *list->items)) != NULL;
    }
    if (!good) fprintf(stderr, "dipper: out of memory\n");
    return good ? 0 : 5;
}

int options_parse(const option_table *table, int argc, char *const *argv, void *target, text_list *operands) {
    int code = make_lists(table, argc, target, operands), only_operands = 0;
    for (int i = 0; i < argc && !code; i++) {
        const char *argument = argv[i];
        if (only_operands || argument[0] != '-' || argument[1] == '\0')
            operands->items[operands->count++] = argument;
        else if (strcmp(argument, "--") == 0)
            only_operands = 1;
        else if (argument[1] == '-')
            code = take_long(table, argc, argv, &i, target);
        else
            code = take_short(table, argc, argv, &i, target);
    }
    return code;
}

void options_free(const option_table *table, void *target, text_list *operands) {
    free(operands->items);
    *operands = (text_list){0};
    for (int k = 0; k < table->count; k++) {
        text_list *list = list_of(&table->rows[k], target);
        if (!list) continue;
        free(list->items);
        *list = (text_list){0};
    }
}

/* ---- Help ---- */

enum { HELP_COLUMN = 28, HELP_WIDTH = 80 };

/* Words of `text` from the current column on, wrapped. */
static void wrapped(FILE *stream, const char *text, int column) {
    int at = column;
    while (*text) {
        int length = (int)strcspn(text, " ");
        if (at > column && at + 1 + length > HELP_WIDTH) {
            fprintf(stream, "\n%*s", column, "");
            at = column;
        } else if (at > column) {
            fputc(' ', stream);
            at++;
        }
        fprintf(stream, "%.*s", length, text);
        at += length;
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', stream);
}

void options_help(const option_table *table, FILE *stream) {
    fprintf(stream, "Usage: dipper %s [OPTION]... %s\n%s\n\nOptions:\n", table->command, table->operands,
            table->summary);
    for (const option_row *row = table->rows; row < table->rows + table->count; row++) {
        char left[80];
        char letter[5] = "    ";
        if (row->letter) snprintf(letter, sizeof letter, "-%c, ", row->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name, row->value ? " " : "",
                 row->value ? row->value : "");
        if (strlen(left) + 1 >= HELP_COLUMN)
            fprintf(stream, "%s\n%*s", left, HELP_COLUMN, "");
        else
            fprintf(stream, "%-*s", HELP_COLUMN, left);
        wrapped(stream, row->help, HELP_COLUMN);
    }
    if (table->footer[0]) fprintf(stream, "\n%s\n", table->footer);
}
