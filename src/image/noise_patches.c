/* Noise is the same in every direction of the space of patches (7x7 px: 49 dimensions), what a picture shows is not:
 * the least eigenvalue of the patches' covariance is the variance of the noise, if the patches do not use every
 * dimension for texture. Patches with more change in them than the noise explains are therefore left out, and the
 * estimate and that limit are found in turn (Liu, Tanaka and Okutomi 2013, "Single-image noise level estimation for
 * blind denoising"). Ours: the limit by Wilson and Hilferty's formula; the bias of the least of many eigenvalues taken
 * off; flat and clipped patches left out. docs/noise.md. */
#include <math.h>

#include "base/memory.h"
#include "image/clip.h"
#include "image/noise.h"

enum { SIDE = 7, DIM = SIDE * SIDE, MOST = 60000, LEAST = 3 * DIM, ROUNDS = 12 };

/* A patch's texture is the sum of the squares of (p(x+1) - p(x-1))/2 in both directions, 2 * 7 * 5 of them. On white
 * noise of variance 1 its mean is 35 and its variance 70.5: a gamma distribution, nearly. */
static const double texture_mean = 35, texture_variance = 70.5;
static const double texture_quantile = 4.75; /* of the normal distribution, 1 - 1e-6: noise hardly ever exceeds it */

typedef struct patch {
    const float *corner;
    double texture;
} patch;

static double square(double x) {
    return x * x;
}

static double texture_of(const float *p, size_t stride) {
    double sum = 0;
    for (size_t i = 0; i < SIDE; i++)
        for (size_t j = 1; j + 1 < SIDE; j++) {
            sum += square((double)p[i * stride + j + 1] - p[i * stride + j - 1]);
            sum += square((double)p[(j + 1) * stride + i] - p[(j - 1) * stride + i]);
        }
    return sum / 4;
}

static bool touches_end(const float *p, size_t stride, dp_clip clip) {
    for (size_t i = 0; i < SIDE; i++)
        for (size_t j = 0; j < SIDE; j++)
            if (dp_clipped(clip, p[i * stride + j])) return true;
    return false;
}

/* The least distance between patches at which there are at most MOST. */
static int step_of(int height, int width) {
    int step = 1;
    while ((double)((height - SIDE) / step + 1) * ((width - SIDE) / step + 1) > MOST) step++;
    return step;
}

static int collect(const float *plane, int height, int width, int step, patch *patches) {
    const dp_clip clip = dp_clip_find(plane, (size_t)height * (size_t)width);
    int n = 0;
    for (int y = 0; y + SIDE <= height; y += step)
        for (int x = 0; x + SIDE <= width; x += step) {
            const float *p = plane + (size_t)y * (size_t)width + x;
            const double texture = texture_of(p, (size_t)width);
            if (texture > 0 && !touches_end(p, (size_t)width, clip)) patches[n++] = (patch){p, texture};
        }
    return n;
}

/* Covariance (DIM, DIM) of the patches up to the limit of texture; returns how many they are. */
static int covariance(const patch *patches, int n, size_t stride, double limit, double c[DIM][DIM]) {
    double sum[DIM] = {0}, v[DIM];
    int count = 0;
    for (int i = 0; i < DIM; i++)
        for (int j = 0; j < DIM; j++) c[i][j] = 0;
    for (int k = 0; k < n; k++) {
        if (patches[k].texture > limit) continue;
        for (int i = 0; i < DIM; i++) {
            v[i] = (double)patches[k].corner[(size_t)(i / SIDE) * stride + (size_t)(i % SIDE)] - patches[0].corner[0];
            sum[i] += v[i];
        }
        for (int i = 0; i < DIM; i++) {
            double *row = c[i];
#pragma omp simd
            for (int j = 0; j <= i; j++) row[j] += v[i] * v[j];
        }
        count++;
    }
    for (int i = 0; i < DIM && count > 0; i++)
        for (int j = 0; j <= i; j++) c[j][i] = c[i][j] = c[i][j] / count - sum[i] / count * (sum[j] / count);
    return count;
}

/* One rotation of Jacobi's method, which makes c[p][q] zero. */
static void rotate(double c[DIM][DIM], int p, int q) {
    const double theta = (c[q][q] - c[p][p]) / (2 * c[p][q]);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double cosine = 1 / sqrt(t * t + 1), sine = t * cosine;
    for (int i = 0; i < DIM; i++) {
        const double a = c[i][p], b = c[i][q];
        c[i][p] = cosine * a - sine * b;
        c[i][q] = sine * a + cosine * b;
    }
    for (int i = 0; i < DIM; i++) {
        const double a = c[p][i], b = c[q][i];
        c[p][i] = cosine * a - sine * b;
        c[q][i] = sine * a + cosine * b;
    }
}

/* Of a symmetric matrix, which is lost. Rotations stop where they would change no eigenvalue by 1e-6 of the least. */
static double least_eigenvalue(double c[DIM][DIM]) {
    double least = INFINITY;
    for (int sweep = 0; sweep < 30; sweep++) {
        int rotations = 0;
        for (int p = 0; p < DIM; p++)
            for (int q = p + 1; q < DIM; q++) {
                const double gap = fabs(c[p][p] - c[q][q]), small = 1e-6 * fmin(fabs(c[p][p]), fabs(c[q][q]));
                if (square(c[p][q]) <= small * (gap + small)) continue;
                rotate(c, p, q);
                rotations++;
            }
        if (rotations == 0) break;
    }
    for (int i = 0; i < DIM; i++) least = fmin(least, c[i][i]);
    return fmax(least, 0);
}

/* The variance of the noise in n patches: the least eigenvalue of a covariance of n samples of white noise lies below
 * their variance by (1 - sqrt(DIM/n))^2 (Marchenko and Pastur 1967). */
static double variance_of(double c[DIM][DIM], int n) {
    return least_eigenvalue(c) / square(1 - sqrt((double)DIM / n));
}

/* The texture that white noise of variance 1 hardly ever exceeds (Wilson and Hilferty 1931). */
static double texture_limit(void) {
    const double freedom = 2 * square(texture_mean) / texture_variance, r = 2 / (9 * freedom);
    return texture_mean * pow(1 - r + texture_quantile * sqrt(r), 3);
}

static double weak_variance(const patch *patches, int n, size_t stride, double c[DIM][DIM]) {
    if (covariance(patches, n, stride, INFINITY, c) < LEAST) return 0;
    double variance = variance_of(c, n);
    const double limit = texture_limit();
    for (int round = 0; round < ROUNDS; round++) {
        const int used = covariance(patches, n, stride, limit * variance, c);
        if (used < LEAST) break;
        const double last = variance;
        variance = variance_of(c, used);
        if (fabs(variance - last) <= 1e-3 * last) break;
    }
    return variance;
}

dipper_status dp_noise_by_patches(const float *plane, int height, int width, dp_diag *diag, double *sigma) {
    *sigma = 0;
    if (height < SIDE || width < SIDE) return DIPPER_OK;
    const int step = step_of(height, width);
    const size_t most = (size_t)((height - SIDE) / step + 1) * (size_t)((width - SIDE) / step + 1);
    patch *patches = dp_alloc(most, sizeof *patches);
    double(*c)[DIM] = dp_alloc(DIM, sizeof *c);
    const bool done = patches != NULL && c != NULL;
    if (done) {
        const int n = collect(plane, height, width, step, patches);
        *sigma = sqrt(weak_variance(patches, n, (size_t)width, c));
    }
    dp_free(patches);
    dp_free(c);
    return done ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to estimate the noise");
}
