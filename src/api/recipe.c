#include "api/api.h"
#include "base/memory.h"

int dipper_recipe_count(void) {
    return dp_recipe_count();
}
const char *dipper_recipe_name(int index) {
    return dp_recipe_name(index);
}
const char *dipper_recipe_summary(int index) {
    return dp_recipe_summary(index);
}
int dipper_recipe_field_count(void) {
    return DP_FIELDS;
}

static void refresh(dipper_recipe *recipe) {
    dipper_field unused;
    for (int i = 0; i < DP_FIELDS; i++) dp_recipe_field(&recipe->values, i, &unused, recipe->text[i]);
}

dipper_status dipper_recipe_create(dipper_context *context, const char *name, dipper_recipe **out) {
    if (context == NULL || out == NULL) return DIPPER_ERROR_ARGUMENT;
    *out = NULL;
    if (name == NULL) return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "recipe name is NULL");
    dipper_recipe *recipe = dp_alloc(1, sizeof *recipe);
    if (recipe == NULL) return dp_fail(&context->diag, DIPPER_ERROR_MEMORY, "out of memory for a recipe");
    const dipper_status status = dp_recipe_init(name, &context->diag, &recipe->values);
    refresh(recipe);
    if (status != DIPPER_OK)
        dp_free(recipe);
    else
        *out = recipe;
    return status;
}

void dipper_recipe_destroy(dipper_recipe **recipe) {
    if (recipe == NULL) return;
    dp_free(*recipe);
    *recipe = NULL;
}

dipper_status dipper_recipe_set(dipper_context *context, dipper_recipe *recipe, const char *field, const char *value) {
    if (context == NULL) return DIPPER_ERROR_ARGUMENT;
    if (recipe == NULL || field == NULL || value == NULL)
        return dp_fail(&context->diag, DIPPER_ERROR_ARGUMENT, "recipe, field or value is NULL");
    const dipper_status status = dp_recipe_set(&recipe->values, field, value, &context->diag);
    refresh(recipe);
    return status;
}

dipper_status dipper_recipe_field(const dipper_recipe *recipe, int index, dipper_field *out) {
    char text[DP_FIELD_TEXT];
    if (recipe == NULL || out == NULL || index < 0 || index >= DP_FIELDS) return DIPPER_ERROR_ARGUMENT;
    dp_recipe_field(&recipe->values, index, out, text);
    out->value = recipe->text[index];
    return DIPPER_OK;
}
