/* The losses of a recipe on one graph, and which of them are on at an iteration. */
#ifndef DP_BID_OBJECTIVE_H
#define DP_BID_OBJECTIVE_H

#include "bid/recipe.h"
#include "nn/graph.h"

typedef struct dp_objective {
    int loss[DP_LOSSES]; /* the graph's numbers; -1: not in the recipe */
} dp_objective;

/* seen: what the camera makes of the latent picture; target: what was given. Both P(C,h,w). mask P(1,h,w), -1: all
 * pixels count. */
void dp_objective_build(dp_objective *objective, const dp_recipe *recipe, dp_graph *g, dp_value latent, dp_value seen,
                        dp_value target, dp_value mask);

/* Switches to the losses of iteration t of so many. */
void dp_objective_set(const dp_objective *objective, const dp_recipe *recipe, dp_graph *g, long t, long iterations);

#endif
