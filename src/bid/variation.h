/* Small changes of an estimated PSF, each against one of the errors that estimates have: to be tried, and kept where
 * they explain more. docs/auto.md */
#ifndef DP_BID_VARIATION_H
#define DP_BID_VARIATION_H

#include <stdbool.h>

/* The first DP_VARIATION_CRUMBS take away what lies far from the PSF's bodies, the more certain ones of large errors.
 */
enum { DP_VARIATION_CRUMBS = 2, DP_VARIATIONS = 5 };

/* out (side, side), sum 1 = the which-th variation, 0 to DP_VARIATIONS - 1, of psf (side, side), odd, not negative,
 * sum 1. False: it is hardly another one. out != psf. scratch: side*side ints. */
bool dp_psf_vary(int which, const float *psf, int side, int *scratch, float *out);

#endif
