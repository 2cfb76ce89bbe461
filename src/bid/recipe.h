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
#define STAGES(name, ...) +1
    DP_FIELDS = 0
#include "bid/recipe.def"
#undef INT
#undef REAL
#undef BOOL
#undef CHOICE
#undef LIST
#undef STAGES
};

typedef struct dp_list {
    int count;
    double value[DP_LIST_MAX];
} dp_list;

typedef struct dp_stages { /* what[i] until moment until[i]; the last one has no end */
    int count;
    int what[DP_LIST_MAX];
    double until[DP_LIST_MAX];
} dp_stages;

typedef enum dp_colour { DP_COLOUR_LUMA, DP_COLOUR_RGB } dp_colour; /* these in the order of the choices */
typedef enum dp_psf_model { DP_PSF_FCN, DP_PSF_DIRECT, DP_PSF_SIREN, DP_PSF_FIXED } dp_psf_model;
typedef enum dp_input { DP_INPUT_NOISE, DP_INPUT_FOURIER } dp_input;
typedef enum dp_psf_start {
    DP_START_OWN,
    DP_START_CONSTANT,
    DP_START_RANDOM,
    DP_START_DELTA,
    DP_START_FILE
} dp_psf_start;
typedef enum dp_output { DP_OUTPUT_MEAN, DP_OUTPUT_MEAN_STD } dp_output;
typedef enum dp_prior { DP_PRIOR_NONE, DP_PRIOR_SPARSE, DP_PRIOR_EXTREME } dp_prior;
typedef enum dp_target { DP_TARGET_GIVEN, DP_TARGET_TRUTH } dp_target;
typedef enum dp_loss { DP_LOSS_MSE, DP_LOSS_SSIM, DP_LOSS_ELBO, DP_LOSSES } dp_loss;
typedef enum dp_final { DP_FINAL_NETWORK, DP_FINAL_SPARSE, DP_FINAL_BLEND } dp_final;

typedef struct dp_recipe {
    const char *name;
    bool iterations_told; /* one number for each scale: not to be shared out again when scales change */
#define INT(name, ...) int name;
#define REAL(name, ...) double name;
#define BOOL(name, ...) bool name;
#define CHOICE(name, ...) int name;
#define LIST(name, ...) dp_list name;
#define STAGES(name, ...) dp_stages name;
#include "bid/recipe.def"
#undef INT
#undef REAL
#undef BOOL
#undef CHOICE
#undef LIST
#undef STAGES
} dp_recipe;

int dp_recipe_count(void);
const char *dp_recipe_name(int index);
const char *dp_recipe_summary(int index);

dipper_status dp_recipe_init(const char *name, dp_diag *diag, dp_recipe *out);
dipper_status dp_recipe_set(dp_recipe *recipe, const char *field, const char *value, dp_diag *diag);
/* Rules between fields: as many iterations as scales, the last scale 1, rising. */
dipper_status dp_recipe_check(const dp_recipe *recipe, dp_diag *diag);

/* True once iteration t of so many has come to `moment`, a share of them (up to 1) or a number of iterations. */
bool dp_recipe_reached(double moment, long t, long iterations);
bool dp_recipe_uses(const dp_recipe *recipe, dp_loss loss); /* at some time */
double dp_recipe_prior_weight(const dp_recipe *recipe, long t, long iterations);
int dp_recipe_stage(const dp_stages *stages, long t, long iterations); /* what is on at t */

/* Describes field `index`; its value goes to text as dp_recipe_set would read it. */
void dp_recipe_field(const dp_recipe *recipe, int index, dipper_field *out, char text[DP_FIELD_TEXT]);

#endif
