/* W-DIP's guide (Bredell et al. 2023; METHODS, section 4): a second PSF G of free numbers, fitted beside the first one,
 * and the Wiener image that it makes of the picture given. The network's picture is pulled towards that image, and both
 * PSFs towards each other. */
#ifndef DP_BID_GUIDE_H
#define DP_BID_GUIDE_H

#include "bid/problem.h"

typedef struct dp_guide {
    dp_graph *graph;
    dp_params *params; /* NULL: the recipe has no guide, and the other members mean nothing */
    dp_value psf;      /* P[kh*kw] */
    dp_value latent;   /* P(C,lh,lw) */
    int kh, kw;
} dp_guide;

/* Adds it to the graph, before that is compiled. given: the picture P(C,h,w). */
dipper_status dp_guide_open(dp_guide *guide, dp_graph *g, dp_backend *be, const dp_recipe *recipe,
                            const dp_sizes *sizes, dp_value given, dp_diag *diag);
void dp_guide_close(dp_guide *guide);

/* The graph being bound: G becomes a Gaussian whose standard deviation is a third of the window's sides, as published,
 * so wide that it fits any blur; or `psf` (kh, kw), what a coarser scale found. */
dipper_status dp_guide_begin(dp_guide *guide, const float *psf, dp_diag *diag);

#endif
