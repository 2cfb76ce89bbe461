/* The PSF's part of a stage's graph: a network, free numbers, or what is known; and where its estimate starts. */
#ifndef DP_BID_PSF_NET_H
#define DP_BID_PSF_NET_H

#include "bid/problem.h"

typedef struct dp_psf_net {
    const dp_problem *problem;
    const dp_recipe *recipe;
    double scale;
    int kh, kw;
    dp_graph *graph;
    dp_params *params; /* NULL where there is nothing to be found */
    dp_value psf;      /* P[kh*kw]; -1 where nothing blurs */
    dp_value z;        /* input of the fully connected network, -1 without one */
} dp_psf_net;

/* Adds the PSF to the graph, before it is compiled. recipe and problem are kept. */
dipper_status dp_psf_net_open(dp_psf_net *net, dp_graph *g, dp_backend *be, const dp_problem *problem,
                              const dp_recipe *recipe, double scale, dp_diag *diag);
void dp_psf_net_close(dp_psf_net *net);

typedef struct dp_psf_chance { /* a start's own: keys and number of its draws */
    dp_philox_key weights, input;
    uint64_t draw;
} dp_psf_chance;

/* The graph being bound: writes first values: those of `before`, a PSF of (bh, bw) at before_scale, or where that is
 * NULL the recipe's own. */
dipper_status dp_psf_net_begin(dp_psf_net *net, const dp_psf_chance *chance, const float *before, int bh, int bw,
                               double before_scale, dp_diag *diag);

/* Takes values of the PSF (kh, kw) of the last run to scratch (2 kh*kw floats) and, if its centroid is not in the
 * middle, rolls a direct PSF (values and Adam moments) so that it is. */
void dp_psf_net_centre(dp_psf_net *net, float *scratch);

#endif
