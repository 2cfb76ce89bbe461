/* A method is a recipe: the fields of recipe.def with their values. */
#ifndef DP_BID_RECIPE_H
#define DP_BID_RECIPE_H

#include <stdbool.h>

#include "base/diag.h"
#include "dipper/dipper.h"

enum { DP_LIST_MAX = 8, DP_FIELD_TEXT = 96 };

/* Number of fields. */
enum {
#define INT(name, ...) +1
#define REAL(name, ...) +1
#define BOOL(name, ...) +1
#define CHOICE(name, ...) +1
#define LIST(name, ...) +1
    DP_FIELDS = 0
#include "bid/recipe.def"
#undef INT
#undef REAL
#undef BOOL
#undef CHOICE
#undef LIST
};

typedef struct dp_list {
    int count;
    double value[DP_LIST_MAX];
} dp_list;

typedef enum dp_psf_model { DP_PSF_FCN, DP_PSF_DIRECT } dp_psf_model; /* order of the choices */
typedef enum dp_final { DP_FINAL_NETWORK, DP_FINAL_SPARSE, DP_FINAL_BLEND } dp_final;

typedef struct dp_recipe {
    const char *name;
#define INT(name, ...) int name;
#define REAL(name, ...) double name;
#define BOOL(name, ...) bool name;
#define CHOICE(name, ...) int name;
#define LIST(name, ...) dp_list name;
#include "bid/recipe.def"
#undef INT
#undef REAL
#undef BOOL
#undef CHOICE
#undef LIST
} dp_recipe;

int dp_recipe_count(void);
const char *dp_recipe_name(int index);
const char *dp_recipe_summary(int index);

dipper_status dp_recipe_init(const char *name, dp_diag *diag, dp_recipe *out);
dipper_status dp_recipe_set(dp_recipe *recipe, const char *field, const char *value, dp_diag *diag);
/* Rules between fields: as many iterations as scales, the last scale 1, rising. */
dipper_status dp_recipe_check(const dp_recipe *recipe, dp_diag *diag);

/* Describes field `index`; its value goes to text as dp_recipe_set would read it. */
void dp_recipe_field(const dp_recipe *recipe, int index, dipper_field *out, char text[DP_FIELD_TEXT]);

#endif
