/* Spectra of pictures in bands. SPDX-License-Identifier: Apache-2.0 */
#include "study/spectrum.h"

#include <math.h>
#include <stdlib.h>

const double spectrum_edges[SPECTRUM_BANDS + 1] = {0, 0.03, 0.08, 0.16, 0.28, 0.5};

void spectrum_free(spectrum *s) {
    free(s->re);
    free(s->im);
    *s = (spectrum){0};
}

static double hann(int i, int n) {
    return 0.5 - 0.5 * cos(2 * 3.14159265358979323846 * (i + 0.5) / n);
}

/* One line of n numbers, `step` apart, by the sum that defines it. cosine, sine: of 2 pi i/n. */
static void transform_line(double *re, double *im, int n, int step, const double *cosine, const double *sine,
                           double *scratch) {
    for (int k = 0; k < n; k++) {
        double a = 0, b = 0;
        for (int i = 0, at = 0; i < n; i++, at = (at + k) % n) {
            a += re[i * step] * cosine[at] + im[i * step] * sine[at];
            b += im[i * step] * cosine[at] - re[i * step] * sine[at];
        }
        scratch[2 * k] = a;
        scratch[2 * k + 1] = b;
    }
    for (int k = 0; k < n; k++) {
        re[k * step] = scratch[2 * k];
        im[k * step] = scratch[2 * k + 1];
    }
}

static void transform(spectrum *s, double *table) {
    const int n = s->width > s->height ? s->width : s->height;
    double *cosine = table, *sine = table + n, *scratch = table + 2 * n;
    const int lengths[2] = {s->width, s->height}, steps[2] = {1, s->width}, lines[2] = {s->height, s->width};
    for (int d = 0; d < 2; d++) {
        for (int i = 0; i < lengths[d]; i++) {
            cosine[i] = cos(2 * 3.14159265358979323846 * i / lengths[d]);
            sine[i] = sin(2 * 3.14159265358979323846 * i / lengths[d]);
        }
        for (int k = 0; k < lines[d]; k++) {
            const int first = d == 0 ? k * s->width : k;
            transform_line(s->re + first, s->im + first, lengths[d], steps[d], cosine, sine, scratch);
        }
    }
}

dipper_status spectrum_make(const float *picture, int width, int height, spectrum *s, io_error *error) {
    const size_t n = (size_t)width * (size_t)height;
    double *table = malloc(4 * (size_t)(width > height ? width : height) * sizeof *table), mean = 0;
    *s = (spectrum){malloc(n * sizeof(double)), calloc(n, sizeof(double)), width, height};
    const dipper_status status =
        table && s->re && s->im ? DIPPER_OK : io_fail(error, DIPPER_ERROR_MEMORY, "no memory for a spectrum");
    for (size_t i = 0; i < n; i++) mean += (double)picture[i] / (double)n;
    for (size_t i = 0; i < n && !status; i++)
        s->re[i] = ((double)picture[i] - mean) * hann((int)(i % (size_t)width), width) *
                   hann((int)(i / (size_t)width), height);
    if (!status) transform(s, table);
    free(table);
    return status;
}

static double frequency(int k, int n) {
    return (double)(2 * k > n ? n - k : k) / n;
}

static int band_of(const spectrum *s, int y, int x) {
    const double f = hypot(frequency(y, s->height), frequency(x, s->width));
    for (int b = 0; b < SPECTRUM_BANDS; b++)
        if (f < spectrum_edges[b + 1]) return b;
    return -1;
}

void spectrum_compare(const spectrum *f, const spectrum *wanted, double share[SPECTRUM_BANDS]) {
    double power[SPECTRUM_BANDS] = {0};
    for (int b = 0; b < SPECTRUM_BANDS; b++) share[b] = 0;
    for (int i = 1; i < f->width * f->height; i++) {
        const int b = band_of(f, i / f->width, i % f->width);
        if (b < 0) continue;
        share[b] += f->re[i] * wanted->re[i] + f->im[i] * wanted->im[i];
        power[b] += wanted->re[i] * wanted->re[i] + wanted->im[i] * wanted->im[i];
    }
    for (int b = 0; b < SPECTRUM_BANDS; b++) share[b] /= power[b];
}
