/* Fourier transforms of real planes, the only place with FFTW. In a build without it no function with a
 * body elsewhere exists (DP_WITH_FFTW), and sources that use it end in _fft.c.
 *
 * A 2-D transform is made of FFTW's 1-D ones, over rows and over groups of 8 columns, so that threads share each
 * transform, and so that callers may skip empty rows or do all their work on a group while it is in the cache. Plans
 * are FFTW_ESTIMATE: timing-based ones would change the last bits. The number of threads changes no bit. */
#ifndef DP_FOURIER_FOURIER_H
#define DP_FOURIER_FOURIER_H

#include <complex.h>
#include <stddef.h>

#include "base/diag.h"

enum { DP_FFT_COLUMNS = 8 }; /* columns per group: one cache line of complex numbers */

/* Plane (rows, columns) -> spectrum (rows, stride), the half with non-negative horizontal frequencies: element
 * (u, v), v <= columns/2, lies at u*stride + v; what follows up to stride is 0. */
typedef struct dp_fft {
    int rows, columns;
    int groups;    /* of columns of the spectrum */
    size_t stride; /* complex numbers per row of the spectrum: groups * DP_FFT_COLUMNS */
    size_t size;   /* complex numbers per spectrum */
    int threads;   /* may be lowered */
    void *plans[4];
    int rooms; /* one for each thread that it was made for: */
    float complex *room;
} dp_fft;

/* The next size >= n of 2^a with a >= 3, or 3, 5 or 25 times that: with FFTW_ESTIMATE others cost so much more per
 * pixel that even a larger picture of these sizes is faster (docs/performance.md). Needs no FFTW. */
static inline int dp_fft_good_size(int n) {
    for (n = (n + 7) / 8 * 8;; n += 8) {
        int odd = n;
        while (odd % 2 == 0) odd /= 2;
        if (odd == 1 || odd == 3 || odd == 5 || odd == 25) return n;
    }
}

/* Any size; rows of planes are expected at multiples of 16 bytes if columns is a multiple of 4, spectra always
 * (dp_alloc gives them). DIPPER_ERROR_MEMORY. */
dipper_status dp_fft_create(int rows, int columns, int threads, dp_diag *diag, dp_fft **out);
void dp_fft_destroy(dp_fft **fft); /* NULL is fine */

/* Whole transforms. backward destroys the spectrum and divides by rows*columns, so that it undoes forward. */
void dp_fft_forward(const dp_fft *fft, const float *plane, float complex *spectrum);
void dp_fft_backward(const dp_fft *fft, float complex *spectrum, float *plane);

/* Their parts, for callers with their own loops: one row, or the group of columns that begins at `at`, in place.
 * row_backward destroys its spectrum; nothing is divided. For one team of threads, as many as it was made for. */
void dp_fft_row_forward(const dp_fft *fft, const float *row, float complex *out);
void dp_fft_row_backward(const dp_fft *fft, float complex *in, float *row);
void dp_fft_columns_forward(const dp_fft *fft, float complex *at);
void dp_fft_columns_backward(const dp_fft *fft, float complex *at);

#endif
