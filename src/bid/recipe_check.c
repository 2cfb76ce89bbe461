/* Rules between the fields of a recipe. Each refusal names the two that contradict each other. */
#include <math.h>

#include "bid/recipe.h"

static dipper_status check_scales(const dp_recipe *r, dp_diag *diag) {
    if (r->scales.count != r->iterations.count)
        return dp_fail(
            diag, DIPPER_ERROR_ARGUMENT,
            "iterations and scales contradict each other: %d numbers for %d scales; give one, or one for each",
            r->iterations.count, r->scales.count);
    for (int i = 0; i < r->scales.count; i++) {
        if (r->iterations.value[i] != floor(r->iterations.value[i]))
            return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "iterations: %g is not a whole number", r->iterations.value[i]);
        if (i > 0 && r->scales.value[i] <= r->scales.value[i - 1])
            return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "scales must rise, each larger than the one before");
    }
    if (r->scales.value[r->scales.count - 1] != 1.0)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "the last of scales must be 1 (full size)");
    return DIPPER_OK;
}

dipper_status dp_recipe_check(const dp_recipe *r, dp_diag *diag) {
    const bool fixed = r->psf == DP_PSF_FIXED;
    const struct {
        bool broken;
        const char *why;
    } rules[] = {
        {r->restarts > 1 && r->scales.count == 1,
         "restarts and scales contradict each other: with one scale there is none to choose the start at"},
        {fixed && r->final != DP_FINAL_NETWORK, "psf=fixed and final contradict each other: deconvolution with a known "
                                                "PSF needs no network, set final=network"},
        {fixed && r->psf_start != DP_START_OWN,
         "psf=fixed and psf_start contradict each other: a known PSF does not start anywhere else, set psf_start=own"},
        {dp_recipe_uses(r, DP_LOSS_ELBO) && r->output != DP_OUTPUT_MEAN_STD,
         "loss and output contradict each other: elbo is of a posterior, set output=mean-std"},
        {r->output == DP_OUTPUT_MEAN_STD && !dp_recipe_uses(r, DP_LOSS_ELBO),
         "output and loss contradict each other: nothing but elbo fits the standard deviation, set output=mean"},
        {r->prior != DP_PRIOR_NONE && !dp_recipe_uses(r, DP_LOSS_ELBO) && !dp_recipe_uses(r, DP_LOSS_MSE),
         "prior and loss contradict each other: beside ssim there is no prior"},
        {r->psf == DP_PSF_SIREN && r->psf_start != DP_START_OWN,
         "psf=siren and psf_start contradict each other: a network of sines starts as it is made, set psf_start=own"},
        {r->psf == DP_PSF_SIREN && r->restarts > 1,
         "psf=siren and restarts contradict each other: its weights go on from scale to scale"},
        {r->pretrain == 0 && r->pretrain_target == DP_TARGET_TRUTH,
         "pretrain and pretrain_target contradict each other: without pre-training there is no target"},
        {fixed && r->pretrain > 0 && r->pretrain_psf,
         "psf=fixed and pretrain_psf contradict each other: a known PSF is not fitted"},
        {fixed && r->guide > 0, "psf=fixed and guide contradict each other: with a known PSF no second one is fitted"},
        {r->centre_every > 0 && r->guide > 0,
         "guide and centre_every contradict each other: only one of both PSFs would be rolled, set centre_every=0"},
        {r->average == 0 && r->stop_noise > 0,
         "average and stop_noise contradict each other: the rule looks at averages, and average is 0"},
        {r->average == 0 && r->stop_patience > 0,
         "average and stop_patience contradict each other: the rule looks at averages, and average is 0"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].broken) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%s", rules[i].why);
    return check_scales(r, diag);
}
