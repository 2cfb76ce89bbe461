/* What the readers of a plan's parts share. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_PLAN_INNER_H
#define DIPPER_STUDY_PLAN_INNER_H

#include "study/plan_file.h"

#ifdef DIPPER_WITH_JANSSON

#include "study/made.h"

#include <jansson.h>

typedef struct plan_reader {
    const char *path;         /* of the plan */
    char folder[IO_PATH_MAX]; /* with the plan in it */
    dipper_context *context;  /* to check what it says */
    study_plan *plan;
    io_error *error;
} plan_reader;

enum { PLAN_VALUE_MAX = 256, PLAN_WHERE_MAX = 200 };

/* Always DIPPER_ERROR_ARGUMENT: "PLAN: WHERE ..."; where "" is the plan itself. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
dipper_status
plan_fail(plan_reader *r, const char *where, const char *format, ...);

/* Whether `value` is an object that has no other keys than those of "a|b|c". */
dipper_status plan_check_keys(plan_reader *r, const char *where, const json_t *value, const char *known);
/* "; did you mean 'X'?" or "" */
void plan_suggest(const char *word, const char *const *names, int count, char *out, size_t size);
/* The text of a key, or the fallback; NULL with a failure that has been said if it is no text. */
const char *plan_text(plan_reader *r, const char *where, const json_t *object, const char *key, const char *fallback);
/* Makes a file's name in a plan an absolute one. */
dipper_status plan_path(plan_reader *r, const char *name, char *out);
/* A number as few digits as mean it: what a person would write. */
void plan_number(double value, char out[PLAN_VALUE_MAX]);

/* plan_blur.c: the keys psfs and noise of data; blurs of all pairs. */
dipper_status plan_read_blurs(plan_reader *r, const char *where, const json_t *data, study_set *set);
/* plan_fields.c: the keys recipes, fields, draws and draw_seed. */
dipper_status plan_read_methods(plan_reader *r, const json_t *root);

#endif

#endif
