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
    dp_params *params;  /* NULL where there is nothing to be found */
    dp_value psf;       /* P[kh*kw]; -1 where nothing blurs */
    dp_value z;         /* input of the fully connected network, -1 without one */
    dp_value grid;      /* positions, input of the network of sines, -1 without one */
    int roll_y, roll_x; /* its grid is rolled by so many pixels, and with it the PSF */
    bool borrows;       /* the parameters are another scale's: a function of the position is the same at each */
} dp_psf_net;

/* Adds the PSF to the graph, before it is compiled. first: that of the first scale, or NULL if this is the one. It,
 * recipe and problem are kept. */
dipper_status dp_psf_net_open(dp_psf_net *net, dp_graph *g, dp_backend *be, const dp_problem *problem,
                              const dp_recipe *recipe, double scale, const dp_psf_net *first, dp_diag *diag);
void dp_psf_net_close(dp_psf_net *net);

typedef struct dp_psf_chance { /* a start's own: keys and number of its draws */
    dp_philox_key weights, input;
    uint64_t draw;
} dp_psf_chance;

/* The graph being bound: writes first values: those of `before`, the scale that was done, and its PSF, or where that is
 * NULL the recipe's own. */
dipper_status dp_psf_net_begin(dp_psf_net *net, const dp_psf_chance *chance, const dp_psf_net *before, const float *psf,
                               dp_diag *diag);

/* The logit of a softmax over n pixels that makes this value. A floor of a hundredth of the mean value keeps every
 * pixel within reach of the gradient. */
float dp_psf_logit(float value, size_t n);

/* The graph being bound: rolls the positions of a network of sines so far; nothing to do for others. */
dipper_status dp_psf_net_roll_to(dp_psf_net *net, int roll_y, int roll_x, dp_diag *diag);

bool dp_psf_net_can_centre(const dp_psf_net *net);
/* If the centroid of the last run's PSF is not in the middle, rolls the PSF by whole pixels so that it is. A direct
 * PSF's values move and their Adam moments; a network of sines gets its positions rolled. scratch: 2 kh*kw floats. */
void dp_psf_net_centre(dp_psf_net *net, float *scratch);

#endif
