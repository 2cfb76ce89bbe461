#include "fourier/fourier.h"

#include <fftw3.h>

#include "base/memory.h"

enum { ROWS, ROWS_BACK, COLUMNS, COLUMNS_BACK, PLANS };

/* Plans are executed on other arrays of the same alignment. */
static void make_plans(dp_fft *f, float *row, fftwf_complex *spectrum) {
    const int stride = (int)f->stride, n = f->rows;
    const unsigned flags = FFTW_ESTIMATE | (f->columns % 4 != 0 ? FFTW_UNALIGNED : 0);
#pragma omp critical(dp_fftw) /* FFTW's planner is not thread-safe */
    {
        f->plans[ROWS] = fftwf_plan_dft_r2c_1d(f->columns, row, spectrum, flags);
        f->plans[ROWS_BACK] = fftwf_plan_dft_c2r_1d(f->columns, spectrum, row, flags);
        f->plans[COLUMNS] = fftwf_plan_many_dft(1, &n, DP_FFT_COLUMNS, spectrum, NULL, stride, 1, spectrum, NULL,
                                                stride, 1, FFTW_FORWARD, FFTW_ESTIMATE);
        f->plans[COLUMNS_BACK] = fftwf_plan_many_dft(1, &n, DP_FFT_COLUMNS, spectrum, NULL, stride, 1, spectrum, NULL,
                                                     stride, 1, FFTW_BACKWARD, FFTW_ESTIMATE);
    }
}

dipper_status dp_fft_create(int rows, int columns, int threads, dp_diag *diag, dp_fft **out) {
    dp_fft *f = *out = dp_alloc(1, sizeof *f);
    float complex *spectrum = NULL;
    bool good = f != NULL;
    if (good) {
        f->rows = rows;
        f->columns = columns;
        f->threads = threads;
        f->groups = (columns / 2 + 1 + DP_FFT_COLUMNS - 1) / DP_FFT_COLUMNS;
        f->stride = (size_t)f->groups * DP_FFT_COLUMNS;
        f->size = f->stride * (size_t)rows;
        spectrum = dp_alloc(f->size * sizeof *spectrum + (size_t)columns * sizeof(float), 1);
        good = spectrum != NULL;
    }
    if (good) make_plans(f, (float *)(spectrum + f->size), (fftwf_complex *)spectrum);
    for (int i = 0; i < PLANS; i++) good = good && f->plans[i] != NULL;
    dp_free(spectrum);
    if (good) return DIPPER_OK;
    dp_fft_destroy(out);
    return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for the FFT of %d x %d pixels", columns, rows);
}

void dp_fft_destroy(dp_fft **fft) {
    if (fft == NULL || *fft == NULL) return;
#pragma omp critical(dp_fftw)
    for (int i = 0; i < PLANS; i++)
        if ((*fft)->plans[i] != NULL) fftwf_destroy_plan((*fft)->plans[i]);
    dp_free(*fft);
    *fft = NULL;
}

void dp_fft_row_forward(const dp_fft *f, const float *row, float complex *out) {
    fftwf_execute_dft_r2c(f->plans[ROWS], (float *)row, (fftwf_complex *)out); /* out of place: row is kept */
    for (size_t i = (size_t)f->columns / 2 + 1; i < f->stride; i++)
        out[i] = 0; /* the last group is transformed whole */
}

void dp_fft_row_backward(const dp_fft *f, float complex *in, float *row) {
    fftwf_execute_dft_c2r(f->plans[ROWS_BACK], (fftwf_complex *)in, row);
}

void dp_fft_columns_forward(const dp_fft *f, float complex *at) {
    fftwf_execute_dft(f->plans[COLUMNS], (fftwf_complex *)at, (fftwf_complex *)at);
}

void dp_fft_columns_backward(const dp_fft *f, float complex *at) {
    fftwf_execute_dft(f->plans[COLUMNS_BACK], (fftwf_complex *)at, (fftwf_complex *)at);
}

void dp_fft_forward(const dp_fft *f, const float *plane, float complex *spectrum) {
#pragma omp parallel num_threads(f->threads)
    {
#pragma omp for schedule(static)
        for (int y = 0; y < f->rows; y++)
            dp_fft_row_forward(f, plane + (size_t)y * (size_t)f->columns, spectrum + (size_t)y * f->stride);
#pragma omp for schedule(static)
        for (int g = 0; g < f->groups; g++) dp_fft_columns_forward(f, spectrum + (size_t)g * DP_FFT_COLUMNS);
    }
}

void dp_fft_backward(const dp_fft *f, float complex *spectrum, float *plane) {
    const float scale = 1.0F / ((float)f->rows * (float)f->columns);
#pragma omp parallel num_threads(f->threads)
    {
#pragma omp for schedule(static)
        for (int g = 0; g < f->groups; g++) dp_fft_columns_backward(f, spectrum + (size_t)g * DP_FFT_COLUMNS);
#pragma omp for schedule(static)
        for (int y = 0; y < f->rows; y++) {
            float *row = plane + (size_t)y * (size_t)f->columns;
            dp_fft_row_backward(f, spectrum + (size_t)y * f->stride, row);
            for (int x = 0; x < f->columns; x++) row[x] *= scale;
        }
    }
}
