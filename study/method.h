/* What restores the pictures of a run: a recipe with changes, or a classical method. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef DIPPER_STUDY_METHOD_H
#define DIPPER_STUDY_METHOD_H

#include "study/result.h"

typedef struct study_method { /* zeroed at birth; whoever makes one destroys its recipe */
    char name[RESULT_NAME_MAX];
    char settings[RESULT_TEXT_MAX];              /* "f=v f=v" */
    dipper_recipe *recipe;                       /* NULL: the automatic mode (study_method_preset), or a classical */
    double values[DIPPER_ESTIMATE_SETTINGS_MAX]; /* method with these settings, */
    char nonblind[RESULT_NAME_MAX];              /* then this non-blind method; "": the usual one */
} study_method;

/* Writes into settings which fields, or settings and non-blind method (nonblind=NAME), are not as the method comes: in
 * the order of the table of fields, however they were set, so that equal runs have equal settings.
 * DIPPER_ERROR_ARGUMENT: too many to be kept. */
dipper_status study_method_settle(dipper_context *context, study_method *method, io_error *error);

/* "auto-fast", "auto" (balanced), "auto-best": a dipper_preset; -1: no name of the automatic mode. */
int study_method_preset(const char *name);

/* The usual non-blind method of classical ones. */
#define STUDY_NONBLIND "sparse"

/* The classical method of that name; 0: there is none. */
int study_method_classical(const char *name, dipper_estimate_method *out);

#endif
