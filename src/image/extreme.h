/* Smallest or largest values of windows, and where they lie: the dark and the bright channel of a grey picture. */
#ifndef DP_IMAGE_EXTREME_H
#define DP_IMAGE_EXTREME_H

#include <stdbool.h>
#include <stddef.h>

/* value(y, x) = the smallest (bright: largest) src within (2 radius + 1) x (2 radius + 1) px around (y, x), cut at the
 * border, and index(y, x) = y'*w + x' where it lies; among equals the first in its row, of the first row. All (h, w).
 * The time does not depend on the radius (van Herk 1992's problem, by a queue of candidates).
 * scratch: dp_extreme_scratch ints. */
void dp_plane_extreme(const float *src, int h, int w, int radius, bool bright, float *value, int *index, int *scratch);

size_t dp_extreme_scratch(int h, int w);

#endif
