/* What is fitted. The network makes a latent picture; a camera takes it to what was given; the losses compare. A
 * problem is the camera and the data at full size; a stage sees them at its scale.
 *
 *   task      latent picture          camera                              reported
 *   deblur    (h+kh-1, w+kw-1)        blur by the PSF, valid part         its centre, (h, w)
 *   denoise   (h, w)                  none                                all of it
 *   superres  (f*h, f*w)              made smaller by Lanczos' filter     all of it
 *   inpaint   (h, w)                  none; known pixels are compared     all of it, known pixels as given
 *
 * A further task is a row here: a value of dipper_task, its sizes in dp_problem_sizes, its op in dp_problem_camera, its
 * rules in dp_problem_open. */
#ifndef DP_BID_PROBLEM_H
#define DP_BID_PROBLEM_H

#include "bid/recipe.h"
#include "image/image.h"
#include "nn/graph.h"

typedef struct dp_problem {
    dipper_task task;
    dp_image given; /* the picture to be explained: luma, or all channels if the recipe says so */
    dp_image truth; /* of pre-training in studies, in the same channels; else empty */
    int factor;     /* f of superres; else 1 */
    float *known;   /* inpaint: (h, w), 0 where a pixel is missing; else NULL */
    int kh, kw;     /* PSF window at full size; 1 x 1 where nothing blurs */
    bool psf_known;
    float *psf; /* (kh, kw), sum 1, if it is known, or where its estimate starts; else NULL */
} dp_problem;

/* Refuses pictures, PSFs and sizes without meaning, and tasks that contradict the recipe. options is only read. */
dipper_status dp_problem_open(dp_problem *problem, const dp_image *picture, const dp_recipe *recipe,
                              const dipper_solver_options *options, dp_diag *diag);
void dp_problem_close(dp_problem *problem);

bool dp_problem_blurs(const dp_problem *problem); /* there is a PSF, known or to be found */
bool dp_problem_finds_psf(const dp_problem *problem);
bool dp_problem_is_masked(const dp_problem *problem); /* not all of what the camera makes is compared */

typedef struct dp_sizes { /* at one scale, in pixels */
    int h, w;             /* what was given */
    int kh, kw;           /* PSF */
    int lh, lw;           /* latent picture */
    int oh, ow;           /* the part of it that is reported, */
    int oy, ox;           /* and where it begins, the PSF's centroid being in the middle */
} dp_sizes;

dp_sizes dp_problem_sizes(const dp_problem *problem, double scale);

/* At that scale: all channels of a picture, (h, w) there. */
dipper_status dp_problem_picture_at(const dp_image *picture, int h, int w, double scale, dp_diag *diag, float *out);
/* At that scale: what was given (channels, h, w), and the PSF told (kh, kw). */
dipper_status dp_problem_given_at(const dp_problem *problem, double scale, dp_diag *diag, float *given);
dipper_status dp_problem_psf_at(const dp_problem *problem, double scale, dp_diag *diag, float *psf);

/* Weights (h, w) of the pixels where the problem is masked: 0, or the same everywhere so that their mean is 1. */
void dp_problem_weights(const dp_problem *problem, float *weights);

/* latent P(C,lh,lw) as the camera sees it, P(C,h,w). psf P[kh*kw]; -1 where nothing blurs. */
dp_value dp_problem_camera(const dp_problem *problem, const dp_sizes *sizes, dp_graph *g, dp_value latent,
                           dp_value psf);

#endif
