/* A growing text of HTML or SVG. Texts of others get in through %s only, which escapes them: no name of a case can
 * become markup. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_PAGE_H
#define DIPPER_STUDY_PAGE_H

#include "io/io.h"

#include <stddef.h>

typedef struct page { /* zeroed at birth */
    char *text;       /* ends with a 0; NULL while empty */
    size_t length, room;
    int failed; /* there was no memory; said by page_write */
} page;

/* Like printf, for %s (escaped), %d, %ju, %f and %g with flags, width and precision, and %%. The format is markup. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void page_add(page *p, const char *format, ...);
/* As it is: markup of our own. */
void page_markup(page *p, const char *markup);
/* For people: a true minus, no negative zero, a dash for NaN, the sign of infinity. */
void page_number(page *p, double value, int decimals);
void page_base64(page *p, const unsigned char *bytes, size_t count);
/* Puts `from` at the end; `from` is empty afterwards. */
void page_append(page *p, page *from);

/* Whole or not at all (io/output.h). */
dipper_status page_write(const page *p, const char *path, int overwrite, io_error *error);
void page_free(page *p);

#endif
