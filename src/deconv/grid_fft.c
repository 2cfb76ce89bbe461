#include "deconv/grid_fft.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* Also where the PSF is larger than a grid that wraps: what falls on the same pixel adds up. */
dipper_status dp_grid_set_psf(dp_grid *g, const float *psf, dp_diag *diag) {
    float *plane = dp_grid_plane(g);
    if (plane == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for the transform of a PSF");
    for (int i = 0; i < g->kh; i++)
        for (int j = 0; j < g->kw; j++) {
            const int y = ((i - g->kh / 2) % g->n0 + g->n0) % g->n0, x = ((j - g->kw / 2) % g->n1 + g->n1) % g->n1;
            plane[(size_t)y * (size_t)g->n1 + (size_t)x] += psf[i * g->kw + j];
        }
    dp_fft_forward(g->fft, plane, g->psf);
    dp_free(plane);
    return DIPPER_OK;
}

dipper_status dp_grid_create(const dp_nonblind *job, int height, int width, dp_diag *diag, dp_grid **out) {
    dp_grid *g = *out = dp_alloc(1, sizeof *g);
    dipper_status status = DIPPER_ERROR_MEMORY;
    if (g == NULL) goto fail;
    const bool wrap = job->edges == DP_EDGES_WRAP;
    *g = (dp_grid){.h = height, .w = width, .kh = job->kh, .kw = job->kw, .threads = job->be->threads};
    g->n0 = dp_nonblind_grid(job, height, g->kh);
    g->n1 = dp_nonblind_grid(job, width, g->kw);
    g->top = wrap ? 0 : g->kh / 2;
    g->left = wrap ? 0 : g->kw / 2;
    g->count = (size_t)g->n0 * (size_t)g->n1;
    status = dp_fft_create(g->n0, g->n1, g->threads, diag, &g->fft);
    if (status != DIPPER_OK) goto fail;
    status = DIPPER_ERROR_MEMORY;
    g->psf = dp_alloc(g->fft->size, sizeof *g->psf);
    g->work = dp_alloc(g->fft->size, sizeof *g->work);
    g->part = dp_alloc((size_t)g->n0, sizeof *g->part);
    if (g->psf == NULL || g->work == NULL || g->part == NULL) goto fail;
    status = dp_grid_set_psf(g, job->psf, diag);
    if (status == DIPPER_OK) return DIPPER_OK;
fail:
    dp_grid_destroy(out);
    return dp_fail(diag, status, "no memory for a deconvolution of %d x %d pixels", width, height);
}

void dp_grid_destroy(dp_grid **grid) {
    if (grid == NULL || *grid == NULL) return;
    dp_fft_destroy(&(*grid)->fft);
    dp_free((*grid)->psf);
    dp_free((*grid)->work);
    dp_free((*grid)->part);
    dp_free(*grid);
    *grid = NULL;
}

float *dp_grid_plane(const dp_grid *g) {
    return dp_alloc(g->count, sizeof(float));
}

void dp_grid_blur(const dp_grid *g, const float *x, bool adjoint, float *y) {
    const dp_fft *f = g->fft;
    const float scale = 1.0F / (float)g->count, sign = adjoint ? -1.0F : 1.0F;
    const size_t width = (size_t)g->n1;
#pragma omp parallel num_threads(g->threads)
    {
#pragma omp for schedule(static)
        for (int i = 0; i < g->n0; i++) dp_fft_row_forward(f, x + (size_t)i * width, g->work + (size_t)i * f->stride);
#pragma omp for schedule(static)
        for (int group = 0; group < f->groups; group++) {
            const size_t at = (size_t)group * DP_FFT_COLUMNS;
            dp_fft_columns_forward(f, g->work + at);
            for (size_t i = at; i < f->size; i += f->stride) dp_times(g->work + i, g->psf + i, DP_FFT_COLUMNS, sign);
            dp_fft_columns_backward(f, g->work + at);
        }
#pragma omp for schedule(static)
        for (int i = 0; i < g->n0; i++) {
            float *row = y + (size_t)i * width;
            dp_fft_row_backward(f, g->work + (size_t)i * f->stride, row);
            for (size_t j = 0; j < width; j++) row[j] *= scale;
        }
    }
}

/* A ramp from a to b over the `gap` numbers that follow index `from` of a line of n with the given stride. */
static void ramp(float *line, int n, size_t stride, int from, int gap) {
    const float a = line[(size_t)from * stride], b = line[(size_t)((from + gap + 1) % n) * stride];
    for (int t = 1; t <= gap; t++) {
        const float s = (float)t / (float)(gap + 1);
        line[(size_t)((from + t) % n) * stride] = (1 - s) * a + s * b;
    }
}

static void copy_in(const dp_grid *g, const float *plane, float *out) {
    for (int y = 0; y < g->h; y++)
        memcpy(out + (size_t)(y + g->top) * (size_t)g->n1 + g->left, plane + (size_t)y * (size_t)g->w,
               (size_t)g->w * sizeof *plane);
}

void dp_grid_place(const dp_grid *g, const float *plane, float *out) {
    copy_in(g, plane, out);
    if (g->n0 == g->h && g->n1 == g->w) return;
    for (int y = g->top; y < g->top + g->h; y++)
        ramp(out + (size_t)y * (size_t)g->n1, g->n1, 1, g->left + g->w - 1, g->n1 - g->w);
    for (int x = 0; x < g->n1; x++) ramp(out + x, g->n0, (size_t)g->n1, g->top + g->h - 1, g->n0 - g->h);
    dp_grid_blur(g, out, false, out);
    copy_in(g, plane, out);
}

void dp_grid_extend(const dp_grid *g, const float *plane, float *out) {
    for (int i = 0; i < g->n0; i++) {
        const int y = i < g->h + g->kh - 1 ? i - g->top : 0;
        const float *row = plane + (size_t)(y < 0 ? 0 : y < g->h ? y : g->h - 1) * (size_t)g->w;
        float *to = out + (size_t)i * (size_t)g->n1;
        for (int j = 0; j < g->n1; j++) {
            const int x = j < g->w + g->kw - 1 ? j - g->left : 0;
            to[j] = row[x < 0 ? 0 : x < g->w ? x : g->w - 1];
        }
    }
}

void dp_grid_hide(const dp_grid *g, const dp_nonblind *job, float *d) {
    const bool latent = job->edges == DP_EDGES_LATENT;
    for (int i = 0; i < g->n0; i++) {
        const bool across = dp_grid_row_inside(g, i);
        for (int j = 0; j < g->n1; j++) {
            const bool inside = across && j >= g->left && j < g->left + g->w;
            const bool known = inside ? job->mask == NULL ||
                                            job->mask[(size_t)(i - g->top) * (size_t)g->w + (size_t)(j - g->left)] != 0
                                      : !latent;
            if (!known) d[(size_t)i * (size_t)g->n1 + (size_t)j] = DP_UNSEEN;
        }
    }
}

void dp_grid_crop(const dp_grid *g, const float *in, float *plane) {
    for (int y = 0; y < g->h; y++)
        memcpy(plane + (size_t)y * (size_t)g->w, in + (size_t)(y + g->top) * (size_t)g->n1 + g->left,
               (size_t)g->w * sizeof *plane);
}

double dp_grid_difference(int k, int n) {
    const double s = sin(acos(-1.0) * k / n);
    return 4 * s * s;
}

double dp_grid_total(const dp_grid *g) {
    double sum = 0;
    for (int i = 0; i < g->n0; i++) sum += g->part[i];
    return sum;
}
