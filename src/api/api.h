/* What the bodies of the exported functions share. */
#ifndef DP_API_API_H
#define DP_API_API_H

#include "backend/backend.h"
#include "bid/recipe.h"
#include "dipper/dipper.h"

struct dipper_context {
    dp_backend *be;
    dp_diag diag;
};

struct dipper_recipe {
    dp_recipe values;
    char text[DP_FIELDS][DP_FIELD_TEXT]; /* the values as text */
};

#endif
