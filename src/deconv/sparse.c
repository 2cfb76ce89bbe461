#include "deconv/sparse.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "image/image.h"

/* Latent planes are flat arrays of n = lh*lw floats between two margins of at least lw zeros, so that the four
 * neighbours i-lw, i-1, i+1, i+lw of every element can be read; weights of differences that would leave the picture
 * are 0. */
enum { BATCH = 5 }; /* CG steps between two calls of progress */

struct dp_sparse {
    dp_backend *be;
    int h, w, kh, kw; /* blurred plane, PSF */
    int lh, lw;       /* latent plane */
    size_t margin;    /* floats, multiple of 16 */
    float *memory;    /* all planes below */
    size_t bytes;
    float *x, *r, *p, *q; /* latent: picture, residual, direction, matrix times direction */
    float *wx, *wy;       /* latent: weight of x[i+1]-x[i] and x[i+lw]-x[i] */
    float *inverse;       /* latent: 1 / diagonal of the matrix (preconditioner) */
    float *energy;        /* latent: diagonal of the data term */
    float *y;             /* (h, w) */
    float *counts;        /* (h, w): 1, or 0 where the mask is, or a saturated pixel is a bound that holds */
    bool partial;         /* some are 0 */
    float *psf2;          /* (kh, kw): squares */
    double *part;         /* (lh): sums of each row, so that totals do not depend on the number of threads */
    dp_plan *forward, *backward;
    void *workspace;
    size_t workspace_bytes;
};

/* Differences below this count as this large, first and last round. Starting coarse keeps the first weights, which come
 * from the blurred picture, from freezing its edges. Measured on four Levin cases with 6 x 30 steps and weight 2.5e-4:
 * 0.01 throughout 33.86 dB, 0.1 to 0.01 33.91, 0.1 to 0.02 33.79; with 3 x 60 steps 33.65, 33.83, 33.75. */
static const double first_floor = 0.1, last_floor = 0.01;

/* A round ends when the mean square of the preconditioned residual per pixel falls below this: no case of the Levin set
 * changes by more than 0.006 dB, and up to half of the steps are saved. */
static const double tolerance = 3e-10;

/* Levin set, true PSFs, mean of 16 cases: 6 x 20 steps 34.74 dB, 6 x 40 34.83, 6 x 60 34.83. Exponents 0.6 to 0.8
 * differ by less than 0.05 dB. Second differences beside the first, which Levin 2007 also has, never helped. */
dp_sparse_options dp_sparse_defaults(void) {
    return (dp_sparse_options){.weight = 2.5e-4, .exponent = 0.8, .reweightings = 6, .cg_iterations = 40};
}

/* Best weights found for exact PSFs and known noise (4 pictures blurred by 4 PSFs of the Levin set, 8 bits, which add
 * 0.0011 of rounding noise), and 0.75 sigma^1.4 of the whole noise:
 *   white noise  0        0.002    0.005    0.01     0.02     0.04
 *   best         0.6e-4   1.3e-4   4.5e-4   1.2e-3   3.5e-3   1.0e-2
 *   formula      0.6e-4   1.5e-4   4.8e-4   1.2e-3   3.1e-3   8.3e-3
 * A weight 1.8 times off costs 0.1 to 0.7 dB. Real pictures also have an error of the model (PSF, exposure): on five
 * cases of the Levin set itself (noise 0.0013) 2.5e-4 is best with the true PSF and with it blurred, sharpened or on a
 * faint background, which amounts to 0.003 of noise. That is added, and is what exact PSFs lose by: 8 other pictures,
 * estimated noise, mean PSNR and that of the best weight of a grid for each picture:
 *   white noise  0            0.002        0.005        0.01         0.02         0.04
 *                35.41/38.05  34.37/35.47  32.16/32.40  30.02/30.13  28.00/28.07  26.29/26.32 dB */
double dp_sparse_weight(double noise_sigma) {
    const double model = 0.003;
    return 0.75 * pow(noise_sigma * noise_sigma + model * model, 0.7);
}

/* ---- Making ---- */

static dipper_status make_plans(dp_sparse *s, dp_diag *diag) {
    dp_op op = {.kind = DP_BLUR_FWD, .x = dp_planar(1, s->lh, s->lw), .y = dp_planar(1, s->h, s->w)};
    size_t a = 0, b = 0;
    op.blur.kh = s->kh;
    op.blur.kw = s->kw;
    DP_TRY(s->be->vt->plan_new(s->be, &op, diag, &s->forward, &a));
    op.kind = DP_BLUR_BWD;
    DP_TRY(s->be->vt->plan_new(s->be, &op, diag, &s->backward, &b));
    s->workspace_bytes = a > b ? a : b;
    if (s->workspace_bytes == 0) return DIPPER_OK;
    s->workspace = s->be->vt->alloc(s->be, s->workspace_bytes);
    if (s->workspace == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for the sparse deconvolution");
    return DIPPER_OK;
}

static dipper_status make_planes(dp_sparse *s, dp_diag *diag) {
    const size_t n = dp_align_up((size_t)s->lh * (size_t)s->lw, 16),
                 small = dp_align_up((size_t)s->h * (size_t)s->w, 16);
    const size_t taps = dp_align_up((size_t)s->kh * (size_t)s->kw, 16);
    s->margin = dp_align_up((size_t)s->lw + 1, 16);
    const size_t plane = n + 2 * s->margin, floats = 8 * plane + 2 * small + taps;
    s->bytes = floats * sizeof(float) + (size_t)s->lh * sizeof(double);
    s->memory = dp_alloc(floats, sizeof(float));
    s->part = dp_alloc((size_t)s->lh, sizeof(double));
    if (s->memory == NULL || s->part == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for the sparse deconvolution of %d x %d px", s->w, s->h);
    float **planes[8] = {&s->x, &s->r, &s->p, &s->q, &s->wx, &s->wy, &s->inverse, &s->energy};
    for (size_t i = 0; i < 8; i++) *planes[i] = s->memory + i * plane + s->margin;
    s->y = s->memory + 8 * plane;
    s->counts = s->y + small;
    s->psf2 = s->counts + small;
    return DIPPER_OK;
}

dipper_status dp_sparse_create(dp_backend *be, int height, int width, int kh, int kw, dp_diag *diag, dp_sparse **out) {
    *out = NULL;
    if (be->element_size != sizeof(float))
        return dp_fail(diag, DIPPER_ERROR_DEVICE, "sparse deconvolution needs a back end of floats, not %s",
                       be->vt->name);
    dp_sparse *s = dp_alloc(1, sizeof *s);
    if (s == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for the sparse deconvolution");
    s->be = be->host;
    s->h = height;
    s->w = width;
    s->kh = kh;
    s->kw = kw;
    s->lh = height + kh - 1;
    s->lw = width + kw - 1;
    dipper_status status = make_plans(s, diag);
    if (status == DIPPER_OK) status = make_planes(s, diag);
    if (status != DIPPER_OK) goto fail;
    *out = s;
    return DIPPER_OK;
fail:
    dp_sparse_destroy(&s);
    return status;
}

void dp_sparse_destroy(dp_sparse **sparse) {
    if (sparse == NULL || *sparse == NULL) return;
    dp_sparse *s = *sparse;
    if (s->forward != NULL) s->be->vt->plan_free(s->forward);
    if (s->backward != NULL) s->be->vt->plan_free(s->backward);
    if (s->workspace != NULL) s->be->vt->release(s->be, s->workspace);
    dp_free(s->memory);
    dp_free(s->part);
    dp_free(s);
    *sparse = NULL;
}

size_t dp_sparse_bytes(const dp_sparse *sparse) {
    return sizeof *sparse + sparse->bytes + sparse->workspace_bytes;
}

const float *dp_sparse_latent(const dp_sparse *sparse) {
    return sparse->x;
}

/* ---- The linear system (A'A + D'WD) x = A'd ---- */

static void blur(dp_sparse *s, const float *psf, const float *latent, float *y) {
    void *args[] = {(void *)latent, (void *)psf, y};
    s->be->vt->plan_run(s->forward, args, s->workspace);
}

static void blur_adjoint(dp_sparse *s, const float *psf, const float *y, float *latent) {
    void *args[] = {s->x, (void *)psf, (void *)y, latent, NULL}; /* x is only needed for the PSF's gradient */
    s->be->vt->plan_run(s->backward, args, s->workspace);
}

static double total(const dp_sparse *s) {
    double sum = 0;
    for (int i = 0; i < s->lh; i++) sum += s->part[i];
    return sum;
}

/* Eight interleaved float sums, added up in double: one row is short enough for that. */
static double row_dot(const float *a, const float *b, int n) {
    float part[8] = {0};
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) part[k] += a[i + k] * b[i + k];
    double sum = 0;
    for (int k = 0; k < 8; k++) sum += part[k];
    for (; i < n; i++) sum += (double)a[i] * b[i];
    return sum;
}

/* q += D'WD v; returns <v, q>. */
static double add_prior(dp_sparse *s, const float *restrict v, float *restrict q) {
    const int lw = s->lw;
    const float *restrict wx = s->wx, *restrict wy = s->wy;
#pragma omp parallel for schedule(static) num_threads(s->be->threads)
    for (int y = 0; y < s->lh; y++) {
        const ptrdiff_t from = (ptrdiff_t)y * lw, to = from + lw;
        for (ptrdiff_t i = from; i < to; i++)
            q[i] += wx[i - 1] * (v[i] - v[i - 1]) - wx[i] * (v[i + 1] - v[i]) + wy[i - lw] * (v[i] - v[i - lw]) -
                    wy[i] * (v[i + lw] - v[i]);
        s->part[y] = row_dot(v + from, q + from, lw);
    }
    return total(s);
}

/* Pixels that do not count at present are left out of the data term. */
static void drop(dp_sparse *s) {
    const ptrdiff_t n = (ptrdiff_t)s->h * s->w;
    for (ptrdiff_t i = 0; s->partial && i < n; i++) s->y[i] *= s->counts[i];
}

/* q = (A'A + D'WD) v; returns <v, q>. */
static double apply(dp_sparse *s, const float *psf, const float *v, float *q) {
    blur(s, psf, v, s->y);
    drop(s);
    blur_adjoint(s, psf, s->y, q);
    return add_prior(s, v, q);
}

/* Weights of the quadratic that touches weight*|g|^exponent from above at the present differences g:
 * weight*exponent/2*|g|^(exponent-2), with |g| held above `floor` (Levin 2007, section 4.3). */
static void reweight(dp_sparse *s, double weight, double exponent, double floor) {
    const int lh = s->lh, lw = s->lw;
    const float scale = (float)(0.5 * weight * exponent), power = (float)(0.5 * (exponent - 2));
    const float least = (float)(floor * floor);
#pragma omp parallel for schedule(static) num_threads(s->be->threads)
    for (int y = 0; y < lh; y++) {
        const ptrdiff_t row = (ptrdiff_t)y * lw;
        for (ptrdiff_t i = row; i < row + lw; i++) {
            const float gx = s->x[i + 1] - s->x[i], gy = s->x[i + lw] - s->x[i];
            s->wx[i] = scale * powf(fmaxf(gx * gx, least), power);
            s->wy[i] = y + 1 < lh ? scale * powf(fmaxf(gy * gy, least), power) : 0;
        }
        s->wx[row + lw - 1] = 0;
    }
}

/* Jacobi: saves about a quarter of the steps, as the weights span two orders of magnitude. */
static void make_preconditioner(dp_sparse *s) {
    const ptrdiff_t n = (ptrdiff_t)s->lh * s->lw, lw = s->lw;
#pragma omp parallel for schedule(static) num_threads(s->be->threads)
    for (ptrdiff_t i = 0; i < n; i++)
        s->inverse[i] = 1 / (fmaxf(s->energy[i], 0) + s->wx[i - 1] + s->wx[i] + s->wy[i - lw] + s->wy[i] + 1e-12F);
}

/* r = A'd - (A'A + D'WD) x; p = preconditioned r; returns <r, p>. */
static double begin_cg(dp_sparse *s, const float *psf, const float *blurred) {
    const ptrdiff_t count = (ptrdiff_t)s->h * s->w;
    blur(s, psf, s->x, s->y);
    for (ptrdiff_t i = 0; i < count; i++) s->y[i] -= blurred[i];
    drop(s);
    blur_adjoint(s, psf, s->y, s->r);
    add_prior(s, s->x, s->r);
#pragma omp parallel for schedule(static) num_threads(s->be->threads)
    for (int y = 0; y < s->lh; y++) {
        const size_t row = (size_t)y * (size_t)s->lw;
        for (size_t i = row; i < row + (size_t)s->lw; i++) {
            s->r[i] = -s->r[i];
            s->p[i] = s->inverse[i] * s->r[i];
        }
        s->part[y] = row_dot(s->r + row, s->p + row, s->lw);
    }
    return total(s);
}

/* x += alpha p, r -= alpha q; returns <r, preconditioned r>. */
static double advance(dp_sparse *s, float alpha) {
#pragma omp parallel for schedule(static) num_threads(s->be->threads)
    for (int y = 0; y < s->lh; y++) {
        const size_t row = (size_t)y * (size_t)s->lw;
        float *restrict x = s->x + row, *restrict r = s->r + row, *restrict q = s->q + row;
        const float *restrict p = s->p + row, *restrict inverse = s->inverse + row;
        for (int i = 0; i < s->lw; i++) {
            x[i] += alpha * p[i];
            r[i] -= alpha * q[i];
            q[i] = inverse[i] * r[i];
        }
        s->part[y] = row_dot(r, q, s->lw);
    }
    return total(s);
}

/* p = q + beta p, where q holds the preconditioned residual */
static void turn(dp_sparse *s, float beta) {
#pragma omp parallel for schedule(static) num_threads(s->be->threads)
    for (int y = 0; y < s->lh; y++) {
        const size_t row = (size_t)y * (size_t)s->lw;
        float *restrict p = s->p + row;
        const float *restrict q = s->q + row;
        for (int i = 0; i < s->lw; i++) p[i] = q[i] + beta * p[i];
    }
}

/* ---- The run ---- */

static dipper_status report(const dp_sparse_options *options, int round, int step, dp_diag *diag) {
    const int of = options->reweightings * options->cg_iterations, done = round * options->cg_iterations + step;
    if (options->progress == NULL || options->progress(done, of, options->user) == 0) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_CANCELLED, "the sparse deconvolution was asked to stop");
}

/* One round of preconditioned conjugate gradients. x is only touched by steps whose numbers are all finite. */
static dipper_status solve(dp_sparse *s, const float *psf, const float *blurred, const dp_sparse_options *options,
                           int round, dp_diag *diag) {
    const double enough = tolerance * s->lh * s->lw;
    double rho = begin_cg(s, psf, blurred);
    for (int step = 1; step <= options->cg_iterations; step++) {
        if (rho <= enough) break;
        const double curvature = apply(s, psf, s->p, s->q);
        if (!isfinite(rho) || !isfinite(curvature))
            return dp_fail(diag, DIPPER_ERROR_DIVERGED, "the sparse deconvolution became infinite in round %d, step %d",
                           round + 1, step);
        if (curvature <= 0) break; /* only by rounding: the matrix has no negative direction */
        const double next = advance(s, (float)(rho / curvature));
        turn(s, (float)(next / rho));
        rho = next;
        if (step % BATCH == 0 && step < options->cg_iterations) DP_TRY(report(options, round, step, diag));
    }
    return report(options, round, options->cg_iterations, diag);
}

static void take_crop(const dp_sparse *s, float *out) {
    for (int y = 0; y < s->h; y++)
        memcpy(out + (size_t)y * (size_t)s->w, s->x + (size_t)(y + s->kh / 2) * (size_t)s->lw + s->kw / 2,
               (size_t)s->w * sizeof(float));
}

/* A saturated pixel only says that the blurred picture is at least as bright: it counts while it is not, seen from the
 * last round, and not at all in the first, whose picture is the blurred one. */
static void choose_pixels(dp_sparse *s, const float *psf, const float *blurred, const dp_sparse_options *o,
                          bool first) {
    const ptrdiff_t n = (ptrdiff_t)s->h * s->w;
    const float saturation = o->saturation;
    s->partial = saturation > 0 || o->mask != NULL;
    for (ptrdiff_t i = 0; i < n; i++) s->counts[i] = o->mask == NULL || o->mask[i] != 0;
    if (!(saturation > 0)) return;
    blur(s, psf, s->x, s->y);
    for (ptrdiff_t i = 0; i < n; i++)
        if (blurred[i] >= saturation && (first || s->y[i] >= blurred[i])) s->counts[i] = 0;
}

/* Diagonal of A'A: the sum over the valid pixels that see element i of the squared PSF. */
static void fill_energy(dp_sparse *s, const float *psf) {
    for (ptrdiff_t i = 0; i < s->kh * s->kw; i++) s->psf2[i] = psf[i] * psf[i];
    for (ptrdiff_t i = 0; i < (ptrdiff_t)s->h * s->w; i++) s->y[i] = s->counts[i];
    blur_adjoint(s, s->psf2, s->y, s->energy);
}

dipper_status dp_sparse_run(dp_sparse *s, const float *psf, const float *blurred, const dp_sparse_options *options,
                            dp_diag *diag, float *out) {
    dp_plane_pad(blurred, s->h, s->w, s->kw / 2, s->kh / 2, s->kw / 2, s->kh / 2, DP_BORDER_REPLICATE, s->x);
    dipper_status status = DIPPER_OK;
    for (int round = 0; round < options->reweightings && status == DIPPER_OK; round++) {
        const double at = options->reweightings > 1 ? (double)round / (options->reweightings - 1) : 1;
        if (round == 0 || options->saturation > 0) {
            choose_pixels(s, psf, blurred, options, round == 0);
            fill_energy(s, psf);
        }
        reweight(s, options->weight, options->exponent, first_floor * pow(last_floor / first_floor, at));
        make_preconditioner(s);
        status = solve(s, psf, blurred, options, round, diag);
    }
    if (out != NULL) take_crop(s, out);
    return status;
}
