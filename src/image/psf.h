/* PSFs: packed float arrays (kh, kw) of odd sides, centre (kh/2, kw/2), convolution convention (METHODS, section 1). */
#ifndef DP_IMAGE_PSF_H
#define DP_IMAGE_PSF_H

#include <stdbool.h>

#include "base/diag.h"

typedef enum dp_psf_edge { DP_PSF_ROLL, DP_PSF_ZERO } dp_psf_edge; /* what a shift brings in: the other side, or 0 */

/* Divides by the sum. False, and unchanged, if an element is not finite or the sum is not above 0. */
bool dp_psf_normalise(float *psf, int kh, int kw);

/* Centroid relative to the centre, in pixels, of the positive values. 0, 0 if there are none. */
void dp_psf_centroid(const float *psf, int kh, int kw, double *dy, double *dx);

/* dst(i, j) = src(i - dy, j - dx). dst != src. */
void dp_psf_shift(const float *src, int kh, int kw, int dy, int dx, dp_psf_edge edge, float *dst);

/* dst (dst_side, dst_side) = src (side, side), the middles together; what is missing is 0, what has no room is lost.
 * Both sides odd. */
void dp_psf_place(const float *src, int side, float *dst, int dst_side);

/* Moves the centroid to within half a pixel of the centre, in place, and says by how much the content moved (shift_y,
 * shift_x; add to earlier shifts). The picture that goes with it moves the other way: dp_plane_shift(latent, ...,
 * -shift_y, -shift_x, ...), best on the larger latent picture before its crop. DP_PSF_ZERO does not renormalise.
 * scratch (kh, kw). */
void dp_psf_centre(float *psf, int kh, int kw, dp_psf_edge edge, float *scratch, int *shift_y, int *shift_x);

/* Sets to 0 what is below `fraction` of the maximum, then every 8-connected island that holds less than `island` of
 * the remaining mass (the heaviest is always kept), then normalises. scratch: kh*kw ints.
 * Returns the share of the mass that was cut (0..1); unchanged if nothing is positive. */
double dp_psf_cut(float *psf, int kh, int kw, double fraction, double island, int *scratch);

/* out (kh, kw) = what of psf lies in its bodies, which dp_psf_cut(fraction, island) would leave, or beside them (8
 * neighbours), normalised: their soft edges stay, unlike there. out != psf. scratch: kh*kw ints. */
void dp_psf_keep_bodies(const float *psf, int kh, int kw, double fraction, double island, int *scratch, float *out);

/* Resamples src (kh, kw) by scale (dst pixels per src pixel; centres stay aligned) into dst (kho, kwo), cuts negative
 * values, normalises. DIPPER_ERROR_MEMORY; DIPPER_ERROR_INTERNAL if nothing positive is left. */
dipper_status dp_psf_resample(const float *src, int kh, int kw, double scale, dp_diag *diag, float *dst, int kho,
                              int kwo);

/* The odd size that holds a PSF of `size` px at `scale`: at least 3, rounded up. */
int dp_psf_scaled_size(int size, double scale);

/* Convolution <-> correlation kernel, in place. */
void dp_psf_rotate180(float *psf, int kh, int kw);

#endif
