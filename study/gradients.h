/* Distributions of gradients and the priors that fit them, as a drawing or as numbers. SPDX-License-Identifier:
 * Apache-2.0
 */
#ifndef DIPPER_STUDY_GRADIENTS_H
#define DIPPER_STUDY_GRADIENTS_H

#include "dipper/dipper.h"
#include "io/io.h"

typedef struct gradient_curve { /* of one picture */
    const char *name;           /* borrowed */
    dipper_gradient_prior prior;
    double density[DIPPER_GRADIENT_BINS];
} gradient_curve;

/* Density of the fit at a gradient. */
double gradients_fitted(const gradient_curve *curve, double gradient);

/* One drawing (SVG): log10 p(g) of all curves, measured, fitted, and the Gaussian of the same fit. Whole or not at all.
 */
dipper_status gradients_draw(const gradient_curve *curves, int count, const char *path, int overwrite, io_error *error);

/* A line a bin that holds something: picture, gradient, and the densities measured, fitted, of Laplace, of Gauss. */
dipper_status gradients_write_csv(const gradient_curve *curves, int count, const char *path, int overwrite,
                                  io_error *error);

#endif
