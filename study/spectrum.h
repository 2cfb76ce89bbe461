/* Spectra of pictures in bands of frequency, by the sums that define them: for pictures of some hundred pixels a side.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_SPECTRUM_H
#define DIPPER_STUDY_SPECTRUM_H

#include "io/io.h"

enum { SPECTRUM_BANDS = 5 };
extern const double spectrum_edges[SPECTRUM_BANDS + 1]; /* cycles a pixel; what is finer belongs to none */

typedef struct spectrum { /* of a windowed picture: height x width complex numbers */
    double *re, *im;
    int width, height;
} spectrum;

/* Of the picture (height x width) under Hann's window, without its mean, which the window would spread over its
 * neighbours. spectrum_free it, also after a failure. */
dipper_status spectrum_make(const float *picture, int width, int height, spectrum *s, io_error *error);
void spectrum_free(spectrum *s);

/* How much of the wanted picture is there, in each band: sum Re(F conj W) / sum |W|^2. Of one size. */
void spectrum_compare(const spectrum *f, const spectrum *wanted, double share[SPECTRUM_BANDS]);

#endif
