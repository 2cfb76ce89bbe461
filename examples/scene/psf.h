/* The PSF of a shaken camera, for the demo's picture. SPDX-License-Identifier: Apache-2.0 */
#ifndef EXAMPLES_SCENE_PSF_H
#define EXAMPLES_SCENE_PSF_H

#include "study/scene.h"

/* A shaken camera's path in a size x size window, centroid in the middle, sum 1. */
void psf_draw(float *psf, int size, scene_rng *rng);

#endif
