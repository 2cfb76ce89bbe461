/* Sliding mean and variance of a run's pictures. Pictures are gathered in blocks; the window is the last few whole
 * blocks and the one in progress, so that it costs a few pictures of memory however long it is. */
#ifndef DP_BID_AVERAGE_H
#define DP_BID_AVERAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/archive.h"
#include "base/diag.h"

typedef struct dp_average dp_average;

/* Of pictures of `count` floats; window: how many pictures, >= 1. Where pictures are added `total` times in all, the
 * window ends with a whole block and has exactly `window` of them. */
dipper_status dp_average_open(size_t count, long window, long total, dp_diag *diag, dp_average **out);
void dp_average_close(dp_average *average); /* NULL is fine */

void dp_average_reset(dp_average *average, long total); /* empty again, as if opened with this total */
void dp_average_add(dp_average *average, const float *picture);
bool dp_average_whole(const dp_average *average); /* a block has just ended, and the window is full */

/* Mean and, where deviation is not NULL, standard deviation of each value over the window, but only over the later half
 * of what was added: early pictures are no estimates. False if there is nothing to take the mean of. */
bool dp_average_read(const dp_average *average, float *mean, float *deviation);
/* Mean over all values of the variance over the window. */
double dp_average_variance(const dp_average *average);
void dp_average_archive(dp_average *average, dp_archive *archive);
size_t dp_average_bytes(const dp_average *average);

#endif
