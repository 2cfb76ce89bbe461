/* Recipes with changes. SPDX-License-Identifier: Apache-2.0 */
#include "study/method.h"

#include <stdio.h>
#include <string.h>

static dipper_status add(study_method *m, const char *name, const char *value, io_error *error) {
    const size_t used = strlen(m->settings), room = sizeof m->settings - used;
    const int length = snprintf(m->settings + used, room, "%s%s=%s", used ? " " : "", name, value);
    if (length >= 0 && (size_t)length < room) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "%s: too many fields are changed", m->name);
}

static dipper_status compare(study_method *m, const dipper_recipe *usual, io_error *error) {
    dipper_field ours, theirs;
    m->settings[0] = '\0';
    for (int i = 0; i < dipper_recipe_field_count(); i++)
        if (!dipper_recipe_field(m->recipe, i, &ours) && !dipper_recipe_field(usual, i, &theirs) &&
            strcmp(ours.value, theirs.value) != 0)
            IO_TRY(add(m, ours.name, ours.value, error));
    return DIPPER_OK;
}

int study_method_classical(const char *name, dipper_estimate_method *out) {
    for (int i = 0; dipper_estimate_method_at(i, out) == DIPPER_OK; i++)
        if (strcmp(out->name, name) == 0) return 1;
    return 0;
}

int study_method_preset(const char *name) {
    if (strcmp(name, "auto") == 0) return DIPPER_PRESET_BALANCED;
    if (strncmp(name, "auto-", 5) != 0) return -1;
    for (int i = 0; dipper_preset_name(i) != NULL; i++)
        if (i != DIPPER_PRESET_BALANCED && strcmp(name + 5, dipper_preset_name(i)) == 0) return i;
    return -1;
}

static dipper_status settle_classical(study_method *m, io_error *error) {
    dipper_estimate_method usual;
    char value[32];
    m->settings[0] = '\0';
    if (study_method_preset(m->name) >= 0) return DIPPER_OK;
    if (!study_method_classical(m->name, &usual))
        return io_fail(error, DIPPER_ERROR_INTERNAL, "%s: is no method", m->name);
    for (int i = 0; i < usual.setting_count; i++) {
        snprintf(value, sizeof value, "%g", m->values[i]);
        if (m->values[i] != usual.settings[i].value) IO_TRY(add(m, usual.settings[i].name, value, error));
    }
    if (strcmp(m->nonblind, STUDY_NONBLIND) == 0) m->nonblind[0] = '\0';
    return m->nonblind[0] ? add(m, "nonblind", m->nonblind, error) : DIPPER_OK;
}

dipper_status study_method_settle(dipper_context *context, study_method *method, io_error *error) {
    if (!method->recipe) return settle_classical(method, error);
    dipper_recipe *usual = NULL;
    dipper_status status = dipper_recipe_create(context, method->name, &usual);
    if (status)
        io_fail(error, status, "%s: %s", method->name, dipper_context_message(context));
    else
        status = compare(method, usual, error);
    dipper_recipe_destroy(&usual);
    return status;
}
