/* Colour: BT.601, full range, on gamma-encoded values as they are. Cb and Cr are centred on 0:
 * Y = 0.299 R + 0.587 G + 0.114 B, Cb = (B - Y)/1.772, Cr = (R - Y)/1.402. */
#ifndef DP_IMAGE_COLOUR_H
#define DP_IMAGE_COLOUR_H

#include "image/image.h"

/* luma (H, W), caller's memory; a grey picture is copied. */
void dp_luma(const dp_image *image, float *luma);
dipper_status dp_luma_image(const dp_image *image, dp_diag *diag, dp_image *out);

/* In place, 3 channels: R, G, B <-> Y, Cb, Cr. */
void dp_rgb_to_ycbcr(dp_image *image);
void dp_ycbcr_to_rgb(dp_image *image);

/* The chroma of image with another luma (H, W), in place; a grey picture becomes the luma. */
void dp_replace_luma(dp_image *image, const float *luma);

#endif
