/* Wiener's filter, X = conj(K) D / (|K|^2 + weight |L|^exponent): |L|^2 is the transform of the first differences, so
 * that the signal is taken to have a spectrum of 1/f^exponent; 2 is that of natural pictures (Field 1987), 0 a flat
 * one, 4 the Laplacian's, which is scikit-image's. The mean is never damped. */
#include <math.h>

#include "base/memory.h"
#include "deconv/grid_fft.h"

typedef struct wiener {
    dp_grid *grid;
    float *plane;
    float complex *spectrum;
    double *dy, *dx; /* (n0), (stride): shares of |L|^2 */
} wiener;

/* |L|^exponent; pow takes as long as the transforms, so the usual exponents do without. */
static double prior(const wiener *s, const dp_nonblind *job, int u, size_t v) {
    const double l = s->dy[u] + s->dx[v], half = 0.5 * job->exponent;
    if (!(l > 0)) return 0;
    return half == 1 ? l : half == 2 ? l * l : half == 0 ? 1 : pow(l, half);
}

/* How often a column of the half spectrum stands for itself and its mirror image. */
static int copies(const wiener *s, size_t v) {
    return v == 0 || 2 * v == (size_t)s->grid->n1 ? 1 : 2 * v < (size_t)s->grid->n1 ? 2 : 0;
}

/* The noise's power over the signal's. The signal's is c/|L|^exponent, and c the least-squares fit of c |K|^2 to
 * |L|^exponent (|D|^2 - noise), weighted by |K|^2 once more, as only what the PSF passes tells of the signal. The noise
 * counts at least as much as the rounding of 8 bits. */
static double find_weight(const wiener *s, const dp_nonblind *job) {
    const dp_fft *f = s->grid->fft;
    const double noise = fmax(job->noise_sigma * job->noise_sigma, 1e-3 * 1e-3) * (double)s->grid->count;
    double signal = 0, passed = 0;
    for (int u = 0; u < f->rows; u++)
        for (size_t v = 0; v < f->stride; v++) {
            const size_t i = (size_t)u * f->stride + v;
            const double k = cabsf(s->grid->psf[i]), d = cabsf(s->spectrum[i]), k2 = copies(s, v) * k * k;
            signal += k2 * prior(s, job, u, v) * (d * d - noise);
            passed += k2 * k * k;
        }
    return noise * passed / fmax(signal, 0.01 * noise * passed); /* noise above the signal: very smooth, not negative */
}

static void filter(const wiener *s, const dp_nonblind *job, double weight) {
    const dp_grid *g = s->grid;
    const dp_fft *f = g->fft;
#pragma omp parallel for schedule(static) num_threads(g->threads)
    for (int u = 0; u < f->rows; u++) {
        float complex *row = s->spectrum + (size_t)u * f->stride;
        const float complex *psf = g->psf + (size_t)u * f->stride;
        dp_times(row, psf, f->stride, -1);
        for (size_t v = 0; v < f->stride; v++) {
            const double re = crealf(psf[v]), im = cimagf(psf[v]);
            const double below = re * re + im * im + weight * prior(s, job, u, v);
            row[v] *= below > 1e-12 ? (float)(1 / below) : 0; /* weight 0: what the PSF extinguishes stays so */
        }
    }
}

static dipper_status make(wiener *s, const dp_nonblind *job, const dp_image *picture, dp_diag *diag) {
    DP_TRY(dp_grid_create(job, picture->height, picture->width, diag, &s->grid));
    const dp_fft *f = s->grid->fft;
    s->plane = dp_grid_plane(s->grid);
    s->spectrum = dp_alloc(f->size, sizeof *s->spectrum);
    s->dy = dp_alloc((size_t)f->rows, sizeof *s->dy);
    s->dx = dp_alloc(f->stride, sizeof *s->dx);
    if (s->plane == NULL || s->spectrum == NULL || s->dy == NULL || s->dx == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for Wiener's filter");
    for (int u = 0; u < f->rows; u++) s->dy[u] = dp_grid_difference(u, f->rows);
    for (size_t v = 0; v < f->stride; v++) s->dx[v] = dp_grid_difference((int)v, f->columns);
    return DIPPER_OK;
}

dipper_status dp_wiener_run(dp_nonblind *job, dp_image *picture, dp_diag *diag) {
    wiener s = {0};
    dipper_status status = make(&s, job, picture, diag);
    for (int c = 0; c < picture->channels && status == DIPPER_OK; c++) {
        float *plane = dp_image_plane(picture, c);
        dp_grid_place(s.grid, plane, s.plane);
        dp_fft_forward(s.grid->fft, s.plane, s.spectrum);
        if (job->weight < 0) job->weight = find_weight(&s, job); /* one for all channels, or edges get colours */
        filter(&s, job, job->weight);
        dp_fft_backward(s.grid->fft, s.spectrum, s.plane);
        dp_grid_crop(s.grid, s.plane, plane);
        job->channel = c;
        status = dp_nonblind_report(job, 1, 1, diag);
    }
    dp_grid_destroy(&s.grid);
    dp_free(s.plane);
    dp_free(s.spectrum);
    dp_free(s.dy);
    dp_free(s.dx);
    return status;
}
