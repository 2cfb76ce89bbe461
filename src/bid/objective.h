/* The losses of a recipe on one graph, and which of them are on, with what weights, at an iteration (METHODS, sections
 * 4 and 5). */
#ifndef DP_BID_OBJECTIVE_H
#define DP_BID_OBJECTIVE_H

#include "bid/problem.h"

typedef struct dp_views { /* what a stage's graph has; -1: it has none */
    dp_value mean, std;   /* latent picture P(C,lh,lw), and standard deviation of each pixel */
    dp_value psf;         /* P[kh*kw] that is to be found */
    dp_value seen;        /* what the camera makes of the mean, P(C,h,w) */
    dp_value sample_seen; /* ... of a sample of the posterior */
    dp_value target;      /* what was given */
    dp_value mask;        /* P(1,h,w): weights of its pixels */
    dp_value early;       /* pre-training: what the latent picture is to be, P(C,lh,lw) */
    dp_value guide;       /* W-DIP: the Wiener image P(C,lh,lw) that pulls it, */
    dp_value guide_psf;   /* and the second PSF P[kh*kw] */
    dp_value reported;    /* P(1,lh,lw): 1 where the latent picture is reported; both are compared there alone */
} dp_views;

typedef struct dp_objective { /* the graph's numbers of losses; -1: not in the recipe */
    int loss[DP_LOSSES];
    int log_std, psf_energy, prior;       /* beside the data's */
    int early_mean, early_std, early_psf; /* pre-training */
    int guide, guide_psf, guide_energy;   /* W-DIP */
    double elbo_share;                    /* pixels of the picture given over those of the latent one */
    double reported_share;                /* latent pixels over those that are reported */
    int psf_count;
} dp_objective;

/* run: key's seed for the numbers drawn inside a prior. */
void dp_objective_build(dp_objective *objective, const dp_recipe *recipe, dp_graph *g, const dp_views *views,
                        const dp_sizes *sizes, uint64_t seed);

/* Switches to the losses of iteration t of so many; t below 0: pre-training. */
void dp_objective_set(const dp_objective *objective, const dp_recipe *recipe, dp_graph *g, long t, long iterations);

#endif
