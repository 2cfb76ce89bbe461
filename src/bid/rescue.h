/* Broken results during a run (watch.h): back to a good state with lower learning rates, at most twice. What breaks
 * does so over some time, so the last state that looked good may be too late: the first time the one before it is
 * taken, the second time the beginning of the stage. */
#ifndef DP_BID_RESCUE_H
#define DP_BID_RESCUE_H

#include "bid/stage.h"
#include "bid/watch.h"

enum { DP_STATE_BEGIN, DP_STATE_BEFORE, DP_STATE_LAST, DP_STATES };

typedef struct dp_rescue {
    bool enabled;
    int recoveries;
    long skipped;       /* steps whose gradient held NaN, all together */
    int in_a_row;       /* ... the last ones */
    dp_trouble trouble; /* as last seen */
    dp_watch watch;
    float *state[DP_STATES]; /* weights of the picture's network, then of the PSF's ... */
    long state_t[DP_STATES]; /* ... after so many iterations of this stage */
} dp_rescue;

dipper_status dp_rescue_open(dp_rescue *rescue, const dp_stage *stages, int count, const dp_params *image_params,
                             dp_diag *diag);
void dp_rescue_close(dp_rescue *rescue);

/* A stage begins: its state is good. */
void dp_rescue_begin(dp_rescue *rescue, const dp_stage *stage, const dp_params *image_params, long t);

/* After iteration t of the stage (counted from 1): looks now and then; keeps the state if it is good. */
dp_trouble dp_rescue_look(dp_rescue *rescue, const dp_stage *stage, const dp_params *image_params, double loss,
                          bool skipped, long t, const float *latent, const float *psf);

/* Goes back: weights, moments, turn. False: not any more, or not wanted. */
bool dp_rescue_go_back(dp_rescue *rescue, const dp_stage *stage, dp_params *image_params, dp_turn *turn);

/* stage: the one at work; NULL between two of them, when there is nothing to go back to. */
void dp_rescue_archive(dp_rescue *rescue, const dp_stage *stage, const dp_params *image_params, dp_archive *archive);

#endif
