/* Wiener's filter, X = conj(K) D / (|K|^2 + weight |L|^exponent + error): |L|^2 is the transform of the first
 * differences, so that the signal is taken to have a spectrum of 1/f^exponent; 2 is that of natural pictures (Field
 * 1987), 0 a flat one, 4 the Laplacian's, which is scikit-image's. The mean is never damped. */
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

/* ---- The weight ---- */

/* Frequencies sorted by the logarithms of |K|^2 and of |L|^2, so that fitting takes no time. */
enum { PER_OCTAVE = 4, PSF_BINS = 160, PRIOR_BINS = 112, BINS = PSF_BINS * PRIOR_BINS, FIT_STEPS = 60 };

typedef struct bin { /* sums over its frequencies, later means */
    double count, power, part[3];
} bin;

enum { SIGNAL, NOISE, ERROR }; /* parts of the power: |K|^2/|L|^p, 1, 1/|L|^p */

static int octave(double value, int bins, double top) {
    const double at = bins - 1 + PER_OCTAVE * log2(fmax(value, 1e-30) / top);
    return at > 0 ? (int)fmin(at, bins - 1) : 0;
}

/* |D|^2 and what each part has of it; the mean tells nothing. */
static void sort(const wiener *s, const dp_nonblind *job, bin *bins) {
    const dp_fft *f = s->grid->fft;
    for (int u = 0; u < f->rows; u++)
        for (size_t v = u == 0 ? 1 : 0; v < f->stride; v++) {
            const size_t i = (size_t)u * f->stride + v;
            const double k = cabsf(s->grid->psf[i]), d = cabsf(s->spectrum[i]), l = prior(s, job, u, v);
            const int n = copies(s, v);
            if (n == 0) continue;
            bin *b = &bins[octave(k * k, PSF_BINS, 1) * PRIOR_BINS + octave(s->dy[u] + s->dx[v], PRIOR_BINS, 8)];
            b->count += n;
            b->power += n * d * d;
            b->part[SIGNAL] += n * k * k / l;
            b->part[NOISE] += n;
            b->part[ERROR] += n / l;
        }
}

/* One multiplicative step towards the most likely amounts of the three parts, powers being exponentially distributed
 * around their sum (Whittle 1953; Fevotte, Bertin and Durrieu 2009, equation 2.9); none becomes negative. */
static void improve(const bin *bins, double least, double amount[3]) {
    double above[3] = {0}, below[3] = {0};
    for (int i = 0; i < BINS; i++) {
        const bin *b = &bins[i];
        if (!(b->count > 0)) continue;
        double mean = 0;
        for (int k = 0; k < 3; k++) mean += amount[k] * b->part[k];
        for (int k = 0; k < 3; k++) {
            above[k] += b->part[k] * b->power * b->count / (mean * mean);
            below[k] += b->part[k] * b->count / mean;
        }
    }
    for (int k = 0; k < 3; k++)
        if (below[k] > 0) amount[k] *= above[k] / below[k];
    amount[NOISE] = fmax(amount[NOISE], least);
    amount[SIGNAL] = fmax(amount[SIGNAL], 1e-3 * least); /* noise above the signal: very smooth, not infinite */
}

/* weight: the noise's power over the signal's, which is c/|L|^p. error: what an inexact PSF and the ramps at the
 * borders leave, as a share of the signal. |D|^2 = c |K|^2/|L|^p + noise + error c/|L|^p on average. Without the error
 * the mean of the Levin pictures is 31.0 dB instead of 32.6. The noise counts at least as much as the rounding of 8
 * bits. */
static dipper_status find_weight(const wiener *s, dp_nonblind *job, dp_diag *diag) {
    const double least = fmax(job->noise_sigma * job->noise_sigma, 1e-3 * 1e-3) * (double)s->grid->count;
    bin *bins = dp_alloc(BINS, sizeof *bins);
    double power = 0, part[3] = {0}, amount[3];
    if (bins == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for the weight of Wiener's filter");
    sort(s, job, bins);
    for (int i = 0; i < BINS; i++) {
        power += bins[i].power;
        for (int k = 0; k < 3; k++) part[k] += bins[i].part[k];
    }
    for (int k = 0; k < 3; k++) amount[k] = fmax(power, least) / part[k] * (k == SIGNAL ? 1 : 1e-3);
    for (int n = 0; n < FIT_STEPS; n++) improve(bins, least, amount);
    job->weight = amount[NOISE] / amount[SIGNAL];
    job->error = amount[ERROR] / amount[SIGNAL];
    dp_free(bins);
    return DIPPER_OK;
}

static void filter(const wiener *s, const dp_nonblind *job) {
    const dp_grid *g = s->grid;
    const dp_fft *f = g->fft;
#pragma omp parallel for schedule(static) num_threads(g->threads)
    for (int u = 0; u < f->rows; u++) {
        float complex *row = s->spectrum + (size_t)u * f->stride;
        const float complex *psf = g->psf + (size_t)u * f->stride;
        dp_times(row, psf, f->stride, -1);
        for (size_t v = 0; v < f->stride; v++) {
            const double re = crealf(psf[v]), im = cimagf(psf[v]);
            const double error = u == 0 && v == 0 ? 0 : job->error;
            const double below = re * re + im * im + job->weight * prior(s, job, u, v) + error;
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
        if (job->weight < 0) status = find_weight(&s, job, diag); /* one for all channels, or edges get colours */
        if (status != DIPPER_OK) break;
        filter(&s, job);
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
