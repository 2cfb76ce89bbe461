#include "bid/polish_fft.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bid/refit_fft.h"
#include "fourier/fourier.h"
#include "image/bm3d.h"
#include "metric/quality.h"

/* Standard deviation of what a restoration does wrong, about, in pictures in 0 to 1. docs/auto.md */
static const double ERROR = 0.015;

static dipper_status denoise(const dp_polish *job, dp_image *picture, dp_image *scratch, dp_diag *diag) {
    DP_TRY(dp_bm3d(picture->data, picture->height, picture->width, ERROR, job->be->threads, diag, scratch->data));
    memcpy(picture->data, scratch->data, dp_image_plane_count(picture) * sizeof *picture->data);
    return DIPPER_OK;
}

/* ---- The PSF ---- */

dipper_status dp_polish_psf(const dp_polish *job, const dp_image *restored, float *psf, dp_diag *diag) {
    const size_t n = (size_t)job->side * (size_t)job->side;
    dp_image sharp = {0}, scratch = {0};
    float *fitted = dp_alloc(n, sizeof *fitted);
    dipper_status status = dp_image_copy(restored, diag, &sharp);
    if (status == DIPPER_OK) status = dp_image_copy(restored, diag, &scratch);
    if (status == DIPPER_OK && fitted == NULL)
        status = dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to refine a PSF of %d x %d px", job->side, job->side);
    if (status == DIPPER_OK) status = denoise(job, &sharp, &scratch, diag);
    if (status == DIPPER_OK) {
        memcpy(fitted, psf, n * sizeof *psf);
        status = dp_refit(job->be, job->blurred, &sharp, job->side, fitted, diag);
    }
    for (size_t i = 0; status == DIPPER_OK && i < n; i++) psf[i] = 0.5F * (psf[i] + fitted[i]);
    dp_image_free(&sharp);
    dp_image_free(&scratch);
    dp_free(fitted);
    return status;
}

/* ---- How good the PSF is ---- */

/* The same border for all PSFs that are compared, as they differ in size, unless that leaves hardly anything. */
static double deviation(const dp_image *residual, int side) {
    enum { BORDER = 26 };
    const int shorter = residual->width < residual->height ? residual->width : residual->height;
    int left = BORDER - side / 2;
    if (left < 0 || 4 * left > shorter) left = 0;
    double sum = 0, squares = 0, n = 0;
    for (int y = left; y < residual->height - left; y++)
        for (int x = left; x < residual->width - left; x++) {
            const double v = dp_image_row(residual, 0, y)[x];
            sum += v;
            squares += v * v;
            n++;
        }
    return sqrt(fmax(0, squares / n - sum / n * (sum / n)));
}

dipper_status dp_polish_unexplained(const dp_polish *job, const float *psf, const dp_image *restored, double *rms,
                                    dp_diag *diag) {
    dp_image denoised = {0}, scratch = {0}, residual = {0};
    dipper_status status = dp_image_copy(restored, diag, &denoised);
    if (status == DIPPER_OK) status = dp_image_copy(restored, diag, &scratch);
    if (status == DIPPER_OK) status = denoise(job, &denoised, &scratch, diag);
    if (status == DIPPER_OK)
        status =
            dp_residual_bounded(&denoised, job->blurred, psf, job->side, job->side, job->be->threads, diag, &residual);
    if (status == DIPPER_OK) *rms = deviation(&residual, job->side);
    dp_image_free(&denoised);
    dp_image_free(&scratch);
    dp_image_free(&residual);
    return status;
}

/* ---- The picture ---- */

typedef struct room {
    dp_fft *fft;
    float *plane;
    float complex *psf, *work;
    dp_image scratch;
} room;

static void leave(room *r) {
    dp_fft_destroy(&r->fft);
    dp_free(r->plane);
    dp_free(r->psf);
    dp_free(r->work);
    dp_image_free(&r->scratch);
}

static dipper_status enter(room *r, const dp_polish *job, const float *psf, dp_diag *diag) {
    const int h = job->blurred->height, w = job->blurred->width, k = job->side;
    DP_TRY(dp_fft_create(dp_fft_good_size(h + k - 1), dp_fft_good_size(w + k - 1), job->be->threads, diag, &r->fft));
    const size_t n = (size_t)r->fft->rows * (size_t)r->fft->columns;
    r->plane = dp_alloc(n, sizeof *r->plane);
    r->psf = dp_alloc(r->fft->size, sizeof *r->psf);
    r->work = dp_alloc(r->fft->size, sizeof *r->work);
    if (r->plane == NULL || r->psf == NULL || r->work == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to polish %d x %d pixels", w, h);
    memset(r->plane, 0, n * sizeof *r->plane);
    for (int i = 0; i < k * k; i++) {
        const int y = (i / k - k / 2 + r->fft->rows) % r->fft->rows,
                  x = (i % k - k / 2 + r->fft->columns) % r->fft->columns;
        r->plane[(size_t)y * (size_t)r->fft->columns + (size_t)x] = psf[i];
    }
    dp_fft_forward(r->fft, r->plane, r->psf);
    return dp_image_copy(job->blurred, diag, &r->scratch);
}

/* Power of noise over that of the errors that are to be mended. With little noise the PSF's errors count. */
static double regularisation(double noise_sigma) {
    return 0.02 * fmax(1, pow(noise_sigma / 0.005, 2));
}

/* picture += Wiener's restoration of what the PSF leaves unexplained, where it lies inside: K' d / (|K|^2 + r). */
static dipper_status bring_back(const room *r, const dp_polish *job, const float *psf, dp_image *picture,
                                dp_diag *diag) {
    const dp_fft *f = r->fft;
    const int half = job->side / 2;
    const float regular = (float)regularisation(job->noise_sigma);
    dp_image residual = {0};
    DP_TRY(dp_residual_bounded(picture, job->blurred, psf, job->side, job->side, job->be->threads, diag, &residual));
    memset(r->plane, 0, (size_t)f->rows * (size_t)f->columns * sizeof *r->plane);
    for (int y = 0; y < residual.height; y++)
        memcpy(r->plane + (size_t)(y + half) * (size_t)f->columns + half, dp_image_row(&residual, 0, y),
               (size_t)residual.width * sizeof *r->plane);
    dp_image_free(&residual);
    dp_fft_forward(f, r->plane, r->work);
    for (size_t i = 0; i < f->size; i++) {
        const float re = crealf(r->psf[i]), im = cimagf(r->psf[i]);
        r->work[i] *= conjf(r->psf[i]) / (re * re + im * im + regular);
    }
    dp_fft_backward(f, r->work, r->plane);
    for (int y = 0; y < picture->height; y++) {
        float *row = picture->data + (size_t)y * (size_t)picture->width;
        for (int x = 0; x < picture->width; x++) row[x] += r->plane[(size_t)y * (size_t)f->columns + (size_t)x];
    }
    return DIPPER_OK;
}

dipper_status dp_polish_picture(const dp_polish *job, const float *psf, dp_image *restored, dp_diag *diag) {
    room r = {0};
    dp_image polished = {0};
    double begun = dp_seconds();
    dipper_status status = enter(&r, job, psf, diag);
    if (status == DIPPER_OK) status = dp_image_copy(restored, diag, &polished);
    if (status == DIPPER_OK) status = denoise(job, &polished, &r.scratch, diag);
    for (int i = 0; i < DP_POLISH_ROUNDS && status == DIPPER_OK; i++) {
        if (job->goes_on != NULL && !job->goes_on(dp_seconds() - begun, job->user)) break;
        begun = dp_seconds();
        status = bring_back(&r, job, psf, &polished, diag);
        if (status == DIPPER_OK) status = denoise(job, &polished, &r.scratch, diag);
    }
    for (size_t i = 0; status == DIPPER_OK && i < dp_image_plane_count(restored); i++)
        restored->data[i] = 0.5F * (restored->data[i] + polished.data[i]);
    dp_image_free(&polished);
    leave(&r);
    return status;
}
