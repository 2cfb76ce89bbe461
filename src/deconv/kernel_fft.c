#include "deconv/kernel_fft.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "image/psf.h"

enum { IMPUTATIONS = 3, STEPS = 60 };

struct dp_kernel {
    int h, w, kh, kw;
    dp_fft *fft;               /* (n0, n1): room for the whole convolution */
    dp_fft *small;             /* room for the PSF's autocorrelation */
    float *plane;              /* (n0, n1) */
    float *dx, *dy;            /* (h, w): gradients of the blurred picture */
    float *x, *y;              /* (h, w): of a latent picture */
    float complex *gx, *gy;    /* spectra of the latent picture's gradients */
    float complex *psf;        /* its spectrum */
    float complex *sum, *work; /* spectra */
    float complex *normal;     /* spectrum of the normal matrix, small */
    float complex *step;       /* small */
    float *tile;               /* small plane */
    float *right, *k, *ahead;  /* (kh, kw) */
};

static bool allocate(dp_kernel *s) {
    const size_t big = s->fft->size, small = s->small->size, n = (size_t)s->h * (size_t)s->w;
    const size_t tile = (size_t)s->small->rows * (size_t)s->small->columns, m = (size_t)s->kh * (size_t)s->kw;
    const struct {
        float **at;
        size_t count;
    } planes[] = {{&s->plane, (size_t)s->fft->rows * (size_t)s->fft->columns},
                  {&s->dx, n},
                  {&s->dy, n},
                  {&s->x, n},
                  {&s->y, n},
                  {&s->tile, tile},
                  {&s->right, m},
                  {&s->k, m},
                  {&s->ahead, m}};
    const struct {
        float complex **at;
        size_t count;
    } spectra[] = {{&s->gx, big},   {&s->gy, big},       {&s->psf, big},   {&s->sum, big},
                   {&s->work, big}, {&s->normal, small}, {&s->step, small}};
    bool good = true;
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++)
        good = good && (*planes[i].at = dp_alloc(planes[i].count, sizeof(float))) != NULL;
    for (size_t i = 0; i < sizeof spectra / sizeof *spectra; i++)
        good = good && (*spectra[i].at = dp_alloc(spectra[i].count, sizeof(float complex))) != NULL;
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
    status = dp_fft_create(dp_fft_good_size(2 * s->kh - 1), dp_fft_good_size(2 * s->kw - 1), 1, diag, &s->small);
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
    dp_fft_destroy(&s->small);
    float *const planes[] = {s->plane, s->dx, s->dy, s->x, s->y, s->tile, s->right, s->k, s->ahead};
    float complex *const spectra[] = {s->gx, s->gy, s->psf, s->sum, s->work, s->normal, s->step};
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
static void correlate(const float complex *a, const float complex *b, size_t n, float complex *sum) {
    const float *u = (const float *)a, *v = (const float *)b;
    float *t = (float *)sum;
    for (size_t i = 0; i < 2 * n; i += 2) {
        t[i] += u[i] * v[i] + u[i + 1] * v[i + 1];
        t[i + 1] += u[i] * v[i + 1] - u[i + 1] * v[i];
    }
}

static void multiply(const float complex *a, const float complex *b, size_t n, float complex *out) {
    const float *u = (const float *)a, *v = (const float *)b;
    float *t = (float *)out;
    for (size_t i = 0; i < 2 * n; i += 2) {
        const float re = u[i] * v[i] - u[i + 1] * v[i + 1], im = u[i] * v[i + 1] + u[i + 1] * v[i];
        t[i] = re;
        t[i + 1] = im;
    }
}

/* The autocorrelation of the gradients, up to the lags that a PSF has; returns lag 0, their energy. */
static double find_normal(dp_kernel *s, double ridge) {
    const dp_fft *f = s->fft, *small = s->small;
    const int rows = 2 * s->kh - 1, columns = 2 * s->kw - 1;
    memset(s->sum, 0, f->size * sizeof *s->sum);
    correlate(s->gx, s->gx, f->size, s->sum);
    correlate(s->gy, s->gy, f->size, s->sum);
    dp_fft_backward(f, s->sum, s->plane);
    const double energy = s->plane[0];
    float *lags = (float *)s->work; /* large enough: the grid is */
    gather(s->plane, f->rows, f->columns, rows, columns, lags);
    lags[(rows / 2) * columns + columns / 2] += (float)(ridge * energy);
    scatter(lags, rows, columns, small->rows, small->columns, s->tile);
    dp_fft_forward(small, s->tile, s->normal);
    return energy;
}

/* Gradients of the blurred picture, and beyond the pixels that count what the PSF predicts -> spectrum in work. */
static void impute(dp_kernel *s, const float *data, const float complex *g) {
    const dp_fft *f = s->fft;
    const int y0 = s->kh / 2, y1 = s->h - s->kh / 2 - 1, x0 = s->kw / 2, x1 = s->w - s->kw / 2 - 1;
    multiply(g, s->psf, f->size, s->work);
    dp_fft_backward(f, s->work, s->plane);
    for (int y = y0; y < y1 && x1 > x0; y++)
        memcpy(s->plane + (size_t)y * (size_t)f->columns + x0, data + (size_t)y * (size_t)s->w + x0,
               (size_t)(x1 - x0) * sizeof(float));
    dp_fft_forward(f, s->plane, s->work);
}

/* right = correlation of the gradients with those of the blurred picture */
static void find_right(dp_kernel *s) {
    const dp_fft *f = s->fft;
    scatter(s->k, s->kh, s->kw, f->rows, f->columns, s->plane);
    dp_fft_forward(f, s->plane, s->psf);
    memset(s->sum, 0, f->size * sizeof *s->sum);
    impute(s, s->dx, s->gx);
    correlate(s->gx, s->work, f->size, s->sum);
    impute(s, s->dy, s->gy);
    correlate(s->gy, s->work, f->size, s->sum);
    dp_fft_backward(f, s->sum, s->plane);
    gather(s->plane, f->rows, f->columns, s->kh, s->kw, s->right);
}

/* ---- The small problem ---- */

/* The largest value of the normal matrix's spectrum: no step above its inverse overshoots. */
static float bound(const dp_kernel *s) {
    float most = 0;
    for (size_t i = 0; i < s->small->size; i++) most = fmaxf(most, fabsf(crealf(s->normal[i])));
    return most;
}

/* tile's corner = A y */
static void apply(dp_kernel *s, const float *y) {
    scatter(y, s->kh, s->kw, s->small->rows, s->small->columns, s->tile);
    dp_fft_forward(s->small, s->tile, s->step);
    multiply(s->normal, s->step, s->small->size, s->step);
    dp_fft_backward(s->small, s->step, s->tile);
}

/* min k'Ak/2 - right'k over k >= 0: projected gradients, accelerated (Beck and Teboulle 2009). */
static void solve(dp_kernel *s) {
    float *y = s->ahead;
    const int m = s->kh * s->kw, n0 = s->small->rows, n1 = s->small->columns;
    const float step = 1 / fmaxf(bound(s), 1e-20F);
    double t = 1;
    memcpy(y, s->k, (size_t)m * sizeof *y);
    for (int n = 0; n < STEPS; n++) {
        const double next = 0.5 * (1 + sqrt(1 + 4 * t * t));
        const float momentum = (float)((t - 1) / next);
        apply(s, y);
        for (int i = 0; i < m; i++) {
            const int a = (i / s->kw - s->kh / 2 + n0) % n0, b = (i % s->kw - s->kw / 2 + n1) % n1;
            const float before = s->k[i];
            s->k[i] = fmaxf(y[i] - step * (s->tile[(size_t)a * (size_t)n1 + (size_t)b] - s->right[i]), 0);
            y[i] = s->k[i] + momentum * (s->k[i] - before);
        }
        t = next;
    }
}

dipper_status dp_kernel_run(dp_kernel *s, const float *gx, const float *gy, double ridge, float *psf, dp_diag *diag) {
    const size_t bytes = (size_t)s->kh * (size_t)s->kw * sizeof *psf;
    transform(s, gx, s->gx);
    transform(s, gy, s->gy);
    memcpy(s->k, psf, bytes);
    find_normal(s, ridge);
    for (int i = 0; i < IMPUTATIONS; i++) {
        find_right(s);
        solve(s);
    }
    memcpy(psf, s->k, bytes);
    if (dp_psf_normalise(psf, s->kh, s->kw)) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_DIVERGED, "the estimate of a PSF of %d x %d px came to nothing", s->kw, s->kh);
}

dipper_status dp_kernel_run_picture(dp_kernel *s, const float *x, double ridge, float *psf, dp_diag *diag) {
    dp_differences(x, s->h, s->w, s->x, s->y);
    return dp_kernel_run(s, s->x, s->y, ridge, psf, diag);
}
