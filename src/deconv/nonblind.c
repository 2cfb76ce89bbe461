#include "deconv/nonblind.h"

#include <math.h>
#include <string.h>

#include "deconv/sparse.h"
#include "fourier/fourier.h"

dipper_status dp_nonblind_report(const dp_nonblind *job, int done, int of, dp_diag *diag) {
    if (job->progress == NULL) return DIPPER_OK;
    if (job->progress(job->channel * of + done, job->channels * of, job->user) == 0) return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_CANCELLED, "the deconvolution was asked to stop");
}

/* ---- sparse: sparse.h ---- */

static int watch(int done, int of, void *user) {
    return dp_nonblind_report((const dp_nonblind *)user, done, of, NULL) != DIPPER_OK;
}

static dipper_status run_sparse(dp_nonblind *job, dp_image *picture, dp_diag *diag) {
    dp_sparse_options options = dp_sparse_defaults();
    dp_sparse *sparse;
    options.weight = job->weight;
    options.exponent = job->exponent;
    options.saturation = job->saturation;
    options.mask = job->mask;
    if (job->iterations > 0) options.reweightings = job->iterations;
    if (job->inner > 0) options.cg_iterations = job->inner;
    options.progress = watch;
    options.user = job;
    dipper_status status = dp_sparse_create(job->be, picture->height, picture->width, job->kh, job->kw, diag, &sparse);
    for (int c = 0; c < picture->channels && status == DIPPER_OK; c++) {
        float *plane = dp_image_plane(picture, c);
        job->channel = c;
        status = dp_sparse_run(sparse, job->psf, plane, &options, diag, plane);
    }
    job->iterations = options.reweightings * picture->channels;
    dp_sparse_destroy(&sparse);
    return status;
}

/* ---- The table ---- */

#if defined(DP_WITH_FFTW)
#define FFT(run) run
#else
#define FFT(run) NULL
#endif

enum { LATENT = 1 << DP_EDGES_LATENT, TAPER = 1 << DP_EDGES_TAPER, WRAP = 1 << DP_EDGES_WRAP };

/* Total variation is linear in the gradient and cuts less of the small ones, so its best weights are larger: of the
 * factors 1/2, 1, 2, 4, 8 of the sparse rule 2 was the best at noise of 0.005 and 0.01 on a few Kodak pictures with
 * PSFs of the Levin set; without noise smaller ones are better. */
static double tv_weight(double sigma) {
    return 2 * dp_sparse_weight(sigma);
}

/* Multiplicative steps swing up where weight times curvature, at most 4, comes near 1. */
static double lucy_tv_weight(double sigma) {
    return fmin(tv_weight(sigma), 0.1);
}

static const dp_method methods[] = {
    {.name = "sparse",
     .summary = "sparse gradients by re-weighted least squares (Levin 2007); iterations: re-weightings",
     .exponent_help = "of |gradient|",
     .exponent = 0.8,
     .iterations = 6,
     .edges = LATENT,
     .default_edges = DP_EDGES_LATENT,
     .bounds = true,
     .weighted = true,
     .weight = dp_sparse_weight,
     .planes = 14,
     .run = run_sparse},
    {.name = "hyperlaplacian",
     .summary = "sparse gradients by splitting (Krishnan and Fergus 2009)",
     .exponent_help = "of |gradient|",
     .exponent = 0.8,
     .iterations = 20,
     .edges = LATENT | TAPER | WRAP,
     .default_edges = DP_EDGES_LATENT,
     .bounds = true,
     .box = true,
     .weighted = true,
     .weight = dp_sparse_weight,
     .planes = 11,
     .box_planes = 2,
     .run = FFT(dp_split_power_run)},
    {.name = "tv",
     .summary = "total variation by alternating directions",
     .exponent_help = "",
     .iterations = 40,
     .edges = LATENT | TAPER | WRAP,
     .default_edges = DP_EDGES_LATENT,
     .bounds = true,
     .box = true,
     .weighted = true,
     .weight = tv_weight,
     .planes = 11,
     .box_planes = 2,
     .run = FFT(dp_split_tv_run)},
    {.name = "rl",
     .summary = "Richardson-Lucy; ends when the residual has fallen to the noise",
     .exponent_help = "",
     .iterations = 100,
     .edges = LATENT | TAPER | WRAP,
     .default_edges = DP_EDGES_LATENT,
     .bounds = true,
     .ends_early = true,
     .planes = 6,
     .run = FFT(dp_lucy_run)},
    {.name = "rl-tv",
     .summary = "Richardson-Lucy with total variation (Dey 2006)",
     .exponent_help = "",
     .iterations = 100,
     .edges = LATENT | TAPER | WRAP,
     .default_edges = DP_EDGES_LATENT,
     .bounds = true,
     .weighted = true,
     .weight = lucy_tv_weight,
     .planes = 7,
     .run = FFT(dp_lucy_tv_run)},
    {.name = "wiener",
     .summary = "Wiener's filter with a signal spectrum of 1/f^exponent; one step",
     .exponent_help = "of 1/f, the power spectrum of sharp pictures",
     .exponent = 2,
     .edges = TAPER | WRAP,
     .default_edges = DP_EDGES_TAPER,
     .weighted = true,
     .planes = 4,
     .run = FFT(dp_wiener_run)},
};

int dp_method_count(void) {
    return (int)(sizeof methods / sizeof *methods);
}

const dp_method *dp_method_at(int index) {
    return index >= 0 && index < dp_method_count() ? &methods[index] : NULL;
}

const dp_method *dp_method_find(const char *name) {
    for (int i = 0; i < dp_method_count(); i++)
        if (strcmp(methods[i].name, name) == 0) return &methods[i];
    return NULL;
}

dp_nonblind dp_nonblind_defaults(const dp_method *method, dp_backend *be, double noise_sigma) {
    return (dp_nonblind){.method = method,
                         .be = be,
                         .weight = method->weight != NULL ? method->weight(noise_sigma) : -1,
                         .exponent = method->exponent,
                         .noise_sigma = noise_sigma,
                         .edges = method->default_edges,
                         .channels = 1};
}

int dp_nonblind_grid(const dp_nonblind *job, int size, int k) {
    return job->edges == DP_EDGES_WRAP ? size : dp_fft_good_size(size + k - 1);
}

/* A spectrum is a little larger than its plane. */
size_t dp_nonblind_bytes(const dp_nonblind *job, int width, int height) {
    const double spectrum = 1.04;
    const double pixels =
        (double)dp_nonblind_grid(job, width, job->kw) * (double)dp_nonblind_grid(job, height, job->kh);
    const int planes = job->method->planes + (job->box ? job->method->box_planes : 0);
    return (size_t)(spectrum * pixels * planes * sizeof(float));
}
