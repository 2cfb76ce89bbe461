/* Results that are broken, seen from the picture and the PSF alone. A rule must not fire on a healthy run, also a short
 * one: a picture with no contrast left, a PSF that was spread and is one pixel now, one that had a shape and is flat
 * now. */
#ifndef DP_BID_WATCH_H
#define DP_BID_WATCH_H

#include <stdbool.h>
#include <stddef.h>

typedef enum dp_trouble {
    DP_TROUBLE_NONE,
    DP_TROUBLE_NAN,
    DP_TROUBLE_CONSTANT,
    DP_TROUBLE_DELTA,
    DP_TROUBLE_FLAT,
} dp_trouble;

const char *dp_trouble_text(dp_trouble trouble); /* "the picture became constant" ...; "" for none */

typedef struct dp_watch {
    double contrast;  /* standard deviation of the picture given */
    bool had_shape;   /* the PSF's largest value has been well above the mean */
    bool began_sharp; /* it was nearly one pixel from the start */
} dp_watch;

/* given: the picture to be explained. psf: kh*kw values as the run begins, or 1 where there is none to be found. */
void dp_watch_begin(dp_watch *watch, const float *given, size_t count, const float *psf, size_t psf_count);
/* latent: count values. */
dp_trouble dp_watch_look(dp_watch *watch, const float *latent, size_t count, const float *psf, size_t psf_count);

#endif
