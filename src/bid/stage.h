/* One scale of a run: the picture at that size, its graph, and its PSF parameters. The image network's parameters are
 * shared by all stages of a solver; the arena as well. */
#ifndef DP_BID_STAGE_H
#define DP_BID_STAGE_H

#include "bid/recipe.h"
#include "image/image.h"
#include "nn/graph.h"

typedef struct dp_stage {
    dp_backend *be;
    int number; /* of the scale */
    double scale;
    long iterations;
    int h, w;   /* blurred picture at this scale */
    int kh, kw; /* PSF window */
    int lh, lw; /* latent picture: h+kh-1, w+kw-1 */
    float *blurred;
    uint64_t seed;
    int attempt; /* of several starts; each has its own noise */
    dp_params *psf_params;
    dp_graph *graph;
    dp_value input, target, latent, psf, z; /* z: input of the fully connected PSF network, -1 without one */
    int mse, ssim;                          /* losses */
    char name[24];                          /* "scale 1/4" */
} dp_stage;

/* blurred: full-size luma (height, width). image_params gets the network's weights (shared by name). */
dipper_status dp_stage_open(dp_stage *stage, dp_backend *be, const dp_recipe *recipe, int number, const dp_image *luma,
                            int window_h, int window_w, uint64_t seed, dp_params *image_params, dp_diag *diag);
void dp_stage_close(dp_stage *stage);

/* Binds the graph to the arena, sets inputs, and the PSF: from `psf`, the result of the stage `before`, or the recipe's
 * own start where that is NULL. */
dipper_status dp_stage_begin(dp_stage *stage, void *arena, const dp_stage *before, const float *psf, dp_diag *diag);

/* Iteration t (from 0) of this stage: forward, loss, backward, Adam; image_t counts since the image network's moments
 * were reset. Returns the loss. */
double dp_stage_iterate(dp_stage *stage, const dp_recipe *recipe, dp_params *image_params, long t, long image_t);

/* Rolls a direct PSF (values and Adam moments) so that its centroid is in the middle. scratch: 2 kh*kw floats. */
void dp_stage_centre(dp_stage *stage, float *scratch);

#endif
