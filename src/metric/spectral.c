/* The largest singular value of a difference of pictures, by Lanczos' method on A'A with full re-orthogonalisation:
 * in exact arithmetic the largest Ritz value is exact after rank(A) steps, and long before that in double. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "metric/metric.h"

enum { MAX_STEPS = 120 };

typedef struct lanczos {
    const dp_image *x, *r;
    size_t n;    /* columns: channels * width */
    double *row; /* (n) one row of A */
    double *q;   /* (MAX_STEPS + 1, n) orthonormal */
    double alpha[MAX_STEPS], beta[MAX_STEPS];
    int steps;
} lanczos;

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void add(double *a, double factor, const double *b, size_t n) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) a[i] += factor * b[i];
}

/* out = A'A v, a row of A at a time. */
static void multiply(lanczos *l, const double *v, double *out) {
    const size_t w = (size_t)l->x->width;
    memset(out, 0, l->n * sizeof *out);
    for (int y = 0; y < l->x->height; y++) {
        for (int c = 0; c < l->x->channels; c++) {
            const float *p = dp_image_row(l->x, c, y), *q = dp_image_row(l->r, c, y);
            for (size_t i = 0; i < w; i++) l->row[(size_t)c * w + i] = (double)p[i] - q[i];
        }
        add(out, dot(l->row, v, l->n), l->row, l->n);
    }
}

/* How many eigenvalues of the tridiagonal matrix lie above t: signs of the pivots of T - tI. */
static int eigenvalues_above(const lanczos *l, double t) {
    int count = 0;
    double pivot = 1;
    for (int i = 0; i < l->steps; i++) {
        pivot = l->alpha[i] - t - (i > 0 ? l->beta[i - 1] * l->beta[i - 1] / pivot : 0);
        if (pivot == 0) pivot = -1e-300;
        count += pivot > 0;
    }
    return count;
}

static double largest_eigenvalue(const lanczos *l) {
    double low = 0, high = 0;
    for (int i = 0; i < l->steps; i++) /* Gershgorin */
        high = fmax(high, l->alpha[i] + (i > 0 ? l->beta[i - 1] : 0) + l->beta[i]);
    for (int i = 0; i < 200 && high - low > 1e-15 * high; i++) {
        const double middle = 0.5 * (low + high);
        if (eigenvalues_above(l, middle) > 0)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

/* One more vector of the basis; false when the space is exhausted. */
static bool extend(lanczos *l) {
    const double *v = l->q + (size_t)l->steps * l->n;
    double *next = l->q + ((size_t)l->steps + 1) * l->n;
    multiply(l, v, next);
    l->alpha[l->steps] = dot(v, next, l->n);
    for (int twice = 0; twice < 2; twice++)
        for (int i = 0; i <= l->steps; i++) {
            const double *q = l->q + (size_t)i * l->n;
            add(next, -dot(q, next, l->n), q, l->n);
        }
    const double length = sqrt(dot(next, next, l->n));
    l->beta[l->steps++] = length;
    if (!(length > 1e-14 * l->alpha[0])) return false;
    for (size_t i = 0; i < l->n; i++) next[i] /= length;
    return true;
}

static double run(lanczos *l) {
    double value = 0;
    for (size_t i = 0; i < l->n; i++) l->q[i] = 0.5 + fmod((double)i * 0.6180339887498949, 1.0); /* in no pattern */
    const double length = sqrt(dot(l->q, l->q, l->n));
    for (size_t i = 0; i < l->n; i++) l->q[i] /= length;
    for (int calm = 0; calm < 3 && l->steps < MAX_STEPS;) {
        const bool more = extend(l);
        const double before = value;
        value = largest_eigenvalue(l);
        calm = value - before <= 1e-13 * value ? calm + 1 : 0;
        if (!more) break;
    }
    return sqrt(value);
}

dipper_status dp_spectral_norm(const dp_image *x, const dp_image *reference, dp_diag *diag, double *norm) {
    lanczos l = {.x = x, .r = reference, .n = (size_t)x->width * (size_t)x->channels};
    dipper_status status = DIPPER_OK;
    l.row = dp_alloc(l.n, sizeof *l.row);
    l.q = dp_alloc(l.n, (MAX_STEPS + 1) * sizeof *l.q);
    if (l.row != NULL && l.q != NULL)
        *norm = run(&l);
    else
        status = dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for a spectral norm");
    dp_free(l.row);
    dp_free(l.q);
    return status;
}
