/* Results of a command as JSON: one flat object, one line. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_FACTS_H
#define DIPPER_IO_FACTS_H

#include "io/io.h"

#include <stdio.h>

typedef enum io_fact_kind { IO_FACT_TEXT, IO_FACT_INT, IO_FACT_REAL, IO_FACT_BOOL } io_fact_kind;

typedef struct io_fact {
    const char *key;
    io_fact_kind kind;
    const char *text; /* NULL is written as null */
    double number;    /* NaN is written as null; infinity, which JSON does not have, as the text "Infinity" */
} io_fact;

/* DIPPER_ERROR_ARGUMENT in a build without jansson. */
dipper_status facts_print(const io_fact *facts, int count, FILE *stream, io_error *error);

#endif
