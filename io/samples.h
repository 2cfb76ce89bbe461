/* Between the samples of files and planar float. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_SAMPLES_H
#define DIPPER_IO_SAMPLES_H

#include <stddef.h>

/* How a file holds its samples: 8/16 bit mean v/255 and v/65535; float and double are as they are. */
typedef enum io_depth { IO_DEPTH_U8, IO_DEPTH_U16, IO_DEPTH_F32, IO_DEPTH_F64 } io_depth;

size_t depth_bytes(io_depth depth);
const char *depth_text(io_depth depth); /* "8 bit", "16 bit", "32-bit float", "64-bit float" */

/* One plane of n samples from a packed array with `bands` samples a pixel. */
void samples_unpack(float *plane, const void *packed, io_depth depth, size_t n, int bands, int band);

/* The way back: rounded to nearest, clipped to the depth's range (floats are left as they are; NaN becomes 0). */
void samples_pack(void *packed, const float *plane, io_depth depth, size_t n, int bands, int band);

/* How many of n pixels have a channel that samples_pack would clip; planar, `channels` planes of n. */
size_t samples_clipped(const float *planes, io_depth depth, size_t n, int channels);

#endif
