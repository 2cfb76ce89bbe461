/* What every JSON file of Dipper's programs has in common (jansson). SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_JSON_VALUE_H
#define DIPPER_IO_JSON_VALUE_H

#ifdef DIPPER_WITH_JANSSON

#include "io/io.h"

#include <jansson.h>

/* NULL becomes null. Names of files need not be UTF-8: bytes that are not become '?'. */
json_t *io_json_text(const char *text);
json_t *io_json_real(double value);  /* null unless finite */
json_t *io_json_u64(uint64_t value); /* as text above 2^63 - 1 */

/* Writes it to a file, whole or not at all; the caller keeps its reference. NULL counts as memory that ran out. */
dipper_status io_json_write(const json_t *json, const char *path, int overwrite, io_error *error);

#endif

#endif
