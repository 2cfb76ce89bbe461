#include "fourier/fourier.h"

#include <fftw3.h>
#include <omp.h>

#include "base/clones.h"
#include "base/memory.h"

enum { ROWS, ROWS_BACK, COLUMNS, COLUMNS_BACK, PLANS };

/* ---- Columns, a group turned into rows ---- */

/* FFTW_ESTIMATE leaves columns where they are or copies them number by number; turned by vector code they take half the
 * time, about as long as with plans that were timed. */
typedef double pair4 __attribute__((vector_size(32), aligned(8), may_alias)); /* four complex numbers */

static inline void turn(pair4 v[4]) {
    const pair4 a = __builtin_shufflevector(v[0], v[1], 0, 4, 2, 6),
                b = __builtin_shufflevector(v[0], v[1], 1, 5, 3, 7);
    const pair4 c = __builtin_shufflevector(v[2], v[3], 0, 4, 2, 6),
                d = __builtin_shufflevector(v[2], v[3], 1, 5, 3, 7);
    v[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    v[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    v[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    v[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

/* to[j * to_step + i] = from[i * from_step + j] for i < rows, j < columns; both multiples of 4. */
DP_CLONES static void turn_all(const float complex *from, size_t from_step, size_t rows, size_t columns,
                               float complex *to, size_t to_step) {
    for (size_t i = 0; i < rows; i += 4)
        for (size_t j = 0; j < columns; j += 4) {
            pair4 v[4];
            for (size_t k = 0; k < 4; k++) v[k] = *(const pair4 *)(from + (i + k) * from_step + j);
            turn(v);
            for (size_t k = 0; k < 4; k++) *(pair4 *)(to + (j + k) * to_step + i) = v[k];
        }
}

/* Of a column in its room: a multiple of 4, and of good sizes no power of 2, at which columns would meet in the cache.
 */
static size_t room_step(const dp_fft *f) {
    return ((size_t)f->rows + 3) / 4 * 4 + 4;
}

static size_t room_size(const dp_fft *f) {
    return 2 * DP_FFT_COLUMNS * room_step(f); /* before, and after */
}

static void columns_by(const dp_fft *f, void *plan, float complex *at) {
    const size_t step = room_step(f), rows = (size_t)f->rows, whole = rows / 4 * 4;
    float complex *before = f->room + (size_t)(omp_get_thread_num() % f->rooms) * room_size(f);
    float complex *after = before + DP_FFT_COLUMNS * step;
    turn_all(at, f->stride, whole, DP_FFT_COLUMNS, before, step);
    for (size_t i = whole; i < rows; i++)
        for (size_t j = 0; j < DP_FFT_COLUMNS; j++) before[j * step + i] = at[i * f->stride + j];
    fftwf_execute_dft(plan, (fftwf_complex *)before, (fftwf_complex *)after);
    turn_all(after, step, DP_FFT_COLUMNS, whole, at, f->stride);
    for (size_t i = whole; i < rows; i++)
        for (size_t j = 0; j < DP_FFT_COLUMNS; j++) at[i * f->stride + j] = after[j * step + i];
}

void dp_fft_columns_forward(const dp_fft *f, float complex *at) {
    columns_by(f, f->plans[COLUMNS], at);
}

void dp_fft_columns_backward(const dp_fft *f, float complex *at) {
    columns_by(f, f->plans[COLUMNS_BACK], at);
}

/* ---- Making ---- */

/* Of the columns of a room. */
static fftwf_plan plan_columns(const dp_fft *f, int sign) {
    const int n = f->rows, step = (int)room_step(f);
    fftwf_complex *before = (fftwf_complex *)f->room, *after = before + DP_FFT_COLUMNS * step;
    return fftwf_plan_many_dft(1, &n, DP_FFT_COLUMNS, before, NULL, 1, step, after, NULL, 1, step, sign, FFTW_ESTIMATE);
}

/* Plans are executed on other arrays of the same alignment. */
static void make_plans(dp_fft *f, float *row, fftwf_complex *spectrum) {
    const unsigned flags = FFTW_ESTIMATE | (f->columns % 4 != 0 ? FFTW_UNALIGNED : 0);
#pragma omp critical(dp_fftw) /* FFTW's planner is not thread-safe */
    {
        f->plans[ROWS] = fftwf_plan_dft_r2c_1d(f->columns, row, spectrum, flags);
        f->plans[ROWS_BACK] = fftwf_plan_dft_c2r_1d(f->columns, spectrum, row, flags);
        f->plans[COLUMNS] = plan_columns(f, FFTW_FORWARD);
        f->plans[COLUMNS_BACK] = plan_columns(f, FFTW_BACKWARD);
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
        f->rooms = threads;
        f->room = dp_alloc((size_t)threads * room_size(f), sizeof *f->room);
        spectrum = dp_alloc(f->stride * sizeof *spectrum + (size_t)columns * sizeof(float), 1);
        good = f->room != NULL && spectrum != NULL;
    }
    if (good) make_plans(f, (float *)(spectrum + f->stride), (fftwf_complex *)spectrum);
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
    dp_free((*fft)->room);
    dp_free(*fft);
    *fft = NULL;
}

/* ---- Rows ---- */

void dp_fft_row_forward(const dp_fft *f, const float *row, float complex *out) {
    fftwf_execute_dft_r2c(f->plans[ROWS], (float *)row, (fftwf_complex *)out); /* out of place: row is kept */
    for (size_t i = (size_t)f->columns / 2 + 1; i < f->stride; i++)
        out[i] = 0; /* the last group is transformed whole */
}

void dp_fft_row_backward(const dp_fft *f, float complex *in, float *row) {
    fftwf_execute_dft_c2r(f->plans[ROWS_BACK], (fftwf_complex *)in, row);
}

/* ---- Whole transforms ---- */

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
