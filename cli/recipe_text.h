/* Recipes for people. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_RECIPE_TEXT_H
#define DIPPER_CLI_RECIPE_TEXT_H

#include "dipper/dipper.h"

#include <stdio.h>

/* One line a field: name = value, then what it means, its range and unit behind a #. */
void recipe_print(const dipper_recipe *recipe, FILE *stream);

/* Whether the field has that value, as text. */
int recipe_has(const dipper_recipe *recipe, const char *name, const char *value);

int recipe_is_known(const char *name);
/* One line on stderr: the recipe's name is not known, these are. */
void recipe_say_unknown(const char *option, const char *name);

#endif
