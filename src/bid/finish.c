#include "bid/finish.h"

#include <string.h>

#include "base/memory.h"
#include "deconv/sparse.h"
#include "image/psf.h"

struct dp_finish {
    dp_sparse *sparse;
    int height, width, kh, kw;
    float *psf, *scratch; /* (kh, kw) */
    int *labels;
    float *restored; /* (height, width) */
};

dipper_status dp_finish_open(dp_backend *be, int height, int width, int kh, int kw, dp_diag *diag, dp_finish **out) {
    dp_finish *f = *out = dp_alloc(1, sizeof *f);
    const size_t n = (size_t)kh * (size_t)kw;
    if (f == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the last step");
    f->height = height;
    f->width = width;
    f->kh = kh;
    f->kw = kw;
    f->psf = dp_alloc(n, sizeof *f->psf);
    f->scratch = dp_alloc(n, sizeof *f->scratch);
    f->labels = dp_alloc(n, sizeof *f->labels);
    f->restored = dp_alloc((size_t)height * (size_t)width, sizeof *f->restored);
    if (!f->psf || !f->scratch || !f->labels || !f->restored)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the last step");
    return dp_sparse_create(be, height, width, kh, kw, diag, &f->sparse);
}

void dp_finish_close(dp_finish *f) {
    if (f == NULL) return;
    dp_sparse_destroy(&f->sparse);
    dp_free(f->psf);
    dp_free(f->scratch);
    dp_free(f->labels);
    dp_free(f->restored);
    dp_free(f);
}

/* Centres first, with the same whole-pixel centroid as the picture in dp_finish_run, then cuts the faint background. */
static void clean_psf(dp_finish *f, const dp_recipe *r, const float *psf) {
    int shift_y, shift_x;
    memcpy(f->psf, psf, (size_t)f->kh * (size_t)f->kw * sizeof *psf);
    dp_psf_centre(f->psf, f->kh, f->kw, DP_PSF_ZERO, f->scratch, &shift_y, &shift_x);
    (void)dp_psf_cut(f->psf, f->kh, f->kw, r->psf_cut, r->psf_island, f->labels);
    (void)dp_psf_normalise(f->psf, f->kh, f->kw);
}

dipper_status dp_finish_run(dp_finish *f, const dp_recipe *r, const float *blurred, double noise_sigma,
                            const float *psf, float *picture, int (*progress)(int done, int of, void *user), void *user,
                            dp_diag *diag) {
    const size_t n = (size_t)f->height * (size_t)f->width;
    dp_sparse_options options = dp_sparse_defaults();
    options.weight = r->sparse_weight >= 0 ? r->sparse_weight : dp_sparse_weight(noise_sigma);
    options.cg_iterations = r->sparse_cg;
    options.progress = progress;
    options.user = user;
    clean_psf(f, r, psf);
    DP_TRY(dp_sparse_run(f->sparse, f->psf, blurred, &options, diag, f->restored));
    for (size_t i = 0; i < n; i++)
        picture[i] = r->final == DP_FINAL_BLEND ? 0.5f * (picture[i] + f->restored[i]) : f->restored[i];
    return DIPPER_OK;
}

const float *dp_finish_psf(const dp_finish *f) {
    return f->psf;
}

size_t dp_finish_bytes(const dp_finish *f) {
    return dp_sparse_bytes(f->sparse) + (size_t)f->height * (size_t)f->width * sizeof(float);
}

double dp_finish_work(const dp_recipe *r) {
    return r->sparse_cg * 0.4;
}
