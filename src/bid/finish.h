/* The last step of a run: the PSF found is cleaned and centred, and the picture restored once more from the blurred one
 * with a sparse gradient prior. The median distance of network outputs from the known-PSF oracle is about 1.5 dB: this
 * step takes most of it (METHODS, section 8). */
#ifndef DP_BID_FINISH_H
#define DP_BID_FINISH_H

#include "backend/backend.h"
#include "bid/recipe.h"

typedef struct dp_finish dp_finish;

dipper_status dp_finish_open(dp_backend *be, int height, int width, int kh, int kw, dp_diag *diag, dp_finish **out);
void dp_finish_close(dp_finish *finish); /* NULL is fine */

/* blurred (height, width), psf (kh, kw) as the network left it; picture (height, width): in, the network's output with
 * the PSF's centroid in the middle; out, the result of recipe->final. */
dipper_status dp_finish_run(dp_finish *finish, const dp_recipe *recipe, const float *blurred, double noise_sigma,
                            const float *psf, float *picture, int (*progress)(int done, int of, void *user), void *user,
                            dp_diag *diag);

const float *dp_finish_psf(const dp_finish *finish); /* (kh, kw) used by the last run */
size_t dp_finish_bytes(const dp_finish *finish);
double dp_finish_work(const dp_recipe *recipe); /* in network iterations, roughly, for the forecast */

#endif
