/* When a run has done enough, and which of its pictures is the result.
 *
 * A network learns a picture before it learns the noise in it. Two rules find the moment in between; both look at the
 * sliding average of the last scale's outputs, when a block of it is whole:
 *   noise     what the camera makes of the average differs from what was given by as much as the noise does
 *             (discrepancy principle)
 *   variance  the outputs' variance over the window has had its minimum (Wang et al. 2021, "Early stopping for deep
 *             image prior"); the average of that moment is the result */
#ifndef DP_BID_STOPPING_H
#define DP_BID_STOPPING_H

#include "bid/average.h"
#include "bid/recipe.h"

typedef struct dp_stopping dp_stopping;

typedef enum dp_stop { DP_STOP_NOT, DP_STOP_NOISE, DP_STOP_VARIANCE } dp_stop;

typedef struct dp_stopping_data {
    long iterations;     /* planned for the last scale */
    size_t latent, seen; /* floats of a latent picture, and of what the camera makes of it */
    const float *given;  /* of `seen` floats, kept */
    const float *weight; /* 0: not compared; `plane` floats for each channel, kept; NULL: all are */
    size_t plane;
    double noise_sigma;
} dp_stopping_data;

/* recipe: only read during the call. */
dipper_status dp_stopping_open(const dp_recipe *recipe, const dp_stopping_data *data, dp_diag *diag, dp_stopping **out);
void dp_stopping_close(dp_stopping *stopping); /* NULL is fine */

bool dp_stopping_sees(const dp_stopping *stopping); /* add wants what the camera made */
/* After each iteration of the last scale; seen may be NULL unless wanted. */
dp_stop dp_stopping_add(dp_stopping *stopping, const float *latent, const float *seen);

/* Forgets all pictures; the run goes on from iteration t of the last scale. NULL is fine. */
void dp_stopping_rewind(dp_stopping *stopping, long t);

/* The result so far: an average of late pictures. False: there is none, the last picture is as good. */
bool dp_stopping_read(const dp_stopping *stopping, float *latent);
/* Standard deviation of each value over the pictures that were averaged. False: there is none. */
bool dp_stopping_deviation(const dp_stopping *stopping, float *mean, float *deviation);
void dp_stopping_archive(dp_stopping *stopping, dp_archive *archive); /* NULL is fine */
size_t dp_stopping_bytes(const dp_stopping *stopping);
const char *dp_stop_name(dp_stop stop); /* "iterations" (all that were planned), "noise", "variance" */

#endif
