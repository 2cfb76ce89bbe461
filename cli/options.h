/* Options in the GNU style from one table, which is also the help text. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_OPTIONS_H
#define DIPPER_CLI_OPTIONS_H

#include "io/nearest.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum option_kind {
    OPTION_FLAG,   /* int, counted up */
    OPTION_TEXT,   /* const char * */
    OPTION_CHOICE, /* const char *, one of `choices` */
    OPTION_INT,    /* int in [minimum, maximum] */
    OPTION_U64,    /* uint64_t */
    OPTION_REAL,   /* double in [minimum, maximum] */
    OPTION_LIST    /* text_list, one entry each time */
} option_kind;

typedef struct text_list {
    const char **items; /* as many as there are arguments; free() it */
    int count;
} text_list;

typedef struct option_row {
    char letter; /* 0: none */
    const char *name;
    const char *value; /* how the help calls it; NULL for a flag */
    option_kind kind;
    size_t offset; /* of the variable in the struct that options_parse fills */
    double minimum, maximum;
    const char *choices; /* "a|b|c" */
    const char *help;
} option_row;

typedef struct option_table {
    const char *command;  /* "deblur" */
    const char *operands; /* "IN..." */
    const char *summary;  /* what the command does, a few lines */
    const option_row *rows;
    int count;
    const char *footer; /* "" or further help */
} option_table;

/* Fills the struct `target` and the operands (both lists are allocated; options_free them). Accepts --a b, --a=b, -o x,
 * -ox, -fq and --. Returns 0, or 2 after writing one line about the mistake to stderr. */
int options_parse(const option_table *table, int argc, char *const *argv, void *target, text_list *operands);
void options_free(const option_table *table, void *target, text_list *operands);

/* Says on stderr what is wrong with an option, whose text may be NULL, and returns the exit code 2. */
int options_refuse(const char *command, const char *option, const char *text, const char *why);

void options_help(const option_table *table, FILE *stream);

/* Whole text as a number; 0 if it is not one. */
int parse_real(const char *text, double *out);
int parse_long(const char *text, long *out);
int parse_u64(const char *text, uint64_t *out);

#endif
