/* Recipes for people. SPDX-License-Identifier: Apache-2.0 */
#include "cli/recipe_text.h"

#include "cli/options.h"

#include <string.h>

static void print_range(const dipper_field *field, FILE *stream) {
    const char *unit = field->unit[0] ? " " : "";
    if (field->choices[0])
        fprintf(stream, " [%s]", field->choices);
    else if (field->minimum < field->maximum)
        fprintf(stream, " [%g to %g%s%s]", field->minimum, field->maximum, unit, field->unit);
    else if (strcmp(field->type, "bool") == 0)
        fprintf(stream, " [true|false]");
}

void recipe_print(const dipper_recipe *recipe, FILE *stream) {
    int widest = 0;
    dipper_field field;
    for (int i = 0; i < dipper_recipe_field_count(); i++)
        if (dipper_recipe_field(recipe, i, &field) == DIPPER_OK && (int)strlen(field.name) > widest)
            widest = (int)strlen(field.name);
    for (int i = 0; i < dipper_recipe_field_count(); i++) {
        if (dipper_recipe_field(recipe, i, &field) != DIPPER_OK) continue;
        fprintf(stream, "%-*s = %-14s # %s", widest, field.name, field.value, field.help);
        print_range(&field, stream);
        fputc('\n', stream);
    }
}

int recipe_has(const dipper_recipe *recipe, const char *name, const char *value) {
    dipper_field field;
    for (int i = 0; i < dipper_recipe_field_count(); i++)
        if (dipper_recipe_field(recipe, i, &field) == DIPPER_OK && strcmp(field.name, name) == 0)
            return strcmp(field.value, value) == 0;
    return 0;
}

int recipe_is_known(const char *name) {
    for (int i = 0; i < dipper_recipe_count(); i++)
        if (strcmp(dipper_recipe_name(i), name) == 0) return 1;
    return 0;
}

void recipe_say_unknown(const char *option, const char *name) {
    fprintf(stderr, "dipper: %s '%s': unknown recipe; there are", option, name);
    for (int i = 0; i < dipper_recipe_count(); i++) fprintf(stderr, "%s %s", i ? "," : "", dipper_recipe_name(i));
    fputc('\n', stderr);
}
