/* The periodic grid on which the methods with Fourier transforms work: the picture lies somewhere in it, with room
 * around for the latent pixels beyond its border. */
#ifndef DP_DECONV_GRID_FFT_H
#define DP_DECONV_GRID_FFT_H

#include <math.h>

#include "deconv/nonblind.h"
#include "fourier/fourier.h"

typedef struct dp_grid {
    int h, w, kh, kw; /* picture, PSF */
    int n0, n1;       /* rows, columns of the grid */
    int top, left;    /* of the picture in it */
    int threads;
    size_t count; /* floats per plane (n0, n1) */
    dp_fft *fft;
    float complex *psf;  /* spectrum of the PSF, its centre at the origin */
    float complex *work; /* scratch spectrum */
    double *part;        /* (n0): sums of rows, so that totals do not depend on the number of threads */
} dp_grid;

dipper_status dp_grid_create(const dp_nonblind *job, int height, int width, dp_diag *diag, dp_grid **out);
void dp_grid_destroy(dp_grid **grid); /* NULL is fine */

dipper_status dp_grid_set_psf(dp_grid *grid, const float *psf, dp_diag *diag); /* another one (kh, kw) */

float *dp_grid_plane(const dp_grid *grid); /* zeros (n0, n1), dp_free it; NULL when memory is out */

/* y = K x, or its adjoint K'x, periodic; y may be x. */
void dp_grid_blur(const dp_grid *grid, const float *x, bool adjoint, float *y);

/* plane (h, w) into the grid. Around it opposite borders are joined by a ramp that is blurred by the PSF, so that the
 * whole is periodic and nearly a blurred picture. Uses work. */
void dp_grid_place(const dp_grid *grid, const float *plane, float *out);
/* The same with replicated borders: where nothing is assumed beyond them, opposite ones have nothing to do with each
 * other. The seam lies behind the last latent pixel. */
void dp_grid_extend(const dp_grid *grid, const float *plane, float *out);

/* What the data do not tell becomes DP_UNSEEN: beyond the border of the picture (edges latent), and where job's mask
 * says so. */
#define DP_UNSEEN (-INFINITY)
void dp_grid_hide(const dp_grid *grid, const dp_nonblind *job, float *d);

void dp_grid_crop(const dp_grid *grid, const float *in, float *plane);

static inline bool dp_grid_row_inside(const dp_grid *grid, int y) {
    return y >= grid->top && y < grid->top + grid->h;
}

/* Squared modulus of the first difference's transform at frequency k of n: 4 sin^2(pi k/n). */
double dp_grid_difference(int k, int n);

double dp_grid_total(const dp_grid *grid); /* of part */

/* a = a b, and with sign -1 a = a conj(b), n complex numbers; written out, as complex multiplication in C checks for
 * NaN. */
static inline void dp_times(float complex *a, const float complex *b, size_t n, float sign) {
    float *u = (float *)a;
    const float *v = (const float *)b;
    for (size_t i = 0; i < 2 * n; i += 2) {
        const float re = u[i] * v[i] - sign * u[i + 1] * v[i + 1], im = u[i + 1] * v[i] + sign * u[i] * v[i + 1];
        u[i] = re;
        u[i + 1] = im;
    }
}

#endif
