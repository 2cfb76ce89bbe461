#include "deconv/kernel_fft.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/clones.h"
#include "base/memory.h"
#include "deconv/quadratic_fft.h"
#include "image/psf.h"

enum { IMPUTATIONS = 3, STEPS = 60 };
static const double tolerance = 1e-4;

struct dp_kernel {
    int h, w, kh, kw;
    dp_fft *fft;               /* (n0, n1): room for the whole convolution */
    dp_quadratic *quadratic;   /* the small problem */
    float *plane;              /* (n0, n1) */
    float *dx, *dy;            /* (h, w): gradients of the blurred picture */
    float *x, *y;              /* (h, w): of a latent picture */
    float complex *gx, *gy;    /* spectra of the latent picture's gradients */
    float complex *psf;        /* its spectrum */
    float complex *sum, *work; /* spectra */
};

static bool allocate(dp_kernel *s) {
    const size_t n = (size_t)s->h * (size_t)s->w, plane = (size_t)s->fft->rows * (size_t)s->fft->columns;
    float **const planes[] = {&s->dx, &s->dy, &s->x, &s->y};
    float complex **const spectra[] = {&s->gx, &s->gy, &s->psf, &s->sum, &s->work};
    bool good = (s->plane = dp_alloc(plane, sizeof(float))) != NULL;
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++)
        good = good && (*planes[i] = dp_alloc(n, sizeof(float))) != NULL;
    for (size_t i = 0; i < sizeof spectra / sizeof *spectra; i++)
        good = good && (*spectra[i] = dp_alloc(s->fft->size, sizeof(float complex))) != NULL;
    return good;
}

dipper_status dp_kernel_create(const dp_estimate *job, const dp_scale *scale, dp_diag *diag, dp_kernel **out) {
    dp_kernel *s = *out = dp_alloc(1, sizeof *s);
    dipper_status status = DIPPER_ERROR_MEMORY;
    if (s == NULL) goto fail;
    *s = (dp_kernel){.h = scale->h, .w = scale->w, .kh = scale->kh, .kw = scale->kw};
    status = dp_fft_create(dp_fft_good_size(s->h + s->kh - 1), dp_fft_good_size(s->w + s->kw - 1),
                           dp_estimate_threads(job, scale), diag, &s->fft);
    if (status != DIPPER_OK) goto fail;
    status = dp_quadratic_create(s->kh, s->kw, diag, &s->quadratic);
    if (status != DIPPER_OK) goto fail;
    status = DIPPER_ERROR_MEMORY;
    if (!allocate(s)) goto fail;
    dp_differences(scale->blurred, s->h, s->w, s->dx, s->dy);
    return DIPPER_OK;
fail:
    dp_kernel_destroy(out);
    return dp_fail(diag, status, "no memory for a PSF of %d x %d px", scale->kw, scale->kh);
}

void dp_kernel_destroy(dp_kernel **kernel) {
    if (kernel == NULL || *kernel == NULL) return;
    dp_kernel *s = *kernel;
    dp_fft_destroy(&s->fft);
    dp_quadratic_destroy(&s->quadratic);
    float *const planes[] = {s->plane, s->dx, s->dy, s->x, s->y};
    float complex *const spectra[] = {s->gx, s->gy, s->psf, s->sum, s->work};
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++) dp_free(planes[i]);
    for (size_t i = 0; i < sizeof spectra / sizeof *spectra; i++) dp_free(spectra[i]);
    dp_free(s);
    *kernel = NULL;
}

void dp_differences(const float *x, int h, int w, float *gx, float *gy) {
    const size_t width = (size_t)w;
    for (int i = 0; i < h; i++, x += width, gx += width, gy += width)
        for (size_t j = 0; j < width; j++) {
            gx[j] = j + 1 < width ? x[j + 1] - x[j] : 0;
            gy[j] = i + 1 < h ? x[j + width] - x[j] : 0;
        }
}

/* ---- The big transforms ---- */

static void transform(const dp_kernel *s, const float *plane, float complex *out) {
    const size_t columns = (size_t)s->fft->columns;
    memset(s->plane, 0, (size_t)s->fft->rows * columns * sizeof(float));
    for (int i = 0; i < s->h; i++)
        memcpy(s->plane + (size_t)i * columns, plane + (size_t)i * (size_t)s->w, (size_t)s->w * sizeof(float));
    dp_fft_forward(s->fft, s->plane, out);
}

/* out (rows, columns) = plane of a periodic grid of n0 x n1 around its origin: out's centre is the plane's (0, 0). */
static void gather(const float *plane, int n0, int n1, int rows, int columns, float *out) {
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            const int y = (i - rows / 2 + n0) % n0, x = (j - columns / 2 + n1) % n1;
            out[i * columns + j] = plane[(size_t)y * (size_t)n1 + (size_t)x];
        }
}

static void scatter(const float *in, int rows, int columns, int n0, int n1, float *plane) {
    memset(plane, 0, (size_t)n0 * (size_t)n1 * sizeof(float));
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            const int y = (i - rows / 2 + n0) % n0, x = (j - columns / 2 + n1) % n1;
            plane[(size_t)y * (size_t)n1 + (size_t)x] = in[i * columns + j];
        }
}

/* sum += conj(a) b */
DP_CLONES static void correlate(const float complex *a, const float complex *b, size_t n, float complex *sum) {
    const float *u = (const float *)a, *v = (const float *)b;
    float *t = (float *)sum;
    for (size_t i = 0; i < 2 * n; i += 2) {
        t[i] += u[i] * v[i] + u[i + 1] * v[i + 1];
        t[i + 1] += u[i] * v[i + 1] - u[i + 1] * v[i];
    }
}

DP_CLONES static void multiply(const float complex *a, const float complex *b, size_t n, float complex *out) {
    const float *u = (const float *)a, *v = (const float *)b;
    float *t = (float *)out;
    for (size_t i = 0; i < 2 * n; i += 2) {
        const float re = u[i] * v[i] - u[i + 1] * v[i + 1], im = u[i] * v[i + 1] + u[i + 1] * v[i];
        t[i] = re;
        t[i + 1] = im;
    }
}

/* The autocorrelation of the gradients, up to the lags that a PSF has, and the ridge. */
static void find_normal(dp_kernel *s, double ridge) {
    const dp_fft *f = s->fft;
    dp_quadratic *q = s->quadratic;
    memset(s->sum, 0, f->size * sizeof *s->sum);
    correlate(s->gx, s->gx, f->size, s->sum);
    correlate(s->gy, s->gy, f->size, s->sum);
    dp_fft_backward(f, s->sum, s->plane);
    gather(s->plane, f->rows, f->columns, 2 * s->kh - 1, 2 * s->kw - 1, q->lags);
    const float energy = s->plane[0]; /* lag 0 */
    for (int i = 0; i < s->kh * s->kw; i++) q->diagonal[i] = (float)ridge * energy;
}

/* Gradients of the blurred picture less what the PSF predicts; 0 beyond the pixels that count: there the gradients are
 * imputed, they are what is predicted. Adds their correlation with g to sum. */
static void add_residual(dp_kernel *s, const float *data, const float complex *g) {
    const dp_fft *f = s->fft;
    const int y0 = s->kh / 2, y1 = s->h - s->kh / 2 - 1, x0 = s->kw / 2, x1 = s->w - s->kw / 2 - 1;
    multiply(g, s->psf, f->size, s->work);
    dp_fft_backward(f, s->work, s->plane);
    for (int y = 0; y < f->rows; y++) {
        float *row = s->plane + (size_t)y * (size_t)f->columns;
        const float *d = data + (size_t)y * (size_t)s->w;
        const bool counts = y >= y0 && y < y1;
        const int from = counts ? x0 : f->columns, to = counts ? x1 : f->columns;
        memset(row, 0, (size_t)from * sizeof *row);
        for (int x = from; x < to; x++) row[x] = d[x] - row[x];
        memset(row + to, 0, (size_t)(f->columns - to) * sizeof *row);
    }
    dp_fft_forward(f, s->plane, s->work);
    correlate(g, s->work, f->size, s->sum);
}

/* Half of the objective's negative slope at psf. */
static void find_gradient(dp_kernel *s, const float *psf) {
    const dp_fft *f = s->fft;
    dp_quadratic *q = s->quadratic;
    scatter(psf, s->kh, s->kw, f->rows, f->columns, s->plane);
    dp_fft_forward(f, s->plane, s->psf);
    memset(s->sum, 0, f->size * sizeof *s->sum);
    add_residual(s, s->dx, s->gx);
    add_residual(s, s->dy, s->gy);
    dp_fft_backward(f, s->sum, s->plane);
    gather(s->plane, f->rows, f->columns, s->kh, s->kw, q->gradient);
    for (int i = 0; i < s->kh * s->kw; i++) q->gradient[i] -= q->diagonal[i] * psf[i];
}

void dp_kernel_slope(dp_kernel *s, const float *gx, const float *gy, double ridge, const float *psf, float *slope) {
    transform(s, gx, s->gx);
    transform(s, gy, s->gy);
    find_normal(s, ridge);
    find_gradient(s, psf);
    for (int i = 0; i < s->kh * s->kw; i++) slope[i] = -2 * s->quadratic->gradient[i];
}

dipper_status dp_kernel_run(dp_kernel *s, const float *gx, const float *gy, double ridge, float *psf, dp_diag *diag) {
    transform(s, gx, s->gx);
    transform(s, gy, s->gy);
    find_normal(s, ridge);
    for (int i = 0; i < IMPUTATIONS; i++) {
        find_gradient(s, psf);
        dp_quadratic_run(s->quadratic, STEPS, tolerance, psf);
    }
    if (dp_psf_normalise(psf, s->kh, s->kw)) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_DIVERGED, "the estimate of a PSF of %d x %d px came to nothing", s->kw, s->kh);
}

dipper_status dp_kernel_run_picture(dp_kernel *s, const float *x, double ridge, float *psf, dp_diag *diag) {
    dp_differences(x, s->h, s->w, s->x, s->y);
    return dp_kernel_run(s, s->x, s->y, ridge, psf, diag);
}

dipper_status dp_kernel_refit(const dp_estimate *job, const float *x, float *psf, dp_diag *diag) {
    const dp_scale full = {
        .h = job->h, .w = job->w, .kh = job->kh, .kw = job->kw, .scales = 1, .scale = 1, .blurred = job->blurred};
    const int ridge = dp_estimator_setting(job->estimator, "ridge");
    dp_kernel *kernel = NULL;
    DP_TRY(dp_kernel_create(job, &full, diag, &kernel));
    const dipper_status status = dp_kernel_run_picture(kernel, x, ridge >= 0 ? job->setting[ridge] : 1e-3, psf, diag);
    dp_kernel_destroy(&kernel);
    return status;
}
