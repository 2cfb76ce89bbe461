/* One scale of a run: what was given at that size, its graph, and its PSF parameters. The image network's parameters
 * are shared by all stages of a solver; the arena as well. */
#ifndef DP_BID_STAGE_H
#define DP_BID_STAGE_H

#include "bid/guide.h"
#include "bid/objective.h"
#include "bid/psf_net.h"

typedef struct dp_seeds { /* of the sources of chance */
    uint64_t run, weights, input;
} dp_seeds;

typedef struct dp_stage {
    dp_backend *be;
    const dp_problem *problem;
    int number; /* of the scale */
    double scale;
    long iterations, pretrain;
    dp_sizes at;
    int channels;   /* of the latent picture */
    float *given;   /* (channels, h, w) */
    float *weights; /* (h, w); NULL: all pixels count */
    dp_seeds seeds;
    int attempt; /* of several starts; each has its own noise */
    dp_graph *graph;
    dp_value input;
    dp_views view;
    dp_psf_net psf;
    dp_guide guide;
    dp_objective objective;
    char name[24]; /* "scale 1/4" */
    struct {
        bool begun;
        long t, changes;
        uint64_t counter; /* before it */
    } ahead;              /* the next iteration's run, begun already */
} dp_stage;

/* image_params gets the network's weights (shared by name). first: the stage 0, where this is another. It and the
 * problem are kept. */
dipper_status dp_stage_open(dp_stage *stage, dp_backend *be, const dp_recipe *recipe, int number,
                            const dp_problem *problem, const dp_stage *first, const dp_seeds *seeds,
                            dp_params *image_params, dp_diag *diag);
void dp_stage_close(dp_stage *stage);

/* Binds the graph to the arena, sets inputs, and the PSF: from `psf`, the result of the stage `before`, or the recipe's
 * own start where that is NULL. */
dipper_status dp_stage_begin(dp_stage *stage, const dp_recipe *recipe, void *arena, const dp_stage *before,
                             const float *psf, dp_diag *diag);

/* Parameters fitted beside the image network's: the PSF's and the guide's; NULL where the recipe has none. */
enum { DP_STAGE_PARAMS = 2 };
dp_params *dp_stage_params(const dp_stage *stage, int i);

typedef struct dp_turn { /* of the loop */
    long t;              /* iteration of this stage, from 0; below: pre-training */
    long image_t, psf_t; /* steps of Adam since its moments were reset */
    double rate;         /* of the recipe's learning rates, below 1 after a recovery */
} dp_turn;

/* One iteration: forward, loss, backward, Adam; a gradient with NaN or infinity is not followed, and *skipped says so.
 * Returns the loss. */
double dp_stage_iterate(dp_stage *stage, const dp_recipe *recipe, dp_params *image_params, const dp_turn *turn,
                        bool *skipped);

/* Where a device works by itself: lets it begin on forward, losses and backward of iteration t, the next, while the
 * host is busy. What dp_stage_read... and dp_graph_read give is lost with it. Nothing that is done to the parameters in
 * between is lost: the run is then made again. */
void dp_stage_go_ahead(dp_stage *stage, const dp_recipe *recipe, const dp_params *image_params, long t);

/* False while the PSF is held as it started (psf_from). */
bool dp_stage_moves_psf(const dp_stage *stage, const dp_recipe *recipe, long t);

/* Of a posterior: the last iteration's standard deviation (channels, lh, lw). */
void dp_stage_read_std(const dp_stage *stage, float *std);
/* The last iteration's latent picture (channels, lh, lw) and PSF (kh, kw; 1 where nothing blurs). */
void dp_stage_read(const dp_stage *stage, float *latent, float *psf);

/* The reported part of a latent picture, (channels, oh, ow): what lies under the picture given once the PSF's centroid
 * is moved to the middle. */
void dp_stage_crop(const dp_stage *stage, const float *latent, const float *psf, float *out);

size_t dp_stage_latent_count(const dp_stage *stage);
size_t dp_stage_given_count(const dp_stage *stage);
size_t dp_stage_psf_count(const dp_stage *stage);

#endif
