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
    int threads;
    void *plans[4];
} dp_fft;

/* The next size >= n that is a multiple of 8 with no prime factor above 7. Needs no FFTW. */
static inline int dp_fft_good_size(int n) {
    for (n = (n + 7) / 8 * 8;; n += 8) {
        int rest = n / 8;
        for (int f = 2; f <= 7; f++)
            while (rest % f == 0) rest /= f;
        if (rest == 1) return n;
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
 * row_backward destroys its spectrum; nothing is divided. */
void dp_fft_row_forward(const dp_fft *fft, const float *row, float complex *out);
void dp_fft_row_backward(const dp_fft *fft, float complex *in, float *row);
void dp_fft_columns_forward(const dp_fft *fft, float complex *at);
void dp_fft_columns_backward(const dp_fft *fft, float complex *at);

#endif
