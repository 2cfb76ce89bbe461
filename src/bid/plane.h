/* In which plane of a colour picture is the blur looked for? docs/auto.md */
#ifndef DP_BID_PLANE_H
#define DP_BID_PLANE_H

#include "image/image.h"

/* The luma; or that channel whose gradients are clearly sparser, as where coloured print lacks some words in it, or
 * lamps are not clipped, unless more of it is clipped than of the luma. out: one plane, new; name: "luma", "red",
 * "green" or "blue", static. DIPPER_ERROR_MEMORY. */
dipper_status dp_plane_choose(const dp_image *picture, dp_diag *diag, dp_image *out, const char **name);

#endif
